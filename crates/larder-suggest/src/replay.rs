//! Learning curves of strategies, compared with that of random choice.

use larder_metrics::summarise;
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use crate::strategy::Strategy;

/// Draws of seeds behind an interval of saved labels.
const RESAMPLES: usize = 2_000;
/// The share of draws inside an interval.
const LEVEL: f64 = 0.95;
/// 0.975 quantiles of Student's t distribution with 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The scores of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The strategy.
    #[serde(serialize_with = "as_text")]
    pub strategy: Strategy,
    /// Labelled rows at each step, ascending, `[steps]`.
    pub labels: Vec<usize>,
    /// The score at each step, for each seed: `[seeds][steps]`.
    pub scores: Vec<Vec<f64>>,
}

/// A number with its 95 % interval over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end; the mean itself for one seed.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A strategy beside random choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategySummary {
    /// The strategy.
    #[serde(serialize_with = "as_text")]
    pub strategy: Strategy,
    /// The mean score at each step, `[steps]`.
    pub curve: Vec<Estimate>,
    /// The score at the last step less that of random choice with the same seed.
    pub final_gain: Estimate,
    /// The same, the mean over all steps behind the first.
    pub mean_gain: Estimate,
    /// Labels that the mean curve needs less than random choice to reach the final score of random choice; 0 where it does not reach it. The
    /// interval is over draws of seeds.
    pub labels_saved: Estimate,
    /// False if the mean curve does not reach that score.
    pub reached: bool,
}

fn as_text<S: serde::Serializer>(strategy: &Strategy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(strategy.as_str())
}

/// Compares every curve with that of [`Strategy::Random`], which must be among them with the same seeds and steps; empty without it.
pub fn summarise_replay(curves: &[Curve]) -> Vec<StrategySummary> {
    let Some(random) = curves.iter().find(|curve| curve.strategy == Strategy::Random) else { return Vec::new() };
    curves.iter().map(|curve| summary(curve, random)).collect()
}

fn summary(curve: &Curve, random: &Curve) -> StrategySummary {
    let steps = curve.labels.len();
    let seeds = curve.scores.len();
    let column = |step: usize| curve.scores.iter().map(|scores| scores[step]).collect::<Vec<_>>();
    let gains = |from: usize| -> Vec<f64> {
        let mean = |scores: &[f64]| scores[from..].iter().sum::<f64>() / (steps - from) as f64;
        curve.scores.iter().zip(&random.scores).map(|(own, other)| mean(own) - mean(other)).collect()
    };
    let all: Vec<usize> = (0..seeds).collect();
    let saved = |drawn: &[usize]| labels_saved(curve, random, drawn);
    let mut random_seeds = ChaCha12Rng::seed_from_u64(0);
    let mut draws: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<usize> = (0..seeds).map(|_| random_seeds.random_range(0..seeds)).collect();
            saved(&drawn).unwrap_or(0.0)
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let quantile = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
    let found = saved(&all);
    StrategySummary {
        strategy: curve.strategy,
        curve: (0..steps).map(|step| estimate(&column(step))).collect(),
        final_gain: estimate(&gains(steps - 1)),
        mean_gain: estimate(&gains(1.min(steps - 1))),
        labels_saved: Estimate {
            mean: found.unwrap_or(0.0),
            low: quantile((1.0 - LEVEL) / 2.0),
            high: quantile((1.0 + LEVEL) / 2.0),
        },
        reached: found.is_some(),
    }
}

/// Returns the mean of `values` with its interval by Student's t.
fn estimate(values: &[f64]) -> Estimate {
    let summary = summarise(values);
    let half = match summary.n {
        0 | 1 => 0.0,
        n => T.get(n - 2).copied().unwrap_or(1.96) * summary.deviation / (n as f64).sqrt(),
    };
    Estimate { mean: summary.mean, low: summary.mean - half, high: summary.mean + half }
}

/// Returns the labels that the mean of the `drawn` seeds saves; `None` if it never reaches random's final score.
fn labels_saved(curve: &Curve, random: &Curve, drawn: &[usize]) -> Option<f64> {
    let mean = |curve: &Curve, step: usize| {
        drawn.iter().map(|&seed| curve.scores[seed][step]).sum::<f64>() / drawn.len() as f64
    };
    let last = curve.labels.len() - 1;
    let goal = mean(random, last);
    let reached = (0..=last).find(|&step| mean(curve, step) >= goal)?;
    let labels = |step: usize| curve.labels[step] as f64;
    let needed = match reached {
        0 => labels(0),
        step => {
            let (before, after) = (mean(curve, step - 1), mean(curve, step));
            labels(step - 1) + (labels(step) - labels(step - 1)) * (goal - before) / (after - before)
        }
    };
    Some(labels(last) - needed)
}
