//! Axes, alike in all charts.

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{Cartesian2d, ChartBuilder, ChartContext, Color, IntoFont, SVGBackend};

use super::color::ChartColor;
use super::svg::{Area, Drawn, UNIT};

/// Line height of the numbers at axes, in pixels: a font size of 11.5.
const TEXT: f64 = 11.5 * 1.24;

/// A chart with numbers on both axes.
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The axes of a chart.
pub(crate) struct Axes<'a> {
    /// The range of the horizontal axis.
    pub(crate) x: Range<f64>,
    /// The range of the vertical axis.
    pub(crate) y: Range<f64>,
    /// Label of the horizontal axis.
    pub(crate) x_name: &'a str,
    /// Label of the vertical axis; nothing where the title says it.
    pub(crate) y_name: &'a str,
    /// True if the horizontal axis is logarithmic; its range is then of logarithms.
    pub(crate) logarithmic_x: bool,
    /// True if the axes have numbers.
    pub(crate) numbers: bool,
}

impl Axes<'_> {
    pub(crate) fn draw<'a, 'b>(&self, area: &'a Area<'b>) -> Drawn<Chart<'a, 'b>> {
        let (left, bottom) = match (self.numbers, self.y_name) {
            (false, _) => (6, 6),
            (true, "") => (46, 40),
            (true, _) => (62, 40),
        };
        let mut chart = ChartBuilder::on(area)
            .margin_top(8 * UNIT)
            .margin_right(14 * UNIT)
            .x_label_area_size(bottom * UNIT)
            .y_label_area_size(left * UNIT)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let text = ("sans-serif", TEXT * f64::from(UNIT)).into_font().color(&ChartColor::Axis.placeholder());
        let logarithmic = self.logarithmic_x;
        let of_x = move |value: &f64| number(if logarithmic { 10_f64.powf(*value) } else { *value });
        let of_y = |value: &f64| number(*value);
        let ticks = if self.numbers { (6, 7) } else { (0, 0) };
        chart
            .configure_mesh()
            .x_labels(ticks.0)
            .y_labels(ticks.1)
            .max_light_lines(0)
            .x_label_formatter(&of_x)
            .y_label_formatter(&of_y)
            .bold_line_style(ChartColor::Grid.placeholder().stroke_width(UNIT))
            .axis_style(ChartColor::Axis.placeholder().stroke_width(UNIT))
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_desc(self.x_name)
            .y_desc(self.y_name)
            .set_all_tick_mark_size(3 * UNIT)
            .draw()?;
        Ok(chart)
    }
}

/// Returns the range of `values` with a margin; never empty, so that a chart can be drawn of any values.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        (least, most) = (least.min(value), most.max(value));
    }
    if least > most {
        return 0.0..1.0;
    }
    let size = most.abs().max(least.abs());
    // The margin keeps ticks finite if values differ only in their last digits.
    let room = if most > least { ((most - least) * 0.06).max(size * 1e-6) } else { size.max(1e-3) * 0.5 };
    least - room..most + room
}

/// Returns the shortest form of a number at an axis.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        // Ticks are multiples of a round step, so two digits suffice.
        return if size < 1e-15 { "0".to_owned() } else { short(format!("{value:.1e}")) };
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `2.0e-5` as `2e-5`.
fn short(text: String) -> String {
    text.replace(".0e", "e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.1 + 0.2, -0.0, 5e-5, 1.5e-4, 1200.0, 0.0025, 1e7, -0.25, 1e-17].map(number);
        assert_eq!(all, ["0", "0.3", "0", "5e-5", "1.5e-4", "1200", "0.0025", "1e7", "-0.25", "0"]);
    }

    #[test]
    fn every_list_has_a_range() {
        assert_eq!(range([]), 0.0..1.0);
        let one = range([2.0]);
        assert!(one.start < 2.0 && one.end > 2.0);
        let many = range([0.0, 10.0]);
        assert!(many.start < 0.0 && many.end > 10.0 && many.end < 11.0);
    }
}
