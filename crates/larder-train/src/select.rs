//! Cross-validation on train alone: it chooses columns, strength and class weight.
//!
//! Every candidate is fitted on each fold's training part, standardised there, along the strengths from strong to weak
//! regularisation; each fit starts where the one before ended. All folds advance together, one pass over the features
//! serving them all.
//!
//! If both class weights are allowed, candidates are compared under the one that suits the metric, and the other is tried on
//! the winner: with a tuned threshold the two differ little, and this halves the time.
//!
//! For two classes and a tuned threshold, a fold's score uses the threshold that is best on the *other* folds'
//! out-of-fold probabilities: no row takes part in the choice of the threshold it is judged by. Where those answers gain no
//! more than one standard error beside those at 0.5, the threshold is 0.5.

use larder_metrics::ConfusionMatrix;
use ndarray::Array2;
use rayon::prelude::*;

use crate::candidates::Candidate;
use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::lbfgs::{Descent, Limits, minimise, norm};
use crate::logistic::{row_weights, start_point};
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData, outputs_of, probabilities_of};
use crate::principal_axes::{ColumnAxes, PrincipalAxes};
use crate::ranking::mean_auc;
use crate::real::Real;
use crate::selection::{ChoiceRule, Selection, SelectionEntry};
use crate::settings::{ThresholdChoice, TrainSettings};
use crate::standardise::{Moments, Standardiser};
use crate::threshold::{HALF, TuningGain, tune_threshold};
use crate::weight::ClassWeight;

/// Gradient norm, relative to that at zero weights, at which a candidate is good enough to be scored. Looser and tighter
/// ones (1e-2, 1e-3) rank held-out rows the same to four digits, and take half and twice the time.
pub const SELECTION_TOLERANCE: f64 = 5e-3;

/// Most steps of one candidate at one strength.
const SELECTION_ITERATIONS: usize = 500;

/// Strengths that rank worse ([`SelectionEntry::auc`]) than the best so far, in a row, before the weaker ones are left
/// out: those take longest, and once held-out rows are ranked worse, more freedom does not help.
const PATIENCE: usize = 2;

/// The out-of-fold predictions of the chosen entry.
pub(crate) struct OutOfFold {
    /// `[rows, classes]`.
    pub(crate) probabilities: Array2<f64>,
    /// `[rows]`, where the threshold is tuned with those of the other folds.
    pub(crate) predictions: Vec<usize>,
    /// 0.5, or the threshold that is best on all rows' probabilities; `None` for more than two classes.
    pub(crate) threshold: Option<f64>,
}

/// An entry's answers to rows it had not seen.
struct Judged {
    /// The metric on each fold.
    fold_scores: Vec<f64>,
    answers: OutOfFold,
    /// The gain from tuning the threshold; `None` where it is not tuned.
    gain: Option<TuningGain>,
}

/// The inputs of a selection.
pub(crate) struct Search<'a> {
    pub(crate) columns: &'a [&'a FeatureColumn],
    pub(crate) labels: &'a [usize],
    pub(crate) classes: usize,
    pub(crate) settings: &'a TrainSettings,
    /// Ascending.
    pub(crate) grid: &'a [f64],
    pub(crate) fold_of_row: &'a [usize],
    pub(crate) folds: usize,
    /// Of each column.
    pub(crate) prepared: &'a [PreparedColumn],
    pub(crate) rule: ChoiceRule,
}

/// One way of fitting a candidate. Those that are tried together share each pass over the rows.
#[derive(Clone, Copy)]
pub(crate) struct Variant<'a> {
    pub(crate) class_weight: ClassWeight,
    /// The rows that fits may use, `[rows]`; all unless given. Held-out rows are answered whether they are among them or not.
    pub(crate) fitted: Option<&'a [bool]>,
}

/// One column's standardisers, of all rows and of each fold's training part, and its axes.
pub(crate) struct PreparedColumn {
    all: Standardiser,
    by_fold: Vec<Standardiser>,
    pub(crate) axes: ColumnAxes,
}

impl PreparedColumn {
    /// Prepares each column; where features are not standardised, it leaves them as they are.
    pub(crate) fn all(columns: &[&FeatureColumn], standardise: bool, fold_of_row: &[usize], folds: usize) -> Vec<Self> {
        columns.par_iter().map(|column| Self::of(column, standardise, fold_of_row, folds)).collect()
    }

    fn of(column: &FeatureColumn, standardise: bool, fold_of_row: &[usize], folds: usize) -> Self {
        if !standardise {
            let identity = Standardiser::identity(column.width());
            let axes = ColumnAxes::unturned(column.width());
            return Self { by_fold: vec![identity.clone(); folds], all: identity, axes };
        }
        let moments = Moments::by_fold(column, |row| fold_of_row[row], folds);
        let without = |left_out: Option<usize>| {
            let parts = moments.iter().enumerate().filter(|(fold, _)| Some(*fold) != left_out);
            Moments::merge(parts.map(|(_, part)| part)).expect("there are two folds or more").standardiser()
        };
        let all = without(None);
        let axes = ColumnAxes::of(column, &all);
        Self { all, by_fold: (0..folds).map(|fold| without(Some(fold))).collect(), axes }
    }
}

impl Search<'_> {
    /// Scores every candidate, calling `on_entry` after each entry with (candidate's number, of how many, entry).
    pub(crate) fn run(
        &self,
        candidates: &[Candidate],
        on_entry: &mut dyn FnMut(usize, usize, &SelectionEntry),
    ) -> Result<(Selection, OutOfFold), TrainError> {
        let mut entries: Vec<SelectionEntry> = Vec::new();
        // What the entries that may still be chosen said; the others' is let go.
        let mut kept: Vec<(usize, OutOfFold)> = Vec::new();
        let mut class_weights = self.settings.class_weight.candidates(self.settings.metric);
        if self.rule == ChoiceRule::LogLoss {
            // Losses under different weights cannot be compared: the weight that suits the metric is taken.
            class_weights = &class_weights[..1];
        }
        // The candidates are compared under the first class weight; the others are tried on the one that won. A candidate alone has
        // won already.
        let compared = if candidates.len() == 1 { class_weights.len() } else { 1 };
        let rounds = candidates.len() + usize::from(class_weights.len() > compared);
        let mut try_candidate = |number: usize, candidate: &Candidate, class_weights: &[ClassWeight]| {
            let variants: Vec<Variant<'_>> =
                class_weights.iter().map(|&class_weight| Variant { class_weight, fitted: None }).collect();
            self.try_candidate(candidate, &variants, &mut |_, entry, answers| {
                on_entry(number, rounds, &entry);
                if !kept.iter().any(|(index, _)| self.rule.dominates(&entries[*index], &entry)) {
                    kept.retain(|(index, _)| !self.rule.dominates(&entry, &entries[*index]));
                    kept.push((entries.len(), answers));
                }
                entries.push(entry);
            })?;
            let chosen = self.rule.choose(&entries);
            Ok::<_, TrainError>((chosen, entries[chosen].candidate.clone()))
        };
        let mut chosen = (0, String::new());
        for (number, candidate) in candidates.iter().enumerate() {
            chosen = try_candidate(number, candidate, &class_weights[..compared])?;
        }
        if class_weights.len() > compared {
            let winner = candidates.iter().find(|candidate| candidate.name == chosen.1);
            let winner = winner.expect("entries are named after candidates");
            chosen = try_candidate(candidates.len(), winner, &class_weights[compared..])?;
        }
        let chosen = chosen.0;
        let (_, answers) =
            kept.into_iter().find(|(index, _)| *index == chosen).expect("no entry dominates the chosen one");
        Ok((Selection::new(self.settings.metric, self.folds, entries, chosen, self.rule), answers))
    }

    /// The entry of one candidate at the first strength of the grid, for each of the variants.
    pub(crate) fn try_one(
        &self,
        candidate: &Candidate,
        variants: &[Variant<'_>],
    ) -> Result<Vec<SelectionEntry>, TrainError> {
        let mut found = vec![None; variants.len()];
        let first = Search { grid: &self.grid[..1], ..*self };
        first.try_candidate(candidate, variants, &mut |variant, entry, _| found[variant] = Some(entry))?;
        Ok(found.into_iter().flatten().collect())
    }

    /// One candidate along the strengths in each of the variants, calling `on_entry` with (variant's number, entry, answers).
    fn try_candidate(
        &self,
        candidate: &Candidate,
        variants: &[Variant<'_>],
        on_entry: &mut dyn FnMut(usize, SelectionEntry, OutOfFold),
    ) -> Result<(), TrainError> {
        let of_candidate: Vec<&PreparedColumn> =
            candidate.columns.iter().map(|&position| &self.prepared[position]).collect();
        let outer = Standardiser::concatenate(&of_candidate.iter().map(|column| &column.all).collect::<Vec<_>>());
        let columns: Vec<&FeatureColumn> = candidate.columns.iter().map(|&position| self.columns[position]).collect();
        let batch = TrainingData::<f32> {
            matrix: Matrix::new(&columns, &outer),
            targets: Targets::Classes(self.labels),
            outputs: outputs_of(self.classes),
            axes: PrincipalAxes::new(of_candidate.iter().map(|column| &column.axes).collect()),
        };
        let mut paths = Vec::new();
        for (variant, &Variant { class_weight, fitted }) in variants.iter().enumerate() {
            let tasks = (0..self.folds).map(|fold| {
                let of_fold: Vec<&Standardiser> = of_candidate.iter().map(|column| &column.by_fold[fold]).collect();
                Task {
                    row_weights: row_weights(class_weight, self.labels, self.classes, |row| {
                        self.fold_of_row[row] != fold && fitted.is_none_or(|fitted| fitted[row])
                    }),
                    relative: Some(Standardiser::concatenate(&of_fold).relative_to(&outer)),
                    c: self.grid[0],
                    label: 0,
                }
            });
            paths.push(Path::start(variant, class_weight, &batch, self.labels, tasks.collect(), self.classes));
        }

        for &c in self.grid {
            let mut running: Vec<&mut Path> = paths.iter_mut().filter(|path| path.worse < self.patience()).collect();
            if running.is_empty() {
                break;
            }
            let mut descents: Vec<&mut Descent<Task>> =
                running.iter_mut().flat_map(|path| path.descents.iter_mut()).collect();
            descents.iter_mut().for_each(|descent| descent.set_c(c));
            minimise(
                |tasks, points| batch.evaluate(tasks, points),
                f32::NOISE,
                &mut descents,
                Limits { tolerance: SELECTION_TOLERANCE, iterations: SELECTION_ITERATIONS },
            );
            for path in running {
                let logits = batch.logits(&path.tasks(), &path.points(), self.fold_of_row);
                let probabilities = probabilities_of(&logits);
                let auc = mean_auc(&probabilities, self.labels);
                let log_loss = Some(self.log_loss(&probabilities, path.class_weight));
                let Judged { fold_scores, answers, gain } = self.judge(probabilities)?;
                let (mean, standard_deviation) = mean_and_deviation(&fold_scores);
                let entry = SelectionEntry {
                    candidate: candidate.name.clone(),
                    columns: columns.iter().map(|column| column.name.clone()).collect(),
                    class_weight: path.class_weight,
                    c,
                    fold_scores,
                    mean,
                    standard_deviation,
                    auc,
                    log_loss,
                    threshold_gain: gain,
                    converged: path.descents.iter().all(Descent::converged),
                };
                path.note(&entry);
                on_entry(path.variant, entry, answers);
            }
        }
        Ok(())
    }

    /// Strengths that rank worse before the weaker ones are left out. Of few rows a fit takes next to nothing, and the ranking is
    /// not what is chosen by.
    fn patience(&self) -> usize {
        match self.rule {
            ChoiceRule::Ranking => PATIENCE,
            ChoiceRule::LogLoss => usize::MAX,
        }
    }

    /// The mean log-loss of `[rows, classes]`, rows weighted by their class.
    fn log_loss(&self, probabilities: &Array2<f64>, class_weight: ClassWeight) -> f64 {
        let weights = row_weights(class_weight, self.labels, self.classes, |_| true);
        let rows = probabilities.rows().into_iter().zip(self.labels).zip(&weights);
        let (loss, all) = rows.fold((0.0, 0.0), |(loss, all), ((row, &label), &weight)| {
            (loss - weight * row[label].max(f64::EPSILON).ln(), all + weight)
        });
        loss / all
    }

    /// The answers, where the threshold is tuned every fold's with those of the others, and the metric on each fold.
    fn judge(&self, probabilities: Array2<f64>) -> Result<Judged, TrainError> {
        let (threshold, predictions, gain) = match (self.classes, self.settings.threshold) {
            (2, ThresholdChoice::Tuned) => {
                let of_one = probabilities.column(1).to_vec();
                let metric = self.settings.metric;
                let tuned = tune_threshold(&of_one, self.labels, self.fold_of_row, self.folds, metric)?;
                (Some(tuned.threshold), tuned.answers, Some(tuned.gain))
            }
            (classes, _) => {
                let threshold = (classes == 2).then_some(HALF);
                let rows = probabilities.rows().into_iter();
                (threshold, rows.map(|row| answer(row.iter().copied(), threshold)).collect(), None)
            }
        };
        let scores = (0..self.folds).map(|fold| {
            let of_fold = |values: &[usize]| -> Vec<usize> {
                values.iter().zip(self.fold_of_row).filter(|(_, f)| **f == fold).map(|(value, _)| *value).collect()
            };
            let matrix = ConfusionMatrix::from_classes(&of_fold(self.labels), &of_fold(&predictions), self.classes)?;
            Ok(self.settings.metric.of(&matrix))
        });
        let fold_scores = scores.collect::<Result<_, TrainError>>()?;
        Ok(Judged { fold_scores, answers: OutOfFold { probabilities, predictions, threshold }, gain })
    }
}

/// The class answered for one row's probabilities: class 1 from the threshold on, or the most probable one.
pub(crate) fn answer(probabilities: impl Iterator<Item = f64>, threshold: Option<f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, probability) in probabilities.enumerate() {
        match threshold {
            Some(threshold) if class == 1 => return usize::from(probability >= threshold),
            _ if probability > best.1 => best = (class, probability),
            _ => {}
        }
    }
    best.0
}

/// The folds' fits of one variant of a candidate, on their way along the strengths.
struct Path {
    variant: usize,
    class_weight: ClassWeight,
    descents: Vec<Descent<Task>>,
    best: Option<f64>,
    /// Strengths since the best one.
    worse: usize,
}

impl Path {
    fn start(
        variant: usize,
        class_weight: ClassWeight,
        batch: &TrainingData<'_, f32>,
        labels: &[usize],
        tasks: Vec<Task>,
        classes: usize,
    ) -> Self {
        let starts: Vec<Vec<f64>> = tasks.iter().map(|task| start_point(batch, labels, task, classes)).collect();
        let points: Vec<&[f64]> = starts.iter().map(Vec::as_slice).collect();
        let evaluations = batch.evaluate(&tasks.iter().collect::<Vec<_>>(), &points);
        let descents = tasks.into_iter().zip(starts.clone()).zip(evaluations).map(|((task, start), evaluation)| {
            let reference_norm = norm(&evaluation.gradient);
            batch.descend(task, start, evaluation, reference_norm)
        });
        Self { variant, class_weight, descents: descents.collect(), best: None, worse: 0 }
    }

    fn tasks(&self) -> Vec<&Task> {
        self.descents.iter().map(|descent| &descent.task).collect()
    }

    fn points(&self) -> Vec<&[f64]> {
        self.descents.iter().map(|descent| descent.point.as_slice()).collect()
    }

    /// Remembers the best ranking, and counts the worse ones since. (The score is too noisy to stop by, and is the
    /// same for all strengths that make every answer the majority's.)
    fn note(&mut self, entry: &SelectionEntry) {
        if self.best.is_none_or(|best| entry.auc > best) {
            self.best = Some(entry.auc);
            self.worse = 0;
        } else {
            self.worse += 1;
        }
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_probabilities_is_answered() {
        assert_eq!(answer([0.4, 0.4, 0.2].into_iter(), None), 0);
        assert_eq!(answer([0.5, 0.5].into_iter(), Some(0.5)), 1);
        assert_eq!(answer([0.5, 0.5].into_iter(), Some(0.51)), 0);
    }
}
