//! Conversion of plotters drawings to elements of a page.

use std::error::Error;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};

use super::color::replace_placeholders;
use crate::ReportError;

/// Drawing units per pixel: plotters has integer coordinates, too coarse for smooth curves.
pub(crate) const UNIT: u32 = 4;
/// Width of a chart in pixels, scaled down if the page is narrow.
const WIDTH: u32 = 420;
/// Height of a chart, in pixels.
const HEIGHT: u32 = 250;

/// The result of drawing.
pub(crate) type Drawn<T> = Result<T, Box<dyn Error + Send + Sync>>;
/// The area of a drawing.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Returns the image drawn by `draw`, with `title` for screen readers. `shape` scales its height.
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
    // Without width and height attributes, an image takes the room available.
    let inside = text.split_once('>').map_or("", |(_, rest)| rest);
    let inside = inside.rsplit_once("</svg>").map_or(inside, |(inside, _)| inside);
    let inside = replace_placeholders(inside).replace(" font-family=\"sans-serif\"", "").replace(" opacity=\"1\"", "");
    Ok(html! {
        svg viewBox=(format!("0 0 {} {}", size.0, size.1)) role="img" aria-label=(title) { (PreEscaped(inside)) }
    })
}
