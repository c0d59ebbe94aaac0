//! Ridge regression: against scikit-learn's (`tests/goldens/train/recipe_heads.py`), its choice, and its files.

use std::path::Path;

use larder_train::{
    FeatureColumn, HEAD_JSON, HeadColumn, LogisticHead, RidgeHead, RidgeProgress, RidgeSettings, Standardiser,
    TrainError, train_ridge,
};
use ndarray::{Array2, s};
use serde::Deserialize;

use crate::common::noise;

#[derive(Deserialize)]
struct Goldens {
    tall: Golden,
    wide: Golden,
}

#[derive(Deserialize)]
struct Golden {
    features: Vec<Vec<f32>>,
    targets: Vec<f64>,
    fits: Vec<Fit>,
}

#[derive(Deserialize)]
struct Fit {
    alpha: f64,
    objective: f64,
    weights: Vec<f64>,
    intercept: f64,
    leave_one_out: Vec<f64>,
}

fn goldens() -> Goldens {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/train/ridge.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn fixed(alpha: f64) -> RidgeSettings {
    RidgeSettings { grid: vec![alpha], ..RidgeSettings::default() }
}

/// Both solve one linear system in float64, whose condition is below 1e4 here: 1e-8 leaves four digits for that.
const TOLERANCE: f64 = 1e-8;

#[test]
fn objectives_weights_and_leave_one_out_agree_with_scikit_learn() {
    let goldens = goldens();
    for golden in [goldens.tall, goldens.wide] {
        let width = golden.features[0].len();
        let values = golden.features.iter().flatten().copied().collect();
        let column = FeatureColumn::new("mean", Array2::from_shape_vec((golden.targets.len(), width), values).unwrap());
        assert_eq!(golden.fits.len(), 3);
        for fit in &golden.fits {
            let trained = train_ridge(&[&column], &golden.targets, &fixed(fit.alpha), &mut |_| {}).unwrap();
            let head = &trained.head;
            assert_eq!(head.alpha, fit.alpha);
            let squares: f64 =
                trained.train_predictions.iter().zip(&golden.targets).map(|(a, b)| (a - b) * (a - b)).sum();
            let objective = squares + fit.alpha * head.weights.iter().map(|weight| weight * weight).sum::<f64>();
            assert!((objective / fit.objective - 1.0).abs() < TOLERANCE, "{objective} for {}", fit.objective);
            assert!((head.intercept - fit.intercept).abs() < TOLERANCE);
            for (found, expected) in head.weights.iter().zip(&fit.weights) {
                assert!((found - expected).abs() < TOLERANCE, "{found} for {expected}, alpha = {}", fit.alpha);
            }
            for (found, expected) in trained.leave_one_out.unwrap().iter().zip(&fit.leave_one_out) {
                assert!((found - expected).abs() < TOLERANCE, "{found} for {expected}, alpha = {}", fit.alpha);
            }
        }
    }
}

/// Targets that lean on the first dimension of `signal`; `noise` says nothing.
fn problem(rows: usize) -> (Vec<FeatureColumn>, Vec<f64>) {
    let signal = Array2::from_shape_fn((rows, 3), |(row, dimension)| noise(1, row * 3 + dimension) as f32);
    let other = Array2::from_shape_fn((rows, 4), |(row, dimension)| noise(2, row * 4 + dimension) as f32);
    let targets = (0..rows).map(|row| 3.0 + 2.0 * f64::from(signal[[row, 0]]) + 0.2 * noise(3, row)).collect();
    (vec![FeatureColumn::new("mean_l1", other), FeatureColumn::new("mean", signal)], targets)
}

fn views(columns: &[FeatureColumn]) -> Vec<&FeatureColumn> {
    columns.iter().collect()
}

#[test]
fn the_column_that_tells_something_is_chosen_and_every_entry_reported() {
    let (columns, targets) = problem(80);
    let settings = RidgeSettings { grid: vec![100.0, 0.1, 1.0, 1.0], ..RidgeSettings::default() };
    let mut reported = Vec::new();
    let trained = train_ridge(
        &views(&columns),
        &targets,
        &settings,
        &mut |RidgeProgress::Scored { entry, candidate, .. }| {
            reported.push((candidate, entry.clone()));
        },
    )
    .unwrap();
    let selection = trained.selection.unwrap();
    let names: Vec<&str> = selection.entries.iter().map(|entry| entry.candidate.as_str()).collect();
    let expected =
        ["mean_l1", "mean_l1", "mean_l1", "mean", "mean", "mean", "mean (all 2)", "mean (all 2)", "mean (all 2)"];
    assert_eq!(names, expected);
    assert!(reported.iter().map(|(_, entry)| entry).eq(&selection.entries));
    assert_eq!(reported[8].0, 2);
    let best = selection.best();
    assert!(best.columns.contains(&"mean".to_owned()), "{best:?}");
    // The noise of the targets has a deviation of 0.058, their signal one of 0.58.
    assert!(best.loo_rmse > 0.04 && best.loo_rmse < 0.08 && best.loo_pearson.unwrap() > 0.98, "{best:?}");
    let deviation = 0.58;
    assert!(selection.entries[0].loo_rmse > 0.8 * deviation, "{:?}", selection.entries[0]);
    let left_out = trained.leave_one_out.unwrap();
    let error: f64 = left_out.iter().zip(&targets).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / 80.0;
    assert!((error.sqrt() - best.loo_rmse).abs() < 1e-12);
    assert_eq!(trained.head.predict(&views(&columns)).unwrap(), trained.train_predictions);
}

#[test]
fn one_number_of_threads_is_as_good_as_another() {
    let (columns, targets) = problem(700);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train_ridge(&views(&columns), &targets, &RidgeSettings::default(), &mut |_| {}).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn constant_dimensions_change_nothing_and_are_noted() {
    let (columns, targets) = problem(60);
    let plain = train_ridge(&[&columns[1]], &targets, &fixed(2.0), &mut |_| {}).unwrap();
    assert_eq!(plain.notes, Vec::<String>::new());
    let mut values = Array2::from_elem((60, 4), 7.0_f32);
    values.slice_mut(s![.., ..3]).assign(&columns[1].values);
    let column = FeatureColumn::new("mean", values);
    let wider = train_ridge(&[&column], &targets, &fixed(2.0), &mut |_| {}).unwrap();
    assert!(wider.notes[0].starts_with("1 of 4 dimensions of feature column `mean`"), "{:?}", wider.notes);
    assert!(wider.head.weights[3].abs() < 1e-12);
    // The same problem in another order of additions.
    for (found, expected) in wider.leave_one_out.unwrap().iter().zip(plain.leave_one_out.unwrap()) {
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }
}

#[test]
fn features_that_are_not_standardised_are_still_centred() {
    let (columns, targets) = problem(60);
    let shifted = FeatureColumn::new("mean", columns[1].values.mapv(|value| value + 1000.0));
    let settings = RidgeSettings { standardise: false, ..fixed(0.5) };
    let plain = train_ridge(&[&columns[1]], &targets, &settings, &mut |_| {}).unwrap();
    let moved = train_ridge(&[&shifted], &targets, &settings, &mut |_| {}).unwrap();
    assert!(plain.head.standardiser.scale.iter().all(|scale| *scale == 1.0));
    // Float32 carries 6e-5 of 1000.
    for (found, expected) in moved.train_predictions.iter().zip(&plain.train_predictions) {
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
    let standardised = train_ridge(&[&columns[1]], &targets, &fixed(0.5), &mut |_| {}).unwrap();
    assert_ne!(standardised.head.weights, plain.head.weights);
}

#[test]
fn two_rows_are_enough_for_a_head_and_too_few_for_a_choice() {
    let (columns, targets) = problem(2);
    let trained = train_ridge(&views(&columns), &targets, &RidgeSettings::default(), &mut |_| {}).unwrap();
    assert!(trained.selection.is_none() && trained.leave_one_out.is_none());
    let why = trained.unchosen.unwrap();
    assert!(why.starts_with("there are 2 training rows") && why.contains("mean (all 2), alpha = 1"), "{why}");
    assert!(trained.train_predictions.iter().zip(&targets).all(|(a, b)| (a - b).abs() < 0.3));
    assert_ne!(trained.train_predictions[0], trained.train_predictions[1]);
}

#[test]
fn targets_that_teach_nothing_are_refused() {
    let (columns, mut targets) = problem(20);
    let settings = RidgeSettings::default();
    let error = |targets: &[f64], settings: &RidgeSettings| {
        train_ridge(&views(&columns), targets, settings, &mut |_| {}).unwrap_err()
    };
    let found = error(&[2.5; 20], &settings);
    assert!(matches!(found, TrainError::ConstantTargets { rows: 20, value: Some(2.5) }), "{found}");
    assert!(matches!(error(&targets[..19], &settings), TrainError::RowMismatch { .. }));
    for alpha in [0.0, -1.0, f64::NAN] {
        assert!(matches!(error(&targets, &fixed(alpha)), TrainError::Setting { setting: "alpha", .. }));
    }
    let none = RidgeSettings { grid: Vec::new(), ..RidgeSettings::default() };
    assert!(matches!(error(&targets, &none), TrainError::Setting { .. }));
    let swapped = RidgeSettings { minimum: Some(5.0), maximum: Some(0.0), ..RidgeSettings::default() };
    assert!(matches!(error(&targets, &swapped), TrainError::Setting { setting: "the largest answer", .. }));
    targets[7] = f64::INFINITY;
    assert!(matches!(error(&targets, &settings), TrainError::NonFiniteTarget { row: 7, .. }));
}

#[test]
fn answers_are_clipped_and_targets_outside_are_counted() {
    let (columns, targets) = problem(80);
    let settings = RidgeSettings { minimum: Some(2.5), maximum: Some(3.5), ..RidgeSettings::default() };
    let trained = train_ridge(&views(&columns), &targets, &settings, &mut |_| {}).unwrap();
    let left_out = trained.leave_one_out.unwrap();
    for answers in [&trained.train_predictions, &left_out] {
        assert!(answers.iter().all(|answer| (2.5..=3.5).contains(answer)));
        assert!(answers.contains(&2.5) && answers.contains(&3.5) && answers.iter().any(|a| *a > 2.6 && *a < 3.4));
    }
    let outside = targets.iter().filter(|target| !(2.5..=3.5).contains(*target)).count();
    assert!(trained.notes.contains(&format!("{outside} of 80 targets lie outside of what the head may answer")));
}

#[test]
fn a_head_is_read_back_bit_by_bit_and_others_are_refused() {
    let (columns, targets) = problem(50);
    let settings = RidgeSettings { maximum: Some(5.0), ..RidgeSettings::default() };
    let head = train_ridge(&views(&columns), &targets, &settings, &mut |_| {}).unwrap().head;
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    assert_eq!(RidgeHead::load(folder.path()).unwrap(), head);
    let error = LogisticHead::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("\"ridge\"") && error.contains("\"logistic\""), "{error}");
    let json = folder.path().join(HEAD_JSON);
    // Without the checksum, which any change would fall to.
    let text = String::from_utf8(larder_files::unsealed_json(std::fs::read(&json).unwrap()).unwrap()).unwrap();
    for (from, to, expected) in [
        ("\"width\": 3", "\"width\": 0", "every column has a width"),
        ("\"width\": 3", "\"width\": 5", "tensor `weights`"),
        ("\"minimum\": null", "\"minimum\": 5.5", "between 5.5 and 5"),
        ("\"version\": 1", "\"version\": 9", "version 9"),
        ("\"alpha\"", "\"beta\"", "not a head's description"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}: {text}");
        std::fs::write(&json, changed).unwrap();
        let error = RidgeHead::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = head.predict(&[]).unwrap_err();
    assert!(matches!(error, TrainError::MissingColumn { .. }), "{error}");
}

#[test]
fn answers_are_the_formula() {
    let head = RidgeHead {
        columns: vec![HeadColumn { name: "mean".to_owned(), width: 2 }],
        weights: vec![2.0, -1.0],
        intercept: 0.5,
        standardiser: Standardiser { mean: vec![1.0, 2.0], scale: vec![0.5, 4.0] },
        alpha: 1.0,
        minimum: Some(-3.0),
        maximum: None,
    };
    let values = ndarray::array![[1.0_f32, 2.0], [2.0, 6.0], [-1.0, 2.0]];
    // (0, 0), (2, 1) and (-4, 0) after standardising.
    assert_eq!(head.predict(&[&FeatureColumn::new("mean", values)]).unwrap(), [0.5, 3.5, -3.0]);
    assert_eq!(head.width(), 2);
}
