//! Histogram of text lengths.

use maud::{Markup, html};
use plotters::prelude::{Color, Rectangle};

use super::axes::Axes;
use super::color::ChartColor;
use super::svg::{UNIT, drawing};
use crate::ReportError;
use crate::numbers::Histogram;
use crate::page::Lengths;

/// Draws the chart of texts by number of tokens.
pub(crate) fn lengths(lengths: &Lengths) -> Result<Markup, ReportError> {
    let Some(histogram) = Histogram::of(&lengths.tokens) else {
        return Ok(html! { p.missing { (lengths.split) " has no texts." } });
    };
    let (from, width) = (f64::from(histogram.from), f64::from(histogram.width));
    let most = histogram.counts.iter().copied().max().unwrap_or(0) as f64;
    let axes = Axes {
        x: from - 0.5..from - 0.5 + width * histogram.counts.len() as f64,
        y: 0.0..most * 1.05,
        x_name: "tokens",
        y_name: "texts",
        logarithmic_x: false,
        numbers: true,
    };
    let picture = drawing(&format!("texts of {} by their tokens", lengths.split), 0.75, |area| {
        let mut chart = axes.draw(area)?;
        let bars = histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, &count)| {
            let left = from - 0.5 + width * at as f64;
            let mut bar = Rectangle::new(
                [(left, 0.0), (left + width, count as f64)],
                ChartColor::Series(0).placeholder().filled(),
            );
            bar.set_margin(0, 0, UNIT / 2, UNIT / 2);
            bar
        });
        chart.draw_series(bars)?;
        Ok(())
    })?;
    Ok(html! { figure { figcaption { (lengths.split) ": texts by tokens" } (picture) } })
}
