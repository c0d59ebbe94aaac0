//! `larder predict`.

use std::path::PathBuf;

use clap::Args;
use larder_data::{InputFormat, OnBadRow, Separator, Task};
use larder_predict::{FileOptions, InputFlags};

use super::{CoverageFlags, DeviceFlags, refuse};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The run
    pub run: String,
    /// Texts; the two of a pair are separated by a tab
    pub text: Vec<String>,
    /// A file: CSV, TSV, JSON lines, Parquet or CoNLL, read as the run's own files were; or plain text, a text a line. `-`
    /// is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    /// Write the rows of --input again with the answers: a classifier's prediction, probability and probabilities, a
    /// tagger's words, tags and entities (CoNLL: a column of tags). In constant memory; a killed one goes on where it was
    #[arg(long, short, value_name = "FILE", requires = "input")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub layout: LayoutFlags,
    /// The column of the second text of a pair [default: the run's own, else text_b]
    #[arg(long, value_name = "COLUMN")]
    pub text_b_column: Option<String>,
    /// Tagging: the column of the words, where there are words in place of texts [default: the run's own, else words]
    #[arg(long, value_name = "COLUMN", conflicts_with = "text_column")]
    pub words_column: Option<String>,
    /// The separator of columns in a CoNLL file [default: as in the run's own files, else whitespace]
    #[arg(long, value_name = "tab|space|whitespace")]
    pub separator: Option<Separator>,
    /// A row that cannot be answered: stop, or skip (it stays, without an answer, and is counted)
    #[arg(long, value_name = "stop|skip", default_value = "stop")]
    pub on_bad_row: OnBadRow,
    /// With --output: put before the names of the new columns
    #[arg(long, value_name = "TEXT", requires = "output", default_value = "")]
    pub prefix: String,
    /// Replace the output if it is there
    #[arg(long, requires = "output")]
    pub force: bool,
    #[command(flatten)]
    pub coverage: CoverageFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// Flags of the layout of a file of texts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub struct LayoutFlags {
    /// The layout of the input, whatever its name: text, a text a line; words, a sentence a line, words separated by blanks;
    /// jsonl, objects with a text or a list of words; conll, a word a line
    #[arg(long, value_name = "text|words|csv|tsv|jsonl|parquet|conll")]
    pub input_format: Option<InputFormat>,
    /// The column of the text: a name, or a zero-based position [default: the run's own, else text]
    #[arg(long, value_name = "COLUMN")]
    pub text_column: Option<String>,
    /// CSV, TSV: whether the first row names the columns [default: as in the run's own files, else true]
    #[arg(long, value_name = "true|false")]
    pub header: Option<bool>,
    /// CSV, TSV: whether quotes enclose fields [default: as in the run's own files, else true for CSV, false for TSV]
    #[arg(long, value_name = "true|false")]
    pub quoting: Option<bool>,
}

impl LayoutFlags {
    pub fn flags(&self) -> InputFlags {
        InputFlags {
            format: self.input_format,
            text: self.text_column.clone(),
            header: self.header,
            quoting: self.quoting,
            ..InputFlags::default()
        }
    }
}

impl PredictArgs {
    /// Returns the flags of reading the input.
    pub fn flags(&self) -> InputFlags {
        InputFlags {
            text_b: self.text_b_column.clone(),
            words: self.words_column.clone(),
            separator: self.separator,
            ..self.layout.flags()
        }
    }

    /// Returns the options of answering the rows of a file, if asked for.
    ///
    /// # Errors
    /// A usage failure for standard input, which cannot be read twice.
    pub fn file_options(&self) -> Result<Option<FileOptions>, Failure> {
        let (Some(input), Some(output)) = (self.input.clone(), self.output.clone()) else { return Ok(None) };
        if input.as_os_str() == "-" {
            return Err(Failure::Usage("--output needs a file as --input, not standard input".to_owned()));
        }
        Ok(Some(FileOptions {
            input,
            flags: self.flags(),
            output,
            prefix: self.prefix.clone(),
            on_bad_row: self.on_bad_row,
            coverage: self.coverage.request(),
            force: self.force,
            device: self.device.device,
            threads: self.device.threads,
        }))
    }

    /// # Errors
    /// A usage failure for a flag that does not apply to the run.
    pub fn check(&self, task: Task, pair: bool) -> Result<(), Failure> {
        let words = matches!(self.layout.input_format, Some(InputFormat::Words | InputFormat::Conll));
        let has_words = task.files().has_words;
        refuse(
            &[
                ("--input-format words or conll", !has_words && words),
                ("--words-column", !has_words && self.words_column.is_some()),
                ("--separator", !has_words && self.separator.is_some()),
            ],
            "a run that labels texts",
        )?;
        refuse(&[("--text-b-column", !pair && self.text_b_column.is_some())], "a run that does not read pairs")
    }
}
