//! Tokenizing texts, pairs and words.

use larder_data::Content;
use larder_store::TextAlone;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tokenizers::{EncodeInput, Encoding, InputSequence};

use crate::error::TokensError;
use crate::special::id;
use crate::tokenizer::{PAIR, SINGLE, Tokenizer, encode};
use crate::tokens::{NO_WORD, Tokens};

/// Characters of a text shown in a message.
const EXCERPT: usize = 40;

/// The settings of tokenizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenizeSettings {
    /// Longest result for a text or pair, in tokens with special tokens: what the encoder reads. `None` cuts nothing.
    /// Words are never cut, see [`Tokenizer::encode`].
    pub max_tokens: Option<usize>,
}

impl Tokenizer {
    /// Tokenizes one input, special tokens included.
    ///
    /// - A text longer than `max_tokens` loses its last tokens (see [`Tokenizer::cutting_first`]); special tokens stay, and what
    ///   was cut is counted.
    /// - Of a pair, tokens are taken from the end of the longer text until both are equally long, then from both
    ///   ("longest first"; of an odd number the longer text keeps one more).
    /// - Words are tokenized each by itself, and *never cut*: no word may be lost, so long sentences are read in
    ///   windows, which are made where they are encoded. Byte-level BPE spells a word in the middle of a text
    ///   differently from the start of a text; where the file leaves that to the caller (`add_prefix_space: false`),
    ///   every word is read as after a space, as `add_prefix_space=True` of the Python class does. A word that gives no
    ///   token, like a lone control character, gets the vocabulary's token for the unknown, so that it too has a vector of
    ///   its own; it stays without a token where the vocabulary has none for the unknown.
    ///
    /// Special tokens that somebody typed, like `[SEP]`, are recognised as such, as everywhere.
    ///
    /// # Errors
    /// [`TokensError::MaxTokensTooSmall`], [`TokensError::TextTooLong`], [`TokensError::TypeBeyondTable`],
    /// [`TokensError::TokenBeyondTable`], and [`TokensError::Encode`] for a vocabulary with gaps.
    pub fn encode(&self, content: &Content, settings: &TokenizeSettings) -> Result<Tokens, TokensError> {
        match content {
            Content::Text { text, text_b: None } => {
                let limit = self.limit(settings, self.special_tokens().single_tokens, 1)?;
                let encoding = self.run(text.as_str(), text)?;
                self.tokens(&encoding, SINGLE, limit, &spans(&encoding)?)
            }
            Content::Text { text, text_b: Some(text_b) } => {
                let limit = self.limit(settings, self.special_tokens().pair_tokens, 2)?;
                let encoding = self.run((text.as_str(), text_b.as_str()), text)?;
                self.tokens(&encoding, PAIR, limit, &spans(&encoding)?)
            }
            Content::Words(words) => self.encode_words(words),
        }
    }

    /// Tokenizes many inputs on all cores; results are in the order of `contents`.
    ///
    /// # Errors
    /// [`TokensError::InBatch`] around the error of the first entry that fails.
    pub fn encode_batch(&self, contents: &[Content], settings: &TokenizeSettings) -> Result<Vec<Tokens>, TokensError> {
        let encoded: Vec<_> = contents.par_iter().map(|content| self.encode(content, settings)).collect();
        let located = |(entry, result): (usize, Result<Tokens, TokensError>)| {
            result.map_err(|source| {
                let excerpt = match &contents[entry] {
                    Content::Text { text, .. } => text.chars().take(EXCERPT).collect(),
                    Content::Words(words) => words.join(" ").chars().take(EXCERPT).collect(),
                };
                TokensError::InBatch { entry, excerpt, source: Box::new(source) }
            })
        };
        encoded.into_iter().enumerate().map(located).collect()
    }

    /// Tokenizes each text of pairs by itself, on all cores; `None` for content that is no pair.
    ///
    /// # Errors
    /// As [`Tokenizer::encode_batch`].
    pub(crate) fn encode_alone(
        &self,
        contents: &[Content],
        settings: &TokenizeSettings,
    ) -> Result<Vec<Option<[TextAlone; 2]>>, TokensError> {
        let texts: Vec<Content> = contents.iter().flat_map(Content::texts_alone).collect();
        if texts.len() != 2 * contents.len() {
            return Ok(vec![None; contents.len()]);
        }
        let in_pair = |error| match error {
            TokensError::InBatch { entry, excerpt, source } => {
                TokensError::InBatch { entry: entry / 2, excerpt, source }
            }
            other => other,
        };
        let mut tokens = self.encode_batch(&texts, settings).map_err(in_pair)?.into_iter().map(|tokens| TextAlone {
            input_ids: tokens.input_ids,
            type_ids: tokens.type_ids,
            truncated_tokens: tokens.truncated_tokens,
        });
        Ok(std::iter::from_fn(|| Some(Some([tokens.next()?, tokens.next()?]))).collect())
    }

    fn encode_words(&self, words: &[String]) -> Result<Tokens, TokensError> {
        let excerpt = words.first().map_or("", String::as_str);
        if !self.words_need_space {
            let encoding = self.run(InputSequence::from(words), excerpt)?;
            return Ok(self.with_unknown(self.tokens(&encoding, SINGLE, None, &spans(&encoding)?)?, words));
        }
        let added = self.inner.get_added_vocabulary().get_vocab();
        let needs = |word: &String| !word.starts_with(' ') && !added.contains_key(word);
        let spaced: Vec<String> =
            words.iter().map(|word| if needs(word) { format!(" {word}") } else { word.clone() }).collect();
        let encoding = self.run(InputSequence::from(spaced), excerpt)?;
        let mut spans = spans(&encoding)?;
        for ((start, end), word) in spans.iter_mut().zip(encoding.get_word_ids()) {
            if word.and_then(|word| words.get(word as usize)).is_some_and(needs) {
                // The space is ours; a token may have kept it in its span.
                (*start, *end) = ((*start - 1).max(0), (*end - 1).max(0));
            }
        }
        Ok(self.with_unknown(self.tokens(&encoding, SINGLE, None, &spans)?, words))
    }

    /// Gives each word that has no token the unknown token, with the whole word as its span.
    fn with_unknown(&self, tokens: Tokens, words: &[String]) -> Tokens {
        let Some(unknown) = self.special_tokens().unk_id else { return tokens };
        let mut filled = Tokens { truncated_tokens: tokens.truncated_tokens, ..Tokens::default() };
        let mut push = |id, type_id, span, word| {
            filled.input_ids.push(id);
            filled.type_ids.push(type_id);
            filled.offsets.push(span);
            filled.word_ids.push(word);
        };
        let type_id = self.types.read_as(self.types.text);
        // The words before `next` have their tokens. Behind the words' tokens stand special ones, at `end`.
        let (mut next, end) = (0, (words.len(), NO_WORD));
        for token in 0..=tokens.len() {
            let word = tokens.word_ids.get(token).copied();
            let (until, word) = match word {
                Some(NO_WORD) if token < self.special_tokens().leading_tokens => (0, NO_WORD),
                Some(NO_WORD) | None => end,
                Some(word) => (usize::try_from(word).unwrap_or(0), word),
            };
            for (missing, text) in words.iter().enumerate().take(until).skip(next) {
                let length = text.chars().count();
                push(unknown, type_id, (0, i32::try_from(length).unwrap_or(i32::MAX)), id_of(missing));
            }
            if token < tokens.len() {
                push(tokens.input_ids[token], tokens.type_ids[token], tokens.offsets[token], word);
            }
            next = next.max(until).max(usize::try_from(word).map_or(0, |word| word + 1));
        }
        filled
    }

    fn run<'a>(&self, input: impl Into<EncodeInput<'a>>, text: &str) -> Result<Encoding, TokensError> {
        encode(&self.inner, input, true).map_err(|source| TokensError::Encode {
            path: self.path.clone(),
            excerpt: text.chars().take(EXCERPT).collect(),
            source,
        })
    }

    /// Keeps `limit` tokens of the text or texts, and every special token.
    fn tokens(
        &self,
        encoding: &Encoding,
        of: &'static str,
        limit: Option<usize>,
        spans: &[(i32, i32)],
    ) -> Result<Tokens, TokensError> {
        self.check_types(of, encoding.get_type_ids().iter().copied().max().map_or(0, id))?;
        let mut tokens = tokens(encoding, limit, self.cuts_first, spans)?;
        tokens.type_ids.iter_mut().for_each(|type_id| *type_id = self.types.read_as(*type_id));
        self.check_rows(&tokens.input_ids)?;
        Ok(tokens)
    }

    /// Checks that the encoder has a vector for each of the ids.
    fn check_rows(&self, input_ids: &[i32]) -> Result<(), TokensError> {
        let Some(rows) = self.embedding_rows else { return Ok(()) };
        match input_ids.iter().find(|id| usize::try_from(**id).is_ok_and(|id| id >= rows)) {
            None => Ok(()),
            Some(&id) => Err(TokensError::TokenBeyondTable { token: self.token(id).unwrap_or_default(), id, rows }),
        }
    }

    /// Tokens of the text itself that fit.
    fn limit(
        &self,
        settings: &TokenizeSettings,
        special_tokens: usize,
        texts: usize,
    ) -> Result<Option<usize>, TokensError> {
        let Some(max_tokens) = settings.max_tokens else { return Ok(None) };
        if max_tokens < special_tokens + texts {
            return Err(TokensError::MaxTokensTooSmall { max_tokens, special_tokens, texts });
        }
        Ok(Some(max_tokens - special_tokens))
    }
}

/// Words have indices that fit, as their tokens' ids do.
fn id_of(word: usize) -> i32 {
    i32::try_from(word).unwrap_or(i32::MAX)
}

fn spans(encoding: &Encoding) -> Result<Vec<(i32, i32)>, TokensError> {
    let span = |&(start, end): &(usize, usize)| match (i32::try_from(start), i32::try_from(end)) {
        (Ok(start), Ok(end)) => Ok((start, end)),
        _ => Err(TokensError::TextTooLong { characters: end }),
    };
    encoding.get_offsets().iter().map(span).collect()
}

/// The tokens with the types that the template gives.
fn tokens(
    encoding: &Encoding,
    limit: Option<usize>,
    cuts_first: bool,
    spans: &[(i32, i32)],
) -> Result<Tokens, TokensError> {
    let special = encoding.get_special_tokens_mask();
    let second = |token: usize| usize::from(encoding.token_to_sequence(token) == Some(1));
    // Of each text, the places of its own tokens that are kept.
    let mut kept = [0..usize::MAX, 0..usize::MAX];
    if let Some(limit) = limit
        && special.iter().filter(|special| **special == 0).count() > limit
    {
        let mut lengths = [0; 2];
        for token in (0..special.len()).filter(|&token| special[token] == 0) {
            lengths[second(token)] += 1;
        }
        let left = longest_first(lengths, limit);
        kept = [0, 1].map(|text| {
            let first = if cuts_first { lengths[text] - left[text] } else { 0 };
            first..first + left[text]
        });
    }

    let mut tokens = Tokens::default();
    let mut places = [0; 2];
    for token in 0..special.len() {
        if special[token] == 0 {
            let text = second(token);
            let place = places[text];
            places[text] += 1;
            if !kept[text].contains(&place) {
                tokens.truncated_tokens += 1;
                continue;
            }
        }
        tokens.input_ids.push(id(encoding.get_ids()[token]));
        tokens.type_ids.push(id(encoding.get_type_ids()[token]));
        tokens.offsets.push(spans[token]);
        let word = encoding.get_word_ids()[token].filter(|_| special[token] == 0);
        tokens.word_ids.push(word.map_or(NO_WORD, id));
    }
    Ok(tokens)
}

/// Returns the lengths that two texts are cut to when they have more than `limit` tokens together.
fn longest_first([first, second]: [usize; 2], limit: usize) -> [usize; 2] {
    let (short, long) = (first.min(second), first.max(second));
    let short = short.min(limit / 2);
    let long = long.min(limit - short);
    if first > second { [long, short] } else { [short, long] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule in words: always take from the longer one; from the first of two equally long ones.
    fn one_by_one(mut lengths: [usize; 2], limit: usize) -> [usize; 2] {
        let second_was_shorter = lengths[0] > lengths[1];
        while lengths[0] + lengths[1] > limit {
            let from = match lengths[0].cmp(&lengths[1]) {
                std::cmp::Ordering::Greater => 0,
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Equal => usize::from(second_was_shorter),
            };
            lengths[from] -= 1;
        }
        lengths
    }

    #[test]
    fn longest_first_takes_from_the_longer_text() {
        for first in 0..12 {
            for second in 0..12 {
                for limit in 1..(first + second).max(1) {
                    assert_eq!(
                        longest_first([first, second], limit),
                        one_by_one([first, second], limit),
                        "{first} and {second} to {limit}"
                    );
                }
            }
        }
    }
}
