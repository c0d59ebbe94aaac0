//! Products and distances of vectors, in float32.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// Sums kept apart, so that a product is a chain of vector instructions.
const LANES: usize = 16;
/// Candidates in one product.
const BLOCK: usize = 512;
/// A squared distance below this share of the squared lengths is rounding.
const SAME: f32 = 1e-5;

/// Returns the product of two vectors.
pub(crate) fn dot(first: &[f32], second: &[f32]) -> f32 {
    sum_of(first, second, |a, b| a * b)
}

/// Returns the squared distance of two vectors.
pub(crate) fn squared(first: &[f32], second: &[f32]) -> f32 {
    sum_of(first, second, |a, b| (a - b) * (a - b))
}

fn sum_of(first: &[f32], second: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a, b) = (first.chunks_exact(LANES), second.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| term(*a, *b)).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Returns the squared distance from each of `rows` `[rows, width]` to the nearest of `others` `[others, width]`, and its position; the
/// first of several. Infinite where there are no others.
pub(crate) fn nearest(rows: &[f32], others: &[f32], width: usize) -> Vec<(f32, usize)> {
    let mut found = vec![(f32::INFINITY, 0); rows.len() / width.max(1)];
    if others.is_empty() || rows.is_empty() {
        return found;
    }
    let other_lengths: Vec<f32> = others.chunks_exact(width).map(|other| dot(other, other)).collect();
    let others = ArrayView2::from_shape((other_lengths.len(), width), others).expect("others are whole rows");
    found.par_chunks_mut(BLOCK).zip(rows.par_chunks(BLOCK * width)).for_each(|(found, rows)| {
        let lengths: Vec<f32> = rows.chunks_exact(width).map(|row| dot(row, row)).collect();
        let rows = ArrayView2::from_shape((found.len(), width), rows).expect("a block has whole rows");
        for (block, others) in others.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
            let products = rows.dot(&others.t());
            for ((found, products), length) in found.iter_mut().zip(products.rows()).zip(&lengths) {
                for (position, product) in (block * BLOCK..).zip(products) {
                    let both = length + other_lengths[position];
                    let distance = both - 2.0 * product;
                    let distance = if distance <= SAME * both { 0.0 } else { distance };
                    if distance < found.0 {
                        *found = (distance, position);
                    }
                }
            }
        }
    });
    found
}
