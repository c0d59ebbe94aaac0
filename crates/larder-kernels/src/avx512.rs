//! The kernel of processors with AVX512_BF16: `VDPBF16PS` on blocks of 12 rows and 32 columns.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::activation::{Activation, EXP, LN_2, ROUNDER};
use crate::block::Block;
use crate::matrix::Matrix;
use crate::panels::{CHUNK, CHUNK_LINES, COLUMNS, LANES, Line, PAIR_LINES, ROWS};
use crate::rows::{self, NormSums};

/// Rows that are asked for before they are packed.
const AHEAD: usize = 16;

pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512bf16")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("fma")
}

/// The first `count` lanes.
pub(crate) fn mask(count: usize) -> __mmask16 {
    if count >= LANES { !0 } else { (1 << count) - 1 }
}

/// 16 values from `pointer` on, zeros beyond `count`.
///
/// # Safety
///
/// The first `count` of them may be read.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
pub(crate) unsafe fn load(pointer: *const f32, count: usize) -> __m512 {
    // SAFETY: lanes that are masked out are not read.
    unsafe { _mm512_maskz_loadu_ps(mask(count), pointer) }
}

/// Asks for the cache line of a value that is needed later, which may lie beyond the last: the processor foresees no
/// rows that are far apart.
// Newer compilers know that no address is wrong to ask for.
#[allow(unused_unsafe)]
#[inline]
fn prefetch<const CACHE: i32>(values: *const f32, at: usize) {
    // SAFETY: it reads nothing, and every processor of this architecture has it.
    unsafe { _mm_prefetch::<CACHE>(values.wrapping_add(at).cast()) };
}

/// The pairs of 32 neighbours along the summed axis.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
fn neighbours(first: __m512, second: __m512) -> __m512i {
    bits(_mm512_cvtne2ps_pbh(second, first))
}

/// The pairs of 16 columns of two neighbouring rows, the summed axis going down.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
fn interleave(upper: __m512, lower: __m512) -> __m512i {
    // Words 0, 16, 1, 17, ...: the lower operand's words come second.
    let order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
        16, 0,
    );
    _mm512_permutexvar_epi16(order, neighbours(upper, lower))
}

#[inline]
fn bits(pairs: __m512bh) -> __m512i {
    // SAFETY: both are 64 bytes of which any are a value.
    unsafe { std::mem::transmute::<__m512bh, __m512i>(pairs) }
}

#[inline]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which any are a value.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) }
}

/// The transpose of 16 x 16 pairs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
pub(crate) fn transpose(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut two = rows;
    for at in (0..LANES).step_by(2) {
        two[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        two[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    // In each quarter of `four[4 i + j]`: the elements of rows 4 i to 4 i + 3 in column j of that quarter.
    let mut four = two;
    for at in (0..LANES).step_by(4) {
        four[at] = _mm512_unpacklo_epi64(two[at], two[at + 2]);
        four[at + 1] = _mm512_unpackhi_epi64(two[at], two[at + 2]);
        four[at + 2] = _mm512_unpacklo_epi64(two[at + 1], two[at + 3]);
        four[at + 3] = _mm512_unpackhi_epi64(two[at + 1], two[at + 3]);
    }
    let mut columns = four;
    for at in 0..4 {
        let even_upper = _mm512_shuffle_i32x4::<0x88>(four[at], four[4 + at]);
        let odd_upper = _mm512_shuffle_i32x4::<0xdd>(four[at], four[4 + at]);
        let even_lower = _mm512_shuffle_i32x4::<0x88>(four[8 + at], four[12 + at]);
        let odd_lower = _mm512_shuffle_i32x4::<0xdd>(four[8 + at], four[12 + at]);
        columns[at] = _mm512_shuffle_i32x4::<0x88>(even_upper, even_lower);
        columns[4 + at] = _mm512_shuffle_i32x4::<0x88>(odd_upper, odd_lower);
        columns[8 + at] = _mm512_shuffle_i32x4::<0xdd>(even_upper, even_lower);
        columns[12 + at] = _mm512_shuffle_i32x4::<0xdd>(odd_upper, odd_lower);
    }
    columns
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
fn store(line: &mut Line, bits: __m512i) {
    // SAFETY: a line is 64 bytes, and so aligned.
    unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), bits) }
}

/// Asks for the first values of every row, for the second cache: the first is in use.
pub(crate) fn prefetch_rows(matrix: &Matrix<'_>, values: usize) {
    if matrix.is_transposed {
        return;
    }
    for row in 0..matrix.rows {
        (0..values)
            .step_by(LANES)
            .for_each(|at| prefetch::<_MM_HINT_T1>(matrix.values.as_ptr(), row * matrix.leading + at));
    }
}

/// `rows::softmax` of every row, each so many vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn softmax(scores: &mut [[f32; LANES]], count: usize, scale: f32, mask: &[[f32; LANES]]) {
    // SAFETY: 16 values are a vector.
    let read = |lanes: &[f32; LANES]| unsafe { _mm512_loadu_ps(lanes.as_ptr()) };
    // SAFETY: as above.
    let write = |lanes: &mut [f32; LANES], values| unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), values) };
    let (scale, nothing) = (_mm512_set1_ps(scale), _mm512_set1_ps(f32::NEG_INFINITY));
    for scores in scores.chunks_exact_mut(mask.len()) {
        let mut largest = nothing;
        let mut rest = count;
        for (scores, mask) in scores.iter_mut().zip(mask) {
            let score = _mm512_fmadd_ps(read(scores), scale, read(mask));
            let score = _mm512_mask_mov_ps(nothing, self::mask(rest), score);
            write(scores, score);
            // Of a NaN and a number it is the latter operand.
            largest = _mm512_max_ps(score, largest);
            rest = rest.saturating_sub(LANES);
        }
        let largest = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
        let mut sums = _mm512_setzero_ps();
        for scores in scores.iter_mut() {
            let power = exp_below_zero(_mm512_sub_ps(read(scores), largest));
            write(scores, power);
            sums = _mm512_add_ps(sums, power);
        }
        let factor = _mm512_set1_ps(1.0 / _mm512_reduce_add_ps(sums));
        scores.iter_mut().for_each(|scores| write(scores, _mm512_mul_ps(read(scores), factor)));
    }
}

/// `exp(x)` of `x <= 0` or NaN, as `activation::exp`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
#[inline]
fn exp_below_zero(x: __m512) -> __m512 {
    // Less than half of the least float32. A NaN is the latter operand.
    let x = _mm512_max_ps(_mm512_set1_ps(-104.0), x);
    let rounder = _mm512_set1_ps(ROUNDER);
    let whole = _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(std::f32::consts::LOG2_E), rounder), rounder);
    let rest = _mm512_fnmadd_ps(whole, _mm512_set1_ps(LN_2[0]), x);
    let rest = _mm512_fnmadd_ps(whole, _mm512_set1_ps(LN_2[1]), rest);
    let mut power = _mm512_set1_ps(EXP[6]);
    for &coefficient in EXP[..6].iter().rev() {
        power = _mm512_fmadd_ps(power, rest, _mm512_set1_ps(coefficient));
    }
    _mm512_scalef_ps(power, whole)
}

/// As `rows::normalise` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn normalise(row: &mut [f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32) {
    rows::normalise::<true>(row, weight, bias, epsilon);
}

/// As `rows::softmax_gradient` says, of every row, each so many vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn softmax_gradient(gradients: &mut [[f32; LANES]], weights: &[[f32; LANES]], vectors: usize, scale: f32) {
    for (gradient, weights) in gradients.chunks_exact_mut(vectors).zip(weights.chunks_exact(vectors)) {
        rows::softmax_gradient::<true>(gradient, weights, scale);
    }
}

/// As `rows::activation_gradient` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn activation_gradient(
    activation: Activation,
    gradient: &[f32],
    input: &[f32],
    output: &mut [f32],
    sums: &mut [f32],
) {
    rows::activation_gradient::<true>(activation, gradient, input, output, sums);
}

/// As `rows::normalise_gradient` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn normalise_gradient(row: &mut [f32], gradient: &[f32], weight: &[f32], epsilon: f32, sums: NormSums<'_>) {
    rows::normalise_gradient::<true>(row, gradient, weight, epsilon, sums);
}

/// As `Kernel::pack_left` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn pack_left(left: &Matrix<'_>, rows: Range<usize>, depth: Range<usize>, lines: &mut [Line], stride: usize) {
    if left.is_transposed {
        pack_left_transposed(left, rows, depth, lines, stride);
        return;
    }
    for (at, row) in rows.enumerate() {
        let start = row * left.leading;
        let values = &left.values[start + depth.start..start + depth.end];
        let first = at / ROWS * stride + at % ROWS * (CHUNK / LANES);
        for (group, values) in values.chunks(2 * LANES).enumerate() {
            let count = values.len();
            // SAFETY: `values` holds `count` values; what lies beyond them is masked out, and is not read where the
            // first vector takes all of them.
            let (first_half, second_half) = unsafe {
                let second = values.as_ptr().add(count.min(LANES));
                (load(values.as_ptr(), count), load(second, count.saturating_sub(LANES)))
            };
            let in_block = group / (CHUNK / LANES) * CHUNK_LINES + group % (CHUNK / LANES);
            store(&mut lines[first + in_block], neighbours(first_half, second_half));
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
fn pack_left_transposed(left: &Matrix<'_>, rows: Range<usize>, depth: Range<usize>, lines: &mut [Line], stride: usize) {
    // Values of some rows at one place of the summed axis, zeros beyond its end.
    let values = |k: usize, row: usize, count: usize| {
        if k >= depth.end {
            return _mm512_setzero_ps();
        }
        let start = k * left.leading + row;
        let values = &left.values[start..start + count];
        // SAFETY: `values` holds `count` values.
        unsafe { load(values.as_ptr(), count) }
    };
    for (chunk, start) in depth.clone().step_by(2 * CHUNK).enumerate() {
        // All blocks before the next chunk: what lies together in memory is read together.
        for (block, row) in rows.clone().step_by(ROWS).enumerate() {
            let count = ROWS.min(rows.end - row);
            for (group, k) in (start..depth.end.min(start + 2 * CHUNK)).step_by(2 * LANES).enumerate() {
                let mut by_pair = [_mm512_setzero_si512(); LANES];
                for (at, pair) in by_pair.iter_mut().enumerate() {
                    let k = k + 2 * at;
                    if k < depth.end {
                        // Of the blocks after the next.
                        prefetch::<_MM_HINT_T0>(left.values.as_ptr(), k * left.leading + row + 2 * LANES);
                        prefetch::<_MM_HINT_T0>(left.values.as_ptr(), (k + 1) * left.leading + row + 2 * LANES);
                        *pair = interleave(values(k, row, count), values(k + 1, row, count));
                    }
                }
                let by_row = transpose(by_pair);
                let first = block * stride + chunk * CHUNK_LINES + group;
                for (at, &pairs) in by_row[..count].iter().enumerate() {
                    store(&mut lines[first + at * (CHUNK / LANES)], pairs);
                }
            }
        }
    }
}

/// Vectors of a panel that have a column.
fn vectors(columns: usize, panel: usize) -> usize {
    (columns - panel * COLUMNS).div_ceil(LANES).min(PAIR_LINES)
}

/// As `Kernel::pack_right` says.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn pack_right(right: &Matrix<'_>, panels: Range<usize>, lines: &mut [Line]) {
    let [depth, columns] = right.shape();
    let stride = depth.div_ceil(2) * PAIR_LINES;
    assert_eq!(lines.len(), panels.len() * stride, "panels fill their lines exactly");
    if right.is_transposed {
        pack_right_transposed(right, panels, lines);
        return;
    }
    // Values of neighbouring columns in one row, zeros beyond the last row and column.
    let values = |k: usize, column: usize| {
        let count = LANES.min(columns.saturating_sub(column));
        if k >= depth || count == 0 {
            return _mm512_setzero_ps();
        }
        let start = k * right.leading + column;
        let values = &right.values[start..start + count];
        // SAFETY: `values` holds `count` values.
        unsafe { load(values.as_ptr(), count) }
    };
    for pair in 0..depth.div_ceil(2) {
        for (at, panel) in panels.clone().enumerate() {
            for half in 0..vectors(columns, panel) {
                let column = panel * COLUMNS + half * LANES;
                prefetch::<_MM_HINT_T0>(right.values.as_ptr(), (2 * pair + AHEAD) * right.leading + column);
                prefetch::<_MM_HINT_T0>(right.values.as_ptr(), (2 * pair + AHEAD + 1) * right.leading + column);
                let both = interleave(values(2 * pair, column), values(2 * pair + 1, column));
                store(&mut lines[at * stride + pair * PAIR_LINES + half], both);
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
fn pack_right_transposed(right: &Matrix<'_>, panels: Range<usize>, lines: &mut [Line]) {
    let [depth, columns] = right.shape();
    let pairs = depth.div_ceil(2);
    for (at, panel) in panels.enumerate() {
        for half in 0..vectors(columns, panel) {
            let column = panel * COLUMNS + half * LANES;
            for (group, k) in (0..depth).step_by(2 * LANES).enumerate() {
                let mut by_column = [_mm512_setzero_si512(); LANES];
                for (lane, pairs) in by_column.iter_mut().enumerate() {
                    if column + lane < columns {
                        let start = (column + lane) * right.leading;
                        let values = &right.values[start + k..start + depth.min(k + 2 * LANES)];
                        let count = values.len();
                        // SAFETY: as in `pack_left`.
                        let (first, second) = unsafe {
                            let second = values.as_ptr().add(count.min(LANES));
                            (load(values.as_ptr(), count), load(second, count.saturating_sub(LANES)))
                        };
                        *pairs = neighbours(first, second);
                    }
                }
                let by_pair = transpose(by_column);
                let first = at * pairs * PAIR_LINES + group * LANES * PAIR_LINES + half;
                for (at, &columns) in by_pair[..LANES.min(pairs - group * LANES)].iter().enumerate() {
                    store(&mut lines[first + at * PAIR_LINES], columns);
                }
            }
        }
    }
}

/// Computes a block, a panel of columns after another: the panel stays in the nearest cache while all rows pass.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) fn multiply(mut block: Block<'_>) {
    let [rows, columns] = block.output.shape;
    let leading = block.output.leading();
    let left_lines = block.pairs.div_ceil(CHUNK) * CHUNK_LINES;
    let right_lines = block.pairs * PAIR_LINES;
    let epilogue = block.epilogue.unwrap_or_default();
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
            let second = bias[count.min(LANES)..].as_ptr();
            // SAFETY: the slice has `count` values.
            unsafe { [load(bias.as_ptr(), count), load(second, count.saturating_sub(LANES))] }
        });
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
                pairs: block.pairs,
                source: block.accumulate.then_some(output),
                bias,
                residual: residual.filter(|_| !has_activation),
                later: [Some(output), residual],
                target,
            };
            // SAFETY: output and residual have `height` rows and `count` columns from here on, and nobody else has them;
            // `sums` has as many as there can be.
            unsafe { tile.compute(height, count) };
            if let Some(sums) = &mut sums {
                // It has too many constants for the registers that sums leave: another pass, in the nearest cache.
                epilogue.activation.apply::<true>(sums.0[..height].as_flattened_mut());
                // SAFETY: as above.
                unsafe { finish(sums, height, residual, output) };
            }
        }
    }
}

/// Rows of a residual, from `start` on; copied if it lies transposed.
pub(crate) fn residual_rows(
    residual: &Matrix<'_>,
    start: [usize; 2],
    shape: [usize; 2],
    copy: Option<&mut Sums>,
) -> Rows {
    let masks = [mask(shape[1]), mask(shape[1].saturating_sub(LANES))];
    if let Some(copy) = copy {
        for (row, terms) in (start[0]..start[0] + shape[0]).zip(&mut copy.0) {
            terms[..shape[1]].iter_mut().zip(start[1]..).for_each(|(term, column)| *term = residual.at(row, column));
        }
        return Rows { pointer: copy.0.as_mut_ptr().cast(), leading: COLUMNS, masks };
    }
    let first = start[0] * residual.leading + start[1];
    let values = &residual.values[first..first + (shape[0] - 1) * residual.leading + shape[1]];
    Rows { pointer: values.as_ptr().cast_mut(), leading: residual.leading, masks }
}

/// Writes sums, with a residual added.
///
/// # Safety
///
/// Residual and output have so many rows, and the columns in their masks; the output may be written.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
pub(crate) unsafe fn finish(sums: &Sums, height: usize, residual: Option<Rows>, output: Rows) {
    for (row, sums) in sums.0[..height].iter().enumerate() {
        for (at, sums) in sums.as_chunks::<LANES>().0.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let mut sum = _mm512_loadu_ps(sums.as_ptr());
                if let Some(residual) = &residual {
                    sum = _mm512_add_ps(sum, residual.load(row, at));
                }
                output.store(row, at, sum);
            }
        }
    }
}

/// Values of a tile, aligned as vectors are.
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [[f32; COLUMNS]; ROWS]);

impl Sums {
    pub(crate) fn zeros() -> Self {
        Self([[0.0; COLUMNS]; ROWS])
    }
}

/// Where the rows of a tile lie.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) pointer: *mut f32,
    pub(crate) leading: usize,
    /// Columns of each vector that are there.
    pub(crate) masks: [__mmask16; PAIR_LINES],
}

impl Rows {
    /// Asks for the cache lines of a row: three at most, which may begin anywhere in one.
    #[inline]
    pub(crate) fn prefetch(&self, row: usize) {
        [0, LANES, COLUMNS - 1]
            .into_iter()
            .for_each(|at| prefetch::<_MM_HINT_T0>(self.pointer, row * self.leading + at));
    }

    /// # Safety
    ///
    /// There is such a row, with the columns in the masks.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
    #[inline]
    pub(crate) unsafe fn load(&self, row: usize, vector: usize) -> __m512 {
        let pointer = self.pointer.wrapping_add(row * self.leading + vector * LANES);
        // SAFETY: as above; lanes that are masked out are not read.
        unsafe { _mm512_maskz_loadu_ps(self.masks[vector], pointer) }
    }

    /// # Safety
    ///
    /// There is such a row, with the columns in the masks, and it may be written.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")]
    #[inline]
    pub(crate) unsafe fn store(&self, row: usize, vector: usize, values: __m512) {
        let pointer = self.pointer.wrapping_add(row * self.leading + vector * LANES);
        // SAFETY: as above; lanes that are masked out are not written. Whole vectors have an instruction of their own,
        // whose values later loads get at once.
        unsafe {
            match self.masks[vector] {
                0xffff => _mm512_storeu_ps(pointer, values),
                mask => _mm512_mask_storeu_ps(pointer, mask, values),
            }
        }
    }
}

/// At most 12 rows times at most 32 columns, whose sums all are in registers.
struct Tile<'a> {
    left: &'a [Line],
    right: &'a [Line],
    pairs: usize,
    /// The start of the sums. if not from zero.
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
        assert!(self.left.len() >= self.pairs.div_ceil(CHUNK) * CHUNK_LINES);
        assert!(self.right.len() >= self.pairs * PAIR_LINES);
        let mut sums = [[_mm512_setzero_ps(); VECTORS]; HEIGHT];
        if let Some(source) = &self.source {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (at, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller promises these rows and columns.
                    *sum = unsafe { source.load(row, at) };
                }
            }
        }
        let mut left = self.left.as_ptr().cast::<i32>();
        let mut right = self.right.as_ptr().cast::<__m512i>();
        let mut rest = self.pairs;
        let mut asked = 0;
        let asked_a_chunk = HEIGHT.div_ceil(self.pairs.div_ceil(CHUNK).max(1)).max(4);
        while rest > 0 {
            let count = rest.min(CHUNK);
            // Some rows at a time: more would keep the operands waiting.
            let end = HEIGHT.min(asked + asked_a_chunk);
            for row in asked..end {
                self.later.iter().flatten().for_each(|rows| rows.prefetch(row));
            }
            asked = end;
            for pair in 0..count {
                // SAFETY: the slices hold the lines of so many pairs, as asserted above: each pair two on the right,
                // and one number in each of a chunk's rows on the left. Lines are aligned.
                unsafe {
                    let mut columns = [pairs(_mm512_setzero_si512()); VECTORS];
                    for (at, columns) in columns.iter_mut().enumerate() {
                        *columns = pairs(_mm512_load_si512(right.add(at)));
                    }
                    right = right.add(PAIR_LINES);
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let value = pairs(_mm512_set1_epi32(*left.add(row * CHUNK + pair)));
                        for (sum, &columns) in sums.iter_mut().zip(&columns) {
                            *sum = _mm512_dpbf16_ps(*sum, value, columns);
                        }
                    }
                }
            }
            rest -= count;
            // At the end it is not read any more.
            left = left.wrapping_add(ROWS * CHUNK);
        }
        if let Some(bias) = &self.bias {
            for sums in &mut sums {
                sums.iter_mut().zip(bias).for_each(|(sum, &bias)| *sum = _mm512_add_ps(*sum, bias));
            }
        }
        if let Some(residual) = &self.residual {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (at, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller promises these rows and columns.
                    *sum = _mm512_add_ps(*sum, unsafe { residual.load(row, at) });
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
