//! `report`: runs on one page.

use std::path::PathBuf;

use clap::Args;

/// Writes one HTML page that needs no network: scores beside their baselines, what stands out, curves, confusions, mistakes,
/// embeddings. It computes nothing again: what a run lacks is said on the page, with the command that makes it.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The runs, side by side in this order
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Leave out what the data says, for a page that others may see: texts, words and sentences. Ids, labels and numbers stay
    #[arg(long)]
    pub no_texts: bool,
}
