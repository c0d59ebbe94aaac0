//! One row of a `tokens` file.

use larder_data::{Content, Target};

/// The columns of each text of a pair, tokenized by itself: ids, types, and the number of tokens that did not fit.
pub(super) const ALONE: [[&str; 3]; 2] = [
    ["text_input_ids", "text_type_ids", "text_truncated_tokens"],
    ["text_b_input_ids", "text_b_type_ids", "text_b_truncated_tokens"],
];

/// One tokenized example.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRow {
    /// The example's id.
    pub example_id: String,
    /// The text, pair or words that were tokenized.
    pub content: Content,
    /// The document that a sentence of words is from, as the data counts them; written for tagging only.
    pub document: u64,
    /// The gold label or tags, when the data has them.
    pub target: Option<Target>,
    /// Token ids with special tokens, `[seq]`.
    pub input_ids: Vec<i32>,
    /// Type of each token, `[seq]`; written where the file's layout has types.
    pub type_ids: Vec<i32>,
    /// Character span of each token, `[seq]`.
    pub offsets: Vec<(i32, i32)>,
    /// Word of each token, `[seq]`; -1 for special tokens.
    pub word_ids: Vec<i32>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
    /// The two texts of a pair, each tokenized by itself; written where the file's layout has them.
    pub texts_alone: Option<[TextAlone; 2]>,
}

/// A text of a pair, tokenized as if it were alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextAlone {
    /// Token ids with special tokens, `[seq]`.
    pub input_ids: Vec<i32>,
    /// Type of each token, `[seq]`.
    pub type_ids: Vec<i32>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}
