//! Scores of anybody's gold and predicted label sets.

use std::collections::BTreeSet;
use std::path::PathBuf;

use larder_data::{DataError, KnownLabels};
use larder_metrics::{
    BaselineDifference, Bootstrap, Interval, LabelConstant, LabelSets, MultilabelAnswers, MultilabelBaseline,
    MultilabelMetric, MultilabelScores, TrainLabels, compare_with_multilabel_baseline, multilabel_baseline,
    score_multilabel,
};
use serde::Serialize;
use serde_json::Value;

use super::scores::LabelSetTables;
use crate::tasks::scored_file::{FileScores, OWN_BASELINE, ScoredFile, ScoredRole, json};
use crate::{RunError, TextBlock};

/// Keys of scores that rank labels by probability.
const OF_PROBABILITIES: [&str; 3] = ["lrap", "macro_average_precision", "average_precision"];

/// A file's scores.
#[derive(Debug, Serialize)]
pub(super) struct LabelSetFile {
    path: PathBuf,
    predictions: Option<PathBuf>,
    #[serde(skip)]
    name: String,
    /// False if only label sets are given: then scores of rankings are left out.
    has_probabilities: bool,
    labels: Vec<String>,
    scores: MultilabelScores,
    intervals: Vec<(MultilabelMetric, Interval)>,
    hamming_loss_interval: Interval,
    /// The constant sets of gold itself.
    baseline: MultilabelBaseline,
    against_baseline: BaselineDifference<MultilabelMetric, LabelConstant>,
}

impl FileScores for LabelSetFile {
    fn blocks(&self) -> Vec<TextBlock> {
        let tables = LabelSetTables {
            name: &self.name,
            labels: &self.labels,
            scores: &self.scores,
            intervals: &self.intervals,
            hamming_loss: Some(self.hamming_loss_interval),
            baseline: &self.baseline,
            against_baseline: &self.against_baseline,
            has_probabilities: self.has_probabilities,
        };
        let mut blocks = tables.blocks();
        blocks.push(TextBlock::Lines(OWN_BASELINE.to_owned()));
        if !self.has_probabilities {
            let left_out = "LRAP and average precision are left out: they need the probabilities, whose columns `--probabilities` names";
            blocks.push(TextBlock::Lines(left_out.to_owned()));
        }
        blocks
    }

    fn json(&self) -> serde_json::Result<String> {
        if self.has_probabilities {
            return json(self);
        }
        let mut scores = serde_json::to_value(self)?;
        remove(&mut scores, &OF_PROBABILITIES);
        json(&scores)
    }
}

/// Removes the values of `keys`, at any depth.
fn remove(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !keys.contains(&name.as_str()));
            fields.values_mut().for_each(|value| remove(value, keys));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| remove(value, keys)),
        _ => {}
    }
}

/// Scores the files. Labels are those that are named, else those of columns of yes and no, else all that are found.
///
/// # Errors
/// [`RunError::Data`] and [`RunError::ScoredColumns`] with file and row.
pub(super) fn score_file(file: &ScoredFile) -> Result<LabelSetFile, RunError> {
    let rows = file.rows("labels")?;
    let columns = [&rows.gold_columns, &rows.predicted_columns].into_iter().find(|columns| columns.len() > 1);
    let mut labels = if file.labels.is_empty() { columns.cloned().unwrap_or_default() } else { file.labels.clone() };
    let in_order = !labels.is_empty();
    let known = KnownLabels { names: &labels, separator: file.label_separator.as_deref() };
    let gold = rows.gold.labels(&rows.gold_columns, known).map_err(ScoredRole::Gold.error())?;
    let predicted = rows.predictions.labels(&rows.predicted_columns, known).map_err(ScoredRole::Predicted.error())?;
    rows.check_counts(gold.len(), predicted.len())?;
    if !in_order {
        labels = gold.iter().chain(&predicted).flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    }
    if labels.is_empty() {
        return Err(DataError::NoLabelsToScore { path: file.path.clone() }.into());
    }
    let sets = |rows: &[Vec<String>]| {
        let index = |label: &String| labels.iter().position(|known| known == label);
        let rows: Vec<Vec<usize>> = rows.iter().map(|row| row.iter().filter_map(index).collect()).collect();
        LabelSets::from_indices(&rows, labels.len())
    };
    let (gold, predicted) = (sets(&gold)?, sets(&predicted)?);
    let has_probabilities = !file.probabilities.is_empty();
    let probabilities = if has_probabilities {
        let role = ScoredRole::Probabilities;
        rows.predictions.probabilities(&file.probabilities, &labels, in_order).map_err(role.error())?
    } else {
        // Any ranking: what is made of it is left out.
        predicted.iter().flatten().map(|&answered| f64::from(u8::from(answered))).collect()
    };
    let answers = MultilabelAnswers::new(predicted, probabilities)?;
    let baseline = multilabel_baseline(&TrainLabels::of(&gold), &gold)?;
    let bootstrap = Bootstrap::default();
    let metrics = MultilabelMetric::ALL.iter().filter(|metric| has_probabilities || **metric != MultilabelMetric::Lrap);
    let intervals = metrics
        .map(|&metric| Ok((metric, bootstrap.multilabel_interval(&gold, &answers, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let metric = MultilabelMetric::default();
    Ok(LabelSetFile {
        path: file.path.clone(),
        predictions: file.predictions.clone(),
        name: file.name(),
        has_probabilities,
        scores: score_multilabel(&gold, &answers)?,
        intervals,
        hamming_loss_interval: bootstrap.hamming_loss_interval(&gold, &answers)?,
        against_baseline: compare_with_multilabel_baseline(&gold, &answers, &baseline, metric, &bootstrap)?,
        baseline,
        labels,
    })
}
