//! The batch plan: the rows that run together.
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
    /// Rows that the model is given: more than there are where it takes only so many at once.
    pub batch: usize,
    /// Tokens of each row: of the longest, or as many as the model takes.
    pub seq: usize,
}

impl Batch {
    /// Tokens computed, padding included.
    pub fn padded_tokens(&self) -> usize {
        self.batch * self.seq
    }
}

/// An encoder's requirements for a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demands {
    /// No row may be padded, unless `fixed_seq` says so: padding would change it.
    pub exact: bool,
    /// Every row by itself: others would change it.
    pub alone: bool,
    /// The only number of rows that it takes.
    pub fixed_batch: Option<usize>,
    /// The only number of tokens that it takes.
    pub fixed_seq: Option<usize>,
}

/// Cuts rows of these `lengths` (tokens, `[rows]`) into batches of at most `budget` padded tokens; a row longer than the
/// budget runs alone. A model that takes one number of rows gets that many, whatever the budget says.
///
/// The result depends on the lengths alone, so an interrupted run plans what the first one planned.
pub fn plan(lengths: &[usize], budget: usize, demands: Demands) -> Vec<Batch> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
    let mut batches: Vec<Batch> = Vec::new();
    for row in order {
        let seq = demands.fixed_seq.unwrap_or(lengths[row]);
        let joins = batches.last().is_some_and(|batch| {
            let rows = batch.rows.len();
            let fits = match demands.fixed_batch {
                _ if demands.alone => false,
                Some(size) => rows < size,
                None => (rows + 1) * batch.seq <= budget,
            };
            // A place in a batch of a fixed size costs nothing more when it is filled.
            let worth = demands.fixed_batch.is_some() || batch.padded_tokens() * WORTH_RUNNING < budget;
            fits && (seq == batch.seq || !demands.exact && worth)
        });
        match batches.last_mut() {
            Some(batch) if joins => {
                batch.rows.push(row);
                batch.batch = demands.fixed_batch.unwrap_or(batch.rows.len());
            }
            _ => batches.push(Batch { rows: vec![row], batch: demands.fixed_batch.unwrap_or(1), seq }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], budget: usize, exact: bool) -> Vec<Batch> {
        let batches = plan(lengths, budget, Demands { exact, ..Demands::default() });
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
    fn fixed_sizes_are_kept_and_filled() {
        let lengths: Vec<usize> = (0..21).map(|i| 3 + i % 5).collect();
        let of = |demands: Demands| {
            let batches = plan(&lengths, 64, demands);
            let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.rows.clone()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>(), "every row once");
            batches
        };
        let both = of(Demands { fixed_batch: Some(8), fixed_seq: Some(16), ..Demands::default() });
        assert!(both.iter().all(|b| (b.batch, b.seq) == (8, 16)));
        assert_eq!(both.iter().map(|b| b.rows.len()).collect::<Vec<_>>(), [8, 8, 5]);
        let seq = of(Demands { fixed_seq: Some(16), exact: true, ..Demands::default() });
        assert!(seq.iter().all(|b| b.seq == 16 && b.batch == b.rows.len() && b.padded_tokens() <= 64));
        assert_eq!(seq.len(), 6);
        let batch = of(Demands { fixed_batch: Some(8), ..Demands::default() });
        assert_eq!(
            batch.iter().map(|b| (b.batch, b.rows.len(), b.seq)).collect::<Vec<_>>(),
            [(8, 8, 7), (8, 8, 5), (8, 5, 3)]
        );
        let exact = of(Demands { fixed_batch: Some(8), exact: true, ..Demands::default() });
        assert!(exact.iter().all(|b| b.rows.iter().all(|&row| lengths[row] == b.seq)));
        let alone = of(Demands { alone: true, fixed_batch: Some(4), ..Demands::default() });
        assert!(alone.len() == 21 && alone.iter().all(|b| b.rows.len() == 1 && b.batch == 4));
    }

    #[test]
    fn a_row_longer_than_the_budget_runs_alone() {
        let batches = check(&[600, 600, 10], 512, false);
        assert_eq!(batches.iter().map(|b| b.rows.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(check(&[], 512, false).is_empty());
    }
}
