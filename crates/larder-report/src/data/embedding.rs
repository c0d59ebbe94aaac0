//! Vectors on a plane.

/// Some rows of a split on the plane of their first two principal components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedding {
    /// The split.
    pub split: String,
    /// What the vectors are: the names of their columns.
    pub columns: Vec<String>,
    /// What one row is: `text` or `word`.
    pub unit: String,
    /// The groups that points are coloured by: classes, or entity types.
    pub groups: Vec<String>,
    /// The points.
    pub points: Vec<Point>,
    /// Rows of the split; more than there are points where they were sampled.
    pub rows: usize,
    /// How they were sampled, in a sentence; empty where they were not.
    pub sampling: String,
    /// Share of the points' variance along each axis.
    pub explained: [f64; 2],
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// First component.
    pub x: f64,
    /// Second component.
    pub y: f64,
    /// Gold group, as an index into the groups.
    pub gold: usize,
    /// Group answered.
    pub answer: usize,
    /// What it stands for: the text, or the word among its neighbours.
    pub text: String,
}
