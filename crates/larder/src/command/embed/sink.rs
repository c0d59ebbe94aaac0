//! Where vectors go: standard output, or a file.

use std::io::Write;
use std::path::Path;

use larder_files::{AtomicFile, FileError};
use larder_store::{FeatureColumnInfo, VectorsWriter};
use serde_json::json;

use crate::failure::{Failure, Output};

/// Takes texts with their vectors, a block at a time.
pub struct Sink {
    columns: Vec<FeatureColumnInfo>,
    to: Destination,
}

enum Destination {
    StandardOutput,
    Lines(AtomicFile),
    Vectors(VectorsWriter),
}

impl Sink {
    /// Opens the file, or standard output for no file.
    ///
    /// # Errors
    /// A usage failure for a file that is there or has another ending than those known, or an array of several columns.
    pub fn open(file: Option<&Path>, force: bool, columns: Vec<FeatureColumnInfo>) -> Result<Self, Failure> {
        let Some(path) = file else { return Ok(Self { columns, to: Destination::StandardOutput }) };
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.exists() && !force {
            return Err(Failure::Usage(format!(
                "{} is there already; `--force` replaces it by vectors",
                path.display()
            )));
        }
        let to = match ending.as_str() {
            "parquet" => Destination::Vectors(VectorsWriter::parquet(path, columns.clone())?),
            "jsonl" | "ndjson" => Destination::Lines(AtomicFile::create(path)?),
            "npy" if columns.iter().any(|column| column.dtype.has_scale()) => {
                return Err(Failure::Usage(format!(
                    "{} has no room for the scales of `--dtype i8`: end it in .parquet",
                    path.display()
                )));
            }
            "npy" => match columns.as_slice() {
                [column] => Destination::Vectors(VectorsWriter::npy(path, column.clone())?),
                several => {
                    return Err(Failure::Usage(format!(
                        "{} holds one array, and {} were asked for: give one `--pool` and one of `--layers`, or end it in .parquet",
                        path.display(),
                        several.len()
                    )));
                }
            },
            _ => {
                return Err(Failure::Usage(format!(
                    "{}: vectors are written to files that end in .parquet, .jsonl or .npy",
                    path.display()
                )));
            }
        };
        Ok(Self { columns, to })
    }

    /// Writes texts with their vectors, a list `[rows, width]` for each column.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&mut self, texts: &[&str], vectors: Vec<Vec<f32>>) -> Result<(), Failure> {
        match &mut self.to {
            Destination::StandardOutput => {
                let mut out = std::io::stdout().lock();
                write_lines(&mut out, &self.columns, texts, &vectors).and_then(|()| out.flush()).on_stdout()
            }
            Destination::Lines(file) => write_lines(file, &self.columns, texts, &vectors)
                .map_err(|error| FileError::io("write", file.target())(error).into()),
            Destination::Vectors(file) => Ok(file.write(texts, vectors)?),
        }
    }

    /// Gives a file its name.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> Result<(), Failure> {
        match self.to {
            Destination::StandardOutput => Ok(()),
            Destination::Lines(file) => Ok(file.commit()?),
            Destination::Vectors(file) => Ok(file.finish().map(drop)?),
        }
    }
}

/// Writes an object for each text.
fn write_lines(
    out: &mut dyn Write,
    columns: &[FeatureColumnInfo],
    texts: &[&str],
    vectors: &[Vec<f32>],
) -> std::io::Result<()> {
    for (row, text) in texts.iter().enumerate() {
        let mut line = json!({ "text": text });
        for (column, values) in columns.iter().zip(vectors) {
            line[&column.name] = json!(values[row * column.width..(row + 1) * column.width]);
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}
