//! Statistics of a training split's words, so that plain text is later split alike.

use std::path::Path;

use larder_store::{TokensProjection, TokensReader};
use serde::{Deserialize, Serialize};

use crate::RunError;

/// Lengths of the words that a tagger was trained on, in characters (Unicode scalar values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrainingWords {
    /// Words in all.
    pub words: u64,
    /// Words of one character.
    pub single_character: u64,
    /// Words of several characters, all of them ASCII letters or digits.
    pub latin: u64,
    /// Characters of the longest word.
    pub longest: usize,
}

impl TrainingWords {
    /// Counts the words of a tokens file.
    ///
    /// # Errors
    /// [`RunError::Store`] for a file that cannot be read.
    pub(crate) fn of(tokens: &Path) -> Result<Self, RunError> {
        let mut found = Self::default();
        for batch in TokensReader::open(tokens, TokensProjection::EncodeWords)? {
            let batch = batch?;
            (0..batch.len()).for_each(|row| batch.words(row).for_each(|word| found.count(word)));
        }
        Ok(found)
    }

    fn count(&mut self, word: &str) {
        let length = word.chars().count();
        self.words += 1;
        self.single_character += u64::from(length == 1);
        self.latin += u64::from(length > 1 && word.chars().all(|character| character.is_ascii_alphanumeric()));
        self.longest = self.longest.max(length);
    }

    /// Returns true if at least nine of ten words are one character, as for Chinese. In ordinary text at most one of four is,
    /// punctuation included.
    pub fn are_characters(&self) -> bool {
        self.words > 0 && self.single_character * 10 >= self.words * 9
    }

    /// Splits a text into its characters without blanks; runs of ASCII letters and digits stay whole if training had such
    /// words. Items are `(start, end, word)`, in characters.
    pub(crate) fn characters(&self, text: &str) -> Vec<(usize, usize, String)> {
        let mut words: Vec<(usize, usize, String)> = Vec::new();
        let mut in_run = false;
        for (at, character) in text.chars().enumerate() {
            let joins = self.latin > 0 && character.is_ascii_alphanumeric();
            match words.last_mut() {
                Some((_, end, word)) if joins && in_run && *end == at => {
                    *end = at + 1;
                    word.push(character);
                }
                _ if character.is_whitespace() => {}
                _ => words.push((at, at + 1, character.into())),
            }
            in_run = joins;
        }
        words
    }

    /// Returns true if a word looks like unsegmented text: longer than any training word, and mostly in a script without
    /// blanks.
    pub(crate) fn is_unsplit(&self, word: &str) -> bool {
        let length = word.chars().count();
        length > self.longest && word.chars().filter(|&character| has_no_blanks(character)).count() * 2 > length
    }
}

/// Letters of Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese.
fn has_no_blanks(character: char) -> bool {
    matches!(
        u32::from(character),
        0x0e00..=0x0fff
            | 0x1000..=0x109f
            | 0x1780..=0x17ff
            | 0x3005..=0x3007
            | 0x3040..=0x30ff
            | 0x3400..=0x4dbf
            | 0x4e00..=0x9fff
            | 0xf900..=0xfaff
            | 0x20000..=0x323af
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> TrainingWords {
        let mut found = TrainingWords::default();
        words.iter().for_each(|word| found.count(word));
        found
    }

    fn cut(words: &TrainingWords, text: &str) -> String {
        let cut = words.characters(text);
        let characters: Vec<char> = text.chars().collect();
        for (start, end, word) in &cut {
            assert_eq!(characters[*start..*end].iter().collect::<String>(), *word);
        }
        cut.into_iter().map(|(.., word)| word).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn characters_are_told_from_words() {
        let characters = of(&["林", "大", "明", "在", "2008", "年", "来", "北", "京", "。"]);
        assert!(characters.are_characters());
        assert!(!of(&["林大明", "在", "北京", "。"]).are_characters());
        assert!(!of(&["I", "am", "a", "cat", ",", "he", "said", "."]).are_characters());
        assert!(!TrainingWords::default().are_characters());
        assert_eq!(cut(&characters, " 林大\u{3000}明iPhone12！\n5G"), "林|大|明|iPhone12|！|5G");
        assert_eq!(cut(&of(&["林", "a"]), "林ab 1"), "林|a|b|1");
        assert_eq!(cut(&characters, "a b"), "a|b", "a blank ends a run");
    }

    #[test]
    fn unsplit_text_is_told_from_long_words() {
        let words = of(&["林大明", "同志", "在", "international"]);
        assert!(!words.is_unsplit("林大明同志在北京"), "training has longer words");
        let words = of(&["林大明", "同志", "在"]);
        assert!(words.is_unsplit("林大明同志在北京"));
        assert!(!words.is_unsplit("北京"));
        assert!(!words.is_unsplit("Donaudampfschifffahrt"));
        assert!(of(&["การ", "ทำ"]).is_unsplit("การทำงาน"));
    }
}
