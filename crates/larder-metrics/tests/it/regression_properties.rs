//! Laws of the scores of numbers.

use larder_metrics::{
    BaselineVerdict, Bootstrap, MetricsError, NumberConstant, RegressionMetric, RegressionScores,
    compare_with_regression_baseline, regression_baseline, score_regression,
};
use proptest::prelude::*;

/// `[rows]` of gold and predicted, in tenths so that there are ties.
fn rows() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let tenths = || (-30_i32..=30).prop_map(|tenths| f64::from(tenths) / 10.0);
    prop::collection::vec((tenths(), tenths()), 1..50)
}

fn scores(rows: &[(f64, f64)]) -> RegressionScores {
    let (gold, predicted): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
    score_regression(&gold, &predicted).unwrap()
}

/// Sums of up to 100 rounded terms.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-10 * a.abs().max(1.0)
}

proptest! {
    #[test]
    fn permuting_or_doubling_the_rows_changes_nothing(
        (rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let before = scores(&rows);
        for after in [scores(&shuffled), scores(&rows.repeat(2))] {
            for &metric in RegressionMetric::ALL {
                prop_assert!(close(metric.of(&before), metric.of(&after)), "{metric}: {before:?} {after:?}");
            }
        }
    }

    #[test]
    fn correlation_ignores_unit_and_offset(rows in rows(), unit in 0.01..100.0_f64, offset in -1e3..1e3_f64) {
        let before = scores(&rows);
        let moved = |unit: f64| rows.iter().map(|&(gold, predicted)| (gold, unit * predicted + offset)).collect::<Vec<_>>();
        let (same, turned) = (scores(&moved(unit)), scores(&moved(-unit)));
        // The offset costs up to five digits of deviations as small as 0.001.
        prop_assert!((before.pearson - same.pearson).abs() < 1e-9, "{} {}", before.pearson, same.pearson);
        prop_assert!((before.pearson + turned.pearson).abs() < 1e-9);
        prop_assert!(close(before.spearman, same.spearman) && close(before.spearman, -turned.spearman));
    }

    #[test]
    fn spearman_ignores_every_rising_function(rows in rows()) {
        let bent: Vec<(f64, f64)> = rows.iter().map(|&(gold, predicted)| (gold.exp(), predicted.powi(3))).collect();
        prop_assert_eq!(scores(&rows).spearman, scores(&bent).spearman);
    }

    #[test]
    fn correlation_does_not_care_which_side_is_gold(rows in rows()) {
        let swapped: Vec<(f64, f64)> = rows.iter().map(|&(gold, predicted)| (predicted, gold)).collect();
        let (before, after) = (scores(&rows), scores(&swapped));
        prop_assert!(close(before.pearson, after.pearson) && close(before.spearman, after.spearman));
        prop_assert_eq!((before.mae, before.rmse), (after.mae, after.rmse));
    }

    #[test]
    fn scores_stay_in_range(rows in rows()) {
        let found = scores(&rows);
        prop_assert!((-1.0..=1.0).contains(&found.pearson) && (-1.0..=1.0).contains(&found.spearman));
        prop_assert!(found.r2 <= 1.0 && found.mae >= 0.0);
        prop_assert!(found.mae <= found.rmse + 1e-12);
    }

    #[test]
    fn constant_answers_score_nothing_and_gold_itself_everything(rows in rows(), constant in -3.0..3.0_f64) {
        let found = scores(&rows.iter().map(|row| (row.0, constant)).collect::<Vec<_>>());
        prop_assert_eq!((found.pearson, found.spearman), (0.0, 0.0));
        prop_assert!(found.r2 < 1e-12 || rows.iter().all(|row| row.0 == constant));
        let found = scores(&rows.iter().map(|row| (row.0, row.0)).collect::<Vec<_>>());
        let correlation = if rows.iter().all(|row| row.0 == rows[0].0) { 0.0 } else { 1.0 };
        prop_assert_eq!((found.pearson, found.spearman), (correlation, correlation));
        prop_assert_eq!((found.r2, found.mae, found.rmse), (1.0, 0.0, 0.0));
    }

    #[test]
    fn intervals_are_ordered_and_a_predictor_does_not_differ_from_itself(
        rows in rows(),
        metric in prop::sample::select(RegressionMetric::ALL),
    ) {
        let (gold, predicted): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let narrow = Bootstrap { level: 0.5, ..bootstrap }.regression_interval(&gold, &predicted, metric).unwrap();
        let wide = bootstrap.regression_interval(&gold, &predicted, metric).unwrap();
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
        let itself = bootstrap.paired_regression(&gold, &predicted, &predicted, metric).unwrap();
        prop_assert_eq!((itself.difference, itself.interval.low, itself.interval.high), (0.0, 0.0, 0.0));
        prop_assert_eq!(itself.share_at_or_below_zero, 1.0);
    }
}

/// 150 rows of gold, and answers that are off by up to `noise`.
fn noisy(noise: f64) -> (Vec<f64>, Vec<f64>) {
    let gold = (0..150).map(|row| (row * 7919 % 101) as f64 / 20.0);
    let error = |row: usize| (row * 104_729 % 997) as f64 / 498.0 - 1.0;
    gold.enumerate().map(|(row, gold)| (gold, gold + noise * error(row))).unzip()
}

#[test]
fn the_verdict_beside_constant_answers() {
    let (gold, close) = noisy(0.5);
    let baseline = regression_baseline(&gold, &gold).unwrap();
    let compare = |predicted: &[f64], metric| {
        compare_with_regression_baseline(&gold, predicted, &baseline, metric, &Bootstrap::default()).unwrap()
    };
    let inverted: Vec<f64> = close.iter().map(|value| 5.0 - value).collect();
    for &metric in RegressionMetric::ALL {
        let found = compare(&close, metric);
        assert_eq!(found.verdict, BaselineVerdict::Above, "{found}");
        let median = metric == RegressionMetric::Mae;
        assert_eq!(found.baseline, if median { NumberConstant::Median } else { NumberConstant::Mean });
        // Less error is a positive difference, as more correlation is.
        assert!(found.difference.difference > 0.5 && found.difference.share_at_or_below_zero == 0.0, "{found}");
        assert_eq!(compare(&inverted, metric).verdict, BaselineVerdict::Below, "{metric}");
        let constant = vec![baseline.constant(metric.constant()).value; gold.len()];
        assert_eq!(compare(&constant, metric).verdict, BaselineVerdict::At, "{metric}");
    }
    let said = compare(&close, RegressionMetric::Rmse).to_string();
    assert!(said.starts_with("rmse better than the baseline mean: +1.1"), "{said}");
}

#[test]
fn malformed_predictors_are_refused_by_name() {
    let (gold, predicted) = noisy(0.5);
    let bootstrap = Bootstrap::default();
    let metric = RegressionMetric::default();
    let error = bootstrap.paired_regression(&gold, &predicted, &predicted[1..], metric).unwrap_err();
    assert_eq!(error, MetricsError::LengthMismatch { gold: 150, other: "the second predictor", found: 149 });
    let mut broken = predicted.clone();
    broken[7] = f64::NAN;
    let error = bootstrap.paired_regression(&gold, &broken, &predicted, metric).unwrap_err();
    assert!(matches!(error, MetricsError::InvalidNumber { input: "the first predictor", row: 7, .. }));
    assert!(Bootstrap { resamples: 0, ..bootstrap }.regression_interval(&gold, &predicted, metric).is_err());
    assert!(Bootstrap { level: 0.0, ..bootstrap }.paired_regression(&gold, &predicted, &predicted, metric).is_err());
}
