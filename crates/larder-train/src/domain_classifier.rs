//! The domain classifier: telling two sets of rows apart by their features.

use larder_metrics::{DEFAULT_FOLDS, stratified_folds};

use crate::candidates::Candidate;
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::select::{PreparedColumn, Search, Variant};
use crate::selection::ChoiceRule;
use crate::settings::{ThresholdChoice, TrainSettings};
use crate::weight::ClassWeight;

/// The strength: near the middle of those that are best for a few thousand standardised features. Areas at a tenth and at ten
/// times of it differ by a few hundredths.
const STRENGTH: f64 = 1e-2;

/// The area under the ROC curve (0.5 is chance) of a classifier that tells two sets of rows apart: logistic regression on all
/// `columns` (`[rows, hidden_size]` each) side by side, scored on held-out rows (stratified folds). `is_second` (`[rows]`) is
/// true for rows of the second set.
///
/// # Errors
/// [`TrainError::NonFinite`], [`TrainError::RowMismatch`]; [`TrainError::Metrics`] with fewer rows than folds.
pub fn domain_classifier_auc(columns: &[&FeatureColumn], is_second: &[bool]) -> Result<f64, TrainError> {
    check_columns(columns, is_second.len())?;
    let labels: Vec<usize> = is_second.iter().map(|&second| usize::from(second)).collect();
    let settings = TrainSettings { threshold: ThresholdChoice::Half, ..TrainSettings::default() };
    let fold_of_row = stratified_folds(&labels, DEFAULT_FOLDS, settings.seed)?;
    let prepared = PreparedColumn::all(columns, settings.standardise, &fold_of_row, DEFAULT_FOLDS);
    let search = Search {
        columns,
        labels: &labels,
        classes: 2,
        settings: &settings,
        grid: &[STRENGTH],
        fold_of_row: &fold_of_row,
        folds: DEFAULT_FOLDS,
        prepared: &prepared,
        // One strength: nothing is chosen.
        rule: ChoiceRule::Ranking,
    };
    let all = Candidate { name: "all".to_owned(), columns: (0..columns.len()).collect() };
    let unweighted = Variant { class_weight: ClassWeight::None, fitted: None };
    Ok(search.try_one(&all, &[unweighted])?.first().map_or(0.5, |entry| entry.auc))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// `[400, 2]`, of which the second half is shifted by `by`.
    fn area(by: f32) -> f64 {
        let noise = |row: usize, dimension: usize| ((row * 7919 + dimension * 104_729) % 1009) as f32 / 1009.0;
        let values = Array2::from_shape_fn((400, 2), |(row, dimension)| {
            noise(row, dimension) + if row >= 200 && dimension == 0 { by } else { 0.0 }
        });
        let column = FeatureColumn::new("mean", values);
        let is_second: Vec<bool> = (0..400).map(|row| row >= 200).collect();
        domain_classifier_auc(&[&column], &is_second).unwrap()
    }

    #[test]
    fn shifted_rows_are_told_apart_and_others_are_not() {
        assert!((area(0.0) - 0.5).abs() < 0.1, "{}", area(0.0));
        assert!(area(0.5) > 0.8, "{}", area(0.5));
        assert!(area(2.0) > 0.999, "{}", area(2.0));
    }
}
