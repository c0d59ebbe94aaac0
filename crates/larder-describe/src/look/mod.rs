//! Looking at the first rows of a file.

mod beginning;
mod conll;
mod delimited;
mod jsonl;
mod parquet;

use std::path::Path;

use larder_data::{Format, InputFormat};

use crate::DescribeError;
use crate::columns::Look;

/// Looks at a file.
///
/// # Errors
/// [`DescribeError`] for a file that cannot be read or has no rows, and for an ending that tells no format.
pub(crate) fn look_at(path: &Path) -> Result<Look, DescribeError> {
    let unknown = || DescribeError::Ending { path: path.to_owned() };
    let format = InputFormat::of_named(path);
    // People call such files anything.
    let may_be_conll = matches!(format, None | Some(InputFormat::Tsv | InputFormat::Text));
    let format = match format {
        _ if may_be_conll && conll::is_so(path)? => InputFormat::Conll,
        format => format.ok_or_else(unknown)?,
    };
    let look = match format {
        InputFormat::Csv => delimited::look(path, Format::Csv),
        InputFormat::Tsv => delimited::look(path, Format::Tsv),
        InputFormat::Jsonl => jsonl::look(path),
        InputFormat::Parquet => parquet::look(path),
        InputFormat::Conll => conll::look(path),
        InputFormat::Text | InputFormat::Words => return Err(unknown()),
    }?;
    if look.columns.iter().all(|column| column.cells.is_empty()) {
        return Err(DescribeError::Empty { path: path.to_owned() });
    }
    Ok(look)
}
