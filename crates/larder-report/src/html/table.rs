//! Tables of the page.

use maud::{Markup, html};

/// Returns a table, which scrolls if the page is too narrow. Its first `words` columns hold words.
pub(super) fn table(words: usize, header: &[&str], rows: &[Vec<Markup>]) -> Markup {
    let class = |at: usize| if at < words { "word" } else { "number" };
    html! {
        div.scroll {
            table {
                thead { tr { @for (at, name) in header.iter().enumerate() { th class=(class(at)) scope="col" { (name) } } } }
                tbody {
                    @for row in rows {
                        tr { @for (at, cell) in row.iter().enumerate() { td class=(class(at)) { (cell) } } }
                    }
                }
            }
        }
    }
}

/// Returns a cell of running text, which gets room on narrow screens too.
pub(super) fn text(text: &str) -> Markup {
    html! { span.text { (text) } }
}

pub(super) fn cell(text: impl AsRef<str>) -> Markup {
    html! { (text.as_ref()) }
}
