//! Scores of label sets for people.

use larder_diagnose::{Diagnosis, LabelsJudged, diagnose_label_sets};
use larder_errors::count;
use larder_metrics::{
    BaselineDifference, Interval, LabelConstant, Metric, MultilabelBaseline, MultilabelMetric, MultilabelScores,
    SplitCoverage,
};

use super::evaluate::MultilabelSplit;
use crate::evaluation::{ComparedScores, SplitOutline, SplitScores};
use crate::page::{number, range};
use crate::tasks::texts::{TextSplitScores, unseen_remark};
use crate::{RunRecord, TextBlock, TextTable};

/// The scores in the order of tables, with their names for people.
pub(super) const NAMED: [(MultilabelMetric, &str); 5] = [
    (MultilabelMetric::MacroF1, "macro F1"),
    (MultilabelMetric::MicroF1, "micro F1"),
    (MultilabelMetric::WeightedF1, "weighted F1"),
    (MultilabelMetric::Lrap, "LRAP"),
    (MultilabelMetric::SubsetAccuracy, "all labels right"),
];

impl SplitScores for MultilabelSplit {
    fn outline(&self) -> SplitOutline<'_> {
        SplitOutline {
            split: &self.split,
            data_digest: &self.data_digest,
            rows: self.scores.rows,
            skipped_rows: self.skipped_rows,
            advice: &self.advice,
        }
    }

    fn advise(&mut self, advice: Vec<Diagnosis>) {
        self.advice = advice;
    }

    fn score(&self, _: Metric) -> (f64, Interval) {
        let metric = MultilabelMetric::default();
        let interval = self.interval(metric).expect("an evaluation has the interval of every metric");
        (metric.of(&self.scores), interval)
    }

    fn named_scores(&self) -> Vec<(&'static str, f64)> {
        NAMED.iter().map(|(metric, _)| (metric.as_str(), metric.of(&self.scores))).collect()
    }

    fn compared(&self) -> ComparedScores {
        ComparedScores {
            scores: NAMED.map(|(metric, name)| (name, metric.of(&self.scores), self.constant(metric))).to_vec(),
            baseline: "best constant set",
            against: Some(("baseline", self.verdict())),
        }
    }

    fn coverage(&self) -> Option<&SplitCoverage> {
        self.coverage.as_ref()
    }

    fn remark(&self) -> Option<String> {
        let from = self.scores.per_label.len().saturating_sub(self.unseen_labels.len());
        let uses: u64 = self.scores.per_label.iter().skip(from).map(|label| label.support).sum();
        unseen_remark(&self.split, &self.unseen_labels, uses, self.scores.rows)
    }

    fn findings(&self, record: &RunRecord) -> Vec<Diagnosis> {
        let judged = LabelsJudged {
            split: &self.split,
            labels: &self.label_names(&record.display),
            scores: &self.scores,
            baseline: &self.baseline,
            comparison: &self.against_baseline,
            together: &self.together,
        };
        diagnose_label_sets(&judged, &record.head.details().method(&record.columns_tried))
    }
}

impl MultilabelSplit {
    /// Returns the interval of a metric.
    pub(super) fn interval(&self, metric: MultilabelMetric) -> Option<Interval> {
        self.intervals.iter().find(|(known, _)| *known == metric).map(|(_, interval)| *interval)
    }

    /// Returns the same in words.
    pub(super) fn range(&self, metric: MultilabelMetric) -> String {
        self.interval(metric).map_or_else(String::new, |interval| range(&interval))
    }

    /// Returns the score of the better constant set.
    pub(super) fn constant(&self, metric: MultilabelMetric) -> f64 {
        metric.of(&self.baseline.constant(self.baseline.better_by(metric)).scores)
    }

    /// Returns the verdict in words.
    pub(super) fn verdict(&self) -> String {
        self.against_baseline.verdict.to_string()
    }
}

impl TextSplitScores for MultilabelSplit {
    const HEADER: &'static [&'static str] = &[
        "split",
        "rows",
        "macro F1",
        "95 % interval",
        "micro F1",
        "LRAP",
        "all labels right",
        "macro F1 of the baseline",
        "against the baseline",
    ];

    fn summary(&self) -> Vec<String> {
        let of = |metric: MultilabelMetric| number(metric.of(&self.scores));
        vec![
            self.split.clone(),
            count(self.scores.rows),
            of(MultilabelMetric::MacroF1),
            self.range(MultilabelMetric::MacroF1),
            of(MultilabelMetric::MicroF1),
            of(MultilabelMetric::Lrap),
            of(MultilabelMetric::SubsetAccuracy),
            number(self.constant(MultilabelMetric::MacroF1)),
            self.verdict(),
        ]
    }

    fn details(&self, display: &[String]) -> Vec<TextBlock> {
        let tables = LabelSetTables {
            name: &self.split,
            labels: &self.label_names(display),
            scores: &self.scores,
            intervals: &self.intervals,
            hamming_loss: self.hamming_loss_interval,
            baseline: &self.baseline,
            against_baseline: &self.against_baseline,
            has_probabilities: true,
        };
        tables.blocks()
    }
}

/// The scores of a split or file, to be shown in full.
pub(super) struct LabelSetTables<'a> {
    /// The split or file.
    pub name: &'a str,
    /// Names of the labels, `[labels]`.
    pub labels: &'a [String],
    pub scores: &'a MultilabelScores,
    pub intervals: &'a [(MultilabelMetric, Interval)],
    /// The interval of the Hamming loss, where it was computed.
    pub hamming_loss: Option<Interval>,
    pub baseline: &'a MultilabelBaseline,
    pub against_baseline: &'a BaselineDifference<MultilabelMetric, LabelConstant>,
    /// False if scores of rankings mean nothing.
    pub has_probabilities: bool,
}

impl LabelSetTables<'_> {
    pub fn blocks(&self) -> Vec<TextBlock> {
        let Self { scores, baseline, .. } = self;
        let shown = |interval: Option<Interval>| interval.map_or_else(String::new, |interval| range(&interval));
        let mut values = TextTable::new(&["score", "value", "95 % interval", "baseline"]);
        for (metric, name) in NAMED.into_iter().filter(|(metric, _)| self.ranks(*metric)) {
            let interval = self.intervals.iter().find(|(known, _)| *known == metric).map(|(_, interval)| *interval);
            let constant = metric.of(&baseline.constant(baseline.better_by(metric)).scores);
            values.push([name.to_owned(), number(metric.of(scores)), shown(interval), number(constant)]);
        }
        let constants = LabelConstant::ALL.iter().map(|&rule| &baseline.constant(rule).scores);
        let least = constants.map(|scores| scores.hamming_loss).fold(f64::INFINITY, f64::min);
        values.push(["Hamming loss".to_owned(), number(scores.hamming_loss), shown(self.hamming_loss), number(least)]);
        let mut header = vec!["label", "precision", "recall", "F1", "rows", "answered"];
        if self.has_probabilities {
            let constant = number(baseline.most_frequent_set.scores.macro_average_precision);
            let name = "macro average precision".to_owned();
            values.push([name, number(scores.macro_average_precision), String::new(), constant]);
            header.insert(4, "average precision");
        }
        let mut labels = TextTable::new(&header);
        for (name, label) in self.labels.iter().zip(&scores.per_label) {
            let ranking = self.has_probabilities.then_some(label.average_precision);
            let numbers = [label.precision, label.recall, label.f1].into_iter().chain(ranking).map(number);
            labels.push(
                std::iter::once(name.clone()).chain(numbers).chain([count(label.support), count(label.answered)]),
            );
        }
        let head = format!("{}: {} rows, {}", self.name, count(scores.rows), self.against_baseline);
        std::iter::once(TextBlock::Lines(head)).chain([values, labels].map(TextBlock::Table)).collect()
    }

    /// Returns false for a metric of rankings where there are none.
    fn ranks(&self, metric: MultilabelMetric) -> bool {
        self.has_probabilities || metric != MultilabelMetric::Lrap
    }
}
