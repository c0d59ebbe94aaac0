//! The encoder families that can be built from a configuration and weights.

pub mod bert;

use crate::OnnxError;
use crate::spelling::spelled_enum;

spelled_enum! {
    /// A kind of encoder, by the `model_type` of its `config.json`.
    Family ("model_type") {
        /// BERT (Devlin et al., 2018, <https://arxiv.org/abs/1810.04805>), MiniLM and others of the same graph.
        Bert = "bert",
    }
}

impl Family {
    /// The family that a `config.json` names.
    ///
    /// # Errors
    /// [`OnnxError::ConfigJson`] for malformed JSON, [`OnnxError::ConfigValue`] for a missing or unsupported
    /// `model_type`; the message lists what is supported.
    pub fn of_config(json: &[u8]) -> Result<Self, OnnxError> {
        let config: serde_json::Value =
            serde_json::from_slice(json).map_err(|source| OnnxError::ConfigJson { source })?;
        let supported = || Self::ALL.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(", ");
        let wrong = |found: String| OnnxError::ConfigValue { key: "model_type", found, supported: supported() };
        match config.get("model_type") {
            Some(serde_json::Value::String(name)) => name.parse().map_err(|_| wrong(format!("{name:?}"))),
            Some(other) => Err(wrong(other.to_string())),
            None => Err(wrong("missing".to_owned())),
        }
    }
}

/// `metadata_props` keys that larder writes into the models it builds.
pub mod metadata {
    /// The [`Family`](crate::Family) that the model was built as.
    pub const FAMILY: &str = "larder.family";
    /// JSON list of tensor names, float `[batch, seq, hidden]` each: entry 0 is the embeddings' output after its
    /// normalisation, entry `k` the output of layer `k`. They are tensors inside the graph, not outputs of it, but for
    /// the last.
    pub const HIDDEN_STATES: &str = "larder.hidden_states";
    /// Name of the pooled output, float `[batch, hidden]`; absent where the weights have no pooler.
    pub const POOLER_OUTPUT: &str = "larder.pooler_output";
    /// Number of attention heads of each layer, decimal.
    pub const HEADS: &str = "larder.heads";
}
