//! The kernel of processors with AVX512_VNNI: `VPDPBUSD` on blocks of 12 rows and 32 columns.

use std::arch::x86_64::*;
use std::ops::Range;

use super::block::{QuantisedBlock, ZERO, row_scale};
use crate::activation::Activation;
use crate::avx512::{Rows, Sums, finish, load, mask, residual_rows};
use crate::matrix::Matrix;
use crate::panels::{CHUNK, CHUNK_LINES, COLUMNS, LANES, Line, PAIR_LINES, ROWS};

/// Values of a row in a chunk.
const CHUNK_BYTES: usize = 4 * CHUNK;

// With the instructions of the other kernels, whose parts it uses: a processor with AVX512_BF16 has both.
pub(super) fn is_available() -> bool {
    crate::avx512::is_available() && is_x86_feature_detected!("avx512vnni")
}

/// As `QuantisedKernel::quantise_rows` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
pub(super) fn quantise_rows(
    left: &Matrix<'_>,
    rows: Range<usize>,
    lines: &mut [Line],
    stride: usize,
    scales: &mut [f32],
) {
    let depth = left.shape()[1];
    let mut copy = vec![0.0; if left.is_transposed { depth } else { 0 }];
    for ((at, row), scale) in rows.enumerate().zip(scales) {
        let values = if left.is_transposed {
            left.copy_row(row, &mut copy);
            &copy[..]
        } else {
            // Without columns there may be no such place.
            left.values.get(row * left.leading..row * left.leading + depth).unwrap_or_default()
        };
        *scale = row_scale(largest_bits(values));
        let first = at / ROWS * stride + at % ROWS * (CHUNK / LANES);
        quantise_row(values, *scale, lines.get_mut(first..).unwrap_or_default());
    }
}

/// The bits of the largest absolute value: those of non-negative numbers are ordered as they are.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
fn largest_bits(values: &[f32]) -> u32 {
    let magnitude = _mm512_set1_epi32(i32::MAX);
    let mut largest = [_mm512_setzero_si512(); 4];
    for values in values.chunks(4 * LANES) {
        for (at, largest) in largest.iter_mut().enumerate() {
            let rest = &values[values.len().min(at * LANES)..];
            // SAFETY: the slice has so many values.
            let bits = unsafe { _mm512_castps_si512(load(rest.as_ptr(), rest.len())) };
            *largest = _mm512_max_epu32(*largest, _mm512_and_si512(bits, magnitude));
        }
    }
    let [first, second, third, fourth] = largest;
    _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_max_epu32(first, second), _mm512_max_epu32(third, fourth)))
}

/// Writes the bytes of a row, of which each chunk begins `CHUNK_LINES` lines behind the one before.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
fn quantise_row(values: &[f32], scale: f32, lines: &mut [Line]) {
    let (divisor, reciprocal) = (_mm512_set1_ps(scale), _mm512_set1_ps(1.0 / scale));
    let zero = _mm_set1_epi8(ZERO as i8);
    for (chunk, values) in values.chunks(CHUNK_BYTES).enumerate() {
        let lines = &mut lines[chunk * CHUNK_LINES..][..CHUNK / LANES];
        for (group, values) in values.chunks(LANES).enumerate() {
            // SAFETY: the slice has so many values.
            let values = unsafe { load(values.as_ptr(), values.len()) };
            // The quotient rounded correctly, as by a division and faster: the reciprocal is (Markstein 1990, "Computation of
            // elementary functions on the IBM RISC System/6000 processor"), and quotients whose rest underflows are
            // below a half.
            let about = _mm512_mul_ps(values, reciprocal);
            let rest = _mm512_fnmadd_ps(about, divisor, values);
            let quotient = _mm512_fmadd_ps(rest, reciprocal, about);
            let bytes = _mm_xor_si128(_mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(quotient)), zero);
            let target = lines[group / 4].0[group % 4 * 4..][..4].as_mut_ptr();
            // SAFETY: 4 numbers of 32 bits are 16 bytes.
            unsafe { _mm_storeu_si128(target.cast(), bytes) };
        }
    }
}

/// Computes a block, a panel of columns after another: the panel stays in the nearest cache while all rows pass.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
pub(super) fn multiply(mut block: QuantisedBlock<'_>) {
    let [rows, columns] = block.output.shape;
    let leading = block.output.leading();
    let left_lines = block.quads.div_ceil(CHUNK) * CHUNK_LINES;
    let right_lines = block.quads * PAIR_LINES;
    let epilogue = block.epilogue;
    let has_activation = epilogue.activation != Activation::Identity;
    // Made where they are needed: small products would notice.
    let mut sums = has_activation.then(Sums::zeros);
    let is_transposed = epilogue.residual.is_some_and(|residual| residual.is_transposed);
    let mut terms = is_transposed.then(Sums::zeros);
    for panel in 0..columns.div_ceil(COLUMNS) {
        let column = panel * COLUMNS;
        let count = COLUMNS.min(columns - column);
        let masks = [mask(count), mask(count.saturating_sub(LANES))];
        let output_column = block.output.start[1] + column;
        let bias = epilogue.bias.map(|bias| {
            let bias = &bias[output_column..output_column + count];
            let second = &bias[count.min(LANES)..];
            // SAFETY: the slices have so many values.
            unsafe { [load(bias.as_ptr(), bias.len()), load(second.as_ptr(), second.len())] }
        });
        let (scales, offsets) =
            (&block.column_scales[column..column + COLUMNS], &block.offsets[column..column + COLUMNS]);
        // SAFETY: 16 numbers are a vector, and the slices have two.
        let (scales, offsets) = unsafe {
            let (scales, offsets) = (scales.as_ptr(), offsets.as_ptr());
            (
                [_mm512_loadu_ps(scales), _mm512_loadu_ps(scales.add(LANES))],
                [_mm512_loadu_si512(offsets.cast()), _mm512_loadu_si512(offsets.add(LANES).cast())],
            )
        };
        let right = &block.right.lines[panel * block.right.stride..][..right_lines];
        for at in 0..rows.div_ceil(ROWS) {
            let row = at * ROWS;
            let height = ROWS.min(rows - row);
            let output = Rows { pointer: block.output.pointer(row, column), leading, masks };
            let start = [block.output.start[0] + row, output_column];
            let residual =
                epilogue.residual.map(|residual| residual_rows(&residual, start, [height, count], terms.as_mut()));
            let target = match &mut sums {
                Some(sums) => Rows { pointer: sums.0.as_mut_ptr().cast(), leading: COLUMNS, masks: [!0; PAIR_LINES] },
                None => output,
            };
            let tile = Tile {
                left: &block.left.lines[at * block.left.stride..][..left_lines],
                right,
                quads: block.quads,
                row_scales: &block.row_scales[row..row + height],
                scales,
                offsets,
                source: epilogue.accumulate.then_some(output),
                bias,
                residual: residual.filter(|_| !has_activation),
                later: [Some(output), residual],
                target,
            };
            // SAFETY: output and residual have `height` rows and `count` columns from here on, and nobody else has them;
            // `sums` has as many as there can be.
            unsafe { tile.compute(height, count) };
            if let Some(sums) = &mut sums {
                epilogue.activation.apply::<true>(sums.0[..height].as_flattened_mut());
                // SAFETY: as above.
                unsafe { finish(sums, height, residual, output) };
            }
        }
    }
}

/// At most 12 rows times at most 32 columns, whose sums all are in registers.
struct Tile<'a> {
    left: &'a [Line],
    right: &'a [Line],
    quads: usize,
    /// One for each row.
    row_scales: &'a [f32],
    /// One for each column.
    scales: [__m512; PAIR_LINES],
    /// The start of the sums.
    offsets: [__m512i; PAIR_LINES],
    /// The terms added to the scaled sums.
    source: Option<Rows>,
    bias: Option<[__m512; PAIR_LINES]>,
    residual: Option<Rows>,
    /// Rows that are read or written when the sums are there: prefetched while they are computed.
    later: [Option<Rows>; 2],
    target: Rows,
}

impl Tile<'_> {
    /// # Safety
    ///
    /// Source, residual and target have so many rows, and the columns in their masks.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
    #[inline]
    unsafe fn compute(&self, rows: usize, columns: usize) {
        // SAFETY: as above.
        unsafe { if columns > LANES { self.compute_rows::<PAIR_LINES>(rows) } else { self.compute_rows::<1>(rows) } }
    }

    /// # Safety
    ///
    /// As above, and the columns beyond so many vectors are not asked for.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")]
    unsafe fn sum<const HEIGHT: usize, const VECTORS: usize>(&self) {
        assert!(self.left.len() >= self.quads.div_ceil(CHUNK) * CHUNK_LINES);
        assert!(self.right.len() >= self.quads * PAIR_LINES);
        let row_scales: &[f32; HEIGHT] = self.row_scales.try_into().expect("each row has a scale");
        let mut sums = [[_mm512_setzero_si512(); VECTORS]; HEIGHT];
        for sums in &mut sums {
            sums.iter_mut().zip(self.offsets).for_each(|(sum, offset)| *sum = offset);
        }
        let mut left = self.left.as_ptr().cast::<i32>();
        let mut right = self.right.as_ptr().cast::<__m512i>();
        let mut rest = self.quads;
        let mut asked = 0;
        let asked_a_chunk = HEIGHT.div_ceil(self.quads.div_ceil(CHUNK).max(1)).max(4);
        while rest > 0 {
            let count = rest.min(CHUNK);
            // Some rows at a time: more would keep the operands waiting.
            let end = HEIGHT.min(asked + asked_a_chunk);
            for row in asked..end {
                self.later.iter().flatten().for_each(|rows| rows.prefetch(row));
            }
            asked = end;
            for quad in 0..count {
                // SAFETY: the slices hold the lines of so many quads, as asserted above: each quad two on the right,
                // and one number in each of a chunk's rows on the left. Lines are aligned.
                unsafe {
                    let mut columns = [_mm512_setzero_si512(); VECTORS];
                    for (at, columns) in columns.iter_mut().enumerate() {
                        *columns = _mm512_load_si512(right.add(at));
                    }
                    right = right.add(PAIR_LINES);
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let value = _mm512_set1_epi32(*left.add(row * CHUNK + quad));
                        for (sum, &columns) in sums.iter_mut().zip(&columns) {
                            *sum = _mm512_dpbusd_epi32(*sum, value, columns);
                        }
                    }
                }
            }
            rest -= count;
            // At the end it is not read any more.
            left = left.wrapping_add(ROWS * CHUNK);
        }
        // Loops as small as these are unrolled, and only then the sums stay in registers.
        let mut values = [[_mm512_setzero_ps(); VECTORS]; HEIGHT];
        for (row, values) in values.iter_mut().enumerate() {
            let row_scale = _mm512_set1_ps(row_scales[row]);
            for (at, value) in values.iter_mut().enumerate() {
                let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[row][at]), self.scales[at]);
                *value = _mm512_mul_ps(scaled, row_scale);
            }
        }
        if let Some(source) = &self.source {
            for (row, values) in values.iter_mut().enumerate() {
                for (at, value) in values.iter_mut().enumerate() {
                    // SAFETY: the caller promises these rows and columns.
                    *value = _mm512_add_ps(*value, unsafe { source.load(row, at) });
                }
            }
        }
        if let Some(bias) = &self.bias {
            for values in &mut values {
                values.iter_mut().zip(bias).for_each(|(value, &bias)| *value = _mm512_add_ps(*value, bias));
            }
        }
        if let Some(residual) = &self.residual {
            for (row, values) in values.iter_mut().enumerate() {
                for (at, value) in values.iter_mut().enumerate() {
                    // SAFETY: the caller promises these rows and columns.
                    *value = _mm512_add_ps(*value, unsafe { residual.load(row, at) });
                }
            }
        }
        for (row, values) in values.iter().enumerate() {
            for (at, &value) in values.iter().enumerate() {
                // SAFETY: the caller promises these rows and columns.
                unsafe { self.target.store(row, at, value) };
            }
        }
    }
}
