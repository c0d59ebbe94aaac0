//! The `tokenizer.json` of an encoder.

use std::path::{Path, PathBuf};

use larder_store::digest_bytes;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::PrependScheme;

use crate::error::TokensError;
use crate::special::{SpecialTokens, UnknownToken, leading};
use crate::template;

/// A tokenizer, as published with its encoder.
///
/// What the file says of padding and truncation is switched off: published files ask for fixed padding to 128, which
/// costs eleven times the work on short texts, and cut where the encoder could read on.
#[derive(Debug)]
pub struct Tokenizer {
    pub(crate) inner: tokenizers::Tokenizer,
    pub(crate) path: PathBuf,
    digest: String,
    vocabulary_size: usize,
    special_tokens: SpecialTokens,
    /// Special tokens in front of a text.
    pub(crate) leading_tokens: usize,
    /// Whether a word in the middle of a text is another token than the same word alone, and the tokenizer does not
    /// see to that itself: see [`Tokenizer::encode`].
    pub(crate) words_need_space: bool,
}

/// The part of a `tokenizer.json` that is checked before it is read as a whole.
#[derive(serde::Deserialize)]
struct Around {
    post_processor: Option<serde_json::Value>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokensError::Read`]; [`TokensError::Malformed`] with line and column; [`TokensError::Template`];
    /// [`TokensError::Vocabulary`]; [`TokensError::NoSpecialTokens`] for a file without a post-processor, or with one that adds nothing.
    pub fn load(path: &Path) -> Result<Self, TokensError> {
        let bytes = larder_files::read(path).map_err(|source| TokensError::Read { path: path.to_owned(), source })?;
        let malformed = |source| TokensError::Malformed { path: path.to_owned(), source };
        // The reader of decoders takes it for granted that what it is given is JSON.
        let file: Around = serde_json::from_slice(&bytes).map_err(malformed)?;
        if let Some(problem) = file.post_processor.as_ref().and_then(template::problem) {
            return Err(TokensError::Template { path: path.to_owned(), problem });
        }
        let mut inner: tokenizers::Tokenizer = serde_json::from_slice(&bytes).map_err(malformed)?;
        inner.with_padding(None);
        inner.with_truncation(None).expect("no truncation is always possible");

        let vocabulary = inner.get_vocab(true);
        let largest = vocabulary.values().copied().max();
        let vocabulary_size = match largest {
            Some(largest) if i32::try_from(largest).is_ok() => largest as usize + 1,
            largest => {
                let (tokens, largest) = (vocabulary.len(), largest.unwrap_or(0));
                return Err(TokensError::Vocabulary { path: path.to_owned(), tokens, largest });
            }
        };
        let (special_tokens, leading_tokens) = probe(&inner, &UnknownToken::of_file(&bytes), path)?;
        if special_tokens.single_tokens == 0 {
            let found = if inner.get_post_processor().is_some() { "present" } else { "absent" };
            return Err(TokensError::NoSpecialTokens { path: path.to_owned(), found });
        }
        Ok(Self {
            words_need_space: inner.get_pre_tokenizer().is_some_and(lacks_prefix_space),
            inner,
            path: path.to_owned(),
            digest: digest_bytes(&bytes),
            vocabulary_size,
            special_tokens,
            leading_tokens,
        })
    }

    /// Hex blake3 digest of the file's bytes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Largest id plus one, added tokens included: the rows that the encoder's embedding must have at least.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// The special tokens.
    pub fn special_tokens(&self) -> &SpecialTokens {
        &self.special_tokens
    }

    /// The token with this id, as the vocabulary spells it (with `##` or `Ġ`).
    pub fn token(&self, id: i32) -> Option<String> {
        self.inner.id_to_token(u32::try_from(id).ok()?)
    }

    /// Checks that an encoder with `embedding_rows` rows of word embedding has one for every id.
    ///
    /// More rows than ids are common (padding to a multiple of 8 or 64) and fine.
    ///
    /// # Errors
    /// [`TokensError::DoesNotFit`].
    pub fn check_fits(&self, embedding_rows: usize) -> Result<(), TokensError> {
        if self.vocabulary_size <= embedding_rows {
            return Ok(());
        }
        let largest_id = self.vocabulary_size - 1;
        let token = i32::try_from(largest_id).ok().and_then(|id| self.token(id)).unwrap_or_default();
        Err(TokensError::DoesNotFit { path: self.path.clone(), largest_id, token, embedding_rows })
    }
}

/// What the tokenizer puts around one word, and around a pair; and how much of it in front.
fn probe(
    inner: &tokenizers::Tokenizer,
    unknown: &UnknownToken,
    path: &Path,
) -> Result<(SpecialTokens, usize), TokensError> {
    let failed = |source| TokensError::Encode { path: path.to_owned(), excerpt: String::new(), source };
    // A word shows what stands before and after a text; a vocabulary that cannot read it still shows its template.
    let single = match inner.encode("a", true) {
        Ok(encoding) => encoding,
        Err(_) => inner.encode("", true).map_err(failed)?,
    };
    let pair = inner.encode(("", ""), true).map_err(failed)?;
    Ok((SpecialTokens::find(inner, unknown, &single, &pair), leading(&single)))
}

/// Whether words in the middle of a text begin with a space that is not put before the text: byte-level BPE, and
/// SentencePiece's arrangement, without their prefix.
fn lacks_prefix_space(pre_tokenizer: &PreTokenizerWrapper) -> bool {
    match pre_tokenizer {
        PreTokenizerWrapper::ByteLevel(byte_level) => !byte_level.add_prefix_space,
        PreTokenizerWrapper::Metaspace(metaspace) => metaspace.prepend_scheme == PrependScheme::Never,
        PreTokenizerWrapper::Sequence(sequence) => sequence.as_ref().iter().any(lacks_prefix_space),
        _ => false,
    }
}
