//! Scatter plot of vectors, each with its text.

use larder_run::page::shortened;
use maud::{Markup, html};

use super::axes::{Axes, range};
use super::color::{MARKS, SERIES_COLORS};
use super::legend::{LegendMarker, legend};
use super::svg::drawing;
use crate::ReportError;
use crate::page::{Embedding, Point};

/// Number of points above which they are drawn smaller.
const DENSE: usize = 600;
/// Most characters of a point's text.
const TEXT: usize = 120;

/// Returns the shapes of points, defined once per page.
pub(crate) fn marks() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            defs {
                circle #mark0 r="13" {}
                path #mark1 d="M0-16 15 11H-15Z" {}
                path #mark2 d="M-11-11H11V11H-11Z" {}
                path #mark3 d="M0-17 14 0 0 17-14 0Z" {}
                path #mark4 d="M-5-15H5V-5H15V5H5V15H-5V5H-15V-5H-5Z" {}
                circle #ring r="23" {}
                @for name in ["mark0", "mark1", "mark2", "mark3", "mark4", "ring"] {
                    g id=(format!("small-{name}")) { use href=(format!("#{name}")) transform="scale(0.62)" {} }
                }
            }
        }
    }
}

/// Returns the point of a group. The numbers of colours and shapes are coprime, so that 35 groups differ in one or both.
pub(crate) fn mark(group: usize, x: f64, y: f64) -> Markup {
    html! { use class=(colour(group)) href=(format!("#mark{}", group % MARKS)) x=(coordinate(x)) y=(coordinate(y)) {} }
}

fn colour(group: usize) -> String {
    format!("k{}", group % SERIES_COLORS)
}

fn coordinate(value: f64) -> String {
    format!("{value:.0}")
}

/// Draws the chart with its legend. Mistakes are drawn last, with a ring.
pub(crate) fn scatter(embedding: &Embedding) -> Result<Markup, ReportError> {
    let axes = Axes {
        x: range(embedding.points.iter().map(|point| point.x)),
        y: range(embedding.points.iter().map(|point| point.y)),
        x_name: "",
        y_name: "",
        logarithmic_x: false,
        numbers: false,
    };
    let title =
        format!("{}s of {} on the plane of their first two principal components", embedding.unit, embedding.split);
    let mut places = Vec::with_capacity(embedding.points.len());
    let frame = drawing(&title, 1.5, |area| {
        let chart = axes.draw(area)?;
        places.extend(embedding.points.iter().map(|point| chart.backend_coord(&(point.x, point.y))));
        Ok(())
    })?;
    let frame = frame.into_string();
    let (open, inside) = frame.split_once('>').unwrap_or((&frame, ""));
    let inside = inside.strip_suffix("</svg>").unwrap_or(inside);
    let points = || embedding.points.iter().zip(&places);
    let is_wrong = |point: &Point| point.gold != point.answer;
    let size = if embedding.points.len() > DENSE { "small-" } else { "" };
    let wrong = points().filter(|(point, _)| is_wrong(point)).count();
    let groups = embedding.groups.iter().enumerate().map(|(group, name)| (LegendMarker::Mark(group), name.as_str()));
    let ring = format!("answered otherwise ({wrong} of {})", embedding.points.len());
    Ok(html! {
        figure.scatter {
            figcaption { (title) }
            (maud::PreEscaped(format!("{open} tabindex=\"0\" data-points>{inside}")))
            g {
                @for (point, place) in points().filter(|(point, _)| !is_wrong(point)) { (point_of(embedding, point, size, *place)) }
            }
            g.wrong {
                @for (point, place) in points().filter(|(point, _)| is_wrong(point)) {
                    use href=(format!("#{size}ring")) x=(place.0) y=(place.1) {}
                    (point_of(embedding, point, size, *place))
                }
            }
            (maud::PreEscaped("</svg>"))
            p.said aria-live="polite" { "Point at a mark, touch it, or go through the mistakes with the arrow keys: its text appears here." }
            (legend(groups.chain([(LegendMarker::Ring, ring.as_str())])))
        }
    })
}

fn point_of(embedding: &Embedding, point: &Point, size: &str, place: (i32, i32)) -> Markup {
    let name = |group: usize| embedding.groups.get(group).map_or("?", String::as_str);
    html! {
        use class=(colour(point.gold)) href=(format!("#{size}mark{}", point.gold % MARKS)) x=(place.0) y=(place.1) {
            title {
                (shortened(&point.text, TEXT)) "\n" (name(point.gold))
                @if point.gold != point.answer { ", answered " (name(point.answer)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_with_its_text_and_mistakes_with_a_ring() {
        let point = |x: f64, answer| Point { x, y: -x, gold: 0, answer, text: format!("<text {x}>") };
        let embedding = Embedding {
            split: "dev".into(),
            unit: "text".into(),
            groups: vec!["a".into(), "b".into()],
            points: vec![point(1.0, 0), point(2.0, 1), point(3.0, 0)],
            ..Embedding::default()
        };
        let chart = scatter(&embedding).unwrap().into_string();
        assert_eq!(chart.matches("<title>").count(), 3);
        assert_eq!(chart.matches("<svg").count(), chart.matches("</svg>").count());
        assert_eq!(chart.matches("href=\"#ring\"").count(), 2, "one mistake and the legend");
        assert!(chart.contains("&lt;text 2&gt;\na, answered b") && !chart.contains("<text 2>"));
    }
}
