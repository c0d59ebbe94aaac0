//! Scores of taggers: what entities they find.

mod comparison;
mod counts;
mod entity_errors;
mod f1_interval;
mod pairing;
mod rule;
mod scores;
mod sentence_entities;
mod tagging;
mod uncovered;

pub use comparison::paired_entity_difference;
pub use counts::EntityCounts;
pub use entity_errors::{
    BoundaryErrors, EXAMPLES_PER_ERROR, EntityErrors, ErrorExample, ErrorKind, TypeConfusion, UnpairedErrors,
};
pub use pairing::BoundaryKind;
pub use rule::EntityRule;
pub use scores::{AverageScores, EntityScores, TypeScores};
pub use tagging::{TaggingScores, score_tagging};
pub use uncovered::UncoveredEntity;
