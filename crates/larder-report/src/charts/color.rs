//! Chart colours as variables of the style sheet, which has light, dark and print versions. Plotters knows colours by value
//! only, so each has a unique placeholder value, which [`replace_placeholders`] turns into the variable.

use plotters::style::RGBColor;

/// Number of series colours, `--c0` and so on in the style sheet: those of Okabe and Ito, "Color universal design", 2008,
/// without the one that is invisible on the background.
pub(crate) const SERIES_COLORS: usize = 7;
/// Shapes of points: together with the colours they distinguish more groups.
pub(crate) const MARKS: usize = 5;
/// Dash pattern of each series' line: series never differ by colour alone.
pub(crate) const DASHES: [&str; SERIES_COLORS] =
    ["", "24 12", "6 10", "36 10 6 10", "14 14", "36 10 6 10 6 10", "48 24"];

/// The colour of a part of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChartColor {
    /// Axes and their numbers.
    Axis,
    /// Grid lines.
    Grid,
    /// Lines to compare with.
    Level,
    /// Bars of counts behind the data.
    Count,
    /// The series of that number.
    Series(usize),
}

/// The common beginning of all placeholders, as plotters writes them.
const PREFIX: &str = "=\"#0102";

impl ChartColor {
    /// Returns the placeholder value.
    pub(crate) fn placeholder(self) -> RGBColor {
        let index = match self {
            Self::Axis => 0,
            Self::Grid => 1,
            Self::Level => 2,
            Self::Count => 3,
            Self::Series(number) => 4 + (number % SERIES_COLORS) as u8,
        };
        RGBColor(1, 2, index)
    }

    fn from_index(index: usize) -> Self {
        match index {
            0 => Self::Axis,
            1 => Self::Grid,
            2 => Self::Level,
            3 => Self::Count,
            index => Self::Series(index - 4),
        }
    }

    fn variable(self) -> String {
        match self {
            Self::Axis => "--muted".to_owned(),
            Self::Grid => "--grid".to_owned(),
            Self::Level => "--level".to_owned(),
            Self::Count => "--count".to_owned(),
            Self::Series(number) => format!("--c{number}"),
        }
    }

    fn dashes(self) -> &'static str {
        match self {
            Self::Level => "16 12",
            Self::Series(number) => DASHES.get(number).copied().unwrap_or_default(),
            _ => "",
        }
    }
}

/// Replaces placeholders by the style sheet's variables, and adds the dashes of lines.
pub(crate) fn replace_placeholders(svg: &str) -> String {
    let mut parts = svg.split(PREFIX);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place = part.get(..2).and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let (Some(place), Some(rest)) = (place, part.get(3..)) else {
            out.push_str(PREFIX);
            out.push_str(part);
            continue;
        };
        let color = ChartColor::from_index(place);
        let is_line = out.ends_with("stroke");
        out.push_str(&format!("=\"var({})\"", color.variable()));
        if is_line && !color.dashes().is_empty() {
            out.push_str(&format!(" stroke-dasharray=\"{}\"", color.dashes()));
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_variables_and_lines_are_broken() {
        let drawn = r##"<line stroke="#010205"/><circle fill="#010205" stroke="none"/><text fill="#010200">a</text>"##;
        assert_eq!(
            replace_placeholders(drawn),
            r#"<line stroke="var(--c1)" stroke-dasharray="24 12"/><circle fill="var(--c1)" stroke="none"/><text fill="var(--muted)">a</text>"#
        );
        assert_eq!(replace_placeholders(r##"<a b="#0102zz"/>"##), r##"<a b="#0102zz"/>"##);
        assert_eq!(ChartColor::Series(8).placeholder(), ChartColor::Series(1).placeholder());
    }
}
