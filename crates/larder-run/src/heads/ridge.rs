//! Ridge regression over texts, fitted on all of train; columns and penalty are chosen by leave-one-out.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{Diagnosis, Method, RunDiagnosis, TargetSummary, Tried, Weighing, diagnose_targets};
use larder_files::Provenance;
use larder_metrics::{Calibration, Metric, RegressionScores, score_regression};
use larder_onnx::Value;
use larder_store::TextTargets;
use larder_train::{FeatureColumn, RidgeHead, RidgeProgress, RidgeSelection, RidgeSettings, train_ridge};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{self, HELD_OUT, SHOWN_CANDIDATES, rule, sentences};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::features::load_columns;
use crate::findings::FitFacts;
use crate::page::{Candidate, Fact, Line, Plot, Training};
use crate::{Event, Observer, RunError, RunRecord, TextTable};

pub(super) const TASK: Task = Task::Regression;
pub(super) const KIND: &str = "ridge";
/// The metric of findings about held-out rows.
const METRIC: &str = "pearson";

/// A ridge regression, as chosen and fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RidgeRecord {
    /// The settings asked for, with the range of the dataset.
    pub settings: RidgeSettings,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// The targets of train.
    pub targets: TargetSummary,
    /// The table of the selection; `None` if there were too few rows.
    pub selection: Option<RidgeSelection>,
    /// Why nothing was chosen, and what was used instead.
    pub unchosen: Option<String>,
    /// Scores on the rows the head was fitted on.
    pub train_scores: RegressionScores,
    /// Scores of the answers to each row by a fit on all others.
    pub held_out_scores: Option<RegressionScores>,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &RidgeSettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date. The range is the dataset's.
    let RidgeSettings { grid, standardise, minimum: _, maximum: _ } = settings;
    provenance.with("head", KIND).with("alpha", selection::strengths(grid)).with("standardise", standardise)
}

pub(super) fn fit(
    settings: &RidgeSettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let range = request.spec.target;
    let settings = RidgeSettings { minimum: range.minimum, maximum: range.maximum, ..settings.clone() };
    let targets = numbers(request)?;
    let columns = load_columns(request.features, request.columns)?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = train_ridge(&borrowed, &targets, &settings, &mut |progress| {
        let RidgeProgress::Scored { candidate, candidates, entry } = progress;
        observer.event(Event::Training { done: candidate, total: candidates, what: &entry.candidate });
    })?;
    let held_out = trained.leave_one_out.as_ref();
    let calibration = held_out.map(|answers| Calibration::of_numbers(&targets, answers));
    let record = RidgeRecord {
        settings,
        pair: request.spec.columns.text_b.is_some(),
        targets: TargetSummary::of(&targets),
        selection: trained.selection,
        unchosen: trained.unchosen,
        train_scores: score_regression(&targets, &trained.train_predictions)?,
        held_out_scores: held_out.map(|answers| score_regression(&targets, answers)).transpose()?,
    };
    Ok(FittedHead {
        record: HeadRecord::Ridge(record),
        train_counts: vec![targets.len()],
        head: Head::Ridge(trained.head),
        facts: FitFacts::default(),
        notes: trained.notes,
        calibration,
    })
}

/// Returns the targets, `[rows]`.
pub(super) fn numbers(request: &FitRequest<'_>) -> Result<Vec<f64>, RunError> {
    let file = request.features;
    let no_target = |row| RunError::NoLabel { features: file.path().to_path_buf(), row };
    let TextTargets::Number(targets) = file.targets()? else { return Err(no_target(0)) };
    targets.into_iter().enumerate().map(|(row, target)| target.ok_or_else(|| no_target(row))).collect()
}

impl HeadDetails for RidgeRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: TASK,
            kind: KIND.to_owned(),
            is_pair: self.pair,
            is_sound: self.selection.as_ref().is_none_or(|selection| selection.chosen < selection.entries.len()),
            metric: Some(Metric::default()),
            compares_features: true,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn range(&self) -> (Option<f64>, Option<f64>) {
        (self.settings.minimum, self.settings.maximum)
    }

    fn targets(&self) -> Option<&TargetSummary> {
        Some(&self.targets)
    }

    fn uncalibrated(&self) -> Option<String> {
        let why = self.unchosen.as_ref()?;
        Some(format!("{why}; train on more rows"))
    }

    fn weighing(&self) -> Weighing {
        Weighing::Alike
    }

    fn held_out(&self, _: &str, _: Metric) -> Option<(f64, String)> {
        self.held_out_scores.as_ref().map(|scores| (scores.pearson, HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        let chosen: &[&str] = match self.selection.is_some() && self.settings.grid.len() > 1 {
            true => &["the penalty"],
            false => &[],
        };
        Method::Frozen(Tried { columns, metric: METRIC, chosen })
    }

    fn findings(&self, record: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        diagnose_targets(&self.targets, self.held_out_scores.as_ref(), &self.method(&record.columns_tried))
    }

    fn facts(&self, _: &RunRecord, _: Option<&Head>) -> Vec<Fact> {
        let mut facts = vec![
            Fact::new("chosen by", "leave-one-out error"),
            Fact::new("features standardised", if self.settings.standardise { "yes" } else { "no" }),
        ];
        if let Some(chosen) = self.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
            facts.push(Fact::new("alpha", format!("{:e}", chosen.alpha)));
        }
        let bounds = [("smallest answer", self.settings.minimum), ("largest answer", self.settings.maximum)];
        facts.extend(bounds.into_iter().filter_map(|(name, bound)| Some(Fact::new(name, bound?))));
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let Some(selection) = &self.selection else {
            return Training { sentences: sentences(self.fit(), self.unchosen.as_deref()), ..Training::default() };
        };
        let chosen = selection.entries.get(selection.chosen).map(|entry| entry.candidate.as_str());
        let candidates = selection.best_by_candidate().into_iter().map(|entry| Candidate {
            name: entry.candidate.clone(),
            settings: format!("alpha {:e}", entry.alpha),
            score: entry.loo_rmse,
            standard_error: None,
            chosen: Some(entry.candidate.as_str()) == chosen,
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        candidates.sort_by(|a, b| a.score.total_cmp(&b.score));
        let mut lines: Vec<Line> = Vec::new();
        for entry in &selection.entries {
            let point = (entry.alpha, entry.loo_rmse);
            match lines.iter_mut().find(|line| line.name == entry.candidate) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name: entry.candidate.clone(), points: vec![point], marked: true }),
            }
        }
        lines.retain(|line| candidates.iter().take(5).any(|candidate| candidate.name == line.name));
        let plot = Plot {
            title: "leave-one-out RMSE".to_owned(),
            x: "alpha (large is strong regularisation)".to_owned(),
            lines,
            levels: Vec::new(),
            logarithmic_x: true,
        };
        Training {
            sentences: sentences(self.fit(), None),
            plots: Ok(if self.settings.grid.len() > 1 { vec![plot] } else { Vec::new() }),
            candidates,
            candidate_score: "leave-one-out RMSE".to_owned(),
            rule: selection.rule.clone(),
        }
    }

    fn selection(&self) -> Option<(TextTable, String)> {
        let selection = self.selection.as_ref()?;
        let mut table = TextTable::new(&["candidate", "alpha", "leave-one-out RMSE", "Pearson"]);
        let mut best = selection.best_by_candidate();
        best.sort_by(|a, b| a.loo_rmse.total_cmp(&b.loo_rmse));
        for entry in best.iter().take(SHOWN_CANDIDATES) {
            table.push([
                entry.candidate.clone(),
                format!("{:e}", entry.alpha),
                format!("{:.4}", entry.loo_rmse),
                entry.loo_pearson.map_or_else(|| "none".to_owned(), |pearson| format!("{pearson:.3}")),
            ]);
        }
        Some((table, rule(&selection.rule)))
    }

    fn summary(&self) -> String {
        self.fit()
    }
}

impl RidgeRecord {
    /// Returns the fit in a sentence.
    fn fit(&self) -> String {
        let own = &self.train_scores;
        let own = format!("Pearson {:.3}, RMSE {:.3} on its own rows", own.pearson, own.rmse);
        match &self.held_out_scores {
            Some(held_out) => format!(
                "{own}; {:.3} and {:.3} on each row by a fit on all others; RMSE of the mean {:.3}",
                held_out.pearson, held_out.rmse, self.targets.deviation
            ),
            None => own,
        }
    }
}

/// Adds the head to a graph: `logits` is the number before it is clipped, `prediction` behind.
pub(super) fn append(nodes: &mut HeadNodes<'_>, head: &RidgeHead, columns: &[Value]) -> Vec<HeadOutput> {
    let values = nodes.features(columns, &head.standardiser, 2);
    let weights = Array2::from_shape_vec((1, head.weights.len()), head.weights.clone()).expect("one row of weights");
    let [weight, bias] = nodes.parameters(&weights, &[head.intercept]);
    let logits = nodes.scoped(|b| b.linear(&values, &weight, &bias));
    nodes.number_outputs(logits, head.minimum, head.maximum)
}
