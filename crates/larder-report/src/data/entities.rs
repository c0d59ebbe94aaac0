//! A tagger's scores and answers on one split.

use std::collections::BTreeMap;

use larder_metrics::TaggingScores;
use larder_tags::Entity;

use super::Part;

/// Scores on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct EntitySplit {
    /// The split.
    pub split: String,
    /// Entity precision, recall and F1 under both rules, token accuracy beside always answering `O`, and the errors.
    pub scores: TaggingScores,
    /// The id and words of the sentences that the errors' examples are from, by their number in the split.
    pub examples: BTreeMap<usize, (String, Vec<String>)>,
    /// All sentences with their entities.
    pub sentences: Part<Vec<TaggedSentence>>,
}

/// A sentence with its entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaggedSentence {
    /// Its id.
    pub example_id: String,
    /// Its words.
    pub words: Vec<String>,
    /// Gold entities, in the order of their words.
    pub gold: Vec<Entity>,
    /// Entities answered, in the order of their words.
    pub predicted: Vec<Entity>,
}

impl TaggedSentence {
    /// Entities that are in one list and not in the other: missed ones, and answered ones that are not right.
    pub fn wrong(&self) -> usize {
        let lacks = |list: &[Entity], entity: &Entity| !list.contains(entity);
        self.gold.iter().filter(|entity| lacks(&self.predicted, entity)).count()
            + self.predicted.iter().filter(|entity| lacks(&self.gold, entity)).count()
    }
}
