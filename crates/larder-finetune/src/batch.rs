//! Examples as the graphs take them.

use larder_graphs::{HIDDEN_STATES, HeadInput, IGNORED_LABEL};
use larder_runtime::{PaddedTexts, TensorView};

use crate::hidden::HiddenStates;
use crate::split::SplitOf;
use crate::targets::Targets;
use crate::{Example, TuneError};

/// Widths of batches on a device are multiples of this: few different shapes, whose memory and algorithms are found
/// again, for at most 15 tokens of padding a row. 16 is also what half-precision matrix products like.
pub(crate) const DEVICE_WIDTH: usize = 16;

/// Makes batches of a list of examples.
#[derive(Clone, Copy)]
pub(crate) struct Batches<'a> {
    pub examples: &'a [Example],
    pub split: SplitOf,
    /// The head's input: texts or tokens have labels accordingly.
    pub input: HeadInput,
    /// The token that fills up.
    pub pad: i64,
    /// The hidden states that stand for the tokens, and how wide they are.
    pub hidden: Option<(&'a dyn HiddenStates, usize)>,
    /// Batches are padded on to a multiple of so many tokens, as far as the encoder reads.
    pub width: Width,
}

/// The width of batches, in tokens.
#[derive(Clone, Copy)]
pub(crate) struct Width {
    /// Tokens of which a width is a multiple.
    pub multiple: usize,
    /// Tokens that the encoder reads.
    pub most: usize,
}

impl Width {
    /// As wide as the longest example.
    pub const EXACT: Self = Self { multiple: 1, most: usize::MAX };

    /// The width of a batch whose longest example has so many tokens.
    fn of(self, longest: usize) -> usize {
        longest.next_multiple_of(self.multiple).min(self.most).max(longest)
    }
}

impl Batches<'_> {
    /// The examples `rows` as one batch, padded to the longest of them or a little more.
    ///
    /// # Errors
    /// [`TuneError::HiddenStates`], and what reading them says.
    pub fn of(&self, rows: &[usize]) -> Result<PaddedBatch, TuneError> {
        let examples: Vec<&Example> = rows.iter().map(|&row| &self.examples[row]).collect();
        let count = examples.len();
        let texts = || examples.iter().flat_map(|example| example.texts().take(self.input.texts()));
        let seq = self.width.of(texts().map(|(ids, _)| ids.len()).max().unwrap_or(0));
        let by_token = self.input == HeadInput::Tokens;
        let mut batch = PaddedBatch {
            examples: count,
            shape: [count * self.input.texts(), seq, self.hidden.map_or(0, |(_, width)| width)],
            by_token,
            texts: PaddedTexts::new(texts(), seq, self.pad),
            labels: labels(&examples, by_token.then_some(seq)),
            hidden_states: Vec::new(),
            tokens: texts().map(|(ids, _)| ids.len()).sum(),
        };
        let Some((states, width)) = self.hidden else { return Ok(batch) };
        batch.hidden_states.reserve_exact(count * seq * width);
        for (place, (&row, example)) in rows.iter().zip(&examples).enumerate() {
            let before = batch.hidden_states.len();
            states.read(self.split, row, &mut batch.hidden_states)?;
            // Less than before only from a reader that takes away what it did not add.
            let found = batch.hidden_states.len().saturating_sub(before);
            let tokens = example.input_ids.len();
            if found != tokens * width {
                return Err(TuneError::HiddenStates { split: self.split, row, tokens, hidden: width, found });
            }
            batch.hidden_states.resize((place + 1) * seq * width, 0.0);
        }
        Ok(batch)
    }
}

/// The labels of examples; of tokens, `width` a row. Those of one run are of one kind: that of the first is every one's.
fn labels(examples: &[&Example], width: Option<usize>) -> BatchLabels {
    if let Some(Example { targets: Targets::Values(_), .. }) = examples.first() {
        let values = examples.iter().flat_map(|example| match &example.targets {
            Targets::Values(values) => values.as_slice(),
            Targets::Classes(_) => &[],
        });
        let values: Vec<f32> = values.copied().collect();
        return BatchLabels::Values { shape: [examples.len(), values.len() / examples.len()], values };
    }
    let mut labels = vec![IGNORED_LABEL; examples.len() * width.unwrap_or(1)];
    for (row, example) in labels.chunks_mut(width.unwrap_or(1)).zip(examples) {
        if let Targets::Classes(classes) = &example.targets {
            row[..classes.len()].copy_from_slice(classes);
        }
    }
    BatchLabels::Classes(labels)
}

/// The labels of a batch, as its graph takes them.
#[derive(Debug, PartialEq)]
enum BatchLabels {
    /// `[rows]`, or `[rows, tokens]` where a token has one.
    Classes(Vec<i64>),
    /// `[rows, classes]`.
    Values { shape: [usize; 2], values: Vec<f32> },
}

/// Examples padded to the longest of them.
pub(crate) struct PaddedBatch {
    /// Examples.
    pub examples: usize,
    /// Texts, tokens and, where there are hidden states, their width.
    pub shape: [usize; 3],
    by_token: bool,
    texts: PaddedTexts,
    labels: BatchLabels,
    hidden_states: Vec<f32>,
    /// Tokens without padding.
    pub tokens: usize,
}

impl PaddedBatch {
    /// The inputs called `names`.
    pub fn views<'a>(&'a self, names: &[&'static str]) -> Vec<(&'static str, TensorView<'a>)> {
        let view = |&name: &&'static str| {
            let view = match (name, &self.labels) {
                (HIDDEN_STATES, _) => TensorView::f32(&self.shape, &self.hidden_states),
                ("labels", BatchLabels::Values { shape, values }) => TensorView::f32(shape, values),
                ("labels", BatchLabels::Classes(labels)) => {
                    let shape = if self.by_token { &self.shape[..2] } else { std::slice::from_ref(&self.examples) };
                    TensorView::i64(shape, labels)
                }
                (name, _) => TensorView::i64(&self.shape[..2], self.ids(name)),
            };
            (name, view)
        };
        names.iter().map(view).collect()
    }

    /// The elements of the int64 input `name`, `[texts, tokens]`.
    pub fn ids(&self, name: &str) -> &[i64] {
        match name {
            "attention_mask" => &self.texts.attention_mask,
            "token_type_ids" => &self.texts.token_type_ids,
            _ => &self.texts.input_ids,
        }
    }
}

/// Everything that a batch has.
pub(crate) const BATCH_INPUTS: [&str; 5] = ["input_ids", "attention_mask", "token_type_ids", "labels", HIDDEN_STATES];

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each token the row, then its place; the second row has lost its last value.
    struct Numbered;

    impl HiddenStates for Numbered {
        fn read(&self, _split: SplitOf, row: usize, into: &mut Vec<f32>) -> Result<(), TuneError> {
            into.extend((0..row + 1).flat_map(|token| [row as f32, token as f32]));
            into.truncate(into.len() - usize::from(row == 1));
            Ok(())
        }
    }

    #[test]
    fn widths_are_multiples_as_far_as_the_encoder_reads() {
        let width = Width { multiple: 16, most: 40 };
        assert_eq!([0, 1, 16, 17, 33, 40, 50].map(|longest| width.of(longest)), [0, 16, 16, 32, 40, 40, 50]);
        assert_eq!(Width::EXACT.of(17), 17);
    }

    #[test]
    fn hidden_states_stand_where_their_tokens_do() {
        let examples = [1, 2, 3].map(|tokens| Example::tagged(vec![7; tokens], vec![1; tokens]));
        let input = HeadInput::Tokens;
        let hidden: Option<(&dyn HiddenStates, usize)> = Some((&Numbered, 2));
        let batches = Batches { examples: &examples, split: SplitOf::Dev, input, pad: 0, hidden, width: Width::EXACT };
        let batch = batches.of(&[2, 0]).expect("they are as long as they should be");
        assert_eq!(batch.shape, [2, 3, 2]);
        assert_eq!(batch.hidden_states, [2.0, 0.0, 2.0, 1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(batch.labels, BatchLabels::Classes(vec![1, 1, 1, 1, IGNORED_LABEL, IGNORED_LABEL]));
        let Err(problem) = batches.of(&[0, 1]) else { panic!("a value is missing") };
        let message = "the hidden states of example 1 (from 0) of dev are 3 numbers: 2 tokens of 2 features each are \
                       expected; encode the examples as they are tokenised now";
        assert_eq!(problem.to_string(), message);
    }
}
