//! Writing sentences as CoNLL column files, for other scorers to read.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::conll_line::DOCUMENT_START;

/// Writes one sentence: a line for each word, with the word and its tag of every tag column (such as gold and predicted),
/// separated by tabs, and a blank line after the last.
///
/// A word is written so that every reader sees the same columns: `_` stands for each blank and control character in it,
/// no-break spaces and byte order marks among them, for a word of no characters, and for the hyphens of a word
/// `-DOCSTART-`, which would start a document. A sentence without words writes nothing.
///
/// # Errors
/// Those of `out`; [`io::ErrorKind::InvalidInput`] if a tag column has more or fewer tags than there are words.
pub fn write_conll<W: Write + ?Sized>(
    out: &mut W,
    words: &[impl AsRef<str>],
    tag_columns: &[&[impl AsRef<str>]],
) -> io::Result<()> {
    if let Some((column, tags)) = tag_columns.iter().enumerate().find(|(_, tags)| tags.len() != words.len()) {
        let message = format!(
            "cannot write a sentence of {} words with {} tags in tag column {column}; each word has one tag a column",
            words.len(),
            tags.len()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    for (position, word) in words.iter().enumerate() {
        match word.as_ref() {
            DOCUMENT_START => out.write_all(b"_DOCSTART_")?,
            word => out.write_all(one_column(word).as_bytes())?,
        }
        for tags in tag_columns {
            out.write_all(b"\t")?;
            out.write_all(one_column(tags[position].as_ref()).as_bytes())?;
        }
        out.write_all(b"\n")?;
    }
    if words.is_empty() { Ok(()) } else { out.write_all(b"\n") }
}

/// The text with nothing in it that a reader could take for a column's or a line's end.
fn one_column(text: &str) -> Cow<'_, str> {
    let parts = |character: char| character.is_whitespace() || character.is_control() || character == '\u{feff}';
    if text.is_empty() {
        Cow::Borrowed("_")
    } else if text.contains(parts) {
        Cow::Owned(text.replace(parts, "_"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(words: &[&str], tag_columns: &[&[&str]]) -> String {
        let mut out = Vec::new();
        write_conll(&mut out, words, tag_columns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_and_tags_are_columns() {
        let columns: &[&[&str]] = &[&["B-x", "I-x"], &["O", "B-y"]];
        assert_eq!(written(&["New", "York"], columns), "New\tB-x\tO\nYork\tI-x\tB-y\n\n");
        assert_eq!(written(&["a"], &[]), "a\n\n");
        assert_eq!(written(&[], &[&[]]), "");
    }

    #[test]
    fn a_word_stays_one_column_of_one_line() {
        let words = ["a b", "\t\n", "\u{feff}c\u{a0}d\u{1f}", "", "-DOCSTART-", "-DOCSTART-x", "日本"];
        let column: Vec<String> = written(&words, &[]).lines().map(str::to_owned).collect();
        assert_eq!(column, ["a_b", "__", "_c_d_", "_", "_DOCSTART_", "-DOCSTART-x", "日本", ""]);
    }

    #[test]
    fn columns_of_another_length_are_refused() {
        let error = write_conll(&mut Vec::new(), &["a", "b"], &[&["O"]]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("2 words with 1 tags in tag column 0"), "{error}");
    }
}
