//! Dropout of an encoder's activations while it is trained, and the source of its masks.
//!
//! Source: Srivastava et al., 2014, <https://jmlr.org/papers/v15/srivastava14a.html>; the places are those of the
//! `transformers` library.

use std::collections::HashMap;

use larder_onnx::facts::Dim;
use larder_onnx::families::metadata;
use larder_onnx::proto::GraphProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, Family, GraphBuilder, Model, TensorProto, Value, attribute};
use serde::Serialize;

use crate::GraphsError;
use crate::shape::as_i64;

/// The dropout ratios, each from 0, no dropout, to below 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DropoutRatios {
    /// The ratio for the embeddings after their normalisation, for the two products that close the halves of a layer, and for
    /// the table of distances before each layer of DeBERTa reads it.
    pub hidden: f32,
    /// The ratio for the attention weights.
    pub attention: f32,
    /// The ratio for the features that the head reads.
    pub head: f32,
}

impl DropoutRatios {
    /// No dropout.
    pub const NONE: Self = Self { hidden: 0.0, attention: 0.0, head: 0.0 };
}

/// The source of the dropout masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropoutForm {
    /// The caller, who feeds a float32 mask for each place, of 0 for what is dropped and `1 / (1 - ratio)` for the rest. So
    /// a run that is taken up again drops what it would have dropped, and the masks are drawn by all cores: the CPU's
    /// `Dropout` goes on from where its session stands, which cannot be restored, and draws in one thread.
    Masks,
    /// ONNX's `Dropout` in training mode, each place with a seed made of this one.
    Operator {
        /// The seed.
        seed: i64,
    },
}

/// A dropout mask that the training graph takes: float32.
#[derive(Clone, Debug, PartialEq)]
pub struct DropoutMask {
    /// The input's name: `dropout.<place>`.
    pub input: String,
    /// The share that is dropped.
    pub ratio: f32,
    /// The size of each axis.
    pub shape: Vec<Dim>,
}

/// A tensor that is dropped from.
#[derive(Clone, Debug)]
pub(super) struct Site {
    tensor: String,
    ratio: f32,
    shape: Vec<Dim>,
}

impl Site {
    pub fn new(tensor: &str, ratio: f32, shape: Vec<Dim>) -> Self {
        Self { tensor: tensor.to_owned(), ratio, shape }
    }

    /// The same place, where the batch has so many rows an example.
    pub fn of_rows(&self, rows: usize) -> Self {
        let mut site = self.clone();
        site.shape.iter_mut().filter(|dim| dim.batch > 0).for_each(|dim| dim.factor *= rows);
        site
    }

    /// The name of what is left of the tensor, which its readers read instead.
    pub fn left(&self) -> String {
        format!("{}.dropped", self.tensor)
    }
}

/// The places of an encoder that larder built, where the ratio is not 0.
///
/// # Errors
/// [`GraphsError::NotBuilt`] for any other, where a ratio is not 0.
pub(super) fn sites(encoder: &Model, ratios: &DropoutRatios) -> Result<Vec<Site>, GraphsError> {
    if ratios.hidden == 0.0 && ratios.attention == 0.0 {
        return Ok(Vec::new());
    }
    let family = encoder.metadata(metadata::FAMILY).and_then(|name| name.parse::<Family>().ok());
    let heads = encoder.metadata(metadata::HEADS).and_then(|heads| heads.parse::<usize>().ok());
    let (Some(family), Some(heads)) = (family, heads) else { return Err(GraphsError::NotBuilt) };
    // The second axis of a product's weight is what it reads, the first what it makes.
    let width = |parameter: &str| {
        let size = encoder.initializer(parameter).and_then(|tensor| tensor.dims.first().copied());
        Dim::fixed(size.map_or(0, |size| size.unsigned_abs() as usize))
    };
    // DistilBERT drops nothing behind its attention, ALBERT nothing behind its feed-forward products.
    let (after_attention, after_feed_forward) = (family != Family::DistilBert, family != Family::Albert);
    const EMBEDDINGS: &str = "embeddings.";
    const DISTANCES: &str = "encoder.rel_embeddings.weight";
    let rows = Dim::TOKENS;
    let mut sites = Vec::new();
    for node in &encoder.graph().node {
        let (Some(tensor), name) = (node.output.first(), node.name()) else { continue };
        let is_layer = name.starts_with("encoder.layer.");
        let is_attention = name.ends_with(".attention.output.dense.Gemm");
        let closes = is_layer && node.is_op("Gemm") && name.ends_with(".output.dense.Gemm");
        let parameter = node.input.get(1).map_or("", String::as_str);
        let site = if node.is_op("LayerNormalization") && parameter.starts_with(EMBEDDINGS) {
            Site::new(tensor, ratios.hidden, vec![Dim::BATCH, Dim::SEQ, width(parameter)])
        } else if is_layer && name.ends_with(".attention.self.distances.Identity") {
            let table = encoder.initializer(DISTANCES).map(|tensor| tensor.dims.as_slice()).unwrap_or_default();
            let shape = table.iter().map(|size| Dim::fixed(size.unsigned_abs() as usize)).collect();
            Site::new(tensor, ratios.hidden, shape)
        } else if is_layer && node.is_op("Softmax") {
            let heads = Dim::fixed(heads);
            Site::new(tensor, ratios.attention, vec![Dim::BATCH, heads, Dim::SEQ, Dim::SEQ])
        } else if is_layer && name.ends_with(".convolution.Gemm") {
            let bias = node.input.get(2).map_or("", String::as_str);
            Site::new(tensor, ratios.hidden, vec![rows, width(bias)])
        } else if closes && (if is_attention { after_attention } else { after_feed_forward }) {
            Site::new(tensor, ratios.hidden, vec![rows, width(parameter)])
        } else {
            continue;
        };
        sites.push(site);
    }
    sites.retain(|site| site.ratio > 0.0);
    Ok(sites)
}

/// Makes whoever reads those tensors read what is left of them.
pub(super) fn rewire(graph: &mut GraphProto, sites: &[Site]) {
    let left: HashMap<&str, String> = sites.iter().map(|site| (site.tensor.as_str(), site.left())).collect();
    for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        if let Some(left) = left.get(input.as_str()) {
            *input = left.clone();
        }
    }
}

/// Adds what drops. Gives the masks that are to be fed.
pub(super) fn insert(b: &mut GraphBuilder, sites: &[Site], form: DropoutForm) -> Vec<DropoutMask> {
    let mut masks = Vec::new();
    for (number, site) in sites.iter().enumerate() {
        let tensor = Value::named(&site.tensor);
        let left = match form {
            DropoutForm::Masks => {
                let input = format!("dropout.{}", site.tensor);
                let axes: Vec<Axis> = site.shape.iter().map(super::axis).collect();
                let mask = b.input(&input, DataType::Float, &axes);
                masks.push(DropoutMask { input, ratio: site.ratio, shape: site.shape.clone() });
                b.mul(&tensor, &mask)
            }
            DropoutForm::Operator { seed } => {
                let ratio = b.scalar(&format!("dropout_ratio_{}", site.ratio), site.ratio);
                let on = TensorProto::from_raw("constant.training_mode", &[], DataType::Bool, vec![1]);
                let on = b.initializer(on);
                // Places differ in their seeds: equal ones would drop the same elements.
                let seed = seed.wrapping_mul(1_000_003).wrapping_add(as_i64(number));
                b.node("Dropout", &[&tensor, &ratio, &on], vec![attribute::int("seed", seed)])
            }
        };
        b.rename(&left, &site.left());
    }
    masks
}
