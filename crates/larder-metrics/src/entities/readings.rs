//! Tags read as entities, sentence by sentence, once they are known to describe the same words.

use larder_tags::{Entity, Scheme};

use crate::entities::{EntityCounts, EntityRule, LostEntity};
use crate::error::MetricsError;

/// The entities of one sentence, each list ascending and without overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) gold: Vec<Entity>,
    pub(crate) predicted: Vec<Entity>,
}

impl Reading {
    pub(crate) fn counts(&self) -> EntityCounts {
        EntityCounts::of_sentence(&self.gold, &self.predicted)
    }
}

/// One reading a sentence.
pub(crate) fn read<S: AsRef<str>>(
    gold: &[Vec<S>],
    predicted: &[Vec<S>],
    scheme: Scheme,
    rule: EntityRule,
) -> Vec<Reading> {
    let entities = |tags: &[S]| {
        let mut entities = rule.entities(tags, scheme);
        sort(&mut entities);
        entities
    };
    let pairs = gold.iter().zip(predicted);
    pairs.map(|(gold, predicted)| Reading { gold: entities(gold), predicted: entities(predicted) }).collect()
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

/// Puts the lost entities that lie after the gold tags of their sentence (`words` has the number of each) into the gold
/// of every one of `readings`; the others are there already. Half of one in the tags would be counted beside the whole:
/// it is refused.
pub(crate) fn add_lost(
    readings: &mut [Vec<Reading>],
    words: &[usize],
    lost: &[LostEntity],
) -> Result<(), MetricsError> {
    let is_after = |lost: &LostEntity| {
        let words = words.get(lost.sentence);
        words.is_some_and(|&words| lost.entity.start >= words && lost.entity.start < lost.entity.end)
    };
    let is_in_gold = |lost: &LostEntity| {
        let mut read = readings.iter().filter_map(|readings| readings.get(lost.sentence));
        read.any(|reading| reading.gold.binary_search(&lost.entity).is_ok())
    };
    if let Some(misplaced) = lost.iter().find(|lost| !is_after(lost) && !is_in_gold(lost)) {
        return Err(MetricsError::MisplacedLostEntity {
            sentence: misplaced.sentence,
            entity: misplaced.entity.clone(),
            words: words.get(misplaced.sentence).copied().unwrap_or(0),
            sentences: words.len(),
        });
    }
    for readings in readings {
        for LostEntity { sentence, entity, .. } in lost.iter().filter(|lost| is_after(lost)) {
            readings[*sentence].gold.push(entity.clone());
        }
        if !lost.is_empty() {
            readings.iter_mut().for_each(|reading| sort(&mut reading.gold));
        }
    }
    Ok(())
}
