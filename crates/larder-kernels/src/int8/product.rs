//! A quantised product, planned in tasks that run on threads of the caller's.

use std::cell::Cell;

use super::block::QuantisedBlock;
use super::kernel::QuantisedKernel;
use super::packed::QuantisedRight;
use crate::epilogue::Epilogue;
use crate::error::ShapeError;
use crate::matrix::{Matrix, MatrixMut};
use crate::packed::block_lines;
use crate::panels::{LeftPanels, PanelBuffer, ROWS};
use crate::plan::Tasks;
use crate::product::Division;
use crate::shared::{Claims, SharedOutput};

/// The buffers of a task for its part of the left operand.
#[derive(Default)]
struct Scratch {
    buffer: PanelBuffer,
    scales: Vec<f32>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// `output [m, n] = epilogue(left [m, k] · right [k, n])` in 8-bit integers: the left operand is rounded a row at a time while it is
/// packed, the right one was before.
///
/// With `scale = max|x| · (1/127) + 1e-30` over a row, `q(x) = round(x / scale)` half to even, and the bytes and scales of
/// [`QuantisedRight`], an element is `(Σ q(x) · byte) · scale of the column · scale of the row` before the epilogue: the
/// sum is exact, the products are float32, in this order. A row that holds a NaN or an infinity has a NaN for a scale, and becomes NaN;
/// other rows do not notice.
///
/// It is planned and run as [`Product`](crate::Product) is.
///
/// ```
/// use larder_kernels::{Epilogue, Matrix, MatrixMut, Plan, QuantisedProduct, QuantisedRight};
///
/// // Weights [2, 3] in bytes, of which each column has a scale.
/// let right = QuantisedRight::new(&[1, 2, 3, 4, 5, 6], [2, 3], &[1.0, 1.0, 0.5])?;
/// let mut output = [0.0; 3];
/// let product = QuantisedProduct::new(
///     Matrix::new(&[1.0, -1.0], [1, 2])?,
///     &right,
///     Epilogue::default(),
///     MatrixMut::new(&mut output, [1, 3])?,
///     1, // threads that there are
/// )?;
/// (0..product.tasks()).for_each(|task| product.run_task(task));
/// assert!(output.iter().zip([-3.0, -3.0, -1.5]).all(|(found, exact)| (found - exact).abs() < 1e-5));
/// # Ok::<(), larder_kernels::ShapeError>(())
/// ```
#[derive(Debug)]
pub struct QuantisedProduct<'a> {
    kernel: QuantisedKernel,
    left: Matrix<'a>,
    right: &'a QuantisedRight,
    epilogue: Epilogue<'a>,
    output: SharedOutput<'a>,
    division: Division,
    claims: Claims,
}

impl<'a> QuantisedProduct<'a> {
    /// Plans a product for so many threads (at least one is assumed).
    ///
    /// # Errors
    ///
    /// When the shapes of operands, epilogue and output do not fit together.
    pub fn new(
        left: Matrix<'a>,
        right: &'a QuantisedRight,
        epilogue: Epilogue<'a>,
        output: MatrixMut<'a>,
        threads: usize,
    ) -> Result<Self, ShapeError> {
        let ([m, k], [right_k, n]) = (left.shape(), right.shape());
        if k != right_k {
            return Err(ShapeError::Mismatch { name: "the right operand", needed: [k, n], found: [right_k, n] });
        }
        if output.shape != [m, n] {
            return Err(ShapeError::Mismatch { name: "the output", needed: [m, n], found: output.shape });
        }
        epilogue.check([m, n])?;
        let division = Division::new([m, n, k], threads);
        let (output, claims) = (SharedOutput::new(output), Claims::new(division.tasks()));
        Ok(Self { kernel: QuantisedKernel::available(), left, right, epilogue, output, division, claims })
    }

    /// The same product with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: QuantisedKernel) -> Self {
        Self { kernel, ..self }
    }
}

impl Tasks for QuantisedProduct<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let (start, shape) = self.division.block(task, self.output.shape());
        let quads = self.right.quads();
        let stride = block_lines(quads);
        let mut scratch = SCRATCH.take();
        let lines = scratch.buffer.lines(shape[0].div_ceil(ROWS) * stride);
        scratch.scales.resize(scratch.scales.len().max(shape[0]), 0.0);
        let scales = &mut scratch.scales[..shape[0]];
        self.kernel.quantise_rows(&self.left, start[0]..start[0] + shape[0], lines, stride, scales);
        self.kernel.multiply(QuantisedBlock {
            left: LeftPanels { lines, stride },
            row_scales: scales,
            right: self.right.panels(start[1]),
            column_scales: self.right.scales(start[1]),
            offsets: self.right.offsets(start[1]),
            quads,
            // SAFETY: blocks of different tasks are disjoint, and each task is run once.
            output: unsafe { self.output.block(start, shape) },
            epilogue: self.epilogue,
        });
        SCRATCH.set(scratch);
    }
}
