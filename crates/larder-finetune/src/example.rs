//! The training examples.

use larder_graphs::{HeadInput, IGNORED_LABEL};
use larder_onnx::EncoderConfig;

use crate::TuneError;

/// A labelled text, as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Token ids, special tokens included and padding not: 1 to as many as the encoder has positions.
    pub input_ids: Vec<i64>,
    /// The type of each token; empty where all are of the first.
    pub token_type_ids: Vec<i64>,
    /// Classes, from 0: one for a text, or for tagging one a token, with [`IGNORED_LABEL`] where none counts: special
    /// tokens, and all tokens of a word but the first.
    pub labels: Vec<i64>,
}

impl Example {
    /// A single text: all tokens are of the first type.
    pub fn new(input_ids: Vec<i64>, label: i64) -> Self {
        Self { input_ids, token_type_ids: Vec::new(), labels: vec![label] }
    }

    /// A text with as many labels as tokens, all tokens of the first type.
    pub fn tagged(input_ids: Vec<i64>, labels: Vec<i64>) -> Self {
        Self { input_ids, token_type_ids: Vec::new(), labels }
    }

    /// The places and classes of the labels that count.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (usize, usize)> {
        let class = |(place, &label): (usize, &i64)| Some((place, usize::try_from(label).ok()?));
        self.labels.iter().enumerate().filter_map(class)
    }

    /// Tokens.
    pub(crate) fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Can the encoder take it, and are there such classes?
    fn problem(&self, config: &EncoderConfig, input: HeadInput, classes: usize) -> Option<String> {
        let outside = |ids: &[i64], rows: usize| {
            ids.iter().copied().find(|&id| usize::try_from(id).map_or(true, |id| id >= rows))
        };
        if self.input_ids.is_empty() || self.len() > config.max_positions() {
            return Some(format!("has {} tokens, and the encoder takes 1 to {}", self.len(), config.max_positions()));
        }
        if let Some(id) = outside(&self.input_ids, config.vocab_size) {
            return Some(format!("has the token {id}, and the encoder has {} of them", config.vocab_size));
        }
        if !self.token_type_ids.is_empty() && self.token_type_ids.len() != self.len() {
            return Some(format!("has {} token types for {} tokens", self.token_type_ids.len(), self.len()));
        }
        if let Some(id) = outside(&self.token_type_ids, config.type_vocab_size.max(1)) {
            return Some(format!("has the token type {id}, and the encoder has {} of them", config.type_vocab_size));
        }
        let (expected, of) = match input {
            HeadInput::Tokens => (self.len(), "one a token is expected"),
            HeadInput::Pooled(_) => (1, "a text has one"),
        };
        if self.labels.len() != expected {
            return Some(format!("has {} labels for {} tokens: {of}", self.labels.len(), self.len()));
        }
        let is_class = |label: &i64| usize::try_from(*label).is_ok_and(|label| label < classes);
        let is_ignored = |label: &i64| input == HeadInput::Tokens && *label == IGNORED_LABEL;
        let label = self.labels.iter().find(|label| !is_class(label) && !is_ignored(label))?;
        Some(format!("has the label {label}, and the classes are 0 to {}", classes.saturating_sub(1)))
    }
}

/// # Errors
/// [`TuneError::Example`] for the first that cannot be taken.
pub(crate) fn check(
    examples: &[Example],
    config: &EncoderConfig,
    input: HeadInput,
    classes: usize,
) -> Result<(), TuneError> {
    let problem = |(row, example): (usize, &Example)| Some((row, example.problem(config, input, classes)?));
    let mut problems = examples.iter().enumerate().filter_map(problem);
    problems.next().map_or(Ok(()), |(row, problem)| Err(TuneError::Example { row, problem }))
}
