//! Precision, recall and F1 of entities: per type, and averaged in three ways.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entities::counts::correct;
use crate::entities::sentence_entities::SentenceEntities;
use crate::entities::{EntityCounts, EntityRule};

/// Scores of entities read by one rule. Averages are over the types that occur, in gold or in the prediction, as in
/// seqeval's `classification_report`; where no type occurs, every one of them is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityScores {
    /// The rule that read the entities.
    pub rule: EntityRule,
    /// The scores over all entities together, whatever their type: the usual "entity F1".
    pub micro: AverageScores,
    /// Mean of the types' scores, each type counting the same.
    #[serde(rename = "macro")]
    pub macro_avg: AverageScores,
    /// Mean of the types' scores, weighted by their gold entities.
    pub weighted: AverageScores,
    /// One entry per type that occurs, sorted by type.
    pub per_type: Vec<TypeScores>,
}

/// Scores over several entity types or labels, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AverageScores {
    /// Precision.
    pub precision: f64,
    /// Recall.
    pub recall: f64,
    /// F1. As `macro` and `weighted` it is the mean of the types' F1, not the F1 of the two means.
    pub f1: f64,
    /// Gold entities, or gold labels of all rows.
    pub support: u64,
}

/// Scores of one entity type; a ratio with nothing below the line is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeScores {
    /// The type.
    pub entity_type: String,
    /// Share of its predicted entities that are right.
    pub precision: f64,
    /// Share of its gold entities that are found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Gold entities: the support.
    pub gold: u64,
    /// Predicted entities.
    pub predicted: u64,
    /// Predicted entities that are gold ones.
    pub correct: u64,
}

impl EntityScores {
    pub(crate) fn of(rule: EntityRule, sentences: &[SentenceEntities]) -> Self {
        let mut types: BTreeMap<&str, EntityCounts> = BTreeMap::new();
        for SentenceEntities { gold, predicted } in sentences {
            for entity in gold {
                types.entry(&entity.entity_type).or_default().gold += 1;
            }
            for entity in predicted {
                types.entry(&entity.entity_type).or_default().predicted += 1;
            }
            for entity in correct(gold, predicted) {
                types.entry(&entity.entity_type).or_default().correct += 1;
            }
        }
        let all: EntityCounts = types.values().copied().sum();
        let micro = AverageScores { precision: all.precision(), recall: all.recall(), f1: all.f1(), support: all.gold };
        let mean = |weight: fn(&EntityCounts) -> u64| AverageScores {
            precision: weighted_mean(&types, EntityCounts::precision, weight),
            recall: weighted_mean(&types, EntityCounts::recall, weight),
            f1: weighted_mean(&types, EntityCounts::f1, weight),
            support: all.gold,
        };
        let per_type = |(name, counts): (&&str, &EntityCounts)| TypeScores {
            entity_type: (*name).to_owned(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            gold: counts.gold,
            predicted: counts.predicted,
            correct: counts.correct,
        };
        Self {
            rule,
            micro,
            macro_avg: mean(|_| 1),
            weighted: mean(|counts| counts.gold),
            per_type: types.iter().map(per_type).collect(),
        }
    }
}

fn weighted_mean(
    types: &BTreeMap<&str, EntityCounts>,
    score: fn(&EntityCounts) -> f64,
    weight: fn(&EntityCounts) -> u64,
) -> f64 {
    let sum: f64 = types.values().map(|counts| score(counts) * weight(counts) as f64).sum();
    let weights: u64 = types.values().map(weight).sum();
    if weights == 0 { 0.0 } else { sum / weights as f64 }
}
