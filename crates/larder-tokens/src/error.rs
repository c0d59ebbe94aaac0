//! The errors of tokenizers and of their settings.

use std::io;
use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The file cannot be read.
    #[error("cannot read tokenizer {}: every encoder needs its own tokenizer.json", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a tokenizer.json.
    #[error("{}, line {}, column {}: not a tokenizer.json (expected the file that Hugging Face tokenizers saves)",
            path.display(), source.line(), source.column())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// The tokenizer's template of special tokens is malformed.
    #[error("tokenizer {}: the \"post_processor\" is malformed: {problem}; save the tokenizer again with the encoder's own \
             tokenizer class", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// The problem with the template.
        problem: String,
    },
    /// Parts of the file do not fit each other.
    #[error("tokenizer {} contradicts itself: {problem}; save the tokenizer again with the encoder's own tokenizer class",
            path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The contradiction, in the words of the library that reads tokenizers.
        problem: String,
    },
    /// The file adds no special tokens, so no encoder of the BERT family would understand its output.
    #[error("tokenizer {} adds no special tokens around a text (its \"post_processor\" is {found}): \
             BERT-family encoders expect some, such as [CLS] and [SEP]; \
             save the tokenizer again with the encoder's own tokenizer class", path.display())]
    NoSpecialTokens {
        /// The file.
        path: PathBuf,
        /// `absent`, or `present` when it adds nothing.
        found: &'static str,
    },
    /// The vocabulary has no tokens, or ids that do not fit the tokens file.
    #[error("tokenizer {} has {tokens} tokens with ids up to {largest}: expected at least one, and ids below 2^31",
            path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// Tokens in the vocabulary.
        tokens: usize,
        /// Largest id.
        largest: u32,
    },
    /// The tokenizer fails on a text, which a complete vocabulary never does.
    #[error("tokenizer {} failed on {excerpt:?}: its vocabulary may lack the token for unknown characters",
            path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The start of the text.
        excerpt: String,
        /// The tokenizer's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text whose characters cannot be counted in the tokens file.
    #[error("a text of {characters} characters is too long: at most 2147483647 can be addressed")]
    TextTooLong {
        /// Its length, in characters.
        characters: usize,
    },
    /// No room for the text beside the special tokens.
    #[error(
        "at most {max_tokens} tokens leave no room for the text: \
             {special_tokens} special tokens and {texts} more are the least"
    )]
    MaxTokensTooSmall {
        /// The limit asked for.
        max_tokens: usize,
        /// Special tokens of such an input.
        special_tokens: usize,
        /// 1 for a text, 2 for a pair.
        texts: usize,
    },
    /// Windows that would stand still, or leave words out.
    #[error(
        "a stride of {stride} tokens cannot be: windows of {max_tokens} tokens start 1 to {most} tokens after each other \
             (at more, words between them would be lost)"
    )]
    Stride {
        /// The stride asked for.
        stride: usize,
        /// The largest there is.
        most: usize,
        /// Tokens of a window, special tokens included.
        max_tokens: usize,
    },
    /// The tokenizer gives a token type that the encoder has no row for.
    #[error("the tokenizer gives {of} the token type {type_id}, and the encoder's table of token types has {rows} rows, so that \
             its largest is {}: {of} cannot be read by it; take an encoder made for them, or save the tokenizer again with \
             the encoder's own tokenizer class", rows - 1)]
    TypeBeyondTable {
        /// `single texts` or `pairs of texts`.
        of: &'static str,
        /// The type.
        type_id: i32,
        /// Rows of the encoder's table, at least 2.
        rows: usize,
    },
    /// One entry of a batch failed.
    #[error("cannot tokenize entry {entry} of the batch, {excerpt:?}")]
    InBatch {
        /// Zero-based place in the batch.
        entry: usize,
        /// The start of its text.
        excerpt: String,
        /// The error of that entry.
        source: Box<TokensError>,
    },
    /// A text with a token that the encoder has no embedding for.
    #[error(
        "the text has the token {token:?} (id {id}), for which the encoder has no vector (its table has {rows} rows): \
             take it out of the text"
    )]
    TokenBeyondTable {
        /// The token.
        token: String,
        /// Its id.
        id: i32,
        /// Rows of the encoder's word embedding.
        rows: usize,
    },
    /// The tokenizer gives ids that the encoder has no embedding for.
    #[error("tokenizer {} does not belong to the encoder: largest id {largest_id} ({token:?}), \
             embedding has {embedding_rows} rows; use the tokenizer.json that came with the encoder", path.display())]
    DoesNotFit {
        /// The tokenizer's file.
        path: PathBuf,
        /// Its largest id.
        largest_id: usize,
        /// The token with that id.
        token: String,
        /// Rows of the encoder's word embedding.
        embedding_rows: usize,
    },
}
