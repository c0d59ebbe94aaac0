//! What training promises: a choice made on train only, the same on any number of threads, and clear refusals.

use crate::common::{column, labels, names, noise};
use larder_metrics::Metric;
use larder_train::{
    ClassWeight, ClassWeightChoice, DEFAULT_GRID, FEW_ROWS, FeatureColumn, Progress, SelectionEntry, ThresholdChoice,
    TrainSettings, Trained, train,
};
use ndarray::Array2;

fn run(columns: &[&FeatureColumn], labels: &[usize], classes: usize, settings: &TrainSettings) -> Trained {
    train(columns, labels, &names(classes), settings, &mut |_| {}).unwrap()
}

#[test]
fn the_column_that_knows_the_classes_is_chosen() {
    let gold = labels(FEW_ROWS, 3, 1);
    let bad = column("mean", &gold, 6, 0.0, 2);
    let good = column("mean_l2", &gold, 6, 1.0, 3);
    let mut lines = Vec::new();
    let trained = train(&[&bad, &good], &gold, &names(3), &TrainSettings::default(), &mut |progress| match progress {
        Progress::Scored { candidate, candidates, entry } => {
            assert!(candidate < candidates);
            lines.push(entry.clone());
        }
        Progress::Fitting { candidate, .. } => assert!(candidate.starts_with("mean"), "{candidate}"),
    })
    .unwrap();
    let selection = trained.selection.unwrap();
    assert_eq!(selection.entries, lines);
    let by_candidate = selection.best_by_candidate();
    let candidates: Vec<&str> = by_candidate.iter().map(|entry| entry.candidate.as_str()).collect();
    assert_eq!(candidates, ["mean", "mean_l2", "mean (all 2)"]);
    assert!(by_candidate[0].mean < 0.2 && by_candidate[1].mean > 0.8, "{by_candidate:?}");
    assert!(trained.head.columns.iter().any(|column| column.name == "mean_l2"));
    assert!(trained.out_of_fold_scores.unwrap().mcc > 0.8 && trained.train_scores.mcc > 0.8);
    assert!(trained.convergence.converged);
}

#[test]
fn noise_scores_as_noise() {
    // Thresholds tuned on the very rows that are scored, or standardisation on held-out rows' labels, would show here.
    let gold = labels(600, 2, 5);
    let features = column("mean", &gold, 40, 0.0, 6);
    let settings = TrainSettings { grid: vec![1.0], class_weight: ClassWeightChoice::None, ..TrainSettings::default() };
    let trained = run(&[&features], &gold, 2, &settings);
    // The standard error of MCC on 600 rows is 0.04; three of them.
    assert!(trained.selection.unwrap().best().mean.abs() < 0.12);
    // 40 free dimensions on 600 rows do learn something by heart.
    let settings =
        TrainSettings { class_weight: ClassWeightChoice::Balanced, threshold: ThresholdChoice::Half, ..settings };
    let by_heart = run(&[&features], &gold, 2, &settings).train_scores.mcc;
    assert!(by_heart > 0.2, "{by_heart}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let gold = labels(700, 2, 8);
    let columns = [column("cls", &gold, 20, 0.2, 9), column("mean", &gold, 20, 0.2, 10)];
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&columns, &gold, 2, &TrainSettings::default()))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn the_seed_changes_the_folds_only() {
    let gold = labels(300, 2, 8);
    let features = column("mean", &gold, 8, 0.3, 9);
    let with = |seed| {
        let settings = TrainSettings { grid: vec![0.1], seed, ..TrainSettings::default() };
        run(&[&features], &gold, 2, &settings)
    };
    let (first, again, other) = (with(1), with(1), with(2));
    assert_eq!(first, again);
    assert_ne!(first.selection.unwrap().best().fold_scores, other.selection.unwrap().best().fold_scores);
}

#[test]
fn a_tuned_threshold_serves_its_metric() {
    // One class in eight: at 0.5 the rare class is hardly ever answered.
    let gold: Vec<usize> = (0..800).map(|row| usize::from(row % 8 == 0)).collect();
    let features = column("mean", &gold, 4, 0.5, 3);
    let with = |threshold, metric| {
        let class_weight = ClassWeightChoice::None;
        run(&[&features], &gold, 2, &TrainSettings { threshold, metric, class_weight, ..TrainSettings::default() })
    };
    let tuned = with(ThresholdChoice::Tuned, Metric::MacroF1);
    let half = with(ThresholdChoice::Half, Metric::MacroF1);
    assert_eq!(half.head.threshold, Some(0.5));
    assert!(tuned.head.threshold.unwrap() < 0.45, "{:?}", tuned.head.threshold);
    let score = |trained: &Trained| trained.out_of_fold_scores.as_ref().unwrap().macro_f1;
    assert!(score(&tuned) > score(&half) + 0.02, "{} {}", score(&tuned), score(&half));
}

#[test]
fn balanced_weights_raise_the_rare_class() {
    let gold: Vec<usize> = (0..600).map(|row| if row % 10 == 0 { 0 } else { 1 + row % 2 }).collect();
    let features = column("mean", &gold, 4, 0.4, 3);
    let recall = |class_weight| {
        let settings = TrainSettings { class_weight, grid: vec![1.0], ..TrainSettings::default() };
        run(&[&features], &gold, 3, &settings).train_scores.per_class[0].recall
    };
    let (none, balanced) = (recall(ClassWeightChoice::None), recall(ClassWeightChoice::Balanced));
    assert!(balanced > none + 0.2, "{balanced} {none}");
}

#[test]
fn many_classes_fit() {
    let gold: Vec<usize> = (0..1200).map(|row| row % 60).collect();
    let features = column("mean", &gold, 24, 1.5, 4);
    let settings = TrainSettings { grid: vec![1.0], class_weight: ClassWeightChoice::None, ..TrainSettings::default() };
    let trained = run(&[&features], &gold, 60, &settings);
    assert!(trained.convergence.converged);
    assert!(trained.out_of_fold_scores.unwrap().accuracy > 0.8);
    assert_eq!(trained.head.weights.dim(), (60, 24));
}

#[test]
fn rows_of_very_different_scale_converge_without_standardising() {
    let gold = labels(300, 3, 2);
    let mut features = column("mean", &gold, 5, 1.0, 3);
    for (row, mut values) in features.values.rows_mut().into_iter().enumerate() {
        let scale = 10f32.powf(4.0 * noise(7, row) as f32);
        values.mapv_inplace(|value| value * scale);
    }
    let settings = TrainSettings { standardise: false, grid: vec![1.0], ..TrainSettings::default() };
    let trained = run(&[&features], &gold, 3, &settings);
    assert!(trained.convergence.converged, "{:?}", trained.convergence);
    assert!(trained.head.standardiser.mean.iter().all(|&mean| mean == 0.0));
    let probabilities = trained.head.probabilities(&[&features]).unwrap();
    assert!(probabilities.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
}

#[test]
fn separable_classes_and_constant_dimensions_are_no_trouble() {
    let gold = labels(100, 2, 4);
    let values = Array2::from_shape_fn((100, 3), |(row, dimension)| match dimension {
        0 => gold[row] as f32,
        1 => 7.0,
        _ => 0.0,
    });
    let features = FeatureColumn::new("mean", values);
    let settings = TrainSettings { grid: vec![1e6], ..TrainSettings::default() };
    let trained = run(&[&features], &gold, 2, &settings);
    assert_eq!(trained.train_scores.accuracy, 1.0);
    assert_eq!(trained.head.weights[[0, 1]], 0.0);
    assert!(trained.convergence.objective.is_finite());
}

#[test]
fn few_rows_mean_fewer_folds_and_then_none() {
    let gold = [0, 0, 0, 1, 1, 1, 1, 1];
    let features = column("mean", &gold, 2, 2.0, 1);
    let trained = run(&[&features], &gold, 2, &TrainSettings::default());
    assert_eq!(trained.selection.unwrap().folds, 3);
    assert_eq!(trained.notes, ["3 folds instead of 5: class `c0` has 3 training rows"]);
    assert_eq!(trained.unchosen, None);

    // A class of one row beside two larger ones leaves folds to choose by.
    let gold = [0, 1, 1, 1, 2, 2, 2];
    let features = column("mean", &gold, 2, 2.0, 1);
    assert_eq!(run(&[&features], &gold, 3, &TrainSettings::default()).selection.unwrap().folds, 3);

    let gold = [0, 1, 1, 1];
    let features = column("mean", &gold, 2, 2.0, 1);
    for settings in [
        TrainSettings::default(),
        TrainSettings { grid: vec![1.0], ..TrainSettings::default() },
        TrainSettings { grid: vec![1.0], class_weight: ClassWeightChoice::None, ..TrainSettings::default() },
    ] {
        let trained = run(&[&features], &gold, 2, &settings);
        assert!(trained.selection.is_none() && trained.out_of_fold_scores.is_none() && trained.notes.is_empty());
        assert_eq!((trained.head.threshold, trained.head.c), (Some(0.5), 1.0));
        let why = trained.unchosen.unwrap();
        for part in ["class `c0` has 1 training row(s)", "mean, C = 1, class weight none, threshold 0.5", "not seen"] {
            assert!(why.contains(part), "{why}");
        }
    }
}

#[test]
fn one_row_a_class_trains_on_all_columns() {
    let gold = [0, 1, 2];
    let columns = [column("mean", &gold, 6, 1.0, 1), column("cls", &gold, 6, 1.0, 2)];
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = run(&columns, &gold, 3, &TrainSettings::default());
    assert_eq!(trained.train_scores.accuracy, 1.0);
    assert_eq!(trained.head.columns.len(), 2, "{:?}", trained.unchosen);
    assert!(trained.unchosen.unwrap().contains("all 2 columns, C = 1, class weight none;"));
    // What was asked for is taken.
    let settings = TrainSettings {
        grid: vec![0.01, 0.1],
        class_weight: ClassWeightChoice::Balanced,
        threshold: ThresholdChoice::Half,
        ..TrainSettings::default()
    };
    let asked = run(&columns[..1], &gold, 3, &settings);
    assert_eq!((asked.head.c, asked.head.class_weight), (0.1, ClassWeight::Balanced));
}

#[test]
fn a_threshold_that_gains_nothing_on_rows_that_did_not_choose_it_is_left_at_half() {
    let mut tuned = 0;
    for seed in 0..12 {
        // Half of the rows are of each class: 0.5 is as good as any.
        let gold: Vec<usize> = (0..240).map(|row| (row * 7 + row / 9) % 2).collect();
        let features = column("mean", &gold, 6, 0.3, 20 + seed);
        let settings =
            TrainSettings { grid: vec![0.1], class_weight: ClassWeightChoice::None, ..TrainSettings::default() };
        let trained = run(&[&features], &gold, 2, &settings);
        let selection = trained.selection.unwrap();
        let best = selection.best();
        let gain = best.threshold_gain.expect("it was tuned");
        assert_eq!(best.has_tuned_threshold(), gain.gain > gain.standard_error);
        assert!(gain.standard_error > 0.0 && gain.standard_error < 0.1, "{gain:?}");
        assert_eq!(trained.head.threshold == Some(0.5), !best.has_tuned_threshold());
        assert!(selection.rule.contains("one standard error") && selection.rule.contains("threshold 0.5"));
        tuned += usize::from(best.has_tuned_threshold());
    }
    // By chance one in six.
    assert!(tuned <= 5, "{tuned} of 12");
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let gold = labels(60, 3, 4);
    let features = column("mean_l1", &gold, 4, 1.0, 1);
    let error = |columns: &[&FeatureColumn], gold: &[usize], classes: usize, settings: &TrainSettings| {
        train(columns, gold, &names(classes), settings, &mut |_| {}).unwrap_err().to_string()
    };
    let default = TrainSettings::default();
    assert!(error(&[&features], &gold, 1, &default).contains("at least 2"));
    assert!(error(&[&features], &gold, 5, &default).contains("`c3`, `c4`"));
    assert!(error(&[&features], &gold, 2, &default).contains("label index 2"));
    assert!(error(&[&features], &gold[..59], 3, &default).contains("60 rows, expected 59"));
    assert!(error(&[], &gold, 3, &default).contains("at least one"));
    let mut broken = features.clone();
    broken.values[[17, 3]] = f32::INFINITY;
    let message = error(&[&broken], &gold, 3, &default);
    assert!(message.contains("`mean_l1`, row 17, dimension 3") && message.contains("inf"), "{message}");
    let settings = TrainSettings { grid: vec![1.0, -1.0], ..default.clone() };
    assert!(error(&[&features], &gold, 3, &settings).contains("C is -1"));
    assert!(error(&[&features], &gold, 3, &TrainSettings { grid: vec![], ..default.clone() }).contains("empty"));
    assert!(error(&[&features], &gold, 3, &TrainSettings { folds: 1, ..default }).contains("1 fold"));
}

#[test]
fn of_few_rows_all_columns_are_taken_and_the_strength_is_that_of_the_smallest_loss() {
    let gold = labels(120, 3, 1);
    let bad = column("mean", &gold, 6, 0.0, 2);
    let good = column("mean_l2", &gold, 6, 1.0, 3);
    let trained = train(&[&bad, &good], &gold, &names(3), &TrainSettings::default(), &mut |_| {}).unwrap();
    let selection = trained.selection.unwrap();
    assert!(
        selection.rule.contains("fewer than 500 rows") && selection.rule.contains("log-loss"),
        "{}",
        selection.rule
    );
    assert!(selection.entries.iter().all(|entry| entry.candidate == "mean (all 2)"), "{:?}", selection.entries);
    assert_eq!(selection.entries.len(), DEFAULT_GRID.len());
    let loss = |entry: &SelectionEntry| entry.log_loss.unwrap();
    let least = selection.entries.iter().map(loss).fold(f64::INFINITY, f64::min);
    assert_eq!(loss(selection.best()), least);
    // The loss is that of the answers that are given out: guessing three classes costs 1.1 nats.
    let (probabilities, all) = (trained.out_of_fold_probabilities.unwrap(), gold.len() as f64);
    let counts: Vec<f64> = (0..3).map(|class| gold.iter().filter(|&&label| label == class).count() as f64).collect();
    let balanced = |label: usize| all / (3.0 * counts[label]);
    let expected: f64 =
        probabilities.rows().into_iter().zip(&gold).map(|(row, &label)| -balanced(label) * row[label].ln()).sum();
    assert!((least - expected / all).abs() < 1e-9 && least < 0.7, "{least} and {}", expected / all);
    assert!(trained.out_of_fold_scores.unwrap().mcc > 0.8);
}
