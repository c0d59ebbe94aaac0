//! `encoder.json`: what an encoder is, where it comes from, and what a run of it showed.

use std::path::Path;

use larder_errors::spelled_enum;
use larder_files::digest_bytes;
use larder_onnx::{ConstantInput, Family, InputTensor, Interface, OutputTensor};
use larder_tokens::SpecialTokens;
use serde::{Deserialize, Serialize};

use crate::prepared::Prepared;
use crate::probe::ProbeRecord;
use crate::recipe::PublisherRecord;

/// Version of the manifest's layout.
pub const FORMAT_VERSION: u32 = 1;

/// Everything that is known about an encoder without opening its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderManifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The encoder's name, that of its folder.
    pub name: String,
    /// Hex blake3 digest of `model.onnx`.
    pub digest: String,
    /// Hex blake3 digest of `tokenizer.json`.
    pub tokenizer_digest: String,
    /// The family, where it is known.
    pub family: Option<Family>,
    /// Features of each token.
    pub hidden_size: usize,
    /// Layers above the embeddings, where they could be counted.
    pub num_hidden_layers: Option<usize>,
    /// Attention heads of each layer, where a configuration tells.
    pub num_attention_heads: Option<usize>,
    /// Rows of the token table; every token id is below it.
    pub vocabulary_size: usize,
    /// The longest text that the encoder reads, in tokens, special tokens included.
    pub max_positions: usize,
    /// The origin of `max_positions`.
    pub max_positions_from: LengthOrigin,
    /// The inputs, as the model has them.
    pub inputs: Vec<InputRecord>,
    /// Inputs of the source that have one value for every text, which is inside the model now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constant_inputs: Vec<ConstantInput>,
    /// The outputs, as the model has them.
    pub outputs: Vec<OutputRecord>,
    /// The only batch size the model takes, if there is one.
    pub fixed_batch: Option<usize>,
    /// The only sequence length the model takes, in tokens, if there is one.
    pub fixed_seq: Option<usize>,
    /// The tensor inside the model of each hidden state, `[batch, seq, hidden_size]`: 0 is the embeddings' output, `k`
    /// that of layer `k`. Empty where the layers are not known.
    pub hidden_states: Vec<String>,
    /// Does padding leave the vectors of real tokens alone? If not, texts of different lengths must not share a batch.
    pub mask_honoured: bool,
    /// Do a text's vectors not depend on the texts beside it? If they do, as dynamic quantisation makes them, each runs
    /// alone.
    #[serde(default = "yes")]
    pub batch_independent: bool,
    /// The graph that runs: the given one, or one rebuilt from it.
    #[serde(default)]
    pub prepared: Prepared,
    /// Notes that a user should read before using the encoder: how it is run where that is unusual, and what it
    /// cannot do and why.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The tokens with a function.
    pub special_tokens: SpecialTokens,
    /// The publisher's way from texts to vectors, as far as its files told it.
    #[serde(flatten)]
    pub publisher: PublisherRecord,
    /// The files the encoder was made from.
    pub source: SourceRecord,
    /// The measurements of the probe run.
    pub probe: ProbeRecord,
    /// The versions that made this folder.
    pub versions: Versions,
    /// The meaning of inputs and outputs in full.
    pub interface: Interface,
}

spelled_enum! {
    /// The origin of the longest text.
    pub enum LengthOrigin {
        /// The graph's position table, or `config.json`; a text of that length (or of
        /// [`LONGEST_PROBE`](crate::LONGEST_PROBE) tokens, if that is less) was read.
        Declared = "declared",
        /// Trial: longer texts fail, or nothing longer than [`LONGEST_PROBE`](crate::LONGEST_PROBE) was tried.
        Measured = "measured",
    }
}

spelled_enum! {
    /// The role of an input.
    pub enum InputRole {
        /// Token ids.
        InputIds = "input_ids",
        /// 1 for tokens, 0 for padding.
        AttentionMask = "attention_mask",
        /// 0 for the first text, 1 for the second of a pair.
        TokenTypeIds = "token_type_ids",
        /// The position of each token.
        PositionIds = "position_ids",
        /// Read by nothing.
        Unread = "unread",
    }
}

/// An input as the model has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// Its role.
    pub role: InputRole,
    /// The model's name for it.
    pub name: String,
    /// `int64`, `int32`, `float32`, `float16` or `bool`.
    pub dtype: String,
    /// Batch and sequence; `None` where any size is taken.
    pub axes: [Option<usize>; 2],
}

spelled_enum! {
    /// The role of an output.
    pub enum OutputRole {
        /// The last layer's vectors, `[batch, seq, hidden_size]`.
        Token = "token",
        /// A vector of the text, `[batch, hidden_size]`, or as wide as [`Interface::pooled_size`] says.
        Pooled = "pooled",
        /// Something else; never read.
        Ignored = "ignored",
    }
}

/// A float output as the model has it. Integer outputs are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its role.
    pub role: OutputRole,
    /// The model's name for it.
    pub name: String,
    /// Its element type, by the ONNX standard's name.
    pub dtype: String,
    /// The size of each axis as the model declares it, `None` where it is open; `None` at all without a declared rank.
    pub shape: Option<Vec<Option<usize>>>,
}

spelled_enum! {
    /// The kind of source that an encoder was made from.
    pub enum SourceKind {
        /// An ONNX file, copied as it was unless its data lay beside it, or inputs have become constants.
        Onnx = "onnx",
        /// Published weights; larder built the graph.
        Safetensors = "safetensors",
        /// A configuration and a seed; larder built the graph and drew the weights.
        Init = "init",
        /// Another encoder, its products turned into 8-bit integers.
        Quantised = "quantised",
    }
}

/// The origin of an encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The kind of source.
    pub kind: SourceKind,
    /// The files it was made from, the model or its weights first.
    pub files: Vec<SourceFile>,
    /// The seed of random weights.
    pub seed: Option<u64>,
    /// Names in the weights file that the encoder does not use, such as a pre-training head.
    pub unused_weights: Vec<String>,
    /// The hub that the files come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubRecord>,
}

/// A model on a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubRecord {
    /// Owner and name, `ORG/MODEL`.
    pub repo: String,
    /// The branch, tag or commit that was asked for.
    pub revision: String,
    /// The commit that it stood for.
    pub commit: String,
}

/// A file that an encoder was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name, without folders.
    pub name: String,
    /// Hex blake3 digest of its content.
    pub digest: String,
}

impl SourceFile {
    /// The record of the file `path` with that content: its name without the folders of this machine.
    pub(crate) fn of(path: &Path, content: &[u8]) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, digest: digest_bytes(content) }
    }
}

/// The versions that made an encoder's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This library.
    pub larder: String,
    /// The ONNX Runtime that ran the probe.
    pub onnxruntime: String,
}

/// Encoders of earlier versions were refused if they did not.
fn yes() -> bool {
    true
}

/// The inputs of an interface, one record each.
pub(crate) fn input_records(interface: &Interface) -> Vec<InputRecord> {
    let record = |role: InputRole, input: &InputTensor| InputRecord {
        role,
        name: input.name.clone(),
        dtype: input.dtype.to_string(),
        axes: [input.batch, input.seq],
    };
    let optional = [
        (InputRole::AttentionMask, &interface.attention_mask),
        (InputRole::TokenTypeIds, &interface.token_type_ids),
        (InputRole::PositionIds, &interface.position_ids),
    ];
    let optional = optional.into_iter().filter_map(|(role, input)| input.as_ref().map(|input| (role, input)));
    let unread = interface.unread.iter().map(|input| (InputRole::Unread, input));
    let all = std::iter::once((InputRole::InputIds, &interface.input_ids)).chain(optional).chain(unread);
    all.map(|(role, input)| record(role, input)).collect()
}

/// The float outputs of an interface, one record each.
pub(crate) fn output_records(interface: &Interface) -> Vec<OutputRecord> {
    let record = |role: OutputRole, output: &OutputTensor| OutputRecord {
        role,
        name: output.name.clone(),
        dtype: output.dtype.clone(),
        shape: output.axes.clone(),
    };
    let tokens = interface.token_output.iter().map(|output| record(OutputRole::Token, output));
    let pooled = interface.pooled_outputs.iter().map(|output| record(OutputRole::Pooled, output));
    let others = interface.other_outputs.iter().map(|output| record(OutputRole::Ignored, output));
    tokens.chain(pooled).chain(others).collect()
}
