//! The comparison of two taggers on the same sentences.

use larder_tags::Scheme;

use crate::bootstrap::{Bootstrap, PairedDifference};
use crate::entities::sentence_entities::{SentenceEntities, check_lengths, read};
use crate::entities::{EntityCounts, EntityRule};
use crate::error::MetricsError;

/// Computes micro F1 of `first` minus micro F1 of `second`, with its bootstrap interval over sentences; all three are
/// tags in `scheme`, `[sentences][words]`. Paired: the same drawn sentences judge both, so what makes a sentence hard
/// for both cancels.
///
/// # Errors
/// [`MetricsError::NoSentences`], [`MetricsError::SentenceCount`], [`MetricsError::SentenceLength`] with the sentence;
/// those of [`Bootstrap::entity_f1_interval`].
pub fn paired_entity_difference<S: AsRef<str>>(
    gold: &[Vec<S>],
    first: &[Vec<S>],
    second: &[Vec<S>],
    scheme: Scheme,
    rule: EntityRule,
    bootstrap: &Bootstrap,
) -> Result<PairedDifference<EntityRule>, MetricsError> {
    let counts = |predicted: &[Vec<S>], name| -> Result<Vec<EntityCounts>, MetricsError> {
        check_lengths(gold, predicted, name)?;
        Ok(read(gold, predicted, scheme, rule).iter().map(SentenceEntities::counts).collect())
    };
    let (first, second) = (counts(first, "first")?, counts(second, "second")?);
    let sentences: Vec<(EntityCounts, EntityCounts)> = first.into_iter().zip(second).collect();
    bootstrap.paired_entity_f1(&sentences, rule)
}
