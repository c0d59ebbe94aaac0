//! Gold entities that nothing could be predicted for.

use larder_tags::Entity;
use serde::{Deserialize, Serialize};

/// A gold entity none of whose words has a prediction: cut off with the end of its sentence, or dropped.
///
/// It is missed, and must not disappear from the score: it counts as a gold entity that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UncoveredEntity {
    /// Zero-based sentence among those scored.
    pub sentence: usize,
    /// Its words, counted in the whole sentence, and its type.
    pub entity: Entity,
    /// Its words, for the report.
    pub text: String,
}
