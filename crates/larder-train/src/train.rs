//! From cached features and labels to a head.

use larder_metrics::{ClassificationScores, ConfusionMatrix, class_counts, stratified_folds};
use ndarray::Array2;

use crate::candidates::candidates;
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, LogisticHead, check_labels};
use crate::learning_curve::{LearningStep, learning_curve};
use crate::logistic::{Convergence, Problem};
use crate::objective::outputs_of;
use crate::principal_axes::PrincipalAxes;
use crate::select::{OutOfFold, PreparedColumn, Search};
use crate::selection::{ChoiceRule, Selection, SelectionEntry};
use crate::settings::{TrainSettings, UNCHOSEN_C, checked_grid, unchosen_strength};
use crate::standardise::Standardiser;
use crate::threshold::HALF;
use crate::weight::ClassWeight;

/// A step that training has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// One line of the selection table is ready.
    Scored {
        /// The zero-based number of the candidate; the last one may be the winner again, with the other class weight.
        candidate: usize,
        /// The total number.
        candidates: usize,
        /// The line.
        entry: &'a SelectionEntry,
    },
    /// The chosen head is being fitted on all of train.
    Fitting {
        /// The candidate's name.
        candidate: &'a str,
        /// The strength.
        c: f64,
    },
}

/// A trained head and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The head, fitted on all of train.
    pub head: LogisticHead,
    /// The selection table; `None` where too few rows were there for cross-validation.
    pub selection: Option<Selection>,
    /// Why nothing was chosen, and what was taken, in words; `None` where there is a selection.
    pub unchosen: Option<String>,
    /// The convergence of the final fit.
    pub convergence: Convergence,
    /// Scores on the rows it was fitted on: compare with `out_of_fold_scores` to see how much is learnt by heart.
    pub train_scores: ClassificationScores,
    /// Scores of the chosen candidate's answers to rows it was not fitted on, a tuned threshold being that of the other
    /// folds. The choice of the candidate, and whether its threshold is tuned, saw them, so they are slightly optimistic.
    pub out_of_fold_scores: Option<ClassificationScores>,
    /// Probabilities of the chosen candidate for rows it was not fitted on, `[rows, classes]`.
    pub out_of_fold_probabilities: Option<Array2<f64>>,
    /// Scores of the chosen candidate fitted on more and more of the rows, few first; empty where there are too few rows.
    pub learning_curve: Vec<LearningStep>,
    /// Deviations from the settings, in plain sentences.
    pub notes: Vec<String>,
}

/// Trains a logistic head on `columns` (float32, `[rows, hidden_size]` each) and `labels` (`[rows]`, indices of
/// `classes`).
///
/// Several columns are tried one by one and side by side; columns, strength, class weight and threshold are chosen by
/// stratified cross-validation on these rows and no others, and the chosen head is fitted on all of them. Of fewer than
/// [`FEW_ROWS`](crate::FEW_ROWS) rows all columns are taken side by side, and the strength with the smallest log-loss. Where no two
/// classes have 2 rows there is nothing to choose by: all columns side by side, [`UNCHOSEN_C`](crate::UNCHOSEN_C), no class
/// weights and the threshold 0.5 are taken, unless others were asked for. Same input and settings, same head, whatever the
/// number of threads.
///
/// # Errors
/// [`TrainError`] names the column and row of values that are not finite, the class without rows, the row of a label
/// out of range, and settings that cannot work.
pub fn train(
    columns: &[&FeatureColumn],
    labels: &[usize],
    classes: &[String],
    settings: &TrainSettings,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Trained, TrainError> {
    let grid = settings.checked_grid()?;
    if settings.folds < 2 {
        return Err(TrainError::TooFewFolds { found: settings.folds });
    }
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses { found: classes.len() });
    }
    check_columns(columns, labels.len())?;
    check_labels(labels, classes.len())?;
    let counts = class_counts(labels, classes.len())?;
    let empty: Vec<String> =
        classes.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(class, _)| class.clone()).collect();
    if !empty.is_empty() {
        return Err(TrainError::ClassWithoutRows { classes: empty });
    }

    let mut notes = Vec::new();
    let rule = ChoiceRule::of_rows(labels.len());
    let mut candidates = candidates(columns);
    if rule == ChoiceRule::LogLoss {
        // The last one has all columns.
        candidates.drain(..candidates.len() - 1);
    }
    let folds = possible_folds(&counts, settings.folds);
    let mut curve = Vec::new();
    let mut unchosen = None;
    let fold_of_row = if folds < 2 { Vec::new() } else { stratified_folds(labels, folds, settings.seed)? };
    let prepared = match folds {
        0 | 1 => Vec::new(),
        _ => PreparedColumn::all(columns, settings.standardise, &fold_of_row, folds),
    };
    let (chosen, class_weight, c, selected) = if folds < 2 {
        // The last one has all columns.
        let all = candidates.last().expect("there is a column");
        let (class_weight, c) = (settings.class_weight.unchosen(), unchosen_strength(&grid, UNCHOSEN_C));
        let rarest = rarest(&counts);
        unchosen = Some(format!(
            "class `{}` has {} training row(s), and folds need two classes of 2 rows at least: {}, C = {c}, class weight \
             {class_weight}{}; nothing tells how the head does on rows that it has not seen",
            classes[rarest],
            counts[rarest],
            all.name,
            if classes.len() == 2 { ", threshold 0.5" } else { "" }
        ));
        (all, class_weight, c, None)
    } else {
        if folds < settings.folds {
            let rarest = rarest(&counts);
            notes.push(format!(
                "{folds} folds instead of {}: class `{}` has {} training rows",
                settings.folds, classes[rarest], counts[rarest]
            ));
        }
        let search = Search {
            columns,
            labels,
            classes: classes.len(),
            settings,
            grid: &grid,
            fold_of_row: &fold_of_row,
            folds,
            prepared: &prepared,
            rule,
        };
        let (selection, out_of_fold) = search.run(&candidates, &mut |candidate, candidates, entry| {
            progress(Progress::Scored { candidate, candidates, entry });
        })?;
        let best = selection.best();
        let chosen = candidates
            .iter()
            .find(|candidate| candidate.name == best.candidate)
            .expect("entries are named after candidates");
        curve = learning_curve(&search, chosen, best)?;
        (chosen, best.class_weight, best.c, Some((selection, out_of_fold)))
    };

    progress(Progress::Fitting { candidate: &chosen.name, c });
    let threshold = match &selected {
        Some((_, out_of_fold)) => out_of_fold.threshold,
        None => (classes.len() == 2).then_some(HALF),
    };
    // Without folds there are too few rows for axes to help.
    let of_chosen = chosen.columns.iter().filter_map(|&position| prepared.get(position));
    let axes = PrincipalAxes::new(of_chosen.map(|column| &column.axes).collect());
    let chosen_columns: Vec<&FeatureColumn> = chosen.columns.iter().map(|&position| columns[position]).collect();
    let width = chosen_columns.iter().map(|column| column.width()).sum();
    let standardiser =
        if settings.standardise { Standardiser::fit(&chosen_columns) } else { Standardiser::identity(width) };
    let (head, convergence) = fit(&chosen_columns, axes, labels, classes, class_weight, c, threshold, standardiser)?;
    let scores = |predictions: &[usize]| -> Result<ClassificationScores, TrainError> {
        Ok(ClassificationScores::from(&ConfusionMatrix::from_classes(labels, predictions, classes.len())?))
    };
    let train_scores = scores(&head.predict(columns)?)?;
    let (selection, out_of_fold) = selected.unzip();
    let out_of_fold_scores = match &out_of_fold {
        Some(OutOfFold { predictions, .. }) => Some(scores(predictions)?),
        None => None,
    };
    Ok(Trained {
        head,
        selection,
        unchosen,
        convergence,
        train_scores,
        out_of_fold_scores,
        out_of_fold_probabilities: out_of_fold.map(|out_of_fold| out_of_fold.probabilities),
        learning_curve: curve,
        notes,
    })
}

/// Fits a logistic head on all `columns` side by side with nothing chosen: the strength `c`, `class_weight` and `standardiser` are given, and
/// the threshold of two classes is 0.5. Columns are float32 `[rows, hidden_size]`, `labels` `[rows]` are indices of `classes`.
///
/// # Errors
/// [`TrainError`] as from [`train`].
pub fn fit_logistic(
    columns: &[&FeatureColumn],
    labels: &[usize],
    classes: &[String],
    class_weight: ClassWeight,
    c: f64,
    standardiser: &Standardiser,
) -> Result<LogisticHead, TrainError> {
    checked_grid(&[c])?;
    check_columns(columns, labels.len())?;
    check_labels(labels, classes.len())?;
    let threshold = (classes.len() == 2).then_some(HALF);
    let axes = PrincipalAxes::new(Vec::new());
    Ok(fit(columns, axes, labels, classes, class_weight, c, threshold, standardiser.clone())?.0)
}

/// Fits the chosen head on all rows.
#[expect(clippy::too_many_arguments, reason = "the parts of one decision, used once")]
fn fit(
    columns: &[&FeatureColumn],
    axes: PrincipalAxes<'_>,
    labels: &[usize],
    classes: &[String],
    class_weight: ClassWeight,
    c: f64,
    threshold: Option<f64>,
    standardiser: Standardiser,
) -> Result<(LogisticHead, Convergence), TrainError> {
    let width = columns.iter().map(|column| column.width()).sum();
    let problem =
        Problem { columns, standardiser: &standardiser, axes, labels, classes: classes.len(), class_weight, c };
    let (mut parameters, convergence) = problem.solve()?;
    let outputs = outputs_of(classes.len());
    let intercept = parameters.split_off(outputs * width);
    let head = LogisticHead {
        classes: classes.to_vec(),
        columns: columns.iter().map(|column| HeadColumn { name: column.name.clone(), width: column.width() }).collect(),
        weights: Array2::from_shape_vec((outputs, width), parameters).expect("one weight a dimension and output"),
        intercept,
        standardiser,
        threshold,
        class_weight,
        c,
    };
    Ok((head, convergence))
}

/// The most folds, up to `asked`, in which every training part has rows of at least two classes and, for two classes,
/// every fold can have a row of both.
fn possible_folds(counts: &[u64], asked: usize) -> usize {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable_by(|first, second| second.cmp(first));
    asked.min(sorted[1] as usize)
}

fn rarest(counts: &[u64]) -> usize {
    (0..counts.len()).min_by_key(|&class| counts[class]).expect("there are two classes or more")
}
