//! The two products of a fit with many outputs, `rows · weights` and `rowsᵀ · residuals`: of taggers, and of labels.
//!
//! Classes lie in panels of [`LANES`]: a tile of [`TILE`] rows (or dimensions) times one panel is summed in registers,
//! which the compiler makes of the fixed sizes below. With a dozen classes this is twice as fast as the plain loops of
//! `kernel`, which serve one to ten columns (measurements: `docs/tagging.md`). Every sum goes through its terms one by
//! one, in their order, without fused multiply-adds: results are the same on every processor and do not depend on which
//! rows share a tile.

use crate::real::Real;

/// Classes of one panel in float32; a dozen of named-entity classes fill one.
pub(crate) const LANES: usize = 16;

/// Rows, or dimensions, of one tile: 6 times 2 registers of sums leave room for the operands among AVX2's 16.
const TILE: usize = 6;

/// One number for each class of a panel.
pub(crate) type Panel = [f32; LANES];

/// Panels that hold so many classes.
pub(crate) fn panels(classes: usize) -> usize {
    classes.div_ceil(LANES)
}

/// Adds `rows [count, width] · weights [width]` to `logits [count]`, of one panel of classes.
pub(crate) fn forward<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    weights: &[[F; LANES]],
    logits: &mut [[F; LANES]],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { forward_avx2(width, rows, weights, logits) };
    }
    forward_any(width, rows, weights, logits);
}

/// Adds `rowsᵀ [width, count] · residuals [count]` to `products [width]`, of one panel of classes.
pub(crate) fn backward<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    residuals: &[[F; LANES]],
    products: &mut [[F; LANES]],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been found to have AVX2.
        return unsafe { backward_avx2(width, rows, residuals, products) };
    }
    backward_any(width, rows, residuals, products);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn forward_avx2<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    weights: &[[F; LANES]],
    logits: &mut [[F; LANES]],
) {
    forward_any(width, rows, weights, logits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn backward_avx2<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    residuals: &[[F; LANES]],
    products: &mut [[F; LANES]],
) {
    backward_any(width, rows, residuals, products);
}

#[inline(always)]
fn forward_any<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    weights: &[[F; LANES]],
    logits: &mut [[F; LANES]],
) {
    let mut tiles = rows.chunks_exact(TILE * width);
    let mut targets = logits.chunks_exact_mut(TILE);
    for (tile, target) in (&mut tiles).zip(&mut targets) {
        forward_tile::<F, TILE, LANES>(width, tile, weights, target);
    }
    for (row, target) in tiles.remainder().chunks_exact(width).zip(targets.into_remainder().chunks_exact_mut(1)) {
        forward_tile::<F, 1, LANES>(width, row, weights, target);
    }
}

#[inline(always)]
fn forward_tile<F: Real, const ROWS: usize, const LANES: usize>(
    width: usize,
    tile: &[F],
    weights: &[[F; LANES]],
    target: &mut [[F; LANES]],
) {
    let rows: [&[F]; ROWS] = std::array::from_fn(|row| &tile[row * width..(row + 1) * width]);
    let mut sums = [[F::zero(); LANES]; ROWS];
    for (dimension, weights) in weights[..width].iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let value = row[dimension];
            for lane in 0..LANES {
                sums[lane] += value * weights[lane];
            }
        }
    }
    for (target, sums) in target.iter_mut().zip(&sums) {
        for lane in 0..LANES {
            target[lane] += sums[lane];
        }
    }
}

#[inline(always)]
fn backward_any<F: Real, const LANES: usize>(
    width: usize,
    rows: &[F],
    residuals: &[[F; LANES]],
    products: &mut [[F; LANES]],
) {
    let whole = width - width % TILE;
    for first in (0..whole).step_by(TILE) {
        backward_tile::<F, TILE, LANES>(width, first, rows, residuals, products);
    }
    for first in whole..width {
        backward_tile::<F, 1, LANES>(width, first, rows, residuals, products);
    }
}

#[inline(always)]
fn backward_tile<F: Real, const DIMENSIONS: usize, const LANES: usize>(
    width: usize,
    first: usize,
    rows: &[F],
    residuals: &[[F; LANES]],
    products: &mut [[F; LANES]],
) {
    let mut sums = [[F::zero(); LANES]; DIMENSIONS];
    for (row, residuals) in rows.chunks_exact(width).zip(residuals) {
        let values = &row[first..first + DIMENSIONS];
        for (sums, &value) in sums.iter_mut().zip(values) {
            for lane in 0..LANES {
                sums[lane] += value * residuals[lane];
            }
        }
    }
    for (product, sums) in products[first..first + DIMENSIONS].iter_mut().zip(&sums) {
        for lane in 0..LANES {
            product[lane] += sums[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row counts and widths on both sides of the multiples of a tile.
    #[test]
    fn both_products_agree_with_the_definition() {
        for (count, width) in [(1, 1), (6, 12), (7, 5), (13, 35), (20, 6)] {
            let rows: Vec<f32> = (0..count * width).map(|index| ((index * 7919) % 31) as f32 - 15.0).collect();
            let weights: Vec<Panel> =
                (0..width).map(|at| std::array::from_fn(|lane| ((at * 3 + lane * 5) % 11) as f32 - 5.0)).collect();
            let mut logits: Vec<Panel> =
                (0..count).map(|row| std::array::from_fn(|lane| (row + lane) as f32)).collect();
            forward(width, &rows, &weights, &mut logits);
            let mut products = vec![[1.0; LANES]; width];
            let residuals: Vec<Panel> =
                (0..count).map(|row| std::array::from_fn(|lane| ((row * 5 + lane) % 7) as f32 - 3.0)).collect();
            backward(width, &rows, &residuals, &mut products);
            // All numbers are small integers: both sides are exact.
            for lane in 0..LANES {
                for row in 0..count {
                    let sum: f32 = (0..width).map(|at| rows[row * width + at] * weights[at][lane]).sum();
                    assert_eq!(logits[row][lane], sum + (row + lane) as f32);
                }
                for at in 0..width {
                    let sum: f32 = (0..count).map(|row| rows[row * width + at] * residuals[row][lane]).sum();
                    assert_eq!(products[at][lane], sum + 1.0);
                }
            }
        }
    }

    #[test]
    fn a_row_means_the_same_in_any_tile() {
        let width = 37;
        let rows: Vec<f32> = (0..13 * width).map(|index| ((index * 7919) % 1009) as f32 / 97.0 - 5.0).collect();
        let weights: Vec<Panel> =
            (0..width).map(|at| std::array::from_fn(|lane| ((at * 31 + lane * 17) % 101) as f32 / 7.0 - 7.0)).collect();
        let mut together = vec![[0.5; LANES]; 13];
        forward(width, &rows, &weights, &mut together);
        for (row, expected) in rows.chunks_exact(width).zip(&together) {
            let mut alone = [[0.5; LANES]];
            forward(width, row, &weights, &mut alone);
            assert_eq!(&alone[0], expected);
        }
    }
}
