//! The kernel of processors with AVX-512: fused multiply-adds on blocks of 12 rows and 32 columns.

use std::arch::x86_64::*;

use crate::avx512::{Rows, load, mask, transpose};
use crate::matrix::Matrix;
use crate::panels::{COLUMNS, LANES, Line, PAIR_LINES, ROWS, RightPanels};
use crate::shared::OutputBlock;

/// As `float32::pack_right` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(super) fn pack_right(right: &Matrix<'_>, lines: &mut [Line]) {
    let [depth, columns] = right.shape();
    assert_eq!(lines.len(), columns.div_ceil(COLUMNS) * depth * PAIR_LINES, "panels fill their lines exactly");
    for column in (0..columns).step_by(LANES) {
        let count = LANES.min(columns - column);
        let first = column / COLUMNS * depth * PAIR_LINES + column % COLUMNS / LANES;
        if right.is_transposed {
            for k in (0..depth).step_by(LANES) {
                let mut by_column = [_mm512_setzero_si512(); LANES];
                for (lane, values) in by_column[..count].iter_mut().enumerate() {
                    let start = (column + lane) * right.leading;
                    *values = vector(&right.values[start + k..start + depth.min(k + LANES)]);
                }
                let by_row = transpose(by_column);
                for (at, &row) in by_row[..LANES.min(depth - k)].iter().enumerate() {
                    store(&mut lines[first + (k + at) * PAIR_LINES], row);
                }
            }
        } else {
            for k in 0..depth {
                let start = k * right.leading + column;
                store(&mut lines[first + k * PAIR_LINES], vector(&right.values[start..start + count]));
            }
        }
    }
}

/// At most 16 values, zeros beyond them.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
fn vector(values: &[f32]) -> __m512i {
    // SAFETY: the slice has so many values.
    _mm512_castps_si512(unsafe { load(values.as_ptr(), values.len()) })
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
fn store(line: &mut Line, bits: __m512i) {
    // SAFETY: a line is 64 bytes, and so aligned.
    unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), bits) }
}

/// As `float32::multiply` says, a panel of columns after another.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(super) fn multiply(left: &Matrix<'_>, right: RightPanels<'_>, mut output: OutputBlock<'_>, accumulate: bool) {
    let [rows, columns] = output.shape;
    let (depth, leading) = (left.shape()[1], output.leading());
    let strides = if left.is_transposed { [1, left.leading] } else { [left.leading, 1] };
    if rows * columns == 0 {
        return;
    }
    // Without a summed axis there may be no values at all.
    assert!(
        depth == 0 || left.values.len() > (rows - 1) * strides[0] + (depth - 1) * strides[1],
        "a matrix is as long as its shape says"
    );
    for column in (0..columns).step_by(COLUMNS) {
        let count = COLUMNS.min(columns - column);
        let masks = [mask(count), mask(count.saturating_sub(LANES))];
        let right = &right.lines[column / COLUMNS * right.stride..][..depth * PAIR_LINES];
        for row in (0..rows).step_by(ROWS) {
            let tile = Tile {
                left: left.values.as_ptr().wrapping_add(row * strides[0]),
                strides,
                right,
                depth,
                accumulate,
                target: Rows { pointer: output.pointer(row, column), leading, masks },
            };
            // SAFETY: the left operand has these rows, as asserted above, and so has the block, which nobody else has.
            unsafe { tile.compute(ROWS.min(rows - row), count) };
        }
    }
}

/// At most 12 rows times at most 32 columns, whose sums all are in registers.
struct Tile<'a> {
    left: *const f32,
    /// Values of the left operand from one row to the next, and from one number of the summed axis to the next.
    strides: [usize; 2],
    right: &'a [Line],
    depth: usize,
    /// Start from what the target holds.
    accumulate: bool,
    target: Rows,
}

impl Tile<'_> {
    /// # Safety
    ///
    /// The left operand and the target have so many rows, the target the columns in its masks.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
    #[inline]
    unsafe fn compute(&self, rows: usize, columns: usize) {
        // SAFETY: as above.
        unsafe { if columns > LANES { self.compute_rows::<PAIR_LINES>(rows) } else { self.compute_rows::<1>(rows) } }
    }

    /// # Safety
    ///
    /// As above, and the columns beyond so many vectors are not asked for.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
    #[inline]
    unsafe fn compute_rows<const VECTORS: usize>(&self, rows: usize) {
        // SAFETY: as above.
        unsafe {
            match rows {
                1 => self.sum::<1, VECTORS>(),
                2 => self.sum::<2, VECTORS>(),
                3 => self.sum::<3, VECTORS>(),
                4 => self.sum::<4, VECTORS>(),
                5 => self.sum::<5, VECTORS>(),
                6 => self.sum::<6, VECTORS>(),
                7 => self.sum::<7, VECTORS>(),
                8 => self.sum::<8, VECTORS>(),
                9 => self.sum::<9, VECTORS>(),
                10 => self.sum::<10, VECTORS>(),
                11 => self.sum::<11, VECTORS>(),
                12 => self.sum::<12, VECTORS>(),
                _ => unreachable!("a block has at most {ROWS} rows"),
            }
        }
    }

    /// # Safety
    ///
    /// As above, with `HEIGHT` rows.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
    unsafe fn sum<const HEIGHT: usize, const VECTORS: usize>(&self) {
        assert!(self.right.len() >= self.depth * PAIR_LINES);
        let mut sums = [[_mm512_setzero_ps(); VECTORS]; HEIGHT];
        if self.accumulate {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (at, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller promises these rows and columns.
                    *sum = unsafe { self.target.load(row, at) };
                }
            }
        }
        let mut right = self.right.as_ptr().cast::<f32>();
        for k in 0..self.depth {
            // SAFETY: the slice holds two lines for each number of the summed axis, as asserted above, and the caller
            // promises the rows of the left operand. Lines are aligned.
            unsafe {
                let mut columns = [_mm512_setzero_ps(); VECTORS];
                for (at, columns) in columns.iter_mut().enumerate() {
                    *columns = _mm512_load_ps(right.add(at * LANES));
                }
                right = right.add(PAIR_LINES * LANES);
                for (row, sums) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_ps(*self.left.add(row * self.strides[0] + k * self.strides[1]));
                    for (sum, &columns) in sums.iter_mut().zip(&columns) {
                        *sum = _mm512_fmadd_ps(value, columns, *sum);
                    }
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (at, &sum) in sums.iter().enumerate() {
                // SAFETY: the caller promises these rows and columns.
                unsafe { self.target.store(row, at, sum) };
            }
        }
    }
}
