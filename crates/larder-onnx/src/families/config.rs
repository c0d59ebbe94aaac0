//! `config.json` of an encoder.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::keys::Keys;
use super::layout::{Norms, Positions, Projection, TokenTypes};
use super::{Activation, Disentangled, Family, Rotary, convolution};
use crate::OnnxError;

/// The settings of an encoder of any family, under the names that BERT's `config.json` has for them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EncoderConfig {
    /// The family: what the parameters are called, and how the graph differs from BERT's.
    pub family: Family,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Features of each row of the three tables: [`EncoderConfig::hidden_size`], but for ALBERT and ELECTRA.
    pub embedding_size: usize,
    /// Features of each token in the layers.
    pub hidden_size: usize,
    /// Layers above the embeddings.
    pub num_hidden_layers: usize,
    /// Sets of parameters that these layers share: as many as layers, but for ALBERT.
    pub num_hidden_groups: usize,
    /// Attention heads of each layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Features between the two feed-forward products, of which NeoBERT has fewer: see [`EncoderConfig::inner_size`].
    pub intermediate_size: usize,
    /// The activation there.
    pub hidden_act: Activation,
    /// Rows of the position table: see [`EncoderConfig::max_positions`] for the longest sequence.
    pub max_position_embeddings: usize,
    /// Rows of the token type table; 0 for encoders that have none.
    pub type_vocab_size: usize,
    /// Rows of the table of pretraining's tasks; 0 for encoders that have none.
    pub task_type_vocab_size: usize,
    /// Added to the variance by every layer normalisation.
    pub layer_norm_eps: f64,
    /// Standard deviation of random weights.
    pub initializer_range: f64,
    /// The token that fills a batch. It is masked; in the families that count positions from behind its id, such tokens
    /// take no position either.
    pub pad_token_id: Option<u32>,
    /// The modules that have biases.
    pub biases: Biases,
    /// Rotary positions, in families that have them in place of a table.
    pub rotary: Option<Rotary>,
    /// Heads of keys and values, each of which several heads of queries read (Ainslie et al., 2023,
    /// <https://arxiv.org/abs/2305.13245>); `None` for as many as there are of queries.
    pub num_key_value_heads: Option<usize>,
    /// How attention reads distances, in families whose scores have terms of them.
    pub disentangled: Option<Disentangled>,
    /// The activation of a convolution over each token and its neighbours, beside the first layer.
    pub convolution: Option<Activation>,
}

/// The modules that have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Biases {
    /// The products of attention.
    pub attention: bool,
    /// The first feed-forward product, and the gate.
    pub mlp: bool,
    /// The second feed-forward product.
    pub mlp_output: bool,
    /// The normalisations.
    pub norm: bool,
}

impl Biases {
    /// Every module.
    pub const ALL: Self = Self { attention: true, mlp: true, mlp_output: true, norm: true };
    /// No module.
    pub const NONE: Self = Self { attention: false, mlp: false, mlp_output: false, norm: false };
}

/// Keys that would change any family's graph in ways it is not built for, each with the JSON of the one value that is.
const FIXED: [(&str, &str); 6] = [
    ("position_embedding_type", "\"absolute\""),
    ("is_decoder", "false"),
    ("add_cross_attention", "false"),
    ("is_encoder_decoder", "false"),
    ("chunk_size_feed_forward", "0"),
    ("quantization_config", "null"),
];

/// The same for families without rotary positions.
const FIXED_UNROTATED: [(&str, &str); 3] =
    [("rope_theta", "null"), ("rope_scaling", "null"), ("rope_parameters", "null")];

impl EncoderConfig {
    /// Returns the family's defaults, which the `transformers` library takes for keys that a `config.json` lacks.
    pub fn of(family: Family) -> Self {
        (family.layout().defaults)()
    }

    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`OnnxError::Read`], or [`OnnxError::InFile`] around what [`EncoderConfig::from_json`] says.
    pub fn load(path: &Path) -> Result<Self, OnnxError> {
        let json = larder_files::read(path).map_err(OnnxError::read(path))?;
        Self::from_json(&json).map_err(OnnxError::in_file(path))
    }

    /// Reads the text of a `config.json`. Keys that do not matter to the graph (dropout, labels, versions) are ignored,
    /// and `null` says what leaving the key out says.
    ///
    /// # Errors
    /// [`OnnxError::ConfigJson`] for malformed JSON; [`OnnxError::ConfigValue`] for an unknown `model_type`, an unsupported
    /// setting, or sizes that do not go together.
    pub fn from_json(json: &[u8]) -> Result<Self, OnnxError> {
        let family = Family::of_config(json)?;
        let layout = family.layout();
        let keys: Map<String, Json> =
            serde_json::from_slice(json).map_err(|source| OnnxError::ConfigJson { source })?;
        let is_rotary = layout.positions == Positions::Rotary;
        let unrotated = if is_rotary { &[][..] } else { &FIXED_UNROTATED };
        // What a family says of a key goes before what all say.
        let is_own = |key: &str| layout.fixed(key).is_some();
        let of_all = FIXED.iter().chain(unrotated).filter(|(key, _)| !is_own(key));
        for (key, supported) in of_all.chain(layout.fixed) {
            // 10000 and 10000.0 are the same.
            let is_it = |found: &Json| {
                let supported = serde_json::from_str::<Json>(supported).unwrap_or_default();
                supported == *found || supported.as_f64().is_some_and(|number| found.as_f64() == Some(number))
            };
            if let Some(found) = keys.get(*key).filter(|found| !found.is_null() && !is_it(found)) {
                let (found, supported) = (found.to_string(), (*supported).to_owned());
                return Err(OnnxError::ConfigValue { key, found, supported });
            }
        }
        let keys = Keys { keys, layout };
        let defaults = Self::of(family);
        let hidden_size = keys.size("hidden_size", defaults.hidden_size)?;
        let num_hidden_layers = keys.size("num_hidden_layers", defaults.num_hidden_layers)?;
        let embedding_size = match layout.projection {
            Some(Projection::BehindNorm(_)) => keys.size("embedding_size", defaults.embedding_size)?,
            Some(Projection::InFrontOfNorm(_)) => keys.size("embedding_size", hidden_size)?,
            None => hidden_size,
        };
        let num_hidden_groups = match family {
            Family::Albert => keys.size("num_hidden_groups", defaults.num_hidden_groups)?,
            _ => num_hidden_layers,
        };
        let type_vocab_size = match layout.token_types {
            TokenTypes::Never => 0,
            TokenTypes::Always | TokenTypes::Optional => keys.size("type_vocab_size", defaults.type_vocab_size)?,
        };
        let task_type_vocab_size = match layout.task_types {
            Some(_) if keys.flag("use_task_id", false)? => {
                let some = |found: &Json| usize::try_from(found.as_u64()?).ok().filter(|&rows| rows > 0);
                keys.read("task_type_vocab_size", 3, &|| "1 or more".to_owned(), some)?
            }
            _ => 0,
        };
        let num_attention_heads = keys.size("num_attention_heads", defaults.num_attention_heads)?;
        let max_position_embeddings = keys.size("max_position_embeddings", defaults.max_position_embeddings)?;
        let head_size = hidden_size.checked_div(num_attention_heads);
        let config = Self {
            family,
            vocab_size: keys.size("vocab_size", defaults.vocab_size)?,
            embedding_size,
            hidden_size,
            num_hidden_layers,
            num_hidden_groups,
            num_attention_heads,
            intermediate_size: keys.size("intermediate_size", defaults.intermediate_size)?,
            hidden_act: match is_own("hidden_act") {
                true => defaults.hidden_act,
                false => keys.activation(defaults.hidden_act)?,
            },
            max_position_embeddings,
            type_vocab_size,
            task_type_vocab_size,
            layer_norm_eps: keys.number("layer_norm_eps", defaults.layer_norm_eps)?,
            initializer_range: keys.number("initializer_range", defaults.initializer_range)?,
            pad_token_id: keys.token("pad_token_id", defaults.pad_token_id)?,
            biases: match is_rotary {
                true => {
                    let mlp = keys.flag("mlp_bias", defaults.biases.mlp)?;
                    Biases {
                        attention: keys.flag("attention_bias", defaults.biases.attention)?,
                        mlp,
                        mlp_output: mlp || defaults.biases.mlp_output,
                        norm: keys.flag("norm_bias", defaults.biases.norm)?,
                    }
                }
                false => defaults.biases,
            },
            num_key_value_heads: match is_rotary {
                true => Some(keys.size("num_key_value_heads", 0)?).filter(|&heads| heads > 0),
                false => None,
            },
            rotary: defaults.rotary.map(|rotary| keys.rotary(rotary, num_hidden_layers)).transpose()?,
            disentangled: match layout.disentangled {
                Some(_) => Some(Disentangled::read(&keys, head_size, max_position_embeddings)?),
                None => None,
            },
            convolution: match layout.convolution {
                Some(_) => convolution::read(&keys)?,
                None => None,
            },
        };
        config.check()?;
        Ok(config)
    }

    /// Writes the configuration as a `config.json` that [`EncoderConfig::from_json`] and `transformers` read.
    pub fn to_json(&self) -> String {
        let layout = self.family.layout();
        let mut keys = Map::new();
        keys.insert("model_type".to_owned(), self.family.to_string().into());
        let mut sizes = vec![
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if layout.projection.is_some() {
            sizes.push(("embedding_size", self.embedding_size));
        }
        if self.family == Family::Albert {
            sizes.push(("num_hidden_groups", self.num_hidden_groups));
        }
        if layout.token_types != TokenTypes::Never {
            sizes.push(("type_vocab_size", self.type_vocab_size));
        }
        if layout.task_types.is_some() {
            keys.insert("use_task_id".to_owned(), (self.task_type_vocab_size > 0).into());
        }
        if self.task_type_vocab_size > 0 {
            sizes.push(("task_type_vocab_size", self.task_type_vocab_size));
        }
        keys.extend(sizes.into_iter().map(|(key, size)| (layout.key(key).to_owned(), size.into())));
        keys.insert(layout.key("hidden_act").to_owned(), self.hidden_act.to_string().into());
        keys.insert(layout.key("layer_norm_eps").to_owned(), self.layer_norm_eps.into());
        keys.insert(layout.key("initializer_range").to_owned(), self.initializer_range.into());
        keys.insert(layout.key("pad_token_id").to_owned(), self.pad_token_id.into());
        if let Some(rotary) = &self.rotary {
            for (key, bias) in [("attention_bias", self.biases.attention), ("mlp_bias", self.biases.mlp)] {
                keys.insert(key.to_owned(), bias.into());
            }
            keys.insert("norm_bias".to_owned(), self.biases.norm.into());
            if let Some(heads) = self.num_key_value_heads {
                keys.insert("num_key_value_heads".to_owned(), heads.into());
            }
            keys.insert("global_rope_theta".to_owned(), rotary.global_theta.into());
            keys.insert("local_rope_theta".to_owned(), rotary.local_theta.into());
            keys.insert("global_attn_every_n_layers".to_owned(), rotary.global_attn_every_n_layers.into());
            keys.insert("local_attention".to_owned(), rotary.local_attention.into());
            if let Some(factor) = rotary.ntk_factor {
                keys.insert("rope_scaling".to_owned(), json!({"type": "ntk", "factor": factor}));
            }
        }
        if let Some(spelled) = layout.fixed("hidden_act") {
            keys.insert("hidden_act".to_owned(), spelled.trim_matches('"').into());
        }
        let convolution = self.convolution.into_iter().flat_map(convolution::keys);
        keys.extend(convolution.map(|(key, value)| (key.to_owned(), value)));
        keys.extend(self.disentangled.iter().flat_map(Disentangled::keys).map(|(key, value)| (key.to_owned(), value)));
        format!("{:#}\n", Json::Object(keys))
    }

    /// Checks that the sizes are consistent.
    ///
    /// # Errors
    /// [`OnnxError::ConfigValue`] naming the key.
    pub fn check(&self) -> Result<(), OnnxError> {
        // Shapes go into the graph as int64, and products of two of them must fit memory sizes too.
        const LARGEST: usize = 1 << 31;
        let layout = self.family.layout();
        let mut sizes = vec![
            ("vocab_size", self.vocab_size),
            ("embedding_size", self.embedding_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_hidden_groups", self.num_hidden_groups),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if layout.token_types == TokenTypes::Always || self.type_vocab_size > 0 {
            sizes.push(("type_vocab_size", self.type_vocab_size));
        }
        let wrong = |key, found: String, supported: String| {
            Err(OnnxError::ConfigValue { key: layout.key(key), found, supported })
        };
        if let Some((key, size)) = sizes.into_iter().find(|(_, size)| !(1..LARGEST).contains(size)) {
            return wrong(key, size.to_string(), "1 to 2147483647".to_owned());
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let supported = format!("a divisor of {} {}", layout.key("hidden_size"), self.hidden_size);
            return wrong("num_attention_heads", self.num_attention_heads.to_string(), supported);
        }
        if self.num_hidden_groups > self.num_hidden_layers {
            let supported = format!("at most num_hidden_layers {}", self.num_hidden_layers);
            return wrong("num_hidden_groups", self.num_hidden_groups.to_string(), supported);
        }
        if layout.fixed("hidden_act").is_some() && self.hidden_act != Self::of(self.family).hidden_act {
            let supported = Self::of(self.family).hidden_act.to_string();
            return wrong("hidden_act", self.hidden_act.to_string(), supported);
        }
        if layout.projection.is_none() && self.embedding_size != self.hidden_size {
            let supported = format!("hidden_size {}: {} has no product between them", self.hidden_size, self.family);
            return wrong("embedding_size", self.embedding_size.to_string(), supported);
        }
        for (key, value) in [("layer_norm_eps", self.layer_norm_eps), ("initializer_range", self.initializer_range)] {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(key, value.to_string(), "zero or more".to_owned());
            }
        }
        if layout.positions == Positions::AfterPadding && self.pad_token_id.is_none() {
            let supported = "a token's id: positions are counted from it".to_owned();
            return wrong("pad_token_id", "null".to_owned(), supported);
        }
        if layout.layer.together.is_some() && self.key_value_heads() != self.num_attention_heads {
            let supported = format!("num_attention_heads {}: one product gives all three", self.num_attention_heads);
            return wrong("num_key_value_heads", self.key_value_heads().to_string(), supported);
        }
        if !self.num_attention_heads.is_multiple_of(self.key_value_heads()) {
            let supported = format!("a divisor of num_attention_heads {}", self.num_attention_heads);
            return wrong("num_key_value_heads", self.key_value_heads().to_string(), supported);
        }
        if self.rotary.is_some() && !self.head_size().is_multiple_of(2) {
            let supported = "such that a head has an even number of features, which are turned in pairs".to_owned();
            return wrong("num_attention_heads", self.num_attention_heads.to_string(), supported);
        }
        if let Some(Rotary { global_theta, local_theta, ntk_factor, .. }) = self.rotary {
            if let Some(factor) = ntk_factor.filter(|factor| !(factor.is_finite() && *factor >= 1.0)) {
                return wrong("rope_scaling", factor.to_string(), "a factor of 1 or more".to_owned());
            }
            for (key, theta) in [("global_rope_theta", global_theta), ("local_rope_theta", local_theta)] {
                if theta <= 0.0 || theta.is_nan() {
                    return wrong(key, theta.to_string(), "a number above 0".to_owned());
                }
            }
        }
        let distances = self.disentangled.filter(Disentangled::reads_distances);
        if let Some((key, found, supported)) = distances.and_then(|settings| settings.problem(self.max_positions())) {
            return wrong(key, found.to_string(), supported);
        }
        if self.max_positions() == 0 {
            let supported = format!("more than the {} rows that no token takes", self.position_offset());
            return wrong("max_position_embeddings", self.max_position_embeddings.to_string(), supported);
        }
        Ok(())
    }

    /// Returns the configuration for texts of up to so many tokens, where no table of positions ends them.
    #[must_use]
    pub fn reading(self, tokens: usize) -> Self {
        match self.has_position_table() {
            true => self,
            false => Self { max_position_embeddings: self.max_position_embeddings.max(tokens), ..self },
        }
    }

    /// Heads of keys and values.
    pub fn key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Features between the two feed-forward products.
    pub fn inner_size(&self) -> usize {
        match self.family.layout().two_thirds {
            true => (2 * self.intermediate_size / 3).next_multiple_of(8),
            false => self.intermediate_size,
        }
    }

    /// Features of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Returns the longest sequence, in tokens: the rows of the position table, without those that no token takes.
    pub fn max_positions(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.position_offset())
    }

    /// True if each place in a text has a row of a table, which is added to the token's.
    pub(super) fn has_position_table(&self) -> bool {
        self.rotary.is_none() && self.disentangled.is_none_or(|settings| settings.position_biased_input)
    }

    /// The token that takes no position, in families that count from behind its id.
    pub(super) fn position_padding(&self) -> Option<u32> {
        match self.family.layout().positions {
            Positions::FromZero | Positions::Rotary => None,
            Positions::AfterPadding => self.pad_token_id,
            Positions::AfterToken(id) => Some(id),
        }
    }

    fn position_offset(&self) -> usize {
        self.position_padding().map_or(0, |padding| usize::try_from(padding).map_or(usize::MAX, |id| id + 1))
    }

    /// The set of parameters that the one of this name is of, from 0: a layer's, or that of layers which share theirs. A normalisation
    /// behind the last layer is the last layer's.
    pub fn group_of(&self, parameter: &str) -> Option<usize> {
        let layout = self.family.layout();
        let is_of = |module: &str| parameter.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
        if matches!(layout.norms, Norms::InFront { last, .. } if is_of(last)) {
            return self.num_hidden_groups.checked_sub(1);
        }
        let (before, _) = layout.layer.root.split_once('#')?;
        parameter.strip_prefix(before)?.split('.').next()?.parse().ok()
    }

    /// The set of parameters that a layer uses; both count from 0.
    pub(super) fn group(&self, layer: usize) -> usize {
        layer * self.num_hidden_groups / self.num_hidden_layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> EncoderConfig {
        EncoderConfig::from_json(json.as_bytes()).expect("is supported")
    }

    fn message(json: &str) -> String {
        EncoderConfig::from_json(json.as_bytes()).expect_err(json).to_string()
    }

    #[test]
    fn keys_left_out_are_the_family_s_defaults() {
        for family in Family::ALL {
            let config = read(&format!(r#"{{"model_type": "{family}", "initializer_range": null}}"#));
            assert_eq!(config, EncoderConfig::of(*family));
            assert_eq!(config.family, *family);
        }
        let config = read(r#"{"model_type": "bert", "num_hidden_layers": 3, "hidden_size": 24}"#);
        let bert = EncoderConfig::of(Family::Bert);
        let expected =
            EncoderConfig { num_hidden_layers: 3, num_hidden_groups: 3, hidden_size: 24, embedding_size: 24, ..bert };
        assert_eq!(config, expected);
        assert_eq!(read(r#"{"model_type": "camembert"}"#).family, Family::Roberta);
    }

    #[test]
    fn families_spell_keys_their_way_and_bert_s_is_taken_too() {
        let own = read(r#"{"model_type": "distilbert", "dim": 24, "n_heads": 3, "activation": "relu"}"#);
        let bert =
            read(r#"{"model_type": "distilbert", "hidden_size": 24, "num_attention_heads": 3, "activation": "relu"}"#);
        assert_eq!(own, bert);
        assert_eq!((own.hidden_size, own.embedding_size, own.hidden_act), (24, 24, Activation::Relu));
        let wrong = message(r#"{"model_type": "distilbert", "dim": 24, "n_heads": 5}"#);
        assert_eq!(wrong, "configuration key \"n_heads\" is 5; supported: a divisor of dim 24");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for family in Family::ALL {
            let plain = EncoderConfig::of(*family);
            let config = EncoderConfig {
                vocab_size: 321,
                num_hidden_layers: 7,
                num_hidden_groups: if *family == Family::Albert { 1 } else { 7 },
                hidden_act: if *family == Family::NeoBert { plain.hidden_act } else { Activation::Relu },
                layer_norm_eps: 1.5e-9,
                ..plain
            };
            assert_eq!(read(&config.to_json()), config, "{family}");
        }
    }

    #[test]
    fn positions_behind_the_padding_token_shorten_texts() {
        let longest = |json: &str| read(json).max_positions();
        assert_eq!(longest(r#"{"model_type": "roberta", "max_position_embeddings": 514}"#), 512);
        assert_eq!(longest(r#"{"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 3}"#), 510);
        assert_eq!(longest(r#"{"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 0}"#), 512);
        assert_eq!(longest(r#"{"model_type": "bert", "max_position_embeddings": 514, "pad_token_id": 3}"#), 514);
        let none = message(r#"{"model_type": "roberta", "pad_token_id": null}"#);
        assert!(none.contains("\"pad_token_id\" is null"), "{none}");
        let short = message(r#"{"model_type": "roberta", "max_position_embeddings": 2}"#);
        assert!(short.contains("\"max_position_embeddings\" is 2"), "{short}");
    }

    #[test]
    fn rotary_bases_are_numbers_above_zero() {
        let of_kind = |theta: &str| {
            format!(
                r#"{{"model_type": "modernbert", "rope_parameters": {{"full_attention": {{"rope_theta": {theta}}}}}}}"#
            )
        };
        let global = |json: &str| read(json).rotary.map(|rotary| rotary.global_theta);
        assert_eq!(global(&of_kind("5000.0")), Some(5000.0));
        let word = message(&of_kind(r#""5000""#));
        assert!(word.ends_with(r#"supported: a number as "rope_theta""#), "{word}");
        let zero = message(&of_kind("0"));
        assert_eq!(zero, "configuration key \"global_rope_theta\" is 0; supported: a number above 0");
        let word = message(r#"{"model_type": "eurobert", "rope_parameters": {"rope_theta": "5000"}}"#);
        assert!(word.contains("rope_parameters"), "{word}");
    }

    #[test]
    fn distances_are_read_as_deberta_spells_them() {
        let of = |rest: &str| format!(r#"{{"model_type": "deberta-v2", "relative_attention": true, {rest}}}"#);
        // The keys of DeBERTa-v3-base.
        let base = of(
            r#""pos_att_type": "p2c|c2p", "position_buckets": 256, "max_relative_positions": -1, "share_att_key": true,
            "norm_rel_ebd": "layer_norm", "position_biased_input": false, "type_vocab_size": 0, "attention_head_size": 64,
            "conv_kernel_size": 0, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "pooler_hidden_size": 768, "legacy": true"#,
        );
        let config = read(&base);
        let expected = Disentangled {
            relative_attention: true,
            content_to_position: true,
            position_to_content: true,
            share_att_key: true,
            position_buckets: Some(256),
            max_relative_positions: 512,
            normalised: true,
            position_biased_input: false,
        };
        assert_eq!((config.disentangled, config.type_vocab_size), (Some(expected), 0));
        assert_eq!(read(&config.to_json()), config);
        assert_eq!(read(&base.replace(r#""p2c|c2p""#, r#"["c2p", "p2c"]"#)), config);
        let none = read(&of(r#""pos_att_type": null, "position_buckets": -1, "max_relative_positions": 0"#));
        let settings = none.disentangled.expect("the family has them");
        assert!(
            !settings.reads_distances()
                && settings.position_buckets.is_none()
                && settings.max_relative_positions == 512
        );
        for (key, value, supported) in [
            ("pos_att_type", "[\"c2p\",\"p2p\"]", "c2p and p2c, as a list or joined by |"),
            ("pos_att_type", "\"\"", "c2p and p2c, as a list or joined by |"),
            ("norm_rel_ebd", "\"batch_norm\"", "\"none\", \"layer_norm\""),
            ("position_buckets", "2.5", "a whole number"),
            ("position_buckets", "1", "-1, or 2 to 1073741823"),
            ("max_relative_positions", "129", "more than 129, which follows the exact half of position_buckets 256"),
            ("attention_head_size", "32", "64"),
            ("conv_kernel_size", "5", "0, 3"),
            ("z_steps", "2", "0"),
            ("share_att_key", "1", "true or false"),
            ("embedding_size", "0", "1 to 2147483647"),
        ] {
            let mut keys: Map<String, Json> = serde_json::from_str(&base).expect("is JSON");
            keys.insert(key.to_owned(), serde_json::from_str(value).expect("is JSON"));
            let json = Json::Object(keys).to_string();
            assert_eq!(message(&json), format!("configuration key \"{key}\" is {value}; supported: {supported}"));
        }
    }

    #[test]
    fn gte_scales_its_angles_and_may_have_no_types_of_tokens() {
        let scaled =
            |scaling: &str| format!(r#"{{"model_type": "new", "rope_theta": 20000, "rope_scaling": {scaling}}}"#);
        let rotary = Rotary { ntk_factor: Some(8.0), ..Rotary::of(20_000.0) };
        assert_eq!(read(&scaled(r#"{"factor": 8.0, "type": "ntk"}"#)).rotary, Some(rotary));
        assert_eq!(read(&scaled(r#"{"factor": 8, "type": "ntk", "mixed_b": null}"#)).rotary, Some(rotary));
        assert_eq!(read(&scaled("null")).rotary, Some(Rotary::of(20_000.0)));
        assert_eq!(read(r#"{"model_type": "new", "type_vocab_size": 0}"#).type_vocab_size, 0);
        for wrong in [
            r#"{"factor":8.0,"type":"linear"}"#,
            r#"{"factor":8.0}"#,
            r#"{"factor":0.5,"type":"ntk"}"#,
            r#"{"factor":8.0,"mixed_b":0.6,"type":"ntk"}"#,
        ] {
            let supported = r#"null or {"type": "ntk", "factor": 1 or more}"#;
            let expected = format!("configuration key \"rope_scaling\" is {wrong}; supported: {supported}");
            assert_eq!(message(&scaled(wrong)), expected);
        }
        for (key, value, supported) in [
            ("position_embedding_type", "\"absolute\"", "\"rope\""),
            ("pack_qkv", "false", "true"),
            ("layer_norm_type", "\"rms_norm\"", "\"layer_norm\""),
            ("logn_attention_scale", "true", "false"),
            ("mlp_bias", "true", "false"),
            ("hidden_act", "\"swiglu\"", "gelu, gelu_new, relu, silu"),
        ] {
            let json = format!(r#"{{"model_type": "new", "{key}": {value}}}"#);
            assert_eq!(message(&json), format!("configuration key \"{key}\" is {value}; supported: {supported}"));
        }
        let other = message(r#"{"model_type": "eurobert", "rope_scaling": {"factor": 8.0, "type": "ntk"}}"#);
        assert!(other.ends_with("supported: null"), "{other}");
    }

    #[test]
    fn ernie_has_a_table_of_tasks_if_it_says_so() {
        let tasks = |keys: &str| read(&format!(r#"{{"model_type": "ernie"{keys}}}"#)).task_type_vocab_size;
        assert_eq!(["", r#", "use_task_id": false, "task_type_vocab_size": 3"#].map(tasks), [0, 0]);
        assert_eq!(
            [r#", "use_task_id": true"#, r#", "use_task_id": true, "task_type_vocab_size": 16"#].map(tasks),
            [3, 16]
        );
        let none = message(r#"{"model_type": "ernie", "use_task_id": true, "task_type_vocab_size": 0}"#);
        assert_eq!(none, "configuration key \"task_type_vocab_size\" is 0; supported: 1 or more");
    }

    #[test]
    fn neobert_has_two_thirds_and_one_way_to_be_built() {
        let published =
            r#"{"model_type": "neobert", "intermediate_size": 3072, "max_length": 4096, "norm_eps": 1e-05}"#;
        let config = read(published);
        assert_eq!((config.intermediate_size, config.inner_size(), config.max_positions()), (3072, 2048, 4096));
        assert_eq!(config.layer_norm_eps, 1e-5);
        let inner = |size: usize| EncoderConfig { intermediate_size: size, ..config.clone() }.inner_size();
        assert_eq!([12, 13, 1000].map(inner), [8, 8, 672]);
        assert_eq!(
            read(r#"{"model_type": "neobert", "hidden_act": "SwiGLU", "rope_theta": 10000.0}"#).hidden_act,
            Activation::Silu
        );
        for (key, value, supported) in [
            ("hidden_act", "\"gelu\"", "\"SwiGLU\""),
            ("rms_norm", "false", "true"),
            ("rope", "false", "true"),
            ("rope_theta", "20000.0", "10000"),
            ("rope_scaling", "{\"factor\":2.0,\"type\":\"ntk\"}", "null"),
            ("ngpt", "true", "false"),
            ("num_key_value_heads", "4", "num_attention_heads 12: one product gives all three"),
        ] {
            let json = format!(r#"{{"model_type": "neobert", "{key}": {value}}}"#);
            assert_eq!(message(&json), format!("configuration key \"{key}\" is {value}; supported: {supported}"));
        }
    }

    #[test]
    fn convolutions_are_of_three_tokens() {
        let of = |rest: &str| format!(r#"{{"model_type": "deberta-v2", "conv_kernel_size": 3{rest}}}"#);
        let config = read(&of(r#", "conv_act": "gelu", "conv_groups": 1"#));
        assert_eq!((config.convolution, read(&config.to_json())), (Some(Activation::Gelu), config));
        assert_eq!(read(r#"{"model_type": "deberta-v2", "conv_act": "tanh"}"#).convolution, None);
        let known = "supported: gelu, gelu_new, relu, silu";
        assert_eq!(message(&of("")), format!("configuration key \"conv_act\" is missing; {known}"));
        assert_eq!(
            message(&of(r#", "conv_act": "tanh""#)),
            format!("configuration key \"conv_act\" is \"tanh\"; {known}")
        );
        let groups = message(&of(r#", "conv_act": "gelu", "conv_groups": 2"#));
        assert_eq!(groups, "configuration key \"conv_groups\" is 2; supported: 1");
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let known = "bert, albert, distilbert, roberta, xlm-roberta, data2vec-text, \
                     roberta-prelayernorm, electra, mpnet, modernbert, nomic_bert, eurobert, \
                     deberta-v2, gte, new, neobert, ernie";
        let expected = format!("configuration key \"model_type\" is \"t5\"; supported: {known}");
        assert_eq!(message(r#"{"model_type": "t5"}"#), expected);
        assert_eq!(message("{}"), format!("configuration key \"model_type\" is missing; supported: {known}"));
        for (key, value, supported) in [
            ("position_embedding_type", "\"relative_key\"", "\"absolute\""),
            ("is_decoder", "true", "false"),
            ("add_cross_attention", "true", "false"),
            ("quantization_config", "{\"quant_method\":\"gptq\"}", "null"),
            ("rope_theta", "10000.0", "null"),
            ("hidden_act", "\"quick_gelu\"", "gelu, gelu_new, relu, silu"),
            ("hidden_size", "\"wide\"", "a whole number"),
            ("num_attention_heads", "7", "a divisor of hidden_size 768"),
            ("layer_norm_eps", "-1", "zero or more"),
            ("vocab_size", "0", "1 to 2147483647"),
        ] {
            let json = format!(r#"{{"model_type": "bert", "{key}": {value}}}"#);
            assert_eq!(message(&json), format!("configuration key \"{key}\" is {value}; supported: {supported}"));
        }
        let inner = message(r#"{"model_type": "albert", "inner_group_num": 2}"#);
        assert_eq!(inner, "configuration key \"inner_group_num\" is 2; supported: 1");
        let groups = message(r#"{"model_type": "albert", "num_hidden_groups": 13}"#);
        assert!(groups.contains("at most num_hidden_layers 12"), "{groups}");
        let buckets = message(r#"{"model_type": "mpnet", "relative_attention_num_buckets": 64}"#);
        assert!(buckets.contains("supported: 32"), "{buckets}");
        assert_eq!(message("{"), "the model configuration is malformed");
        assert_eq!(message("[]"), format!("configuration key \"model_type\" is missing; supported: {known}"));
    }
}
