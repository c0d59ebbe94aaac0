//! One predictor's rows beside gold, in the form that tallies are made from.

use crate::error::MetricsError;
use crate::multilabel::average_precision::label_ranking_average_precision;
use crate::multilabel::tally::LabelTally;
use crate::multilabel::{LabelSets, MultilabelAnswers};

/// The labels that each row has or was answered with: a tally visits those alone, few of all labels.
pub(crate) struct RowEntries {
    labels: usize,
    rows: Vec<RowEntry>,
    /// Those of all rows, one row behind the other.
    occurring: Vec<OccurringLabel>,
}

/// A label that is in the gold set of a row, in the answered set, or in both.
struct OccurringLabel {
    label: usize,
    gold: bool,
    answered: bool,
}

struct RowEntry {
    /// End of the row's labels in `occurring`; they begin where those of the row before end.
    end: usize,
    /// The answered set is the gold set.
    exact: bool,
    /// Label ranking average precision.
    lrap: f64,
}

impl RowEntries {
    /// Reads the rows of `answers`, called `name` in errors.
    pub(crate) fn new(gold: &LabelSets, answers: &MultilabelAnswers, name: &'static str) -> Result<Self, MetricsError> {
        gold.check_same_shape(answers.sets(), name)?;
        let labels = gold.labels();
        let (mut rows, mut occurring) = (Vec::with_capacity(gold.rows()), Vec::new());
        let mut ranking = Vec::with_capacity(labels);
        let probabilities = answers.probabilities().chunks_exact(labels);
        for ((gold, answered), probabilities) in gold.iter().zip(answers.sets().iter()).zip(probabilities) {
            for (label, (&gold, &answered)) in gold.iter().zip(answered).enumerate() {
                if gold || answered {
                    occurring.push(OccurringLabel { label, gold, answered });
                }
            }
            ranking.clear();
            ranking.extend(probabilities.iter().copied().zip(gold.iter().copied()));
            let lrap = label_ranking_average_precision(&mut ranking);
            rows.push(RowEntry { end: occurring.len(), exact: gold == answered, lrap });
        }
        Ok(Self { labels, rows, occurring })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn labels(&self) -> usize {
        self.labels
    }

    /// Tallies every row once.
    pub(crate) fn tally(&self) -> LabelTally {
        let mut tally = LabelTally::new(self.labels);
        self.tally_drawn(&vec![1; self.rows()], &mut tally);
        tally
    }

    /// Makes `tally` that of the rows drawn `counts` times each, `[rows]`.
    pub(crate) fn tally_drawn(&self, counts: &[u32], tally: &mut LabelTally) {
        tally.clear();
        let mut start = 0;
        for (row, &count) in self.rows.iter().zip(counts) {
            let occurring = &self.occurring[start..row.end];
            start = row.end;
            let count = u64::from(count);
            for &OccurringLabel { label, gold, answered } in occurring {
                tally.labels.gold[label] += count * u64::from(gold);
                tally.labels.predicted[label] += count * u64::from(answered);
                tally.labels.correct[label] += count * u64::from(gold && answered);
            }
            tally.rows += count;
            tally.exact_rows += count * u64::from(row.exact);
            tally.lrap += count as f64 * row.lrap;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MultilabelMetric;

    proptest! {
        /// A row drawn twice counts as two equal rows.
        #[test]
        fn counts_of_rows_are_repeated_rows(
            rows in prop::collection::vec((0_u32..4, prop::collection::vec((any::<bool>(), 0_u8..=4), 3)), 1..20),
        ) {
            prop_assume!(rows.iter().any(|row| row.0 > 0));
            let made = |rows: &[&Vec<(bool, u8)>]| {
                let cells = || rows.iter().flat_map(|row| row.iter());
                let gold = LabelSets::new(cells().map(|cell| cell.0).collect(), 3).unwrap();
                let probabilities = cells().map(|cell| f64::from(cell.1) / 4.0).collect();
                let answers = MultilabelAnswers::from_thresholds(probabilities, &[0.5; 3]).unwrap();
                RowEntries::new(&gold, &answers, "answers").unwrap()
            };
            let once = made(&rows.iter().map(|row| &row.1).collect::<Vec<_>>());
            let counts: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let mut drawn = LabelTally::new(once.labels());
            once.tally_drawn(&counts, &mut drawn);
            let repeated: Vec<_> = rows.iter().flat_map(|row| vec![&row.1; row.0 as usize]).collect();
            let repeated = made(&repeated).tally();
            prop_assert_eq!((drawn.rows, drawn.exact_rows), (repeated.rows, repeated.exact_rows));
            for &metric in MultilabelMetric::ALL {
                let (drawn, repeated) = (metric.of_tally(&drawn), metric.of_tally(&repeated));
                // Whole numbers below and above the line, except for LRAP, which is summed in another order.
                prop_assert!((drawn - repeated).abs() < 1e-12, "{metric}: {drawn} {repeated}");
            }
        }
    }
}
