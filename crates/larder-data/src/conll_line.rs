//! One line of a CoNLL column file: its columns, and whether it is a comment or starts a document.

use crate::choice::Separator;

/// The value of a predicted column where nothing was predicted, as CoNLL-U writes what is not specified.
pub const NO_PREDICTION: &str = "_";

/// The word of a line that starts a document. Its line holds no word and ends a sentence.
pub(crate) const DOCUMENT_START: &str = "-DOCSTART-";

/// Returns true if a line starts or ends a document or a part of one.
pub(crate) fn starts_document(text: &str) -> bool {
    // As in CoNLL-2012.
    if ["#begin document", "#end document"].iter().any(|mark| text.starts_with(mark)) {
        return true;
    }
    text.strip_prefix(DOCUMENT_START).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// `# sent_id = 12`, as CoNLL-U writes it.
pub(crate) fn is_key_value_comment(text: &str) -> bool {
    let key = text.strip_prefix('#').map(str::trim_start).and_then(|rest| rest.split_once(" = "));
    key.is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character))
    })
}

/// Follows the word numbers in the first column of CoNLL-U through one sentence, to tell the lines that are no words: the
/// range of a word written as several (`3-4`), and a word that is not written at all (`3.1`).
///
/// Both are told by the numbers around them, so that first columns which only look alike (`1-1`, `1-2`, … of WebAnno)
/// stay words.
#[derive(Debug)]
pub(crate) struct WordNumbers {
    /// The number of the last word; `None` once a line broke the order.
    last: Option<u32>,
}

impl WordNumbers {
    /// At the start of a sentence.
    pub fn new() -> Self {
        Self { last: Some(0) }
    }

    /// Returns true if the line that begins with the column `first` is no word of the sentence.
    pub fn is_no_word(&mut self, first: &str) -> bool {
        let Some(last) = self.last else { return false };
        if let Ok(number) = first.parse::<u32>() {
            self.last = (number == last + 1).then_some(number);
            return false;
        }
        let pair = |between: char| {
            let (left, right) = first.split_once(between)?;
            Some((left.parse::<u32>().ok()?, right.parse::<u32>().ok()?))
        };
        let is_range = pair('-').is_some_and(|(from, to)| from == last + 1 && to > from);
        let is_empty_node = pair('.').is_some_and(|(after, place)| after == last && after > 0 && place > 0);
        if !is_range && !is_empty_node {
            self.last = None;
        }
        is_range || is_empty_node
    }
}

/// The column at a zero-based position.
pub(crate) fn field(text: &str, separator: Separator, position: usize) -> Option<&str> {
    fields(text, separator).nth(position)
}

/// The columns of a line; blanks around a column are not part of it.
pub(crate) fn fields(text: &str, separator: Separator) -> Box<dyn Iterator<Item = &str> + '_> {
    match separator {
        Separator::Tab => Box::new(text.split('\t').map(|field| field.trim_matches(' '))),
        Separator::Space => Box::new(text.split(' ')),
        // Only blanks: a no-break space may be a word of its own.
        Separator::Whitespace => Box::new(text.split([' ', '\t']).filter(|field| !field.is_empty())),
    }
}

/// A suspicion, if the line has enough columns under another separator.
pub(crate) fn separator_hint(text: &str, separator: Separator, last_column: usize) -> &'static str {
    let fits = |other| other != separator && field(text, other, last_column).is_some_and(|value| !value.is_empty());
    if fits(Separator::Tab) {
        "; there are tabs, is `separator = \"tab\"` meant?"
    } else if fits(Separator::Space) {
        "; there are spaces, is `separator = \"space\"` meant?"
    } else if fits(Separator::Whitespace) {
        "; there are blanks, is `separator = \"whitespace\"` meant?"
    } else {
        ""
    }
}

/// Returns true if the text is one of the marks of any scheme, alone (as chunkers of one type write it) or with a
/// hyphen after it.
pub(crate) fn looks_like_a_tag(text: &str) -> bool {
    let rest = text.strip_prefix(['O', 'B', 'I', 'M', 'E', 'S', 'L', 'U']);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_words(firsts: &[&str]) -> Vec<bool> {
        let mut numbers = WordNumbers::new();
        firsts.iter().map(|first| numbers.is_no_word(first)).collect()
    }

    #[test]
    fn ranges_and_empty_nodes_are_told_by_their_neighbours() {
        assert_eq!(
            no_words(&["1-2", "1", "2", "3", "3.1", "3.2", "4-6", "4"]),
            [true, false, false, false, true, true, true, false]
        );
        // Sentence and word as one number, WebAnno, dates, decimals, numbers that start elsewhere.
        assert_eq!(no_words(&["0.1", "0.2"]), [false; 2]);
        assert_eq!(no_words(&["1-1", "1-2", "1-3"]), [false; 3]);
        assert_eq!(no_words(&["2", "3-4", "3"]), [false; 3]);
        assert_eq!(no_words(&["1", "3-4", "2.1", "x"]), [false; 4]);
        assert_eq!(no_words(&["1", "2-2"]), [false; 2]);
    }
}
