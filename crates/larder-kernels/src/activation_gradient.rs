//! The gradient of an activation function, planned in tasks that run on threads of the caller's.

use crate::Activation;
use crate::column_sums::ColumnSums;
use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::plan::{Plan, Tasks};
use crate::shared::{Claims, SharedOutput};

/// Values that a task computes, some microseconds' work.
const VALUES_A_TASK: usize = 32 * 1024;

/// `output [rows, n] = gradient · slope(input)`: the gradient of an activation's input from that of what it gave, and the sums of its
/// columns, which are the gradient of a bias added before the activation.
///
/// All is float32. Neither tasks nor threads change a bit.
#[derive(Debug)]
pub struct ActivationGradient<'a> {
    kernel: Kernel,
    activation: Activation,
    gradient: Matrix<'a>,
    input: Matrix<'a>,
    output: SharedOutput<'a>,
    sums: ColumnSums,
    claims: Claims,
}

impl<'a> ActivationGradient<'a> {
    /// Plans the gradient; all matrices are `[rows, n]`, and none is transposed.
    ///
    /// # Errors
    ///
    /// When the shapes do not fit together.
    pub fn new(
        activation: Activation,
        gradient: Matrix<'a>,
        input: Matrix<'a>,
        output: MatrixMut<'a>,
    ) -> Result<Self, ShapeError> {
        let needed = output.shape;
        for (name, matrix) in [("the gradient", gradient), ("the input", input)] {
            matrix.check_rows(name, needed)?;
        }
        let sums = ColumnSums::new(1, needed, VALUES_A_TASK);
        let claims = Claims::new(sums.parts());
        let (kernel, output) = (Kernel::available(), SharedOutput::new(output));
        Ok(Self { kernel, activation, gradient, input, output, sums, claims })
    }

    /// The same with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    /// Runs the tasks that have not been begun, and adds up the columns, `[n]`.
    pub fn finish(self, column_sums: &mut [f32]) {
        self.run();
        self.sums.add_up([column_sums]);
    }
}

impl Tasks for ActivationGradient<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let rows = self.sums.rows(task);
        let columns = self.output.shape()[1];
        let mut sums = self.sums.part(task);
        // SAFETY: rows of different tasks are different, and each task is run once.
        let mut block = unsafe { self.output.block([rows.start, 0], [rows.len(), columns]) };
        for (at, row) in rows.enumerate() {
            let output = block.row(at, 0, columns);
            self.kernel.activation_gradient(
                self.activation,
                self.gradient.row(row),
                self.input.row(row),
                output,
                &mut sums,
            );
        }
    }
}
