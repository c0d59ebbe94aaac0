//! Sets and intervals beside MAPIE's, made by `tests/goldens/metrics/recipe_conformal.py`.

use larder_metrics::{Calibration, CoverageBy, CoverageRequest, PredictionSets, SetScore, expected_coverage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    classification: Vec<Classification>,
    regression: Vec<Regression>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Classification {
    classes: usize,
    coverage: f64,
    score: SetScore,
    calibration: Vec<f64>,
    labels: Vec<usize>,
    asked: Vec<f64>,
    sets: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Regression {
    coverage: f64,
    answers: Vec<f64>,
    targets: Vec<f64>,
    asked: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

#[derive(Deserialize)]
struct Expected {
    rank: usize,
    calibration: usize,
    rows: usize,
    low: usize,
    high: usize,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../../../../tests/goldens/metrics/conformal.json")).unwrap()
}

#[test]
fn sets_are_those_of_mapie() {
    let cases = goldens().classification;
    assert_eq!(cases.len(), 6);
    for case in cases {
        let calibration = Calibration::of_labels(case.calibration.chunks_exact(case.classes), &case.labels);
        let request =
            CoverageRequest { coverage: case.coverage, score: case.score, by: CoverageBy::All, max_set: None };
        let sets = PredictionSets::new(&calibration, case.classes, request).unwrap();
        let found: Vec<Vec<usize>> = case.asked.chunks_exact(case.classes).map(|row| sets.labels(row)).collect();
        assert_eq!(found, case.sets, "{} of {} classes", case.score, case.classes);
    }
}

#[test]
fn intervals_are_those_of_mapie() {
    for case in goldens().regression {
        let calibration = Calibration::of_numbers(&case.targets, &case.answers);
        let sets = PredictionSets::new(&calibration, 0, CoverageRequest::new(case.coverage)).unwrap();
        for ((&answer, low), high) in case.asked.iter().zip(case.low).zip(case.high) {
            let found = sets.interval(answer);
            assert!((found.0 - low).abs() < 1e-9 && (found.1 - high).abs() < 1e-9, "{found:?}, {low} to {high}");
        }
    }
}

#[test]
fn expected_coverage_is_that_of_scipy() {
    for case in goldens().expected {
        let found = expected_coverage(case.rank, case.calibration, case.rows);
        let rows = |share: f64| (share * case.rows as f64).round() as usize;
        assert_eq!((rows(found.low), rows(found.high)), (case.low, case.high), "{} of {}", case.rank, case.calibration);
    }
}
