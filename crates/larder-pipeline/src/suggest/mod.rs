//! The suggest stage: rows of an unlabelled pool that are worth a label.

mod output;
mod pool;
mod replay;
mod scan;

use std::collections::HashSet;
use std::path::PathBuf;

use larder_data::{DatasetSpec, OnBadRow};
use larder_errors::count;
use larder_predict::InputFlags;
use larder_run::{Event, Head, Larder, Observer, RunError, RunRecord, tasks};
use larder_runtime::Device;
use larder_store::FeaturesFile;
use larder_suggest::{Candidates, ChosenRow, Labelled, Nearest, Strategy, StrategyChoice, auto, choose};
use larder_train::{FeatureColumn, SequenceHead, Standardiser, side_by_side};
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Map, Value};

pub use output::write_suggestions;
pub use replay::{ReplayOptions, ReplayOutcome, replay};

use self::pool::Pool;
use self::scan::{RowKeys, Scan};
use crate::PipelineError;
use crate::encode::encode_split;

/// A pool, and what to choose from it.
#[derive(Debug, Clone)]
pub struct SuggestOptions {
    /// A file of texts, a features file of them, or the manifest of one.
    pub pool: PathBuf,
    /// Flags on reading texts, where they differ from the run's own files.
    pub flags: InputFlags,
    /// The handling of rows without a text: they are left out, or end the stage.
    pub on_bad_row: OnBadRow,
    /// Rows to choose.
    pub n: usize,
    /// The strategy.
    pub by: StrategyChoice,
    /// Seed of all draws.
    pub seed: u64,
    /// The device that encodes texts.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// Rows chosen from a pool.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestOutcome {
    /// The run.
    pub run: String,
    /// The strategy taken.
    pub strategy: String,
    /// Why it was taken, where it was not named.
    pub why: Option<String>,
    /// Rows of the pool.
    pub pool_rows: usize,
    /// Rows left out because an equal one is before them.
    pub duplicates: usize,
    /// Rows left out because an equal one is in the training split.
    pub in_training: usize,
    /// Rows that the strategy compared with each other.
    pub candidates: usize,
    /// The run's labels, in the order of the probabilities.
    pub labels: Vec<String>,
    /// The rows, the one to label first in front.
    pub rows: Vec<SuggestedRow>,
}

/// A row worth a label.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestedRow {
    /// Zero-based row of the pool.
    pub row: usize,
    /// The id of a row of a features file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The text, where the pool has texts.
    pub text: Option<String>,
    /// The second text of a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b: Option<String>,
    /// The label that the run answers.
    pub prediction: String,
    /// The probability of each label.
    pub probabilities: Map<String, Value>,
    /// The difference of the two largest.
    pub margin: f32,
    /// Their entropy, as a share of the largest there can be.
    pub entropy: f32,
    /// The nearest row of the pool among those before this one.
    pub nearest_chosen: Option<Nearest>,
    /// The nearest row of the training split.
    pub nearest_labelled: Option<Nearest>,
    /// The reason in words.
    pub reason: String,
}

/// Chooses rows of a pool that are worth a label. Texts are encoded once, and their vectors kept in the home.
///
/// Rows that are equal to an earlier one, or to one of the training split, are left out: by the tokens that the encoder read where both files
/// tell, else by their vectors.
///
/// # Errors
/// [`PipelineError::NoSuggestions`] for a run whose texts do not have one label each; [`PipelineError`].
pub fn suggest(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &SuggestOptions,
    observer: &mut dyn Observer,
) -> Result<SuggestOutcome, PipelineError> {
    let classifier = Classifier::load(larder, record)?;
    let encoder = record.encoder(larder)?;
    let encode = record.encode_options(options.device, options.threads);
    let (train, _) = encode_split(larder, spec, &encoder, &record.train_split, &encode, observer)?;
    let train = FeaturesFile::open(&train)?;
    let pool = Pool::open(larder, record, &encoder, options, &classifier.columns, observer)?;
    let labels = record.labels.len();
    let (strategy, why) = match options.by.named() {
        Some(strategy) => (strategy, None),
        None => {
            let (strategy, why) = auto(record.train_counts.iter().sum(), labels);
            (strategy, Some(why))
        }
    };
    let keys = RowKeys::of(&[&pool.features, &train]);
    let known: HashSet<_> = keys.all(&train, &classifier.columns)?.into_iter().collect();
    let width = classifier.standardiser.mean.len();
    let mut candidates = Candidates::new(strategy, options.n, width, labels, options.seed);
    let scan = Scan { file: &pool.features, classifier: &classifier, keys: &keys };
    let seen = scan.offer_all(&known, &mut candidates, observer)?;
    let candidates = candidates.finish();
    let rows = Labelled::drawn(train.rows(), options.seed);
    let names: Vec<&str> = classifier.columns.iter().map(String::as_str).collect();
    let columns: Vec<FeatureColumn> = names
        .iter()
        .zip(train.rows_of(&rows, &names)?)
        .map(|(name, values)| {
            let width = values.len() / rows.len().max(1);
            let values = Array2::from_shape_vec((rows.len(), width), values).expect("each row has its values");
            FeatureColumn::new(*name, values)
        })
        .collect();
    let vectors = side_by_side(&columns.iter().collect::<Vec<_>>(), &classifier.standardiser);
    let labelled = Labelled::new(width, rows, vectors);
    let chosen = choose(strategy, &candidates, &labelled, options.n, options.seed);
    if chosen.len() < options.n {
        observer.event(Event::Note(&format!(
            "{} rows instead of {}: the pool has no more that differ from each other and from the training split",
            count(chosen.len() as u64),
            count(options.n as u64)
        )));
    }
    Ok(SuggestOutcome {
        run: record.run.clone(),
        strategy: strategy.to_string(),
        why,
        pool_rows: pool.features.rows(),
        duplicates: seen.duplicates,
        in_training: seen.in_training,
        candidates: candidates.len(),
        labels: record.labels.clone(),
        rows: described(record, &classifier, strategy, chosen, &pool)?,
    })
}

/// Adds texts, labels and reasons.
fn described(
    record: &RunRecord,
    classifier: &Classifier,
    strategy: Strategy,
    chosen: Vec<ChosenRow>,
    pool: &Pool,
) -> Result<Vec<SuggestedRow>, PipelineError> {
    let mut texts = pool.texts(&chosen.iter().map(|row| row.row).collect::<Vec<_>>())?;
    let rows = chosen.into_iter().map(|row| {
        let text = texts.remove(&row.row).unwrap_or_default();
        let shares =
            Array2::from_shape_fn((1, row.probabilities.len()), |(_, class)| f64::from(row.probabilities[class]));
        let answer = classifier.head.answers(&shares)[0];
        let label = |class: usize| record.display[class].clone();
        let reason = reason(strategy, &row, &label);
        let probabilities = record.labels.iter().cloned().zip(row.probabilities.iter().map(|&share| share.into()));
        SuggestedRow {
            row: text.row.unwrap_or(row.row),
            id: text.id,
            text: text.text,
            text_b: text.text_b,
            prediction: record.labels[answer].clone(),
            probabilities: probabilities.collect(),
            margin: row.margin,
            entropy: row.entropy,
            nearest_chosen: row.nearest_chosen,
            nearest_labelled: row.nearest_labelled,
            reason,
        }
    });
    Ok(rows.collect())
}

/// Says why a row was chosen.
fn reason(strategy: Strategy, row: &ChosenRow, label: &dyn Fn(usize) -> String) -> String {
    let mut order: Vec<usize> = (0..row.probabilities.len()).collect();
    order.sort_by(|&first, &second| {
        row.probabilities[second].total_cmp(&row.probabilities[first]).then(first.cmp(&second))
    });
    let share = |class: usize| format!("{} {:.2}", label(class), row.probabilities[class]);
    let shares = order.iter().take(2).map(|&class| share(class)).collect::<Vec<_>>().join(", ");
    let near = |nearest: &Option<Nearest>, what: &str| {
        nearest.map(|near| format!("{:.1} from {what} row {}", near.distance, near.row))
    };
    let chosen = near(&row.nearest_chosen, "chosen");
    let labelled = near(&row.nearest_labelled, "labelled");
    let first = match strategy {
        Strategy::Margin => format!("close call: {shares}"),
        Strategy::Entropy => format!("undecided (entropy {:.2}): {shares}", row.entropy),
        Strategy::Badge => format!("would move the head: {shares}"),
        Strategy::Coreset => format!("far from all labels: {shares}"),
        Strategy::Random => format!("drawn: {shares}"),
    };
    let apart = if strategy == Strategy::Coreset { labelled } else { chosen.or(labelled) };
    std::iter::once(first).chain(apart).collect::<Vec<_>>().join("; ")
}

/// A run's head, with what distances are measured in.
struct Classifier {
    head: Box<dyn SequenceHead>,
    columns: Vec<String>,
    standardiser: Standardiser,
}

impl Classifier {
    /// # Errors
    /// [`PipelineError::NoSuggestions`] for a run whose texts do not have one label each.
    fn load(larder: &Larder, record: &RunRecord) -> Result<Self, PipelineError> {
        if !tasks::of(record.task()).facts().targets_are_labels {
            return Err(PipelineError::NoSuggestions { run: record.run.clone(), task: record.task() });
        }
        let head = record.load_head(larder)?;
        let columns = head.column_names();
        let standardiser = match &head {
            Head::Logistic(head) => head.standardiser.clone(),
            Head::Mlp(head) => head.standardiser.clone(),
            other => Standardiser::identity(other.columns().iter().map(|column| column.width).sum()),
        };
        let broken = || RunError::BrokenRun { run: record.run.clone() };
        Ok(Self { head: head.into_classifier().ok_or_else(broken)?, columns, standardiser })
    }
}
