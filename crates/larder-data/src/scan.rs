//! Going through a text file to learn where each of its rows starts.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use crate::choice::Format;
use crate::error::DataError;
use crate::example::Content;
use crate::lines::JsonArray;
use crate::row::{Fault, Purpose, RowReader};
use crate::slice::{TextFacts, TextPosition};
use crate::spec::DatasetSpec;
use crate::split_rows::open_file;
use crate::stream::Compression;
use crate::text_format::open_text;

/// Goes through one text file of a split, row by row, in constant memory. Targets and ids are not looked at.
pub struct TextScan {
    rows: Box<dyn RowReader>,
    path: PathBuf,
    facts: TextFacts,
    position: TextPosition,
}

/// One row, usable or not.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedRow {
    /// The place where it starts.
    pub start: TextPosition,
    /// CoNLL: its document.
    pub document: u64,
    /// The input of the encoder; `None` of a bad row.
    pub content: Option<Content>,
}

impl TextScan {
    /// Opens the file at `path`. `document` is the last one of the files before it.
    ///
    /// # Errors
    /// As [`ExampleReader::open`](crate::ExampleReader::open); [`DataError::NoStream`] for Parquet, which has row groups.
    pub fn open(spec: &DatasetSpec, split: &str, path: &Path, document: u64) -> Result<Self, DataError> {
        if spec.format == Format::Parquet {
            return Err(DataError::NoStream { path: path.to_owned() });
        }
        // Its column of tags tells words from comments of a CoNLL file; of the others targets are not needed.
        let spec = if spec.format == Format::Conll { spec.clone() } else { spec.without_targets() };
        let file = open_file(&spec.path, split, path)?;
        let empty = file.metadata().map_err(|source| DataError::Read { path: path.to_owned(), source })?.len() == 0;
        if empty {
            return Err(DataError::Empty { path: path.to_owned() });
        }
        check_seekable(&spec, path, &file)?;
        let mut rows = open_text(&spec.layout(), path.to_owned(), Box::new(file), Purpose::Learn)?;
        let mut position = rows.position().unwrap_or_default();
        let header_bytes = position.byte;
        position.document = document;
        rows.resume(position);
        let facts = TextFacts { header_bytes, cr_ends_lines: false };
        Ok(Self { rows, path: path.to_owned(), facts, position })
    }

    /// The next row; `None` at the end of the file.
    ///
    /// # Errors
    /// [`DataError`] for a file that cannot be read further.
    pub fn next_row(&mut self) -> Result<Option<ScannedRow>, DataError> {
        let start = self.position;
        let row = match self.rows.next_row() {
            None => return Ok(None),
            Some(Err(Fault::Fatal(error))) => return Err(error),
            Some(Err(Fault::Bad { .. })) => ScannedRow { start, document: start.document, content: None },
            Some(Ok(row)) => ScannedRow { start, document: row.document, content: Some(row.content) },
        };
        self.position = self.rows.position().unwrap_or_default();
        self.facts.cr_ends_lines = self.rows.cr_ends_lines();
        Ok(Some(row))
    }

    /// Returns the facts that every slice of the file needs; complete once a row was read.
    pub fn facts(&self) -> TextFacts {
        self.facts
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes sure that the bytes of the file are those of its rows, so that a reader can go to the middle of it.
fn check_seekable(spec: &DatasetSpec, path: &Path, mut file: &File) -> Result<(), DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let not = |what, remedy| Err(DataError::NotSeekable { path: path.to_owned(), what, remedy });
    if let Some(encoding) = spec.encoding {
        return not(format!("in the encoding {encoding}"), "convert it to UTF-8 first, with iconv");
    }
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start).map_err(failed)?;
    file.rewind().map_err(failed)?;
    match Compression::of(&start) {
        None if spec.format == Format::Jsonl && JsonArray::is_begun_by(&start) => {
            not("one JSON array".to_owned(), "write an object a line first, with `jq -c '.[]'`")
        }
        None => Ok(()),
        Some(found) => not(format!("compressed with {}", found.name()), "decompress it first"),
    }
}

impl std::fmt::Debug for TextScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextScan").field("path", &self.path).field("position", &self.position).finish_non_exhaustive()
    }
}
