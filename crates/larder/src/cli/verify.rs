//! `verify`: a features file encoded again.

use std::path::PathBuf;

use clap::Args;
use larder_pipeline::VerifyOptions;

use super::DeviceFlags;

/// Encodes texts of a features file again, as the file says it was made, and compares every vector: rows checked, largest
/// absolute and relative difference, wrong rows. Exit code 3 when a row differs by more than rounding explains.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The features file, or the name of a manifest, as `larder collect` prints it
    pub file: PathBuf,
    /// Texts or sentences to draw at random
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub sample: usize,
    /// Every row
    #[arg(long, conflicts_with = "sample")]
    pub all: bool,
    /// Seed of the draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The encoder's name; the one that the file was made with unless given
    #[arg(long, short, value_name = "NAME")]
    pub encoder: Option<String>,
    /// The tokens file; where larder puts it unless given
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceFlags,
}

impl VerifyArgs {
    pub fn options(&self) -> VerifyOptions {
        VerifyOptions {
            encoder: self.encoder.clone(),
            tokens: self.tokens.clone(),
            examples: (!self.all).then_some(self.sample),
            seed: self.seed,
            device: self.device.device,
            threads: self.device.threads,
        }
    }
}
