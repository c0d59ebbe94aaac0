//! `config.json` of a BERT.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::OnnxError;
use crate::families::Family;
use crate::spelling::spelled_enum;

spelled_enum! {
    /// The activation between the two feed-forward products, as `hidden_act` names it.
    Activation ("hidden_act") {
        /// `x · Φ(x)` with the error function (Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
        Gelu = "gelu",
        /// Its approximation with tanh, from the same paper.
        GeluNew = "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast",
        /// `max(x, 0)`.
        Relu = "relu",
    }
}

/// The settings of a BERT encoder, with the keys of `config.json`. Keys that a file leaves out have the values that the
/// `transformers` library writes no key for: those of BERT-base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Always [`Family::Bert`].
    pub model_type: Family,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Features of each token.
    pub hidden_size: usize,
    /// Layers above the embeddings.
    pub num_hidden_layers: usize,
    /// Attention heads of each layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Features between the two feed-forward products.
    pub intermediate_size: usize,
    /// The activation there.
    pub hidden_act: Activation,
    /// Rows of the position table: the longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Rows of the token type table.
    pub type_vocab_size: usize,
    /// Added to the variance by every layer normalisation.
    pub layer_norm_eps: f64,
    /// Standard deviation of random weights.
    pub initializer_range: f64,
    /// The token that fills a batch; masked, so its choice changes nothing.
    pub pad_token_id: Option<u32>,
}

impl Default for BertConfig {
    /// BERT-base, uncased.
    fn default() -> Self {
        Self {
            model_type: Family::Bert,
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            initializer_range: 0.02,
            pad_token_id: Some(0),
        }
    }
}

/// Settings that change the graph in ways it is not built for, each with the one value that is.
fn fixed() -> [(&'static str, Json); 5] {
    [
        ("position_embedding_type", json!("absolute")),
        ("is_decoder", json!(false)),
        ("add_cross_attention", json!(false)),
        ("is_encoder_decoder", json!(false)),
        ("chunk_size_feed_forward", json!(0)),
    ]
}

impl BertConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`OnnxError::Read`], or [`OnnxError::InFile`] around what [`BertConfig::from_json`] says.
    pub fn load(path: &Path) -> Result<Self, OnnxError> {
        let json = std::fs::read(path).map_err(OnnxError::read(path))?;
        Self::from_json(&json).map_err(OnnxError::in_file(path))
    }

    /// Reads the text of a `config.json`. Keys that do not matter to the graph (dropout, labels, versions) are ignored.
    ///
    /// # Errors
    /// [`OnnxError::ConfigJson`] for malformed JSON; [`OnnxError::ConfigValue`] for a `model_type` other than `bert`, an
    /// unsupported setting, or sizes that do not go together.
    pub fn from_json(json: &[u8]) -> Result<Self, OnnxError> {
        match Family::of_config(json)? {
            Family::Bert => {}
        }
        let malformed = |source| OnnxError::ConfigJson { source };
        let mut all: Json = serde_json::from_slice(json).map_err(malformed)?;
        for (key, supported) in fixed() {
            if let Some(found) = all.get(key).filter(|found| !found.is_null() && **found != supported) {
                return Err(OnnxError::ConfigValue { key, found: found.to_string(), supported: supported.to_string() });
            }
        }
        // `null` says what leaving the key out says.
        if let Some(keys) = all.as_object_mut() {
            keys.retain(|key, value| key == "pad_token_id" || !value.is_null());
        }
        if let Some(found) = all.get("hidden_act")
            && serde_json::from_value::<Activation>(found.clone()).is_err()
        {
            let known: Vec<&str> = Activation::ALL.iter().map(|activation| activation.as_str()).collect();
            return Err(OnnxError::ConfigValue {
                key: "hidden_act",
                found: found.to_string(),
                supported: known.join(", "),
            });
        }
        let config: Self = serde_json::from_value(all).map_err(malformed)?;
        config.check()?;
        Ok(config)
    }

    /// Do the sizes go together?
    ///
    /// # Errors
    /// [`OnnxError::ConfigValue`] naming the key.
    pub fn check(&self) -> Result<(), OnnxError> {
        // Shapes go into the graph as int64, and products of two of them must fit memory sizes too.
        const LARGEST: usize = 1 << 31;
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        let wrong = |key, found: String, supported: &str| {
            Err(OnnxError::ConfigValue { key, found, supported: supported.to_owned() })
        };
        if let Some((key, size)) = sizes.into_iter().find(|(_, size)| !(1..LARGEST).contains(size)) {
            return wrong(key, size.to_string(), "1 to 2147483647");
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let supported = format!("a divisor of hidden_size {}", self.hidden_size);
            return wrong("num_attention_heads", self.num_attention_heads.to_string(), &supported);
        }
        for (key, value) in [("layer_norm_eps", self.layer_norm_eps), ("initializer_range", self.initializer_range)] {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(key, value.to_string(), "zero or more");
            }
        }
        Ok(())
    }

    /// Features of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_left_out_are_those_of_bert_base() {
        let config = BertConfig::from_json(br#"{"model_type": "bert", "num_hidden_layers": 3}"#).expect("is supported");
        assert_eq!(config, BertConfig { num_hidden_layers: 3, ..BertConfig::default() });
        let written = serde_json::to_vec(&config).expect("can be written");
        assert_eq!(BertConfig::from_json(&written).expect("reads what it writes"), config);
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let message = |json: &str| BertConfig::from_json(json.as_bytes()).expect_err(json).to_string();
        assert_eq!(
            message(r#"{"model_type": "roberta"}"#),
            "configuration key \"model_type\" is \"roberta\"; supported: bert"
        );
        assert_eq!(message("{}"), "configuration key \"model_type\" is missing; supported: bert");
        assert_eq!(
            message(r#"{"model_type": "bert", "position_embedding_type": "relative_key"}"#),
            "configuration key \"position_embedding_type\" is \"relative_key\"; supported: \"absolute\""
        );
        assert_eq!(
            message(r#"{"model_type": "bert", "is_decoder": true}"#),
            "configuration key \"is_decoder\" is true; supported: false"
        );
        assert_eq!(
            message(r#"{"model_type": "bert", "hidden_act": "swish"}"#),
            "configuration key \"hidden_act\" is \"swish\"; supported: gelu, gelu_new, relu"
        );
        assert_eq!(
            message(r#"{"model_type": "bert", "num_attention_heads": 7}"#),
            "configuration key \"num_attention_heads\" is 7; supported: a divisor of hidden_size 768"
        );
        assert!(message(r#"{"model_type": "bert", "vocab_size": 0}"#).contains("vocab_size"));
        assert_eq!(message("{"), "the model configuration is malformed");
    }
}
