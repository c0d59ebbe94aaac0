//! The differences between families: names, defaults, and the few places where their graphs differ.

use super::config::EncoderConfig;

/// A family, as data. `config.json` keys and parameter names are those of the `transformers` library.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The name before all parameters' names, with a dot, in checkpoints that also hold a head.
    pub prefix: &'static str,
    /// Keys of `config.json` that this family calls otherwise: BERT's key, this family's.
    pub renamed_keys: &'static [(&'static str, &'static str)],
    /// Keys that would change the graph in ways it is not built for, each with the JSON of the one value that is.
    pub fixed: &'static [(&'static str, &'static str)],
    /// The settings that a `config.json` may leave out.
    pub defaults: fn() -> EncoderConfig,
    /// Whether the family has vectors of token types.
    pub token_types: TokenTypes,
    /// True if `rope_scaling` may be NTK-aware ([`Rotary::ntk_factor`](super::Rotary::ntk_factor)).
    pub ntk: bool,
    /// The table of pretraining's tasks, in families where an encoder may have one.
    pub task_types: Option<&'static str>,
    /// The table of tokens, and the normalisation behind the tables, where there is one.
    pub words: &'static str,
    pub embeddings_norm: Option<&'static str>,
    /// True if normalisations divide by the root of the mean square alone (Zhang and Sennrich, 2019,
    /// <https://arxiv.org/abs/1910.07467>).
    pub rms: bool,
    /// The rule that gives each token its place.
    pub positions: Positions,
    /// True if rotary positions turn features 2 i and 2 i + 1 of a head together; else those that are half a head apart.
    pub neighbours_turn: bool,
    /// The product between token table and layers, in families whose token table may have another width.
    pub projection: Option<Projection>,
    /// Each layer's modules.
    pub layer: LayerNames,
    /// True if the one product for query, key and value gives the three of a head, then those of the next; else all queries first.
    pub head_by_head: bool,
    /// True if feed-forward blocks have two thirds of `intermediate_size`, up to the next multiple of 8: with a gate, as many
    /// parameters as without one and a third.
    pub two_thirds: bool,
    /// The place of the normalisations.
    pub norms: Norms,
    /// Earlier names of weights, in files that were published before the ones above, and of the keys of `config.json`.
    pub older: Older,
    /// The table of attention biases by relative position.
    pub relative_attention: Option<&'static str>,
    /// The modules of relative positions whose vectors take part in the attention scores.
    pub disentangled: Option<DisentangledNames>,
    /// The modules of the convolution beside the first layer.
    pub convolution: Option<ConvolutionNames>,
    /// The dense layer of the pooled output, where the family has one.
    pub pooler: Option<&'static str>,
}

/// What the activation of the first feed-forward product is multiplied with (Shazeer, 2020,
/// <https://arxiv.org/abs/2002.05202>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing.
    None,
    /// The second half of that product, which is twice as wide.
    Together,
    /// The same with the halves the other way round: the activation is of the second.
    TogetherBefore,
    /// A product of its own, the module of that name.
    Apart(&'static str),
}

/// Whether a family has vectors of token types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenTypes {
    /// It has none.
    Never,
    /// It has one at least.
    Always,
    /// The configuration says how many, and may say none.
    Optional,
}

/// The product between tables of another width and the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Projection {
    /// Behind the normalisation of the tables, with a bias.
    BehindNorm(&'static str),
    /// In front of that normalisation, which has the layers' width then, and without a bias.
    InFrontOfNorm(&'static str),
}

impl Projection {
    /// The module's name.
    pub fn module(self) -> &'static str {
        let (Self::BehindNorm(module) | Self::InFrontOfNorm(module)) = self;
        module
    }
}

/// The modules of relative positions whose vectors take part in the attention scores.
#[derive(Debug)]
pub(crate) struct DisentangledNames {
    /// The table of relative positions.
    pub table: &'static str,
    /// Its normalisation.
    pub norm: &'static str,
    /// A layer's own product that makes keys of it, where the layer's key is not used.
    pub key: &'static str,
    /// The same for queries.
    pub query: &'static str,
}

/// The modules of the convolution beside the first layer.
#[derive(Debug)]
pub(crate) struct ConvolutionNames {
    /// The convolution.
    pub product: &'static str,
    /// The normalisation behind it.
    pub norm: &'static str,
}

/// Names that a family had before.
#[derive(Debug)]
pub(crate) struct Older {
    /// BERT's key of `config.json`, and the earlier one.
    pub keys: &'static [(&'static str, &'static str)],
    /// A part of a weight's name as it was, and as it is.
    pub names: &'static [(&'static str, &'static str)],
    /// Each weight that was one, `[parts · out, in]`, or bias, `[parts · out]`, and the modules that it is now, `[out, in]` each.
    pub joined: &'static [(&'static str, &'static [&'static str])],
}

impl Older {
    /// None.
    pub const NONE: Self = Self { keys: &[], names: &[], joined: &[] };
}

/// The place of the normalisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Norms {
    /// Behind each block, with the residual.
    Behind,
    /// In front of each block, and behind the last layer, where this one stands (Xiong et al., 2020,
    /// <https://arxiv.org/abs/2002.04745>). `first` says whether the attention of the first layer has one too, or reads what the tables'
    /// normalisation gives.
    InFront { first: bool, last: &'static str },
}

impl Norms {
    /// True if the attention of that layer, from 0, has a normalisation, wherever it stands.
    pub fn of_attention(self, layer: usize) -> bool {
        layer > 0 || !matches!(self, Self::InFront { first: false, .. })
    }
}

/// The rule that gives each token its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Positions {
    /// A row of the position table: its place in the text.
    FromZero,
    /// A row of it: the padding token's id plus its place, from 1, among the tokens that are no padding, as fairseq counts.
    AfterPadding,
    /// The same, with the padding token taken to be this one whatever the configuration says.
    AfterToken(u32),
    /// No row: queries and keys are turned by their place ([`Rotary`](super::Rotary)).
    Rotary,
}

/// The names of a layer's modules, each behind `root` and a dot.
#[derive(Debug)]
pub(crate) struct LayerNames {
    /// `#` stands for the number of the layer, or of its group where layers share parameters.
    pub root: &'static str,
    /// Query, key and value in one product, in families that have it so; the three others are not there then.
    pub together: Option<&'static str>,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attention_output: &'static str,
    pub attention_norm: &'static str,
    pub intermediate: &'static str,
    pub gate: Gate,
    pub output: &'static str,
    pub output_norm: &'static str,
}

/// The names that BERT gave, and most families kept.
pub(crate) const BERT_LAYER: LayerNames = LayerNames {
    root: "encoder.layer.#",
    together: None,
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    gate: Gate::None,
    output: "output.dense",
    output_norm: "output.LayerNorm",
};

/// A layer's modules by their full names.
pub(crate) struct LayerModules {
    pub together: Option<String>,
    pub query: String,
    pub key: String,
    pub value: String,
    pub attention_output: String,
    pub attention_norm: String,
    pub intermediate: String,
    /// The product that is the gate, where it stands apart.
    pub gate: Option<String>,
    pub output: String,
    pub output_norm: String,
    /// The products of relative positions, where the layer has its own.
    pub distance_key: Option<String>,
    pub distance_query: Option<String>,
}

impl LayerNames {
    /// True if the first feed-forward product is twice as wide, with the gate in it.
    pub fn has_gate_inside(&self) -> bool {
        matches!(self.gate, Gate::Together | Gate::TogetherBefore)
    }
}

impl EncoderConfig {
    /// The modules of that layer, or group of layers.
    pub(crate) fn layer_modules(&self, number: usize) -> LayerModules {
        let layout = self.family.layout();
        let names = &layout.layer;
        let root = names.root.replace('#', &number.to_string());
        let name = |module: &str| format!("{root}.{module}");
        let own = self.disentangled.filter(|settings| settings.reads_distances() && !settings.share_att_key);
        let own = own.zip(layout.disentangled.as_ref());
        LayerModules {
            together: names.together.map(name),
            query: name(names.query),
            key: name(names.key),
            value: name(names.value),
            attention_output: name(names.attention_output),
            attention_norm: name(names.attention_norm),
            intermediate: name(names.intermediate),
            gate: if let Gate::Apart(module) = names.gate { Some(name(module)) } else { None },
            output: name(names.output),
            output_norm: name(names.output_norm),
            distance_key: own.filter(|(settings, _)| settings.content_to_position).map(|(_, names)| name(names.key)),
            distance_query: own
                .filter(|(settings, _)| settings.position_to_content)
                .map(|(_, names)| name(names.query)),
        }
    }
}
