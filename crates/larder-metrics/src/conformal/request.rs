//! Settings of prediction sets.

use larder_errors::spelled_enum;

spelled_enum! {
    /// The score of how badly a label fits a row.
    pub enum SetScore {
        /// 1 less the label's probability: the smallest sets on average (Sadinle, Lei and Wasserman 2019). Sets may be empty.
        Lac = "lac",
        /// The probability of all labels above it: hard rows get larger sets, easy ones smaller (Romano, Sesia and Candès 2020,
        /// without their draw). The most probable label is in every set.
        Aps = "aps",
    }
}

spelled_enum! {
    /// The rows of which coverage is promised.
    pub enum CoverageBy {
        /// All rows together.
        All = "all",
        /// The rows of each label.
        Class = "class",
    }
}

/// The settings of prediction sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoverageRequest {
    /// The share of rows whose set is to hold the truth, above 0 and below 1.
    pub coverage: f64,
    /// The score that decides what is in a set.
    pub score: SetScore,
    /// The rows of which coverage is promised.
    pub by: CoverageBy,
    /// Most labels of a set that is an answer; larger ones abstain.
    pub max_set: Option<usize>,
}

impl CoverageRequest {
    /// Returns the request for sets of least size with `coverage` over all rows.
    pub fn new(coverage: f64) -> Self {
        Self { coverage, score: SetScore::Lac, by: CoverageBy::All, max_set: None }
    }

    /// Returns the rank of the calibration score that is the threshold, from 1: ⌈(n + 1) · coverage⌉ of `rows` n. One above
    /// `rows` means that they are too few, and the threshold is infinite.
    pub fn rank(&self, rows: usize) -> usize {
        // A product that is whole in decimals may be just above that in binary.
        let rank = ((rows + 1) as f64 * self.coverage - 1e-9).ceil();
        (rank as usize).max(1)
    }

    /// Returns the fewest calibration rows with which the threshold is finite.
    pub fn least_rows(&self) -> usize {
        let about = (self.coverage / (1.0 - self.coverage)).floor() as usize;
        (about.saturating_sub(2)..).find(|&rows| self.rank(rows) <= rows).unwrap_or(usize::MAX)
    }
}
