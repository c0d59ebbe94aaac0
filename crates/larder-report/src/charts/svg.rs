//! A drawing of plotters as part of a page.

use std::error::Error;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};

use super::ink::named;
use crate::ReportError;

/// Units of a drawing for a pixel of the page: plotters' coordinates are whole numbers, and curves shall be smooth.
pub(crate) const UNIT: u32 = 4;
/// Width of a chart, in pixels, where the page has room; it scales.
const WIDTH: u32 = 420;
/// Height of a chart, in pixels.
const HEIGHT: u32 = 250;

/// What drawing may say.
pub(crate) type Drawn<T> = Result<T, Box<dyn Error + Send + Sync>>;
/// Where is drawn.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What `draw` draws, as an image that says `title` to those who do not see it. `shape` scales its height.
pub(crate) fn drawing(
    title: &str,
    shape: f64,
    draw: impl FnOnce(&Area<'_>) -> Drawn<()>,
) -> Result<Markup, ReportError> {
    let mut text = String::new();
    let size = (WIDTH * UNIT, (f64::from(HEIGHT * UNIT) * shape) as u32);
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let drawn = draw(&area).and_then(|()| Ok(area.present()?));
        drawn.map_err(|source| ReportError::Chart { chart: title.to_owned(), source })?;
    }
    // Without width and height of its own an image takes what room there is.
    let inside = text.split_once('>').map_or("", |(_, rest)| rest);
    let inside = inside.rsplit_once("</svg>").map_or(inside, |(inside, _)| inside);
    let inside = named(inside).replace(" font-family=\"sans-serif\"", "").replace(" opacity=\"1\"", "");
    Ok(html! {
        svg viewBox=(format!("0 0 {} {}", size.0, size.1)) role="img" aria-label=(title) { (PreEscaped(inside)) }
    })
}
