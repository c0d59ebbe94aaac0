//! The special tokens that a tokenizer adds, found by its outputs and not by their names.

use serde::{Deserialize, Serialize};
use tokenizers::Encoding;

/// Special tokens of a tokenizer. `cls` and `sep` are found in the output for a probe, whatever their names; `unk` is
/// what the model itself names; `pad` and `mask`, and `unk` where the model names none, appear in no ordinary output and
/// are found by the names in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialTokens {
    /// The token that stands for the whole text: first (BERT's `[CLS]`, RoBERTa's `<s>`), or last where nothing
    /// stands in front (XLNet). `None` when the template has none.
    pub cls_id: Option<i32>,
    /// The token that ends a text: the first one after it.
    pub sep_id: Option<i32>,
    /// `[PAD]` or `<pad>`.
    pub pad_id: Option<i32>,
    /// The token for a word that the vocabulary cannot spell: `[UNK]` or `<unk>`.
    pub unk_id: Option<i32>,
    /// `[MASK]` or `<mask>`.
    pub mask_id: Option<i32>,
    /// Number of special tokens added to one text.
    pub single_tokens: usize,
    /// Number of special tokens added to a pair.
    pub pair_tokens: usize,
    /// Number of special tokens in front of a text: none for T5, which only closes it.
    #[serde(default = "one")]
    pub leading_tokens: usize,
}

/// Encoders of earlier versions were refused without one.
fn one() -> usize {
    1
}

/// The spellings of BERT, ALBERT, ELECTRA and of RoBERTa, XLM-R and their kin.
const PAD: [&str; 2] = ["[PAD]", "<pad>"];
const UNK: [&str; 2] = ["[UNK]", "<unk>"];
const MASK: [&str; 2] = ["[MASK]", "<mask>"];

impl SpecialTokens {
    /// Finds the special tokens in the outputs for one word (or for nothing, where the vocabulary does not know the
    /// word) and for a pair.
    pub(crate) fn find(
        tokenizer: &tokenizers::Tokenizer,
        unknown: &UnknownToken,
        single: &Encoding,
        pair: &Encoding,
    ) -> Self {
        let named = |names: [&str; 2]| names.iter().find_map(|name| tokenizer.token_to_id(name)).map(id);
        let (cls_id, sep_id) = ends(single.get_ids(), single.get_special_tokens_mask());
        Self {
            cls_id,
            sep_id,
            pad_id: named(PAD),
            unk_id: unknown.id(tokenizer).or_else(|| named(UNK)),
            mask_id: named(MASK),
            single_tokens: count(single),
            pair_tokens: count(pair),
            leading_tokens: leading(single),
        }
    }
}

/// The unknown token as a `tokenizer.json` states it: most models name it, Unigram numbers it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct UnknownToken {
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    unk_id: Option<u32>,
}

impl UnknownToken {
    /// Reads it from the bytes of a `tokenizer.json` that was loaded before.
    pub(crate) fn of_file(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct File {
            model: UnknownToken,
        }
        serde_json::from_slice(bytes).map_or_else(|_| Self::default(), |file: File| file.model)
    }

    fn id(&self, tokenizer: &tokenizers::Tokenizer) -> Option<i32> {
        let numbered = self.unk_id.filter(|&id| tokenizer.id_to_token(id).is_some());
        self.unk_token.as_deref().and_then(|name| tokenizer.token_to_id(name)).or(numbered).map(id)
    }
}

/// Special tokens in front of a text.
fn leading(single: &Encoding) -> usize {
    let special = single.get_special_tokens_mask();
    // A probe of special tokens alone does not tell; nearly every template has one in front.
    special.iter().position(|&special| special == 0).unwrap_or(usize::from(special.len() > 1))
}

/// `cls` and `sep` of one tokenized word.
fn ends(ids: &[u32], special: &[u32]) -> (Option<i32>, Option<i32>) {
    let Some(first) = special.iter().position(|&special| special == 0) else {
        // Only special tokens: they follow each other.
        return (ids.first().copied().map(id), ids.get(1).copied().map(id));
    };
    let last = special.iter().rposition(|&special| special == 0).unwrap_or(first);
    let (before, after) = (&ids[..first], &ids[last + 1..]);
    let cls = before.first().or(if after.len() > 1 { after.last() } else { None });
    (cls.copied().map(id), after.first().copied().map(id))
}

fn count(encoding: &Encoding) -> usize {
    encoding.get_special_tokens_mask().iter().filter(|special| **special == 1).count()
}

/// The loader has checked that every id fits.
pub(crate) fn id(id: u32) -> i32 {
    i32::try_from(id).expect("ids below 2^31, checked when the tokenizer was loaded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_by_place() {
        assert_eq!(ends(&[101, 7, 8, 102], &[1, 0, 0, 1]), (Some(101), Some(102)));
        // XLNet: text, sep, cls.
        assert_eq!(ends(&[7, 4, 3], &[0, 1, 1]), (Some(3), Some(4)));
        // T5: text, end.
        assert_eq!(ends(&[7, 1], &[0, 1]), (None, Some(1)));
        assert_eq!(ends(&[101, 102], &[1, 1]), (Some(101), Some(102)));
        assert_eq!(ends(&[], &[]), (None, None));
    }
}
