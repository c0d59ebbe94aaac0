//! The text formats and their readers.

use std::path::PathBuf;

use crate::choice::Format;
use crate::conll::ConllRows;
use crate::delimited::DelimitedRows;
use crate::error::DataError;
use crate::jsonl::JsonRows;
use crate::layout::Layout;
use crate::lines::LineReader;
use crate::row::{Purpose, RowReader};
use crate::stream::{Stream, decoded};
use crate::word_rows::WordRows;

/// Opens the rows of a text file; Parquet, which is not read from a stream, has its own way.
pub(crate) fn open_text(
    layout: &Layout,
    path: PathBuf,
    stream: Stream,
    purpose: Purpose,
) -> Result<Box<dyn RowReader>, DataError> {
    open_lines(layout, LineReader::new(path, decoded(stream, layout.encoding)), purpose)
}

/// Opens the rows that these lines hold.
pub(crate) fn open_lines(
    layout: &Layout,
    lines: LineReader,
    purpose: Purpose,
) -> Result<Box<dyn RowReader>, DataError> {
    Ok(match layout.format {
        Format::Tsv | Format::Csv if layout.columns.sentence.is_some() => Box::new(WordRows::open(layout, lines)?),
        Format::Tsv | Format::Csv => Box::new(DelimitedRows::open(layout, lines)?),
        Format::Jsonl => Box::new(JsonRows::open(layout, lines, purpose)),
        Format::Conll => Box::new(ConllRows::open(layout, lines, purpose)?),
        Format::Parquet => unreachable!("Parquet is no text"),
    })
}
