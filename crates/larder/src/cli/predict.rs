//! `larder predict`.

use std::path::{Path, PathBuf};

use clap::Args;
use larder_data::OnBadRow;
use larder_pipeline::FileOptions;

use super::DeviceFlags;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The run
    pub run: String,
    /// Texts; the two of a pair are separated by a tab
    pub text: Vec<String>,
    /// A file with one text a line; `-` is standard input. With --output a Parquet (.parquet) or JSON lines (.jsonl) file
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    /// Write the rows of --input again with the answers: a classifier's prediction, probability and probabilities, a
    /// tagger's words, tags and entities. In constant memory; a killed one goes on where it was
    #[arg(long, short, value_name = "FILE", requires = "input")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub rows: RowFlags,
    /// Tagging: what lines and arguments are: text, which is split into words; words, separated by blanks and taken as they
    /// are; jsonl, objects with `text` or a list `words`; conll, a word a line
    #[arg(long, value_name = "text|words|jsonl|conll", default_value = "text")]
    pub input_format: InputFormat,
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// How the rows of a file are read, where it is written again with answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --output")]
pub struct RowFlags {
    /// The column, or field, of the text [default: text]
    #[arg(long, value_name = "NAME", requires = "output")]
    pub text_column: Option<String>,
    /// The column of the second text of a pair [default: text_b]
    #[arg(long, value_name = "NAME", requires = "output")]
    pub text_b_column: Option<String>,
    /// Tagging: the column of the words, where there are words in place of texts [default: words, if a Parquet file has it]
    #[arg(long, value_name = "NAME", requires = "output", conflicts_with = "text_column")]
    pub words_column: Option<String>,
    /// Put before the names of the new columns
    #[arg(long, value_name = "TEXT", requires = "output", default_value = "")]
    pub prefix: String,
    /// A row without a text: stop, or skip (it stays, without an answer, and is counted)
    #[arg(long, value_name = "stop|skip", requires = "output", default_value = "stop")]
    pub on_bad_row: OnBadRow,
    /// Replace the output if it is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl PredictArgs {
    /// Where rows come from and go to, if the answers to a file's rows are asked for.
    pub fn file_options(&self) -> Option<FileOptions> {
        let (input, output) = (self.input.clone()?, self.output.clone()?);
        Some(FileOptions {
            input,
            output,
            text: self.rows.text_column.clone(),
            text_b: self.rows.text_b_column.clone(),
            words: self.rows.words_column.clone(),
            prefix: self.rows.prefix.clone(),
            on_bad_row: self.rows.on_bad_row,
            force: self.rows.force,
            device: self.device.device,
            threads: self.device.threads,
        })
    }

    /// A Parquet file that is given where lines of text are read.
    pub fn parquet_without_output(&self) -> Option<&Path> {
        let input = self.input.as_deref().filter(|_| self.output.is_none())?;
        (input.extension()? == "parquet").then_some(input)
    }
}

/// What the lines of a file to be tagged are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum InputFormat {
    /// A text a line.
    Text,
    /// Words separated by blanks, a sentence a line.
    Words,
    /// A JSON object a line.
    Jsonl,
    /// A word a line, its first column; a blank line ends a sentence.
    Conll,
}
