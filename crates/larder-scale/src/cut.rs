//! Cutting rows into shards of equal cost.

use std::ops::Range;

/// Forecast tokens of a shard unless another number is asked for: minutes on a CPU.
pub const DEFAULT_SHARD_TOKENS: u64 = 4 << 20;

/// Cuts consecutive blocks of these costs into as few ranges as keep each near `limit`, all of them near the same cost. No range is
/// empty; without blocks there is none.
pub fn cut(costs: &[u64], limit: u64) -> Vec<Range<usize>> {
    let total: u64 = costs.iter().sum();
    let shards = total.div_ceil(limit.max(1)).clamp(1, costs.len().max(1) as u64);
    let mut ranges = Vec::new();
    let (mut start, mut before) = (0, 0_u128);
    for (at, &cost) in costs.iter().enumerate() {
        let behind = before + u128::from(cost);
        let number = ranges.len() as u64 + 1;
        // The place where the range should end, in shares of a whole.
        let border = u128::from(total) * u128::from(number) / u128::from(shards);
        let left = costs.len() - at - 1;
        let ranges_left = usize::try_from(shards - number).unwrap_or(usize::MAX);
        if number < shards && (behind >= border || left == ranges_left) {
            ranges.push(start..at + 1);
            start = at + 1;
        }
        before = behind;
    }
    if start < costs.len() {
        ranges.push(start..costs.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(costs: &[u64], limit: u64) -> Vec<u64> {
        let ranges = cut(costs, limit);
        let mut next = 0;
        for range in &ranges {
            assert!(range.start == next && !range.is_empty(), "{ranges:?}");
            next = range.end;
        }
        assert_eq!(next, costs.len());
        ranges.into_iter().map(|range| costs[range].iter().sum()).collect()
    }

    #[test]
    fn shards_cost_the_same_within_a_block() {
        let costs: Vec<u64> = (0..1000).map(|at| 10 + at % 7).collect();
        let sums = sums(&costs, 1000);
        let mean = sums.iter().sum::<u64>() / sums.len() as u64;
        assert_eq!(sums.len(), 13);
        assert!(sums.iter().all(|sum| sum.abs_diff(mean) <= 17), "{sums:?}");
    }

    #[test]
    fn dear_blocks_and_few_blocks_are_still_ranges() {
        assert!(sums(&[], 5).is_empty());
        assert_eq!(sums(&[0, 0, 0], 5), [0]);
        assert_eq!(sums(&[100], 5), [100]);
        assert_eq!(sums(&[1, 100, 1], 10).iter().sum::<u64>(), 102);
        assert_eq!(sums(&[5, 5, 5, 5], 10), [10, 10]);
        assert_eq!(sums(&[3; 4], 1), [3; 4]);
    }
}
