//! The graph of an encoder that runs, as `encoder.json` records it.

use serde::{Deserialize, Serialize};

/// The graph that runs for an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "graph", rename_all = "snake_case")]
pub enum Prepared {
    /// larder built it of published weights; there is nothing to gain.
    Built,
    /// A graph built of what was read out of the given one runs in its place.
    Rebuilt(RebuiltRecord),
    /// The given one runs.
    AsGiven {
        /// Why there is no other.
        reason: String,
    },
}

/// The record of a graph that was rebuilt and compared with the given one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebuiltRecord {
    /// Hex blake3 digest of its file, which is made when it is needed and kept nowhere.
    pub digest: String,
    /// Where the weights were told by the family that `config.json` names, the number of the reading that was right: see
    /// [`FamilyReadings`](larder_onnx::FamilyReadings).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_reading: Option<usize>,
    /// Attention heads of each layer.
    pub num_attention_heads: usize,
    /// Is the given graph's pooled output a pooler's, and that pooler among what was read?
    pub pooler: bool,
    /// Nodes of the given graph.
    pub nodes_given: usize,
    /// Nodes of its own.
    pub nodes: usize,
    /// The largest difference of any layer's vectors of the probe texts from the given graph's, relative to the layer's
    /// root mean square.
    pub deviation: f64,
    /// Differences up to this are rounding; with a larger one the given graph would run.
    pub tolerance: f64,
}

impl Default for Prepared {
    fn default() -> Self {
        Self::AsGiven {
            reason: "it was added by an earlier version; add it again with --replace to have its graph read".to_owned(),
        }
    }
}
