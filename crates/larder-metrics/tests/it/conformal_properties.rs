//! What prediction sets promise, on made rows.

use larder_metrics::{Calibration, CoverageBy, CoverageRequest, MetricsError, PredictionSets, SetScore, SplitCoverage};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// Probabilities of `classes` and a label drawn from others than them: a head that is surer than it should be.
fn rows(rng: &mut StdRng, classes: usize, count: usize) -> Vec<(Vec<f64>, usize)> {
    let row = |rng: &mut StdRng| {
        let weights: Vec<f64> = (0..classes).map(|_| (4.0 * rng.random::<f64>()).exp()).collect();
        let all: f64 = weights.iter().sum();
        let sure: Vec<f64> = weights.iter().map(|weight| weight.powi(2)).collect();
        let of_sure: f64 = sure.iter().sum();
        let mut draw = rng.random::<f64>() * all;
        let label = weights.iter().position(|weight| {
            draw -= weight;
            draw <= 0.0
        });
        (sure.iter().map(|weight| weight / of_sure).collect(), label.unwrap_or(classes - 1))
    };
    (0..count).map(|_| row(rng)).collect()
}

fn calibrated(rows: &[(Vec<f64>, usize)]) -> Calibration {
    let gold: Vec<usize> = rows.iter().map(|row| row.1).collect();
    Calibration::of_labels(rows.iter().map(|row| row.0.as_slice()), &gold)
}

fn measured(sets: &PredictionSets, rows: &[(Vec<f64>, usize)]) -> SplitCoverage {
    SplitCoverage::of_labels(sets, rows.iter().map(|row| row.0.as_slice()), rows.iter().map(|row| vec![row.1]))
}

fn asked(coverage: f64, score: SetScore, by: CoverageBy) -> CoverageRequest {
    CoverageRequest { coverage, score, by, max_set: None }
}

#[test]
fn coverage_of_a_hundred_exchangeable_splits_is_what_was_asked() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut all = rows(&mut rng, 6, 900);
    for (score, by) in [
        (SetScore::Lac, CoverageBy::All),
        (SetScore::Aps, CoverageBy::All),
        (SetScore::Lac, CoverageBy::Class),
        (SetScore::Aps, CoverageBy::Class),
    ] {
        let (mut within, mut sum, mut size) = (0, 0.0, 0.0);
        for _ in 0..100 {
            all.shuffle(&mut rng);
            let (calibration, split) = all.split_at(400);
            let sets = PredictionSets::new(&calibrated(calibration), 6, asked(0.8, score, by)).unwrap();
            let found = measured(&sets, split);
            within += usize::from(found.expected.contains(found.coverage));
            sum += found.coverage;
            size += found.mean_size / 100.0;
        }
        // Each is within its 95 % interval: of 100 the binomial has fewer than 88 once in a thousand times. Splits of one pool vary
        // less than splits of fresh rows.
        assert!(within >= 88, "{score} by {by}: {within}");
        assert!((sum / 100.0 - 0.8).abs() < 0.02, "{score} by {by}: {sum}");
        assert!(size > 1.0 && size < 5.0, "sets say something: {size}");
    }
}

#[test]
fn fewer_rows_than_asked_are_covered_where_rows_are_shifted() {
    let mut rng = StdRng::seed_from_u64(8);
    let all = rows(&mut rng, 6, 800);
    let sets = PredictionSets::new(&calibrated(&all[..400]), 6, CoverageRequest::new(0.9)).unwrap();
    assert!(!measured(&sets, &all[400..]).is_short());
    let shifted: Vec<_> = all[400..].iter().map(|(row, label)| (row.clone(), (label + 1) % 6)).collect();
    assert!(measured(&sets, &shifted).is_short());
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let mut rng = StdRng::seed_from_u64(9);
    let mut all = rows(&mut rng, 4, 120);
    for score in [SetScore::Lac, SetScore::Aps] {
        for by in [CoverageBy::All, CoverageBy::Class] {
            let before = PredictionSets::new(&calibrated(&all), 4, asked(0.9, score, by)).unwrap();
            all.shuffle(&mut rng);
            assert_eq!(PredictionSets::new(&calibrated(&all), 4, asked(0.9, score, by)).unwrap(), before);
        }
    }
}

#[test]
fn equal_scores_are_in_the_set_together() {
    let calibration: Vec<(Vec<f64>, usize)> = (0..19).map(|_| (vec![0.25, 0.25, 0.5], 0)).collect();
    for score in [SetScore::Lac, SetScore::Aps] {
        let sets = PredictionSets::new(&calibrated(&calibration), 3, asked(0.9, score, CoverageBy::All)).unwrap();
        assert_eq!(sets.labels(&[0.25, 0.25, 0.5]), [0, 1, 2], "{score}");
        assert_eq!(sets.labels(&[0.125, 0.25, 0.625]), if score == SetScore::Lac { vec![1, 2] } else { vec![2] });
    }
}

#[test]
fn too_few_rows_are_an_error_and_a_class_with_too_few_is_in_every_set() {
    let row = |label: usize| (vec![0.98, 0.01, 0.01], label);
    let calibration: Vec<_> = [0; 12].into_iter().chain([1; 3]).map(row).collect();
    let few = PredictionSets::new(&calibrated(&calibration[..8]), 3, CoverageRequest::new(0.9));
    assert_eq!(few.unwrap_err(), MetricsError::FewCalibrationRows { coverage: 0.9, rows: 8, needed: 9 });
    assert!(PredictionSets::new(&calibrated(&calibration[..9]), 3, CoverageRequest::new(0.9)).is_ok());
    let request = asked(0.9, SetScore::Lac, CoverageBy::Class);
    let sets = PredictionSets::new(&calibrated(&calibration), 3, request).unwrap();
    assert_eq!(sets.always(), [1, 2]);
    assert_eq!(sets.labels(&[0.98, 0.01, 0.01]), [0, 1, 2]);
    assert_eq!(sets.labels(&[0.5, 0.5, 0.0]), [1, 2]);
    assert!(measured(&sets, &[row(1)]).classes[0].always);
}

#[test]
fn sets_that_are_empty_or_too_large_abstain() {
    let calibration: Vec<_> = (0..20).map(|_| (vec![0.6, 0.3, 0.1], 0)).collect();
    let request = CoverageRequest { max_set: Some(1), ..CoverageRequest::new(0.9) };
    let sets = PredictionSets::new(&calibrated(&calibration), 3, request).unwrap();
    let found = measured(&sets, &[(vec![0.6, 0.3, 0.1], 0), (vec![0.34, 0.33, 0.33], 0), (vec![0.5, 0.5, 0.0], 1)]);
    assert_eq!((found.covered, found.empty, found.abstained), (1, 2.0 / 3.0, 2.0 / 3.0));
    assert!(sets.abstains(0) && sets.abstains(2) && !sets.abstains(1));
}

#[test]
fn the_set_of_a_row_with_several_labels_holds_all_of_them_as_often_as_asked() {
    let mut rng = StdRng::seed_from_u64(10);
    let mut make = |count: usize| -> Vec<(Vec<f64>, Vec<usize>)> {
        let row = |_| {
            let probabilities: Vec<f64> = (0..4).map(|_| rng.random::<f64>()).collect();
            let labels = (0..4).filter(|&label| rng.random::<f64>() < probabilities[label]).collect();
            (probabilities, labels)
        };
        (0..count).map(row).collect()
    };
    let (train, split) = (make(500), make(500));
    let numbers: Vec<usize> = (0..500).collect();
    let gold = |rows: &[(Vec<f64>, Vec<usize>)]| rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>();
    let calibration = Calibration::of_label_sets(&numbers, train.iter().map(|row| row.0.as_slice()), gold(&train));
    for by in [CoverageBy::All, CoverageBy::Class] {
        let sets = PredictionSets::new(&calibration, 4, asked(0.8, SetScore::Lac, by)).unwrap();
        let found = SplitCoverage::of_labels(&sets, split.iter().map(|row| row.0.as_slice()), gold(&split));
        assert!(found.expected.contains(found.coverage), "{by}: {found:?}");
    }
    let aps = PredictionSets::new(&calibration, 4, asked(0.8, SetScore::Aps, CoverageBy::All));
    assert_eq!(aps.unwrap_err(), MetricsError::NoSetScore { score: SetScore::Aps });
    let numbers = Calibration::of_numbers(&[1.0], &[1.0]);
    assert_eq!(
        PredictionSets::new(&numbers, 0, asked(0.5, SetScore::Lac, CoverageBy::Class)),
        Err(MetricsError::NoClasses)
    );
}

#[test]
fn the_least_rows_are_the_fewest_with_a_finite_threshold() {
    for coverage in [0.05, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999] {
        let request = CoverageRequest::new(coverage);
        let least = request.least_rows();
        assert!(request.rank(least) <= least && (least == 0 || request.rank(least - 1) > least - 1), "{coverage}");
    }
    assert_eq!(CoverageRequest::new(0.9).least_rows(), 9);
    assert_eq!(CoverageRequest::new(0.99).least_rows(), 99);
}
