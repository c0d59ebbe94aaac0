//! What must be said beside scores: rows that they are not about, labels that could not be answered, splits without any.

use crate::Evaluation;
use crate::tasks;

impl Evaluation {
    /// A sentence for each split whose scores are not about all rows of its file, that has labels which training never saw, or
    /// that has none.
    pub fn remarks(&self) -> Vec<String> {
        let scores = self.scores();
        let mut remarks = Vec::new();
        for one in scores.splits() {
            let outline = one.outline();
            remarks.extend(skipped(outline.split, outline.rows, outline.skipped_rows));
            remarks.extend(one.remark());
        }
        let target = tasks::of(self.task()).facts().targets;
        for one in scores.unscored() {
            remarks.push(format!(
                "{}: no {target} in its {} rows, so it has no scores; its answers are in predictions.parquet",
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
