//! A residual added and normalised, planned in tasks that run on threads of the caller's.

use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::plan::Tasks;
use crate::shared::{Claims, SharedOutput};

/// Values that a task normalises, some microseconds' work.
const VALUES_A_TASK: usize = 32 * 1024;

/// `output [rows, n] = (x - mean(x)) / √(variance(x) + epsilon) · weight [n] + bias [n]` with `x = input + residual`, all float32:
/// ONNX's `LayerNormalization` over the last axis, in one pass with the addition before it. Mean and variance are those
/// of a row, the latter divided by `n`.
///
/// A row's result does not depend on other rows or tasks. A NaN or an infinity makes its row NaN.
#[derive(Debug)]
pub struct LayerNorm<'a> {
    kernel: Kernel,
    input: Matrix<'a>,
    residual: Option<Matrix<'a>>,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    epsilon: f32,
    output: SharedOutput<'a>,
    rows_a_task: usize,
    claims: Claims,
}

impl<'a> LayerNorm<'a> {
    /// Plans the normalisation of `input [rows, n]`; `weight` and `bias` are `[n]`, `residual` is as the input.
    ///
    /// # Errors
    ///
    /// When the shapes do not fit together.
    pub fn new(
        input: Matrix<'a>,
        residual: Option<Matrix<'a>>,
        weight: &'a [f32],
        bias: Option<&'a [f32]>,
        epsilon: f32,
        output: MatrixMut<'a>,
    ) -> Result<Self, ShapeError> {
        let shape @ [rows, columns] = input.shape();
        let fits = |name, needed, found| {
            if found == needed { Ok(()) } else { Err(ShapeError::Mismatch { name, needed, found }) }
        };
        fits("the output", shape, output.shape)?;
        fits("the residual", shape, residual.map_or(shape, |residual| residual.shape()))?;
        fits("the weight", [1, columns], [1, weight.len()])?;
        fits("the bias", [1, columns], [1, bias.map_or(columns, <[f32]>::len)])?;
        let rows_a_task = (VALUES_A_TASK / columns.max(1)).max(1);
        let claims = Claims::new(rows.div_ceil(rows_a_task));
        let (kernel, output) = (Kernel::available(), SharedOutput::new(output));
        Ok(Self { kernel, input, residual, weight, bias, epsilon, output, rows_a_task, claims })
    }

    /// The same with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }
}

impl Tasks for LayerNorm<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let [rows, columns] = self.output.shape();
        let start = task * self.rows_a_task;
        let count = self.rows_a_task.min(rows - start);
        // SAFETY: rows of different tasks are different, and each task is run once.
        let mut block = unsafe { self.output.block([start, 0], [count, columns]) };
        for at in 0..count {
            let row = block.row(at, 0, columns);
            self.input.copy_row(start + at, row);
            match self.residual {
                Some(residual) if residual.is_transposed => {
                    let terms = (0..columns).map(|column| residual.at(start + at, column));
                    row.iter_mut().zip(terms).for_each(|(value, term)| *value += term);
                }
                Some(residual) => {
                    let terms = &residual.values[(start + at) * residual.leading..][..columns];
                    row.iter_mut().zip(terms).for_each(|(value, term)| *value += term);
                }
                None => {}
            }
            self.kernel.normalise(row, self.weight, self.bias, self.epsilon);
        }
    }
}
