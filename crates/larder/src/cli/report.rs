//! `report`: runs on one page.

use std::path::PathBuf;

use clap::Args;
use larder_data::OnBadRow;

use super::{DeviceFlags, LayoutFlags};

/// Writes one HTML page that needs no network: scores beside their baselines, what stands out, curves, confusions, mistakes,
/// embeddings. It computes nothing again: what a run lacks is said on the page, with the command that makes it. With --input the page shows what a run
/// finds in new texts.
#[derive(Debug, Args)]
#[command(mut_group("LayoutFlags", |group| group.requires("input")), mut_group("DeviceFlags", |group| group.requires("input")))]
pub struct ReportArgs {
    /// The runs, side by side in this order; with --input one
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Leave out what the data says, for a page that others may see: texts, words and sentences. Ids, labels and numbers stay
    #[arg(long)]
    pub no_texts: bool,
    /// New texts without labels, in a file as `larder predict` reads it: the page shows the run's answers to them
    #[arg(long, short, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// With --input: only the first rows
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "input")]
    pub limit: usize,
    /// With --input: stop at a row that cannot be answered, or skip it
    #[arg(long, value_name = "stop|skip", default_value = "stop", requires = "input")]
    pub on_bad_row: OnBadRow,
    #[command(flatten)]
    pub layout: LayoutFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
}
