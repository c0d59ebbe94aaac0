//! What rows are compared with where they are left out themselves.

use ndarray::{Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::index;
use rayon::prelude::*;

use super::head::{Similar, nearest};
use super::settings::{SimilarityKind, SimilaritySettings};
use super::unit_rows::BLOCK_ROWS;

/// The most rows of `knn` that are left out in turn: each is compared with all others, for every candidate.
const MOST_ROWS: usize = 2_000;

/// Returns the rows that are left out in turn, ascending: those whose class has another row or a name, and of `knn` at most
/// [`MOST_ROWS`] of them, drawn by the seed.
pub(super) fn left_out_rows(labels: &[usize], counts: &[u64], settings: &SimilaritySettings) -> Vec<usize> {
    // A class is left with its name, if that is compared with.
    let least = if settings.kind == SimilarityKind::Labels { 1 } else { 2 };
    let possible: Vec<usize> = (0..labels.len()).filter(|&row| counts[labels[row]] >= least).collect();
    if settings.kind != SimilarityKind::Knn || possible.len() <= MOST_ROWS {
        return possible;
    }
    let mut random = StdRng::seed_from_u64(settings.seed);
    let mut drawn: Vec<usize> =
        index::sample(&mut random, possible.len(), MOST_ROWS).into_iter().map(|at| possible[at]).collect();
    drawn.sort_unstable();
    drawn
}

/// Returns the nearest other rows of each of the rows `left_out`, at most `count` each, in descending order.
pub(super) fn similar_rows(rows: &Array2<f32>, left_out: &[usize], count: usize) -> Vec<Vec<Similar>> {
    let blocks: Vec<Vec<Vec<Similar>>> = left_out
        .par_chunks(BLOCK_ROWS)
        .map(|block| {
            let products = rows.select(Axis(0), block).dot(&rows.t());
            let others = |(row, &left_out): (ArrayView1<'_, f32>, &usize)| {
                nearest(row.iter().copied().enumerate().filter(|(other, _)| *other != left_out), count)
            };
            products.rows().into_iter().zip(block).map(others).collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

/// Returns the classes of each of the rows `left_out` by their prototypes, in descending order. `sums` `[classes, width]` are what
/// prototypes have the direction of; that of a row's own class without the row is `S - z`.
pub(super) fn similar_classes(
    rows: &Array2<f32>,
    labels: &[usize],
    sums: &Array2<f64>,
    left_out: &[usize],
) -> Vec<Vec<Similar>> {
    let squares: Vec<f64> = sums.rows().into_iter().map(|sum| sum.dot(&sum)).collect();
    left_out
        .par_iter()
        .map(|&row| {
            let values = rows.row(row).mapv(f64::from);
            let own = values.dot(&values);
            let similarity = |class: usize| {
                let product = values.dot(&sums.row(class));
                let (product, square) = match class == labels[row] {
                    true => (product - own, squares[class] - 2.0 * product + own),
                    false => (product, squares[class]),
                };
                // Rounding may leave a square a little below 0 where the rest of the class cancels out.
                if square > 0.0 { (product / square.sqrt()) as f32 } else { 0.0 }
            };
            nearest((0..sums.nrows()).map(|class| (class, similarity(class))), sums.nrows())
        })
        .collect()
}
