//! `larder score`.

use std::path::PathBuf;

use clap::Args;
use larder_data::{InputFormat, Separator, Task};
use larder_run::tasks::ScoredFile;
use larder_tags::Scheme;

use super::refuse_foreign;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// tagging: a CoNLL file, a word a line with its columns, blank lines between sentences. multilabel, regression: CSV,
    /// TSV, JSON lines or Parquet, a row a text
    pub file: PathBuf,
    /// The task of the predictions
    #[arg(long, value_name = "tagging|multilabel|regression", default_value = "tagging")]
    pub task: Task,
    /// Column of gold: a name, or a zero-based position [default: the last but one of tags, else labels or target].
    /// multilabel: lists, texts, or a column of 0 and 1 for each label
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub gold: Vec<String>,
    /// Column of the predictions, likewise [default: the last of tags, else prediction]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub predicted: Vec<String>,
    #[command(flatten)]
    pub tags: TagFlags,
    #[command(flatten)]
    pub rows: RowFlags,
}

/// Flags of CoNLL files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tagging")]
pub struct TagFlags {
    /// The separator of columns [default: whitespace]
    #[arg(long, value_name = "tab|space|whitespace")]
    pub separator: Option<Separator>,
    /// The scheme of both columns, which `strict` reads by [default: IOB2]
    #[arg(long, value_name = "IOB1|IOB2|IOBES|BILOU|BMES")]
    pub scheme: Option<Scheme>,
}

/// Flags of files with a text a row.
#[derive(Debug, Args)]
#[command(next_help_heading = "Multi-label and regression")]
pub struct RowFlags {
    /// The file of the predictions, row by row as FILE, where they are not in FILE itself
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// The format of the files, whatever their names
    #[arg(long, value_name = "csv|tsv|jsonl|parquet")]
    pub input_format: Option<InputFormat>,
    /// CSV, TSV: whether the first row names the columns [default: true]
    #[arg(long, value_name = "true|false")]
    pub header: Option<bool>,
    /// CSV, TSV: whether quotes enclose fields [default: true for CSV, false for TSV]
    #[arg(long, value_name = "true|false")]
    pub quoting: Option<bool>,
    /// multilabel: the labels there may be, in the order of probabilities and of columns [default: the columns of 0 and 1,
    /// else all that are found, sorted]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// multilabel: the text between the labels of a text; CSV and TSV hold lists in JSON otherwise
    #[arg(long, value_name = "TEXT")]
    pub label_separator: Option<String>,
    /// multilabel: the column of lists of probabilities, or a column for each label, for LRAP and average precision
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub probabilities: Vec<String>,
}

impl ScoreArgs {
    /// Returns the file, and how to read it.
    ///
    /// # Errors
    /// A usage failure for a flag that does not apply to the task, or contradicts another.
    pub fn scored_file(&self) -> Result<ScoredFile, Failure> {
        let Self { file, task, gold, predicted, tags, rows } = self;
        let flags = [
            ("--separator", tags.separator.is_some()),
            ("--scheme", tags.scheme.is_some()),
            ("--predictions", rows.predictions.is_some()),
            ("--input-format", rows.input_format.is_some()),
            ("--header", rows.header.is_some()),
            ("--quoting", rows.quoting.is_some()),
            ("--labels", !rows.labels.is_empty()),
            ("--label-separator", rows.label_separator.is_some()),
            ("--probabilities", !rows.probabilities.is_empty()),
        ];
        refuse_foreign(&flags, *task, None)?;
        let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
        let format = match rows.input_format {
            None => None,
            Some(format) => match format.rows() {
                Some(format) => Some(format),
                None => return usage("--input-format: plain text has no columns; take csv, tsv, jsonl or parquet"),
            },
        };
        if rows.label_separator.as_ref().is_some_and(String::is_empty) {
            return usage("--label-separator is empty; leave it out where labels are lists");
        }
        let columns = |columns: &[String]| if columns.len() > 1 { Some(columns.len()) } else { None };
        let counts = [columns(gold), columns(predicted), columns(&rows.probabilities)];
        let labels = Some(rows.labels.len()).filter(|&labels| labels > 0);
        let expected = labels.or_else(|| counts.into_iter().flatten().next());
        if let Some(found) = counts.into_iter().flatten().find(|count| Some(*count) != expected) {
            let expected = expected.unwrap_or_default();
            return Err(Failure::Usage(format!(
                "{found} columns for {expected} labels; --gold, --predicted and --probabilities take one column, or one for \
                 each label, in one order"
            )));
        }
        Ok(ScoredFile {
            path: file.clone(),
            predictions: rows.predictions.clone(),
            format,
            header: rows.header,
            quoting: rows.quoting,
            gold: gold.clone(),
            predicted: predicted.clone(),
            probabilities: rows.probabilities.clone(),
            labels: rows.labels.clone(),
            label_separator: rows.label_separator.clone(),
            separator: tags.separator.unwrap_or(Separator::Whitespace),
            scheme: tags.scheme.unwrap_or(Scheme::Iob2),
        })
    }
}
