//! Would more rows help? The chosen candidate on an eighth, a quarter and half of the rows.

use larder_metrics::stratified_folds;

use crate::candidates::Candidate;
use crate::error::TrainError;
use crate::select::{Search, Variant};
use crate::selection::SelectionEntry;

/// Parts that the rows are dealt into: heads are fitted on one, two and four of them, and on all.
const PARTS: usize = 8;

/// Rows below which an eighth of them is too few for a head.
const LEAST_ROWS: usize = 200;

/// The score of heads that were fitted on some of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningStep {
    /// Rows that each was fitted on, the mean over the folds.
    pub rows: usize,
    /// Their score on held-out rows, the mean over the folds.
    pub score: f64,
}

/// The scores of `chosen` with the settings of `entry`, by the number of rows; the last is the entry's own. Parts are
/// stratified, and each holds the one before. Features are standardised as for all rows: that needs no label.
pub(crate) fn learning_curve(
    search: &Search<'_>,
    chosen: &Candidate,
    entry: &SelectionEntry,
) -> Result<Vec<LearningStep>, TrainError> {
    let rows = search.labels.len();
    if rows < LEAST_ROWS {
        return Ok(Vec::new());
    }
    // Another seed than the folds', so that parts and folds cut across each other.
    let part_of_row = stratified_folds(search.labels, PARTS, search.settings.seed.wrapping_add(1))?;
    let grid = [entry.c];
    let fitted_rows = |fitted: usize| fitted * (search.folds - 1) / search.folds;
    let fitted: Vec<Vec<bool>> =
        [1, 2, 4].into_iter().map(|parts| part_of_row.iter().map(|&part| part < parts).collect()).collect();
    let variant = |fitted| Variant { class_weight: entry.class_weight, fitted: Some(fitted) };
    let variants: Vec<Variant<'_>> = fitted.iter().map(|fitted| variant(fitted)).collect();
    let found = Search { grid: &grid, ..*search }.try_one(chosen, &variants)?;
    let count = |fitted: &[bool]| fitted.iter().filter(|fitted| **fitted).count();
    let mut curve: Vec<LearningStep> = fitted
        .iter()
        .zip(found)
        .map(|(fitted, found)| LearningStep { rows: fitted_rows(count(fitted)), score: found.mean })
        .collect();
    curve.push(LearningStep { rows: fitted_rows(rows), score: entry.mean });
    Ok(curve)
}
