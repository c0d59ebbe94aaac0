//! Logistic regression over texts with any number of labels, fitted on all of train; columns, strength, class weight and
//! thresholds are chosen on held-out rows.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{
    Diagnosis, Fit, Gap, Method, RunDiagnosis, Tried, Weighing, diagnose_fit, diagnose_gap, diagnose_thresholds,
};
use larder_errors::count;
use larder_files::Provenance;
use larder_metrics::{
    Calibration, LabelSets, Metric, MultilabelAnswers, MultilabelScores, TrainLabels, score_multilabel,
};
use larder_onnx::Value;
use larder_store::TextTargets;
use larder_train::{
    FeatureColumn, MULTILABEL_TOLERANCE, MultilabelHead, MultilabelProgress, MultilabelSelection, MultilabelSettings,
    train_multilabel,
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{self, HELD_OUT, SHOWN_CANDIDATES, by_strength, rule, sentences, stronger};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::features::load_columns;
use crate::findings::FitFacts;
use crate::page::{Candidate, Fact, Training};
use crate::{Event, Observer, RunError, RunRecord, TextTable};

pub(super) const TASK: Task = Task::Multilabel;
/// The word behind `--head`; the task tells it from one label a text.
pub(super) const KIND: &str = "logistic";

/// The convergence of the labels' fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelFits {
    /// Most steps of a label.
    pub iterations: usize,
    /// The largest gradient norm, relative to that at zero weights.
    pub relative_gradient_norm: f64,
    /// True if all fits came to rest.
    pub converged: bool,
}

/// A multi-label head, as chosen and fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultilabelRecord {
    /// The settings asked for.
    pub settings: MultilabelSettings,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// The labels of train, for constant answers.
    pub train_labels: TrainLabels,
    /// The table of the selection; `None` if there were too few rows.
    pub selection: Option<MultilabelSelection>,
    /// Why nothing was chosen, and what was used instead.
    pub unchosen: Option<String>,
    /// The threshold of each label, `[labels]`; empty in records of earlier versions.
    #[serde(default)]
    pub thresholds: Vec<f64>,
    /// The convergence of the final fits.
    pub fits: LabelFits,
    /// Scores on the rows the head was fitted on.
    pub train_scores: MultilabelScores,
    /// Scores on held-out rows, which chose the thresholds.
    pub held_out_scores: Option<MultilabelScores>,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &MultilabelSettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date.
    let MultilabelSettings { metric, folds, grid, class_weight, threshold, standardise, seed } = settings;
    provenance
        .with("head", KIND)
        .with("metric", metric)
        .with("folds", folds.map_or_else(|| "by rows".to_owned(), |folds| folds.to_string()))
        .with("c", selection::strengths(grid))
        .with("class_weight", class_weight)
        .with("threshold", threshold)
        .with("standardise", standardise)
        .with("seed", seed)
}

pub(super) fn fit(
    settings: &MultilabelSettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let labels = request.labels;
    let gold = gold(request)?;
    let columns = load_columns(request.features, request.columns)?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = train_multilabel(&borrowed, gold.view(), labels.names(), settings, &mut |progress| {
        let (done, total, what) = match progress {
            MultilabelProgress::Scored { candidate, candidates, entry } => {
                (candidate, candidates, entry.candidate.as_str())
            }
            MultilabelProgress::Fitting { candidate, .. } => (1, 1, candidate),
        };
        observer.event(Event::Training { done, total, what });
    })?;
    let scores = |gold: &Array2<bool>, probabilities: &Array2<f64>| -> Result<MultilabelScores, RunError> {
        let sets = LabelSets::new(gold.iter().copied().collect(), gold.ncols())?;
        let answers =
            MultilabelAnswers::from_thresholds(probabilities.iter().copied().collect(), &trained.head.thresholds)?;
        Ok(score_multilabel(&sets, &answers)?)
    };
    let calibration = trained.held_out.as_ref().map(|held_out| {
        let rows: Vec<Vec<f64>> = held_out.probabilities.rows().into_iter().map(|row| row.to_vec()).collect();
        let labels_of = |&row: &usize| -> Vec<usize> {
            gold.row(row).iter().enumerate().filter(|(_, has)| **has).map(|(label, _)| label).collect()
        };
        let sets = held_out.rows.iter().map(labels_of);
        Calibration::of_label_sets(&held_out.rows, rows.iter().map(Vec::as_slice), sets)
    });
    let held_out_scores = match &trained.held_out {
        None => None,
        Some(held_out) => Some(scores(&gold.select(ndarray::Axis(0), &held_out.rows), &held_out.probabilities)?),
    };
    let sets = LabelSets::new(gold.iter().copied().collect(), gold.ncols())?;
    let train_counts =
        sets.label_counts().into_iter().map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)).collect();
    let fits = LabelFits {
        iterations: trained.convergence.iter().map(|fit| fit.iterations).max().unwrap_or(0),
        relative_gradient_norm: trained.convergence.iter().map(|fit| fit.relative_gradient_norm).fold(0.0, f64::max),
        converged: trained.convergence.iter().all(|fit| fit.converged),
    };
    let record = MultilabelRecord {
        settings: settings.clone(),
        pair: request.spec.columns.text_b.is_some(),
        train_labels: TrainLabels::of(&sets),
        thresholds: trained.head.thresholds.clone(),
        train_scores: scores(&gold, &trained.head.probabilities(&borrowed)?)?,
        held_out_scores,
        selection: trained.selection,
        unchosen: trained.unchosen,
        fits,
    };
    Ok(FittedHead {
        record: HeadRecord::Multilabel(Box::new(record)),
        train_counts,
        head: Head::Multilabel(trained.head),
        facts: FitFacts::default(),
        notes: trained.notes,
        calibration,
    })
}

/// Returns whether each row has each label, `[rows, labels]`.
pub(super) fn gold(request: &FitRequest<'_>) -> Result<Array2<bool>, RunError> {
    let file = request.features;
    let features = || file.path().to_path_buf();
    let TextTargets::Labels(targets) = file.targets()? else {
        return Err(RunError::NoLabel { features: features(), row: 0 });
    };
    let mut gold = Array2::from_elem((targets.len(), request.labels.len()), false);
    for (row, labels) in targets.into_iter().enumerate() {
        for label in labels.ok_or_else(|| RunError::NoLabel { features: features(), row })? {
            let known = || request.labels.names().to_vec();
            let unknown = |label| RunError::UnknownLabel { features: features(), row, label, known: known() };
            let index = request.labels.index(&label).map_err(|_| unknown(label))?;
            gold[[row, index]] = true;
        }
    }
    Ok(gold)
}

impl HeadDetails for MultilabelRecord {
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

    fn train_labels(&self) -> Option<&TrainLabels> {
        Some(&self.train_labels)
    }

    fn uncalibrated(&self) -> Option<String> {
        let why = self.unchosen.as_ref()?;
        Some(format!("{why}; train on more rows"))
    }

    fn weighing(&self) -> Weighing {
        self.selection.as_ref().map_or(Weighing::Alike, |found| selection::weighing(found.best().class_weight))
    }

    fn held_out(&self, _: &str, _: Metric) -> Option<(f64, String)> {
        self.held_out_scores.as_ref().map(|scores| (scores.macro_avg.f1, HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        let chosen: &[&str] = match self.selection.is_some() {
            true => &["the strength", "the thresholds"],
            false => &[],
        };
        Method::Frozen(Tried { columns, metric: self.settings.metric.as_str(), chosen })
    }

    fn findings(&self, record: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        let fit = Fit {
            iterations: self.fits.iterations,
            relative_gradient: self.fits.relative_gradient_norm,
            expected: MULTILABEL_TOLERANCE,
            streamed: false,
            standardised: self.settings.standardise,
        };
        let mut found = Vec::new();
        if !self.fits.converged {
            found.extend(diagnose_fit(&fit));
        }
        if self.selection.is_some() {
            found.extend(diagnose_thresholds(&record.display, &self.thresholds));
        }
        if let Some(held_out) = &self.held_out_scores {
            found.extend(diagnose_gap(&Gap {
                score: "macro F1",
                own: self.train_scores.macro_avg.f1,
                held_out: held_out.macro_avg.f1,
                remedy: stronger(&self.settings.grid),
            }));
        }
        found
    }

    fn facts(&self, _: &RunRecord, head: Option<&Head>) -> Vec<Fact> {
        let mut facts = vec![
            Fact::new("chosen by", self.settings.metric),
            Fact::new("features standardised", if self.settings.standardise { "yes" } else { "no" }),
            Fact::new("seed", self.settings.seed),
        ];
        if let Some(chosen) = self.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
            facts.push(Fact::new("C", format!("{:e}", chosen.c)));
            facts.push(Fact::new("class weight", chosen.class_weight));
        }
        facts.extend(selection::thresholds(head));
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let Some(selection) = &self.selection else {
            return Training { sentences: sentences(self.fit(), self.unchosen.as_deref()), ..Training::default() };
        };
        let chosen = selection.entries.get(selection.chosen).map(|entry| entry.candidate.as_str());
        let candidates = selection.best_by_candidate().into_iter().map(|entry| Candidate {
            name: entry.candidate.clone(),
            settings: format!("C {:e}, class weight {}", entry.c, entry.class_weight),
            score: entry.score,
            standard_error: Some(entry.standard_error),
            chosen: Some(entry.candidate.as_str()) == chosen,
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        let scored = selection.entries.iter().map(|entry| (entry.candidate.as_str(), entry.c, entry.score));
        Training {
            sentences: sentences(self.fit(), None),
            plots: Ok(by_strength(scored, &format!("{} on {HELD_OUT}", selection.metric))),
            candidates,
            candidate_score: format!("{} on {HELD_OUT}", selection.metric),
            rule: selection.rule.clone(),
        }
    }

    fn selection(&self) -> Option<(TextTable, String)> {
        let selection = self.selection.as_ref()?;
        let mut table = TextTable::new(&["candidate", "C", "class weight", selection.metric.as_str(), "AUC"]);
        let mut best = selection.best_by_candidate();
        best.sort_by(|a, b| b.score.total_cmp(&a.score));
        for entry in best.iter().take(SHOWN_CANDIDATES) {
            table.push([
                entry.candidate.clone(),
                format!("{:e}", entry.c),
                entry.class_weight.to_string(),
                format!("{:.3} ± {:.3}", entry.score, entry.standard_error),
                format!("{:.3}", entry.auc),
            ]);
        }
        Some((table, rule(&selection.rule)))
    }

    fn summary(&self) -> String {
        self.fit()
    }
}

impl MultilabelRecord {
    /// Returns the fit in a sentence.
    fn fit(&self) -> String {
        let rest = if self.fits.converged { "converged" } else { "did not come to rest" };
        let own = format!(
            "The fits of {} labels {rest}; macro F1 is {:.3} on their own rows",
            count(self.train_labels.shares.len() as u64),
            self.train_scores.macro_avg.f1
        );
        match &self.held_out_scores {
            Some(held_out) => {
                format!("{own}, {:.3} on held-out ones, which chose the thresholds", held_out.macro_avg.f1)
            }
            None => own,
        }
    }
}

/// Adds the head to a graph: each label's logistic function and threshold.
pub(super) fn append(nodes: &mut HeadNodes<'_>, head: &MultilabelHead, columns: &[Value]) -> Vec<HeadOutput> {
    let values = nodes.features(columns, &head.standardiser, 2);
    let [weight, bias] = nodes.parameters(&head.weights, &head.intercept);
    let logits = nodes.scoped(|b| b.linear(&values, &weight, &bias));
    nodes.label_outputs(logits, &head.thresholds)
}
