//! What is trained on.

use larder_onnx::EncoderConfig;

use crate::TuneError;

/// A labelled text, as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Token ids, special tokens included and padding not: 1 to as many as the encoder has positions.
    pub input_ids: Vec<i64>,
    /// The type of each token; empty where all are of the first.
    pub token_type_ids: Vec<i64>,
    /// The class, from 0.
    pub label: i64,
}

impl Example {
    /// A single text: all tokens are of the first type.
    pub fn new(input_ids: Vec<i64>, label: i64) -> Self {
        Self { input_ids, token_type_ids: Vec::new(), label }
    }

    /// Tokens.
    pub(crate) fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Can the encoder take it, and is there such a class?
    fn problem(&self, config: &EncoderConfig, classes: usize) -> Option<String> {
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
        let label = outside(&[self.label], classes)?;
        Some(format!("has the label {label}, and the classes are 0 to {}", classes.saturating_sub(1)))
    }
}

/// # Errors
/// [`TuneError::Example`] for the first that cannot be taken.
pub(crate) fn check(examples: &[Example], config: &EncoderConfig, classes: usize) -> Result<(), TuneError> {
    let mut problems =
        examples.iter().enumerate().filter_map(|(row, example)| Some((row, example.problem(config, classes)?)));
    problems.next().map_or(Ok(()), |(row, problem)| Err(TuneError::Example { row, problem }))
}
