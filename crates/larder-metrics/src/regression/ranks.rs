//! Average ranks of rows that count several times each.

/// The order of values, sorted once: ranks of any weights then cost one pass.
pub(crate) struct RankOrder {
    /// Rows from the lowest value to the highest, `[rows]`.
    order: Vec<usize>,
    /// End in `order` of each run of equal values, ascending.
    run_ends: Vec<usize>,
}

impl RankOrder {
    pub(crate) fn new(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut end = 0;
        // Not by `total_cmp`: 0 and -0 are equal.
        let runs = order.chunk_by(|&a, &b| values[a] == values[b]);
        let run_ends = runs.map(|run| {
            end += run.len();
            end
        });
        let run_ends = run_ends.collect();
        Self { order, run_ends }
    }

    /// Writes the average rank of each row to `ranks` (`[rows]`), where each row stands `weights` (`[rows]`) times among
    /// the values; the first rank is 1. Rows of weight 0 get the rank that they would share.
    pub(crate) fn write_ranks(&self, weights: &[u32], ranks: &mut [f64]) {
        let (mut start, mut below) = (0, 0.0);
        for &end in &self.run_ends {
            let run = &self.order[start..end];
            let equal: f64 = run.iter().map(|&row| f64::from(weights[row])).sum();
            for &row in run {
                ranks[row] = below + (equal + 1.0) / 2.0;
            }
            below += equal;
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_mean_rank() {
        let values = [3.0, -1.0, 3.0, 0.0, -0.0, 9.0];
        let mut ranks = [0.0; 6];
        RankOrder::new(&values).write_ranks(&[1; 6], &mut ranks);
        assert_eq!(ranks, [4.5, 1.0, 4.5, 2.5, 2.5, 6.0]);
        // As of -1, -1, 0, 3, 9.
        RankOrder::new(&values).write_ranks(&[1, 2, 0, 0, 1, 1], &mut ranks);
        assert_eq!((ranks[0], ranks[1], ranks[4], ranks[5]), (4.0, 1.5, 3.0, 5.0));
    }
}
