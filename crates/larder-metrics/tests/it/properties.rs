//! Laws of every confusion matrix.

use larder_metrics::{Bootstrap, ClassificationScores, ConfusionMatrix, Metric};
use proptest::prelude::*;

const CLASSES: usize = 4;

/// `[rows]` of (gold, predicted), and a permutation of the classes.
fn rows() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..CLASSES, 0..CLASSES), 1..60)
}

fn permutation() -> impl Strategy<Value = Vec<usize>> {
    Just((0..CLASSES).collect::<Vec<_>>()).prop_shuffle()
}

fn matrix(rows: impl IntoIterator<Item = (usize, usize)>) -> ConfusionMatrix {
    let (gold, predicted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    ConfusionMatrix::from_classes(&gold, &predicted, CLASSES).unwrap()
}

fn scores(rows: impl IntoIterator<Item = (usize, usize)>) -> ClassificationScores {
    ClassificationScores::from(&matrix(rows))
}

/// R_K as Gorodkin writes it, equations 1 to 8: covariances of the indicator columns, averaged over the classes.
fn gorodkin(rows: &[(usize, usize)]) -> f64 {
    let n = rows.len() as f64;
    let column = |class: usize, gold: bool| -> Vec<f64> {
        rows.iter().map(|&(g, p)| f64::from(u8::from(if gold { g } else { p } == class))).collect()
    };
    let covariance = |a: &[f64], b: &[f64]| -> f64 {
        let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
        a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / n
    };
    let sum = |first: bool, second: bool| -> f64 {
        (0..CLASSES).map(|class| covariance(&column(class, first), &column(class, second))).sum()
    };
    let denominator = sum(true, true) * sum(false, false);
    if denominator < 1e-12 { 0.0 } else { sum(true, false) / denominator.sqrt() }
}

proptest! {
    #[test]
    fn renaming_the_classes_changes_no_overall_score(rows in rows(), permutation in permutation()) {
        let before = scores(rows.iter().copied());
        let after = scores(rows.iter().map(|&(gold, predicted)| (permutation[gold], permutation[predicted])));
        // The classes are summed in another order.
        for (a, b) in [
            (before.mcc, after.mcc),
            (before.accuracy, after.accuracy),
            (before.macro_f1, after.macro_f1),
            (before.weighted_f1, after.weighted_f1),
        ] {
            prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        for (class, &renamed) in permutation.iter().enumerate() {
            prop_assert_eq!(before.per_class[class], after.per_class[renamed]);
        }
    }

    #[test]
    fn mcc_is_gorodkins_correlation(rows in rows()) {
        prop_assert!((scores(rows.iter().copied()).mcc - gorodkin(&rows)).abs() < 1e-9);
    }

    #[test]
    fn mcc_and_accuracy_do_not_care_which_side_is_gold(rows in rows()) {
        let swapped = rows.iter().map(|&(gold, predicted)| (predicted, gold));
        let (a, b) = (scores(rows.iter().copied()), scores(swapped));
        prop_assert!((a.mcc - b.mcc).abs() < 1e-12 && a.accuracy == b.accuracy);
        prop_assert!((a.per_class[0].precision - b.per_class[0].recall).abs() < 1e-12);
    }

    #[test]
    fn doubling_every_row_changes_nothing(rows in rows()) {
        let (once, twice) = (scores(rows.iter().copied()), scores(rows.repeat(2)));
        prop_assert!((once.mcc - twice.mcc).abs() < 1e-12);
        prop_assert!((once.macro_f1 - twice.macro_f1).abs() < 1e-12);
    }

    #[test]
    fn scores_stay_in_range_and_constant_answers_have_no_mcc(rows in rows(), constant in 0..CLASSES) {
        let found = scores(rows.iter().copied());
        prop_assert!((-1.0..=1.0).contains(&found.mcc));
        for share in [found.accuracy, found.macro_f1, found.weighted_f1] {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        prop_assert_eq!(scores(rows.iter().map(|&(gold, _)| (gold, constant))).mcc, 0.0);
    }

    #[test]
    fn all_right_is_exactly_one(rows in rows()) {
        let found = scores(rows.iter().map(|&(gold, _)| (gold, gold)));
        let one_class = rows.iter().all(|row| row.0 == rows[0].0);
        prop_assert_eq!(found.mcc, if one_class { 0.0 } else { 1.0 });
        prop_assert_eq!((found.accuracy, found.macro_f1, found.weighted_f1), (1.0, 1.0, 1.0));
    }

    #[test]
    fn intervals_are_ordered_and_wider_at_a_higher_level(
        rows in rows(),
        metric in prop::sample::select(Metric::ALL),
    ) {
        let matrix = matrix(rows);
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let narrow = Bootstrap { level: 0.5, ..bootstrap }.interval(&matrix, metric).unwrap();
        let wide = bootstrap.interval(&matrix, metric).unwrap();
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
        prop_assert!((-1.0..=1.0).contains(&wide.low) && wide.high <= 1.0);
    }
}
