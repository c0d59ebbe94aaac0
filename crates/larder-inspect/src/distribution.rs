//! The distribution of a stream of numbers, in constant memory.

use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Numbers kept for quantiles; of fewer they are exact.
const KEPT: usize = 1 << 16;
/// The quantiles that are told.
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// The seed of the sample, the same on every run.
const SEED: u64 = 20260;

/// The distribution of many numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// Number of values.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// Quantiles, with linear interpolation between neighbours (numpy's default).
    pub quantiles: Vec<Quantile>,
    /// Numbers that the quantiles were taken from: a uniform sample where fewer than `count`.
    pub quantiles_from: u64,
}

/// A share of the numbers, and the number that it lies below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    /// 0 to 1.
    pub share: f64,
    /// The number.
    pub value: f64,
}

/// Collects numbers. Quantiles come from a uniform sample without replacement (algorithm R; Vitter 1985).
#[derive(Debug)]
pub(crate) struct Collector {
    count: u64,
    min: f64,
    max: f64,
    sum: f64,
    kept: Vec<f64>,
    random: ChaCha12Rng,
}

impl Collector {
    pub(crate) fn new() -> Self {
        let (min, max, random) = (f64::INFINITY, f64::NEG_INFINITY, ChaCha12Rng::seed_from_u64(SEED));
        Self { count: 0, min, max, sum: 0.0, kept: Vec::new(), random }
    }

    /// Adds a finite number.
    pub(crate) fn add(&mut self, number: f64) {
        self.count += 1;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.sum += number;
        if self.kept.len() < KEPT {
            self.kept.push(number);
        } else if let Ok(at) = usize::try_from(self.random.random_range(0..self.count))
            && let Some(kept) = self.kept.get_mut(at)
        {
            *kept = number;
        }
    }

    /// Returns the distribution of the collected numbers; `None` without any.
    pub(crate) fn finish(mut self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        self.kept.sort_unstable_by(f64::total_cmp);
        let quantile = |share| Quantile { share, value: interpolated(&self.kept, share) };
        Some(Distribution {
            count: self.count,
            min: self.min,
            mean: self.sum / self.count as f64,
            max: self.max,
            quantiles: QUANTILES.into_iter().map(quantile).collect(),
            quantiles_from: self.kept.len() as u64,
        })
    }
}

/// The quantile `share` of sorted numbers.
fn interpolated(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let at = |index: usize| sorted.get(index.min(sorted.len() - 1)).copied().unwrap_or(f64::NAN);
    at(below) + part * (at(below + 1) - at(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_have_exact_quantiles() {
        let mut collector = Collector::new();
        (0..=100).rev().for_each(|n| collector.add(f64::from(n)));
        let found = collector.finish().unwrap();
        assert_eq!((found.count, found.min, found.mean, found.max), (101, 0.0, 50.0, 100.0));
        let expected = QUANTILES.map(|share| Quantile { share, value: 100.0 * share });
        for (found, expected) in found.quantiles.iter().zip(expected) {
            assert!((found.value - expected.value).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(Collector::new().finish(), None);
    }

    #[test]
    fn many_numbers_are_sampled_evenly() {
        let mut collector = Collector::new();
        let count = 5 * KEPT as u64;
        (0..count).for_each(|n| collector.add(n as f64 / count as f64));
        let found = collector.finish().unwrap();
        assert_eq!(found.quantiles_from, KEPT as u64);
        for quantile in found.quantiles {
            // Five standard errors of a quantile of 65,536 uniform numbers are 0.01 at most.
            assert!((quantile.value - quantile.share).abs() < 0.01, "{quantile:?}");
        }
    }
}
