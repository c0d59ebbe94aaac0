//! Scores of label sets beside scikit-learn's, made by `tests/goldens/metrics/recipe_multilabel.py`.

use larder_metrics::{
    AverageScores, Bootstrap, LabelSets, MultilabelAnswers, MultilabelMetric, MultilabelScores, score_multilabel,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
    bootstraps: Vec<BootstrapCase>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    labels: usize,
    gold: Vec<bool>,
    /// Those of 0.5 or more are answered.
    probabilities: Vec<f64>,
    scores: MultilabelScores,
    cooccurrence: Vec<Vec<u64>>,
}

#[derive(Deserialize)]
struct BootstrapCase {
    metric: MultilabelMetric,
    labels: usize,
    resamples: usize,
    gold: Vec<bool>,
    first: Vec<f64>,
    second: Vec<f64>,
    interval: [f64; 2],
    difference: f64,
    difference_interval: [f64; 2],
}

fn goldens() -> Goldens {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/metrics/multilabel.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

fn answers(probabilities: Vec<f64>, labels: usize) -> MultilabelAnswers {
    MultilabelAnswers::from_thresholds(probabilities, &vec![0.5; labels]).unwrap()
}

/// Both sides divide the same whole numbers: they differ by the order of a few roundings.
const EXACT: f64 = 1e-12;

#[track_caller]
fn close(case: &str, what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{case}: {what} is {found}, scikit-learn says {expected}");
}

#[track_caller]
fn averages_agree(case: &str, what: &str, found: &AverageScores, expected: &AverageScores) {
    close(case, &format!("{what} precision"), found.precision, expected.precision, EXACT);
    close(case, &format!("{what} recall"), found.recall, expected.recall, EXACT);
    close(case, &format!("{what} F1"), found.f1, expected.f1, EXACT);
    assert_eq!(found.support, expected.support, "{case}: {what} support");
}

#[test]
fn scores_agree_with_scikit_learn() {
    let goldens = goldens();
    assert!(goldens.cases.len() >= 20);
    for case in goldens.cases {
        let (name, expected) = (&case.name, &case.scores);
        let gold = LabelSets::new(case.gold, case.labels).unwrap();
        let found = score_multilabel(&gold, &answers(case.probabilities, case.labels)).unwrap();
        assert_eq!(found.rows, expected.rows, "{name}");
        averages_agree(name, "micro", &found.micro, &expected.micro);
        averages_agree(name, "macro", &found.macro_avg, &expected.macro_avg);
        averages_agree(name, "weighted", &found.weighted, &expected.weighted);
        close(name, "subset accuracy", found.subset_accuracy, expected.subset_accuracy, EXACT);
        close(name, "Hamming loss", found.hamming_loss, expected.hamming_loss, EXACT);
        close(name, "LRAP", found.lrap, expected.lrap, EXACT);
        let (mean, expected_mean) = (found.macro_average_precision, expected.macro_average_precision);
        close(name, "mean average precision", mean, expected_mean, EXACT);
        assert_eq!(found.per_label.len(), case.labels, "{name}");
        for (label, (found, expected)) in found.per_label.iter().zip(&expected.per_label).enumerate() {
            close(name, &format!("precision of {label}"), found.precision, expected.precision, EXACT);
            close(name, &format!("recall of {label}"), found.recall, expected.recall, EXACT);
            close(name, &format!("F1 of {label}"), found.f1, expected.f1, EXACT);
            let (found_area, expected_area) = (found.average_precision, expected.average_precision);
            close(name, &format!("average precision of {label}"), found_area, expected_area, EXACT);
            assert_eq!((found.support, found.answered), (expected.support, expected.answered), "{name}: {label}");
        }
        assert_eq!(gold.cooccurrence(), case.cooccurrence, "{name}");
    }
}

/// Two samples of one distribution.
#[test]
fn bootstrap_intervals_agree_with_numpys_resamples() {
    let cases = goldens().bootstraps;
    assert_eq!(cases.len(), MultilabelMetric::ALL.len());
    for case in cases {
        let bootstrap = Bootstrap { resamples: case.resamples, ..Bootstrap::default() };
        let (name, metric) = (case.metric.as_str(), case.metric);
        let gold = LabelSets::new(case.gold, case.labels).unwrap();
        let (first, second) = (answers(case.first, case.labels), answers(case.second, case.labels));
        let interval = bootstrap.multilabel_interval(&gold, &first, metric).unwrap();
        let paired = bootstrap.paired_multilabel(&gold, &first, &second, metric).unwrap();
        close(name, "difference", paired.difference, case.difference, EXACT);
        for (what, found, expected) in [
            ("interval", interval, case.interval),
            ("interval of the difference", paired.interval, case.difference_interval),
        ] {
            // Four standard errors of a difference of two such percentiles, and steps of few rows: see `goldens.rs`.
            let tolerance = 0.08 * (expected[1] - expected[0]);
            close(name, &format!("low end of the {what}"), found.low, expected[0], tolerance);
            close(name, &format!("high end of the {what}"), found.high, expected[1], tolerance);
        }
    }
}
