//! Line charts: losses, scores, learning rates, precision-recall curves.

use larder_metrics::PrecisionRecall;
use larder_run::page::Plot;
use maud::{Markup, html};
use plotters::prelude::{Circle, Color, LineSeries, PathElement};

use super::axes::{Axes, range};
use super::color::ChartColor;
use super::legend::{LegendMarker, legend};
use super::svg::{UNIT, drawing};
use crate::ReportError;

/// Larger values, as of a diverged loss, are not drawn.
const LARGEST: f64 = 1e30;
/// Most points of a noisy line: averaging smooths the noise of single steps.
const POINTS: usize = 160;
/// Most points of an exact line: more than the pixels of a chart.
const EXACT_POINTS: usize = 400;

/// Returns a line chart with its legend.
pub(crate) fn lines(plot: &Plot) -> Result<Markup, ReportError> {
    let place = |x: f64| if plot.logarithmic_x { x.log10() } else { x };
    let of = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let placed = points.iter().map(|&(x, y)| (place(x), y));
        placed.filter(|(x, y)| x.abs() < LARGEST && y.abs() < LARGEST).collect()
    };
    let series: Vec<Vec<(f64, f64)>> = plot.lines.iter().map(|line| averaged(&of(&line.points))).collect();
    if series.iter().all(Vec::is_empty) {
        return Ok(html! { p.missing { (plot.title) ": there is nothing to draw." } });
    }
    let levels = plot.levels.iter().filter(|level| level.y.abs() < LARGEST);
    let axes = Axes {
        x: range(series.iter().flatten().map(|point| point.0)),
        y: range(series.iter().flatten().map(|point| point.1).chain(levels.clone().map(|level| level.y))),
        x_name: &plot.x,
        y_name: plot.lines.first().filter(|_| plot.lines.len() == 1).map_or("", |line| &line.name),
        logarithmic_x: plot.logarithmic_x,
        numbers: true,
    };
    let picture = drawing(&format!("{} by {}", plot.title, plot.x), 1.0, |area| {
        let mut chart = axes.draw(area)?;
        for level in levels.clone() {
            let ends = vec![(axes.x.start, level.y), (axes.x.end, level.y)];
            chart.draw_series([PathElement::new(ends, ChartColor::Level.placeholder().stroke_width(2 * UNIT))])?;
        }
        for (number, points) in series.iter().enumerate() {
            let colour = ChartColor::Series(number).placeholder();
            chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2 * UNIT)))?;
            if plot.lines.get(number).is_some_and(|line| line.marked) || points.len() == 1 {
                chart.draw_series(points.iter().map(|&point| Circle::new(point, 3 * UNIT, colour.filled())))?;
            }
        }
        Ok(())
    })?;
    let lines = plot.lines.iter().enumerate().map(|(number, line)| (LegendMarker::Line(number), line.name.as_str()));
    let levels = levels.map(|level| (LegendMarker::Level, level.name.as_str()));
    let together = plot.lines.iter().map(|line| together(line.points.len())).max().unwrap_or(1);
    Ok(html! {
        figure {
            figcaption { (plot.title) @if together > 1 { span.note { " (means of " (together) " points)" } } }
            (picture)
            @if plot.lines.len() > 1 || !plot.levels.is_empty() { (legend(lines.chain(levels))) }
        }
    })
}

/// Reduces a line to at most [`POINTS`] points, the means of neighbouring ones.
fn averaged(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |points: &[(f64, f64)]| {
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
    };
    points.chunks(together(points.len())).map(mean).collect()
}

/// Returns the number of points averaged into one.
fn together(points: usize) -> usize {
    points.div_ceil(POINTS).max(1)
}

/// Draws precision-recall curves, one per class; `level` is the precision of a random order, if there is one class.
pub(crate) fn precision_recall(
    title: &str,
    curves: &[(String, PrecisionRecall)],
    level: Option<f64>,
) -> Result<Markup, ReportError> {
    let axes =
        Axes { x: 0.0..1.0, y: 0.0..1.02, x_name: "recall", y_name: "precision", logarithmic_x: false, numbers: true };
    let picture = drawing(title, 1.15, |area| {
        let mut chart = axes.draw(area)?;
        if let Some(level) = level {
            let ends = vec![(0.0, level), (1.0, level)];
            chart.draw_series([PathElement::new(ends, ChartColor::Level.placeholder().stroke_width(2 * UNIT))])?;
        }
        for (number, (_, curve)) in curves.iter().enumerate() {
            let colour = ChartColor::Series(number).placeholder().stroke_width(2 * UNIT);
            chart.draw_series(LineSeries::new(curve.thinned(EXACT_POINTS), colour))?;
        }
        Ok(())
    })?;
    let names: Vec<String> = curves
        .iter()
        .map(|(name, curve)| format!("{name} (average precision {:.3})", curve.average_precision))
        .collect();
    let names = names.iter().enumerate().map(|(number, name)| (LegendMarker::Line(number), name.as_str()));
    let level = level.map(|_| (LegendMarker::Level, "any order that knows nothing"));
    Ok(html! {
        figure { figcaption { (title) } (picture) (legend(names.chain(level))) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder_run::page::{Level, Line};

    #[test]
    fn long_lines_are_averaged_and_broken_ones_are_drawn_without_their_gaps() {
        let points: Vec<(f64, f64)> = (0..10_000).map(|step| (f64::from(step), f64::from(step % 2))).collect();
        let thin = averaged(&points);
        assert!(thin.len() <= POINTS && thin.iter().all(|point| (point.1 - 0.5).abs() < 0.03), "{:?}", thin[0]);
        let broken = Plot {
            title: "loss".into(),
            x: "step".into(),
            lines: vec![Line {
                name: "train".into(),
                points: vec![(1.0, 0.5), (2.0, f64::NAN), (3.0, 0.25)],
                marked: true,
            }],
            levels: vec![Level { name: "guessing".into(), y: 0.69 }],
            logarithmic_x: true,
        };
        let chart = lines(&broken).unwrap().into_string();
        assert_eq!(chart.matches("<circle").count(), 2);
        assert!(!chart.contains("NaN") && chart.contains("var(--level)") && chart.contains("guessing"), "{chart}");
    }

    #[test]
    fn axes_hold_whatever_they_are_given() {
        let last_digit = f64::from_bits(0.7_f64.to_bits() + 1);
        for values in [
            [0.7, 0.7],
            [0.7, last_digit],
            [0.0, 0.0],
            [1e300, 0.5],
            [f64::INFINITY, 0.5],
            [-1e29, 1e29],
            [1e-300, 2e-300],
        ] {
            let points = vec![(1.0, values[0]), (2.0, values[1])];
            let line = Line { name: "train".into(), points, marked: false };
            let plot = Plot { title: "loss".into(), x: "step".into(), lines: vec![line], ..Plot::default() };
            let chart = lines(&plot).unwrap().into_string();
            assert!(chart.contains("<polyline") || chart.contains("<circle"), "{values:?}: {chart}");
            assert!(chart.len() < 20_000 && !chart.contains("inf") && !chart.contains("NaN"), "{values:?}");
        }
    }

    #[test]
    fn nothing_to_draw_is_said() {
        let empty = Plot { title: "loss".into(), lines: vec![Line::default()], ..Plot::default() };
        assert!(lines(&empty).unwrap().into_string().contains("nothing to draw"));
    }
}
