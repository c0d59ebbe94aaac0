//! Products of one head of attention, each on one thread.

use crate::block::Block;
use crate::float32;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::packed::{block_lines, panel_lines};
use crate::panels::{COLUMNS, LeftPanels, PanelBuffer, ROWS, RightPanels};
use crate::precision::Precision;
use crate::shared::{OutputBlock, SharedOutput};

/// How small products are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SmallProducts {
    pub(crate) kernel: Kernel,
    pub(crate) precision: Precision,
}

impl SmallProducts {
    /// Packs a right operand `[k, n]`.
    pub(crate) fn pack_right<'a>(self, matrix: Matrix<'_>, buffer: &'a mut PanelBuffer) -> RightPanels<'a> {
        if self.precision == Precision::Float32 {
            return float32::pack_right(self.kernel, &matrix, buffer);
        }
        let [depth, columns] = matrix.shape();
        let (panels, stride) = (columns.div_ceil(COLUMNS), panel_lines(depth));
        let lines = buffer.lines(panels * stride);
        self.kernel.pack_right(&matrix, 0..panels, lines);
        RightPanels { lines, stride }
    }

    /// `output = left · right`, added to what is there if `accumulate`; rounded, the left operand is packed in `buffer`.
    pub(crate) fn multiply(
        self,
        left: Matrix<'_>,
        right: RightPanels<'_>,
        output: OutputBlock<'_>,
        accumulate: bool,
        buffer: &mut PanelBuffer,
    ) {
        if self.precision == Precision::Float32 {
            return float32::multiply(self.kernel, &left, right, output, accumulate);
        }
        let [rows, depth] = left.shape();
        let pairs = depth.div_ceil(2);
        let stride = block_lines(pairs);
        let lines = buffer.lines(rows.div_ceil(ROWS) * stride);
        self.kernel.pack_left(&left, 0..rows, 0..depth, lines, stride);
        let left = LeftPanels { lines, stride };
        self.kernel.multiply(Block { left, right, pairs, output, accumulate, epilogue: None });
    }

    /// `values [rows, columns] = left · right`, without gaps.
    pub(crate) fn multiply_into(
        self,
        left: Matrix<'_>,
        right: RightPanels<'_>,
        values: &mut [f32],
        shape: [usize; 2],
        buffer: &mut PanelBuffer,
    ) {
        let output = SharedOutput::new(MatrixMut { values, shape, leading: shape[1] });
        // SAFETY: the only block of these values.
        let block = unsafe { output.block([0, 0], shape) };
        self.multiply(left, right, block, false, buffer);
    }
}
