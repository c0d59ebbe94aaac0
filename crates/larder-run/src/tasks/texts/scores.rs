//! The scores of a run on texts, and their tables.

use serde::{Deserialize, Serialize};

use crate::coverage::coverage_blocks;
use crate::evaluation::{SplitScores, TaskScores, UnscoredSplit};
use crate::{TextBlock, TextTable};

/// The scores of a run on texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TextScores<S> {
    /// The run.
    pub run: String,
    /// Labels in the order of the head's classes.
    pub labels: Vec<String>,
    /// Display names of the labels.
    pub display: Vec<String>,
    /// One entry a split.
    pub splits: Vec<S>,
    /// Splits without targets.
    #[serde(default)]
    pub unscored: Vec<UnscoredSplit>,
}

/// The scores of one split in tables.
pub trait TextSplitScores: SplitScores + Sized {
    /// The columns of the table of all splits.
    const HEADER: &'static [&'static str];

    /// Returns the split's line in that table.
    fn summary(&self) -> Vec<String>;

    /// Returns the split in full; `display` are the display names of the labels.
    fn details(&self, display: &[String]) -> Vec<TextBlock>;
}

impl<S: TextSplitScores> TaskScores for TextScores<S> {
    fn splits(&self) -> Vec<&dyn SplitScores> {
        self.splits.iter().map(|split| split as &dyn SplitScores).collect()
    }

    fn splits_mut(&mut self) -> Vec<&mut dyn SplitScores> {
        self.splits.iter_mut().map(|split| split as &mut dyn SplitScores).collect()
    }

    fn unscored(&self) -> &[UnscoredSplit] {
        &self.unscored
    }

    fn retain(&mut self, keep: &dyn Fn(&str, &str) -> bool) {
        self.splits.retain(|one| keep(one.outline().split, one.outline().data_digest));
        self.unscored.retain(|one| keep(&one.split, &one.data_digest));
    }

    fn summary(&self) -> TextTable {
        let mut table = TextTable::new(S::HEADER);
        for split in &self.splits {
            table.push(split.summary());
        }
        table
    }

    fn details(&self) -> Vec<Vec<TextBlock>> {
        let details = |split: &S| {
            let mut blocks = split.details(&self.display);
            blocks.extend(split.coverage().into_iter().flat_map(|coverage| coverage_blocks(coverage, &self.display)));
            blocks
        };
        self.splits.iter().map(details).collect()
    }
}
