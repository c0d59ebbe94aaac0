//! The settings of the encode stage, and the state of a features file against them.

use std::fmt;
use std::str::FromStr;

use larder_errors::spelled_enum;
use larder_files::{Freshness, Provenance};
use larder_intake::Encoder;
use larder_onnx::{FeatureKind, FeatureOutput, PAIR_PARTS, Pool, WordPool};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};
use larder_tokens::TextWindows;
use serde::{Deserialize, Serialize};

use crate::unit::WindowSettings;
use crate::{EncodeError, EngineSettings, GraphChoice};

/// The part of the provenance that records the device.
pub(crate) const RAN_DEVICE: &str = "ran.device";

/// The part of the provenance that records the graph.
pub(crate) const RAN_GRAPH: &str = "ran.graph";

/// Version of the features file's layout.
pub const FORMAT_VERSION: u32 = 1;

/// The hidden layers to encode: `all`, or numbers. 0 is the embeddings' output, 1 the first layer, -1 the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerSelection {
    /// Every layer, embeddings included.
    All,
    /// These layers, in this order.
    Numbers(Vec<i64>),
}

spelled_enum! {
    /// The context that a sentence of words is encoded with.
    #[derive(Default)]
    pub enum Context {
        /// The sentence alone.
        #[default]
        None = "none",
        /// Its neighbours in the same document, as many as the encoder reads at once.
        Document = "document",
    } else "unknown context `{found}`; known are {known}"
}

/// The settings of an encode. Written down they lack device and threads, which belong to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeSettings {
    /// The unit of a row.
    pub level: Level,
    /// Hidden layers.
    pub layers: LayerSelection,
    /// The poolings of each layer, for sentences; the pooler exists for the last layer only and is taken once.
    pub pools: Vec<Pool>,
    /// True if each text of a pair is read by itself, for sentences: a row has `[u, v, |u - v|, u * v]` of their vectors,
    /// at unit length.
    pub pair_features: bool,
    /// Sentences: vectors are brought to unit length.
    pub normalise: bool,
    /// The pooling of a word's tokens, for words.
    pub word_pool: WordPool,
    /// The tokens from one window's start to the next in a sentence longer than the encoder reads, for words and
    /// tokens; `None` takes half of what a window holds.
    pub stride: Option<usize>,
    /// The context of a sentence, for words and tokens.
    pub context: Context,
    /// Stored element type.
    pub dtype: FeatureDtype,
    /// The device to run on.
    #[serde(skip)]
    pub device: Device,
    /// CPU threads; 0 means one per core.
    #[serde(skip)]
    pub threads: usize,
    /// True if special tokens are rows too, those of every window, for tokens. Their position counts from the first of
    /// them.
    pub special_tokens: bool,
    /// Tokens a batch, padding included; `None` takes the device's default.
    pub batch_tokens: Option<usize>,
    /// The graph to run. Like the device it does not make other features, only rounding.
    pub graph: GraphChoice,
}

/// A features file on disk against what a run would write now.
#[derive(Debug, Clone)]
pub struct EncodePlan {
    /// The state of the file: usable as it is, or stale and why.
    pub freshness: Freshness,
    /// The columns that a run would write: those asked for and, when the file is made again, those it had.
    pub outputs: Vec<FeatureOutput>,
    /// The provenance that a run would record, without how it ran.
    pub provenance: Provenance,
    /// True if rows with unchanged input can be copied from the file.
    pub rows_reusable: bool,
}

impl Default for LayerSelection {
    fn default() -> Self {
        Self::Numbers(vec![-1])
    }
}

impl Default for EncodeSettings {
    fn default() -> Self {
        Self {
            level: Level::Sentence,
            layers: LayerSelection::default(),
            pools: vec![Pool::Mean],
            pair_features: false,
            normalise: false,
            word_pool: WordPool::First,
            stride: None,
            context: Context::None,
            dtype: FeatureDtype::F32,
            special_tokens: false,
            device: Device::Auto,
            threads: 0,
            batch_tokens: None,
            graph: GraphChoice::Auto,
        }
    }
}

impl EncodeSettings {
    /// Returns the settings of the engine: device, threads and graph.
    pub fn engine(&self) -> EngineSettings {
        let Self { device, threads, batch_tokens, graph, .. } = *self;
        EngineSettings { device, threads, batch_tokens, graph, ..EngineSettings::default() }
    }
}

impl LayerSelection {
    /// Resolves the selection to absolute layer numbers, ascending and each once, for an encoder with `count` hidden
    /// states (layers and embeddings).
    ///
    /// # Errors
    /// [`EncodeError::Layer`] names the layers there are.
    pub fn resolve(&self, count: usize) -> Result<Vec<usize>, EncodeError> {
        let numbers = match self {
            Self::All => return Ok((0..count).collect()),
            Self::Numbers(numbers) => numbers,
        };
        let mut layers = numbers
            .iter()
            .map(|&asked| {
                let from_end = |n: u64| count.checked_sub(usize::try_from(n).ok()?);
                let layer = if asked < 0 { from_end(asked.unsigned_abs()) } else { usize::try_from(asked).ok() };
                layer.filter(|&l| l < count).ok_or(EncodeError::Layer { asked, last: count.saturating_sub(1), count })
            })
            .collect::<Result<Vec<_>, _>>()?;
        layers.sort_unstable();
        layers.dedup();
        Ok(layers)
    }
}

impl FromStr for LayerSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self::All);
        }
        text.split(',')
            .map(|part| part.trim().parse::<i64>())
            .collect::<Result<Vec<_>, _>>()
            .map(Self::Numbers)
            .map_err(|_| format!("`{text}` is neither `all` nor a list of layer numbers such as -1,-2,3"))
    }
}

impl fmt::Display for LayerSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Numbers(numbers) => {
                let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

impl EncodeSettings {
    /// Returns the name of the features' folder, made of the level and the settings that keep files of one level apart:
    /// `sentence-f32`, `sentence-pair-f32`, `word-first-f32`, `word-mean-document-f16`, `token-f32`, `token-special-f32`.
    pub fn kind(&self) -> String {
        let mut kind = self.level.to_string();
        if self.pair_features {
            kind.push_str("-pair");
        }
        if self.level == Level::Sentence && self.normalise {
            kind.push_str("-normalised");
        }
        if self.level == Level::Word {
            kind.push_str(&format!("-{}", self.word_pool));
        }
        if self.level == Level::Token && self.special_tokens {
            kind.push_str("-special");
        }
        if self.level != Level::Sentence && self.context != Context::None {
            kind.push_str(&format!("-{}", self.context));
        }
        format!("{kind}-{}", self.dtype)
    }

    /// Elements of every vector, from an encoder with vectors of `hidden_size`.
    pub fn vector_width(&self, hidden_size: usize) -> usize {
        match self.level {
            Level::Word => self.word_pool.width(hidden_size),
            Level::Sentence if self.pair_features => PAIR_PARTS * hidden_size,
            Level::Sentence | Level::Token => hidden_size,
        }
    }

    /// Returns the columns to make with an encoder of `layers` layers above the embeddings: for sentences pooling by
    /// pooling, layer by layer; for words and tokens one `embedding` a layer.
    ///
    /// # Errors
    /// [`EncodeError::Layer`].
    pub fn outputs(&self, layers: usize) -> Result<Vec<FeatureOutput>, EncodeError> {
        let wanted = self.layers.resolve(layers + 1)?;
        if self.level != Level::Sentence {
            return Ok(wanted.into_iter().map(|layer| FeatureOutput::new(layer, FeatureKind::Tokens)).collect());
        }
        let mut outputs = Vec::new();
        for &pool in &self.pools {
            let of_pool = if pool.is_of_the_whole() { vec![layers] } else { wanted.clone() };
            outputs
                .extend(of_pool.into_iter().map(|layer| FeatureOutput::new(layer, pool).normalised_if(self.normalise)));
        }
        outputs.dedup();
        Ok(outputs)
    }

    /// Returns the window settings for an encoder that reads `max_tokens`; `texts` are those of long texts.
    pub(crate) fn window_settings(&self, max_tokens: usize, texts: Option<TextWindows>) -> WindowSettings {
        let Self { level, stride, special_tokens, .. } = *self;
        WindowSettings { level, max_tokens, stride, special_tokens, texts }
    }

    /// Returns the provenance of a features file made now from tokens of provenance `tokens`.
    pub(crate) fn provenance(&self, encoder: &Encoder, tokens: &Provenance, columns: &[String]) -> Provenance {
        // No `..`: a setting that is forgotten here would leave features fresh that it changes.
        let Self {
            level,
            pair_features,
            word_pool,
            stride,
            context,
            dtype,
            special_tokens,
            // The columns name them.
            layers: _,
            pools: _,
            normalise: _,
            // They change rounding at most.
            device: _,
            threads: _,
            batch_tokens: _,
            graph: _,
        } = self;
        let provenance = Provenance::new("encode", FORMAT_VERSION)
            .with_all(tokens.parts.clone())
            .with("tokens.format_version", tokens.format_version)
            .with("encoder.digest", &encoder.manifest().digest)
            .with("level", level)
            .with("dtype", dtype)
            .with("columns", columns.join(","));
        let recipe = encoder.manifest().publisher.recipe.as_ref();
        let published = columns.iter().any(|column| column.starts_with(Pool::Published.as_str()));
        let provenance = match recipe.filter(|_| published) {
            Some(recipe) => provenance.with("published", recipe.digest()),
            None => provenance,
        };
        let with_windows = |provenance: Provenance| {
            let stride = stride.map_or_else(|| "half".to_owned(), |stride| stride.to_string());
            provenance.with("stride", stride).with("context", context)
        };
        match level {
            Level::Sentence if *pair_features => provenance.with("pair_features", true),
            Level::Sentence => provenance,
            Level::Word => with_windows(provenance).with("word_pool", word_pool),
            Level::Token if *special_tokens => with_windows(provenance).with("special_tokens", true),
            Level::Token => with_windows(provenance),
        }
    }
}

/// Returns true if rows of equal input have equal vectors in a file of provenance `found` and in one of `wanted`, but for rounding.
pub(crate) fn has_same_vectors(found: &Provenance, wanted: &Provenance) -> bool {
    let content = ["encoder.digest", "level", "pair_features", "dtype", "word_pool", "special_tokens", "published"];
    let is_same = |part: &str| match part {
        // What is stored more coarsely is made of float32, whether that was stored or is computed now.
        "dtype" if found.parts.get(part).map(String::as_str) == Some(FeatureDtype::F32.as_str()) => true,
        // A file may have a publisher's vectors that are not asked for.
        "published" if !wanted.parts.contains_key(part) => true,
        _ => found.parts.get(part) == wanted.parts.get(part),
    };
    found.format_version == wanted.format_version && content.into_iter().all(is_same)
}

impl EncodePlan {
    /// Returns true if the file is fresh.
    pub fn is_fresh(&self) -> bool {
        self.freshness == Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_count_from_both_ends() {
        let of = |text: &str| text.parse::<LayerSelection>().unwrap().resolve(7);
        assert_eq!(of("-1").unwrap(), [6]);
        assert_eq!(of("all").unwrap(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(of("3, -7,6,-1").unwrap(), [0, 3, 6]);
        let error = of("7").unwrap_err().to_string();
        assert!(error.contains("layer 7") && error.contains("to 6") && error.contains("-7"), "{error}");
        assert!(of("-8").is_err() && "last".parse::<LayerSelection>().is_err());
    }

    #[test]
    fn the_pooler_is_taken_once() {
        let settings = EncodeSettings {
            layers: LayerSelection::Numbers(vec![-1, 2]),
            pools: vec![Pool::Mean, Pool::Pooler],
            ..EncodeSettings::default()
        };
        let outputs: Vec<_> = settings.outputs(6).unwrap().iter().map(|o| (o.layer, o.kind)).collect();
        assert_eq!(
            outputs,
            [
                (2, FeatureKind::Pooled(Pool::Mean)),
                (6, FeatureKind::Pooled(Pool::Mean)),
                (6, FeatureKind::Pooled(Pool::Pooler))
            ]
        );
    }

    #[test]
    fn kinds_are_folders() {
        let kind = |level, word_pool, context, dtype| {
            EncodeSettings { level, word_pool, context, dtype, ..EncodeSettings::default() }.kind()
        };
        use FeatureDtype::{F16, F32};
        assert_eq!(EncodeSettings::default().kind(), "sentence-f32");
        assert_eq!(kind(Level::Sentence, WordPool::Mean, Context::Document, F16), "sentence-f16");
        assert_eq!(kind(Level::Word, WordPool::First, Context::None, F32), "word-first-f32");
        assert_eq!(kind(Level::Word, WordPool::FirstLast, Context::Document, F16), "word-first-last-document-f16");
        assert_eq!(kind(Level::Token, WordPool::Mean, Context::None, F32), "token-f32");
        assert_eq!(kind(Level::Token, WordPool::Mean, Context::Document, F32), "token-document-f32");
    }

    #[test]
    fn words_and_tokens_take_each_layer_once() {
        let layers = LayerSelection::Numbers(vec![-1, -2, -1]);
        let settings = EncodeSettings { level: Level::Word, layers, ..EncodeSettings::default() };
        let columns: Vec<String> = settings.outputs(6).unwrap().iter().map(|o| o.column(6)).collect();
        assert_eq!(columns, ["embedding_l5", "embedding"]);
        let wide = EncodeSettings { word_pool: WordPool::FirstLast, ..settings };
        assert_eq!((wide.vector_width(32), EncodeSettings::default().vector_width(32)), (64, 32));
    }

    #[test]
    fn contexts_have_one_spelling() {
        for context in Context::ALL {
            assert_eq!(context.to_string().parse(), Ok(*context));
            assert_eq!(serde_json::to_value(context).unwrap(), context.as_str());
        }
        assert!("page".parse::<Context>().unwrap_err().to_string().contains("none, document"));
    }
}
