//! The whole inspection of a file.

use arrow::datatypes::DataType;
use rayon::prelude::*;
use serde::Serialize;

use crate::file::element_name;
use crate::labels::USUAL;
use crate::{InspectError, LabelBalance, Layout, Lengths, NumberColumn, ParquetFile, VectorStatistics};

/// Vector columns that are looked at side by side: each keeps one thread or more busy, and takes memory of its own.
const SIDE_BY_SIDE: usize = 4;

/// The parts of a file to inspect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectOptions {
    /// Vector columns; all there are where empty.
    pub columns: Vec<String>,
    /// The column of labels; `label`, `labels`, `tag` or `tags` where `None`, if it is there.
    pub label: Option<String>,
    /// Only so many rows from the start.
    pub rows: Option<u64>,
    /// Outliers that are named.
    pub outliers: usize,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self { columns: Vec::new(), label: None, rows: None, outliers: 5 }
    }
}

/// The inspection of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Its footer.
    pub layout: Layout,
    /// Rows that the rest is about.
    pub rows_looked_at: u64,
    /// Its vector columns.
    pub vectors: Vec<VectorStatistics>,
    /// Its labels.
    pub labels: Option<LabelBalance>,
    /// The lengths of its texts.
    pub lengths: Option<Lengths>,
    /// Its columns of plain numbers.
    pub numbers: Vec<NumberColumn>,
    /// The parts left out, with the reason.
    pub notes: Vec<String>,
}

/// Looks at a file, four vector columns at a time, in memory that does not grow with it.
///
/// Of each of the four it holds two blocks of vectors (2 MiB each), the pages that they are read from, up to 64 MiB of vectors
/// that are not read again for outliers, hashes of at most 524,288
/// different vectors (about 50 MB), and a covariance (`dimension * dimension` float64; none above 2,048 dimensions). Results do
/// not depend on the number of threads: columns are independent, and the sums of one are added in the order of its rows.
///
/// A list column with lists of unequal length is left out with a note, unless it was asked for or is the only one.
///
/// # Errors
/// [`InspectError`]: a column that is not there or holds no vectors, a damaged page.
pub fn inspect(file: &ParquetFile, options: &InspectOptions) -> Result<Inspection, InspectError> {
    let layout = Layout::of(file)?;
    for column in options.columns.iter().chain(&options.label) {
        file.field(column)?;
    }
    let found = file.vector_columns();
    let columns = if options.columns.is_empty() { &found } else { &options.columns };
    let is_asked = !options.columns.is_empty() || columns.len() == 1;
    let of = |column: &String| VectorStatistics::of(file, column, options.rows, options.outliers);
    let found = columns.chunks(SIDE_BY_SIDE).flat_map(|columns| columns.par_iter().map(of).collect::<Vec<_>>());
    let (mut vectors, mut notes) = (Vec::new(), Vec::new());
    for (column, found) in columns.iter().zip(found) {
        match found {
            Ok(statistics) => {
                notes.extend(statistics.no_spectrum().map(|why| format!("{column}: {why}")));
                if element_name(file.field(column)?) == DataType::Int8.to_string() {
                    notes.push(format!(
                        "{column}: integers, which {column}_scale multiplies if the file is larder's; norms are those of the integers"
                    ));
                }
                vectors.push(statistics);
            }
            Err(InspectError::Ragged { row, found, expected, .. }) if !is_asked => {
                notes.push(format!(
                    "{column}: no vectors, for its lists differ in length ({expected}, and {found} in row {row})"
                ));
            }
            Err(error) => return Err(error),
        }
    }
    let label = match &options.label {
        Some(label) => Some(label.as_str()),
        None => USUAL.into_iter().find(|name| file.has(name)),
    };
    Ok(Inspection {
        rows_looked_at: options.rows.map_or(layout.rows, |rows| rows.min(layout.rows)),
        layout,
        vectors,
        labels: label.map(|label| LabelBalance::of(file, label, options.rows)).transpose()?,
        lengths: Lengths::of(file, options.rows)?,
        numbers: NumberColumn::all(file, options.rows)?,
        notes,
    })
}
