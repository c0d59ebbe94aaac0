//! The encoder families that can be built from a configuration and weights.

mod activation;
mod albert;
mod bert;
mod config;
mod convolution;
mod convolved;
mod deberta_v2;
mod disentangled;
mod distances;
mod distilbert;
mod electra;
mod embeddings;
mod ernie;
mod eurobert;
mod fused;
mod graph;
mod gte;
mod keys;
mod layout;
mod modernbert;
mod modules;
mod mpnet;
mod neobert;
mod nomic_bert;
mod older;
mod parameters;
mod roberta;
mod rotary;
mod table;

pub use activation::Activation;
pub use config::{Biases, EncoderConfig};
pub use disentangled::Disentangled;
pub use fused::{FusedForm, build_fused};
pub use graph::{MASKED_SCORE, OPSET, build, build_to_train};
pub(crate) use layout::Gate;
pub use parameters::{Initial, Parameter, unused_weights};
pub use rotary::Rotary;

use larder_errors::spelled_enum;

use crate::OnnxError;

spelled_enum! {
    /// A kind of encoder, by the `model_type` of its `config.json`.
    pub enum Family {
        /// BERT (Devlin et al., 2018, <https://arxiv.org/abs/1810.04805>), MiniLM and others of the same graph.
        Bert = "bert",
        /// ALBERT (Lan et al., 2019, <https://arxiv.org/abs/1909.11942>): layers that share their parameters.
        Albert = "albert",
        /// DistilBERT (Sanh et al., 2019, <https://arxiv.org/abs/1910.01108>).
        DistilBert = "distilbert",
        /// RoBERTa (Liu et al., 2019, <https://arxiv.org/abs/1907.11692>) and CamemBERT.
        Roberta = "roberta" | "camembert",
        /// XLM-R (Conneau et al., 2019, <https://arxiv.org/abs/1911.02116>): RoBERTa's graph, another tokenizer.
        XlmRoberta = "xlm-roberta",
        /// data2vec of texts (Baevski et al., 2022, <https://arxiv.org/abs/2202.03555>): RoBERTa's graph and tokenizer.
        Data2VecText = "data2vec-text",
        /// RoBERTa with its normalisations in front of every block, as fairseq trains it (Ott et al., 2019,
        /// <https://arxiv.org/abs/1904.01038>).
        RobertaPreLayerNorm = "roberta-prelayernorm",
        /// ELECTRA (Clark et al., 2020, <https://arxiv.org/abs/2003.10555>), the discriminator and the generator.
        Electra = "electra",
        /// MPNet (Song et al., 2020, <https://arxiv.org/abs/2004.09297>).
        MpNet = "mpnet",
        /// ModernBERT (Warner et al., 2024, <https://arxiv.org/abs/2412.13663>), Ettin and others of its graph.
        ModernBert = "modernbert",
        /// NomicBERT (Nussbaum et al., 2024, <https://arxiv.org/abs/2402.01613>).
        NomicBert = "nomic_bert",
        /// EuroBERT (Boizard et al., 2025, <https://arxiv.org/abs/2503.05500>).
        EuroBert = "eurobert",
        /// DeBERTa of the second and third version (He et al., 2020, <https://arxiv.org/abs/2006.03654>; 2021,
        /// <https://arxiv.org/abs/2111.09543>), mDeBERTa and others of the same graph.
        DebertaV2 = "deberta-v2",
        /// mGTE (Zhang et al., 2024, <https://arxiv.org/abs/2407.19669>) under the names of `transformers`.
        Gte = "gte",
        /// The same as published, with the names of its publisher's code: gte-multilingual-base, gte-large-en-v1.5.
        New = "new",
        /// NeoBERT (Le Breton et al., 2025, <https://arxiv.org/abs/2502.19587>).
        NeoBert = "neobert",
        /// ERNIE (Sun et al., 2019, <https://arxiv.org/abs/1904.09223>).
        Ernie = "ernie",
    } else "unknown model_type {found:?}; known: {known}"
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
    /// normalisation, and after the product that brings it to the layers' width where there is one; entry `k` is the
    /// output of layer `k`. They are tensors inside the graph, not outputs of it, but for the last.
    pub const HIDDEN_STATES: &str = "larder.hidden_states";
    /// Name of the pooled output, float `[batch, hidden]`; absent where the weights have no pooler.
    pub const POOLER_OUTPUT: &str = "larder.pooler_output";
    /// Name of the tensor with the publisher's vector of each text, float `[batch, width]`: see
    /// [`PublishedSteps::add_to`](crate::PublishedSteps::add_to).
    pub const PUBLISHED: &str = "larder.published";
    /// Number of attention heads of each layer, decimal.
    pub const HEADS: &str = "larder.heads";
    /// The longest sequence in tokens, decimal: the position table's rows, but for those that no token takes.
    pub const MAX_POSITIONS: &str = "larder.max_positions";
}
