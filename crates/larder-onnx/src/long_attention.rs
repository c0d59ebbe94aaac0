//! Attention over long texts without its matrix of scores.
//!
//! [`build`](crate::build) writes attention down in standard operators, which can be differentiated, and whose scores are
//! `[batch, heads, seq, seq]`: at 8,192 tokens and 12 heads 3.2 GB, several times over. For a batch without padding the same can be
//! had in blocks:
//!
//! - a layer that attends to all tokens becomes one `MultiHeadAttention` of ONNX Runtime
//!   (<https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>), whose CPU kernel goes through queries and keys in
//!   blocks that fit into the cache (Dao et al., 2022, <https://arxiv.org/abs/2205.14135>) where it is given no mask;
//! - a layer that attends to tokens at most `distance` away cuts the text into blocks of so many tokens or more, of which each attends
//!   to itself and its two neighbours: scores are `[batch, heads, blocks, block, 3 · block]`.

use std::collections::HashMap;

use crate::builder::{GraphBuilder, Value};
use crate::built_attention::{Attention, AttentionReader};
use crate::families::{MASKED_SCORE, metadata};
use crate::graph::Producers;
use crate::proto::{OperatorSetIdProto, TensorProto};
use crate::quantise::MICROSOFT;
use crate::{Interface, Model, OnnxError, attribute};

/// Tokens of a block of local attention, at least: products of fewer are slow.
const LEAST_BLOCK: usize = 64;

/// An attention to be written otherwise.
struct BlockAttention<'a> {
    attention: Attention<'a>,
    /// Tokens on each side that a token attends to; `None` for all.
    distance: Option<usize>,
}

impl Model {
    /// Returns the model with every attention in blocks: for texts without padding, whose vectors are the same but for rounding.
    /// `None` for a model that larder did not build, or with attention that depends on more than which tokens there are.
    ///
    /// # Errors
    /// [`OnnxError`] for a malformed graph.
    pub fn with_attention_in_blocks(&self, interface: &Interface) -> Result<Option<Self>, OnnxError> {
        let heads = self.metadata(metadata::HEADS).and_then(|heads| heads.parse::<usize>().ok());
        let (Some(heads), Some(_)) = (heads.filter(|heads| *heads > 0), self.metadata(metadata::FAMILY)) else {
            return Ok(None);
        };
        let Some(attentions) = attentions(self, interface)? else { return Ok(None) };
        let outputs: Vec<String> = self.outputs().iter().map(|output| output.name().to_owned()).collect();
        let opset = self.opset("")?;
        let removed: Vec<usize> = attentions.iter().map(|found| found.attention.context).collect();
        let mut proto = self.proto().clone();
        let mut graph = proto.graph.take().unwrap_or_default();
        let mut at = 0;
        graph.node.retain(|_| {
            at += 1;
            !removed.contains(&(at - 1))
        });
        let mut b = GraphBuilder::from_graph(graph, opset);
        b.scoped("blocks", |b| {
            let sizes = Sizes { heads: heads as i64, head: (interface.hidden_size / heads) as i64 };
            let mut local: HashMap<usize, Neighbours> = HashMap::new();
            for BlockAttention { attention: Attention { context, query, key, value, .. }, distance } in &attentions {
                let [query, key, value] = [query, key, value].map(|name| Value::named(name));
                let made = match distance {
                    None => sizes.flash(b, &query, &key, &value),
                    Some(distance) => {
                        let neighbours = local
                            .entry(*distance)
                            .or_insert_with(|| Neighbours::new(b, *distance, &interface.input_ids.name));
                        sizes.near(b, neighbours, &query, &key, &value)
                    }
                };
                b.rename(&made, &self.graph().node[*context].output[0]);
            }
        });
        proto.graph = Some(b.finish());
        if !proto.opset_import.iter().any(|opset| opset.domain() == MICROSOFT) {
            proto.opset_import.push(OperatorSetIdProto { domain: Some(MICROSOFT.to_owned()), version: Some(1) });
        }
        let model = Self::from_proto(proto)?.sorted()?;
        model.pruned(&outputs.iter().map(String::as_str).collect::<Vec<_>>()).map(Some)
    }
}

/// The sizes of heads.
struct Sizes {
    heads: i64,
    head: i64,
}

impl Sizes {
    /// `softmax(Q·Kᵀ / √d) · V` in one operator.
    fn flash(&self, b: &mut GraphBuilder, query: &Value, key: &Value, value: &Value) -> Value {
        let flat = b.integers(&[0, 0, self.heads * self.head]);
        let [query, key, value] =
            [(query, [0, 2, 1, 3]), (key, [0, 3, 1, 2]), (value, [0, 2, 1, 3])].map(|(x, order)| {
                let by_token = b.transpose(x, &order);
                b.reshape(&by_token, &flat)
            });
        let heads = attribute::int("num_heads", self.heads);
        let context = b.node_of(MICROSOFT, "MultiHeadAttention", &[&query, &key, &value], vec![heads]);
        let split = b.integers(&[0, 0, self.heads, self.head]);
        let split = b.reshape(&context, &split);
        b.transpose(&split, &[0, 2, 1, 3])
    }

    /// The same of tokens and those near them.
    fn near(&self, b: &mut GraphBuilder, near: &Neighbours, query: &Value, key: &Value, value: &Value) -> Value {
        let blocks = b.integers(&[0, 0, -1, near.block, self.head]);
        let padded = b.node("Pad", &[query, &near.pads_behind], vec![]);
        let query = b.reshape(&padded, &blocks);
        let key = b.transpose(key, &[0, 1, 3, 2]);
        let [key, value] = [&key, value].map(|x| {
            let padded = b.node("Pad", &[x, &near.pads_around], vec![]);
            let alone = b.reshape(&padded, &blocks);
            near.beside(b, &alone, 2)
        });
        let key = b.transpose(&key, &[0, 1, 2, 4, 3]);
        let scores = b.mat_mul(&query, &key);
        let root = b.scalar("blocks.sqrt_head_size", (self.head as f32).sqrt());
        let scores = b.div(&scores, &root);
        let scores = b.add(&scores, &near.bias);
        let weights = b.softmax(&scores);
        let context = b.mat_mul(&weights, &value);
        let whole = b.integers(&[0, 0, -1, self.head]);
        let whole = b.reshape(&context, &whole);
        let [start, axis] = [0, 2].map(|n| b.integers(&[n]));
        b.slice(&whole, &start, &near.length, &axis)
    }
}

/// What local layers of one distance read: computed once for all.
struct Neighbours {
    /// Tokens of a block.
    block: i64,
    /// int64 `[1]`: tokens.
    length: Value,
    /// Padding of `[batch, heads, seq, head]` behind its tokens, to whole blocks.
    pads_behind: Value,
    /// The same, and a block on each side.
    pads_around: Value,
    /// float `[blocks, block, 3 · block]`: 0 for pairs of tokens that attend to each other, else [`MASKED_SCORE`].
    bias: Value,
}

impl Neighbours {
    fn new(b: &mut GraphBuilder, distance: usize, input_ids: &str) -> Self {
        let size = distance.max(LEAST_BLOCK);
        let block = size as i64;
        let length = b.shape(&Value::named(input_ids), 1, 2);
        let wide = b.integers(&[block]);
        // Tokens that are missing in the last block.
        let over = b.node("Mod", &[&length, &wide], vec![]);
        let missing = b.sub(&wide, &over);
        let missing = b.node("Mod", &[&missing, &wide], vec![]);
        let behind = b.add(&missing, &wide);
        let [zeros, none] = [b.integers(&[0; 6]), b.integers(&[0])];
        let pads_behind = b.concat(&[&zeros, &missing, &none], 0);
        let front = b.integers(&[0, 0, block, 0, 0, 0]);
        let pads_around = b.concat(&[&front, &behind, &none], 0);
        // Query `i` of a block and key `j` of the three stand `j - block - i` apart.
        let apart = |at: usize| (at % (3 * size)).abs_diff(size + at / (3 * size));
        let band: Vec<f32> =
            (0..size * 3 * size).map(|at| if apart(at) > distance { MASKED_SCORE } else { 0.0 }).collect();
        let band = TensorProto::from_f32(&format!("constant.blocks.band_{distance}"), &[1, size, 3 * size], &band);
        let band = b.initializer(band);
        // Keys that are none: in front of the text, and behind it.
        let masked = b.scalar("blocks.masked_score", MASKED_SCORE);
        let there = b.node("ConstantOfShape", &[&length], vec![]);
        let pads = b.concat(&[&wide, &behind], 0);
        let keys = b.node("Pad", &[&there, &pads, &masked], vec![]);
        let blocks = b.integers(&[-1, block]);
        let keys = b.reshape(&keys, &blocks);
        let mut near = Self { block, length, pads_behind, pads_around, bias: band.clone() };
        let keys = near.beside(b, &keys, 0);
        let keys = b.unsqueeze(&keys, &[1]);
        near.bias = b.add(&band, &keys);
        near
    }

    /// Each block between its neighbours: of `blocks + 2` blocks along `axis`, `blocks` three times as long.
    fn beside(&self, b: &mut GraphBuilder, x: &Value, axis: i64) -> Value {
        let along = b.integers(&[axis]);
        let parts = [(0, -2), (1, -1), (2, i64::MAX)].map(|(start, end)| {
            let (start, end) = (b.integers(&[start]), b.integers(&[end]));
            b.slice(x, &start, &end, &along)
        });
        b.concat(&[&parts[0], &parts[1], &parts[2]], axis + 1)
    }
}

/// Finds every attention; `None` if there is one of another kind, or none at all.
fn attentions<'a>(model: &'a Model, interface: &Interface) -> Result<Option<Vec<BlockAttention<'a>>>, OnnxError> {
    let producers = Producers::of(model.graph())?;
    let Some(mask) = &interface.attention_mask else { return Ok(None) };
    let reader = AttentionReader::new(model, &producers, &mask.name);
    let of = |attention: Option<Attention<'a>>| {
        let attention = attention?;
        let distance = match reader.is_padding_mask(attention.mask) {
            true => None,
            false => Some(reader.local_distance(attention.mask)?),
        };
        Some(BlockAttention { attention, distance })
    };
    let found: Option<Vec<_>> = reader.attentions().map(of).collect();
    Ok(found.filter(|found| !found.is_empty()))
}
