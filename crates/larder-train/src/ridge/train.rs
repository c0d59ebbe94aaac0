//! From cached features and a number a row to a ridge regression.

use faer::Mat;
use rayon::prelude::*;

use super::factors::{Factors, PenaltyFit};
use super::head::RidgeHead;
use super::selection::{RidgeSelection, RidgeSelectionEntry, pearson};
use super::settings::{RidgeSettings, UNCHOSEN_ALPHA};
use super::spectrum::{LeaveOneOut, Spectrum};
use crate::candidates::{Candidate, candidates};
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::matrix::Matrix;
use crate::settings::unchosen_strength;
use crate::standardise::Standardiser;

/// Below so many rows nothing is chosen: a fit without one of two rows is a constant, whatever the penalty.
const LEAST_ROWS: usize = 3;

/// Rows and dimensions, both, up to which the eigendecomposition that serves all penalties is quicker than a factor for each of
/// the penalties around the best (`docs/ridge.md`).
const SPECTRUM_SIZE: usize = 3_000;

/// Penalties that are worse than the best so far, in a row, before weaker ones are left out: only where each costs a factor.
const PATIENCE: usize = 2;

/// A step that the training of a ridge regression has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RidgeProgress<'a> {
    /// One line of the selection table is ready.
    Scored {
        /// The zero-based number of the candidate.
        candidate: usize,
        /// The total number.
        candidates: usize,
        /// The line.
        entry: &'a RidgeSelectionEntry,
    },
}

/// A trained ridge regression and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedRidge {
    /// The head, fitted on all of train.
    pub head: RidgeHead,
    /// The selection table; `None` where too few rows were there to choose by.
    pub selection: Option<RidgeSelection>,
    /// Why nothing was chosen, and what was taken, in words; `None` where there is a selection.
    pub unchosen: Option<String>,
    /// The head's answers to the rows it was fitted on, `[rows]`: compare with `leave_one_out` to see how much is learnt by
    /// heart.
    pub train_predictions: Vec<f64>,
    /// The chosen candidate's answers to each row by a fit on all *other* rows, `[rows]`, clipped as the head's are. Means and
    /// scales of the features are those of all rows. The choice of the candidate and its penalty saw the targets, so errors are
    /// slightly optimistic. `None` where nothing was chosen.
    pub leave_one_out: Option<Vec<f64>>,
    /// Facts about the data that change how the result reads, in plain sentences.
    pub notes: Vec<String>,
}

/// Trains a ridge regression on `columns` (float32, `[rows, hidden_size]` each) and `targets` (`[rows]`).
///
/// The objective is that of scikit-learn's
/// [`Ridge`](https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.Ridge.html) with a free intercept,
/// `|y - Z w - b|² + alpha |w|²`, on standardised features `Z`; it is solved exactly. Several columns are tried one by one and
/// side by side, each with all penalties (of more than 3,000 rows and dimensions: from the strongest down to two beyond the best);
/// the smallest leave-one-out error chooses. Of fewer than 3 rows nothing is chosen: all columns
/// side by side and [`UNCHOSEN_ALPHA`], or the penalty nearest to it, are taken. Same input and settings on one machine, same head,
/// whatever the number of threads.
///
/// A candidate takes memory for about four float64 matrices of its rows and width, and time that grows with the cube of the
/// smaller of both.
///
/// # Errors
/// [`TrainError`] names the column and row of values that are not finite, the row of a target that is not, targets that are all
/// the same, and settings that cannot work.
pub fn train_ridge(
    columns: &[&FeatureColumn],
    targets: &[f64],
    settings: &RidgeSettings,
    progress: &mut dyn FnMut(RidgeProgress<'_>),
) -> Result<TrainedRidge, TrainError> {
    let grid = settings.checked_grid()?;
    check_columns(columns, targets.len())?;
    if let Some(row) = targets.iter().position(|target| !target.is_finite()) {
        return Err(TrainError::NonFiniteTarget { row, value: targets[row] });
    }
    if targets.iter().all(|target| *target == targets[0]) {
        return Err(TrainError::ConstantTargets { rows: targets.len(), value: targets.first().copied() });
    }
    let parts: Vec<Standardiser> =
        columns.par_iter().map(|column| standardiser(column, settings.standardise)).collect();
    let candidates = candidates(columns);
    let search = Search { columns, targets, parts: &parts, settings, grid: &grid };

    let mut trained = if targets.len() < LEAST_ROWS {
        // The last one has all columns.
        let all = candidates.last().expect("there is a column");
        let alpha = unchosen_strength(&grid, UNCHOSEN_ALPHA);
        let why = format!(
            "there are {} training rows, and leaving one out needs {LEAST_ROWS} at least: {}, alpha = {alpha}; nothing tells \
             how the head does on rows that it has not seen",
            targets.len(),
            all.name
        );
        let (weights, intercept) = search.spectrum(all, search.features(all))?.solve(alpha);
        let head = search.head(all, weights, intercept, alpha);
        TrainedRidge {
            train_predictions: head.predict(columns)?,
            head,
            selection: None,
            unchosen: Some(why),
            leave_one_out: None,
            notes: Vec::new(),
        }
    } else {
        search.choose(&candidates, progress)?
    };
    trained.notes = notes(columns, &parts, targets, &trained.head, trained.selection.as_ref(), &grid);
    Ok(trained)
}

/// The inputs of a selection.
struct Search<'a> {
    columns: &'a [&'a FeatureColumn],
    targets: &'a [f64],
    /// One a column.
    parts: &'a [Standardiser],
    settings: &'a RidgeSettings,
    /// Ascending.
    grid: &'a [f64],
}

/// The best entry of a candidate.
struct Best {
    /// Its place among the candidate's entries.
    at: usize,
    head: RidgeHead,
    leave_one_out: LeaveOneOut,
}

impl Search<'_> {
    fn choose(
        &self,
        candidates: &[Candidate],
        progress: &mut dyn FnMut(RidgeProgress<'_>),
    ) -> Result<TrainedRidge, TrainError> {
        // Wide ones first: the others are done beside them.
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|&number| std::cmp::Reverse(candidates[number].columns.len()));
        let mut tried: Vec<(usize, (Vec<RidgeSelectionEntry>, Best))> = order
            .into_par_iter()
            .with_max_len(1)
            .map(|number| Ok((number, self.try_candidate(&candidates[number])?)))
            .collect::<Result<_, TrainError>>()?;
        tried.sort_by_key(|(number, _)| *number);
        let (mut entries, mut kept) = (Vec::new(), Vec::new());
        for (number, (of_candidate, best)) in tried {
            for entry in &of_candidate {
                progress(RidgeProgress::Scored { candidate: number, candidates: candidates.len(), entry });
            }
            kept.push((entries.len() + best.at, best));
            entries.extend(of_candidate);
        }
        let selection = RidgeSelection::new(entries);
        let (_, Best { head, leave_one_out, .. }) = kept
            .into_iter()
            .find(|(index, _)| *index == selection.chosen)
            .expect("the best of all is the best of its candidate");
        Ok(TrainedRidge {
            train_predictions: head.predict(self.columns)?,
            leave_one_out: Some(leave_one_out.iter().map(|&answer| head.clip(answer)).collect()),
            head,
            selection: Some(selection),
            unchosen: None,
            notes: Vec::new(),
        })
    }

    /// One candidate under all penalties.
    fn try_candidate(&self, candidate: &Candidate) -> Result<(Vec<RidgeSelectionEntry>, Best), TrainError> {
        let features = self.features(candidate);
        if features.nrows().min(features.ncols()) > SPECTRUM_SIZE {
            return self.try_factors(candidate, &Factors::new(features, self.targets));
        }
        let spectrum = self.spectrum(candidate, features)?;
        let mut predictions = spectrum.leave_one_out(self.grid);
        let entries: Vec<RidgeSelectionEntry> = self
            .grid
            .iter()
            .zip(&predictions)
            .map(|(&alpha, predictions)| self.entry(candidate, alpha, predictions))
            .collect();
        let at = RidgeSelection::new(entries.clone()).chosen;
        let (weights, intercept) = spectrum.solve(self.grid[at]);
        let head = self.head(candidate, weights, intercept, self.grid[at]);
        Ok((entries, Best { at, head, leave_one_out: predictions.swap_remove(at) }))
    }

    /// One candidate under the penalties from the strongest on, until they get worse: the error falls to one minimum and rises.
    fn try_factors(
        &self,
        candidate: &Candidate,
        factors: &Factors,
    ) -> Result<(Vec<RidgeSelectionEntry>, Best), TrainError> {
        let mut tried: Vec<(RidgeSelectionEntry, PenaltyFit)> = Vec::new();
        let (mut best, mut worse) = (f64::INFINITY, 0);
        for &alpha in self.grid.iter().rev() {
            let fit = factors.fit(alpha).ok_or_else(|| no_decomposition(candidate))?;
            let entry = self.entry(candidate, alpha, &fit.leave_one_out);
            (best, worse) = if entry.loo_rmse < best { (entry.loo_rmse, 0) } else { (best, worse + 1) };
            tried.push((entry, fit));
            if worse == PATIENCE {
                break;
            }
        }
        tried.reverse();
        let (entries, mut fits): (Vec<RidgeSelectionEntry>, Vec<PenaltyFit>) = tried.into_iter().unzip();
        let at = RidgeSelection::new(entries.clone()).chosen;
        let PenaltyFit { weights, intercept, leave_one_out } = fits.swap_remove(at);
        let head = self.head(candidate, weights, intercept, entries[at].alpha);
        Ok((entries, Best { at, head, leave_one_out }))
    }

    fn entry(&self, candidate: &Candidate, alpha: f64, predictions: &[f64]) -> RidgeSelectionEntry {
        RidgeSelectionEntry {
            candidate: candidate.name.clone(),
            columns: candidate.columns.iter().map(|&position| self.columns[position].name.clone()).collect(),
            alpha,
            loo_rmse: root_mean_square(predictions, self.targets),
            loo_pearson: pearson(predictions, self.targets),
        }
    }

    fn columns_of(&self, candidate: &Candidate) -> Vec<&FeatureColumn> {
        candidate.columns.iter().map(|&position| self.columns[position]).collect()
    }

    fn standardiser_of(&self, candidate: &Candidate) -> Standardiser {
        let parts: Vec<&Standardiser> = candidate.columns.iter().map(|&position| &self.parts[position]).collect();
        Standardiser::concatenate(&parts)
    }

    /// `[rows, width]`, centred, and scaled where that is asked for.
    fn features(&self, candidate: &Candidate) -> Mat<f64> {
        let matrix = Matrix::<f64>::new(&self.columns_of(candidate), &self.standardiser_of(candidate));
        let mut features = Mat::zeros(matrix.rows(), matrix.width());
        let mut values = vec![0.0; matrix.width()];
        for row in 0..matrix.rows() {
            matrix.fill(row, &mut values);
            features.row_mut(row).iter_mut().zip(&values).for_each(|(target, value)| *target = *value);
        }
        features
    }

    fn spectrum(&self, candidate: &Candidate, features: Mat<f64>) -> Result<Spectrum, TrainError> {
        Spectrum::new(features, self.targets).ok_or_else(|| no_decomposition(candidate))
    }

    fn head(&self, candidate: &Candidate, weights: Vec<f64>, intercept: f64, alpha: f64) -> RidgeHead {
        let columns = self.columns_of(candidate);
        RidgeHead {
            columns: columns
                .iter()
                .map(|column| HeadColumn { name: column.name.clone(), width: column.width() })
                .collect(),
            weights,
            intercept,
            standardiser: self.standardiser_of(candidate),
            alpha,
            minimum: self.settings.minimum,
            maximum: self.settings.maximum,
        }
    }
}

fn no_decomposition(candidate: &Candidate) -> TrainError {
    TrainError::NoDecomposition { columns: candidate.name.clone() }
}

/// The means, and the deviations if they are asked for.
fn standardiser(column: &FeatureColumn, standardise: bool) -> Standardiser {
    let found = Standardiser::fit(&[column]);
    if standardise { found } else { Standardiser { scale: vec![1.0; found.width()], mean: found.mean } }
}

fn root_mean_square(predictions: &[f64], targets: &[f64]) -> f64 {
    let squares: f64 = predictions.iter().zip(targets).map(|(found, target)| (found - target) * (found - target)).sum();
    (squares / targets.len() as f64).sqrt()
}

/// Facts about features, targets and the choice that change how the result reads.
fn notes(
    columns: &[&FeatureColumn],
    parts: &[Standardiser],
    targets: &[f64],
    head: &RidgeHead,
    selection: Option<&RidgeSelection>,
    grid: &[f64],
) -> Vec<String> {
    let mut notes = Vec::new();
    for (column, part) in columns.iter().zip(parts) {
        let constant =
            column.values.columns().into_iter().filter(|values| values.iter().all(|value| *value == values[0])).count();
        if constant > 0 {
            let width = part.width();
            notes.push(format!(
                "{constant} of {width} dimensions of feature column `{}` are the same in every row: they get no weight",
                column.name
            ));
        }
    }
    let outside = targets.iter().filter(|target| head.clip(**target) != **target).count();
    if outside > 0 {
        notes.push(format!("{outside} of {} targets lie outside of what the head may answer", targets.len()));
    }
    if let Some(best) = selection.map(RidgeSelection::best).filter(|_| grid.len() > 1) {
        let end = [(0, "smallest"), (grid.len() - 1, "largest")].into_iter().find(|(at, _)| grid[*at] == best.alpha);
        if let Some((_, end)) = end {
            notes.push(format!("alpha = {} is the {end} of those tried: one beyond it may be better", best.alpha));
        }
    }
    notes
}
