//! Remarks beside scores: rows left out, labels that training never saw, splits without labels.

use crate::Evaluation;
use crate::tasks;

impl Evaluation {
    /// Returns one sentence for each split that has rows left out, labels that training never saw, or no labels.
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
