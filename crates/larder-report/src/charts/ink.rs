//! Colours by their place in the style sheet. Plotters knows colours only by value, so that each place has a value that
//! nothing else has, which [`named`] exchanges for the style sheet's variable: light, dark and paper have their own.

use plotters::style::RGBColor;

/// Colours of series; `--c0` and so on in the style sheet, where they are those of Okabe and Ito, "Color universal
/// design", 2008, less the one that does not show on the background.
pub(crate) const INKS: usize = 7;
/// Shapes of points: with the colours they tell apart more groups than either.
pub(crate) const MARKS: usize = 5;
/// How the line of each series is broken: colour is never alone.
pub(crate) const DASHES: [&str; INKS] = ["", "24 12", "6 10", "36 10 6 10", "14 14", "36 10 6 10 6 10", "48 24"];

/// What something is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Axes and their numbers.
    Axis,
    /// Lines behind the data.
    Grid,
    /// Something to compare with.
    Level,
    /// Counts behind the data.
    Count,
    /// Series of that number.
    Series(usize),
}

/// What all the values begin with, in plotters' spelling.
const PREFIX: &str = "=\"#0102";

impl Ink {
    /// The value that stands for it until [`named`] has been there.
    pub(crate) fn colour(self) -> RGBColor {
        let place = match self {
            Self::Axis => 0,
            Self::Grid => 1,
            Self::Level => 2,
            Self::Count => 3,
            Self::Series(number) => 4 + (number % INKS) as u8,
        };
        RGBColor(1, 2, place)
    }

    fn of_place(place: usize) -> Self {
        match place {
            0 => Self::Axis,
            1 => Self::Grid,
            2 => Self::Level,
            3 => Self::Count,
            place => Self::Series(place - 4),
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

/// Exchanges the values for the style sheet's variables, and breaks lines as their series are.
pub(crate) fn named(svg: &str) -> String {
    let mut parts = svg.split(PREFIX);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place = part.get(..2).and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let (Some(place), Some(rest)) = (place, part.get(3..)) else {
            out.push_str(PREFIX);
            out.push_str(part);
            continue;
        };
        let ink = Ink::of_place(place);
        let is_line = out.ends_with("stroke");
        out.push_str(&format!("=\"var({})\"", ink.variable()));
        if is_line && !ink.dashes().is_empty() {
            out.push_str(&format!(" stroke-dasharray=\"{}\"", ink.dashes()));
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
            named(drawn),
            r#"<line stroke="var(--c1)" stroke-dasharray="24 12"/><circle fill="var(--c1)" stroke="none"/><text fill="var(--muted)">a</text>"#
        );
        assert_eq!(named(r##"<a b="#0102zz"/>"##), r##"<a b="#0102zz"/>"##);
        assert_eq!(Ink::Series(8).colour(), Ink::Series(1).colour());
    }
}
