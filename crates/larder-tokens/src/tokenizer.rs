//! The `tokenizer.json` of an encoder.

use std::path::{Path, PathBuf};

use larder_errors::catch_panic;
use larder_files::digest_bytes;
use tokenizers::normalizers::{BertNormalizer, Lowercase, NormalizerWrapper, Sequence};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::PrependScheme;
use tokenizers::{EncodeInput, Encoding};

use crate::error::TokensError;
use crate::special::{self, SpecialTokens, UnknownToken};
use crate::template;
use crate::types::TokenTypes;

/// A tokenizer, as published with its encoder.
///
/// Padding and truncation of the file are switched off: published files ask for fixed padding to 128, which
/// costs eleven times the work on short texts, and cut where the encoder could read on.
#[derive(Debug)]
pub struct Tokenizer {
    pub(crate) inner: tokenizers::Tokenizer,
    pub(crate) path: PathBuf,
    digest: String,
    vocabulary_size: usize,
    special_tokens: SpecialTokens,
    pub(crate) types: TokenTypes,
    /// Rows of the encoder's token table; `None` where nobody said.
    pub(crate) embedding_rows: Option<usize>,
    /// True if a word in the middle of a text is another token than the same word alone, and the tokenizer does not see
    /// to that itself: see [`Tokenizer::encode`].
    pub(crate) words_need_space: bool,
    /// True if texts that are too long lose their first tokens.
    pub(crate) cuts_first: bool,
}

/// The part of a `tokenizer.json` that is checked before it is read as a whole.
#[derive(serde::Deserialize)]
struct PostProcessorOnly {
    post_processor: Option<serde_json::Value>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokensError::Read`]; [`TokensError::Malformed`] with line and column; [`TokensError::Template`];
    /// [`TokensError::Contradiction`]; [`TokensError::Vocabulary`]; [`TokensError::NoSpecialTokens`] for a file without a post-processor, or with one that adds nothing.
    pub fn load(path: &Path) -> Result<Self, TokensError> {
        let bytes = larder_files::read(path).map_err(|source| TokensError::Read { path: path.to_owned(), source })?;
        let malformed = |source| TokensError::Malformed { path: path.to_owned(), source };
        // The reader of decoders takes it for granted that what it is given is JSON.
        let file: PostProcessorOnly = serde_json::from_slice(&bytes).map_err(malformed)?;
        if let Some(problem) = file.post_processor.as_ref().and_then(template::problem) {
            return Err(TokensError::Template { path: path.to_owned(), problem });
        }
        // And that the parts of a file fit each other.
        let contradiction = |problem| TokensError::Contradiction { path: path.to_owned(), problem };
        let read = catch_panic(|| serde_json::from_slice::<tokenizers::Tokenizer>(&bytes)).map_err(contradiction)?;
        let mut inner = read.map_err(malformed)?;
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
        let Probed { special_tokens, types } = probe(&inner, &UnknownToken::of_file(&bytes), path)?;
        if special_tokens.single_tokens == 0 {
            let found = if inner.get_post_processor().is_some() { "present" } else { "absent" };
            return Err(TokensError::NoSpecialTokens { path: path.to_owned(), found });
        }
        Ok(Self {
            cuts_first: false,
            words_need_space: inner.get_pre_tokenizer().is_some_and(lacks_prefix_space),
            inner,
            path: path.to_owned(),
            digest: digest_bytes(&bytes),
            vocabulary_size,
            special_tokens,
            types,
            embedding_rows: None,
        })
    }

    /// Says how many rows the encoder's token table has: texts with tokens beyond it are refused.
    #[must_use]
    pub fn with_embedding_rows(mut self, rows: usize) -> Self {
        self.embedding_rows = Some(rows);
        self
    }

    /// Says how many rows the encoder's table of token types has; `None` where it reads no types, or it is not known.
    ///
    /// An encoder of a single type reads type 0, whatever the file's template says. Of others, texts with types beyond the
    /// table are refused.
    #[must_use]
    pub fn with_type_rows(mut self, rows: Option<usize>) -> Self {
        self.types.rows = rows;
        self
    }

    /// Makes texts that are too long lose their first tokens, not their last.
    #[must_use]
    pub fn cutting_first(self, cuts_first: bool) -> Self {
        Self { cuts_first, ..self }
    }

    /// Makes it read capital letters as small ones, where it tells them apart. BERT's own normalisation takes accents away with
    /// capitals, unless `keeps_accents`.
    ///
    /// # Errors
    /// [`TokensError::Encode`] for a file whose added tokens cannot be read so.
    pub fn lowercased(mut self, keeps_accents: bool) -> Result<Self, TokensError> {
        if self.keeps_case() {
            let lowercase = NormalizerWrapper::from(Lowercase);
            let own = self.inner.get_normalizer().cloned().map(|own| match own {
                NormalizerWrapper::BertNormalizer(own) if !keeps_accents => {
                    let (clean, chinese) = (own.clean_text, own.handle_chinese_chars);
                    BertNormalizer::new(clean, chinese, own.strip_accents, true).into()
                }
                other => other,
            });
            let steps: Vec<NormalizerWrapper> = std::iter::once(lowercase).chain(own).collect();
            let set = self.inner.with_normalizer(Some(Sequence::new(steps))).map(|_| ());
            set.map_err(|source| TokensError::Encode { path: self.path.clone(), excerpt: String::new(), source })?;
        }
        Ok(self)
    }

    /// Returns true if it tells capital letters from small ones.
    pub fn keeps_case(&self) -> bool {
        const CAPITALS: [&str; 3] = ["A LARDER", "ÉTÉ", "МИР"];
        let ids = |text: &str| encode(&self.inner, text, false).map(|encoding| encoding.get_ids().to_vec()).ok();
        CAPITALS.iter().any(|text| ids(text) != ids(&text.to_lowercase()))
    }

    /// Returns true if it gives types other than 0 to a single text or a sentence of words.
    pub fn gives_types(&self) -> bool {
        self.types.read_as(self.types.largest_single) != 0
    }

    /// Returns true if its template gives types that the encoder reads as 0, since it has no other.
    pub fn reads_types_as_zero(&self) -> bool {
        self.types.only_zero() && self.types.largest_single.max(self.types.largest_pair) != 0
    }

    /// Checks that the encoder has every type that the template gives single texts.
    ///
    /// # Errors
    /// [`TokensError::TypeBeyondTable`].
    pub fn check_single_types(&self) -> Result<(), TokensError> {
        self.check_types(SINGLE, self.types.largest_single)
    }

    /// Checks that the encoder has every type that the template gives pairs.
    ///
    /// # Errors
    /// [`TokensError::TypeBeyondTable`].
    pub fn check_pair_types(&self) -> Result<(), TokensError> {
        self.check_types(PAIR, self.types.largest_pair)
    }

    pub(crate) fn check_types(&self, of: &'static str, type_id: i32) -> Result<(), TokensError> {
        match self.types.rows {
            Some(rows) if self.types.lacks(type_id) => Err(TokensError::TypeBeyondTable { of, type_id, rows }),
            _ => Ok(()),
        }
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

    /// Checks that an encoder with `embedding_rows` rows of word embedding has one for every token of the vocabulary, and
    /// for those that stand around a text or fill a batch.
    ///
    /// More rows than ids are common (padding to a multiple of 8 or 64) and fine. So are added tokens beyond the table,
    /// such as those for images in a model of several parts: see [`Tokenizer::tokens_beyond`].
    ///
    /// # Errors
    /// [`TokensError::DoesNotFit`].
    pub fn check_fits(&self, embedding_rows: usize) -> Result<(), TokensError> {
        let added = self.inner.get_added_vocabulary().get_vocab();
        let SpecialTokens { cls_id, sep_id, pad_id, .. } = self.special_tokens;
        let needed = [cls_id, sep_id, pad_id];
        let beyond = self.tokens_beyond(embedding_rows);
        let unfit = |(token, id): &&(String, i32)| !added.contains_key(token) || needed.contains(&Some(*id));
        match beyond.iter().rev().find(unfit) {
            None => Ok(()),
            Some((token, id)) => Err(TokensError::DoesNotFit {
                path: self.path.clone(),
                largest_id: usize::try_from(*id).unwrap_or(0),
                token: token.clone(),
                embedding_rows,
            }),
        }
    }

    /// The tokens for which an encoder with `embedding_rows` rows of word embedding has none, with their ids, ascending.
    pub fn tokens_beyond(&self, embedding_rows: usize) -> Vec<(String, i32)> {
        let of_vocabulary = self.inner.get_vocab(true).into_iter();
        let mut beyond: Vec<(String, i32)> = of_vocabulary
            .filter(|(_, id)| usize::try_from(*id).is_ok_and(|id| id >= embedding_rows))
            .map(|(token, id)| (token, special::id(id)))
            .collect();
        beyond.sort_by(|(a, a_id), (b, b_id)| a_id.cmp(b_id).then(a.cmp(b)));
        beyond
    }
}

/// The name of single-text inputs in messages.
pub(crate) const SINGLE: &str = "single texts";
/// And one of two.
pub(crate) const PAIR: &str = "pairs of texts";

/// Tokenizes with spans of characters. A panic of the library, where parts of the file do not fit each other, is an error.
pub(crate) fn encode<'a>(
    inner: &tokenizers::Tokenizer,
    input: impl Into<EncodeInput<'a>>,
    with_special_tokens: bool,
) -> tokenizers::Result<Encoding> {
    catch_panic(|| inner.encode_char_offsets(input, with_special_tokens)).unwrap_or_else(|problem| Err(problem.into()))
}

/// The special tokens and types found in the outputs for a word and for a pair.
struct Probed {
    special_tokens: SpecialTokens,
    types: TokenTypes,
}

/// Finds the special tokens around one word and around a pair, and the types given.
fn probe(inner: &tokenizers::Tokenizer, unknown: &UnknownToken, path: &Path) -> Result<Probed, TokensError> {
    let failed = |source| TokensError::Encode { path: path.to_owned(), excerpt: String::new(), source };
    // A word shows what stands before and after a text; a vocabulary that cannot read it still shows its template.
    let single = match encode(inner, "a", true) {
        Ok(encoding) => encoding,
        Err(_) => encode(inner, "", true).map_err(failed)?,
    };
    let pair = match encode(inner, ("a", "a"), true) {
        Ok(encoding) => encoding,
        Err(_) => encode(inner, ("", ""), true).map_err(failed)?,
    };
    Ok(Probed {
        special_tokens: SpecialTokens::find(inner, unknown, &single, &pair),
        types: TokenTypes::find(&single, &pair),
    })
}

/// Returns true if words in the middle of a text begin with a space that is not put before the text: byte-level BPE,
/// and SentencePiece's arrangement, without their prefix.
fn lacks_prefix_space(pre_tokenizer: &PreTokenizerWrapper) -> bool {
    match pre_tokenizer {
        PreTokenizerWrapper::ByteLevel(byte_level) => !byte_level.add_prefix_space,
        PreTokenizerWrapper::Metaspace(metaspace) => metaspace.prepend_scheme == PrependScheme::Never,
        PreTokenizerWrapper::Sequence(sequence) => sequence.as_ref().iter().any(lacks_prefix_space),
        _ => false,
    }
}
