//! Sums over the rows of a matrix, made while tasks compute its rows.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sums for each column of `[rows, n]`, in parts of some rows each. How many rows depends on `n` alone, so that neither tasks nor
/// threads change a bit.
#[derive(Debug)]
pub(crate) struct ColumnSums {
    shape: [usize; 2],
    rows_a_part: usize,
    /// Each `[count, n]`, of one task: no thread waits for another.
    parts: Vec<Mutex<Vec<f32>>>,
}

impl ColumnSums {
    /// `count` sums of nothing yet, a part for about so many values.
    pub(crate) fn new(count: usize, shape: [usize; 2], values_a_part: usize) -> Self {
        let [rows, columns] = shape;
        let rows_a_part = (values_a_part / columns.max(1)).max(1);
        let part = || Mutex::new(vec![0.0; count * columns]);
        let parts = (0..rows.div_ceil(rows_a_part)).map(|_| part()).collect();
        Self { shape, rows_a_part, parts }
    }

    /// Number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The rows of a part.
    pub(crate) fn rows(&self, part: usize) -> Range<usize> {
        let start = part * self.rows_a_part;
        start..self.shape[0].min(start + self.rows_a_part)
    }

    /// The sums of a part, `[count, n]`.
    pub(crate) fn part(&self, part: usize) -> MutexGuard<'_, Vec<f32>> {
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds up the parts in their order; each of `totals` is `[n]`.
    pub(crate) fn add_up<const COUNT: usize>(self, totals: [&mut [f32]; COUNT]) {
        let columns = self.shape[1];
        let mut totals = totals.map(|total| &mut total[..columns]);
        totals.iter_mut().for_each(|total| total.fill(0.0));
        for part in self.parts {
            let sums = part.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (total, sums) in totals.iter_mut().zip(sums.chunks_exact(columns.max(1))) {
                total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
        }
    }
}
