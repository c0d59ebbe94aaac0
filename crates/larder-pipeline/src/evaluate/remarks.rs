//! What must be said beside scores: rows that they are not about, labels that could not be answered, splits without any.

use super::Evaluation;

/// Labels that are named.
const NAMED: usize = 5;

impl Evaluation {
    /// A sentence for each split whose scores are not about all rows of its file, that has labels which training never saw, or
    /// that has none.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        match self {
            Self::Sequence(evaluation) => {
                for one in &evaluation.splits {
                    remarks.extend(skipped(&one.split, one.scores.rows, one.skipped_rows));
                    if !one.unseen_labels.is_empty() {
                        let from = one.confusion.len().saturating_sub(one.unseen_labels.len());
                        let rows: u64 = one.confusion.iter().skip(from).flatten().sum();
                        let named: Vec<String> =
                            one.unseen_labels.iter().take(NAMED).map(|label| format!("`{label}`")).collect();
                        let more = match one.unseen_labels.len().saturating_sub(NAMED) {
                            0 => String::new(),
                            more => format!(" and {more} more"),
                        };
                        remarks.push(format!(
                            "{}: {rows} of {} rows have a label that training never saw ({}{more}): no answer to them is right",
                            one.split,
                            one.scores.rows,
                            named.join(", ")
                        ));
                    }
                }
            }
            Self::Tagging(evaluation) => {
                for one in &evaluation.splits {
                    remarks.extend(skipped(&one.split, one.scores.sentences, one.skipped_rows));
                }
            }
        }
        let (unscored, what) = match self {
            Self::Sequence(evaluation) => (&evaluation.unscored, "labels"),
            Self::Tagging(evaluation) => (&evaluation.unscored, "tags"),
        };
        for one in unscored {
            remarks.push(format!(
                "{}: no {what} in its {} rows, so it has no scores; its answers are in predictions.parquet",
                one.split, one.rows
            ));
            remarks.extend(skipped(&one.split, one.rows, one.skipped_rows));
        }
        remarks
    }
}

fn skipped(split: &str, rows: u64, skipped: u64) -> Option<String> {
    (skipped > 0).then(|| {
        format!(
            "{split}: {skipped} of the {} rows of its file could not be used and were left out (`--on-bad-row skip`)",
            rows + skipped
        )
    })
}
