//! Against scikit-learn: objectives, weights and probabilities of stored problems, weighted and not.
//!
//! The numbers and the recipe that made them are in `tests/goldens/train` of the workspace.

use std::path::Path;

use larder_train::{ClassWeightChoice, FeatureColumn, Solver, ThresholdChoice, TrainSettings, objective, train};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    features: Vec<Vec<f32>>,
    labels: Vec<usize>,
    fits: Vec<Fit>,
}

#[derive(Deserialize)]
struct Fit {
    c: f64,
    class_weight: ClassWeightChoice,
    objective: f64,
    weights: Vec<Vec<f64>>,
    intercept: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
}

fn golden(name: &str) -> (Golden, FeatureColumn) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/train").join(name);
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let width = golden.features[0].len();
    let values = golden.features.iter().flatten().copied().collect();
    let column = FeatureColumn::new("mean", Array2::from_shape_vec((golden.labels.len(), width), values).unwrap());
    (golden, column)
}

/// Ours stops where the gradient is 1e-7 of that at zero weights, which is 1.2e-5 here at most. The curvature is about 1
/// or more in every direction, so weights (0.02 to 3) are within 1.5e-5 of the minimum's; probabilities, which the
/// strongly curved directions decide, within 2e-6; the objective, flat at its minimum, within 1e-9.
const OBJECTIVE_TOLERANCE: f64 = 1e-9;
const WEIGHT_TOLERANCE: f64 = 1.5e-5;
const PROBABILITY_TOLERANCE: f64 = 2e-6;

fn check(name: &str, classes: usize) {
    let (golden, column) = golden(name);
    let classes: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    assert_eq!(golden.fits.len(), 6);
    for fit in &golden.fits {
        let settings = TrainSettings {
            grid: vec![fit.c],
            class_weight: fit.class_weight,
            threshold: ThresholdChoice::Half,
            folds: 2,
            ..TrainSettings::default()
        };
        let trained = train(&[&column], &golden.labels, &classes, &settings, &mut |_| {}).unwrap();
        let head = &trained.head;
        let case = format!("{name}, C = {}, {}: {:?}", fit.c, fit.class_weight, trained.convergence);
        assert!(trained.convergence.converged, "{case}");
        // Weighted fits are ours; unweighted ones start with the library's.
        let first = if fit.class_weight == ClassWeightChoice::None { Solver::Linfa } else { Solver::Lbfgs };
        assert_eq!(trained.convergence.solvers[0], first, "{case}");

        let exact = objective(head, &[&column], &golden.labels).unwrap();
        assert!((exact / fit.objective - 1.0).abs() < OBJECTIVE_TOLERANCE, "{exact} for {}, {case}", fit.objective);
        assert!((exact - trained.convergence.objective).abs() < 1e-9 * exact, "{case}");
        let expected = fit.weights.iter().flatten().chain(&fit.intercept);
        for (found, expected) in head.weights.iter().chain(&head.intercept).zip(expected) {
            assert!((found - expected).abs() < WEIGHT_TOLERANCE, "{found} for {expected}, {case}");
        }
        let probabilities = head.probabilities(&[&column]).unwrap();
        for (row, expected) in fit.probabilities.iter().enumerate() {
            assert!((probabilities.row(row).sum() - 1.0).abs() < 1e-12);
            for (class, expected) in expected.iter().enumerate() {
                let found = probabilities[[row, class]];
                assert!((found - expected).abs() < PROBABILITY_TOLERANCE, "row {row}: {found} for {expected}, {case}");
            }
        }
    }
}

#[test]
fn two_classes_agree_with_scikit_learn() {
    check("binary.json", 2);
}

#[test]
fn four_classes_agree_with_scikit_learn() {
    check("multinomial.json", 4);
}
