//! Flags of sets with coverage.

use clap::Args;
use larder_metrics::{CoverageBy, CoverageRequest, SetScore};

#[derive(Debug, Args)]
pub struct CoverageFlags {
    /// Sets of labels (intervals of numbers) that hold the truth for this share of rows like those of train, as 0.9
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub coverage: Option<f64>,
    /// Which labels are in a set: lac, those above one probability, the smallest sets; aps, the most probable ones up to one sum,
    /// never none
    #[arg(long, value_name = "lac|aps", default_value = "lac", requires = "coverage")]
    pub coverage_score: SetScore,
    /// Coverage of all rows together, or of the rows of each class
    #[arg(long, value_name = "all|class", default_value = "all", requires = "coverage")]
    pub coverage_by: CoverageBy,
    /// Most labels of a set that is an answer; larger sets, and empty ones, abstain
    #[arg(long, value_name = "N", requires = "coverage")]
    pub max_set: Option<usize>,
}

impl CoverageFlags {
    /// Returns what was asked, if anything.
    pub fn request(&self) -> Option<CoverageRequest> {
        let Self { coverage, coverage_score, coverage_by, max_set } = *self;
        coverage.map(|coverage| CoverageRequest { coverage, score: coverage_score, by: coverage_by, max_set })
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "expected a share above 0 and below 1, such as 0.9".to_owned())
}
