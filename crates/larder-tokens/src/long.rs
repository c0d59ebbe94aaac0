//! Texts of more tokens than the encoder reads: cut, or read in windows.
//!
//! A window is the text's special tokens around a run of its own tokens. Unlike those of a sentence of words
//! ([`windows`](crate::windows)), the windows of a text do not overlap: its vector is pooled from all of its tokens, and a token
//! that is in two windows would count twice. A text has as few windows as it can, and all have the same number of its tokens,
//! or one more: the last one would else hold whatever is left, a few tokens that the encoder reads without what they belong to.

use std::ops::Range;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::TokensError;
use crate::special::SpecialTokens;

spelled_enum! {
    /// How a text of more tokens than the encoder reads is read.
    #[derive(Default)]
    pub enum LongTexts {
        /// Its last tokens are left out.
        #[default]
        Cut = "cut",
        /// In windows, whose vectors are pooled into one.
        Windows = "windows",
    } else "unknown way `{found}` of reading long texts; known are {known}"
}

/// The settings that make windows from texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextWindows {
    /// Tokens of a window, special tokens included.
    max_tokens: usize,
    /// Special tokens in front of a text.
    leading: usize,
    /// Special tokens behind it.
    trailing: usize,
}

impl TextWindows {
    /// Makes the settings for windows of at most `max_tokens` tokens, special tokens included.
    ///
    /// # Errors
    /// [`TokensError::MaxTokensTooSmall`].
    pub fn new(max_tokens: usize, special: &SpecialTokens) -> Result<Self, TokensError> {
        let leading = special.leading_tokens.min(special.single_tokens);
        let windows = Self { max_tokens, leading, trailing: special.single_tokens - leading };
        windows.room(0).map(|_| windows)
    }

    /// Tokens of a window, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Cuts a text of `tokens` tokens, special tokens included, into windows. The first `prompt` of its own tokens stand in
    /// front of every window's.
    ///
    /// # Errors
    /// [`TokensError::MaxTokensTooSmall`] for a prompt that leaves no room.
    pub fn of(&self, tokens: usize, prompt: usize) -> Result<Vec<TextWindow>, TokensError> {
        let front = self.leading + prompt;
        let behind = tokens.saturating_sub(self.trailing);
        if tokens <= self.max_tokens || behind <= front {
            return Ok(vec![TextWindow { front: 0, body: 0..tokens, behind: tokens..tokens }]);
        }
        let own = behind - front;
        let windows = own.div_ceil(self.room(prompt)?);
        let start = |window: usize| front + window * own / windows;
        Ok((0..windows)
            .map(|window| TextWindow { front, body: start(window)..start(window + 1), behind: behind..tokens })
            .collect())
    }

    /// The text's own tokens that a window has room for.
    fn room(&self, prompt: usize) -> Result<usize, TokensError> {
        let special_tokens = self.leading + prompt + self.trailing;
        let room = self.max_tokens.checked_sub(special_tokens).filter(|room| *room > 0);
        room.ok_or(TokensError::MaxTokensTooSmall { max_tokens: self.max_tokens, special_tokens, texts: 1 })
    }
}

/// A part of a text that the encoder reads at once, in places of the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextWindow {
    /// The first so many tokens stand in front: special ones, and those of a prompt.
    front: usize,
    /// The window's own tokens.
    body: Range<usize>,
    /// Special tokens behind.
    behind: Range<usize>,
}

impl TextWindow {
    /// Returns the entries of the window, from those of the whole text: of ids, or of types.
    pub fn of(&self, text: &[i32]) -> Vec<i32> {
        [&text[..self.front], &text[self.body.clone()], &text[self.behind.clone()]].concat()
    }

    /// Tokens of the text up to the end of this window; behind its last one stand special tokens alone.
    pub fn end(&self) -> usize {
        if self.body.end == self.behind.start { self.behind.end } else { self.body.end }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn special(leading_tokens: usize, single_tokens: usize) -> SpecialTokens {
        let none = None;
        let (cls_id, sep_id, pad_id, unk_id, mask_id) = (none, none, none, none, none);
        SpecialTokens { cls_id, sep_id, pad_id, unk_id, mask_id, single_tokens, pair_tokens: 3, leading_tokens }
    }

    fn read(max_tokens: usize, text: &[i32], prompt: usize) -> Vec<Vec<i32>> {
        let windows = TextWindows::new(max_tokens, &special(1, 2)).unwrap();
        windows.of(text.len(), prompt).unwrap().iter().map(|window| window.of(text)).collect()
    }

    #[test]
    fn windows_are_as_few_as_can_be_and_of_one_length() {
        let text: Vec<i32> = (0..12).collect();
        assert_eq!(read(12, &text, 0), std::slice::from_ref(&text));
        assert_eq!(read(11, &text, 0), [vec![0, 1, 2, 3, 4, 5, 11], vec![0, 6, 7, 8, 9, 10, 11]]);
        assert_eq!(read(6, &text, 0), [vec![0, 1, 2, 3, 11], vec![0, 4, 5, 6, 11], vec![0, 7, 8, 9, 10, 11]]);
        assert_eq!(read(3, &text, 0).len(), 10);
    }

    #[test]
    fn a_prompt_stands_in_front_of_every_window() {
        let text: Vec<i32> = (0..12).collect();
        assert_eq!(
            read(7, &text, 2),
            [vec![0, 1, 2, 3, 4, 11], vec![0, 1, 2, 5, 6, 7, 11], vec![0, 1, 2, 8, 9, 10, 11]]
        );
        let windows = TextWindows::new(7, &special(1, 2)).unwrap();
        let error = windows.of(12, 5).unwrap_err().to_string();
        assert!(error.contains("at most 7 tokens") && error.contains("7 special"), "{error}");
    }

    #[test]
    fn limits_without_room_are_refused() {
        assert!(matches!(
            TextWindows::new(2, &special(1, 2)),
            Err(TokensError::MaxTokensTooSmall { max_tokens: 2, special_tokens: 2, texts: 1 })
        ));
    }

    proptest! {
        #[test]
        fn every_token_is_in_one_window(
            own in 0_usize..300, leading in 0_usize..3, trailing in 0_usize..3, prompt in 0_usize..4, room in 1_usize..40,
        ) {
            let own = own.max(prompt);
            let max_tokens = leading + trailing + prompt + room;
            let windows = TextWindows::new(max_tokens, &special(leading, leading + trailing)).unwrap();
            let text: Vec<i32> = (0..(leading + own + trailing) as i32).collect();
            let made = windows.of(text.len(), prompt).unwrap();
            prop_assert_eq!(made.last().unwrap().end(), text.len());
            let inputs: Vec<Vec<i32>> = made.iter().map(|window| window.of(&text)).collect();
            if text.len() <= max_tokens {
                prop_assert_eq!(inputs, [text]);
                return Ok(());
            }
            let (front, behind) = (&text[..leading + prompt], &text[leading + own..]);
            let mut bodies = Vec::new();
            let (mut least, mut most) = (usize::MAX, 0);
            for input in &inputs {
                prop_assert!(input.len() <= max_tokens && input.starts_with(front) && input.ends_with(behind));
                let body = &input[front.len()..input.len() - behind.len()];
                bodies.extend_from_slice(body);
                (least, most) = (least.min(body.len()), most.max(body.len()));
            }
            prop_assert_eq!(&bodies, &text[front.len()..leading + own]);
            prop_assert!(most - least <= 1 && inputs.len() == (own - prompt).div_ceil(room));
        }
    }
}
