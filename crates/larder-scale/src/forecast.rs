//! How many tokens rows will have, told from a sample: tokenizing a corpus to plan its encode would be the first half of the work.
//!
//! Of a text file every row's bytes are known, because it is read anyway; a sample of its rows tells how many bytes a token has, and
//! later rows count for more than earlier ones, since languages and topics change along a file. Of a Parquet file only
//! the footer is read: some row groups, spread over the file, give their first rows, whose mean stands for the group and those behind it.

use larder_data::Content;
use larder_tokens::{TokenizeSettings, Tokenizer, TokensError};

/// What is left of what was learned from earlier rows when new ones are sampled.
const MEMORY: f64 = 0.9;
/// Bytes of a token before anything was sampled.
const USUAL_BYTES: f64 = 4.5;

/// Forecasts the tokens of rows.
pub(crate) struct TokenForecast<'a> {
    tokenizer: &'a Tokenizer,
    /// Tokens at which a text is cut.
    limit: Option<usize>,
    /// Special tokens of a row.
    special: f64,
    bytes: f64,
    tokens: f64,
}

impl<'a> TokenForecast<'a> {
    pub(crate) fn new(tokenizer: &'a Tokenizer, limit: Option<usize>, is_pair: bool) -> Self {
        let special = tokenizer.special_tokens();
        let special = if is_pair { special.pair_tokens } else { special.single_tokens };
        Self { tokenizer, limit, special: special as f64, bytes: USUAL_BYTES, tokens: 1.0 }
    }

    /// Tokenizes a sample and returns its tokens, each row's cut at the limit.
    ///
    /// # Errors
    /// [`TokensError`].
    pub(crate) fn count(&self, sample: &[Content]) -> Result<u64, TokensError> {
        let tokens = self.tokenizer.encode_batch(sample, &TokenizeSettings { max_tokens: None })?;
        let limit = self.limit.unwrap_or(usize::MAX);
        Ok(tokens.iter().map(|tokens| tokens.input_ids.len().min(limit) as u64).sum())
    }

    /// Learns from a sample how many bytes a token has.
    ///
    /// # Errors
    /// [`TokensError`].
    pub(crate) fn learn(&mut self, sample: &[Content]) -> Result<(), TokensError> {
        let tokens = self.tokenizer.encode_batch(sample, &TokenizeSettings { max_tokens: None })?;
        let own = |tokens: usize| (tokens as f64 - self.special).max(0.0);
        let tokens: f64 = tokens.iter().map(|tokens| own(tokens.input_ids.len())).sum();
        let bytes: f64 = sample.iter().map(|content| content_bytes(content) as f64).sum();
        self.bytes = MEMORY * self.bytes + bytes;
        self.tokens = MEMORY * self.tokens + tokens;
        Ok(())
    }

    /// Forecasts the tokens of a row whose content has so many bytes.
    pub(crate) fn of_bytes(&self, bytes: u64) -> u64 {
        let tokens = self.special + bytes as f64 * self.tokens / self.bytes.max(1.0);
        let tokens = tokens.ceil() as u64;
        self.limit.map_or(tokens, |limit| tokens.min(limit as u64)).max(1)
    }
}

/// Bytes of what an encoder reads.
pub(crate) fn content_bytes(content: &Content) -> u64 {
    let bytes = match content {
        Content::Text { text, text_b } => text.len() + text_b.as_ref().map_or(0, String::len),
        Content::Words(words) => words.iter().map(|word| word.len() + 1).sum(),
    };
    bytes as u64
}
