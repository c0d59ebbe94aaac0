//! Scores of numbers beside SciPy's and scikit-learn's, made by `tests/goldens/metrics/recipe_regression.py`.

use std::collections::BTreeMap;

use larder_metrics::{Bootstrap, RegressionMetric, score_regression};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
    bootstraps: Vec<BootstrapCase>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    gold: Vec<f64>,
    predicted: Vec<f64>,
    /// `None` where SciPy and scikit-learn have no number.
    scores: BTreeMap<RegressionMetric, Option<f64>>,
}

#[derive(Deserialize)]
struct BootstrapCase {
    metric: RegressionMetric,
    resamples: usize,
    gold: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    interval: [f64; 2],
    difference: f64,
    difference_interval: [f64; 2],
}

fn goldens() -> Goldens {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/metrics/regression.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

/// Relative above 1: sums of up to 200 terms, rounded in another order.
const EXACT: f64 = 1e-12;

#[track_caller]
fn close(case: &str, what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{case}: {what} is {found}, expected {expected}");
}

#[test]
fn scores_agree_with_scipy_and_scikit_learn() {
    let cases = goldens().cases;
    assert!(cases.len() >= 20);
    for case in cases {
        let found = score_regression(&case.gold, &case.predicted).unwrap();
        assert_eq!(found.rows, case.gold.len() as u64, "{}", case.name);
        assert_eq!(case.scores.len(), RegressionMetric::ALL.len());
        for (&metric, &expected) in &case.scores {
            // A correlation with a constant, and R² of one row, which is right or wrong.
            let right = case.gold == case.predicted && metric == RegressionMetric::R2;
            let expected = expected.unwrap_or(if right { 1.0 } else { 0.0 });
            close(&case.name, metric.as_str(), metric.of(&found), expected, EXACT * expected.abs().max(1.0));
        }
    }
}

/// Two samples of one distribution.
#[test]
fn bootstrap_intervals_agree_with_numpys_resamples() {
    let cases = goldens().bootstraps;
    assert_eq!(cases.len(), RegressionMetric::ALL.len());
    for case in cases {
        let bootstrap = Bootstrap { resamples: case.resamples, ..Bootstrap::default() };
        let (name, metric) = (case.metric.as_str(), case.metric);
        let interval = bootstrap.regression_interval(&case.gold, &case.first, metric).unwrap();
        let paired = bootstrap.paired_regression(&case.gold, &case.first, &case.second, metric).unwrap();
        close(name, "difference", paired.difference, case.difference, EXACT);
        assert!(paired.difference > 0.0, "the first is better by every metric");
        for (what, found, expected) in [
            ("interval", interval, case.interval),
            ("interval of the difference", paired.interval, case.difference_interval),
        ] {
            // Four standard errors of a difference of two such percentiles are 6 % of the width, see `goldens.rs`; 8 % as there.
            let tolerance = 0.08 * (expected[1] - expected[0]);
            close(name, &format!("low end of the {what}"), found.low, expected[0], tolerance);
            close(name, &format!("high end of the {what}"), found.high, expected[1], tolerance);
        }
    }
}
