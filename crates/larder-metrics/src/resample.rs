//! Bootstrap resamples of counted rows.

use rand::Rng;
use rand_distr::{Binomial, Distribution};

/// Draws resamples of rows that fall into cells.
///
/// Drawing `n` rows with replacement and counting the cells they fall into gives counts with the multinomial
/// distribution of `n` draws and the cells' shares. So a score of the counts has exactly the same bootstrap
/// distribution whether rows or counts are drawn (Efron & Tibshirani 1993, section 5.2), and counts cost one
/// binomial draw per cell that is not empty, whatever the number of rows.
pub(crate) struct Resampler {
    counts: Vec<u64>,
    rows: u64,
}

impl Resampler {
    pub(crate) fn new(counts: Vec<u64>) -> Self {
        let rows = counts.iter().sum();
        Self { counts, rows }
    }

    /// Calls `visit` with the index and the drawn count of every cell that got rows.
    pub(crate) fn draw(&self, rng: &mut impl Rng, mut visit: impl FnMut(usize, u64)) {
        let (mut rows, mut weight) = (self.rows, self.rows);
        for (cell, &count) in self.counts.iter().enumerate() {
            if rows == 0 {
                return;
            }
            // Given the cells before, this one gets each of the rows left with its share of the weight left; the
            // last one gets all of them.
            let drawn = if count == weight {
                rows
            } else {
                let share = count as f64 / weight as f64;
                Binomial::new(rows, share).expect("a count is at most the weight left").sample(rng)
            };
            if drawn > 0 {
                visit(cell, drawn);
            }
            rows -= drawn;
            weight -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn counts_have_the_multinomials_mean_and_covariance() {
        let counts = [5_u64, 0, 20, 75];
        let resampler = Resampler::new(counts.to_vec());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let resamples = 20_000;
        let (mut sums, mut products) = ([0.0; 4], [[0.0; 4]; 4]);
        for _ in 0..resamples {
            let mut drawn = [0.0; 4];
            resampler.draw(&mut rng, |cell, count| drawn[cell] = count as f64);
            assert_eq!(drawn.iter().sum::<f64>(), 100.0);
            for a in 0..4 {
                sums[a] += drawn[a];
                for b in 0..4 {
                    products[a][b] += drawn[a] * drawn[b];
                }
            }
        }
        let n = f64::from(resamples);
        for a in 0..4 {
            // Standard error of a mean is at most sqrt(19 / 20000) = 0.03: five of them.
            assert!((sums[a] / n - counts[a] as f64).abs() < 0.16, "mean of cell {a}");
            for b in 0..4 {
                let (p, q) = (counts[a] as f64 / 100.0, counts[b] as f64 / 100.0);
                let expected = if a == b { 100.0 * p * (1.0 - p) } else { -100.0 * p * q };
                let found = products[a][b] / n - sums[a] / n * sums[b] / n;
                // Standard error of a variance v is about v · sqrt(2 / 20000) = 0.01 · v, at most 0.19: five.
                assert!((found - expected).abs() < 0.95, "covariance {a}, {b}: {found} for {expected}");
            }
        }
    }
}
