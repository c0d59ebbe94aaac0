//! The kernel of every processor: plain loops over the same panels, with the same rounding.

use std::ops::Range;

use crate::bfloat16::{add_dot, pair};
use crate::block::Block;
use crate::matrix::Matrix;
use crate::panels::{CHUNK, CHUNK_LINES, COLUMNS, LANES, Line, PAIR_LINES, ROWS};

pub(crate) fn pack_left(left: &Matrix<'_>, rows: Range<usize>, depth: Range<usize>, lines: &mut [Line], stride: usize) {
    for (at, row) in rows.enumerate() {
        for (pair_at, k) in depth.clone().step_by(2).enumerate() {
            let second = if k + 1 < depth.end { left.at(row, k + 1) } else { 0.0 };
            lines[left_line(at, pair_at, stride)].0[pair_at % LANES] = pair(left.at(row, k), second);
        }
    }
}

/// The line of a packed left operand that holds a pair of a row.
fn left_line(row: usize, pair: usize, stride: usize) -> usize {
    let in_chunk = (row % ROWS) * (CHUNK / LANES) + pair % CHUNK / LANES;
    row / ROWS * stride + pair / CHUNK * CHUNK_LINES + in_chunk
}

/// Leaves it to the processor.
pub(crate) fn prefetch_rows(_matrix: &Matrix<'_>, _values: usize) {}

pub(crate) fn pack_right(right: &Matrix<'_>, panels: Range<usize>, lines: &mut [Line]) {
    let [depth, columns] = right.shape();
    let value = |k, column| if k < depth && column < columns { right.at(k, column) } else { 0.0 };
    let mut lines = lines.iter_mut();
    for panel in panels {
        for k in (0..depth).step_by(2) {
            for half in 0..PAIR_LINES {
                let line = lines.next().expect("panels fill their lines exactly");
                for (lane, target) in line.0.iter_mut().enumerate() {
                    let column = panel * COLUMNS + half * LANES + lane;
                    *target = pair(value(k, column), value(k + 1, column));
                }
            }
        }
    }
}

pub(crate) fn multiply(mut block: Block<'_>) {
    let [rows, columns] = block.output.shape;
    let [first_row, first_column] = block.output.start;
    for column in (0..columns).step_by(COLUMNS) {
        let count = COLUMNS.min(columns - column);
        for row in 0..rows {
            let output = block.output.row(row, column, count);
            let mut sums = [0.0; COLUMNS];
            if block.accumulate {
                sums[..count].copy_from_slice(output);
            }
            for pair in 0..block.pairs {
                let left = block.left.lines[left_line(row, pair, block.left.stride)].0[pair % LANES];
                let start = column / COLUMNS * block.right.stride + pair * PAIR_LINES;
                let rights = block.right.lines[start..start + PAIR_LINES].iter().flat_map(|line| &line.0);
                for (sum, &right) in sums.iter_mut().zip(rights) {
                    *sum = add_dot(*sum, left, right);
                }
            }
            if let Some(epilogue) = &block.epilogue {
                epilogue.apply(first_row + row, first_column + column, &mut sums[..count]);
            }
            output.copy_from_slice(&sums[..count]);
        }
    }
}
