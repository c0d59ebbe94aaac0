//! The interval of a micro F1: the bootstrap over whole sentences.

use std::collections::BTreeMap;

use crate::bootstrap::{Bootstrap, Interval, PairedDifference};
use crate::entities::{EntityCounts, EntityRule};
use crate::error::MetricsError;

impl Bootstrap {
    /// Computes the interval of the micro F1 of entities, from the counts of each sentence, `[sentences]`.
    ///
    /// Sentences with the same counts are drawn as one cell, which is exact and makes the cost that of the *different*
    /// counts: a few dozen, however many sentences there are.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`].
    pub fn entity_f1_interval(&self, sentences: &[EntityCounts]) -> Result<Interval, MetricsError> {
        self.check()?;
        let (cells, counts) = cells(sentences.iter().copied());
        let scores = self
            .scores(counts, |drawn| drawn.iter().map(|&(cell, count)| cells[cell] * count).sum::<EntityCounts>().f1());
        Ok(self.percentiles(scores))
    }

    /// Compares the micro F1 of two taggers, from their counts of each sentence, `[sentences]`: every resample judges
    /// both on the same drawn sentences.
    pub(crate) fn paired_entity_f1(
        &self,
        sentences: &[(EntityCounts, EntityCounts)],
        rule: EntityRule,
    ) -> Result<PairedDifference<EntityRule>, MetricsError> {
        self.check()?;
        let f1 = |counts: &mut dyn Iterator<Item = EntityCounts>| counts.sum::<EntityCounts>().f1();
        let difference = f1(&mut sentences.iter().map(|pair| pair.0)) - f1(&mut sentences.iter().map(|pair| pair.1));
        let (cells, counts) = cells(sentences.iter().copied());
        let differences = self.scores(counts, |drawn| {
            let first = f1(&mut drawn.iter().map(|&(cell, count)| cells[cell].0 * count));
            first - f1(&mut drawn.iter().map(|&(cell, count)| cells[cell].1 * count))
        });
        Ok(self.difference(rule, difference, differences))
    }
}

/// The different ones of `sentences`, and how often each occurs; both `[cells]`.
fn cells<T: Ord>(sentences: impl Iterator<Item = T>) -> (Vec<T>, Vec<u64>) {
    let mut counts = BTreeMap::new();
    for sentence in sentences {
        *counts.entry(sentence).or_insert(0) += 1;
    }
    counts.into_iter().unzip()
}
