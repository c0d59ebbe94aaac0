//! Average precision of a ranking: of the labels of one row, or of the rows of one label.

/// Label ranking average precision of one row: the mean over its gold labels of the share of gold labels among those
/// ranked at or above it. 1 for a row with no label or all of them. `labels` holds probability and gold of each label,
/// `[labels]`, and is sorted on return.
///
/// As scikit-learn's `label_ranking_average_precision_score` of that row.
pub(crate) fn label_ranking_average_precision(labels: &mut [(f64, bool)]) -> f64 {
    // All of them: `mean_precision` is 1 as well.
    if labels.iter().any(|label| label.1) { mean_precision(labels) } else { 1.0 }
}

/// Average precision of one label, `Σ (Rₙ − Rₙ₋₁) Pₙ` over its thresholds: scikit-learn's `average_precision_score`,
/// also in that a label without gold rows has 0. `rows` holds probability and gold of each row, `[rows]`, and is sorted
/// on return.
pub(crate) fn average_precision(rows: &mut [(f64, bool)]) -> f64 {
    if rows.iter().any(|row| row.1) { mean_precision(rows) } else { 0.0 }
}

/// Sorts from the highest probability to the lowest.
fn sort_descending(items: &mut [(f64, bool)]) {
    items.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
}

/// Mean, over the gold items, of the share of gold items among those ranked at or above it. Items of one probability
/// share the last of their ranks. NaN without gold items.
fn mean_precision(items: &mut [(f64, bool)]) -> f64 {
    sort_descending(items);
    let (mut ranked, mut found, mut sum) = (0, 0, 0.0);
    for equal in items.chunk_by(|a, b| a.0 == b.0) {
        let gold = equal.iter().filter(|item| item.1).count();
        ranked += equal.len();
        found += gold;
        sum += gold as f64 * (found as f64 / ranked as f64);
    }
    sum / found as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_last_rank() {
        // Ranks 1, 3, 3, 4; gold at 3 and 4: (1/3 + 2/4) / 2.
        let mut items = [(0.5, false), (0.9, false), (0.5, true), (0.1, true)];
        assert!((average_precision(&mut items) - 5.0 / 12.0).abs() < 1e-15);
        assert!((label_ranking_average_precision(&mut items) - 5.0 / 12.0).abs() < 1e-15);
        // 0 and -0 are one probability.
        assert_eq!(average_precision(&mut [(0.0, true), (-0.0, false)]), 0.5);
    }

    #[test]
    fn nothing_to_find_is_a_full_row_and_an_empty_label() {
        let mut items = [(0.5, false), (0.9, false)];
        assert_eq!((label_ranking_average_precision(&mut items), average_precision(&mut items)), (1.0, 0.0));
        let mut items = [(0.5, true), (0.5, true), (0.2, true)];
        assert_eq!((label_ranking_average_precision(&mut items), average_precision(&mut items)), (1.0, 1.0));
    }
}
