//! Precision against recall at every threshold.

/// The curve of one class against the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall {
    /// Recall and precision at each threshold, from the highest: recall never falls.
    pub points: Vec<(f64, f64)>,
    /// Area under the curve as scikit-learn's `average_precision_score` defines it: `Σ (Rₙ − Rₙ₋₁) Pₙ`.
    pub average_precision: f64,
    /// Share of the rows that are of the class: the average precision of any order that knows nothing.
    pub prevalence: f64,
}

impl PrecisionRecall {
    /// From each row's probability of the class, and whether it is of the class. `None` where no row is, or every row is:
    /// then there is nothing to find.
    pub fn of(rows: &[(f64, bool)]) -> Option<Self> {
        let positives = rows.iter().filter(|(_, positive)| *positive).count();
        if positives == 0 || positives == rows.len() {
            return None;
        }
        let mut sorted: Vec<(f64, bool)> = rows.to_vec();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut points = Vec::new();
        let (mut found, mut taken, mut recall_before, mut area) = (0_usize, 0_usize, 0.0, 0.0);
        // Rows of one probability are on the same side of every threshold.
        for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
            taken += equal.len();
            found += equal.iter().filter(|(_, positive)| *positive).count();
            let (recall, precision) = (found as f64 / positives as f64, found as f64 / taken as f64);
            area += (recall - recall_before) * precision;
            recall_before = recall;
            points.push((recall, precision));
        }
        Some(Self { points, average_precision: area, prevalence: positives as f64 / rows.len() as f64 })
    }

    /// At most `limit` points of the curve, evenly chosen, its ends among them.
    pub fn thinned(&self, limit: usize) -> Vec<(f64, f64)> {
        let last = self.points.len().saturating_sub(1);
        if self.points.len() <= limit || limit < 2 {
            return self.points.clone();
        }
        (0..limit).filter_map(|at| self.points.get(at * last / (limit - 1)).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made, with the values below, by scikit-learn 1.9.1:
    /// ```python
    /// y = [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1]
    /// p = [.1, .4, .35, .8, .8, .2, .35, .9, .6, .05, .5, .35]
    /// average_precision_score(y, p); precision_recall_curve(y, p)
    /// ```
    const GOLD: [u8; 12] = [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1];
    const PROBABILITIES: [f64; 12] = [0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9, 0.6, 0.05, 0.5, 0.35];

    fn rows() -> Vec<(f64, bool)> {
        PROBABILITIES.iter().zip(GOLD).map(|(&p, gold)| (p, gold == 1)).collect()
    }

    #[test]
    fn average_precision_is_scikit_learns() {
        let found = PrecisionRecall::of(&rows()).unwrap();
        assert!((found.average_precision - 0.736_111_111_111_111).abs() < 1e-12, "{}", found.average_precision);
        assert_eq!(found.prevalence, 0.5);
        assert_eq!(found.points[1], (1.0 / 3.0, 2.0 / 3.0), "equal probabilities are one threshold");
        assert_eq!(found.points.len(), 9);
        assert_eq!(found.points.last(), Some(&(1.0, 0.5)));
    }

    #[test]
    fn a_perfect_order_has_one_and_a_class_without_rows_has_no_curve() {
        let perfect = [(0.9, true), (0.8, true), (0.1, false)];
        assert_eq!(PrecisionRecall::of(&perfect).unwrap().average_precision, 1.0);
        assert_eq!(PrecisionRecall::of(&[(0.9, true)]), None);
        assert_eq!(PrecisionRecall::of(&[(0.9, false)]), None);
        assert_eq!(PrecisionRecall::of(&[]), None);
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let rows: Vec<(f64, bool)> = (0..1000).map(|row| (f64::from(row) / 1000.0, row % 3 == 0)).collect();
        let curve = PrecisionRecall::of(&rows).unwrap();
        let thin = curve.thinned(50);
        assert_eq!((thin.len(), thin[0], thin[49]), (50, curve.points[0], curve.points[999]));
    }
}
