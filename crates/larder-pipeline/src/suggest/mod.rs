//! The suggest stage: rows of an unlabelled pool that are worth a label.

mod classifier;
mod options;
mod outcome;
mod output;
mod pool;
mod replay;
mod scan;

use std::collections::HashSet;

use larder_data::DatasetSpec;
use larder_errors::count;
use larder_run::{Event, Larder, Observer, RunRecord};
use larder_store::FeaturesFile;
use larder_suggest::{Candidates, ChosenRow, Labelled, Nearest, Strategy, auto, choose};
use larder_train::{FeatureColumn, side_by_side};
use ndarray::Array2;

pub use options::SuggestOptions;
pub use outcome::{SuggestOutcome, SuggestedRow};
pub use output::write_suggestions;
pub use replay::{ReplayOptions, ReplayOutcome, replay};

use self::classifier::Classifier;
use self::pool::Pool;
use self::scan::{RowKeys, Scan};
use crate::PipelineError;
use crate::encode::encode_split;

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
