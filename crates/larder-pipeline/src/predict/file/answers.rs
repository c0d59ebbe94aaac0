//! The answers to a block of rows, whatever the task.

use std::collections::HashMap;

use larder_data::{Content, Task};
use larder_runtime::{Device, RanOn};

use crate::predict::{Prediction, Predictor, TagPredictor, TaggedText};
use crate::{Larder, PipelineError, RunRecord};

/// Texts answered at once: their vectors are in memory, of all layers that the head reads.
const TEXTS_AT_ONCE: usize = 4096;

/// The same of a tagger, which has a vector a word.
const SENTENCES_AT_ONCE: usize = 1024;

/// One row's answer.
#[derive(Debug, Clone)]
pub(super) enum Answers {
    Label(Prediction),
    Tags(TaggedText),
}

impl Answers {
    pub(super) fn is_truncated(&self) -> bool {
        matches!(self, Self::Label(prediction) if prediction.truncated_tokens > 0)
    }
}

/// The columns, or fields, that are added to a row.
#[derive(Debug, Clone)]
pub(super) struct AddedColumns {
    pub(super) kind: AnswerKind,
    /// Put before each name.
    pub(super) prefix: String,
    /// The run's labels, in the order of `probabilities`.
    pub(super) labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    Label,
    /// Of a text that is cut into words.
    WordsAndTags,
    /// Of words that the file has.
    Tags,
}

impl AddedColumns {
    pub(super) fn names(&self) -> Vec<String> {
        let names: &[&str] = match self.kind {
            AnswerKind::Label => &["prediction", "probability", "probabilities"],
            AnswerKind::WordsAndTags => &["words", "tags", "entities"],
            AnswerKind::Tags => &["tags", "entities"],
        };
        names.iter().map(|name| self.name(name)).collect()
    }

    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// A run of either task, ready to answer.
pub(super) enum Answerer {
    Labels(Box<Predictor>),
    Tags(Box<TagPredictor>),
}

impl Answerer {
    pub(super) fn open(
        larder: &Larder,
        record: RunRecord,
        device: Device,
        threads: usize,
    ) -> Result<Self, PipelineError> {
        Ok(match record.task() {
            Task::Sequence => Self::Labels(Box::new(Predictor::open(larder, record, device, threads)?)),
            Task::Tagging => Self::Tags(Box::new(TagPredictor::open(larder, record, device, threads)?)),
        })
    }

    pub(super) fn ran_on(&self) -> &RanOn {
        match self {
            Self::Labels(predictor) => predictor.ran_on(),
            Self::Tags(predictor) => predictor.ran_on(),
        }
    }

    /// What should be known about how rows are cut into words.
    pub(super) fn note(&self, asked: &[Option<Content>]) -> Option<String> {
        match self {
            Self::Labels(_) => None,
            Self::Tags(predictor) => {
                let contents: Vec<Content> = asked.iter().flatten().cloned().collect();
                predictor.note(&contents)
            }
        }
    }

    /// The answer to each row that asks something. Equal rows are answered once.
    pub(super) fn answer(
        &mut self,
        asked: &[Option<Content>],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Option<Answers>>, PipelineError> {
        let mut place: HashMap<&Content, usize> = HashMap::new();
        let mut different: Vec<&Content> = Vec::new();
        let of_row: Vec<Option<usize>> = asked
            .iter()
            .map(|asked| {
                let content = asked.as_ref()?;
                Some(*place.entry(content).or_insert_with(|| {
                    different.push(content);
                    different.len() - 1
                }))
            })
            .collect();
        let at_once = match self {
            Self::Labels(_) => TEXTS_AT_ONCE,
            Self::Tags(_) => SENTENCES_AT_ONCE,
        };
        let mut answers: Vec<Answers> = Vec::with_capacity(different.len());
        for group in different.chunks(at_once) {
            let contents: Vec<Content> = group.iter().map(|&content| content.clone()).collect();
            match self {
                Self::Labels(predictor) => {
                    answers.extend(predictor.predict(&contents)?.into_iter().map(Answers::Label));
                }
                Self::Tags(predictor) => {
                    answers.extend(predictor.predict(&contents)?.into_iter().map(Answers::Tags));
                }
            }
            progress(answers.len());
        }
        Ok(of_row.into_iter().map(|place| answers.get(place?).cloned()).collect())
    }
}
