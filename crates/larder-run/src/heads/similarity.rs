//! Heads that compare a text with each class's mean (`prototype`), together with its name (`labels`), or with training rows (`knn`);
//! columns, neighbours, names' weight and temperature are chosen by rows that are left out in turn.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{
    Diagnosis, HeldOutAnswers, Method, RunDiagnosis, Tried, Weighing, diagnose_label_errors, diagnose_nothing_found,
};
use larder_errors::counted;
use larder_files::Provenance;
use larder_metrics::{Calibration, ClassificationScores, Metric};
use larder_onnx::proto::NodeProto;
use larder_onnx::{Value, attribute};
use larder_train::{
    ClassWeight, FeatureColumn, HALF, SimilarityHead, SimilarityKind, SimilarityProgress, SimilaritySelection,
    SimilaritySelectionEntry, SimilaritySettings, TrainedSimilarity, TrainingRows, train_similarity,
};
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{HELD_OUT, SHOWN_CANDIDATES, rule, sentences};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::features::{counts, gold, load_columns};
use crate::findings::{FitFacts, held_out_loss, score};
use crate::page::{Candidate, Fact, Training};
use crate::{Event, Observer, RunError, RunRecord, TextTable, label_vectors};

pub(super) const TASK: Task = Task::Sequence;
/// What the choice is made by.
const METRIC: &str = "log-loss";

/// A head that compares vectors, as chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarityRecord {
    /// The settings asked for.
    pub settings: SimilaritySettings,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// The table of the choice; `None` if there were too few rows.
    pub selection: Option<SimilaritySelection>,
    /// Why nothing was chosen, and what was used instead.
    pub unchosen: Option<String>,
    /// Scores on the rows that it is made of.
    pub train_scores: ClassificationScores,
    /// Scores on rows of train that were left out in turn.
    pub left_out_scores: Option<ClassificationScores>,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &SimilaritySettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date.
    let SimilaritySettings { kind, neighbours, standardise, seed } = settings;
    let provenance = provenance.with("head", kind).with("standardise", standardise);
    match kind {
        SimilarityKind::Prototype | SimilarityKind::Labels => provenance,
        SimilarityKind::Knn => {
            let neighbours: Vec<String> = neighbours.iter().map(usize::to_string).collect();
            provenance.with("neighbours", neighbours.join(",")).with("seed", seed)
        }
    }
}

pub(super) fn fit(
    settings: &SimilaritySettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let labels = request.labels;
    let gold = gold(request.features, labels.names())?;
    let ids = request.features.example_ids()?;
    let columns = load_columns(request.features, request.columns)?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let names = match settings.kind == SimilarityKind::Labels {
        true => label_vectors(request.larder, request.spec, request.encoder, request.encode, labels.display())?,
        false => Vec::new(),
    };
    let rows = TrainingRows { columns: &borrowed, labels: &gold, classes: labels.names(), ids: &ids, names: &names };
    let trained = train_similarity(&rows, settings, &mut |progress| {
        let SimilarityProgress::Scored { candidate, candidates, name } = progress;
        observer.event(Event::Training { done: candidate, total: candidates, what: name });
    })?;
    let facts = facts(&trained, &gold, labels.display());
    let calibration = trained.left_out_probabilities.as_ref().map(|probabilities| {
        let rows: Vec<Vec<f64>> = probabilities.rows().into_iter().map(|row| row.to_vec()).collect();
        let of_left_out: Vec<usize> = trained.left_out.iter().map(|&row| gold[row]).collect();
        Calibration::of_labels(rows.iter().map(Vec::as_slice), &of_left_out)
    });
    let record = SimilarityRecord {
        settings: settings.clone(),
        pair: request.spec.columns.text_b.is_some(),
        selection: trained.selection,
        unchosen: trained.unchosen,
        train_scores: trained.train_scores,
        left_out_scores: trained.left_out_scores,
    };
    Ok(FittedHead {
        record: HeadRecord::Similarity(record),
        train_counts: counts(&gold, labels.len()),
        head: Head::Similarity(trained.head),
        facts,
        calibration,
        notes: Vec::new(),
    })
}

/// Returns the facts from the answers to left-out rows; `names` are the classes' display names.
fn facts(trained: &TrainedSimilarity, gold: &[usize], names: &[String]) -> FitFacts {
    let left_out = trained.left_out_probabilities.as_ref().zip(trained.left_out_scores.as_ref());
    let Some((probabilities, scores)) = left_out else { return FitFacts::default() };
    let of_left_out: Vec<usize> = trained.left_out.iter().map(|&row| gold[row]).collect();
    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let answers = HeldOutAnswers { probabilities: &flat, labels: gold, classes: names, mcc: scores.mcc };
    let has_all = trained.left_out.len() == gold.len();
    FitFacts {
        held_out: held_out_loss(probabilities, &of_left_out, ClassWeight::None, scores.mcc),
        label_errors: if has_all { diagnose_label_errors(&answers) } else { None },
        curve: Vec::new(),
    }
}

impl SimilarityRecord {
    /// Returns the columns offered, and the other choices made.
    fn tried<'a>(&self, columns: &'a [String]) -> Tried<'a> {
        let chosen: &[&str] = match (self.selection.is_some(), self.settings.kind) {
            (false, _) => &[],
            (true, SimilarityKind::Prototype) => &["the temperature"],
            (true, SimilarityKind::Labels) => &["the weight of the names", "the temperature"],
            (true, SimilarityKind::Knn) => &["the number of neighbours", "the temperature"],
        };
        Tried { columns, metric: METRIC, chosen }
    }

    /// Returns the chosen neighbours and temperature.
    fn settings_of(&self, entry: &SimilaritySelectionEntry) -> String {
        match self.settings.kind {
            SimilarityKind::Prototype => format!("temperature {}", entry.temperature),
            SimilarityKind::Labels => {
                format!("names count as {:e} rows, temperature {}", entry.name_rows.unwrap_or(0.0), entry.temperature)
            }
            SimilarityKind::Knn => {
                format!("{}, temperature {}", counted(entry.neighbours as u64, "neighbour"), entry.temperature)
            }
        }
    }

    /// Returns the fit in a sentence.
    fn fit(&self) -> String {
        let own = format!("accuracy {:.3} on its own rows", self.train_scores.accuracy);
        match (&self.left_out_scores, &self.selection) {
            (Some(scores), Some(selection)) => {
                format!(
                    "{own}, {:.3} on {} of train left out in turn",
                    scores.accuracy,
                    counted(selection.rows as u64, "row")
                )
            }
            _ => own,
        }
    }
}

impl HeadDetails for SimilarityRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: TASK,
            kind: self.settings.kind.to_string(),
            is_pair: self.pair,
            is_sound: self.selection.as_ref().is_none_or(|selection| selection.chosen < selection.entries.len()),
            metric: Some(Metric::default()),
            compares_features: true,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn uncalibrated(&self) -> Option<String> {
        let why = self.unchosen.as_ref()?;
        Some(format!("{why}; train on more rows"))
    }

    fn weighing(&self) -> Weighing {
        match self.settings.kind {
            SimilarityKind::Prototype | SimilarityKind::Labels => Weighing::ClassesAlike,
            SimilarityKind::Knn => Weighing::Votes,
        }
    }

    fn held_out(&self, _: &str, metric: Metric) -> Option<(f64, String)> {
        self.left_out_scores.as_ref().map(|scores| (score(scores, metric), HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        Method::Frozen(self.tried(columns))
    }

    fn findings(&self, record: &RunRecord, facts: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        let tried = self.tried(&record.columns_tried);
        diagnose_nothing_found(None, facts.held_out.as_ref(), &tried).into_iter().collect()
    }

    fn facts(&self, _: &RunRecord, _: Option<&Head>) -> Vec<Fact> {
        let mut facts = vec![
            Fact::new("chosen by", format!("{METRIC} of left-out rows")),
            Fact::new("features standardised", if self.settings.standardise { "yes" } else { "no" }),
        ];
        if let Some(chosen) = self.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
            if self.settings.kind == SimilarityKind::Knn {
                facts.push(Fact::new("neighbours", chosen.neighbours));
            }
            facts.extend(chosen.name_rows.map(|rows| Fact::new("rows that a name counts as", format!("{rows:e}"))));
            facts.push(Fact::new("temperature", chosen.temperature));
        }
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let sentences = sentences(format!("The head has {}.", self.fit()), self.unchosen.as_deref());
        let Some(selection) = &self.selection else { return Training { sentences, ..Training::default() } };
        let candidates = selection.best_by_candidate().into_iter().enumerate().map(|(at, entry)| Candidate {
            name: entry.candidate.clone(),
            settings: self.settings_of(entry),
            score: entry.log_loss,
            standard_error: Some(entry.standard_error),
            chosen: at == 0,
        });
        Training {
            sentences,
            candidates: candidates.collect(),
            candidate_score: format!("{METRIC} of left-out rows ± standard error"),
            rule: selection.rule.clone(),
            ..Training::default()
        }
    }

    fn selection(&self) -> Option<(TextTable, String)> {
        let selection = self.selection.as_ref()?;
        let mut table = TextTable::new(&["features", "settings", "log-loss", "standard error", "accuracy"]);
        for (at, entry) in selection.best_by_candidate().into_iter().take(SHOWN_CANDIDATES).enumerate() {
            let mark = if at == 0 { " (chosen)" } else { "" };
            table.push([
                format!("{}{mark}", entry.candidate),
                self.settings_of(entry),
                format!("{:.3}", entry.log_loss),
                format!("{:.3}", entry.standard_error),
                format!("{:.3}", entry.accuracy),
            ]);
        }
        Some((table, rule(&selection.rule)))
    }

    fn summary(&self) -> String {
        self.fit()
    }
}

/// Adds the head to a graph: a product with all references; of `knn`, the votes of the nearest.
pub(super) fn append(nodes: &mut HeadNodes<'_>, head: &SimilarityHead, columns: &[Value]) -> Vec<HeadOutput> {
    let features = nodes.features(columns, &head.standardiser, 2);
    // A vector of zeros stays one.
    let least = nodes.constant("least", &[], &[f64::from(f32::MIN_POSITIVE)]);
    let (references, width) = head.references.dim();
    let transposed: Vec<f64> = head.references.t().iter().map(|&value| f64::from(value)).collect();
    let transposed = nodes.constant("references", &[width, references], &transposed);
    let temperature = nodes.constant("temperature", &[], &[head.temperature]);
    let similarities = nodes.scoped(|b| {
        let length = b.reduce_l2(&features, &[1], true);
        let length = b.max(&length, &least);
        let unit = b.div(&features, &length);
        b.mat_mul(&unit, &transposed)
    });
    let classes = head.classes.len();
    let logits = match head.kind {
        SimilarityKind::Prototype | SimilarityKind::Labels => nodes.scoped(|b| b.mul(&similarities, &temperature)),
        SimilarityKind::Knn => votes(nodes, head, &similarities, &temperature),
    };
    nodes.classifier_outputs(logits, classes, (classes == 2).then_some(HALF))
}

/// Returns the logarithm of each class's share of the votes: what softmax makes that share of again.
fn votes(nodes: &mut HeadNodes<'_>, head: &SimilarityHead, similarities: &Value, temperature: &Value) -> Value {
    let classes = head.classes.len();
    let mut is_of_class = vec![0.0; head.reference_classes.len() * classes];
    for (reference, &class) in head.reference_classes.iter().enumerate() {
        is_of_class[reference * classes + class] = 1.0;
    }
    let is_of_class = nodes.constant("is_of_class", &[head.reference_classes.len(), classes], &is_of_class);
    let even = nodes.constant("even_votes", &[], &[1.0 / classes as f64]);
    let count = i64::try_from(head.neighbours).unwrap_or(i64::MAX);
    nodes.scoped(|b| {
        let (values, indices) = (b.fresh("nearest"), b.fresh("nearest_references"));
        let count = b.integers(&[count]);
        b.push(NodeProto {
            name: Some(values.clone()),
            op_type: Some("TopK".to_owned()),
            input: vec![similarities.name().to_owned(), count.name().to_owned()],
            output: vec![values.clone(), indices.clone()],
            attribute: vec![attribute::int("axis", 1)],
            ..Default::default()
        });
        let (values, indices) = (Value::named(&values), Value::named(&indices));
        let largest = b.reduce_max(&values, &[1], true);
        let below = b.sub(&values, &largest);
        let scaled = b.mul(&below, temperature);
        let weights = b.node("Exp", &[&scaled], vec![]);
        let weights = b.unsqueeze(&weights, &[1]);
        // [batch, 1, neighbours] · [batch, neighbours, classes]
        let of_class = b.gather(&is_of_class, &indices, 0);
        let votes = b.mat_mul(&weights, &of_class);
        let votes = b.reduce_sum(&votes, &[1], false);
        let votes = b.add(&votes, &even);
        b.node("Log", &[&votes], vec![])
    })
}
