//! Logistic regression over texts, fitted on all of train; columns, strength, weights and threshold are chosen by
//! cross-validation.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{
    Choice, Curve, Diagnosis, Gap, HeldOutAnswers, Method, RunDiagnosis, Tried, Weighing, diagnose_curve,
    diagnose_edge, diagnose_gap, diagnose_label_errors, diagnose_nothing_found,
};
use larder_files::Provenance;
use larder_metrics::{Calibration, ClassificationScores, Metric};
use larder_onnx::Value;
use larder_train::{
    CONVERGENCE_TOLERANCE, ClassWeight, Convergence, FeatureColumn, LogisticHead, Selection, SelectionEntry,
    TrainSettings, Trained,
};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{
    self, HELD_OUT, SHOWN_CANDIDATES, by_strength, convergence, fit_finding, gain, rule, sentences, stronger, tuning,
};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::features::{counts, gold, load_columns};
use crate::findings::{FitFacts, held_out_loss, score};
use crate::page::{Candidate, Fact, Training};
use crate::{Event, Observer, RunError, RunRecord, TextTable};

pub(super) const TASK: Task = Task::Sequence;
pub(super) const KIND: &str = "logistic";

/// A logistic head, as chosen and fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogisticRecord {
    /// The settings asked for.
    pub settings: TrainSettings,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// The cross-validation; `None` if there were too few rows.
    pub selection: Option<Selection>,
    /// Why nothing was chosen, and what was used instead.
    #[serde(default)]
    pub unchosen: Option<String>,
    /// The convergence of the final fit.
    pub convergence: Convergence,
    /// Scores on the rows the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on rows of train that the answering fit had not seen.
    pub out_of_fold_scores: Option<ClassificationScores>,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &TrainSettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date.
    let TrainSettings { metric, folds, grid, class_weight, threshold, standardise, seed } = settings;
    provenance
        .with("head", "logistic")
        .with("metric", metric)
        .with("folds", folds)
        .with("c", selection::strengths(grid))
        .with("class_weight", class_weight)
        .with("threshold", threshold)
        .with("standardise", standardise)
        .with("seed", seed)
}

pub(super) fn fit(
    settings: &TrainSettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let labels = request.labels;
    let gold = gold(request.features, labels.names())?;
    let columns = load_columns(request.features, request.columns)?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = larder_train::train(&borrowed, &gold, labels.names(), settings, &mut |progress| {
        let (done, total, what) = match progress {
            larder_train::Progress::Scored { candidate, candidates, entry } => {
                (candidate, candidates, entry.candidate.as_str())
            }
            larder_train::Progress::Fitting { candidate, .. } => (1, 1, candidate),
        };
        observer.event(Event::Training { done, total, what });
    })?;
    let calibration = trained.out_of_fold_probabilities.as_ref().map(|probabilities| {
        let rows: Vec<Vec<f64>> = probabilities.rows().into_iter().map(|row| row.to_vec()).collect();
        Calibration::of_labels(rows.iter().map(Vec::as_slice), &gold)
    });
    let facts = facts(&trained, &gold, labels.display());
    let record = LogisticRecord {
        settings: settings.clone(),
        pair: request.spec.columns.text_b.is_some(),
        selection: trained.selection,
        unchosen: trained.unchosen,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        out_of_fold_scores: trained.out_of_fold_scores,
    };
    Ok(FittedHead {
        record: HeadRecord::Logistic(record),
        train_counts: counts(&gold, labels.len()),
        head: Head::Logistic(trained.head),
        facts,
        notes: trained.notes,
        calibration,
    })
}

/// Returns the facts from the held-out answers; `names` are the classes' display names.
fn facts(trained: &Trained, gold: &[usize], names: &[String]) -> FitFacts {
    let held_out = trained.out_of_fold_probabilities.as_ref().zip(trained.out_of_fold_scores.as_ref());
    let Some((probabilities, scores)) = held_out else { return FitFacts::default() };
    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let answers = HeldOutAnswers { probabilities: &flat, labels: gold, classes: names, mcc: scores.mcc };
    FitFacts {
        held_out: held_out_loss(probabilities, gold, trained.head.class_weight, scores.mcc),
        label_errors: diagnose_label_errors(&answers),
        curve: trained.learning_curve.clone(),
    }
}

impl LogisticRecord {
    /// Returns the columns offered, and the other choices made.
    fn tried<'a>(&self, columns: &'a [String]) -> Tried<'a> {
        let tuned = self.selection.as_ref().is_some_and(|selection| selection.best().has_tuned_threshold());
        let chosen: &[&str] = match (self.selection.is_some() && self.settings.grid.len() > 1, tuned) {
            (true, true) => &["the strength", "the threshold"],
            (true, false) => &["the strength"],
            (false, true) => &["the threshold"],
            (false, false) => &[],
        };
        Tried { columns, metric: self.settings.metric.as_str(), chosen }
    }
}

impl HeadDetails for LogisticRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: TASK,
            kind: KIND.to_owned(),
            is_pair: self.pair,
            is_sound: self.selection.as_ref().is_none_or(|selection| selection.chosen < selection.entries.len()),
            metric: Some(self.settings.metric),
            compares_features: true,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn uncalibrated(&self) -> Option<String> {
        let why = self.unchosen.as_ref()?;
        Some(format!("{why}; train on more rows"))
    }

    fn weighing(&self) -> Weighing {
        let tried = self.settings.class_weight.candidates(self.settings.metric);
        match &self.selection {
            Some(selection) => match selection::weighing(selection.best().class_weight) {
                Weighing::Alike
                    if selection.entries.iter().any(|entry| entry.class_weight == ClassWeight::Balanced) =>
                {
                    Weighing::TriedAndLeft
                }
                taken => taken,
            },
            None => selection::weighing(tried[0]),
        }
    }

    fn held_out(&self, _: &str, metric: Metric) -> Option<(f64, String)> {
        self.out_of_fold_scores.as_ref().map(|scores| (score(scores, metric), HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        Method::Frozen(self.tried(columns))
    }

    fn findings(&self, record: &RunRecord, facts: &FitFacts, diagnosis: &mut RunDiagnosis) -> Vec<Diagnosis> {
        let mut found: Vec<Diagnosis> =
            fit_finding(&self.convergence, CONVERGENCE_TOLERANCE, self.settings.standardise).into_iter().collect();
        let choice = self.selection.as_ref().map(|selection| {
            let best = selection.best();
            Choice {
                candidate: &best.candidate,
                c: best.c,
                grid: &self.settings.grid,
                metric: selection.metric,
                mean: best.mean,
                standard_error: best.standard_error(),
                folds: selection.folds,
                next: next_to_chosen(selection),
            }
        });
        found.extend(choice.as_ref().and_then(diagnose_edge));
        let nothing =
            diagnose_nothing_found(choice.as_ref(), facts.held_out.as_ref(), &self.tried(&record.columns_tried));
        if let Some(held_out) = &self.out_of_fold_scores {
            let metric = self.settings.metric;
            found.extend(diagnose_gap(&Gap {
                score: metric.as_str(),
                own: score(&self.train_scores, metric),
                held_out: score(held_out, metric),
                remedy: stronger(&self.settings.grid),
            }));
        }
        found.extend(nothing);
        if let Some(selection) = &self.selection {
            let points: Vec<(usize, f64)> = facts.curve.iter().map(|step| (step.rows, step.score)).collect();
            let standard_error = selection.best().standard_error();
            let curve = Curve { metric: selection.metric, points: &points, standard_error };
            found.extend(diagnose_curve(&curve));
            diagnosis.learning_curve = curve.to_points();
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
        facts.extend(selection::threshold(head));
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let seen = self.out_of_fold_scores.as_ref().map_or_else(String::new, |scores| {
            format!(", {:.3} on rows of train that its fits had not seen", scores.accuracy)
        });
        let sentence = format!(
            "{}; accuracy is {:.3} on its own rows{seen}.",
            convergence(&self.convergence),
            self.train_scores.accuracy
        );
        let training = Training { sentences: sentences(sentence, self.unchosen.as_deref()), ..Training::default() };
        let Some(selection) = &self.selection else { return training };
        let entries = selection.entries.iter().map(|entry| (entry.candidate.as_str(), entry.c, entry.mean));
        Training {
            plots: Ok(by_strength(entries, &format!("{} by strength, cross-validated on train", selection.metric))),
            candidates: candidates(selection),
            rule: selection.rule.clone(),
            candidate_score: format!("{}, mean of {} folds ± standard error", selection.metric, selection.folds),
            ..training
        }
    }

    fn selection(&self) -> Option<(TextTable, String)> {
        self.selection.as_ref().map(table)
    }

    fn summary(&self) -> String {
        let fit = &self.convergence;
        let state = if fit.converged { "converged" } else { "NOT converged" };
        format!(
            "final fit: {state}; accuracy {:.3} on its own rows{}",
            self.train_scores.accuracy,
            self.out_of_fold_scores
                .as_ref()
                .map_or_else(String::new, |scores| format!(", {:.3} on rows it had not seen", scores.accuracy))
        )
    }

    fn solver(&self) -> Option<String> {
        let fit = &self.convergence;
        Some(format!(
            "solver: {} iterations, objective {:.3}, gradient {:.0e} of that at zero weights",
            fit.iterations, fit.objective, fit.relative_gradient_norm
        ))
    }
}

/// Returns the mean of the chosen candidate at the strength next to the chosen one, away from the edge of the grid.
fn next_to_chosen(selection: &Selection) -> Option<f64> {
    let best = selection.best();
    let alike =
        |entry: &&SelectionEntry| (&entry.candidate, entry.class_weight) == (&best.candidate, best.class_weight);
    let mut entries: Vec<&SelectionEntry> = selection.entries.iter().filter(alike).collect();
    entries.sort_by(|a, b| a.c.total_cmp(&b.c));
    let place = entries.iter().position(|entry| entry.c == best.c)?;
    let next = if place == 0 { entries.get(1) } else { entries.get(place - 1) };
    next.map(|entry| entry.mean)
}

/// Returns the best entry of each candidate: the chosen one first, then by mean.
fn best_entries(selection: &Selection) -> Vec<&SelectionEntry> {
    let Some(chosen) = selection.entries.get(selection.chosen) else { return Vec::new() };
    let mut entries = selection.best_by_candidate();
    entries.retain(|entry| entry.candidate != chosen.candidate);
    entries.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    entries.insert(0, chosen);
    entries
}

fn candidates(selection: &Selection) -> Vec<Candidate> {
    let candidate = |(at, entry): (usize, &SelectionEntry)| Candidate {
        name: entry.candidate.clone(),
        settings: format!(
            "C {:e}, class weight {}{}",
            entry.c,
            entry.class_weight,
            tuning("threshold", entry.threshold_gain, 0.5)
        ),
        score: entry.mean,
        standard_error: Some(entry.standard_error()),
        chosen: at == 0,
    };
    best_entries(selection).into_iter().enumerate().map(candidate).collect()
}

fn table(selection: &Selection) -> (TextTable, String) {
    let metric = format!("{}, mean of {} folds", selection.metric, selection.folds);
    let tunes = selection.entries.iter().any(|entry| entry.threshold_gain.is_some());
    let mut header = vec!["features", "C", "class weight", &metric, "sd", "AUC", "folds"];
    if tunes {
        header.extend(["threshold", "tuning gains"]);
    }
    let mut table = TextTable::new(&header);
    let entries = best_entries(selection);
    for (at, entry) in entries.iter().take(SHOWN_CANDIDATES).enumerate() {
        let folds: Vec<String> = entry.fold_scores.iter().map(|s| format!("{s:.3}")).collect();
        let mark = if at == 0 { " (chosen)" } else { "" };
        let mut row = vec![
            format!("{}{mark}", entry.candidate),
            format!("{:e}", entry.c),
            entry.class_weight.to_string(),
            format!("{:.3}", entry.mean),
            format!("{:.3}", entry.standard_deviation),
            format!("{:.3}", entry.auc),
            folds.join(" "),
        ];
        if tunes {
            row.push(if entry.has_tuned_threshold() { "tuned" } else { "0.5" }.to_owned());
            row.push(gain(entry.threshold_gain));
        }
        table.push(row);
    }
    let more = match entries.len().saturating_sub(SHOWN_CANDIDATES) {
        0 => String::new(),
        more => format!("\nand {more} more in run.json"),
    };
    (table, more + &rule(&selection.rule))
}

/// Adds the head to a graph.
pub(super) fn append(nodes: &mut HeadNodes<'_>, head: &LogisticHead, columns: &[Value]) -> Vec<HeadOutput> {
    let (weights, bias) = match head.weights.nrows() {
        // Half of class 1's log-odds for it and half against: the softmax of the two is their logistic function.
        1 => {
            let half = head.weights.row(0).mapv(|weight| weight / 2.0);
            let rows = ndarray::stack(Axis(0), &[half.mapv(|weight| -weight).view(), half.view()]);
            let intercept = head.intercept.first().map_or(0.0, |intercept| intercept / 2.0);
            (rows.expect("two rows of one length"), vec![-intercept, intercept])
        }
        _ => (head.weights.clone(), head.intercept.clone()),
    };
    let features = nodes.features(columns, &head.standardiser, 2);
    let [weights, bias] = nodes.parameters(&weights, &bias);
    let logits = nodes.scoped(|b| b.linear(&features, &weights, &bias));
    nodes.classifier_outputs(logits, head.classes.len(), head.threshold)
}
