//! Rows that have labels already.

use crate::order::draw;

/// Labelled rows compared with, at most: of more, as many are drawn.
pub const LABELLED: usize = 10_000;

/// The vectors of labelled rows.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// Numbers of values in a row.
    pub(crate) width: usize,
    /// The rows' numbers, ascending, `[rows]`.
    pub(crate) rows: Vec<usize>,
    /// `[rows, width]`.
    pub(crate) vectors: Vec<f32>,
}

impl Labelled {
    /// No labelled rows, of vectors of `width` values.
    pub fn none(width: usize) -> Self {
        Self { width, rows: Vec::new(), vectors: Vec::new() }
    }

    /// Returns the numbers of the rows to compare with, ascending: all of `rows`, or [`LABELLED`] of them, drawn.
    pub fn drawn(rows: usize, seed: u64) -> Vec<usize> {
        let mut drawn: Vec<usize> = (0..rows).collect();
        if rows > LABELLED {
            drawn.select_nth_unstable_by_key(LABELLED, |&row| draw(seed, row));
            drawn.truncate(LABELLED);
            drawn.sort_unstable();
        }
        drawn
    }

    /// Takes `vectors`, float32 `[rows, width]`, of the rows with the numbers `rows`.
    ///
    /// # Panics
    /// Where there are not `width` values a row.
    pub fn new(width: usize, rows: Vec<usize>, vectors: Vec<f32>) -> Self {
        assert_eq!(vectors.len(), rows.len() * width, "there are `width` values a row");
        Self { width, rows, vectors }
    }
}
