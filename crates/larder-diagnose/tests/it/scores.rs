//! Scores beside the constant answer: what the numbers show is said, and nothing when they are fine.

use larder_diagnose::{
    Diagnosis, DiagnosisKind, Guessing, Judged, Losses, Method, Rate, Tried, Tuning, diagnose_scores,
};
use larder_metrics::{
    Bootstrap, ClassificationScores, ConfusionMatrix, Metric, compare_with_majority, majority_baseline,
};

/// Rows of gold and predicted classes from counts `[gold][predicted]`.
fn rows(counts: [[usize; 2]; 2]) -> (Vec<usize>, Vec<usize>) {
    let cells = (0..2).flat_map(|gold| (0..2).map(move |predicted| (gold, predicted)));
    cells.flat_map(|(gold, predicted)| vec![(gold, predicted); counts[gold][predicted]]).unzip()
}

fn judged(counts: [[usize; 2]; 2], method: &Method<'_>) -> Vec<Diagnosis> {
    let (gold, predicted) = rows(counts);
    let matrix = ConfusionMatrix::from_classes(&gold, &predicted, 2).unwrap();
    diagnose_scores(
        &Judged {
            split: "dev",
            classes: &["unacceptable".to_owned(), "acceptable".to_owned()],
            scores: &ClassificationScores::from(&matrix),
            answered: &matrix.predicted_counts(),
            baseline: &majority_baseline(1, &gold, 2).unwrap(),
            comparison: &compare_with_majority(&gold, &predicted, 1, 2, &Bootstrap::default()).unwrap(),
        },
        method,
    )
}

fn found(counts: [[usize; 2]; 2], columns: &[&str], metric: Metric) -> Vec<Diagnosis> {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    judged(
        counts,
        &Method::Frozen(Tried {
            columns: &columns,
            metric: metric.as_str(),
            chosen: &["the strength", "the threshold"],
        }),
    )
}

#[test]
fn a_healthy_result_is_met_with_silence() {
    assert!(found([[120, 30], [20, 330]], &["mean"], Metric::Mcc).is_empty());
}

#[test]
fn the_last_layer_at_the_baseline_points_to_all_layers() {
    let found = found([[28, 134], [32, 333]], &["mean"], Metric::Mcc);
    assert_eq!((found.len(), found[0].kind), (1, DiagnosisKind::MajorityBaseline));
    let text = found[0].to_string();
    for part in
        ["On dev accuracy is at the majority baseline", "accuracy 0.685", "`acceptable` scores 0.693", "--layers all"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("the strength and the threshold were chosen for mcc"), "{text}");
    assert!(text.contains("--metric accuracy"), "{text}");
}

#[test]
fn layers_that_were_tried_are_not_advised_again() {
    let text = found([[10, 152], [22, 343]], &["mean", "mean_l2"], Metric::Accuracy)[0].to_string();
    assert!(text.contains("accuracy is below the majority baseline, and MCC cannot be told from"), "{text}");
    assert!(!text.contains("--layers") && text.contains("--encoder") && !text.contains("--metric"), "{text}");
}

#[test]
fn a_constant_answer_is_called_one_and_almost_one_too() {
    let all = found([[0, 162], [0, 365]], &["mean"], Metric::Mcc);
    assert!(all[0].to_string().starts_with("On dev `acceptable` is the answer to every row"), "{}", all[0]);
    let almost = found([[3, 159], [4, 361]], &["mean"], Metric::Mcc);
    assert_eq!(almost[0].kind, DiagnosisKind::OneAnswer);
    assert!(almost[0].finding.contains("98.7 % of the rows"), "{}", almost[0]);
    // Gold is as lopsided: no fault of the answers.
    let lopsided = found([[1, 9], [2, 515]], &["mean"], Metric::Mcc);
    assert_eq!(lopsided[0].kind, DiagnosisKind::MajorityBaseline);
}

#[test]
fn a_fine_tuned_run_is_told_its_losses() {
    let rate = Rate { rate: 3e-5, family: "bert", recipe: (2e-5, 5e-5) };
    let losses = |last| Losses { first: 0.7, last, guessing: Guessing::plain(0.61) };
    let said = |last| judged([[0, 162], [0, 365]], &Method::Tuned(Tuning { losses: losses(last), rate }));
    let hardly = said(0.6)[0].to_string();
    assert!(hardly.contains("training loss 0.700 at the beginning, 0.600 at the end") && hardly.contains("--lr"));
    assert!(said(0.1)[0].remedy.contains("more labelled texts"));
}
