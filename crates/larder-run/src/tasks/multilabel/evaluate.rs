//! The scores of label sets, always with those of a constant set.

use larder_diagnose::Diagnosis;
use larder_metrics::{
    BaselineDifference, Bootstrap, Interval, LabelConstant, LabelSets, Metric, MetricsError, MultilabelAnswers,
    MultilabelBaseline, MultilabelMetric, MultilabelScores, SplitCoverage, compare_with_multilabel_baseline,
    multilabel_baseline, score_multilabel,
};
use larder_store::{TextAnswers, TextTargets};
use larder_train::LabelSetHead;
use serde::{Deserialize, Serialize};

use crate::evaluation::PairedAnswers;
use crate::tasks::AnsweredRows;
use crate::tasks::texts::{AnsweredSplit, TextScores, TextSplit};
use crate::{RunError, RunRecord};

/// Scores on one split, always with the baseline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MultilabelSplit {
    /// The split.
    pub split: String,
    /// F1 in three averages, subset accuracy, Hamming loss, LRAP, and each label's scores.
    pub scores: MultilabelScores,
    /// 95 % bootstrap interval of each metric.
    pub intervals: Vec<(MultilabelMetric, Interval)>,
    /// That of the Hamming loss; `None` in files of earlier versions.
    #[serde(default)]
    pub hamming_loss_interval: Option<Interval>,
    /// The scores of constant label sets.
    pub baseline: MultilabelBaseline,
    /// The comparison with the better of them, by macro F1.
    pub against_baseline: BaselineDifference<MultilabelMetric, LabelConstant>,
    /// Rows that have both labels, `[labels, labels]`.
    pub together: Vec<Vec<u64>>,
    /// Labels of the split that training never saw: behind the run's own, never answered.
    pub unseen_labels: Vec<String>,
    /// Rows of the split's file that could not be used; no score counts them.
    pub skipped_rows: u64,
    /// BLAKE3 of the split's file, 64 hexadecimal digits.
    pub data_digest: String,
    /// Coverage of sets, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<SplitCoverage>,
    /// Findings, with evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
}

impl MultilabelSplit {
    /// Returns the display names of its labels: `display` of the run, then labels that training never saw.
    pub fn label_names(&self, display: &[String]) -> Vec<String> {
        display.iter().chain(&self.unseen_labels).cloned().collect()
    }
}

/// The scores of a run that answers label sets.
pub type MultilabelEvaluation = TextScores<MultilabelSplit>;

/// Gold and answers of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelSetRows {
    /// `[rows, labels]`
    pub gold: LabelSets,
    /// `[rows, labels]`
    pub answers: MultilabelAnswers,
}

impl PairedAnswers for (&LabelSetRows, &LabelSetRows) {
    fn difference(&self, _: Metric, bootstrap: &Bootstrap) -> Result<(f64, Interval), MetricsError> {
        let (first, second) = self;
        let metric = MultilabelMetric::default();
        let found = bootstrap.paired_multilabel(&first.gold, &first.answers, &second.answers, metric)?;
        Ok((found.difference, found.interval))
    }
}

/// Answers a split and, if it has labels, scores the answers.
pub(super) fn score_split(
    record: &RunRecord,
    head: &dyn LabelSetHead,
    split: &TextSplit<'_>,
) -> Result<AnsweredSplit<MultilabelSplit>, RunError> {
    let probabilities = head.probabilities(split.columns)?;
    let sets = head.answers(&probabilities);
    let given = TextAnswers::Labels {
        answers: sets.iter().copied().collect(),
        probabilities: probabilities.iter().map(|&p| p as f32).collect(),
    };
    let Some(TextTargets::Labels(targets)) = split.targets else {
        return Ok(AnsweredSplit { answers: given, scored: None });
    };
    let mut unseen_labels = Vec::new();
    let mut gold_rows = Vec::with_capacity(targets.len());
    for (row, labels) in targets.iter().enumerate() {
        let labels =
            labels.as_ref().ok_or_else(|| RunError::NoLabel { features: split.features.to_path_buf(), row })?;
        let mut index = |label: &String| {
            let known = record.labels.iter().chain(&unseen_labels).position(|known| known == label);
            known.unwrap_or_else(|| {
                unseen_labels.push(label.clone());
                record.labels.len() + unseen_labels.len() - 1
            })
        };
        gold_rows.push(labels.iter().map(&mut index).collect::<Vec<usize>>());
    }
    let coverage = split.sets.map(|sets| {
        let rows: Vec<Vec<f64>> = probabilities.rows().into_iter().map(|row| row.to_vec()).collect();
        sets.measure_labels(rows.iter().map(Vec::as_slice), gold_rows.iter().cloned())
    });
    let labels = record.labels.len() + unseen_labels.len();
    let gold = LabelSets::from_indices(&gold_rows, labels)?;
    // Labels that training never saw have probability 0.
    let more = unseen_labels.len();
    let wide = probabilities.rows().into_iter().flat_map(|row| row.to_vec().into_iter().chain(vec![0.0; more]));
    let answered = sets.rows().into_iter().flat_map(|row| row.to_vec().into_iter().chain(vec![false; more]));
    let answers = MultilabelAnswers::new(LabelSets::new(answered.collect(), labels)?, wide.collect())?;
    let train = record.head.details().train_labels().ok_or_else(|| RunError::BrokenRun { run: record.run.clone() })?;
    let baseline = multilabel_baseline(&train.clone().with_unseen(labels), &gold)?;
    let bootstrap = Bootstrap::default();
    let intervals = MultilabelMetric::ALL
        .iter()
        .map(|&metric| Ok((metric, bootstrap.multilabel_interval(&gold, &answers, metric)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let metric = MultilabelMetric::default();
    let scores = MultilabelSplit {
        split: split.source.split.clone(),
        scores: score_multilabel(&gold, &answers)?,
        intervals,
        hamming_loss_interval: Some(bootstrap.hamming_loss_interval(&gold, &answers)?),
        against_baseline: compare_with_multilabel_baseline(&gold, &answers, &baseline, metric, &bootstrap)?,
        baseline,
        together: gold.cooccurrence(),
        unseen_labels,
        skipped_rows: split.source.skipped_rows,
        data_digest: split.source.data_digest.clone(),
        coverage,
        advice: Vec::new(),
    };
    let rows = AnsweredRows::Multilabel(LabelSetRows { gold, answers });
    Ok(AnsweredSplit { answers: given, scored: Some((scores, rows)) })
}
