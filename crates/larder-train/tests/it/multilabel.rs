//! Multi-label heads: against scikit-learn's (`tests/goldens/train/recipe_heads.py`), their choice, and their files.

use std::path::Path;

use larder_train::{
    ClassWeightChoice, FeatureColumn, HEAD_JSON, LogisticHead, MultilabelHead, MultilabelMetric, MultilabelProgress,
    MultilabelSettings, MultilabelThreshold, TrainError, TrainSettings, TrainedMultilabel, train, train_multilabel,
};
use ndarray::{Array2, Axis, concatenate, s};
use proptest::prelude::*;
use serde::Deserialize;

use crate::common::{names, noise};

#[derive(Deserialize)]
struct Golden {
    features: Vec<Vec<f32>>,
    labels: Vec<Vec<u8>>,
    fits: Vec<Fit>,
}

#[derive(Deserialize)]
struct Fit {
    c: f64,
    class_weight: ClassWeightChoice,
    objectives: Vec<f64>,
    weights: Vec<Vec<f64>>,
    intercept: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
}

/// Settings with one strength and class weight.
fn fixed(c: f64, class_weight: ClassWeightChoice) -> MultilabelSettings {
    MultilabelSettings {
        grid: vec![c],
        class_weight,
        threshold: MultilabelThreshold::Half,
        ..MultilabelSettings::default()
    }
}

fn trained(columns: &[FeatureColumn], targets: &Array2<bool>, settings: &MultilabelSettings) -> TrainedMultilabel {
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    train_multilabel(&columns, targets.view(), &names(targets.ncols()), settings, &mut |_| {}).unwrap()
}

#[test]
fn objectives_and_probabilities_agree_with_scikit_learns_one_vs_rest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/train/multilabel.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (rows, width, labels) = (golden.features.len(), golden.features[0].len(), golden.labels[0].len());
    let column = FeatureColumn::new(
        "mean",
        Array2::from_shape_vec((rows, width), golden.features.iter().flatten().copied().collect()).unwrap(),
    );
    let targets = Array2::from_shape_fn((rows, labels), |(row, label)| golden.labels[row][label] == 1);
    let columns = [column];
    assert_eq!(golden.fits.len(), 6);
    for fit in &golden.fits {
        let found = trained(&columns, &targets, &fixed(fit.c, fit.class_weight));
        for label in 0..labels {
            let convergence = &found.convergence[label];
            let case = format!("label {label}, C = {}, {}: {convergence:?}", fit.c, fit.class_weight);
            assert!(convergence.converged, "{case}");
            // The gradient is 1e-4 of the first one; at the minimum the objective is flat.
            let expected = fit.objectives[label];
            assert!((convergence.objective / expected - 1.0).abs() < 1e-6, "{expected} expected, {case}");
            // Weights of 0.01 to 5; the weakly curved directions are those of the rare labels.
            for (found, expected) in found.head.weights.row(label).iter().zip(&fit.weights[label]) {
                assert!((found - expected).abs() < 5e-3 * (1.0 + expected.abs()), "{found} for {expected}, {case}");
            }
            assert!((found.head.intercept[label] - fit.intercept[label]).abs() < 1e-2, "{case}");
        }
        let probabilities = found.head.probabilities(&[&columns[0]]).unwrap();
        for (row, expected) in fit.probabilities.iter().enumerate() {
            for (found, expected) in probabilities.row(row).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "row {row}: {found} for {expected}, C = {}", fit.c);
            }
        }
    }
}

/// Two columns: label `l` leans on dimension `l` of `mean`; `cls` says nothing. Later labels are rarer.
fn problem(rows: usize, labels: usize) -> (Vec<FeatureColumn>, Array2<bool>) {
    let mean = Array2::from_shape_fn((rows, labels + 2), |(row, at)| 4.0 * noise(1, row * (labels + 2) + at) as f32);
    let cls = Array2::from_shape_fn((rows, 3), |(row, at)| noise(2, row * 3 + at) as f32);
    let targets = Array2::from_shape_fn((rows, labels), |(row, label)| {
        f64::from(mean[[row, label]]) + noise(3, row * labels + label) > 1.2 * label as f64 / labels as f64
    });
    (vec![FeatureColumn::new("cls", cls), FeatureColumn::new("mean", mean)], targets)
}

#[test]
fn the_columns_that_tell_something_are_chosen_on_held_out_rows() {
    let (columns, targets) = problem(300, 4);
    for folds in [None, Some(1), Some(3)] {
        let settings = MultilabelSettings { folds, ..MultilabelSettings::default() };
        let mut reported = Vec::new();
        let views: Vec<&FeatureColumn> = columns.iter().collect();
        let found = train_multilabel(&views, targets.view(), &names(4), &settings, &mut |progress| {
            if let MultilabelProgress::Scored { entry, .. } = progress {
                reported.push(entry.clone());
            }
        })
        .unwrap();
        let selection = found.selection.unwrap();
        assert_eq!(reported, selection.entries);
        assert_eq!(selection.folds, folds.unwrap_or(5));
        let best = selection.best();
        assert!(best.columns.contains(&"mean".to_owned()) && best.score > 0.75 && best.auc > 0.9, "{best:?}");
        let chance = selection.entries.iter().find(|entry| entry.candidate == "cls").unwrap();
        assert!(chance.auc < 0.65, "{chance:?}");
        let held_out = found.held_out.unwrap();
        let expected = match folds {
            None => 300,
            Some(folds) => folds * 60,
        };
        assert!(held_out.rows.len().abs_diff(expected) <= 12 && held_out.rows.is_sorted(), "{}", held_out.rows.len());
        assert_eq!(held_out.probabilities.dim(), (held_out.rows.len(), 4));
        // They are of fits that lean the same way: a row with the label is more probable.
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (&row, probabilities) in held_out.rows.iter().zip(held_out.probabilities.rows()) {
            if targets[[row, 0]] { &mut with } else { &mut without }.push(probabilities[0]);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean(&with) > mean(&without) + 0.4);
    }
}

#[test]
fn permuted_labels_are_permuted_answers() {
    let (columns, targets) = problem(250, 5);
    let order = [3, 0, 4, 1, 2];
    let permuted = targets.select(Axis(1), &order);
    let settings = fixed(0.1, ClassWeightChoice::Balanced);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let plain = trained(&columns, &targets, &settings).head.probabilities(&views).unwrap();
    let other = trained(&columns, &permuted, &settings).head.probabilities(&views).unwrap();
    // Each label is a problem of its own; only their order among the sums differs.
    for (found, expected) in other.iter().zip(plain.select(Axis(1), &order)) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
}

#[test]
fn complementary_labels_are_a_binary_head() {
    let (columns, targets) = problem(250, 1);
    let both = concatenate![Axis(1), targets, targets.mapv(|has| !has)];
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let of_labels = trained(&columns, &both, &fixed(0.1, ClassWeightChoice::None)).head;
    let of_labels = of_labels.probabilities(&views).unwrap();
    let classes: Vec<usize> = targets.iter().map(|has| usize::from(*has)).collect();
    let settings = TrainSettings { grid: vec![0.1], class_weight: ClassWeightChoice::None, ..TrainSettings::default() };
    // Of one column, so that both heads read the same.
    let (one, of_one) = ([columns[1].clone()], [&columns[1]]);
    let binary = train(&of_one, &classes, &names(2), &settings, &mut |_| {}).unwrap().head;
    let binary = binary.probabilities(&of_one).unwrap();
    let of_one = trained(&one, &both, &fixed(0.1, ClassWeightChoice::None)).head.probabilities(&of_one).unwrap();
    for (found, expected) in of_one.rows().into_iter().zip(binary.rows()) {
        // The gradient is 1e-4 of the first one.
        assert!((found[0] - expected[1]).abs() < 1e-3 && (found[1] - expected[0]).abs() < 1e-3, "{found} {expected}");
    }
    assert!(of_labels.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-3));
}

#[test]
fn a_constant_column_changes_nothing() {
    let (columns, targets) = problem(200, 3);
    let wider = concatenate![Axis(1), columns[1].values, Array2::from_elem((200, 1), 7.0)];
    let settings = fixed(0.1, ClassWeightChoice::None);
    let plain = trained(&columns[1..], &targets, &settings);
    let wider = trained(&[FeatureColumn::new("mean", wider)], &targets, &settings);
    let width = plain.head.width();
    assert!(wider.head.weights.column(width).iter().all(|weight| weight.abs() < 1e-9));
    for (found, expected) in wider.head.weights.slice(s![.., ..width]).iter().zip(&plain.head.weights) {
        // Sums in another order.
        assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
    }
}

#[test]
fn one_number_of_threads_is_as_good_as_another() {
    let (columns, targets) = problem(600, 14);
    let settings = MultilabelSettings { grid: vec![0.01, 0.1], folds: Some(2), ..MultilabelSettings::default() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(&columns, &targets, &settings))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn thresholds_follow_the_settings_and_decide_the_answers() {
    let (columns, targets) = problem(300, 4);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let half = MultilabelSettings { threshold: MultilabelThreshold::Half, ..MultilabelSettings::default() };
    let half = trained(&columns, &targets, &half).head;
    assert_eq!(half.thresholds, [0.5; 4]);
    for metric in [MultilabelMetric::MacroF1, MultilabelMetric::MicroF1] {
        let head = trained(&columns, &targets, &MultilabelSettings { metric, ..MultilabelSettings::default() }).head;
        assert!(head.thresholds.iter().all(|threshold| *threshold > 0.1 && *threshold < 0.9), "{:?}", head.thresholds);
        assert_ne!(head.thresholds, [0.5; 4]);
        let probabilities = head.probabilities(&views).unwrap();
        let answers = head.predict(&views).unwrap();
        for ((row, label), &answer) in answers.indexed_iter() {
            assert_eq!(answer, probabilities[[row, label]] >= head.thresholds[label]);
        }
        assert!(answers.iter().any(|answer| *answer) && answers.iter().any(|answer| !*answer));
    }
}

#[test]
fn one_label_and_few_rows_are_enough_for_a_head() {
    let (columns, targets) = problem(300, 1);
    let head = trained(&columns, &targets, &MultilabelSettings::default()).head;
    assert_eq!(head.weights.nrows(), 1);
    let (columns, _) = problem(3, 2);
    let targets = ndarray::array![[true, false], [false, true], [false, false]];
    let found = trained(&columns, &targets, &MultilabelSettings::default());
    assert!(found.selection.is_none() && found.held_out.is_none());
    assert!(found.unchosen.unwrap().contains("all 2 columns, C = 1, class weight none"));
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = found.head.probabilities(&views).unwrap();
    assert!(probabilities[[0, 0]] > probabilities[[1, 0]] && probabilities[[1, 1]] > probabilities[[0, 1]]);
}

#[test]
fn labels_and_settings_that_cannot_work_are_refused() {
    let (columns, mut targets) = problem(100, 3);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let error = |targets: &Array2<bool>, labels: usize, settings: &MultilabelSettings| {
        train_multilabel(&views, targets.view(), &names(labels), settings, &mut |_| {}).unwrap_err()
    };
    let settings = MultilabelSettings::default();
    assert!(matches!(error(&targets, 2, &settings), TrainError::LabelColumns { found: 3, expected: 2 }));
    let none = Array2::from_elem((100, 0), false);
    assert!(matches!(error(&none, 0, &settings), TrainError::LabelColumns { found: 0, expected: 0 }));
    let fewer = targets.slice(s![..99, ..]).to_owned();
    assert!(matches!(error(&fewer, 3, &settings), TrainError::RowMismatch { expected: 99, .. }));
    for folds in [0, 6] {
        let settings = MultilabelSettings { folds: Some(folds), ..settings.clone() };
        assert!(matches!(error(&targets, 3, &settings), TrainError::Setting { .. }));
    }
    assert!(matches!(error(&targets, 3, &fixed(-1.0, ClassWeightChoice::None)), TrainError::InvalidC { .. }));
    targets.column_mut(1).fill(true);
    let found = error(&targets, 3, &settings);
    assert!(matches!(&found, TrainError::LabelInEveryRow { labels } if *labels == ["c1"]), "{found}");
    targets.column_mut(1).fill(false);
    let found = error(&targets, 3, &settings);
    assert!(matches!(&found, TrainError::ClassWithoutRows { classes } if *classes == ["c1"]), "{found}");
}

#[test]
fn a_head_is_read_back_bit_by_bit_and_others_are_refused() {
    let (columns, targets) = problem(120, 3);
    let head = trained(&columns, &targets, &MultilabelSettings::default()).head;
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    assert_eq!(MultilabelHead::load(folder.path()).unwrap(), head);
    let error = LogisticHead::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("\"multilabel\"") && error.contains("\"logistic\""), "{error}");
    let json = folder.path().join(HEAD_JSON);
    // Without the checksum, which any change would fall to.
    let text = String::from_utf8(larder_files::unsealed_json(std::fs::read(&json).unwrap()).unwrap()).unwrap();
    for (from, to, expected) in [
        ("\"c2\"", "\"c2\", \"c3\"", "tensor `weights`"),
        ("\"version\": 1", "\"version\": 9", "version 9"),
        ("\"labels\"", "\"classes\"", "not a head's description"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}: {text}");
        std::fs::write(&json, changed).unwrap();
        let error = MultilabelHead::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever the sets, a head comes out with probabilities between 0 and 1, or an error that names a label.
    #[test]
    fn any_label_sets_give_a_head_or_a_named_label(sets in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 3), 2..24)) {
        let targets = Array2::from_shape_fn((sets.len(), 3), |(row, label)| sets[row][label]);
        let (columns, _) = problem(sets.len(), 3);
        let views: Vec<&FeatureColumn> = columns.iter().collect();
        let settings = MultilabelSettings { grid: vec![0.01, 1.0], ..MultilabelSettings::default() };
        match train_multilabel(&views, targets.view(), &names(3), &settings, &mut |_| {}) {
            Ok(found) => {
                let probabilities = found.head.probabilities(&views).unwrap();
                prop_assert!(probabilities.iter().all(|share| *share > 0.0 && *share < 1.0));
                prop_assert!(found.convergence.iter().all(|label| label.converged), "{:?}", found.convergence);
            }
            Err(TrainError::ClassWithoutRows { classes: labels } | TrainError::LabelInEveryRow { labels }) => {
                prop_assert!(!labels.is_empty());
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
