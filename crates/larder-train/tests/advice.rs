//! Advice says what the numbers show, and nothing when they are fine.

use larder_metrics::{
    Bootstrap, ClassificationScores, ConfusionMatrix, Metric, compare_with_majority, majority_baseline,
};
use larder_train::{Advice, Convergence, Judged, Solver, TrainSettings, Tried, advise_on_scores, advise_on_training};

/// Rows of gold and predicted classes from counts `[gold][predicted]`.
fn rows(counts: [[usize; 2]; 2]) -> (Vec<usize>, Vec<usize>) {
    let cells = (0..2).flat_map(|gold| (0..2).map(move |predicted| (gold, predicted)));
    cells.flat_map(|(gold, predicted)| vec![(gold, predicted); counts[gold][predicted]]).unzip()
}

fn advice(counts: [[usize; 2]; 2], columns: &[&str], metric: Metric) -> Vec<Advice> {
    let (gold, predicted) = rows(counts);
    let scores = ClassificationScores::from(&ConfusionMatrix::from_classes(&gold, &predicted, 2).unwrap());
    let baseline = majority_baseline(1, &gold, 2).unwrap();
    let comparison = compare_with_majority(&gold, &predicted, 1, 2, &Bootstrap::default()).unwrap();
    let classes = ["unacceptable".to_owned(), "acceptable".to_owned()];
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let settings = TrainSettings { metric, ..TrainSettings::default() };
    advise_on_scores(
        &Judged { split: "dev", classes: &classes, scores: &scores, baseline: &baseline, comparison: &comparison },
        &Tried { columns: &columns, settings: &settings, selection: None },
    )
}

#[test]
fn a_healthy_result_is_met_with_silence() {
    assert!(advice([[120, 30], [20, 330]], &["mean"], Metric::Mcc).is_empty());
}

#[test]
fn the_last_layer_at_the_baseline_points_to_all_layers() {
    let found = advice([[28, 134], [32, 333]], &["mean"], Metric::Mcc);
    assert_eq!(found.len(), 1);
    let text = found[0].to_string();
    for part in
        ["On dev accuracy is at the majority baseline", "accuracy 0.685", "`acceptable` scores 0.693", "--layers all"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("--metric accuracy"), "{text}");
}

#[test]
fn layers_that_were_tried_are_not_advised_again() {
    let text = advice([[10, 152], [22, 343]], &["mean", "mean_l2"], Metric::Accuracy)[0].to_string();
    assert!(text.contains("cannot be told from the majority baseline"), "{text}");
    assert!(!text.contains("--layers") && text.contains("--encoder") && !text.contains("--metric"), "{text}");
}

#[test]
fn a_constant_answer_is_called_one() {
    let text = advice([[0, 162], [0, 365]], &["mean"], Metric::Mcc)[0].to_string();
    assert!(text.starts_with("On dev the head answers `acceptable` to every row"), "{text}");
}

#[test]
fn an_unfinished_fit_is_named_and_a_finished_one_is_not() {
    let settings = TrainSettings::default();
    let columns = ["mean".to_owned()];
    let tried = Tried { columns: &columns, settings: &settings, selection: None };
    let mut convergence = Convergence {
        solvers: vec![Solver::Lbfgs],
        iterations: 5000,
        objective: 10.0,
        gradient_norm: 1.0,
        relative_gradient_norm: 1e-3,
        converged: false,
    };
    let found = advise_on_training(&convergence, &tried);
    assert!(found[0].evidence.contains("5000 steps") && found[0].evidence.contains("1.0e-3"), "{found:?}");
    convergence.converged = true;
    assert!(advise_on_training(&convergence, &tried).is_empty());
}
