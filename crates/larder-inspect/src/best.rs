//! The few rows with the highest scores of many.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Keeps the `k` best rows that were added; of equal scores the earlier row is better.
#[derive(Debug)]
pub(crate) struct Best {
    k: usize,
    /// The worst of those kept is on top.
    heap: BinaryHeap<Reverse<Scored>>,
}

#[derive(Debug, Clone, Copy)]
struct Scored {
    row: u64,
    score: f64,
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.row.cmp(&self.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

impl Best {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    pub(crate) fn add(&mut self, row: u64, score: f64) {
        self.heap.push(Reverse(Scored { row, score }));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// Rows with their scores, the best first.
    pub(crate) fn finish(self) -> Vec<(u64, f64)> {
        // Ascending by `Reverse` is descending by score.
        self.heap.into_sorted_vec().into_iter().map(|Reverse(scored)| (scored.row, scored.score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order() {
        let mut best = Best::new(3);
        for (row, score) in [0.5, 0.9, 0.1, 0.9, 0.7, -1.0].into_iter().enumerate() {
            best.add(row as u64, score);
        }
        assert_eq!(best.finish(), [(1, 0.9), (3, 0.9), (4, 0.7)]);
        let mut none = Best::new(0);
        none.add(1, 1.0);
        assert!(none.finish().is_empty());
    }
}
