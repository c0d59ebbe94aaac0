//! Tokens to examples.

use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_finetune::Example;
use larder_graphs::IGNORED_LABEL;
use larder_store::{TokensBatch, TokensProjection, TokensReader};
use larder_tokens::windows;

use crate::PipelineError;

/// One split as it is trained on or judged by.
#[derive(Debug, Default)]
pub(super) struct SplitExamples {
    /// Texts; of tagging, windows of sentences.
    pub examples: Vec<Example>,
    /// What the answers should be.
    pub gold: Gold,
    /// Rows of the tokens file.
    pub rows: usize,
    /// Of these, rows whose labels training never saw: they are left out.
    pub unseen_rows: usize,
}

/// The right answers of a split.
#[derive(Debug)]
pub(super) enum Gold {
    /// The class of each text.
    Classes(Vec<usize>),
    /// Of words.
    Tags {
        /// The class of each word of each sentence.
        sentences: Vec<Vec<usize>>,
        /// For each counted label, in the order of examples and tokens, its sentence and word.
        words: Vec<(usize, usize)>,
    },
}

impl Default for Gold {
    fn default() -> Self {
        Self::Classes(Vec::new())
    }
}

impl Gold {
    /// Rows, or words, a class.
    pub fn counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        match self {
            Self::Classes(all) => all.iter().for_each(|&class| counts[class] += 1),
            Self::Tags { sentences, .. } => sentences.iter().flatten().for_each(|&class| counts[class] += 1),
        }
        counts
    }
}

/// How a split is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub task: Task,
    pub labels: &'a LabelMap,
    /// Of tagging: tokens of a window.
    pub max_tokens: usize,
    /// Of tagging: tokens from one window to the next.
    pub stride: Option<usize>,
    /// Leaves rows out whose labels are none of `labels`; else they are errors.
    pub skip_unseen: bool,
}

impl Reading<'_> {
    /// Reads a tokens file.
    ///
    /// # Errors
    /// [`PipelineError::NoLabel`], [`PipelineError::UnknownLabel`] with the row; what the store says.
    pub fn read(&self, path: &Path) -> Result<SplitExamples, PipelineError> {
        let projection = match self.task {
            Task::Sequence => TokensProjection::Encode,
            Task::Tagging => TokensProjection::EncodeWords,
        };
        let mut read = SplitExamples::default();
        if self.task == Task::Tagging {
            read.gold = Gold::Tags { sentences: Vec::new(), words: Vec::new() };
        }
        let mut first = 0;
        for batch in TokensReader::open(path, projection)? {
            let batch = batch?;
            for row in 0..batch.len() {
                self.row(path, &batch, row, first + row, &mut read)?;
            }
            first += batch.len();
        }
        read.rows = first;
        Ok(read)
    }

    fn row(
        &self,
        path: &Path,
        batch: &TokensBatch,
        row: usize,
        number: usize,
        read: &mut SplitExamples,
    ) -> Result<(), PipelineError> {
        let no_label = || PipelineError::NoLabel { features: path.to_path_buf(), row: number };
        let class = |label: &str| {
            self.labels.index(label).map_err(|_| PipelineError::UnknownLabel {
                features: path.to_path_buf(),
                row: number,
                label: label.to_owned(),
                known: self.labels.names().to_vec(),
            })
        };
        let is_unseen = match self.task {
            Task::Sequence => batch.label(row).is_some_and(|label| self.labels.index(label).is_err()),
            Task::Tagging => batch.tags(row).is_some_and(|mut tags| tags.any(|tag| self.labels.index(tag).is_err())),
        };
        if self.skip_unseen && is_unseen {
            read.unseen_rows += 1;
            return Ok(());
        }
        let ids = batch.input_ids(row);
        match &mut read.gold {
            Gold::Classes(all) => {
                let class = class(batch.label(row).ok_or_else(no_label)?)?;
                all.push(class);
                let types = batch.type_ids(row).map(|types| types.iter().map(|&id| i64::from(id)).collect());
                let example = Example::new(ids.iter().map(|&id| i64::from(id)).collect(), as_label(class));
                read.examples.push(Example { token_type_ids: types.unwrap_or_default(), ..example });
            }
            Gold::Tags { sentences, words } => {
                let tags = batch.tags(row).ok_or_else(no_label)?;
                let classes = tags.map(class).collect::<Result<Vec<_>, _>>()?;
                for window in windows(batch.word_ids(row), self.max_tokens, self.stride)? {
                    let mut labels = vec![IGNORED_LABEL; window.len()];
                    for taken in &window.assigned {
                        // A word index is that of one of the sentence's words.
                        let word = usize::try_from(taken.word).unwrap_or(0);
                        let class = classes.get(word).copied().ok_or_else(no_label)?;
                        labels[window.place(taken.tokens.start)] = as_label(class);
                        words.push((sentences.len(), word));
                    }
                    let input_ids = window.input_ids(ids).into_iter().map(i64::from).collect();
                    let types = batch.type_ids(row).map(|types| window.type_ids(types).into_iter().map(i64::from));
                    let token_type_ids = types.map(Iterator::collect).unwrap_or_default();
                    read.examples.push(Example { token_type_ids, ..Example::tagged(input_ids, labels) });
                }
                sentences.push(classes);
            }
        }
        Ok(())
    }
}

/// Classes are few.
fn as_label(class: usize) -> i64 {
    i64::try_from(class).unwrap_or(i64::MAX)
}
