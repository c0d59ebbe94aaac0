//! Which rows run together.
//!
//! Rows are sorted by length, longest first (the largest batch comes first, so memory peaks at once and stays), and cut
//! into batches by tokens, not rows. A batch of rows of one length needs no padding; a batch takes shorter rows only while
//! it is too small to be worth running alone.

/// Tokens, padding included, that one CPU batch aims at: enough that the operators' overhead does not show, few enough
/// that a batch's activations (512 x 1,536 float32 values in MiniLM's widest layer) stay in a core's cache. Compare others
/// with `larder encode --force --batch-tokens N`.
pub const DEFAULT_CPU_BATCH_TOKENS: usize = 512;
/// Tokens, padding included, that one CUDA batch aims at: enough to fill a large GPU's multiprocessors.
pub const DEFAULT_CUDA_BATCH_TOKENS: usize = 16_384;
/// Version of the planning rule, recorded with every file: another rule can move the last bits of a vector.
pub const PLAN_VERSION: u32 = 1;

/// A batch smaller than this share of the budget takes shorter rows and pads them.
const WORTH_RUNNING: usize = 4;

/// Rows that run together, `[batch]`, all padded to `seq` tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Row numbers, longest row first.
    pub rows: Vec<usize>,
    /// Tokens of the longest row.
    pub seq: usize,
}

impl Batch {
    /// Tokens computed, padding included.
    pub fn padded_tokens(&self) -> usize {
        self.rows.len() * self.seq
    }
}

/// Cuts rows of these `lengths` (tokens, `[rows]`) into batches of at most `budget` padded tokens; a row longer than the
/// budget runs alone. With `exact` no row is ever padded.
///
/// The result depends on the lengths alone, so an interrupted run plans what the first one planned.
pub fn plan(lengths: &[usize], budget: usize, exact: bool) -> Vec<Batch> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
    let mut batches: Vec<Batch> = Vec::new();
    for row in order {
        let length = lengths[row];
        let joins = batches.last().is_some_and(|batch| {
            let fits = (batch.rows.len() + 1) * batch.seq <= budget;
            let same = length == batch.seq;
            fits && (same || !exact && batch.padded_tokens() * WORTH_RUNNING < budget)
        });
        match batches.last_mut() {
            Some(batch) if joins => batch.rows.push(row),
            _ => batches.push(Batch { rows: vec![row], seq: length }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], budget: usize, exact: bool) -> Vec<Batch> {
        let batches = plan(lengths, budget, exact);
        let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.rows.clone()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>(), "every row once");
        for batch in &batches {
            assert_eq!(batch.seq, lengths[batch.rows[0]], "the first row is the longest");
            assert!(batch.rows.len() == 1 || batch.padded_tokens() <= budget);
            assert!(batch.rows.iter().all(|&r| lengths[r] <= batch.seq && (!exact || lengths[r] == batch.seq)));
        }
        batches
    }

    #[test]
    fn batches_hold_every_row_once_within_the_budget() {
        let lengths: Vec<usize> = (0..5000).map(|i| 3 + (i * i * 7919) % 41).collect();
        let loose = check(&lengths, 512, false);
        let exact = check(&lengths, 512, true);
        let padded = |b: &[Batch]| b.iter().map(Batch::padded_tokens).sum::<usize>();
        let real: usize = lengths.iter().sum();
        assert_eq!(padded(&exact), real);
        assert!(padded(&loose) < real + real / 50, "padding stays under 2 %: {} of {real}", padded(&loose));
    }

    #[test]
    fn a_few_odd_rows_share_a_batch_instead_of_running_one_by_one() {
        let lengths = [9, 8, 7, 6, 5];
        assert_eq!(check(&lengths, 512, false).len(), 1);
        assert_eq!(check(&lengths, 512, true).len(), 5);
    }

    #[test]
    fn a_row_longer_than_the_budget_runs_alone() {
        let batches = check(&[600, 600, 10], 512, false);
        assert_eq!(batches.iter().map(|b| b.rows.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(check(&[], 512, false).is_empty());
    }
}
