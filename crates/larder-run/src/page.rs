//! The report as plain data, independent of heads and tasks.

use std::fmt;

use larder_metrics::{BaselineComparison, Interval, PrecisionRecall};
use larder_tags::Entity;

/// A sentence in place of something that a run lacks: what is missing, and how to get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Missing {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for Missing {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// A name with its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value, spelled as in a flag or file.
    pub value: String,
}

impl Fact {
    /// Returns a fact.
    pub fn new(name: &str, value: impl ToString) -> Self {
        Self { name: name.to_owned(), value: value.to_string() }
    }
}

/// The training of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Sentences about it.
    pub sentences: Vec<String>,
    /// Curves: losses, scores, learning rates.
    pub plots: Result<Vec<Plot>, Missing>,
    /// The candidates of the selection, the best first; empty if nothing was chosen.
    pub candidates: Vec<Candidate>,
    /// The candidates' score: `mcc, mean of 5 folds`.
    pub candidate_score: String,
    /// The rule of the selection, in words.
    pub rule: String,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            sentences: Vec::new(),
            plots: Ok(Vec::new()),
            candidates: Vec::new(),
            candidate_score: String::new(),
            rule: String::new(),
        }
    }
}

/// Features that a head could read, with the best settings for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// The features: a column's name, `mean (all 7)`.
    pub name: String,
    /// The best settings.
    pub settings: String,
    /// Its score on train rows that its fits had not seen.
    pub score: f64,
    /// Standard error of that score, if there were several folds.
    pub standard_error: Option<f64>,
    /// True if it was chosen.
    pub chosen: bool,
}

/// A line chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot {
    /// Its title: `training loss`.
    pub title: String,
    /// Label of the horizontal axis: `step`.
    pub x: String,
    /// The lines, in the order of the legend.
    pub lines: Vec<Line>,
    /// Horizontal lines to compare with.
    pub levels: Vec<Level>,
    /// True if the horizontal axis is logarithmic; points at 0 or below are left out.
    pub logarithmic_x: bool,
}

/// A line of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// True if each point gets a mark.
    pub marked: bool,
}

/// A horizontal line to compare with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Level {
    /// Its name in the legend.
    pub name: String,
    /// Its height.
    pub y: f64,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The heading of what follows.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A remark, smaller.
    Note(Vec<Inline>),
    /// Something that is missing.
    Missing(Missing),
    /// A table.
    Table(PageTable),
    /// A table of many rows, the first of which are shown: the others are a click away, and it can be sorted, filtered and saved. Its columns
    /// of words with few values are choices.
    Browsed {
        /// The name of the file that it is saved as, without its ending.
        name: String,
        /// The table.
        table: PageTable,
    },
    /// Parts side by side.
    Columns(Vec<Vec<Block>>),
    /// Collapsed parts.
    Details {
        /// The line that is always visible.
        summary: String,
        /// The parts.
        blocks: Vec<Block>,
    },
    /// A confusion matrix.
    Confusion {
        /// The classes' names, `[classes]`.
        names: Vec<String>,
        /// Rows by gold and answered class, `[classes, classes]`.
        counts: Vec<Vec<u64>>,
    },
    /// Charts side by side.
    Charts(Vec<Chart>),
    /// A sentence with its entities, and its id.
    Sentence(TaggedSentence),
    /// A sentence with the entities that were found in it; nobody knows whether they are right.
    Found {
        /// Its place in the input.
        place: String,
        /// Its words.
        words: Vec<String>,
        /// The entities, in the order of their words.
        entities: Vec<Entity>,
    },
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    /// Words.
    Text(String),
    /// Code: a label, a flag.
    Code(String),
    /// The comparison of a score with the majority baseline.
    Verdict(BaselineComparison),
}

impl From<&str> for Inline {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Inline {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct PageTable {
    /// Number of leading columns that hold words; the others hold numbers.
    pub words: usize,
    /// The names of the columns.
    pub header: Vec<String>,
    /// Rows, each `[columns]`.
    pub rows: Vec<Vec<Cell>>,
}

impl PageTable {
    /// Returns a table of `rows`.
    pub fn new(words: usize, header: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Self { words, header: header.iter().map(|name| (*name).to_owned()).collect(), rows }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A word or a number.
    Text(String),
    /// Running text, which gets room on narrow screens too.
    Running(String),
    /// A sentence with its entities; empty for `None`.
    Sentence(Option<TaggedSentence>),
    /// The comparison of a score with the majority baseline.
    Verdict(BaselineComparison),
    /// A score with its interval on an axis from `least` to 1.
    Whisker {
        /// The score.
        value: f64,
        /// Its interval.
        interval: Option<Interval>,
        /// The left end of the axis.
        least: f64,
    },
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// A reliability diagram, from each answer's probability and whether it is right.
    Reliability(Vec<(f64, bool)>),
    /// Precision against recall.
    PrecisionRecall {
        /// The title.
        title: String,
        /// One curve per class, with its name.
        curves: Vec<(String, PrecisionRecall)>,
        /// The precision of a random order, if there is one class.
        level: Option<f64>,
    },
    /// Points, beside a line where both numbers are equal or one where the second is 0.
    Points {
        /// The title.
        title: String,
        /// The name of the horizontal axis.
        x: String,
        /// The name of the vertical axis.
        y: String,
        /// The points.
        points: Vec<(f64, f64)>,
        /// True for the line of equal numbers.
        diagonal: bool,
    },
    /// A chart that cannot be drawn.
    Missing(Missing),
}

/// A sentence with its entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaggedSentence {
    /// Its id.
    pub example_id: String,
    /// Its words.
    pub words: Vec<String>,
    /// Gold entities, in the order of their words.
    pub gold: Vec<Entity>,
    /// Predicted entities, in the order of their words.
    pub predicted: Vec<Entity>,
}

impl TaggedSentence {
    /// Returns the number of entities in one list but not in the other.
    pub fn wrong(&self) -> usize {
        let lacks = |list: &[Entity], entity: &Entity| !list.contains(entity);
        self.gold.iter().filter(|entity| lacks(&self.predicted, entity)).count()
            + self.predicted.iter().filter(|entity| lacks(&self.gold, entity)).count()
    }
}

/// The rows of a split as points on a plane.
pub struct PlaneRows<'a> {
    /// The unit of a row: `text`, `word`.
    pub unit: &'static str,
    /// The example id of each row, `[rows]`.
    pub example_ids: &'a [String],
    /// The groups that colour the points: classes, or entity types.
    pub groups: Vec<String>,
    /// Gold and answered group of each row, `[rows]`.
    pub of_rows: Vec<(usize, usize)>,
    /// The majority group `O` of a tagger.
    pub outside: Option<usize>,
    /// The text of a row.
    pub text: Box<dyn Fn(usize) -> String + 'a>,
}

/// Finds the texts of examples by id, in the order of the ids.
pub type FindTexts<'a> = dyn Fn(&[String]) -> Result<Vec<String>, Missing> + 'a;

/// Returns a score with three decimals; what rounds to 0 has no sign.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "undefined".to_owned();
    }
    let text = format!("{value:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// Returns a share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Returns an interval as `0.010 to 0.052`.
pub fn range(interval: &Interval) -> String {
    format!("{} to {}", number(interval.low), number(interval.high))
}

/// Returns the first `most` characters, with an ellipsis if there are more.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöü!", 3), "äöü…");
    }
}
