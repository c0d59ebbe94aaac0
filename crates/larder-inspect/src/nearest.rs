//! The rows whose vectors point most nearly the same way.

use serde::Serialize;

use crate::InspectError;
use crate::best::Best;
use crate::dot::dot;
use crate::file::{KeptBatches, ParquetFile};
use crate::row::{EXAMPLE_ID, RowText, describe};

/// The vector whose neighbours are looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// A zero-based row.
    Row(u64),
    /// The first row with this `example_id`.
    Example(String),
    /// A vector that need not be in the file, `[dimension]`.
    Vector(Vec<f64>),
}

/// The nearest rows by cosine, the nearest first. The row asked for is none of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbours {
    /// The vector column.
    pub column: String,
    /// The row asked for; `None` where a vector was given.
    pub of: Option<RowText>,
    /// The neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Vectors that were compared.
    pub compared: u64,
    /// Vectors that are zero or not finite, and have no cosine.
    pub without_direction: u64,
}

/// A row near another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// The cosine of the angle between the two vectors.
    pub cosine: f64,
    /// The row, with what the file says of it.
    #[serde(flatten)]
    pub row: RowText,
}

/// Finds the `k` rows of `column` nearest to `query`, in one pass with `k` rows held. Texts are read from the file and, where
/// it has none, from the tokens file that a features file under an artifacts folder was made from.
///
/// # Errors
/// [`InspectError`]: no such column, row or example; a query without a direction.
pub fn nearest(
    file: &ParquetFile,
    column: &str,
    query: &Query,
    limit: Option<u64>,
    k: usize,
) -> Result<Neighbours, InspectError> {
    let rows = limit.map_or(file.rows(), |limit| limit.min(file.rows()));
    let own = match query {
        Query::Row(row) if *row < rows => Some(*row),
        Query::Row(row) => {
            return Err(InspectError::NoRow { path: file.path().to_path_buf(), row: *row, rows });
        }
        Query::Example(id) => Some(row_of(file, id, limit)?),
        Query::Vector(_) => None,
    };
    let no_direction = |what| InspectError::NoDirection {
        path: file.path().to_path_buf(),
        column: column.to_owned(),
        whose: own.map_or_else(|| "given".to_owned(), |row| format!("of row {row}")),
        what,
    };
    let wanted = match (query, own) {
        (Query::Vector(vector), _) => vector.clone(),
        (_, Some(row)) => file.vector(column, row)?.ok_or_else(|| no_direction("missing"))?,
        (_, None) => Vec::new(),
    };
    let length = norm(&wanted);
    if !length.is_finite() {
        return Err(no_direction("not finite"));
    }
    if length == 0.0 {
        return Err(no_direction("zero"));
    }
    let (mut compared, mut without_direction) = (0, 0);
    let mut best = Best::new(k);
    file.each_block(column, limit, &mut KeptBatches::none(), |block| {
        if block.dimension != wanted.len() {
            return Err(InspectError::Dimension {
                path: file.path().to_path_buf(),
                column: column.to_owned(),
                found: wanted.len(),
                expected: block.dimension,
            });
        }
        for (row, vector) in block.vectors().filter(|(row, _)| Some(*row) != own) {
            let cosine = dot(vector, &wanted) / (norm(vector) * length);
            if cosine.is_finite() {
                compared += 1;
                best.add(row, cosine);
            } else {
                without_direction += 1;
            }
        }
        Ok(())
    })?;
    let best = best.finish();
    let asked: Vec<u64> = own.into_iter().chain(best.iter().map(|(row, _)| *row)).collect();
    let mut texts = describe(file, &asked)?.into_iter();
    let of = own.and_then(|_| texts.next());
    let neighbours = best.iter().zip(texts).map(|(&(_, cosine), row)| Neighbour { cosine, row }).collect();
    Ok(Neighbours { column: column.to_owned(), of, neighbours, compared, without_direction })
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

/// The first row with this example id.
fn row_of(file: &ParquetFile, id: &str, limit: Option<u64>) -> Result<u64, InspectError> {
    let (mut row, mut found) = (0, None);
    file.each_text(EXAMPLE_ID, limit, |text| {
        if found.is_none() && text == Some(id) {
            found = Some(row);
        }
        row += 1;
    })?;
    found.ok_or_else(|| InspectError::NoExample { path: file.path().to_path_buf(), id: id.to_owned() })
}
