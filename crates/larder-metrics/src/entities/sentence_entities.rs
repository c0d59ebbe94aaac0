//! Tags read as entities, sentence by sentence, once they are known to describe the same words.

use larder_tags::{Entity, Scheme};

use crate::entities::{EntityCounts, EntityRule, UncoveredEntity};
use crate::error::MetricsError;

/// The entities of one sentence, each list ascending and without overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentenceEntities {
    pub(crate) gold: Vec<Entity>,
    pub(crate) predicted: Vec<Entity>,
}

impl SentenceEntities {
    pub(crate) fn counts(&self) -> EntityCounts {
        EntityCounts::of_sentence(&self.gold, &self.predicted)
    }
}

/// The entities of each sentence.
pub(crate) fn read<S: AsRef<str>>(
    gold: &[Vec<S>],
    predicted: &[Vec<S>],
    scheme: Scheme,
    rule: EntityRule,
) -> Vec<SentenceEntities> {
    let entities = |tags: &[S]| {
        let mut entities = rule.entities(tags, scheme);
        sort(&mut entities);
        entities
    };
    let pairs = gold.iter().zip(predicted);
    pairs.map(|(gold, predicted)| SentenceEntities { gold: entities(gold), predicted: entities(predicted) }).collect()
}

/// Ascending and without equal entries, as everything that compares lists of entities needs them.
fn sort(entities: &mut Vec<Entity>) {
    entities.sort();
    entities.dedup();
}

/// Checks that `other`, which is called `name`, has one tag for every tag of `gold`.
pub(crate) fn check_lengths<S>(gold: &[Vec<S>], other: &[Vec<S>], name: &'static str) -> Result<(), MetricsError> {
    if gold.is_empty() {
        return Err(MetricsError::NoSentences);
    }
    if gold.len() != other.len() {
        return Err(MetricsError::SentenceCount { gold: gold.len(), other: name, found: other.len() });
    }
    let differs = gold.iter().zip(other).position(|(gold, other)| gold.len() != other.len());
    differs.map_or(Ok(()), |sentence| {
        let (gold, found) = (gold[sentence].len(), other[sentence].len());
        Err(MetricsError::SentenceLength { sentence, gold, other: name, found })
    })
}

/// Puts the uncovered entities that lie after the gold tags of their sentence (`words` has the number of each) into the gold
/// of every one of `sentences`; the others are there already. Half of one in the tags would be counted beside the whole:
/// it is refused.
pub(crate) fn add_uncovered(
    sentences: &mut [Vec<SentenceEntities>],
    words: &[usize],
    uncovered: &[UncoveredEntity],
) -> Result<(), MetricsError> {
    let is_after = |uncovered: &UncoveredEntity| {
        let words = words.get(uncovered.sentence);
        words.is_some_and(|&words| uncovered.entity.start >= words && uncovered.entity.start < uncovered.entity.end)
    };
    let is_in_gold = |uncovered: &UncoveredEntity| {
        let mut read = sentences.iter().filter_map(|sentences| sentences.get(uncovered.sentence));
        read.any(|sentence| sentence.gold.binary_search(&uncovered.entity).is_ok())
    };
    if let Some(misplaced) = uncovered.iter().find(|uncovered| !is_after(uncovered) && !is_in_gold(uncovered)) {
        return Err(MetricsError::MisplacedUncoveredEntity {
            sentence: misplaced.sentence,
            entity: misplaced.entity.clone(),
            words: words.get(misplaced.sentence).copied().unwrap_or(0),
            sentences: words.len(),
        });
    }
    for sentences in sentences {
        for UncoveredEntity { sentence, entity, .. } in uncovered.iter().filter(|uncovered| is_after(uncovered)) {
            sentences[*sentence].gold.push(entity.clone());
        }
        if !uncovered.is_empty() {
            sentences.iter_mut().for_each(|sentence| sort(&mut sentence.gold));
        }
    }
    Ok(())
}
