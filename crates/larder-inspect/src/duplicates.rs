//! Vectors that are there more than once, counted in bounded memory.

use std::collections::HashMap;

use arrow::datatypes::ToByteSlice;
use serde::Serialize;
use twox_hash::XxHash3_128;

/// Different vectors remembered at once: about 50 MB.
const REMEMBERED: usize = 1 << 19;
/// Groups of equal vectors that are told.
const TOLD: usize = 5;

/// The number of rows whose vector another row holds too, to the last bit.
///
/// Vectors are known by a 128-bit hash (XXH3) of their numbers as float64. When more than 524,288 different ones were seen, half of all hashes
/// (by a bit of the hash) are forgotten and not looked at again, and so on (distinct sampling; Gibbons 2001). What is kept
/// was counted from the first row on, so the share of all different vectors that was watched scales the counts up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicates {
    /// Rows whose vector an earlier row has too.
    pub rows: u64,
    /// Different vectors.
    pub distinct: u64,
    /// Share of all possible vectors that was watched: 1 where the counts are exact, otherwise they are estimates.
    pub watched_share: f64,
    /// The largest groups of equal vectors among those watched, largest first.
    pub groups: Vec<Group>,
}

/// Rows with one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The first of them, zero-based.
    pub first_row: u64,
    /// Number of rows.
    pub rows: u64,
}

/// Watches vectors go by.
#[derive(Debug)]
pub(crate) struct Watch {
    seen: HashMap<u128, Group>,
    /// Hashes whose lowest bits, as many as this, are zero are watched.
    level: u32,
    limit: usize,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self::remembering(REMEMBERED)
    }

    fn remembering(limit: usize) -> Self {
        Self { seen: HashMap::new(), level: 0, limit }
    }

    pub(crate) fn add(&mut self, row: u64, vector: &[f64]) {
        let hash = XxHash3_128::oneshot(vector.to_byte_slice());
        if hash.trailing_zeros() < self.level {
            return;
        }
        self.seen.entry(hash).or_insert(Group { first_row: row, rows: 0 }).rows += 1;
        while self.seen.len() > self.limit {
            self.level += 1;
            let level = self.level;
            self.seen.retain(|hash, _| hash.trailing_zeros() >= level);
        }
    }

    pub(crate) fn finish(self) -> Duplicates {
        let factor = 2f64.powi(i32::try_from(self.level).unwrap_or(i32::MAX));
        let scaled = |count: u64| (count as f64 * factor).round() as u64;
        let distinct = self.seen.len() as u64;
        let rows: u64 = self.seen.values().map(|group| group.rows).sum();
        let mut groups: Vec<Group> = self.seen.into_values().filter(|group| group.rows > 1).collect();
        groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.rows), group.first_row));
        groups.truncate(TOLD);
        Duplicates { rows: scaled(rows - distinct), distinct: scaled(distinct), watched_share: 1.0 / factor, groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3,000 different vectors, of which each third is there twice and one 500 times more.
    fn watched(limit: usize) -> Duplicates {
        let mut watch = Watch::remembering(limit);
        let numbers = (0..3000).chain((0..3000).step_by(3)).chain(std::iter::repeat_n(7, 500));
        for (row, number) in numbers.enumerate() {
            watch.add(row as u64, &[f64::from(number), 1.0]);
            assert!(watch.seen.len() <= limit);
        }
        watch.finish()
    }

    #[test]
    fn few_vectors_are_counted_exactly() {
        let found = watched(3000);
        assert_eq!((found.rows, found.distinct, found.watched_share), (1500, 3000, 1.0));
        assert_eq!(found.groups[0], Group { first_row: 7, rows: 501 });
        assert_eq!(found.groups[1], Group { first_row: 0, rows: 2 });
        assert_eq!(found.groups.len(), TOLD);
    }

    #[test]
    fn many_vectors_are_estimated_and_it_says_so() {
        let mut watch = Watch::remembering(1000);
        for row in 0..30_000u64 {
            // Every vector twice.
            watch.add(row, &[(row / 2) as f64]);
        }
        let found = watch.finish();
        assert!(found.watched_share < 1.0 && found.watched_share >= 1.0 / 64.0, "{found:?}");
        let near = |found: u64| (found as f64 / 15_000.0 - 1.0).abs() < 0.2;
        assert!(near(found.distinct) && near(found.rows), "{found:?}");
    }

    #[test]
    fn zeros_of_either_sign_differ_in_bits() {
        let mut watch = Watch::new();
        watch.add(0, &[0.0]);
        watch.add(1, &[-0.0]);
        assert_eq!(watch.finish().rows, 0);
    }
}
