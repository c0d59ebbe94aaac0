//! The gradients of one optimizer step, added up batch by batch.

use rayon::prelude::*;

use crate::training::{GradientOutput, TrainedParameter};

/// Elements that one thread takes at a time. The bounds of the sums, and so their rounding, are the same for any number of
/// threads.
pub(crate) const CHUNK: usize = 1 << 16;

/// No row of the step's.
const NONE: u32 = u32::MAX;

/// The gradient of one parameter, summed over the batches of a step.
pub struct Gradient(pub(crate) Storage);

pub(crate) enum Storage {
    /// In the parameter's shape. Empty as long as every step has one batch, whose gradient is borrowed from the graph's output.
    Dense(Vec<f32>),
    /// For the rows of a table that were read in this step; the other rows have a gradient of zero.
    Rows(RowGradient),
}

/// The gradients of some rows of a table `[rows, width]`.
pub(crate) struct RowGradient {
    pub width: usize,
    /// For each row of the table its index in `values`, else [`NONE`].
    places: Vec<u32>,
    /// The rows that `values` holds, in that order.
    rows: Vec<usize>,
    values: Vec<f32>,
    /// Rows that have had a gradient in any step so far; the moments of the others are zero.
    pub touched: Vec<bool>,
}

impl Gradient {
    /// No gradient yet, stored as the graph gives it: dense, or for the rows of a table.
    pub fn new(parameter: &TrainedParameter) -> Self {
        Self(match &parameter.gradient {
            GradientOutput::Dense { .. } => Storage::Dense(Vec::new()),
            GradientOutput::Rows { .. } => {
                let count: usize = parameter.shape.iter().product();
                let rows = parameter.shape.first().copied().unwrap_or(0);
                Storage::Rows(RowGradient {
                    width: count.checked_div(rows).unwrap_or(0),
                    places: vec![NONE; rows],
                    rows: Vec::new(),
                    values: Vec::new(),
                    touched: vec![false; rows],
                })
            }
        })
    }

    /// Adds the gradient of one batch; the `first` of a step replaces the previous step's. `values` has the parameter's shape,
    /// or is `[len(indices), width]` for a table, where `indices` are the rows that the batch has read (repeated rows add up).
    pub fn add(&mut self, values: &[f32], indices: &[i64], first: bool) {
        match &mut self.0 {
            Storage::Dense(sum) if first => {
                sum.resize(values.len(), 0.0);
                sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| sum.copy_from_slice(new));
            }
            Storage::Dense(sum) => sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| {
                for (sum, new) in sum.iter_mut().zip(new) {
                    *sum += new;
                }
            }),
            Storage::Rows(rows) => rows.add(values, indices, first),
        }
    }

    /// The sum of squares. `borrowed` is used in place of the values of a dense gradient.
    pub fn square_sum(&self, borrowed: Option<&[f32]>) -> f64 {
        let values = match &self.0 {
            Storage::Dense(sum) => borrowed.unwrap_or(sum),
            Storage::Rows(rows) => &rows.values,
        };
        let squares: Vec<f64> = values.par_chunks(CHUNK).map(square_sum).collect();
        squares.iter().sum()
    }

    /// Marks the rows of a table whose moments `m` and `v` (in the parameter's shape) are not zero as touched: what a resumed run
    /// has to know. A dense gradient has nothing to restore.
    pub fn restore(&mut self, m: &[f32], v: &[f32]) {
        let Storage::Rows(rows) = &mut self.0 else { return };
        let width = rows.width.max(1);
        for ((touched, m), v) in rows.touched.iter_mut().zip(m.chunks(width)).zip(v.chunks(width)) {
            *touched = m.iter().chain(v).any(|&moment| moment != 0.0);
        }
    }
}

impl RowGradient {
    fn add(&mut self, values: &[f32], indices: &[i64], first: bool) {
        if first {
            for &row in &self.rows {
                self.places[row] = NONE;
            }
            self.rows.clear();
            self.values.clear();
        }
        for (new, &index) in values.chunks_exact(self.width.max(1)).zip(indices) {
            // The encoder has read this row of the table, so it is there.
            let Some(row) = usize::try_from(index).ok().filter(|&row| row < self.places.len()) else { continue };
            if self.places[row] == NONE {
                // Fewer rows than tokens of a step, which are below 2³².
                self.places[row] = self.rows.len() as u32;
                self.rows.push(row);
                self.values.extend_from_slice(new);
                self.touched[row] = true;
                continue;
            }
            let from = self.places[row] as usize * self.width;
            for (sum, new) in self.values[from..from + self.width].iter_mut().zip(new) {
                *sum += new;
            }
        }
    }

    /// The gradient `[width]` of a row that this step has read.
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        let place = self.places[row];
        (place != NONE).then(|| &self.values[place as usize * self.width..][..self.width])
    }
}

/// In eight sums, which the compiler adds up side by side; each of few enough terms for float32.
fn square_sum(values: &[f32]) -> f64 {
    let mut total = 0.0;
    for part in values.chunks(1 << 10) {
        let mut sums = [0.0_f32; 8];
        for eight in part.chunks(8) {
            for (sum, value) in sums.iter_mut().zip(eight) {
                *sum += value * value;
            }
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}
