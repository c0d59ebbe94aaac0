//! Curves.

/// Lines over one axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot {
    /// What is drawn: `training loss`.
    pub title: String,
    /// What the horizontal axis counts: `step`.
    pub x: String,
    /// The lines, in the order of the legend.
    pub lines: Vec<Line>,
    /// Horizontal lines to compare with.
    pub levels: Vec<Level>,
    /// Whether the horizontal axis is logarithmic; points at 0 or below are left out then.
    pub logarithmic_x: bool,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right. Those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Whether each point gets a mark: for few points.
    pub marked: bool,
}

/// A horizontal line to compare with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Level {
    /// Its name in the legend.
    pub name: String,
    /// Where it is.
    pub y: f64,
}
