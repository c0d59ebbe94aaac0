//! Sentences with code.

use maud::{Markup, html};

/// Formats text between backticks as code; text with an unpaired backtick is left as it is.
pub(super) fn prose(text: &str) -> Markup {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (at, piece) in pieces.iter().enumerate() {
            @if at.is_multiple_of(2) { (piece) } @else { code { (piece) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_marked_and_escaped() {
        assert_eq!(prose("try `--lr <x>` or `a`").into_string(), "try <code>--lr &lt;x&gt;</code> or <code>a</code>");
        assert_eq!(prose("a ` b").into_string(), "a ` b");
        assert_eq!(prose("plain").into_string(), "plain");
    }
}
