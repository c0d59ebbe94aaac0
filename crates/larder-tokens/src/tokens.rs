//! The output of tokenizing.

/// The entry of [`Tokens::word_ids`] for a token that belongs to no word, because the template added it.
pub const NO_WORD: i32 = -1;

/// One tokenized input, not padded; every list is `[seq]`, special tokens included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Vocabulary ids.
    pub input_ids: Vec<i32>,
    /// Segments as the tokenizer's template gives them: for BERT 0 for the first text and its special tokens, 1 for
    /// the second.
    pub type_ids: Vec<i32>,
    /// Spans `(start, end)` in *characters* (Unicode scalar values, as Python's `str` counts), `end` excluded; `(0, 0)`
    /// for special tokens. Of a pair each span counts in its own text; of words, each counts in its own word.
    pub offsets: Vec<(i32, i32)>,
    /// The word each token comes from, [`NO_WORD`] for special tokens. Of given words this is their index (missing is a
    /// word that gives no token where the vocabulary has none for the unknown); of a text, the tokenizer's own split
    /// counted from 0; of a pair both texts count from 0.
    pub word_ids: Vec<i32>,
    /// Tokens that the limit cut off.
    pub truncated_tokens: u32,
}

impl Tokens {
    /// Number of tokens, special tokens included.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Counts the tokens of the text, special ones left out, that lie within its first `characters`: those of a prompt that
    /// stands there.
    pub fn tokens_within(&self, characters: usize) -> usize {
        let ends =
            self.offsets.iter().zip(&self.word_ids).filter(|(_, word)| **word != NO_WORD).map(|((_, end), _)| end);
        ends.take_while(|end| usize::try_from(**end).is_ok_and(|end| end <= characters)).count()
    }

    /// Returns true if there are no tokens, not even special ones.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}
