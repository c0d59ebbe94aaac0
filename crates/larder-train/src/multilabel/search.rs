//! The choice of columns, class weight and strength on rows of train that are held out.
//!
//! Every candidate is fitted on each part's other rows, standardised there, along the strengths from strong to weak
//! regularisation; each fit starts where the one before ended.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::fit::{advance, start};
use super::scores::score;
use super::selection::{MultilabelSelection, MultilabelSelectionEntry, choose, dominates};
use super::settings::{F1Average, MultilabelSettings, PARTS};
use super::split::stratified_parts;
use super::thresholds::{answers, shared_threshold};
use crate::candidates::Candidate;
use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::lbfgs::Descent;
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData};
use crate::principal_axes::{ColumnAxes, PrincipalAxes};
use crate::ranking::auc;
use crate::select::SELECTION_TOLERANCE;
use crate::settings::ThresholdChoice;
use crate::standardise::{Moments, Standardiser};
use crate::threshold::HALF;
use crate::weight::ClassWeight;

/// Strengths that rank worse ([`MultilabelSelectionEntry::auc`]) than the best so far, in a row, before the weaker ones are left
/// out: those take longest.
const PATIENCE: usize = 2;

/// One part that is held out, and the rows that are fitted without it.
struct Fold {
    part: usize,
    fitted: Vec<usize>,
    targets: Array2<bool>,
    held_out: Vec<usize>,
    /// The places of `held_out` among the search's.
    places: Vec<usize>,
}

/// One column's standardisers, `[folds]`, and its axes.
pub(super) struct PreparedColumn {
    by_fold: Vec<Standardiser>,
    pub(super) axes: ColumnAxes,
}

/// An entry's fits.
pub(super) struct HeldOutFit {
    /// For rows by fits without them, `[held-out rows, labels]`.
    pub(super) probabilities: Array2<f64>,
    /// Weights along the features, and intercept, of each label, fitted without the first part: a start that is near the fit on all rows.
    pub(super) points: Vec<Vec<f64>>,
}

/// The inputs of a selection.
pub(super) struct Search<'a> {
    columns: &'a [&'a FeatureColumn],
    settings: &'a MultilabelSettings,
    /// Ascending.
    grid: &'a [f64],
    part_of_row: Vec<usize>,
    folds: Vec<Fold>,
    /// The rows that are held out in some fold, ascending.
    pub(super) held_out: Vec<usize>,
    /// `[held-out rows, labels]`.
    pub(super) gold: Array2<bool>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        columns: &'a [&'a FeatureColumn],
        targets: ArrayView2<'_, bool>,
        settings: &'a MultilabelSettings,
        grid: &'a [f64],
        folds: usize,
    ) -> Self {
        let part_of_row = stratified_parts(targets, PARTS.max(folds), settings.seed);
        let held_out: Vec<usize> = (0..part_of_row.len()).filter(|&row| part_of_row[row] < folds).collect();
        let of_part = |part| {
            let fitted: Vec<usize> = (0..part_of_row.len()).filter(|&row| part_of_row[row] != part).collect();
            let places: Vec<usize> = (0..held_out.len()).filter(|&at| part_of_row[held_out[at]] == part).collect();
            Fold {
                part,
                targets: targets.select(Axis(0), &fitted),
                fitted,
                held_out: places.iter().map(|&at| held_out[at]).collect(),
                places,
            }
        };
        let folds = (0..folds).map(of_part).collect();
        let gold = targets.select(Axis(0), &held_out);
        Self { columns, settings, grid, part_of_row, folds, held_out, gold }
    }

    /// Scores every candidate, calling `on_entry` after each entry with (candidate's number, of how many, entry).
    pub(super) fn run(
        &self,
        candidates: &[Candidate],
        prepared: &[PreparedColumn],
        on_entry: &mut dyn FnMut(usize, usize, &MultilabelSelectionEntry),
    ) -> Result<(MultilabelSelection, HeldOutFit), TrainError> {
        let mut entries: Vec<MultilabelSelectionEntry> = Vec::new();
        // The fits of the entries that may still be chosen.
        let mut kept: Vec<(usize, HeldOutFit)> = Vec::new();
        let class_weights = self.class_weights();
        let rounds = candidates.len() + class_weights.len() - 1;
        // The candidates are compared under the first class weight; the other is tried on the one that won.
        for round in 0..rounds {
            let (candidate, class_weight) = match candidates.get(round) {
                Some(candidate) => (candidate, class_weights[0]),
                None => {
                    let winner = &entries[choose(&entries)].candidate;
                    let winner = candidates.iter().find(|candidate| candidate.name == *winner);
                    (winner.expect("entries are named after candidates"), class_weights[1])
                }
            };
            self.try_candidate(candidate, class_weight, prepared, &mut |entry, fit| {
                on_entry(round, rounds, &entry);
                if !kept.iter().any(|(index, _)| dominates(&entries[*index], &entry)) {
                    kept.retain(|(index, _)| !dominates(&entry, &entries[*index]));
                    kept.push((entries.len(), fit));
                }
                entries.push(entry);
            });
        }
        let selection = MultilabelSelection::new(self.settings.metric, self.folds.len(), entries);
        let (_, fit) = kept
            .into_iter()
            .find(|(index, _)| *index == selection.chosen)
            .expect("no entry is better than the chosen one in both score and ranking");
        Ok((selection, fit))
    }

    fn class_weights(&self) -> &'static [ClassWeight] {
        // With tuned thresholds weights hardly matter; without, macro F1 wants the rare labels found.
        let metric = match (self.settings.metric, self.settings.threshold) {
            (F1Average::MacroF1, ThresholdChoice::Half) => larder_metrics::Metric::MacroF1,
            _ => larder_metrics::Metric::Accuracy,
        };
        self.settings.class_weight.candidates(metric)
    }

    /// Each column's standardisers and axes.
    pub(super) fn prepare(&self) -> Vec<PreparedColumn> {
        self.columns.par_iter().map(|column| self.prepare_column(column)).collect()
    }

    fn prepare_column(&self, column: &FeatureColumn) -> PreparedColumn {
        if !self.settings.standardise {
            let by_fold = vec![Standardiser::identity(column.width()); self.folds.len()];
            return PreparedColumn { by_fold, axes: ColumnAxes::unturned(column.width()) };
        }
        let moments = Moments::by_fold(column, |row| self.part_of_row[row], PARTS.max(self.folds.len()));
        let without = |fold: &Fold| {
            let parts = moments.iter().enumerate().filter(|(part, _)| *part != fold.part);
            Moments::merge(parts.map(|(_, part)| part)).expect("there are other parts").standardiser()
        };
        let by_fold: Vec<Standardiser> = self.folds.iter().map(without).collect();
        // Folds' features are correlated alike: one guess serves all of them, and the fit on all rows.
        let axes = ColumnAxes::of(column, &by_fold[0]);
        PreparedColumn { by_fold, axes }
    }

    /// One candidate along the strengths.
    fn try_candidate(
        &self,
        candidate: &Candidate,
        class_weight: ClassWeight,
        prepared: &[PreparedColumn],
        on_entry: &mut dyn FnMut(MultilabelSelectionEntry, HeldOutFit),
    ) {
        let columns: Vec<&FeatureColumn> = candidate.columns.iter().map(|&position| self.columns[position]).collect();
        let matrices: Vec<(TrainingData<'_, f32>, TrainingData<'_, f32>)> = self
            .folds
            .iter()
            .enumerate()
            .map(|(number, fold)| {
                let of_fold: Vec<&Standardiser> =
                    candidate.columns.iter().map(|&position| &prepared[position].by_fold[number]).collect();
                let standardiser = Standardiser::concatenate(&of_fold);
                let axes = candidate.columns.iter().map(|&position| &prepared[position].axes);
                let axes = PrincipalAxes::new(axes.collect());
                let data = |rows| TrainingData {
                    matrix: Matrix::new(&columns, &standardiser).select(rows),
                    targets: Targets::Labels(fold.targets.view()),
                    outputs: 1,
                    axes: axes.clone(),
                };
                (data(&fold.fitted), data(&fold.held_out))
            })
            .collect();
        let mut fits: Vec<Vec<Descent<Task>>> = self
            .folds
            .iter()
            .zip(&matrices)
            .map(|(fold, (fitted, _))| start(fitted, fold.targets.view(), class_weight, self.grid[0], None))
            .collect();
        let (mut best, mut worse) = (f64::NEG_INFINITY, 0);
        for &c in self.grid {
            let mut probabilities = Array2::zeros(self.gold.dim());
            for ((fold, (fitted, held_out)), descents) in self.folds.iter().zip(&matrices).zip(&mut fits) {
                descents.iter_mut().for_each(|descent| descent.set_c(c));
                advance(fitted, descents, SELECTION_TOLERANCE);
                let found = probabilities_of(held_out, descents);
                for (&place, row) in fold.places.iter().zip(found.rows()) {
                    probabilities.row_mut(place).assign(&row);
                }
            }
            let (score, auc) = self.judge(&probabilities);
            let entry = MultilabelSelectionEntry {
                candidate: candidate.name.clone(),
                columns: columns.iter().map(|column| column.name.clone()).collect(),
                class_weight,
                c,
                score: score.value,
                standard_error: score.standard_error(),
                auc,
                converged: fits.iter().flatten().all(Descent::converged),
            };
            let points = fits[0].iter().map(|descent| matrices[0].0.along_features(descent.point.clone())).collect();
            on_entry(entry, HeldOutFit { probabilities, points });
            (best, worse) = if auc > best { (auc, 0) } else { (best, worse + 1) };
            if worse == PATIENCE {
                break;
            }
        }
    }

    /// The metric, and the mean area under the ROC curve of the labels that have one.
    fn judge(&self, probabilities: &Array2<f64>) -> (super::scores::Score, f64) {
        let metric = self.settings.metric;
        let score = match self.settings.threshold {
            ThresholdChoice::Tuned => shared_threshold(metric, probabilities, self.gold.view()).1,
            ThresholdChoice::Half => {
                score(metric, self.gold.view(), &answers(probabilities, &vec![HALF; self.gold.ncols()]))
            }
        };
        let areas: Vec<f64> = (0..self.gold.ncols())
            .into_par_iter()
            .filter_map(|label| {
                auc(probabilities.column(label).iter().copied().zip(self.gold.column(label).iter().copied()).collect())
            })
            .collect();
        (score, if areas.is_empty() { 0.5 } else { areas.iter().sum::<f64>() / areas.len() as f64 })
    }
}

/// The probabilities `[rows, labels]` of fits, one a label.
fn probabilities_of(data: &TrainingData<'_, f32>, descents: &[Descent<Task>]) -> Array2<f64> {
    let tasks: Vec<&Task> = descents.iter().map(|descent| &descent.task).collect();
    let points: Vec<&[f64]> = descents.iter().map(|descent| descent.point.as_slice()).collect();
    data.all_logits(&tasks, &points).mapv(logistic)
}

/// The logistic function, stable for logits of any size.
pub(super) fn logistic(logit: f64) -> f64 {
    let small = (-logit.abs()).exp();
    if logit >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}
