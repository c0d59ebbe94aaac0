//! The kernel of every processor: plain loops over the same panels, in the same order.

use crate::matrix::Matrix;
use crate::panels::{COLUMNS, LANES, Line, PAIR_LINES, RightPanels};
use crate::shared::OutputBlock;

pub(super) fn pack_right(right: &Matrix<'_>, lines: &mut [Line]) {
    let [depth, columns] = right.shape();
    for (at, line) in lines.iter_mut().enumerate() {
        let (panel, k) = (at / PAIR_LINES / depth, at / PAIR_LINES % depth);
        for (lane, target) in line.0.iter_mut().enumerate() {
            let column = panel * COLUMNS + at % PAIR_LINES * LANES + lane;
            *target = if column < columns { right.at(k, column).to_bits() } else { 0 };
        }
    }
}

pub(super) fn multiply(left: &Matrix<'_>, right: RightPanels<'_>, mut output: OutputBlock<'_>, accumulate: bool) {
    let [rows, columns] = output.shape;
    for column in (0..columns).step_by(COLUMNS) {
        let count = COLUMNS.min(columns - column);
        for row in 0..rows {
            let mut sums = [0.0_f32; COLUMNS];
            if accumulate {
                sums[..count].copy_from_slice(output.row(row, column, count));
            }
            for k in 0..left.shape()[1] {
                let start = column / COLUMNS * right.stride + k * PAIR_LINES;
                let rights = right.lines[start..start + PAIR_LINES].iter().flat_map(|line| &line.0);
                for (sum, &right) in sums.iter_mut().zip(rights) {
                    *sum = left.at(row, k).mul_add(f32::from_bits(right), *sum);
                }
            }
            output.row(row, column, count).copy_from_slice(&sums[..count]);
        }
    }
}
