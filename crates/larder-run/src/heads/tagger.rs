//! A tagger of words: logistic regression, or a conditional random field.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{Diagnosis, Gap, Method, RunDiagnosis, Tried, Weighing, diagnose_gap};
use larder_errors::count;
use larder_files::Provenance;
use larder_metrics::Metric;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, Value, WordPool};
use larder_train::{
    ClassWeightChoice, Convergence, Solver, Standardiser, TAGGER_TOLERANCE, TaggerKind, TaggingHead, TaggingProgress,
    TaggingSelection, TaggingSelectionEntry, TaggingSettings, WordSource, train_tagger,
};
use ndarray::{Array2, Axis as Dimension};
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput, LOGITS, PROBABILITIES};
use super::selection::{
    self, SHOWN_CANDIDATES, by_strength, convergence, fit_finding, gain, rule, sentences, stronger, tuning,
};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::cached_words::CachedWords;
use crate::features::counts;
use crate::findings::FitFacts;
use crate::page::{Candidate, Fact, Training};
use crate::{Event, Observer, RunError, RunRecord, TextTable};

pub(super) const TASK: Task = Task::Tagging;

/// A tagger, as chosen and fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggerRecord {
    /// The settings asked for.
    pub settings: TaggingSettings,
    /// The selection on held-out sentences; `None` if there was no choice, or too few sentences.
    pub selection: Option<TaggingSelection>,
    /// Why nothing was chosen though there was a choice, and what was used instead.
    #[serde(default)]
    pub unchosen: Option<String>,
    /// The convergence of the final fit.
    pub convergence: Convergence,
    /// Strict scores on the sentences it was fitted on, to compare with held-out ones.
    pub train_scores: larder_train::TaggingScores,
    /// Sentences it was fitted on.
    pub sentences: usize,
    /// Words it was fitted on.
    pub words: usize,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &TaggingSettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date.
    let TaggingSettings {
        kind,
        grid,
        folds,
        class_weight,
        columns,
        outside_bias,
        standardise,
        seed,
        solver,
        memory_bytes,
        epochs,
        learning_rate,
    } = settings;
    provenance
        .with("head", kind)
        .with("folds", folds)
        .with("c", selection::strengths(grid))
        .with("class_weight", class_weight)
        .with("use", columns)
        .with("bias", outside_bias)
        .with("standardise", standardise)
        .with("solver", solver)
        .with("memory_bytes", memory_bytes)
        .with("epochs", epochs)
        .with("learning_rate", learning_rate)
        .with("seed", seed)
}

pub(super) fn fit(
    settings: &TaggingSettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let labels = request.labels;
    let tags = labels.tag_set().expect("the labels of a tagging dataset are those of a tag set");
    let words = CachedWords::new(request.features, request.columns)?.with_gold(labels)?;
    let trained = train_tagger(&words, &tags, settings, &mut |progress| {
        let (done, total, what) = match progress {
            TaggingProgress::Reading { words, of } => (words, of, "reading words"),
            TaggingProgress::Scored { candidate, candidates, entry } => {
                (candidate, candidates, entry.candidate.as_str())
            }
            TaggingProgress::Fitting { candidate, .. } => (0, 1, candidate),
            TaggingProgress::Epoch { epoch, epochs, .. } => (epoch, epochs, "epoch"),
        };
        observer.event(Event::Training { done, total, what });
    })?;
    let record = TaggerRecord {
        settings: settings.clone(),
        selection: trained.selection,
        unchosen: trained.unchosen,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        sentences: words.sentence_lengths().len(),
        words: request.features.rows(),
    };
    Ok(FittedHead {
        record: HeadRecord::Tagger(record),
        train_counts: counts(words.classes(), labels.len()),
        head: Head::Tagger(trained.head),
        facts: FitFacts::default(),
        notes: trained.notes,
        calibration: None,
    })
}

impl HeadDetails for TaggerRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: TASK,
            kind: self.settings.kind.to_string(),
            is_pair: false,
            is_sound: self.selection.as_ref().is_none_or(|selection| selection.chosen < selection.entries.len()),
            metric: None,
            compares_features: false,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn uncalibrated(&self) -> Option<String> {
        Some("sets of types for the entities of a tagger are not made; train a classifier of texts, or use the probabilities of its entities".to_owned())
    }

    fn weighing(&self) -> Weighing {
        match &self.selection {
            Some(selection) => selection::weighing(selection.best().class_weight),
            None if self.settings.class_weight == ClassWeightChoice::Balanced => Weighing::Balanced,
            None => Weighing::Alike,
        }
    }

    fn held_out(&self, _: &str, _: Metric) -> Option<(f64, String)> {
        None
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        Method::Frozen(Tried { columns, metric: Metric::default().as_str(), chosen: &[] })
    }

    fn findings(&self, _: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        let mut found: Vec<Diagnosis> =
            fit_finding(&self.convergence, TAGGER_TOLERANCE, self.settings.standardise).into_iter().collect();
        if let Some(selection) = &self.selection {
            found.extend(diagnose_gap(&Gap {
                score: "strict F1",
                own: self.train_scores.f1,
                held_out: selection.best().scores.f1,
                remedy: stronger(&self.settings.grid),
            }));
        }
        found
    }

    fn facts(&self, record: &RunRecord, _: Option<&Head>) -> Vec<Fact> {
        let mut facts = vec![
            Fact::new("word vectors from tokens", record.settings.word_pool),
            Fact::new("seed", self.settings.seed),
        ];
        if let Some(chosen) = self.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
            facts.push(Fact::new("C", format!("{:e}", chosen.c)));
            facts.push(Fact::new("class weight", chosen.class_weight));
            facts.push(Fact::new("added to the score of O", format!("{:.2}", chosen.outside_bias)));
        }
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let sentence = format!(
            "{}; {} sentences with {} words; strict F1 is {:.3} on its own sentences.",
            convergence(&self.convergence),
            self.sentences,
            self.words,
            self.train_scores.f1
        );
        let training = Training { sentences: sentences(sentence, self.unchosen.as_deref()), ..Training::default() };
        let Some(selection) = &self.selection else { return training };
        let entries = selection.entries.iter().map(|entry| (entry.candidate.as_str(), entry.c, entry.scores.f1));
        Training {
            plots: Ok(by_strength(entries, "strict F1 by strength, on held-out sentences of train")),
            candidates: candidates(selection),
            rule: selection.rule.clone(),
            candidate_score: format!(
                "strict F1 on {} held-out sentences of {} ± standard error",
                selection.held_out, selection.sentences
            ),
            ..training
        }
    }

    fn selection(&self) -> Option<(TextTable, String)> {
        self.selection.as_ref().map(table)
    }

    fn summary(&self) -> String {
        let fit = &self.convergence;
        // Mini-batches circle the optimum without converging; the gradient says how near they are.
        let state = match (fit.converged, fit.solvers.contains(&Solver::Adam)) {
            (true, _) => "converged",
            (false, true) => "streamed to its last epoch",
            (false, false) => "NOT converged",
        };
        format!(
            "final fit: {} head on {} words: {state}; strict F1 {:.3} on its own sentences",
            self.settings.kind,
            count(self.words as u64),
            self.train_scores.f1
        )
    }

    fn solver(&self) -> Option<String> {
        let fit = &self.convergence;
        let solvers: Vec<String> = fit.solvers.iter().map(ToString::to_string).collect();
        Some(format!(
            "solver: {}, objective {:.3}, gradient {:.0e} of that at zero weights",
            solvers.join(", "),
            fit.objective,
            fit.relative_gradient_norm
        ))
    }
}

/// Returns the best entry of each candidate: the chosen one first, then by F1.
fn candidates(selection: &TaggingSelection) -> Vec<Candidate> {
    let Some(chosen) = selection.entries.get(selection.chosen) else { return Vec::new() };
    let mut entries = selection.best_by_candidate();
    entries.retain(|entry| entry.candidate != chosen.candidate);
    entries.sort_by(|a, b| b.scores.f1.total_cmp(&a.scores.f1));
    entries.insert(0, chosen);
    let candidate = |(at, entry): (usize, &TaggingSelectionEntry)| Candidate {
        name: entry.candidate.clone(),
        settings: format!(
            "C {:e}, class weight {}{}",
            entry.c,
            entry.class_weight,
            tuning("outside bias", entry.bias_gain, 0.0)
        ),
        score: entry.scores.f1,
        standard_error: Some(entry.scores.f1_standard_error),
        chosen: at == 0,
    };
    entries.into_iter().enumerate().map(candidate).collect()
}

fn table(selection: &TaggingSelection) -> (TextTable, String) {
    let chosen = selection.best();
    let mut table = TextTable::new(&[
        "features",
        "C",
        "class weight",
        "strict F1",
        "P",
        "R",
        "outside bias",
        "F1 without it",
        "tuning gains",
    ]);
    let mut entries: Vec<_> = selection.entries.iter().collect();
    entries.sort_by(|a, b| b.scores.f1.total_cmp(&a.scores.f1));
    entries.retain(|entry| !std::ptr::eq(*entry, chosen));
    entries.insert(0, chosen);
    for (at, entry) in entries.iter().take(SHOWN_CANDIDATES).enumerate() {
        let mark = if at == 0 { " (chosen)" } else { "" };
        table.push([
            format!("{}{mark}", entry.candidate),
            format!("{:e}", entry.c),
            entry.class_weight.to_string(),
            format!("{:.3}", entry.scores.f1),
            format!("{:.3}", entry.scores.precision),
            format!("{:.3}", entry.scores.recall),
            format!("{:.2}", entry.outside_bias),
            format!("{:.3}", entry.unbiased_scores.f1),
            gain(entry.bias_gain),
        ]);
    }
    let below = format!(
        "\non {} held-out sentences of {} of train{}",
        selection.held_out,
        selection.sentences,
        rule(&selection.rule)
    );
    (table, below)
}

/// The logit of a tag that no training word had, far below any other: it is never answered.
pub(crate) const NEVER: f64 = -1e4;
/// Output with the first token's part of a word's scores, for words read from their first and last token.
pub(crate) const FIRST_LOGITS: &str = "first_logits";
/// Output with the last token's part.
pub(crate) const LAST_LOGITS: &str = "last_logits";

/// Returns the names of the graph's outputs.
pub(super) fn outputs(head: &TaggingHead, pool: WordPool) -> Vec<&'static str> {
    let mut outputs = vec![LOGITS];
    if head.kind == TaggerKind::Logistic {
        outputs.push(PROBABILITIES);
    }
    if pool == WordPool::FirstLast {
        outputs.extend([FIRST_LOGITS, LAST_LOGITS]);
    }
    outputs
}

/// Adds the head to a graph.
pub(super) fn append(
    nodes: &mut HeadNodes<'_>,
    head: &TaggingHead,
    pool: WordPool,
    columns: &[Value],
) -> Vec<HeadOutput> {
    let mut bias = head.bias.clone();
    if let Some(outside) = bias.first_mut() {
        *outside += head.outside_bias;
    }
    bias.iter_mut().zip(&head.seen_in_training).filter(|(_, seen)| !**seen).for_each(|(bias, _)| *bias = NEVER);
    let tags = head.tags.len();
    let axes = vec![Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(tags)];
    let output =
        |value: &Value, name| HeadOutput { value: value.clone(), name, dtype: DataType::Float, axes: axes.clone() };
    let mut outputs = Vec::new();
    let logits = if pool == WordPool::FirstLast {
        let first = tokens(nodes, columns, &part_of(head, 0, bias));
        let last = tokens(nodes, columns, &part_of(head, 1, vec![0.0; tags]));
        outputs.extend([output(&first, FIRST_LOGITS), output(&last, LAST_LOGITS)]);
        nodes.scoped(|b| b.add(&first, &last))
    } else {
        let linear = Linear { weights: head.weights.clone(), bias, standardiser: head.standardiser.clone() };
        tokens(nodes, columns, &linear)
    };
    outputs.insert(0, output(&logits, LOGITS));
    if head.kind == TaggerKind::Logistic {
        let probabilities = nodes.softmax(&logits, 2);
        outputs.insert(1, output(&probabilities, PROBABILITIES));
    }
    outputs
}

/// A linear layer: `((x - mean) / scale) · weightsᵀ + bias`.
struct Linear {
    /// `[outputs, width]`
    weights: Array2<f64>,
    /// `[outputs]`
    bias: Vec<f64>,
    standardiser: Standardiser,
}

/// Applies a linear layer at every token: `[batch, seq, outputs]`.
fn tokens(nodes: &mut HeadNodes<'_>, columns: &[Value], linear: &Linear) -> Value {
    let features = nodes.features(columns, &linear.standardiser, 3);
    let [weights, bias] = nodes.parameters(&linear.weights.t().to_owned(), &linear.bias);
    nodes.scoped(|b| {
        let product = b.mat_mul(&features, &weights);
        b.add(&product, &bias)
    })
}

/// Returns the part of a head that reads a word's first token (0) or last token (1): the halves of each column.
fn part_of(head: &TaggingHead, part: usize, bias: Vec<f64>) -> Linear {
    let mut places = Vec::new();
    let mut start = 0;
    for column in &head.columns {
        let half = column.width / 2;
        places.extend(start + part * half..start + (part + 1) * half);
        start += column.width;
    }
    let pick = |values: &[f64]| places.iter().map(|&place| values[place]).collect();
    Linear {
        weights: head.weights.select(Dimension(1), &places),
        bias,
        standardiser: Standardiser { mean: pick(&head.standardiser.mean), scale: pick(&head.standardiser.scale) },
    }
}
