//! `eval` and `score` as typed.

use std::path::PathBuf;

use clap::Args;
use larder_data::Separator;
use larder_tags::Scheme;

use super::DeviceFlags;

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
    pub device: DeviceFlags,
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The CoNLL file: a word a line with its columns, blank lines between sentences
    pub file: PathBuf,
    /// Zero-based column of the gold tags; the last but one unless given
    #[arg(long, value_name = "N", requires = "predicted")]
    pub gold: Option<usize>,
    /// Zero-based column of the predicted tags; the last unless given
    #[arg(long, value_name = "N", requires = "gold")]
    pub predicted: Option<usize>,
    /// The separator of columns
    #[arg(long, value_name = "tab|space|whitespace", default_value = "whitespace")]
    pub separator: Separator,
    /// The scheme of both columns, which `strict` reads by
    #[arg(long, value_name = "IOB1|IOB2|IOBES|BILOU", default_value = "IOB2")]
    pub scheme: Scheme,
}
