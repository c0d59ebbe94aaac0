//! `larder eval`.

use std::path::PathBuf;

use clap::Args;
use larder_run::Gate;

use super::{CoverageFlags, DeviceFlags, FeatureSetFlags};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The run
    pub run: String,
    /// Only these splits; all but train unless given
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    /// The dataset's TOML description; where it was when the run was made unless given
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// Scores that every split must reach, as mcc=0.8; of those in which more is better. Exit code 6 where one is less
    #[arg(long, value_name = "SCORE=NUMBER", value_delimiter = ',')]
    pub fail_below: Vec<Gate>,
    #[command(flatten)]
    pub coverage: CoverageFlags,
    #[command(flatten)]
    pub features: FeatureSetFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
}
