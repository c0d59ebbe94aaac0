//! `inspect`: a Parquet file.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use larder_inspect::{InspectOptions, Query};

use super::DeviceFlags;
use crate::failure::Failure;

/// Any Parquet file: larder's own, or one with a column of vectors (lists of equal length of Float16, Float32, Float64 or Int8).
/// Read a few thousand rows of a column at a time, so files larger than memory are no trouble. With --nearest or
/// --nearest-text the neighbours alone are printed.
#[derive(Debug, Args)]
#[command(mut_arg("device", |arg| arg.requires("nearest_text")), mut_arg("threads", |arg| arg.requires("nearest_text")))]
pub struct InspectArgs {
    /// The file, or the name of a manifest, as `larder collect` prints it
    pub file: PathBuf,
    /// Only these vector columns; all there are unless given. With neighbours: the column, the first there is unless given
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub column: Vec<String>,
    /// The column of labels; label, tag or tags unless given
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Only the first rows
    #[arg(long, value_name = "N")]
    pub rows: Option<u64>,
    /// Neighbours or outliers
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub k: usize,
    /// The rows nearest to this one by cosine: a zero-based row, or an example_id (id:7 where that is a number)
    #[arg(long, value_name = "ROW")]
    pub nearest: Option<RowChoice>,
    /// The rows nearest to this text, pooled as the column is
    #[arg(long, value_name = "TEXT", conflicts_with = "nearest")]
    pub nearest_text: Option<String>,
    /// With --nearest-text: the encoder's name; the one that the file was made with unless given
    #[arg(long, short, value_name = "NAME", requires = "nearest_text")]
    pub encoder: Option<String>,
    /// Test whether the file and this one may come from the same distribution: one column of vectors, and lengths and words of the texts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nearest", "nearest_text", "rows", "label"])]
    pub against: Option<PathBuf>,
    /// With --against: the seed of the rows that are drawn
    #[arg(long, value_name = "N", default_value_t = 0, requires = "against")]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RowChoice(pub Query);

impl FromStr for RowChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let query = match (text.strip_prefix("id:"), text.parse()) {
            (Some(id), _) => Query::Example(id.to_owned()),
            (None, Ok(row)) => Query::Row(row),
            (None, Err(_)) => Query::Example(text.to_owned()),
        };
        Ok(Self(query))
    }
}

impl InspectArgs {
    pub fn options(&self) -> InspectOptions {
        InspectOptions { columns: self.column.clone(), label: self.label.clone(), rows: self.rows, outliers: self.k }
    }

    /// Returns the column to search for neighbours, if one is named.
    ///
    /// # Errors
    /// A usage failure if several are named.
    pub fn one_column(&self) -> Result<Option<&str>, Failure> {
        match self.column.as_slice() {
            [] => Ok(None),
            [column] => Ok(Some(column)),
            _ => Err(Failure::Usage("one column is compared or searched: name one with --column".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbers_or_ids() {
        let of = |text: &str| text.parse::<RowChoice>().map(|RowChoice(query)| query);
        assert_eq!(of("7"), Ok(Query::Row(7)));
        assert_eq!(of("id:7"), Ok(Query::Example("7".to_owned())));
        assert_eq!(of("train-7"), Ok(Query::Example("train-7".to_owned())));
    }
}
