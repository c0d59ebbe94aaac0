//! From cached features and label sets to a head.

use ndarray::{Array2, ArrayView2};

use super::fit::{MULTILABEL_TOLERANCE, advance, start};
use super::head::MultilabelHead;
use super::search::{HeldOutFit, Search};
use super::selection::{MultilabelSelection, MultilabelSelectionEntry};
use super::settings::{MultilabelSettings, UNCHOSEN_MULTILABEL_C};
use super::thresholds::label_thresholds;
use crate::candidates::{Candidate, candidates};
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::lbfgs::{Descent, norm};
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData};
use crate::principal_axes::PrincipalAxes;
use crate::settings::{ThresholdChoice, unchosen_strength};
use crate::standardise::Standardiser;
use crate::threshold::HALF;
use crate::weight::ClassWeight;

/// Gradient norm, relative to that at zero weights, down to which the kept head is fitted in float32, at half the cost, before
/// float64 measures it and takes the last steps.
const FLOAT32_TOLERANCE: f64 = MULTILABEL_TOLERANCE;

/// A step that the training of a multi-label head has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MultilabelProgress<'a> {
    /// One line of the selection table is ready.
    Scored {
        /// The zero-based number of the candidate; the last one may be the winner again, with the other class weight.
        candidate: usize,
        /// The total number.
        candidates: usize,
        /// The line.
        entry: &'a MultilabelSelectionEntry,
    },
    /// The chosen head is being fitted on all of train.
    Fitting {
        /// The candidate's name.
        candidate: &'a str,
        /// The strength.
        c: f64,
    },
}

/// The convergence of one label's fit.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelConvergence {
    /// Steps, from where the fit on the rows that were not held out had ended.
    pub iterations: usize,
    /// The objective: the *sum* of the (weighted) log-losses plus `|w|² / (2 C)`, in nats.
    pub objective: f64,
    /// Euclidean norm of its gradient, divided by that at zero weights and the intercept of the label's share.
    pub relative_gradient_norm: f64,
    /// Is `relative_gradient_norm` at most [`MULTILABEL_TOLERANCE`](crate::MULTILABEL_TOLERANCE)?
    pub converged: bool,
}

/// Probabilities for rows of train by fits without them.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutProbabilities {
    /// Their rows among those of train, ascending, `[held-out rows]`: all, where each part was held out in turn.
    pub rows: Vec<usize>,
    /// `[held-out rows, labels]`.
    pub probabilities: Array2<f64>,
}

/// A trained multi-label head and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedMultilabel {
    /// The head, fitted on all of train.
    pub head: MultilabelHead,
    /// The selection table; `None` where too few rows were there to choose by.
    pub selection: Option<MultilabelSelection>,
    /// Why nothing was chosen, and what was taken, in words; `None` where there is a selection.
    pub unchosen: Option<String>,
    /// The convergence of the final fits, `[labels]`.
    pub convergence: Vec<LabelConvergence>,
    /// Probabilities of the chosen candidate for rows it was not fitted on. The choice saw these rows, so their scores are
    /// slightly optimistic. `None` where nothing was chosen.
    pub held_out: Option<HeldOutProbabilities>,
    /// Deviations from the settings, in plain sentences.
    pub notes: Vec<String>,
}

/// Trains a multi-label head on `columns` (float32, `[rows, hidden_size]` each) and `targets` (`[rows, labels]`: has the row the
/// label?).
///
/// Each label has the objective of scikit-learn's
/// [`LogisticRegression`](https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.LogisticRegression.html) of it
/// against the rest: the sum of the (weighted) log-losses plus `|w|² / (2 C)`, on standardised features, with a free intercept. Several
/// columns are tried one by one and side by side; columns, strength, class weight and thresholds are chosen on rows of train that
/// are held out ([`MultilabelSettings::folds`]), and the chosen head is fitted on all rows. Where no label has 2 rows with and 2
/// without it there is nothing to choose by: all columns side by side, [`UNCHOSEN_MULTILABEL_C`], no class weights and the
/// thresholds 0.5 are taken, unless others were asked for. Same input and settings, same head, whatever the number of threads.
///
/// # Errors
/// [`TrainError`] names the column and row of values that are not finite, labels without a row, labels of every row (their
/// intercept would be infinite, and no answer of theirs could be wrong or right by the features), and settings that cannot work.
pub fn train_multilabel(
    columns: &[&FeatureColumn],
    targets: ArrayView2<'_, bool>,
    labels: &[String],
    settings: &MultilabelSettings,
    progress: &mut dyn FnMut(MultilabelProgress<'_>),
) -> Result<TrainedMultilabel, TrainError> {
    let grid = settings.checked_grid()?;
    let (rows, count) = targets.dim();
    let asked = settings.checked_folds(rows, columns.iter().map(|column| column.width()).sum())?;
    if labels.is_empty() || labels.len() != count {
        return Err(TrainError::LabelColumns { found: count, expected: labels.len() });
    }
    check_columns(columns, rows)?;
    let counts: Vec<usize> = targets.columns().into_iter().map(|has| has.iter().filter(|has| **has).count()).collect();
    let with = |wanted: usize| -> Vec<String> {
        labels.iter().zip(&counts).filter(|(_, count)| **count == wanted).map(|(label, _)| label.clone()).collect()
    };
    let (absent, everywhere) = (with(0), with(rows));
    if !absent.is_empty() {
        return Err(TrainError::ClassWithoutRows { classes: absent });
    }
    if !everywhere.is_empty() {
        return Err(TrainError::LabelInEveryRow { labels: everywhere });
    }

    let mut notes = Vec::new();
    let candidates = candidates(columns);
    // Folds need rows on both sides of a label.
    let smaller = |label: usize| counts[label].min(rows - counts[label]);
    let possible = (0..count).map(smaller).max().expect("there is a label");
    if possible < 2 {
        // The last one has all columns.
        let all = candidates.last().expect("there is a column");
        let (class_weight, c) = (settings.class_weight.unchosen(), unchosen_strength(&grid, UNCHOSEN_MULTILABEL_C));
        let unchosen = format!(
            "no label has 2 training rows with it and 2 without it, and held-out rows need them: {}, C = {c}, class weight \
             {class_weight}, thresholds 0.5; nothing tells how the head does on rows that it has not seen",
            all.name
        );
        progress(MultilabelProgress::Fitting { candidate: &all.name, c });
        let fit = Fit { columns, targets: targets.view(), labels, class_weight, c, standardise: settings.standardise };
        let (head, convergence) = fit.run(all, PrincipalAxes::unturned(), vec![HALF; count], None)?;
        return Ok(TrainedMultilabel {
            head,
            selection: None,
            unchosen: Some(unchosen),
            convergence,
            held_out: None,
            notes,
        });
    }
    let folds = if asked == 1 { 1 } else { asked.min(possible) };
    if folds < asked {
        notes.push(format!("{folds} folds instead of {asked}: no label has more rows with it and without it"));
    }
    let search = Search::new(columns, targets, settings, &grid, folds);
    let prepared = search.prepare();
    let (selection, HeldOutFit { probabilities, points }) =
        search.run(&candidates, &prepared, &mut |candidate, candidates, entry| {
            progress(MultilabelProgress::Scored { candidate, candidates, entry });
        })?;
    let best = selection.best();
    let chosen = candidates
        .iter()
        .find(|candidate| candidate.name == best.candidate)
        .expect("entries are named after candidates");
    let thresholds = match settings.threshold {
        ThresholdChoice::Tuned => label_thresholds(settings.metric, &probabilities, search.gold.view()),
        ThresholdChoice::Half => vec![HALF; count],
    };
    progress(MultilabelProgress::Fitting { candidate: &chosen.name, c: best.c });
    let fit = Fit {
        columns,
        targets: targets.view(),
        labels,
        class_weight: best.class_weight,
        c: best.c,
        standardise: settings.standardise,
    };
    let axes = PrincipalAxes::new(chosen.columns.iter().map(|&position| &prepared[position].axes).collect());
    let (head, convergence) = fit.run(chosen, axes, thresholds, Some(&points))?;
    Ok(TrainedMultilabel {
        head,
        selection: Some(selection),
        unchosen: None,
        convergence,
        held_out: Some(HeldOutProbabilities { rows: search.held_out, probabilities }),
        notes,
    })
}

/// The final fit, on all rows.
struct Fit<'a> {
    columns: &'a [&'a FeatureColumn],
    targets: ArrayView2<'a, bool>,
    labels: &'a [String],
    class_weight: ClassWeight,
    c: f64,
    standardise: bool,
}

impl<'a> Fit<'a> {
    fn run(
        &self,
        chosen: &Candidate,
        axes: PrincipalAxes<'a>,
        thresholds: Vec<f64>,
        from: Option<&[Vec<f64>]>,
    ) -> Result<(MultilabelHead, Vec<LabelConvergence>), TrainError> {
        let columns: Vec<&FeatureColumn> = chosen.columns.iter().map(|&position| self.columns[position]).collect();
        let width = columns.iter().map(|column| column.width()).sum();
        let standardiser = match self.standardise {
            true => Standardiser::fit(&columns),
            false => Standardiser::identity(width),
        };
        let targets = Targets::Labels(self.targets);
        let matrix = Matrix::new(&columns, &standardiser);
        let rough = TrainingData::<f32> { matrix, targets, outputs: 1, axes: axes.clone() };
        let exact = TrainingData::<f64> { matrix: Matrix::new(&columns, &standardiser), targets, outputs: 1, axes };
        let mut first = start(&rough, self.targets, self.class_weight, self.c, from);
        advance(&rough, &mut first, FLOAT32_TOLERANCE);
        let mut descents = self.go_on(&exact, first);
        advance(&exact, &mut descents, MULTILABEL_TOLERANCE);

        let diverged = |descent: &&Descent<Task>| {
            !descent.cost.is_finite() || descent.point.iter().any(|parameter| !parameter.is_finite())
        };
        if let Some(descent) = descents.iter().find(diverged) {
            let objective = descent.cost;
            return Err(TrainError::Diverged { columns: chosen.name.clone(), c: self.c, objective });
        }
        let convergence = descents
            .iter()
            .map(|descent| LabelConvergence {
                iterations: descent.iterations,
                objective: descent.cost,
                relative_gradient_norm: match descent.reference_norm {
                    0.0 => 0.0,
                    reference => norm(&descent.gradient) / reference,
                },
                converged: descent.converged(),
            })
            .collect();
        let points: Vec<Vec<f64>> =
            descents.iter().map(|descent| exact.along_features(descent.point.clone())).collect();
        let weights = points.iter().flat_map(|point| &point[..width]).copied().collect();
        let head = MultilabelHead {
            labels: self.labels.to_vec(),
            columns: columns
                .iter()
                .map(|column| HeadColumn { name: column.name.clone(), width: column.width() })
                .collect(),
            weights: Array2::from_shape_vec((self.labels.len(), width), weights)
                .expect("one weight a dimension and label"),
            intercept: points.iter().map(|point| point[width]).collect(),
            standardiser,
            thresholds,
            class_weight: self.class_weight,
            c: vec![self.c; self.labels.len()],
        };
        Ok((head, convergence))
    }

    /// The fits in float64, from where they ended in float32.
    fn go_on(&self, exact: &TrainingData<'_, f64>, first: Vec<Descent<Task>>) -> Vec<Descent<Task>> {
        let tasks: Vec<&Task> = first.iter().map(|descent| &descent.task).collect();
        let points: Vec<&[f64]> = first.iter().map(|descent| descent.point.as_slice()).collect();
        let evaluations = exact.evaluate(&tasks, &points);
        first.into_iter().zip(evaluations).map(|(descent, evaluation)| descent.evaluated_anew(evaluation)).collect()
    }
}
