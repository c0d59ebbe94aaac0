//! Legends of charts, as text of the page.

use maud::{Markup, html};

use super::color::{DASHES, SERIES_COLORS};
use super::scatter::mark;

/// The sample of a legend entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegendMarker {
    /// The line of a series.
    Line(usize),
    /// The points of a group.
    Mark(usize),
    /// A ring around points.
    Ring,
    /// A line to compare with.
    Level,
    /// Bars of counts.
    Count,
}

/// Returns the legend of entries, each a marker and a name.
pub(crate) fn legend<'a>(entries: impl IntoIterator<Item = (LegendMarker, &'a str)>) -> Markup {
    html! {
        ul.legend {
            @for (marker, name) in entries {
                li { (picture(marker)) span { (name) } }
            }
        }
    }
}

fn picture(marker: LegendMarker) -> Markup {
    // Points are larger here than in charts.
    let (view, width) = match marker {
        LegendMarker::Mark(_) | LegendMarker::Ring => ("27 -1 50 50", "16"),
        _ => ("0 0 104 48", "26"),
    };
    let height = if width == "16" { "16" } else { "12" };
    html! {
        svg viewBox=(view) width=(width) height=(height) aria-hidden="true" {
            @match marker {
                LegendMarker::Line(series) => {
                    line x1="2" x2="102" y1="24" y2="24" stroke=(format!("var(--c{})", series % SERIES_COLORS)) stroke-width="9"
                        stroke-dasharray=(DASHES.get(series % SERIES_COLORS).copied().unwrap_or_default()) {}
                }
                LegendMarker::Mark(group) => { (mark(group, 52.0, 24.0)) }
                LegendMarker::Ring => { use href="#ring" x="52" y="24" {} }
                LegendMarker::Level => {
                    line x1="2" x2="102" y1="24" y2="24" stroke="var(--level)" stroke-width="6" stroke-dasharray="16 12" {}
                }
                LegendMarker::Count => { rect x="20" y="4" width="64" height="40" fill="var(--count)" {} }
            }
        }
    }
}
