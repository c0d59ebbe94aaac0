//! Scores beside scikit-learn's, made by `tests/goldens/metrics/recipe.py`.

use larder_metrics::{Bootstrap, ClassificationScores, ConfusionMatrix, Metric, PairedConfusion, log_loss};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
    bootstraps: Vec<BootstrapCase>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    gold: Vec<usize>,
    predicted: Vec<usize>,
    confusion: ConfusionMatrix,
    scores: ClassificationScores,
    probabilities: Vec<f64>,
    log_loss: f64,
}

#[derive(Deserialize)]
struct BootstrapCase {
    name: String,
    classes: usize,
    metric: Metric,
    resamples: usize,
    gold: Vec<usize>,
    first: Vec<usize>,
    second: Vec<usize>,
    interval: [f64; 2],
    difference: f64,
    difference_interval: [f64; 2],
}

fn goldens() -> Goldens {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/metrics/classification.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

/// Both sides divide the same whole numbers: they differ by the order of a few roundings.
const EXACT: f64 = 1e-12;

#[track_caller]
fn close(case: &str, what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{case}: {what} is {found}, scikit-learn says {expected}");
}

#[test]
fn scores_agree_with_scikit_learn() {
    let goldens = goldens();
    assert!(goldens.cases.len() >= 20);
    for case in &goldens.cases {
        let name = &case.name;
        let matrix = ConfusionMatrix::from_classes(&case.gold, &case.predicted, case.classes).unwrap();
        assert_eq!(matrix, case.confusion, "{name}");
        let (found, expected) = (ClassificationScores::from(&matrix), &case.scores);
        assert_eq!(found.rows, expected.rows, "{name}");
        close(name, "accuracy", found.accuracy, expected.accuracy, EXACT);
        close(name, "mcc", found.mcc, expected.mcc, EXACT);
        close(name, "macro_f1", found.macro_f1, expected.macro_f1, EXACT);
        close(name, "weighted_f1", found.weighted_f1, expected.weighted_f1, EXACT);
        assert_eq!(found.per_class.len(), case.classes, "{name}");
        for (class, (found, expected)) in found.per_class.iter().zip(&expected.per_class).enumerate() {
            close(name, &format!("precision of {class}"), found.precision, expected.precision, EXACT);
            close(name, &format!("recall of {class}"), found.recall, expected.recall, EXACT);
            close(name, &format!("f1 of {class}"), found.f1, expected.f1, EXACT);
            assert_eq!(found.support, expected.support, "{name}: support of {class}");
        }
        for (metric, expected) in
            [(Metric::Mcc, expected.mcc), (Metric::MacroF1, expected.macro_f1), (Metric::Accuracy, expected.accuracy)]
        {
            close(name, metric.as_str(), metric.of(&matrix), expected, EXACT);
        }
    }
}

#[test]
fn log_loss_agrees_with_scikit_learn() {
    for case in goldens().cases {
        let found = log_loss(&case.probabilities, &case.gold, case.classes).unwrap();
        // A mean of up to 150 logarithms, each up to 36.
        close(&case.name, "log loss", found, case.log_loss, 1e-10);
    }
}

/// Row resampling on the other side, count resampling here: the same distribution, seen through two samples.
#[test]
fn bootstrap_intervals_agree_with_drawing_rows() {
    for case in goldens().bootstraps {
        let bootstrap = Bootstrap { resamples: case.resamples, ..Bootstrap::default() };
        let name = format!("{} {}", case.name, case.metric);
        let matrix = ConfusionMatrix::from_classes(&case.gold, &case.first, case.classes).unwrap();
        let interval = bootstrap.interval(&matrix, case.metric).unwrap();
        let paired = PairedConfusion::from_classes(&case.gold, &case.first, &case.second, case.classes).unwrap();
        let paired = bootstrap.paired_difference(&paired, case.metric).unwrap();
        close(&name, "difference", paired.difference, case.difference, EXACT);
        for (what, found, expected) in [
            ("interval", interval, case.interval),
            ("interval of the difference", paired.interval, case.difference_interval),
        ] {
            // The 2.5th percentile of 4,000 normal draws has a standard error of 0.042 standard deviations, which is
            // 0.0107 widths of the 95 % interval; that of the difference of two such is 1.41 times as large. Four of
            // those are 6 % of the width; scores of few rows move in steps, hence 8 %.
            let tolerance = 0.08 * (expected[1] - expected[0]);
            close(&name, &format!("low end of the {what}"), found.low, expected[0], tolerance);
            close(&name, &format!("high end of the {what}"), found.high, expected[1], tolerance);
        }
    }
}
