//! Operands rounded to bfloat16 and laid out for the kernels.

use crate::kernel::Kernel;
use crate::matrix::Matrix;
use crate::panels::{CHUNK, CHUNK_LINES, COLUMNS, LeftPanels, Line, PAIR_LINES, PanelBuffer, ROWS, RightPanels};
use crate::plan::{Plan, Tasks};
use crate::shared::{Claims, SharedSlice};

/// Most panels that one task packs: 128 neighbouring columns, whole cache lines of a row.
const PANELS_A_TASK: usize = 4;

/// Most blocks that one task packs: 96 rows.
const BLOCKS_A_TASK: usize = 8;

/// Tasks there are where an operand is large enough for them: of a few large ones, a thread would wait for another's last.
const LEAST_TASKS: usize = 8;

/// The right operand of products, `[k, n]`, rounded to bfloat16 and packed: constant weights once, what changes by
/// [`PackedRight::pack`] into the same memory. The default is `[0, 0]`.
#[derive(Debug, Default)]
pub struct PackedRight {
    buffer: PanelBuffer,
    shape: [usize; 2],
}

impl PackedRight {
    /// Packs a matrix `[k, n]` on this thread. Weights that lie as `[n, k]` are passed [`Matrix::transposed`].
    pub fn new(matrix: Matrix<'_>) -> Self {
        let mut packed = Self::default();
        drop(packed.pack(matrix));
        packed
    }

    /// Packs another matrix `[k, n]` in place of this one, in tasks for any threads.
    ///
    /// ```
    /// # use larder_kernels::{Epilogue, Matrix, MatrixMut, PackedRight, Plan, Product};
    /// // The gradient of weights, gradient [inputs, outputs] += inputᵀ · output_gradient, of a step with 7 rows.
    /// let (input, output_gradient) = (vec![1.0; 7 * 3], vec![2.0; 7 * 2]);
    /// let mut gradient = vec![0.0; 3 * 2];
    /// let mut packed = PackedRight::default(); // kept from step to step
    ///
    /// let packing = packed.pack(Matrix::new(&output_gradient, [7, 2])?);
    /// (0..packing.tasks()).for_each(|task| packing.run_task(task));
    /// drop(packing);
    /// let product = Product::new(
    ///     Matrix::new(&input, [7, 3])?.transposed(),
    ///     &packed,
    ///     Epilogue { accumulate: true, ..Epilogue::default() },
    ///     MatrixMut::new(&mut gradient, [3, 2])?,
    ///     1,
    /// )?;
    /// (0..product.tasks()).for_each(|task| product.run_task(task));
    /// assert_eq!(gradient, vec![14.0; 6]);
    /// # Ok::<(), larder_kernels::ShapeError>(())
    /// ```
    pub fn pack<'a>(&'a mut self, matrix: Matrix<'a>) -> Packing<'a> {
        self.pack_with(Kernel::available(), matrix)
    }

    /// As [`PackedRight::pack`], with instructions of the caller's choice: the result is the same.
    pub fn pack_with<'a>(&'a mut self, kernel: Kernel, matrix: Matrix<'a>) -> Packing<'a> {
        self.shape = matrix.shape();
        let [depth, columns] = self.shape;
        Packing::new(kernel, Side::Right, matrix, &mut self.buffer, columns.div_ceil(COLUMNS), panel_lines(depth))
    }

    /// `[k, n]`.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The panels from a pair and a column on, the latter the first of a panel.
    pub(crate) fn panels(&self, pair: usize, column: usize) -> RightPanels<'_> {
        let stride = panel_lines(self.shape[0]);
        let start = column / COLUMNS * stride + pair * PAIR_LINES;
        RightPanels { lines: &self.buffer.packed()[start..], stride }
    }
}

/// Lines of a panel with a summed axis of this length.
pub(crate) fn panel_lines(depth: usize) -> usize {
    depth.div_ceil(2) * PAIR_LINES
}

/// Lines of a block with so many pairs.
pub(crate) fn block_lines(pairs: usize) -> usize {
    pairs.div_ceil(CHUNK) * CHUNK_LINES
}

/// The left operand of products, `[m, k]`, rounded to bfloat16 and packed, for several products with the same one:
/// queries, keys and values of attention. Otherwise products pack their left operand themselves, in cache. The default
/// is `[0, 0]`.
#[derive(Debug, Default)]
pub struct PackedLeft {
    buffer: PanelBuffer,
    shape: [usize; 2],
}

impl PackedLeft {
    /// Packs a matrix `[m, k]` on this thread.
    pub fn new(matrix: Matrix<'_>) -> Self {
        let mut packed = Self::default();
        drop(packed.pack(matrix));
        packed
    }

    /// Packs another matrix `[m, k]` in place of this one, in tasks for any threads.
    pub fn pack<'a>(&'a mut self, matrix: Matrix<'a>) -> Packing<'a> {
        self.pack_with(Kernel::available(), matrix)
    }

    /// As [`PackedLeft::pack`], with instructions of the caller's choice: the result is the same.
    pub fn pack_with<'a>(&'a mut self, kernel: Kernel, matrix: Matrix<'a>) -> Packing<'a> {
        self.shape = matrix.shape();
        let [rows, depth] = self.shape;
        let lines = block_lines(depth.div_ceil(2));
        Packing::new(kernel, Side::Left, matrix, &mut self.buffer, rows.div_ceil(ROWS), lines)
    }

    /// `[m, k]`.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The blocks from a row and a pair on, the first of a block and of a chunk.
    pub(crate) fn panels(&self, row: usize, pair: usize) -> LeftPanels<'_> {
        let stride = block_lines(self.shape[1].div_ceil(2));
        let start = row / ROWS * stride + pair / CHUNK * CHUNK_LINES;
        LeftPanels { lines: &self.buffer.packed()[start..], stride }
    }
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

/// An operand being packed. Its tasks run on any threads, in any order; those that nobody ran run when it is dropped.
#[derive(Debug)]
pub struct Packing<'a> {
    kernel: Kernel,
    side: Side,
    matrix: Matrix<'a>,
    lines: SharedSlice<'a, Line>,
    /// Panels, or blocks, in all.
    units: usize,
    units_a_task: usize,
    /// Lines of each.
    unit_lines: usize,
    claims: Claims,
}

impl<'a> Packing<'a> {
    fn new(
        kernel: Kernel,
        side: Side,
        matrix: Matrix<'a>,
        buffer: &'a mut PanelBuffer,
        units: usize,
        unit_lines: usize,
    ) -> Self {
        let most = match side {
            Side::Left => BLOCKS_A_TASK,
            Side::Right => PANELS_A_TASK,
        };
        let units_a_task = (units / LEAST_TASKS).clamp(1, most);
        let lines = SharedSlice::new(buffer.lines(units * unit_lines));
        let claims = Claims::new(units.div_ceil(units_a_task));
        Self { kernel, side, matrix, lines, units, units_a_task, unit_lines, claims }
    }
}

impl Tasks for Packing<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let first = task * self.units_a_task;
        let units = first..self.units.min(first + self.units_a_task);
        // SAFETY: units of different tasks lie beside each other, and each task is run once.
        let lines = unsafe { self.lines.part(first * self.unit_lines, units.len() * self.unit_lines) };
        match self.side {
            Side::Right => self.kernel.pack_right(&self.matrix, units, lines),
            Side::Left => {
                let [rows, depth] = self.matrix.shape();
                let rows = units.start * ROWS..rows.min(units.end * ROWS);
                self.kernel.pack_left(&self.matrix, rows, 0..depth, lines, self.unit_lines);
            }
        }
    }
}

impl Drop for Packing<'_> {
    fn drop(&mut self) {
        (0..self.tasks()).for_each(|task| self.run_task(task));
    }
}
