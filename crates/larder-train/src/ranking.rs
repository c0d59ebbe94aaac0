//! The area under the ROC curve.

use ndarray::Array2;

/// The mean, over the classes that have rows, of the area under the ROC curve of "this class against the rest": the
/// chance that a row of the class gets a higher probability of it than a row of another class (ties count half).
///
/// 0.5 is what constant probabilities get. Hanley and McNeil (1982); the mean is Provost and Domingos' (2000) without
/// their weights.
pub(crate) fn mean_auc(probabilities: &Array2<f64>, labels: &[usize]) -> f64 {
    // With two classes both areas are the same.
    let first = if probabilities.ncols() == 2 { 1 } else { 0 };
    let areas: Vec<f64> = (first..probabilities.ncols())
        .filter_map(|class| {
            let rows = probabilities.column(class).into_iter().zip(labels);
            auc(rows.map(|(&probability, &label)| (probability, label == class)).collect())
        })
        .collect();
    if areas.is_empty() { 0.5 } else { areas.iter().sum::<f64>() / areas.len() as f64 }
}

/// By the ranks of the positive rows (Mann and Whitney); `None` where there are only positives or none.
pub(crate) fn auc(mut rows: Vec<(f64, bool)>) -> Option<f64> {
    let positives = rows.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = rows.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    rows.sort_unstable_by(|first, second| first.0.total_cmp(&second.0));
    let mut ranks = 0.0;
    let mut before = 0;
    for equal in rows.chunk_by(|first, second| first.0 == second.0) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        ranks += rank * equal.iter().filter(|(_, positive)| *positive).count() as f64;
        before += equal.len();
    }
    Some((ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        // Positives 0.8, 0.4, 0.4; negatives 0.4, 0.1: pairs won 1 + 1, ½ + 1, ½ + 1 of 6.
        let of_one: [f64; 5] = [0.8, 0.4, 0.4, 0.4, 0.1];
        let probabilities = Array2::from_shape_fn((5, 2), |(row, class)| [1.0 - of_one[row], of_one[row]][class]);
        let area = mean_auc(&probabilities, &[1, 1, 0, 1, 0]);
        assert!((area - 5.0 / 6.0).abs() < 1e-15, "{area}");
        assert_eq!(mean_auc(&Array2::from_elem((5, 2), 0.5), &[1, 1, 0, 1, 0]), 0.5);
    }

    #[test]
    fn several_classes_are_averaged_and_absent_ones_left_out() {
        let probabilities = array![[0.7, 0.2, 0.1, 0.0], [0.1, 0.8, 0.1, 0.0], [0.3, 0.4, 0.3, 0.0]];
        // Class 0: 1; class 1: the 0.8 is above both: 1; class 2: its 0.3 is above both: 1; class 3 has no rows.
        assert_eq!(mean_auc(&probabilities, &[0, 1, 2]), 1.0);
        assert!(mean_auc(&probabilities, &[1, 0, 2]) < 0.6);
    }
}
