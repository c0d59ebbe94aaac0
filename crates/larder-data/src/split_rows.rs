//! The rows of a split, whose files are read one behind another.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use crate::choice::Format;
use crate::error::DataError;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::record::Record;
use crate::row::{Fault, Purpose, Row, RowReader};
use crate::slice::{RowSlice, SlicePlace};
use crate::spec::DatasetSpec;
use crate::table::TableRows;
use crate::text_format::{open_lines, open_text};

/// A file of a split, and which rows of it are read; `None` is all.
type SplitPart = (PathBuf, Option<RowSlice>);

/// Reads the files of a split as if they were one. Each has its own header, and its own numbers of lines and rows.
pub(crate) struct SplitRows {
    /// The description, for messages.
    spec: PathBuf,
    split: String,
    layout: Layout,
    rows: Box<dyn RowReader>,
    path: Arc<Path>,
    /// True if the split has no other files.
    alone: bool,
    rest: vec::IntoIter<SplitPart>,
    /// Documents of CoNLL that begin in the files before this one.
    documents_before: u64,
    /// The document of the last row.
    document: u64,
}

impl SplitRows {
    /// Opens the first file of a split.
    pub(crate) fn open(spec: &DatasetSpec, split: &str) -> Result<Self, DataError> {
        Self::of_parts(spec, split, spec.split_files(split)?.into_iter().map(|path| (path, None)).collect())
    }

    /// Opens some rows of a split: of each file those of its slice, one behind another.
    pub(crate) fn open_slices(
        spec: &DatasetSpec,
        split: &str,
        slices: &[(PathBuf, RowSlice)],
    ) -> Result<Self, DataError> {
        Self::of_parts(spec, split, slices.iter().cloned().map(|(path, slice)| (path, Some(slice))).collect())
    }

    fn of_parts(spec: &DatasetSpec, split: &str, parts: Vec<SplitPart>) -> Result<Self, DataError> {
        let alone = parts.len() == 1;
        let mut rest = parts.into_iter();
        let layout = spec.layout();
        // A description names a file for each split.
        let part = rest.next().unwrap_or_default();
        let rows = open_part(&spec.path, split, &layout, &part)?;
        Ok(Self {
            spec: spec.path.clone(),
            split: split.to_owned(),
            layout,
            rows,
            path: part.0.into(),
            alone,
            rest,
            documents_before: 0,
            document: 0,
        })
    }

    /// The file being read.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file of the row last given, where the split has several.
    pub(crate) fn shard(&self) -> Option<Arc<Path>> {
        (!self.alone).then(|| self.path.clone())
    }

    /// Opens the next file; `false` behind the last.
    fn advance(&mut self) -> Result<bool, DataError> {
        let Some(part) = self.rest.next() else { return Ok(false) };
        self.rows = open_part(&self.spec, &self.split, &self.layout, &part)?;
        let (path, slice) = part;
        self.path = path.into();
        // A slice knows the documents before it.
        self.documents_before = if slice.is_some() { 0 } else { self.document };
        Ok(true)
    }
}

/// Opens one file of the split `split` of the description at `spec`.
pub(crate) fn open_file(spec: &Path, split: &str, path: &Path) -> Result<File, DataError> {
    larder_files::open(path).map_err(|source| DataError::OpenSplit {
        spec: spec.to_owned(),
        split: split.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn open_part(
    spec: &Path,
    split: &str,
    layout: &Layout,
    (path, slice): &SplitPart,
) -> Result<Box<dyn RowReader>, DataError> {
    match slice {
        None => open_rows(spec, split, layout, path),
        Some(slice) => open_slice(spec, split, layout, path, slice),
    }
}

/// Opens some rows of one file of a split.
fn open_slice(
    spec: &Path,
    split: &str,
    layout: &Layout,
    path: &Path,
    slice: &RowSlice,
) -> Result<Box<dyn RowReader>, DataError> {
    let mut file = open_file(spec, split, path)?;
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    match slice.place {
        SlicePlace::Groups(place) => {
            Ok(Box::new(TableRows::open_slice(layout, path.to_owned(), file, place, slice.rows)?))
        }
        SlicePlace::Text(place) => {
            let mut header = Vec::new();
            file.by_ref().take(place.file.header_bytes).read_to_end(&mut header).map_err(failed)?;
            file.seek(SeekFrom::Start(place.start.byte)).map_err(failed)?;
            let stream = Cursor::new(header).chain(file.take(place.end_byte.saturating_sub(place.start.byte)));
            let lines = LineReader::of_plain(path.to_owned(), stream).with_line_end(Some(place.file.line_end()));
            let mut rows = open_lines(layout, lines, Purpose::Learn)?;
            rows.resume(place.start);
            Ok(rows)
        }
    }
}

fn open_rows(spec: &Path, split: &str, layout: &Layout, path: &Path) -> Result<Box<dyn RowReader>, DataError> {
    let file = open_file(spec, split, path)?;
    let metadata = file.metadata().map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    if metadata.len() == 0 {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    Ok(match layout.format {
        Format::Parquet => Box::new(TableRows::open(layout, path.to_owned(), file, Purpose::Learn)?),
        _ => open_text(layout, path.to_owned(), Box::new(file), Purpose::Learn)?,
    })
}

impl RowReader for SplitRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        loop {
            match self.rows.next_row() {
                None => match self.advance() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(Fault::Fatal(error))),
                },
                Some(Ok(mut row)) => {
                    row.document += self.documents_before;
                    self.document = row.document;
                    return Some(Ok(row));
                }
                bad => return bad,
            }
        }
    }

    fn column(&self, key: &'static str) -> String {
        self.rows.column(key)
    }

    fn record(&mut self) -> Record {
        self.rows.record()
    }

    fn class_names(&self) -> &[String] {
        self.rows.class_names()
    }

    fn header(&self) -> Option<&[String]> {
        self.rows.header()
    }
}
