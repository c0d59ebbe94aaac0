//! Dividing examples into batches.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom;

use crate::settings::{BatchSize, Length, Order, TuneSettings};

/// Batches' worth of examples that are sorted by length together: many enough that a batch hardly needs padding, and few
/// enough that the order stays random.
const BUCKET_BATCHES: usize = 50;

/// The examples of one step, batch by batch, by their place.
pub(crate) type Step = Vec<Vec<usize>>;

/// The batches of every epoch. The same lengths and settings give the same plan.
pub(crate) struct Plan<'a> {
    lengths: &'a [usize],
    settings: &'a TuneSettings,
}

impl<'a> Plan<'a> {
    pub fn new(lengths: &'a [usize], settings: &'a TuneSettings) -> Self {
        Self { lengths, settings }
    }

    /// Steps of the whole run.
    pub fn total(&self) -> usize {
        match self.settings.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => (0..epochs).map(|epoch| self.epoch(epoch).len()).sum(),
        }
    }

    /// The steps of one epoch, which counts from 0.
    pub fn epoch(&self, epoch: usize) -> Vec<Step> {
        let mut rows: Vec<usize> = (0..self.lengths.len()).collect();
        let together = self.settings.accumulation;
        if self.settings.order == Order::AsGiven {
            return self.batches(&rows).chunks(together).flat_map(|batches| self.step(batches)).collect();
        }
        // A stream of its own for each epoch: an epoch is the same whichever came before.
        let mut rng = ChaCha12Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(epoch as u64 + 1);
        rows.shuffle(&mut rng);
        let rows_of_batch = match self.settings.batch {
            BatchSize::Rows(rows) => rows,
            BatchSize::Tokens(tokens) => {
                let mean = self.lengths.iter().sum::<usize>().div_ceil(self.lengths.len().max(1)).max(1);
                tokens.div_ceil(mean)
            }
        };
        let bucket = rows_of_batch.saturating_mul(together).saturating_mul(BUCKET_BATCHES).max(1);
        if self.settings.order == Order::ByLength {
            for bucket in rows.chunks_mut(bucket) {
                bucket.sort_by_key(|&row| self.lengths[row]);
            }
        }
        let mut steps: Vec<Step> =
            self.batches(&rows).chunks(together).flat_map(|batches| self.step(batches)).collect();
        steps.shuffle(&mut rng);
        steps
    }

    fn step(&self, batches: &[Vec<usize>]) -> Option<Step> {
        (!batches.is_empty()).then(|| batches.to_vec())
    }

    /// Examples one after the other, as many as fit.
    fn batches(&self, rows: &[usize]) -> Vec<Vec<usize>> {
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut longest = 0;
        for &row in rows {
            let length = self.lengths[row];
            let fits = |batch: &Vec<usize>| match self.settings.batch {
                BatchSize::Rows(rows) => batch.len() < rows,
                BatchSize::Tokens(tokens) => (batch.len() + 1) * length.max(longest) <= tokens,
            };
            match batches.last_mut().filter(|batch| fits(batch)) {
                Some(batch) => {
                    batch.push(row);
                    longest = longest.max(length);
                }
                None => {
                    batches.push(vec![row]);
                    longest = length;
                }
            }
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder_onnx::Family;

    fn settings(batch: BatchSize, accumulation: usize, order: Order) -> TuneSettings {
        TuneSettings { batch, accumulation, order, length: Length::Epochs(2), ..TuneSettings::of(Family::Bert, 2) }
    }

    fn sorted(steps: &[Step]) -> Vec<usize> {
        let mut rows: Vec<usize> = steps.iter().flatten().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn every_epoch_has_every_example_once_in_another_order() {
        let lengths: Vec<usize> = (0..103).map(|row| 3 + row * 7 % 20).collect();
        let orders = [Order::ByLength, Order::Random];
        let both =
            [BatchSize::Rows(8), BatchSize::Tokens(100)].into_iter().flat_map(|batch| orders.map(|o| (batch, o)));
        for (batch, order) in both {
            let settings = settings(batch, 2, order);
            let plan = Plan::new(&lengths, &settings);
            let (first, second) = (plan.epoch(0), plan.epoch(1));
            assert_eq!(sorted(&first), (0..103).collect::<Vec<_>>());
            assert_ne!(first, second);
            assert_eq!(first, plan.epoch(0));
            assert_eq!(plan.total(), first.len() + second.len());
            assert!(first.iter().all(|step| step.len() <= 2));
            if let BatchSize::Tokens(tokens) = batch {
                let padded =
                    |batch: &Vec<usize>| batch.len() * batch.iter().map(|&row| lengths[row]).max().unwrap_or(0);
                assert!(first.iter().flatten().all(|batch| padded(batch) <= tokens));
            }
        }
    }

    #[test]
    fn batches_of_a_step_make_up_the_large_batch() {
        let lengths = [5; 20];
        let (two, one) =
            (settings(BatchSize::Rows(4), 2, Order::ByLength), settings(BatchSize::Rows(8), 1, Order::ByLength));
        let flat = |settings: &TuneSettings| {
            let steps = Plan::new(&lengths, settings).epoch(0);
            steps.into_iter().map(|step| step.concat()).collect::<Vec<_>>()
        };
        assert_eq!(flat(&two), flat(&one));
        let given = Plan::new(&lengths, &settings(BatchSize::Rows(8), 1, Order::AsGiven)).epoch(1);
        assert_eq!(given[2], [vec![16, 17, 18, 19]]);
    }
}
