//! The kernel of every processor: plain loops over the same panels, with the same integers.

use std::ops::Range;

use super::block::{QUAD, QuantisedBlock, ZERO, row_scale};
use crate::matrix::Matrix;
use crate::panels::{CHUNK, CHUNK_LINES, COLUMNS, LANES, Line, PAIR_LINES, ROWS};

pub(super) fn quantise_rows(
    left: &Matrix<'_>,
    rows: Range<usize>,
    lines: &mut [Line],
    stride: usize,
    scales: &mut [f32],
) {
    let depth = left.shape()[1];
    for ((at, row), scale) in rows.enumerate().zip(scales) {
        let largest = (0..depth).map(|k| left.at(row, k).to_bits() & !(1 << 31)).max().unwrap_or(0);
        *scale = row_scale(largest);
        let quantised = |k| match k < depth {
            // A NaN becomes zero.
            true => (left.at(row, k) / *scale).round_ties_even() as i8,
            false => 0,
        };
        for quad in 0..depth.div_ceil(QUAD) {
            let bytes = [0, 1, 2, 3].map(|place| (quantised(QUAD * quad + place) as u8) ^ ZERO);
            lines[left_line(at, quad, stride)].0[quad % LANES] = u32::from_le_bytes(bytes);
        }
    }
}

/// The line of a packed left operand that holds a quad of a row.
fn left_line(row: usize, quad: usize, stride: usize) -> usize {
    let in_chunk = (row % ROWS) * (CHUNK / LANES) + quad % CHUNK / LANES;
    row / ROWS * stride + quad / CHUNK * CHUNK_LINES + in_chunk
}

pub(super) fn multiply(mut block: QuantisedBlock<'_>) {
    let [rows, columns] = block.output.shape;
    let [first_row, first_column] = block.output.start;
    for column in (0..columns).step_by(COLUMNS) {
        let count = COLUMNS.min(columns - column);
        for row in 0..rows {
            let mut sums = [0_i32; COLUMNS];
            sums.copy_from_slice(&block.offsets[column..column + COLUMNS]);
            for quad in 0..block.quads {
                let left = block.left.lines[left_line(row, quad, block.left.stride)].0[quad % LANES].to_le_bytes();
                let start = column / COLUMNS * block.right.stride + quad * PAIR_LINES;
                let rights = block.right.lines[start..start + PAIR_LINES].iter().flat_map(|line| &line.0);
                for (sum, right) in sums.iter_mut().zip(rights) {
                    let terms = left.iter().zip(right.to_le_bytes());
                    // Of more terms than `QuantisedRight` takes it would leave 32 bits.
                    *sum = terms
                        .fold(*sum, |sum, (&left, right)| sum.wrapping_add(i32::from(left) * i32::from(right as i8)));
                }
            }
            let output = block.output.row(row, column, count);
            let mut values = [0.0; COLUMNS];
            for (value, (sum, scale)) in values.iter_mut().zip(sums.iter().zip(&block.column_scales[column..])) {
                *value = *sum as f32 * scale * block.row_scales[row];
            }
            if block.epilogue.accumulate {
                values.iter_mut().zip(&*output).for_each(|(value, before)| *value += before);
            }
            block.epilogue.apply(first_row + row, first_column + column, &mut values[..count]);
            output.copy_from_slice(&values[..count]);
        }
    }
}
