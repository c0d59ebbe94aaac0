//! Columns of a features file as heads read them.

use std::path::Path;

use larder_runtime::require_memory;
use larder_store::FeaturesFile;
use larder_train::FeatureColumn;
use ndarray::Array2;

use crate::RunError;

/// Returns the gold classes as indices into `labels`, `[rows]`.
///
/// # Errors
/// [`RunError::NoLabel`], [`RunError::UnknownLabel`] with the row; [`RunError::Store`].
pub fn gold(file: &FeaturesFile, labels: &[String]) -> Result<Vec<usize>, RunError> {
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

/// Returns the gold classes `[rows]`, and the labels that are not among `labels`, in the order of their first row:
/// the classes behind those of `labels`.
///
/// # Errors
/// [`RunError::NoLabel`] with the row.
pub fn gold_and_unseen(
    features: &Path,
    gold: &[Option<String>],
    labels: &[String],
) -> Result<(Vec<usize>, Vec<String>), RunError> {
    let mut unseen: Vec<String> = Vec::new();
    let mut class = |(row, label): (usize, &Option<String>)| {
        let label = label.as_ref().ok_or_else(|| RunError::NoLabel { features: features.to_path_buf(), row })?;
        Ok(match labels.iter().chain(&unseen).position(|known| known == label) {
            Some(class) => class,
            None => {
                unseen.push(label.clone());
                labels.len() + unseen.len() - 1
            }
        })
    };
    let gold = gold.iter().enumerate().map(&mut class).collect::<Result<Vec<_>, RunError>>()?;
    Ok((gold, unseen))
}

/// Returns the feature columns by name, in the order asked for. They are read as a whole, into float32.
///
/// # Errors
/// [`RunError::Runtime`] where they do not fit into memory; [`RunError::Store`].
pub fn load_columns(file: &FeaturesFile, names: &[String]) -> Result<Vec<FeatureColumn>, RunError> {
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
