//! Vectors of a split's texts, read from its features file a few rows at a time.

use std::ops::Range;

use larder_store::FeaturesFile;
use larder_train::FeatureRows;
use larder_train::{HeadColumn, TrainError};

use crate::RunError;

/// The rows of a features file, read from disk when needed.
#[derive(Debug)]
pub(crate) struct CachedFeatures<'a> {
    file: &'a FeaturesFile,
    columns: Vec<HeadColumn>,
}

impl<'a> CachedFeatures<'a> {
    /// Selects the vector columns named `columns`, in that order.
    ///
    /// # Errors
    /// [`RunError::Store`] for a column that does not exist.
    pub(crate) fn new(file: &'a FeaturesFile, columns: &[String]) -> Result<Self, RunError> {
        let columns = columns
            .iter()
            .map(|name| Ok(HeadColumn { name: name.clone(), width: file.width(&[name])? }))
            .collect::<Result<_, RunError>>()?;
        Ok(Self { file, columns })
    }
}

impl FeatureRows for CachedFeatures<'_> {
    fn columns(&self) -> &[HeadColumn] {
        &self.columns
    }

    fn rows(&self) -> usize {
        self.file.rows()
    }

    fn read(&self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        self.file.read_range(rows, &names, into).map_err(|error| TrainError::Source { source: Box::new(error) })
    }
}
