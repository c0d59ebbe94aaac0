//! Rows drawn at random.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;

/// Draws `count` of `rows` zero-based rows, each as likely as any other, in rising order and the same for the same
/// seed. Returns all of them where there are no more.
///
/// ```
/// let drawn = larder_inspect::sample_rows(1000, 3, 0);
/// assert!(drawn.len() == 3 && drawn.is_sorted() && drawn[2] < 1000);
/// assert_eq!(larder_inspect::sample_rows(2, 3, 0), [0, 1]);
/// ```
pub fn sample_rows(rows: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut drawn = rand::seq::index::sample(&mut random, rows, count.min(rows)).into_vec();
    drawn.sort_unstable();
    drawn
}
