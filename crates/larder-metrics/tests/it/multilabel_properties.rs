//! Laws of the scores of label sets.

use larder_metrics::{
    BaselineVerdict, Bootstrap, ClassificationScores, ConfusionMatrix, LabelConstant, LabelSets, MultilabelAnswers,
    MultilabelMetric, MultilabelScores, TrainLabels, compare_with_multilabel_baseline, multilabel_baseline,
    score_multilabel,
};
use proptest::prelude::*;

const LABELS: usize = 4;

/// Gold and probability of each label; probabilities have ties, and half or more is answered.
type Row = Vec<(bool, f64)>;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let cell = (any::<bool>(), (0_u8..=8).prop_map(|eighths| f64::from(eighths) / 8.0));
    prop::collection::vec(prop::collection::vec(cell, LABELS), 1..40)
}

fn permutation() -> impl Strategy<Value = Vec<usize>> {
    Just((0..LABELS).collect::<Vec<_>>()).prop_shuffle()
}

fn read(rows: &[Row]) -> (LabelSets, MultilabelAnswers) {
    let cells = || rows.iter().flatten();
    let gold = LabelSets::new(cells().map(|cell| cell.0).collect(), LABELS).unwrap();
    let probabilities = cells().map(|cell| cell.1).collect();
    (gold, MultilabelAnswers::from_thresholds(probabilities, &[0.5; LABELS]).unwrap())
}

fn scores(rows: &[Row]) -> MultilabelScores {
    let (gold, answers) = read(rows);
    score_multilabel(&gold, &answers).unwrap()
}

/// Every number of no single label.
fn averages(scores: &MultilabelScores) -> [f64; 13] {
    let MultilabelScores { micro, macro_avg, weighted, .. } = scores;
    [
        [micro.precision, micro.recall, micro.f1],
        [macro_avg.precision, macro_avg.recall, macro_avg.f1],
        [weighted.precision, weighted.recall, weighted.f1],
        [scores.subset_accuracy, scores.hamming_loss, scores.lrap],
    ]
    .concat()
    .into_iter()
    .chain([scores.macro_average_precision])
    .collect::<Vec<f64>>()
    .try_into()
    .expect("thirteen")
}

proptest! {
    #[test]
    fn permuting_the_labels_permutes_their_scores_and_leaves_the_averages(
        rows in rows(),
        permutation in permutation(),
    ) {
        let moved: Vec<Row> = rows.iter().map(|row| permutation.iter().map(|&from| row[from]).collect()).collect();
        let (before, after) = (scores(&rows), scores(&moved));
        for (a, b) in averages(&before).into_iter().zip(averages(&after)) {
            // Summed in another order.
            prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        for (to, &from) in permutation.iter().enumerate() {
            prop_assert_eq!(before.per_label[from], after.per_label[to]);
        }
    }

    #[test]
    fn permuting_or_doubling_the_rows_changes_nothing(
        (rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let before = scores(&rows);
        for after in [scores(&shuffled), scores(&[rows.clone(), rows.clone()].concat())] {
            for (a, b) in averages(&before).into_iter().zip(averages(&after)) {
                // LRAP is summed in another order.
                prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }
        prop_assert_eq!(before.per_label, scores(&shuffled).per_label);
    }

    #[test]
    fn one_label_and_one_answer_a_row_is_classification(
        rows in prop::collection::vec((0..LABELS, 0..LABELS), 1..40),
    ) {
        let (gold, predicted): (Vec<usize>, Vec<usize>) = rows.iter().copied().unzip();
        let sets = |classes: &[usize]| {
            LabelSets::from_indices(&classes.iter().map(|&class| [class]).collect::<Vec<_>>(), LABELS).unwrap()
        };
        let answers = MultilabelAnswers::new(sets(&predicted), vec![0.5; rows.len() * LABELS]).unwrap();
        let found = score_multilabel(&sets(&gold), &answers).unwrap();
        let matrix = ConfusionMatrix::from_classes(&gold, &predicted, LABELS).unwrap();
        let expected = ClassificationScores::from(&matrix);
        prop_assert_eq!(found.micro.f1, expected.accuracy);
        prop_assert_eq!(found.subset_accuracy, expected.accuracy);
        // Two booleans of a wrong row differ.
        prop_assert!((found.hamming_loss - 2.0 * (1.0 - expected.accuracy) / LABELS as f64).abs() < 1e-12);
        prop_assert!((found.weighted.f1 - expected.weighted_f1).abs() < 1e-12);
        // One of four equal ranks.
        prop_assert_eq!(found.lrap, 0.25);
        for (found, expected) in found.per_label.iter().zip(&expected.per_class) {
            prop_assert_eq!((found.precision, found.recall, found.f1), (expected.precision, expected.recall, expected.f1));
            prop_assert_eq!(found.support, expected.support);
        }
    }

    #[test]
    fn scores_stay_in_range(rows in rows()) {
        let found = scores(&rows);
        for share in averages(&found) {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        // No ranking has less than the share of the last rank: one of four labels.
        prop_assert!(found.lrap >= 0.25);
        let answered: u64 = found.per_label.iter().map(|label| label.answered).sum();
        prop_assert_eq!(answered, rows.iter().flatten().filter(|cell| cell.1 >= 0.5).count() as u64);
    }

    #[test]
    fn gold_itself_is_perfect(rows in rows()) {
        let right: Vec<Row> =
            rows.iter().map(|row| row.iter().map(|cell| (cell.0, f64::from(u8::from(cell.0)))).collect()).collect();
        let found = scores(&right);
        prop_assert_eq!((found.subset_accuracy, found.lrap, found.hamming_loss), (1.0, 1.0, 0.0));
        for label in &found.per_label {
            let expected = if label.support > 0 { 1.0 } else { 0.0 };
            prop_assert_eq!((label.f1, label.average_precision, label.answered), (expected, expected, label.support));
        }
    }

    #[test]
    fn intervals_are_ordered_and_a_predictor_does_not_differ_from_itself(
        rows in rows(),
        metric in prop::sample::select(MultilabelMetric::ALL),
    ) {
        let (gold, answers) = read(&rows);
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let narrow = Bootstrap { level: 0.5, ..bootstrap }.multilabel_interval(&gold, &answers, metric).unwrap();
        let wide = bootstrap.multilabel_interval(&gold, &answers, metric).unwrap();
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
        prop_assert!(wide.low >= 0.0 && wide.high <= 1.0 + 1e-12);
        let itself = bootstrap.paired_multilabel(&gold, &answers, &answers, metric).unwrap();
        prop_assert_eq!((itself.difference, itself.interval.low, itself.interval.high), (0.0, 0.0, 0.0));
        prop_assert_eq!(itself.share_at_or_below_zero, 1.0);
    }
}

/// 120 rows of one or two of four labels.
fn train() -> LabelSets {
    let row = |row: usize| if row.is_multiple_of(3) { vec![row % 4] } else { vec![0, row % 4] };
    LabelSets::from_indices(&(0..120).map(row).collect::<Vec<_>>(), LABELS).unwrap()
}

#[test]
fn the_verdict_beside_constant_sets() {
    let gold = train();
    let baseline = multilabel_baseline(&TrainLabels::of(&train()), &gold).unwrap();
    assert_eq!(
        (baseline.most_frequent_set.labels.as_slice(), baseline.above_half.labels.as_slice()),
        (&[0][..], &[0][..])
    );
    let compare = |metric, right: f64, wrong: f64| {
        let probabilities = gold.iter().flatten().map(|&has| if has { right } else { wrong }).collect();
        let answers = MultilabelAnswers::from_thresholds(probabilities, &[0.5; LABELS]).unwrap();
        compare_with_multilabel_baseline(&gold, &answers, &baseline, metric, &Bootstrap::default()).unwrap()
    };
    for &metric in MultilabelMetric::ALL {
        let found = compare(metric, 0.8, 0.1);
        assert_eq!(found.verdict, BaselineVerdict::Above, "{found}");
        assert_eq!(found.baseline, LabelConstant::MostFrequentSet);
        let constant = metric.of(&baseline.most_frequent_set.scores);
        assert!((found.difference.difference - (1.0 - constant)).abs() < 1e-12, "{found}");
        assert_eq!(compare(metric, 0.1, 0.8).verdict, BaselineVerdict::Below);
    }
    let said = compare(MultilabelMetric::SubsetAccuracy, 0.8, 0.1).to_string();
    assert!(
        said.starts_with("subset_accuracy better than the baseline most_frequent_set: +0.750 (95 % interval "),
        "{said}"
    );
    // The constant set is at itself.
    let shares = baseline.train_shares.repeat(gold.rows());
    let constant = LabelSets::from_indices(&vec![[0]; gold.rows()], LABELS).unwrap();
    let constant = MultilabelAnswers::new(constant, shares).unwrap();
    for &metric in MultilabelMetric::ALL {
        let found = compare_with_multilabel_baseline(&gold, &constant, &baseline, metric, &Bootstrap::default());
        assert_eq!(found.unwrap().verdict, BaselineVerdict::At, "{metric}");
    }
}

#[test]
fn predictors_of_other_shapes_are_refused_by_name() {
    let gold = LabelSets::new(vec![true; 4], 2).unwrap();
    let answers = |rows: usize| MultilabelAnswers::from_thresholds(vec![0.7; rows * 2], &[0.5; 2]).unwrap();
    let bootstrap = Bootstrap::default();
    let metric = MultilabelMetric::default();
    let error = bootstrap.paired_multilabel(&gold, &answers(2), &answers(3), metric).unwrap_err().to_string();
    let expected = "gold has 2 rows but the second predictor has 3: both must describe the same rows in the same order";
    assert_eq!(error, expected);
    assert!(Bootstrap { resamples: 0, ..bootstrap }.multilabel_interval(&gold, &answers(2), metric).is_err());
    assert!(Bootstrap { level: 1.0, ..bootstrap }.paired_multilabel(&gold, &answers(2), &answers(2), metric).is_err());
}
