//! `larder eval`.

use std::path::PathBuf;

use clap::Args;

use super::{DeviceFlags, FeatureSetFlags};

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
    #[command(flatten)]
    pub features: FeatureSetFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
}
