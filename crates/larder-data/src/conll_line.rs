//! One line of a CoNLL column file: its columns, and whether it is a comment or starts a document.

use crate::choice::Separator;

/// The word of a line that starts a document. Its line holds no word and ends a sentence.
pub(crate) const DOCUMENT_START: &str = "-DOCSTART-";

pub(crate) fn starts_document(text: &str) -> bool {
    text.strip_prefix(DOCUMENT_START).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// `# sent_id = 12`, as CoNLL-U writes it.
pub(crate) fn is_key_value_comment(text: &str) -> bool {
    let key = text.strip_prefix('#').map(str::trim_start).and_then(|rest| rest.split_once(" = "));
    key.is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character))
    })
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

/// Whether the text is one of the marks of any scheme, alone (as chunkers of one type write it) or with a hyphen after it.
pub(crate) fn looks_like_a_tag(text: &str) -> bool {
    let rest = text.strip_prefix(['O', 'B', 'I', 'E', 'S', 'L', 'U']);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
