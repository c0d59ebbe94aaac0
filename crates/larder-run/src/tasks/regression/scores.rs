//! Scores of predicted numbers for people.

use larder_diagnose::{Diagnosis, NumbersJudged, diagnose_numbers};
use larder_errors::count;
use larder_metrics::{
    BaselineDifference, Interval, Metric, NumberConstant, RegressionBaseline, RegressionMetric, RegressionScores,
    SplitCoverage,
};

use super::evaluate::RegressionSplit;
use crate::evaluation::{ComparedScores, SplitOutline, SplitScores};
use crate::heads::TargetSummary;
use crate::page::{number, range};
use crate::tasks::texts::TextSplitScores;
use crate::{RunRecord, TextBlock, TextTable};

/// The scores in the order of tables, with their names for people.
pub(super) const NAMED: [(RegressionMetric, &str); 5] = [
    (RegressionMetric::Pearson, "Pearson"),
    (RegressionMetric::Spearman, "Spearman"),
    (RegressionMetric::R2, "R²"),
    (RegressionMetric::Mae, "MAE"),
    (RegressionMetric::Rmse, "RMSE"),
];

impl SplitScores for RegressionSplit {
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
        let interval =
            self.interval(RegressionMetric::Pearson).expect("an evaluation has the interval of every metric");
        (self.scores.pearson, interval)
    }

    fn named_scores(&self) -> Vec<(&'static str, f64)> {
        NAMED.iter().map(|(metric, _)| (metric.as_str(), metric.of(&self.scores))).collect()
    }

    fn compared(&self) -> ComparedScores {
        ComparedScores {
            scores: NAMED.map(|(metric, name)| (name, metric.of(&self.scores), self.constant(metric))).to_vec(),
            baseline: "mean of train; median for MAE",
            against: Some(("mean", self.verdict())),
        }
    }

    fn coverage(&self) -> Option<&SplitCoverage> {
        self.coverage.as_ref()
    }

    fn findings(&self, record: &RunRecord) -> Vec<Diagnosis> {
        let Some(train) = record.head.details().targets() else { return Vec::new() };
        let judged = NumbersJudged {
            split: &self.split,
            scores: &self.scores,
            baseline: &self.baseline,
            comparison: &self.against_mean,
            targets: &self.targets,
            answers: &self.answers,
            train,
        };
        diagnose_numbers(&judged, &record.head.details().method(&record.columns_tried))
    }
}

impl RegressionSplit {
    /// Returns the interval of a metric.
    pub(super) fn interval(&self, metric: RegressionMetric) -> Option<Interval> {
        self.intervals.iter().find(|(known, _)| *known == metric).map(|(_, interval)| *interval)
    }

    /// Returns the same in words.
    pub(super) fn range(&self, metric: RegressionMetric) -> String {
        self.interval(metric).map_or_else(String::new, |interval| range(&interval))
    }

    /// Returns the score of the constant answer that a metric is compared with.
    pub(super) fn constant(&self, metric: RegressionMetric) -> f64 {
        metric.of(&self.baseline.constant(metric.constant()).scores)
    }

    /// Returns the verdict in words.
    pub(super) fn verdict(&self) -> String {
        self.against_mean.verdict.to_string()
    }
}

impl TextSplitScores for RegressionSplit {
    const HEADER: &'static [&'static str] = &[
        "split",
        "rows",
        "Pearson",
        "95 % interval",
        "Spearman",
        "R²",
        "MAE",
        "RMSE",
        "RMSE of the mean",
        "against the mean",
    ];

    fn summary(&self) -> Vec<String> {
        let scores = &self.scores;
        vec![
            self.split.clone(),
            count(scores.rows),
            number(scores.pearson),
            self.range(RegressionMetric::Pearson),
            number(scores.spearman),
            number(scores.r2),
            number(scores.mae),
            number(scores.rmse),
            number(self.constant(RegressionMetric::Rmse)),
            self.verdict(),
        ]
    }

    fn details(&self, _: &[String]) -> Vec<TextBlock> {
        let tables = NumberTables {
            name: &self.split,
            scores: &self.scores,
            intervals: &self.intervals,
            baseline: &self.baseline,
            baseline_of: "train",
            against_mean: &self.against_mean,
            targets: &self.targets,
            answers: &self.answers,
        };
        tables.blocks()
    }
}

/// The scores of a split or file, to be shown in full.
pub(super) struct NumberTables<'a> {
    /// The split or file.
    pub name: &'a str,
    pub scores: &'a RegressionScores,
    pub intervals: &'a [(RegressionMetric, Interval)],
    pub baseline: &'a RegressionBaseline,
    /// The rows whose mean and median the baseline answers: `train`, `gold`.
    pub baseline_of: &'a str,
    pub against_mean: &'a BaselineDifference<RegressionMetric, NumberConstant>,
    pub targets: &'a TargetSummary,
    pub answers: &'a TargetSummary,
}

impl NumberTables<'_> {
    pub fn blocks(&self) -> Vec<TextBlock> {
        let mut scores = TextTable::new(&["score", "value", "95 % interval", "always answering", "value"]);
        for (metric, name) in NAMED {
            let interval =
                self.intervals.iter().find(|(known, _)| *known == metric).map(|(_, interval)| range(interval));
            let (rule, constant) = (metric.constant(), self.baseline.constant(metric.constant()));
            scores.push([
                name.to_owned(),
                number(metric.of(self.scores)),
                interval.unwrap_or_default(),
                format!("the {rule} of {}, {}", self.baseline_of, number(constant.value)),
                number(metric.of(&constant.scores)),
            ]);
        }
        let mut numbers = TextTable::new(&["", "mean", "deviation", "smallest", "median", "largest"]);
        for (name, of) in [("targets", self.targets), ("answers", self.answers)] {
            let values = [of.mean, of.deviation, of.smallest, of.median, of.largest].map(number);
            numbers.push(std::iter::once(name.to_owned()).chain(values));
        }
        let head = format!("{}: {} rows, {}", self.name, count(self.scores.rows), self.against_mean);
        std::iter::once(TextBlock::Lines(head)).chain([scores, numbers].map(TextBlock::Table)).collect()
    }
}
