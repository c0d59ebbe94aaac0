//! Texts as the integers that encoders take.

/// Token ids of several texts, padded behind their ends to one length: int64 `[batch, seq]`, row-major.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaddedTexts {
    /// Texts, and tokens of each.
    pub shape: [usize; 2],
    /// The ids of the tokens, `[batch, seq]`.
    pub input_ids: Vec<i64>,
    /// 1 for a token, 0 for padding, `[batch, seq]`.
    pub attention_mask: Vec<i64>,
    /// The types of the tokens, 0 for padding, `[batch, seq]`.
    pub token_type_ids: Vec<i64>,
}

impl PaddedTexts {
    /// Pads texts to `seq` tokens with `pad_id`. Each is the ids of its tokens and their types, none where all are 0; it is
    /// cut where it is longer.
    pub fn new<'a, T: Copy + Into<i64> + 'a>(
        texts: impl IntoIterator<Item = (&'a [T], &'a [T])>,
        seq: usize,
        pad_id: i64,
    ) -> Self {
        let mut padded = Self { shape: [0, seq], ..Self::default() };
        for (ids, types) in texts {
            padded.shape[0] += 1;
            let end = padded.shape[0] * seq;
            padded.input_ids.extend(ids.iter().map(|&id| id.into()));
            padded.input_ids.resize(end, pad_id);
            padded.attention_mask.resize(end - seq + ids.len(), 1);
            padded.attention_mask.resize(end, 0);
            padded.token_type_ids.extend(types.iter().map(|&token_type| token_type.into()));
            padded.token_type_ids.resize(end, 0);
        }
        padded
    }

    /// The position of each token, `[batch, seq]`: `first` and up, through the padding too.
    pub fn position_ids(&self, first: i64) -> Vec<i64> {
        let [batch, seq] = self.shape;
        (0..batch).flat_map(|_| (first..).take(seq)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_texts_are_filled_and_longer_ones_cut() {
        let texts: [(&[i32], &[i32]); 3] = [(&[5, 6], &[0, 1]), (&[7], &[]), (&[1, 2, 3, 4], &[1; 4])];
        let padded = PaddedTexts::new(texts, 3, 9);
        assert_eq!(padded.shape, [3, 3]);
        assert_eq!(padded.input_ids, [5, 6, 9, 7, 9, 9, 1, 2, 3]);
        assert_eq!(padded.attention_mask, [1, 1, 0, 1, 0, 0, 1, 1, 1]);
        assert_eq!(padded.token_type_ids, [0, 1, 0, 0, 0, 0, 1, 1, 1]);
        assert_eq!(padded.position_ids(2), [2, 3, 4, 2, 3, 4, 2, 3, 4]);
    }
}
