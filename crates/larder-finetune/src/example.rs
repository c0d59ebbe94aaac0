//! The training examples.

use crate::TuneError;
use crate::encoder::EncoderFacts;
use crate::settings::TuneSettings;
use crate::targets::Targets;
use larder_graphs::Loss;

/// A labelled text, as tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// Token ids, special tokens included and padding not: 1 to as many as the encoder has positions.
    pub input_ids: Vec<i64>,
    /// The type of each token; empty where all are of the first.
    pub token_type_ids: Vec<i64>,
    /// The other text of a pair, for [`HeadInput::Pair`](larder_graphs::HeadInput::Pair), which reads each by itself.
    pub second: Option<TextTokens>,
    /// The right answers, of the kind that the loss takes.
    pub targets: Targets,
}

/// A text, as tokens: the same as those of an [`Example`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextTokens {
    /// Token ids, special tokens included and padding not.
    pub input_ids: Vec<i64>,
    /// The type of each token; empty where all are of the first.
    pub token_type_ids: Vec<i64>,
}

impl Example {
    /// Returns an example of those targets, for a text whose tokens are all of the first type.
    fn of(input_ids: Vec<i64>, targets: Targets) -> Self {
        Self { input_ids, targets, ..Self::default() }
    }

    /// A single text: all tokens are of the first type.
    pub fn new(input_ids: Vec<i64>, label: i64) -> Self {
        Self::of(input_ids, Targets::Classes(vec![label]))
    }

    /// A text with as many labels as tokens, all tokens of the first type.
    pub fn tagged(input_ids: Vec<i64>, labels: Vec<i64>) -> Self {
        Self::of(input_ids, Targets::Classes(labels))
    }

    /// A text with a number for each column of the logits, `[classes]`: see [`Targets::Values`]. All tokens are of the first
    /// type.
    pub fn valued(input_ids: Vec<i64>, values: Vec<f32>) -> Self {
        Self::of(input_ids, Targets::Values(values))
    }

    /// Makes it one of a pair.
    #[must_use]
    pub fn with_second(self, second: TextTokens) -> Self {
        Self { second: Some(second), ..self }
    }

    /// Ids and types of the tokens of each text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&[i64], &[i64])> {
        let second = self.second.as_ref().map(|second| (&second.input_ids[..], &second.token_type_ids[..]));
        std::iter::once((&self.input_ids[..], &self.token_type_ids[..])).chain(second)
    }

    /// Tokens of the longest text.
    pub(crate) fn longest(&self) -> usize {
        self.texts().map(|(ids, _)| ids.len()).max().unwrap_or(0)
    }

    /// Tokens of a batch that holds it alone.
    pub(crate) fn padded_tokens(&self) -> usize {
        self.texts().count() * self.longest()
    }

    /// Can the encoder take it, and the loss its targets?
    fn problem(&self, encoder: &EncoderFacts, settings: &TuneSettings) -> Option<String> {
        let outside = |ids: &[i64], rows: usize| {
            ids.iter().copied().find(|&id| usize::try_from(id).map_or(true, |id| id >= rows))
        };
        let (texts, expected) = (self.texts().count(), settings.input.texts());
        if texts != expected {
            return Some(format!("has {texts} texts to read by themselves, and the head reads {expected}"));
        }
        for (ids, types) in self.texts() {
            if ids.is_empty() || ids.len() > encoder.max_positions {
                return Some(format!("has {} tokens, and the encoder takes 1 to {}", ids.len(), encoder.max_positions));
            }
            if let Some(id) = outside(ids, encoder.vocab_size) {
                return Some(format!("has the token {id}, and the encoder has {} of them", encoder.vocab_size));
            }
            if !types.is_empty() && types.len() != ids.len() {
                return Some(format!("has {} token types for {} tokens", types.len(), ids.len()));
            }
            if let Some(id) = outside(types, encoder.type_vocab_size.max(1)) {
                return Some(format!(
                    "has the token type {id}, and the encoder has {} of them",
                    encoder.type_vocab_size
                ));
            }
        }
        self.targets.problem(settings, self.input_ids.len())
    }
}

impl TuneSettings {
    /// The divisor of a batch's loss: the number of labels that count, or the sum of their class weights; for the other losses
    /// the number of targets.
    pub(crate) fn counted(&self, examples: &[&Example]) -> f64 {
        let Loss::CrossEntropy { class_weights, .. } = &self.loss else {
            return (examples.len() * self.classes) as f64;
        };
        let weight = |(_, class): (usize, usize)| match class_weights {
            None => 1.0,
            // Checked: a label that counts is a class.
            Some(weights) => weights.get(class).map_or(0.0, |&weight| f64::from(weight)),
        };
        examples.iter().flat_map(|example| example.targets.counted()).map(weight).sum()
    }
}

/// # Errors
/// [`TuneError::Example`] for the first that cannot be taken.
pub(crate) fn check(examples: &[Example], encoder: &EncoderFacts, settings: &TuneSettings) -> Result<(), TuneError> {
    let problem = |(row, example): (usize, &Example)| Some((row, example.problem(encoder, settings)?));
    let mut problems = examples.iter().enumerate().filter_map(problem);
    problems.next().map_or(Ok(()), |(row, problem)| Err(TuneError::Example { row, problem }))
}
