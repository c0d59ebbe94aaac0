//! `export`: a run for other tools.

use std::path::PathBuf;

use clap::Args;
use larder_export::ExportOptions;
use larder_export::Precision;

/// Writes a folder that needs no larder: `model.onnx` computes everything from token ids to the answer; `tokenizer.json`,
/// `tokenizer_config.json` and `config.json` are as transformers' loaders want them; `README.md` has the scores and the Python
/// that answers; `export.json` has what the check found. The file is checked before the folder appears: it answers a split
/// of the run's dataset, and no probability may be more than 1e-5 from the run's own.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run
    pub run: String,
    /// The folder to make
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// f32 answers as the run does; f16 keeps the encoder's matrices in half the space, int8 computes its products in 8 bits:
    /// both say what that costs on the split of the check
    #[arg(long, value_name = "f32|f16|int8", default_value_t)]
    pub precision: Precision,
    /// The split that checks the file; the first that the run was not trained on unless given
    #[arg(long, value_name = "NAME")]
    pub check_split: Option<String>,
    /// The dataset's TOML description; where it was when the run was made unless given
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// Rows of it at most; all unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub check_rows: Option<u32>,
    /// Replace an export that is there
    #[arg(long)]
    pub force: bool,
    /// CPU threads of the check; 0 is one per core
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub threads: usize,
}

impl ExportArgs {
    /// Returns the options of the export.
    pub fn options(&self) -> ExportOptions {
        ExportOptions {
            folder: self.output.clone(),
            precision: self.precision,
            force: self.force,
            check_split: self.check_split.clone(),
            dataset: self.dataset.clone(),
            check_rows: self.check_rows.map(|rows| rows as usize),
            threads: self.threads,
        }
    }
}
