//! Gradients of one step, added up batch by batch.

use larder_graphs::{GradientOutput, TrainedParameter};
use rayon::prelude::*;

/// Elements that one thread takes at a time. The bounds of the sums, and so their rounding, are the same for any number of
/// threads.
pub(crate) const CHUNK: usize = 1 << 16;

/// No row of the step's.
const NONE: u32 = u32::MAX;

/// The gradient of one parameter.
pub(crate) enum Gradient {
    /// In the parameter's shape; empty as long as every step has one batch, whose gradient is used where it lies.
    Dense(Vec<f32>),
    /// Of the rows of a table that were read in this step; of the others it is zero.
    Rows(RowGradient),
}

/// The gradients of some rows of a table `[rows, width]`.
pub(crate) struct RowGradient {
    pub width: usize,
    /// For each row its place among `values`, else [`NONE`].
    places: Vec<u32>,
    /// The rows that have a place, in the order of their places.
    rows: Vec<usize>,
    values: Vec<f32>,
    /// Rows that have had a gradient in any step: the others' moments are zero.
    pub met: Vec<bool>,
}

impl Gradient {
    pub fn new(parameter: &TrainedParameter) -> Self {
        match &parameter.gradient {
            GradientOutput::Dense { .. } => Self::Dense(Vec::new()),
            GradientOutput::Rows { .. } => {
                let count: usize = parameter.shape.iter().product();
                let rows = parameter.shape.first().copied().unwrap_or(0);
                Self::Rows(RowGradient {
                    width: count.checked_div(rows).unwrap_or(0),
                    places: vec![NONE; rows],
                    rows: Vec::new(),
                    values: Vec::new(),
                    met: vec![false; rows],
                })
            }
        }
    }

    /// Adds a batch's gradient; the first of a step replaces what was there. `numbers` are the rows of a table's.
    pub fn add(&mut self, values: &[f32], numbers: &[i64], first: bool) {
        match self {
            Self::Dense(sum) if first => {
                sum.resize(values.len(), 0.0);
                sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| sum.copy_from_slice(new));
            }
            Self::Dense(sum) => sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| {
                for (sum, new) in sum.iter_mut().zip(new) {
                    *sum += new;
                }
            }),
            Self::Rows(rows) => rows.add(values, numbers, first),
        }
    }

    /// The sum of all squares; of the `fresh` values of a dense one, where there are any.
    pub fn square_sum(&self, fresh: Option<&[f32]>) -> f64 {
        let values = match self {
            Self::Dense(sum) => fresh.unwrap_or(sum),
            Self::Rows(rows) => &rows.values,
        };
        let squares: Vec<f64> = values.par_chunks(CHUNK).map(square_sum).collect();
        squares.iter().sum()
    }
}

impl RowGradient {
    fn add(&mut self, values: &[f32], numbers: &[i64], first: bool) {
        if first {
            for &row in &self.rows {
                self.places[row] = NONE;
            }
            self.rows.clear();
            self.values.clear();
        }
        for (new, &number) in values.chunks_exact(self.width.max(1)).zip(numbers) {
            // The encoder has read this row of the table, so it is there.
            let Some(row) = usize::try_from(number).ok().filter(|&row| row < self.places.len()) else { continue };
            if self.places[row] == NONE {
                // Fewer rows than tokens of a step, which are below 2³².
                self.places[row] = self.rows.len() as u32;
                self.rows.push(row);
                self.values.extend_from_slice(new);
                self.met[row] = true;
                continue;
            }
            let from = self.places[row] as usize * self.width;
            for (sum, new) in self.values[from..from + self.width].iter_mut().zip(new) {
                *sum += new;
            }
        }
    }

    /// The gradient of a row, if it is not zero.
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
