//! The reliability diagram.

use larder_metrics::{RELIABILITY_BINS, Reliability};
use maud::{Markup, html};
use plotters::prelude::{Circle, Color, LineSeries, PathElement, Rectangle};

use super::axes::Axes;
use super::color::ChartColor;
use super::legend::{LegendMarker, legend};
use super::svg::{UNIT, drawing};
use crate::ReportError;

/// Draws the chart of accuracy by probability, with the share of answers.
pub(crate) fn reliability(answers: &[(f64, bool)]) -> Result<Markup, ReportError> {
    let reliability = Reliability::of(answers.iter().copied());
    let axes = Axes {
        x: 0.0..1.0,
        y: 0.0..1.02,
        x_name: "probability of the answer",
        y_name: "share",
        logarithmic_x: false,
        numbers: true,
    };
    let rows: usize = reliability.bins.iter().map(|bin| bin.rows).sum();
    let picture = drawing("share of right answers by the answer's probability", 1.15, |area| {
        let mut chart = axes.draw(area)?;
        let bars = reliability.bins.iter().enumerate().filter(|(_, bin)| bin.rows > 0).map(|(at, bin)| {
            let edge = |at: usize| at as f64 / RELIABILITY_BINS as f64;
            let share = bin.rows as f64 / rows.max(1) as f64;
            Rectangle::new([(edge(at), 0.0), (edge(at + 1), share)], ChartColor::Count.placeholder().filled())
        });
        chart.draw_series(bars)?;
        let diagonal = vec![(0.0, 0.0), (1.0, 1.0)];
        chart.draw_series([PathElement::new(diagonal, ChartColor::Level.placeholder().stroke_width(2 * UNIT))])?;
        let points: Vec<(f64, f64)> =
            reliability.bins.iter().filter(|bin| bin.rows > 0).map(|bin| (bin.confidence, bin.accuracy)).collect();
        let colour = ChartColor::Series(0).placeholder();
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2 * UNIT)))?;
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 4 * UNIT, colour.filled())))?;
        Ok(())
    })?;
    let names = [
        (LegendMarker::Line(0), "share of right answers"),
        (LegendMarker::Level, "probabilities that mean what they say"),
        (LegendMarker::Count, "share of all answers"),
    ];
    Ok(html! {
        figure {
            figcaption {
                "Reliability: expected calibration error "
                (format!("{:.3}", reliability.expected_calibration_error))
            }
            (picture)
            (legend(names))
        }
    })
}
