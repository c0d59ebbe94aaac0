//! The gradient of a normalisation, planned in tasks that run on threads of the caller's.

use crate::column_sums::ColumnSums;
use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::plan::{Plan, Tasks};
use crate::rows::NormSums;
use crate::shared::{Claims, SharedOutput};

/// Values that a task computes, some microseconds' work.
const VALUES_A_TASK: usize = 32 * 1024;

/// The gradients of `y = (x - mean(x)) / √(variance(x) + epsilon) · weight + bias` over the last axis, ONNX's
/// `LayerNormalization`: of `x [rows, n]`, `weight [n]` and `bias [n]` from that of `y`; and the sums of the columns of the
/// first, which are the gradient of a bias added to `x`.
///
/// All is float32. Mean and variance are computed again. Neither tasks nor threads change a bit.
#[derive(Debug)]
pub struct LayerNormGradient<'a> {
    kernel: Kernel,
    gradient: Matrix<'a>,
    input: Matrix<'a>,
    weight: &'a [f32],
    epsilon: f32,
    output: SharedOutput<'a>,
    sums: ColumnSums,
    claims: Claims,
}

/// Where the sums over rows go, each `[n]`.
#[derive(Debug)]
pub struct LayerNormSums<'a> {
    /// The weight's gradient.
    pub weight: &'a mut [f32],
    /// The bias's gradient.
    pub bias: &'a mut [f32],
    /// The sums of the columns of the input's gradient.
    pub input: &'a mut [f32],
}

impl<'a> LayerNormGradient<'a> {
    /// Plans the gradients; `gradient`, `input` and `output` (the input's gradient) are `[rows, n]`, and none is transposed.
    ///
    /// # Errors
    ///
    /// When the shapes do not fit together.
    pub fn new(
        gradient: Matrix<'a>,
        input: Matrix<'a>,
        weight: &'a [f32],
        epsilon: f32,
        output: MatrixMut<'a>,
    ) -> Result<Self, ShapeError> {
        let needed @ [_, columns] = output.shape;
        for (name, matrix) in [("the gradient", gradient), ("the input", input)] {
            matrix.check_rows(name, needed)?;
        }
        if weight.len() != columns {
            return Err(ShapeError::Mismatch { name: "the weight", needed: [1, columns], found: [1, weight.len()] });
        }
        let sums = ColumnSums::new(3, needed, VALUES_A_TASK);
        let claims = Claims::new(sums.parts());
        let (kernel, output) = (Kernel::available(), SharedOutput::new(output));
        Ok(Self { kernel, gradient, input, weight, epsilon, output, sums, claims })
    }

    /// The same with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    /// Runs the tasks that have not been begun, and adds up the columns.
    pub fn finish(self, sums: LayerNormSums<'_>) {
        self.run();
        self.sums.add_up([sums.weight, sums.bias, sums.input]);
    }
}

impl Tasks for LayerNormGradient<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let rows = self.sums.rows(task);
        let columns = self.output.shape()[1];
        let mut sums = self.sums.part(task);
        let (weight, others) = sums.split_at_mut(columns);
        let (bias, input) = others.split_at_mut(columns);
        // SAFETY: rows of different tasks are different, and each task is run once.
        let mut block = unsafe { self.output.block([rows.start, 0], [rows.len(), columns]) };
        for (at, row) in rows.enumerate() {
            let output = block.row(at, 0, columns);
            output.copy_from_slice(self.input.row(row));
            let sums = NormSums { weight: &mut *weight, bias: &mut *bias, input: &mut *input };
            self.kernel.normalise_gradient(output, self.gradient.row(row), self.weight, self.epsilon, sums);
        }
    }
}
