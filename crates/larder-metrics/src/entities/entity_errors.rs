//! The errors of taggers, counted by kind, with examples.

use std::collections::BTreeMap;

use larder_tags::Entity;
use serde::{Deserialize, Serialize};

use crate::entities::BoundaryKind;
use crate::entities::pairing::Pairing;
use crate::entities::sentence_entities::SentenceEntities;

/// Examples kept of each kind of error: enough to see what they have in common, few enough to print.
pub const EXAMPLES_PER_ERROR: usize = 3;

/// The entities that are not exactly right, read by the rule [`Strict`](crate::EntityRule::Strict), each counted once.
///
/// Within a sentence, gold and predicted entities that overlap are paired one to one: those of the same type first,
/// among them those with the most words in common, then the earlier gold entity, then the earlier predicted one. A pair
/// is a `wrong_type`, a `boundary` or a `wrong_type_and_boundary`. A gold entity that finds no partner is `missed` and
/// a predicted one `spurious`: they overlap nothing, or nothing but entities that have a better partner, as the second
/// of two gold entities that were predicted as one. So
///
/// - gold = correct + wrong_type + boundary + wrong_type_and_boundary + missed,
/// - predicted = correct + wrong_type + boundary + wrong_type_and_boundary + spurious.
///
/// Every list has its most frequent entry first; equal ones stand in the order of their types or kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityErrors {
    /// The right words with another type.
    pub wrong_type: Vec<TypeConfusion>,
    /// The right type, but not exactly the right words.
    pub boundary: Vec<BoundaryErrors>,
    /// An overlap and nothing more.
    pub wrong_type_and_boundary: Vec<TypeConfusion>,
    /// Gold entities without partner.
    pub missed: Vec<UnpairedErrors>,
    /// Predicted entities without partner.
    pub spurious: Vec<UnpairedErrors>,
}

/// Gold entities of one type that were predicted as another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeConfusion {
    /// Type of the gold entities.
    pub gold: String,
    /// Type that was predicted.
    pub predicted: String,
    /// Number of errors.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES_PER_ERROR`].
    pub examples: Vec<ErrorExample>,
}

/// Entities of the right type whose words are not exactly right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundaryErrors {
    /// The kind of boundary error.
    pub kind: BoundaryKind,
    /// Number of errors.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES_PER_ERROR`].
    pub examples: Vec<ErrorExample>,
}

/// Entities without partner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnpairedErrors {
    /// Their type.
    pub entity_type: String,
    /// Number of errors.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES_PER_ERROR`].
    pub examples: Vec<ErrorExample>,
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorExample {
    /// Zero-based sentence.
    pub sentence: usize,
    /// The gold entity; none for spurious ones.
    pub gold: Option<Entity>,
    /// The predicted entity; none for missed ones.
    pub predicted: Option<Entity>,
}

/// A kind of error, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorKind<'a> {
    /// The error: `person missed`, `place taken for person`, ...
    pub what: String,
    /// Number of errors.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES_PER_ERROR`].
    pub examples: &'a [ErrorExample],
}

impl EntityErrors {
    /// All kinds in one list, the most frequent first.
    pub fn kinds(&self) -> Vec<ErrorKind<'_>> {
        let mut kinds = Vec::new();
        let mut add = |what: String, count, examples| kinds.push(ErrorKind { what, count, examples });
        for of in &self.wrong_type {
            add(format!("{} taken for {}", of.gold, of.predicted), of.count, of.examples.as_slice());
        }
        for of in &self.boundary {
            add(format!("right type, {}", of.kind.to_string().replace('_', " ")), of.count, &of.examples);
        }
        for of in &self.wrong_type_and_boundary {
            add(format!("{} taken for {}, other words", of.gold, of.predicted), of.count, &of.examples);
        }
        for of in &self.missed {
            add(format!("{} missed", of.entity_type), of.count, &of.examples);
        }
        for of in &self.spurious {
            add(format!("{} where nothing is", of.entity_type), of.count, &of.examples);
        }
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        kinds
    }

    pub(crate) fn of(sentences: &[SentenceEntities]) -> Self {
        let (mut wrong_type, mut boundary, mut both) = (Tally::default(), Tally::default(), Tally::default());
        let (mut missed, mut spurious) = (Tally::default(), Tally::default());
        for (sentence, entities) in sentences.iter().enumerate() {
            let pairing = Pairing::of(&entities.gold, &entities.predicted);
            for (gold, predicted) in pairing.pairs {
                let example = Wrong { sentence, gold: Some(gold), predicted: Some(predicted) };
                let types = (gold.entity_type.as_str(), predicted.entity_type.as_str());
                if types.0 == types.1 {
                    boundary.add(BoundaryKind::of(gold, predicted), example);
                } else if (gold.start, gold.end) == (predicted.start, predicted.end) {
                    wrong_type.add(types, example);
                } else {
                    both.add(types, example);
                }
            }
            for gold in pairing.missed {
                missed.add(gold.entity_type.as_str(), Wrong { sentence, gold: Some(gold), predicted: None });
            }
            for predicted in pairing.spurious {
                let example = Wrong { sentence, gold: None, predicted: Some(predicted) };
                spurious.add(predicted.entity_type.as_str(), example);
            }
        }
        let confusion = |((gold, predicted), count, examples): ((&str, &str), _, _)| TypeConfusion {
            gold: gold.to_owned(),
            predicted: predicted.to_owned(),
            count,
            examples,
        };
        let unpaired = |(entity_type, count, examples): (&str, _, _)| UnpairedErrors {
            entity_type: entity_type.to_owned(),
            count,
            examples,
        };
        Self {
            wrong_type: wrong_type.sorted().map(confusion).collect(),
            boundary: boundary
                .sorted()
                .map(|(kind, count, examples)| BoundaryErrors { kind, count, examples })
                .collect(),
            wrong_type_and_boundary: both.sorted().map(confusion).collect(),
            missed: missed.sorted().map(unpaired).collect(),
            spurious: spurious.sorted().map(unpaired).collect(),
        }
    }
}

/// An error as it is met, before it is known whether it becomes an example.
struct Wrong<'a> {
    sentence: usize,
    gold: Option<&'a Entity>,
    predicted: Option<&'a Entity>,
}

/// Counts errors under their keys and keeps the first examples of each.
struct Tally<K>(BTreeMap<K, (u64, Vec<ErrorExample>)>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Tally<K> {
    fn add(&mut self, key: K, wrong: Wrong<'_>) {
        let (count, examples) = self.0.entry(key).or_default();
        *count += 1;
        if examples.len() < EXAMPLES_PER_ERROR {
            let Wrong { sentence, gold, predicted } = wrong;
            examples.push(ErrorExample { sentence, gold: gold.cloned(), predicted: predicted.cloned() });
        }
    }

    /// The most frequent first; the sort is stable, so equal ones stay in the order of their keys.
    fn sorted(self) -> impl Iterator<Item = (K, u64, Vec<ErrorExample>)> {
        let mut entries: Vec<_> = self.0.into_iter().map(|(key, (count, examples))| (key, count, examples)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.1));
        entries.into_iter()
    }
}
