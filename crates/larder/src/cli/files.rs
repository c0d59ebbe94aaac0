//! Files in place of a description, as typed.

use std::path::{Path, PathBuf};

use clap::Args;
use larder_data::OnBadRow;
use larder_describe::{NamedFiles, NamedRoles};
use larder_pipeline::FilesRequest;

use super::refuse;
use crate::failure::Failure;

/// The share of rows that is parted off to judge on.
const DEV_FRACTION: f64 = 0.2;

/// Flags for a data set that is a file or a folder of files.
#[derive(Debug, Args)]
pub struct FileFlags {
    /// The column of the text; columns that are not named are found by their names and values, and said
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
    /// The column of the second text of a pair
    #[arg(long, value_name = "COLUMN")]
    pub text_b: Option<String>,
    /// The column of the label: one of several
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The column of the labels, any number of them: a list, or a text that holds them; or a column of yes and no for each
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// What stands between labels in a text [default: ,]
    #[arg(long, value_name = "TEXT", requires = "labels")]
    pub label_separator: Option<String>,
    /// The column of the number to predict
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// The column of the words of a sentence
    #[arg(long, value_name = "COLUMN")]
    pub words: Option<String>,
    /// The column of the tags, one a word
    #[arg(long, value_name = "COLUMN")]
    pub tags: Option<String>,
    /// A file of rows to judge on
    #[arg(long, value_name = "FILE")]
    pub dev_file: Option<PathBuf>,
    /// A file of rows to judge on at the end
    #[arg(long, value_name = "FILE")]
    pub test_file: Option<PathBuf>,
    /// The share of rows to judge on, parted off where no file has them: of each label the same, equal texts on one side [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub dev_fraction: Option<f64>,
    /// Seed of which rows these are [default: 0]
    #[arg(long, value_name = "N")]
    pub split_seed: Option<u64>,
    /// So many training rows at most, drawn at random
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl FileFlags {
    /// Returns the flags as they are; `None` for a description, which says all of it.
    ///
    /// # Errors
    /// A usage failure where a description and a flag are given.
    pub fn files(&self, dataset: &Path) -> Result<Option<FilesOfFlags>, Failure> {
        let Self { text, text_b, label, labels, label_separator, target, words, tags, dev_file, test_file, .. } = self;
        let roles = NamedRoles {
            text: text.clone(),
            text_b: text_b.clone(),
            label: label.clone(),
            labels: labels.clone(),
            label_separator: label_separator.clone(),
            target: target.clone(),
            words: words.clone(),
            tags: tags.clone(),
        };
        if !dataset.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            let files = NamedFiles { input: dataset.to_owned(), dev: dev_file.clone(), test: test_file.clone() };
            return Ok(Some(FilesOfFlags {
                files,
                roles,
                dev_fraction: self.dev_fraction.unwrap_or(DEV_FRACTION),
                split_seed: self.split_seed.unwrap_or(0),
                limit: self.limit,
            }));
        }
        let given = [
            ("--text", text.is_some()),
            ("--text-b", text_b.is_some()),
            ("--label", label.is_some()),
            ("--labels", !labels.is_empty()),
            ("--target", target.is_some()),
            ("--words", words.is_some()),
            ("--tags", tags.is_some()),
            ("--dev-file", dev_file.is_some()),
            ("--test-file", test_file.is_some()),
            ("--dev-fraction", self.dev_fraction.is_some()),
            ("--split-seed", self.split_seed.is_some()),
            ("--limit", self.limit.is_some()),
        ];
        refuse(&given, "a TOML description, which says it itself")?;
        Ok(None)
    }
}

/// What the flags say.
pub struct FilesOfFlags {
    pub files: NamedFiles,
    pub roles: NamedRoles,
    dev_fraction: f64,
    split_seed: u64,
    limit: Option<u64>,
}

impl FilesOfFlags {
    pub fn request(&self, on_bad_row: OnBadRow) -> FilesRequest<'_> {
        let Self { files, roles, dev_fraction, split_seed, limit } = self;
        FilesRequest { files, roles, dev_fraction: *dev_fraction, split_seed: *split_seed, limit: *limit, on_bad_row }
    }
}

/// `init` as typed.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file, or a folder of files
    pub input: PathBuf,
    #[command(flatten)]
    pub files: FileFlags,
    /// Write the description there; on standard output unless given
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Reads a share of rows.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to below 1, such as 0.2".to_owned()),
    }
}
