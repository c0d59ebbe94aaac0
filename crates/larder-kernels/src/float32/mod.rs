//! Products of float32 for attention: the right operand in panels as for bfloat16, a row of the summed axis after another, the left one
//! where it lies.
//!
//! An element is summed along `k` in order, each term by a fused multiply-add.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::kernel::Kernel;
use crate::matrix::Matrix;
use crate::panels::{COLUMNS, Line, PAIR_LINES, PanelBuffer, RightPanels};
use crate::shared::OutputBlock;

/// Packs a right operand `[k, n]`.
pub(crate) fn pack_right<'a>(kernel: Kernel, matrix: &Matrix<'_>, buffer: &'a mut PanelBuffer) -> RightPanels<'a> {
    let [depth, columns] = matrix.shape();
    let stride = depth * PAIR_LINES;
    let lines = buffer.lines(columns.div_ceil(COLUMNS) * stride);
    pack_lines(kernel, matrix, lines);
    RightPanels { lines, stride }
}

fn pack_lines(kernel: Kernel, matrix: &Matrix<'_>, lines: &mut [Line]) {
    #[cfg(target_arch = "x86_64")]
    if kernel.is_native() {
        // SAFETY: such a kernel exists only where the processor has its instructions.
        return unsafe { avx512::pack_right(matrix, lines) };
    }
    portable::pack_right(matrix, lines);
}

/// `output [m, n] = left [m, k] · right [k, n]`, added to what is there if `accumulate`.
pub(crate) fn multiply(
    kernel: Kernel,
    left: &Matrix<'_>,
    right: RightPanels<'_>,
    output: OutputBlock<'_>,
    accumulate: bool,
) {
    assert_eq!(left.shape()[0], output.shape[0], "a left operand has the output's rows");
    #[cfg(target_arch = "x86_64")]
    if kernel.is_native() {
        // SAFETY: such a kernel exists only where the processor has its instructions.
        return unsafe { avx512::multiply(left, right, output, accumulate) };
    }
    portable::multiply(left, right, output, accumulate);
}
