//! A classifier's scores for people.

use larder_diagnose::{Diagnosis, Judged, diagnose_scores};
use larder_errors::count;
use larder_metrics::{Interval, Metric, SplitCoverage};

use super::evaluate::SequenceSplit;
use crate::evaluation::{ComparedScores, SplitOutline, SplitScores};
use crate::findings::score;
use crate::page::{number, range};
use crate::tasks::texts::{TextSplitScores, unseen_remark};
use crate::{RunRecord, TextBlock, TextTable};

/// The scores in the order of tables, with their names for people.
const NAMED: [(Metric, &str); 3] =
    [(Metric::Accuracy, "accuracy"), (Metric::Mcc, "MCC"), (Metric::MacroF1, "macro F1")];

impl SplitScores for SequenceSplit {
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

    fn score(&self, metric: Metric) -> (f64, Interval) {
        let interval = self.interval(metric).expect("an evaluation has the interval of every metric");
        (score(&self.scores, metric), interval)
    }

    fn named_scores(&self) -> Vec<(&'static str, f64)> {
        NAMED.iter().map(|&(metric, _)| (metric.as_str(), score(&self.scores, metric))).collect()
    }

    fn compared(&self) -> ComparedScores {
        let Self { scores, majority, .. } = self;
        let [accuracy, mcc, macro_f1] =
            NAMED.map(|(metric, name)| (name, score(scores, metric), score(&majority.scores, metric)));
        ComparedScores {
            scores: vec![mcc, accuracy, macro_f1],
            baseline: "majority baseline",
            against: Some(("majority", self.against_majority.in_words())),
        }
    }

    fn coverage(&self) -> Option<&SplitCoverage> {
        self.coverage.as_ref()
    }

    fn remark(&self) -> Option<String> {
        let from = self.confusion.len().saturating_sub(self.unseen_labels.len());
        let rows: u64 = self.confusion.iter().skip(from).flatten().sum();
        unseen_remark(&self.split, &self.unseen_labels, rows, self.scores.rows)
    }

    fn findings(&self, record: &RunRecord) -> Vec<Diagnosis> {
        let classes = self.class_names(&record.display);
        let answered: Vec<u64> =
            (0..classes.len()).map(|class| self.confusion.iter().filter_map(|gold| gold.get(class)).sum()).collect();
        let judged = Judged {
            split: &self.split,
            classes: &classes,
            scores: &self.scores,
            answered: &answered,
            baseline: &self.majority,
            comparison: &self.against_majority,
        };
        diagnose_scores(&judged, &record.head.details().method(&record.columns_tried))
    }
}

impl SequenceSplit {
    /// Returns the interval of a metric.
    pub(super) fn interval(&self, metric: Metric) -> Option<Interval> {
        self.intervals.iter().find(|(known, _)| *known == metric).map(|(_, interval)| *interval)
    }

    fn range(&self, metric: Metric) -> String {
        self.interval(metric).map_or_else(String::new, |interval| range(&interval))
    }
}

impl TextSplitScores for SequenceSplit {
    const HEADER: &'static [&'static str] =
        &["split", "rows", "accuracy", "MCC", "95 % interval", "macro F1", "majority accuracy", "against the majority"];

    fn summary(&self) -> Vec<String> {
        vec![
            self.split.clone(),
            count(self.scores.rows),
            number(self.scores.accuracy),
            number(self.scores.mcc),
            self.range(Metric::Mcc),
            number(self.scores.macro_f1),
            number(self.majority.scores.accuracy),
            self.against_majority.in_words(),
        ]
    }

    fn details(&self, display: &[String]) -> Vec<TextBlock> {
        details(self, &self.class_names(display))
    }
}

/// Scores with intervals, classes, and the confusion matrix.
fn details(split: &SequenceSplit, names: &[String]) -> Vec<TextBlock> {
    let mut scores = TextTable::new(&["score", "value", "95 % interval", "majority baseline"]);
    for (metric, name) in NAMED {
        let (value, baseline) = (score(&split.scores, metric), score(&split.majority.scores, metric));
        scores.push([name.to_owned(), number(value), split.range(metric), number(baseline)]);
    }
    let losses = [("log loss (nats)", split.log_loss), ("(entropy of these labels, nats)", split.prior_entropy)];
    for (name, loss) in losses {
        scores.push([name.to_owned(), number(loss), String::new(), String::new()]);
    }
    let mut classes = TextTable::new(&["class", "precision", "recall", "F1", "rows"]);
    for (name, class) in names.iter().zip(&split.scores.per_class) {
        let numbers = [class.precision, class.recall, class.f1].map(number);
        classes.push(std::iter::once(name.clone()).chain(numbers).chain([count(class.support)]));
    }
    let header: Vec<&str> = std::iter::once("gold \\ answer").chain(names.iter().map(String::as_str)).collect();
    let mut confusion = TextTable::new(&header);
    for (name, row) in names.iter().zip(&split.confusion) {
        confusion.push(std::iter::once(name.clone()).chain(row.iter().map(|&rows| count(rows))));
    }
    let head = format!("{}: {} rows, {}", split.split, count(split.scores.rows), split.against_majority);
    let tables = [scores, classes, confusion].map(TextBlock::Table);
    std::iter::once(TextBlock::Lines(head)).chain(tables).collect()
}
