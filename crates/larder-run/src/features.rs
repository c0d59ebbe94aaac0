//! Columns of a features file as heads read them.

use larder_runtime::require_memory;
use larder_store::FeaturesFile;
use larder_train::FeatureColumn;
use ndarray::Array2;

use crate::RunError;

/// Returns the gold classes as indices into `labels`, `[rows]`.
pub(crate) fn gold(file: &FeaturesFile, labels: &[String]) -> Result<Vec<usize>, RunError> {
    let features = || file.path().to_path_buf();
    let class = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| RunError::NoLabel { features: features(), row })?;
        labels.iter().position(|l| *l == label).ok_or_else(|| RunError::UnknownLabel {
            features: features(),
            row,
            label,
            known: labels.to_vec(),
        })
    };
    file.labels()?.into_iter().enumerate().map(class).collect()
}

/// Returns the feature columns by name, in the order asked for. They are read as a whole, into float32.
///
/// # Errors
/// [`RunError::Runtime`] where they do not fit into memory; [`RunError::Store`].
pub(crate) fn load_columns(file: &FeaturesFile, names: &[String]) -> Result<Vec<FeatureColumn>, RunError> {
    let widths: usize =
        file.columns().iter().filter(|column| names.contains(&column.name)).map(|column| column.width).sum();
    require_memory(
        || format!("reading {} columns of {}", names.len(), file.path().display()),
        (file.rows() * widths * size_of::<f32>()) as u64,
        "take fewer `--layers`, or `--head mlp`, which reads rows in turns",
    )?;
    names
        .iter()
        .map(|name| {
            let values = file.column(name)?;
            let width = file.columns().iter().find(|c| c.name == *name).map_or(0, |c| c.width);
            let values = Array2::from_shape_vec((file.rows(), width), values)
                .expect("a column that was read holds rows * width values");
            Ok(FeatureColumn::new(name, values))
        })
        .collect()
}

/// Returns the rows of each class, `[classes]`, from class indices `[rows]`.
pub(crate) fn counts(rows: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    rows.iter().for_each(|&class| counts[class] += 1);
    counts
}
