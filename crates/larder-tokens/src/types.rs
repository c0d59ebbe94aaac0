//! The token types that a tokenizer gives, and those that an encoder has.

use tokenizers::Encoding;

use crate::special::id;

/// The types that a tokenizer's template gives, found by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenTypes {
    /// The type of a single text's own tokens.
    pub text: i32,
    /// The largest of a single text, special tokens included.
    pub largest_single: i32,
    /// The largest of a pair.
    pub largest_pair: i32,
    /// Rows of the encoder's table of types; `None` where nobody said.
    pub rows: Option<usize>,
}

impl TokenTypes {
    /// Reads the types from the outputs for one text and for a pair.
    pub fn find(single: &Encoding, pair: &Encoding) -> Self {
        let own = single.get_special_tokens_mask().iter().position(|&special| special == 0);
        let largest = |encoding: &Encoding| encoding.get_type_ids().iter().copied().max().map_or(0, id);
        Self {
            text: own.map_or(0, |token| id(single.get_type_ids()[token])),
            largest_single: largest(single),
            largest_pair: largest(pair),
            rows: None,
        }
    }

    /// Returns true if the encoder knows one type only. Then nothing but 0 can be meant, whatever the template says.
    pub fn only_zero(&self) -> bool {
        self.rows == Some(1)
    }

    /// A token's type as the encoder reads it.
    pub fn read_as(&self, type_id: i32) -> i32 {
        if self.only_zero() { 0 } else { type_id }
    }

    /// Returns true if the encoder's table has no row for this type.
    pub fn lacks(&self, type_id: i32) -> bool {
        let beyond = |rows: usize| usize::try_from(type_id).is_ok_and(|type_id| type_id >= rows);
        self.rows.is_some_and(beyond) && !self.only_zero()
    }
}
