//! Splits that do not say what is to be predicted: test files of benchmarks, whose labels are somebody else's.

use std::path::PathBuf;

use crate::choice::OnBadRow;
use crate::error::DataError;
use crate::labels::LabelMap;
use crate::reader::ExampleReader;
use crate::row::{Fault, RowReader};
use crate::slice::RowSlice;
use crate::spec::DatasetSpec;
use crate::target::Target;
use crate::target_columns::RowTarget;

/// Returns true if any row of `split` has a target to predict. A file has none if it has no such column, or nothing in
/// it, or placeholders (`-1`, `_`) that are no label of the dataset's. Of a file that has labels it reads the first
/// rows.
///
/// A file in which nothing can be read counts as one that has labels: reading it tells what is wrong.
///
/// # Errors
/// Those of [`ExampleReader::open`], but for a missing column of labels.
pub fn split_has_targets(spec: &DatasetSpec, split: &str) -> Result<bool, DataError> {
    if !spec.has_targets() {
        return Ok(false);
    }
    let mut rows = match ExampleReader::open(spec, split, OnBadRow::Skip) {
        Ok(reader) => reader.into_rows(),
        // Where the rest of the columns is there, it is the targets' that is missing.
        Err(error @ DataError::MissingColumn { .. }) => {
            return match ExampleReader::open(&spec.without_targets(), split, OnBadRow::Skip) {
                Ok(_) => Ok(false),
                Err(_) => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    let mut labels = None;
    let mut absent = 0_u64;
    while let Some(row) = rows.next_row() {
        let target = match row {
            Ok(row) => row.target.map(|target| target.and_then(RowTarget::into_target)),
            Err(Fault::Bad { .. }) => continue,
            Err(Fault::Fatal(_)) => return Ok(true),
        };
        let is_absent = match target {
            Ok(None) => true,
            Ok(Some(target)) => {
                let mut is_label = |target: &Target| {
                    // The labels cost a pass over train, and most files never ask.
                    let known = labels.get_or_insert_with(|| LabelMap::resolve(spec).ok());
                    known.as_ref().is_some_and(|known| target.labels().iter().any(|label| known.index(label).is_ok()))
                };
                target.is_placeholder() && !is_label(&target)
            }
            Err((_, problem)) => problem.is_absence(),
        };
        if !is_absent {
            return Ok(true);
        }
        absent += 1;
    }
    Ok(absent == 0)
}

/// Opens a reader that gives no targets. Their column tells comments from words where there is one, so it is left out only
/// where there is none.
fn without_targets(
    spec: &DatasetSpec,
    open: impl Fn(&DatasetSpec) -> Result<ExampleReader, DataError>,
) -> Result<ExampleReader, DataError> {
    let reader = match open(spec) {
        Err(DataError::MissingColumn { .. } | DataError::ColumnType { .. }) => open(&spec.without_targets()),
        opened => opened,
    };
    reader.map(ExampleReader::ignoring_targets)
}

impl ExampleReader {
    /// Opens a split whose rows are to have no target, whether the file has a column for it or not.
    ///
    /// # Errors
    /// As [`ExampleReader::open`].
    pub fn open_without_targets(spec: &DatasetSpec, split: &str, on_bad_row: OnBadRow) -> Result<Self, DataError> {
        without_targets(spec, |spec| Self::open(spec, split, on_bad_row))
    }

    /// Opens some rows of a split, as [`ExampleReader::open_slices`] does, that are to have no target.
    ///
    /// # Errors
    /// As [`ExampleReader::open`].
    pub fn open_slices_without_targets(
        spec: &DatasetSpec,
        split: &str,
        slices: &[(PathBuf, RowSlice)],
        on_bad_row: OnBadRow,
    ) -> Result<Self, DataError> {
        without_targets(spec, |spec| Self::open_slices(spec, split, slices, on_bad_row))
    }
}
