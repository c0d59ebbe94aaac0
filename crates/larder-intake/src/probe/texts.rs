//! The texts of the probe.

use larder_data::Content;
use larder_tokens::{TokenizeSettings, Tokenizer};

use crate::EncoderError;

/// The texts of the probe: sentences of different lengths, so that batches need padding.
pub const PROBE_TEXTS: [&str; 5] = [
    "A larder is a cool room where food is kept until it is wanted.",
    "Who has been to both Berlin and Paris, and which was warmer in 1997?",
    "She read the letter twice before she answered.",
    "Nobody knew why the quick brown fox had jumped over the dog, least of all the dog, which slept on.",
    "The bread was burnt; we ate it anyway.",
];

/// The longest text that is tried, in tokens: beyond the 514 rows of RoBERTa's position table, of which two cannot be
/// read, so that such a table is found out; short enough to take seconds on a CPU.
pub const LONGEST_PROBE: usize = 1024;

/// The probe texts as token ids, cut to so many tokens.
pub(crate) fn probe_tokens(tokenizer: &Tokenizer, max_tokens: Option<usize>) -> Result<Vec<Vec<i64>>, EncoderError> {
    let settings = TokenizeSettings { max_tokens };
    let ids = |text: &str| -> Result<Vec<i64>, EncoderError> {
        let content = Content::Text { text: text.to_owned(), text_b: None };
        let tokens = tokenizer.encode(&content, &settings)?;
        Ok(tokens.input_ids.into_iter().map(i64::from).collect())
    };
    PROBE_TEXTS.into_iter().map(ids).collect()
}

/// The first tokens and the last one, which closes the text.
pub(super) fn cut_to(text: &[i64], length: usize) -> Vec<i64> {
    let head = text.iter().take(length.saturating_sub(1));
    head.chain(text.last()).take(length).copied().collect()
}

/// The tokens of the texts over and over, opened and closed as one text.
pub(super) fn long_text(texts: &[Vec<i64>], length: usize) -> Vec<i64> {
    let inner = texts.iter().flat_map(|text| text.get(1..text.len().saturating_sub(1)).unwrap_or_default());
    let first = texts.first().and_then(|text| text.first());
    let text: Vec<i64> = first.into_iter().chain(inner.cycle()).take(length.saturating_sub(1)).copied().collect();
    let last = texts.first().and_then(|text| text.last()).copied();
    text.into_iter().chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_ends_however_they_are_cut_or_repeated() {
        let text = [101, 1, 2, 3, 4, 102];
        assert_eq!(cut_to(&text, 6), text);
        assert_eq!(cut_to(&text, 3), [101, 1, 102]);
        assert_eq!(long_text(&[text.to_vec()], 9), [101, 1, 2, 3, 4, 1, 2, 3, 102]);
        assert_eq!(long_text(&[text.to_vec()], 3), [101, 1, 102]);
    }
}
