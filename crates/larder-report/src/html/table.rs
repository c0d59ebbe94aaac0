//! What tables have in common.

pub(super) use larder_errors::count;
use maud::{Markup, html};

/// Three digits after the point, as `larder eval` prints scores.
pub(super) fn score(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { "undefined".to_owned() }
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A table that scrolls by itself where the page is too narrow for it. Of its columns the first `words` hold words.
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

/// A cell of running text, which gets room on a phone too.
pub(super) fn text(text: &str) -> Markup {
    html! { span.text { (text) } }
}

/// A cell.
pub(super) fn cell(text: impl AsRef<str>) -> Markup {
    html! { (text.as_ref()) }
}
