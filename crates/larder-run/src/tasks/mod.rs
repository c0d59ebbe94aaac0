//! The tasks, one folder each, and their registry: [`of`] returns the rules of a task, so that users of a run need not know it.

pub mod export;
pub mod multilabel;
mod page;
pub mod regression;
mod rules;
mod scored_file;
pub mod sequence;
pub mod tagging;
mod texts;

use std::collections::BTreeMap;

use larder_data::{DatasetSpec, Task};
use serde::Serialize;

use crate::answers::RowAnswer;
use crate::evaluation::{TaskScores, merge};

pub use export::TaskExport;
pub use page::{SplitPage, TaskPage};
pub use rules::{TaskFacts, TaskRules};
pub use scored_file::{FileScores, ScoredFile, ScoredRole};
pub use texts::TextScores;

/// Makes the registry: the rules of each task, and its scores and answers.
macro_rules! tasks {
    ($($(#[$doc:meta])* $task:ident => $folder:ident),+ $(,)?) => {
        /// Returns the rules of a task.
        pub fn of(task: Task) -> &'static dyn TaskRules {
            match task {
                $(Task::$task => &$folder::Rules),+
            }
        }

        /// A run's scores.
        #[derive(Debug, Clone, Serialize)]
        #[serde(tag = "task", rename_all = "lowercase")]
        #[allow(clippy::large_enum_variant, reason = "there is one of it")]
        pub enum Evaluation {
            $($(#[$doc])* $task($folder::Scores)),+
        }

        /// Gold and answers of a split, row by row.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnsweredRows {
            $($(#[$doc])* $task($folder::GoldAndAnswers)),+
        }

        /// The answers in a run's `predictions.parquet`, by split.
        #[derive(Debug)]
        pub enum SavedAnswers {
            $($(#[$doc])* $task(BTreeMap<String, $folder::Saved>)),+
        }

        /// The answer to a new row.
        #[derive(Debug, Clone)]
        pub enum Answer {
            $($(#[$doc])* $task($folder::RowAnswer)),+
        }

        impl Answer {
            /// Returns the answer, whatever the task.
            pub fn row(&self) -> &dyn RowAnswer {
                match self {
                    $(Self::$task(answer) => answer),+
                }
            }
        }

        impl Evaluation {
            /// Returns the task.
            pub fn task(&self) -> Task {
                match self {
                    $(Self::$task(_) => Task::$task),+
                }
            }

            /// Returns the scores, whatever the task.
            pub fn scores(&self) -> &dyn TaskScores {
                match self {
                    $(Self::$task(scores) => scores),+
                }
            }

            pub(crate) fn scores_mut(&mut self) -> &mut dyn TaskScores {
                match self {
                    $(Self::$task(scores) => scores),+
                }
            }

            /// Reads the scores of a run of `task`. Not through the tag, because serde's tagged enums cannot have numeric keys.
            pub(crate) fn parse(task: Task, text: &[u8]) -> Result<Self, serde_json::Error> {
                match task {
                    $(Task::$task => serde_json::from_slice(text).map(Self::$task)),+
                }
            }

            /// Merges these splits with those of `now`, in the order of the dataset.
            #[must_use]
            pub fn with(self, now: &Self, spec: &DatasetSpec) -> Self {
                match (self, now) {
                    $((Self::$task(earlier), Self::$task(now)) => {
                        let splits = merge(earlier.splits, &now.splits, spec, |one| &one.split);
                        let unscored = merge(earlier.unscored, &now.unscored, spec, |one| &one.split);
                        Self::$task($folder::Scores { splits, unscored, ..now.clone() })
                    })+
                    // A run has one task.
                    (_, now) => now.clone(),
                }
            }
        }
    };
}

tasks! {
    /// One label a text.
    Sequence => sequence,
    /// One tag a word.
    Tagging => tagging,
    /// Any number of labels a text.
    Multilabel => multilabel,
    /// One number a text.
    Regression => regression,
}
