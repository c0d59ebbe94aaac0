//! Charts as SVG, drawn by plotters, with colours from the page's style sheet.

mod axes;
mod color;
mod legend;
mod lengths;
mod lines;
mod points;
mod reliability;
mod scatter;
mod svg;

pub(crate) use color::SERIES_COLORS;
pub(crate) use lengths::lengths;
pub(crate) use lines::{lines, precision_recall};
pub(crate) use points::points;
pub(crate) use reliability::reliability;
pub(crate) use scatter::{marks, scatter};
