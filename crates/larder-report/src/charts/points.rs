//! Points of one series: numbers answered by numbers that are right.

use maud::{Markup, html};
use plotters::prelude::{Circle, Color, PathElement};

use super::axes::{Axes, range};
use super::color::ChartColor;
use super::legend::{LegendMarker, legend};
use super::svg::{UNIT, drawing};
use crate::ReportError;

/// Most points drawn, evenly spread over the rows: more hide each other and make the page large.
const MOST: usize = 2000;

/// Draws points. With `diagonal` there is a line where both numbers are equal, else one at height 0.
pub(crate) fn points(
    title: &str,
    names: (&str, &str),
    all: &[(f64, f64)],
    diagonal: bool,
) -> Result<Markup, ReportError> {
    let step = all.len().div_ceil(MOST).max(1);
    let shown: Vec<(f64, f64)> = all.iter().copied().step_by(step).collect();
    let x = range(shown.iter().map(|point| point.0));
    let y = match diagonal {
        true => range(shown.iter().map(|point| point.1).chain([x.start, x.end])),
        false => range(shown.iter().map(|point| point.1).chain([0.0])),
    };
    let axes = Axes { x: x.clone(), y, x_name: names.0, y_name: names.1, logarithmic_x: false, numbers: true };
    let picture = drawing(title, 1.15, |area| {
        let mut chart = axes.draw(area)?;
        let ends = if diagonal { [(x.start, x.start), (x.end, x.end)] } else { [(x.start, 0.0), (x.end, 0.0)] };
        chart.draw_series([PathElement::new(ends.to_vec(), ChartColor::Level.placeholder().stroke_width(2 * UNIT))])?;
        let colour = ChartColor::Series(0).placeholder();
        chart.draw_series(shown.iter().map(|&point| Circle::new(point, 2 * UNIT, colour.filled())))?;
        Ok(())
    })?;
    let level = if diagonal { "right answers" } else { "no error" };
    let some = if step > 1 { format!(" ({} of {} rows)", shown.len(), all.len()) } else { String::new() };
    Ok(html! {
        figure {
            figcaption { (title) ": " (names.1) " by " (names.0) (some) }
            (picture)
            (legend([(LegendMarker::Mark(0), names.1), (LegendMarker::Level, level)]))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_up_to_a_limit() {
        let all: Vec<(f64, f64)> = (0..5000).map(|at| (f64::from(at), f64::from(at % 7))).collect();
        let few = points("few", ("target", "answer"), &all[..10], true).unwrap().into_string();
        assert_eq!(few.matches("<circle").count(), 10);
        let many = points("many", ("target", "answer"), &all, false).unwrap().into_string();
        assert!((1000..=MOST).contains(&many.matches("<circle").count()));
        assert!(many.contains("of 5000 rows"));
        assert!(points("none", ("target", "answer"), &[], true).is_ok());
    }
}
