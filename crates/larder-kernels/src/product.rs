//! A matrix product, planned in tasks that run on threads of the caller's.

use std::cell::Cell;

use crate::block::Block;
use crate::epilogue::Epilogue;
use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::packed::{PackedLeft, PackedRight, block_lines};
use crate::panels::{CHUNK, COLUMNS, LeftPanels, PanelBuffer, ROWS};
use crate::plan::Tasks;
use crate::shared::{Claims, SharedOutput};

/// Most pairs summed at a time: longer sums go on from what the output holds.
const SLAB: usize = 32 * CHUNK;

/// Most values of a left operand that a task packs at a time: in bfloat16 a part of the second cache.
const LEFT_VALUES: usize = 256 * 1024;

/// Least floating-point operations of a task, some microseconds: handing out a task costs less than one.
const LEAST_WORK: usize = 1 << 20;

/// Tasks for each thread, where the product is large enough: threads that the system holds up leave theirs to others.
const TASKS_A_THREAD: usize = 4;

/// Fewest blocks of a task that has not all rows: every such task reads the right operand again.
const LEAST_BLOCKS: usize = 4;

/// Fewest panels of a task that has not all columns: every such task packs the left operand again.
const LEAST_PANELS: usize = 4;

thread_local! {
    /// Where a task packs its part of the left operand.
    static SCRATCH: Cell<PanelBuffer> = Cell::default();
}

/// The left operand of a product, `[m, k]`.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a> {
    /// Packed by the tasks, each what it needs.
    Matrix(Matrix<'a>),
    /// Packed before.
    Packed(&'a PackedLeft),
}

impl Left<'_> {
    /// `[m, k]`.
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Self::Matrix(matrix) => matrix.shape(),
            Self::Packed(packed) => packed.shape(),
        }
    }
}

impl<'a> From<Matrix<'a>> for Left<'a> {
    fn from(matrix: Matrix<'a>) -> Self {
        Self::Matrix(matrix)
    }
}

impl<'a> From<&'a PackedLeft> for Left<'a> {
    fn from(packed: &'a PackedLeft) -> Self {
        Self::Packed(packed)
    }
}

/// `output [m, n] = epilogue(left [m, k] · right [k, n])`: operands rounded to bfloat16, sums and epilogue in float32.
///
/// It is a [`Plan`](crate::Plan). Every element is summed in the order of `k`, whatever the tasks are, so the division changes no bit.
#[derive(Debug)]
pub struct Product<'a> {
    kernel: Kernel,
    left: Left<'a>,
    right: &'a PackedRight,
    epilogue: Epilogue<'a>,
    output: SharedOutput<'a>,
    division: Division,
    claims: Claims,
}

impl<'a> Product<'a> {
    /// Plans a product for so many threads (at least one is assumed).
    ///
    /// # Errors
    ///
    /// When the shapes of operands, epilogue and output do not fit together.
    pub fn new(
        left: impl Into<Left<'a>>,
        right: &'a PackedRight,
        epilogue: Epilogue<'a>,
        output: MatrixMut<'a>,
        threads: usize,
    ) -> Result<Self, ShapeError> {
        let left = left.into();
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
        Ok(Self { kernel: Kernel::available(), left, right, epilogue, output, division, claims })
    }

    /// The same product with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }
}

impl Tasks for Product<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let (start, shape) = self.division.block(task, self.output.shape());
        let depth = self.right.shape()[0];
        let pairs = depth.div_ceil(2);
        let mut scratch = SCRATCH.take();
        // Without a summed axis there is one part, of no pairs.
        for first in (0..pairs.max(1)).step_by(SLAB) {
            let count = SLAB.min(pairs - first);
            let left = match self.left {
                Left::Packed(packed) => packed.panels(start[0], first),
                Left::Matrix(matrix) => {
                    let stride = block_lines(count);
                    let lines = scratch.lines(shape[0].div_ceil(ROWS) * stride);
                    let (rows, depth) = (start[0]..start[0] + shape[0], 2 * first..depth.min(2 * (first + count)));
                    self.kernel.pack_left(&matrix, rows, depth, lines, stride);
                    LeftPanels { lines, stride }
                }
            };
            let is_last = first + count == pairs;
            self.kernel.multiply(Block {
                left,
                right: self.right.panels(first, start[1]),
                pairs: count,
                // SAFETY: blocks of different tasks are disjoint, each task is run once, and the block of the part
                // before is gone.
                output: unsafe { self.output.block(start, shape) },
                accumulate: self.epilogue.accumulate || first > 0,
                epilogue: (is_last && !self.epilogue.is_empty()).then_some(self.epilogue),
            });
        }
        SCRATCH.set(scratch);
    }
}

/// How an output is divided into blocks, one a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Division {
    /// Rows and columns of a block, multiples of those of a block or panel of packed operands.
    block: [usize; 2],
    /// Blocks one below the other, and side by side.
    count: [usize; 2],
}

impl Division {
    pub(crate) fn new([m, n, k]: [usize; 3], threads: usize) -> Self {
        let (blocks, panels) = (m.div_ceil(ROWS), n.div_ceil(COLUMNS));
        if blocks == 0 || panels == 0 {
            return Self { block: [ROWS, COLUMNS], count: [0, 0] };
        }
        let depth = k.clamp(1, 2 * SLAB);
        let most_blocks = (LEFT_VALUES / (depth * ROWS)).max(1);
        let work = m.saturating_mul(n).saturating_mul(2 * k.max(1));
        let wanted = if threads <= 1 { 1 } else { (threads * TASKS_A_THREAD).min(work / LEAST_WORK).max(1) };
        // As even as whole blocks allow, so that no task is much smaller than the others.
        let even = |units: usize, parts: usize| units.div_ceil(parts.clamp(1, units));
        let blocks_a_task = even(blocks, blocks.div_ceil(most_blocks).max(wanted.min(blocks.div_ceil(LEAST_BLOCKS))));
        // A few rows are divided by columns too.
        let below = blocks.div_ceil(blocks_a_task);
        let panels_a_task = even(panels, wanted.div_ceil(below).min(panels.div_ceil(LEAST_PANELS)));
        Self {
            block: [blocks_a_task * ROWS, panels_a_task * COLUMNS],
            count: [blocks.div_ceil(blocks_a_task), panels.div_ceil(panels_a_task)],
        }
    }

    pub(crate) fn tasks(self) -> usize {
        self.count[0] * self.count[1]
    }

    /// Start and shape of a task's block in an output of this shape.
    pub(crate) fn block(self, task: usize, output: [usize; 2]) -> ([usize; 2], [usize; 2]) {
        let at = [task / self.count[1], task % self.count[1]];
        let start = [at[0] * self.block[0], at[1] * self.block[1]];
        (start, [self.block[0].min(output[0] - start[0]), self.block[1].min(output[1] - start[1])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element is in exactly one block, whatever the shape and the number of threads.
    #[test]
    fn blocks_cover_an_output_once() {
        for (m, n, k) in [(0, 5, 3), (1, 1, 1), (5, 0, 2), (12, 32, 8), (13, 33, 0), (64, 384, 384), (500, 1000, 3000)]
        {
            for threads in [0, 1, 2, 7, 64] {
                let division = Division::new([m, n, k], threads);
                let mut seen = vec![0_u8; m * n];
                for task in 0..division.tasks() {
                    let ([row, column], [rows, columns]) = division.block(task, [m, n]);
                    assert!(rows > 0 && columns > 0 && row % ROWS == 0 && column % COLUMNS == 0);
                    for row in row..row + rows {
                        seen[row * n + column..][..columns].iter_mut().for_each(|seen| *seen += 1);
                    }
                }
                assert!(seen.iter().all(|&seen| seen == 1), "{m} x {n} x {k}, {threads} threads");
            }
        }
    }

    #[test]
    fn threads_have_tasks_where_there_is_work() {
        for [m, n, k] in [[64, 384, 384], [64, 1536, 384], [4096, 384, 1536], [512, 768, 3072]] {
            for threads in [2, 4] {
                let tasks = Division::new([m, n, k], threads).tasks();
                assert!(tasks >= threads, "{m} x {n} x {k}: {tasks} tasks for {threads} threads");
            }
        }
    }
}
