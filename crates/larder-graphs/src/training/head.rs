//! The head and the loss: what stands on an encoder while it is trained.

use std::fmt;

use larder_onnx::facts::Dim;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::tensor_shape_proto::dimension;
use larder_onnx::proto::type_proto;
use larder_onnx::proto::{GraphProto, ValueInfoProto};
use larder_onnx::{Axis, GraphBuilder, Model, PAIR_PARTS, Pool, TensorProto, TokenPooling, Value, pair_features};
use serde::Serialize;

use super::TrainingSpec;
use super::dropout::{DropoutMask, Site, insert, rewire};
use crate::shape::as_i64;
use crate::{GraphsError, Loss};

/// The head's weights, `[classes, hidden]`.
pub const HEAD_WEIGHT: &str = "classifier.weight";

/// The head's biases, `[classes]`.
pub const HEAD_BIAS: &str = "classifier.bias";

/// The input of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum HeadInput {
    /// One vector a text: one row of logits a text.
    Pooled(Pool),
    /// The [features](pair_features) of a pair of texts, each of which the encoder reads by itself: one row of logits a pair. `u`
    /// and `v` have the norm `√hidden` here, and so elements about as large as those of other inputs: the head's start and
    /// learning rate are made for those.
    Pair(Pool),
    /// Every token's vector of the last layer: one row of logits a token, for tagging.
    Tokens,
}

impl HeadInput {
    /// Returns the pooling of texts.
    pub fn pool(self) -> Option<Pool> {
        match self {
            Self::Pooled(pool) | Self::Pair(pool) => Some(pool),
            Self::Tokens => None,
        }
    }

    /// Returns the number of texts that the encoder reads for an example.
    pub fn texts(self) -> usize {
        if matches!(self, Self::Pair(_)) { 2 } else { 1 }
    }

    /// Returns the number of features, of vectors of `hidden` elements.
    pub fn width(self, hidden: usize) -> usize {
        if matches!(self, Self::Pair(_)) { PAIR_PARTS * hidden } else { hidden }
    }

    /// Returns the factors of the features, where they are not those of [`pair_features`], `[features]`.
    pub fn scale(self, hidden: usize) -> Option<Vec<f32>> {
        let length = (hidden as f32).sqrt();
        let factor = |part: usize| if part + 1 < PAIR_PARTS { length } else { length * length };
        let factors = (0..PAIR_PARTS).flat_map(|part| std::iter::repeat_n(factor(part), hidden));
        matches!(self, Self::Pair(_)).then(|| factors.collect())
    }
}

impl fmt::Display for HeadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pooled(pool) => pool.fmt(f),
            Self::Pair(pool) => write!(f, "pairs of {pool}"),
            Self::Tokens => f.pad("tokens"),
        }
    }
}

/// The outputs that the training graph and the evaluation graph share.
pub(super) const OUTPUTS: [&str; 3] = ["loss", "logits", "counted"];

/// The features that the head reads, and their width.
pub(super) struct Features {
    input: HeadInput,
    hidden: usize,
}

impl Features {
    /// # Errors
    /// [`GraphsError::NoFeatures`] for an encoder without the output that the head reads.
    pub fn of(encoder: &Model, input: HeadInput) -> Result<Self, GraphsError> {
        let output = match input.pool() {
            Some(Pool::Pooler) => "pooler_output",
            Some(Pool::Published) => return Err(GraphsError::NoFeatures { input, output: "published" }),
            Some(_) | None => "last_hidden_state",
        };
        let info = encoder.outputs().iter().find(|info| info.name() == output);
        let hidden = info.and_then(last_axis).ok_or(GraphsError::NoFeatures { input, output })?;
        Ok(Self { input, hidden })
    }

    /// `[batch, features]`, of tokens `[batch · seq, hidden]`.
    fn build(&self, b: &mut GraphBuilder) -> Value {
        let Some(pool) = self.input.pool() else {
            let flat = b.integers(&[-1, as_i64(self.hidden)]);
            return b.reshape(&Value::named("last_hidden_state"), &flat);
        };
        let texts = self.pooled(b, pool);
        let Some(factors) = self.input.scale(self.hidden) else { return texts };
        let features = pair_features(b, &texts, self.hidden);
        let factors = b.initializer(TensorProto::from_f32("constant.pair_scale", &[factors.len()], &factors));
        b.mul(&features, &factors)
    }

    /// One vector a text, `[texts, hidden]`.
    fn pooled(&self, b: &mut GraphBuilder, pool: Pool) -> Value {
        let tokens = Value::named("last_hidden_state");
        let pooled = TokenPooling::new(Some("attention_mask".to_owned())).add(b, pool, &tokens);
        pooled.unwrap_or_else(|| Value::named("pooler_output"))
    }

    /// The size of each axis of what is built.
    fn shape(&self) -> Vec<Dim> {
        let rows = if self.input == HeadInput::Tokens { Dim::TOKENS } else { Dim::BATCH };
        vec![rows, Dim::fixed(self.input.width(self.hidden))]
    }
}

/// Adds head and loss: `logits = dropout(features) · Wᵀ + b`; with `dropout`, places of the encoder to drop at, drops there
/// and in the head. Gives the masks that are to be fed.
///
/// # Errors
/// [`GraphsError::Model`], [`GraphsError::TokenLoss`].
pub(super) fn with_head(
    encoder: Model,
    opset: i64,
    spec: &TrainingSpec,
    features: &Features,
    dropout: Option<&[Site]>,
) -> Result<(Model, Vec<DropoutMask>), GraphsError> {
    let by_token = features.input == HeadInput::Tokens;
    if by_token && !matches!(spec.loss, Loss::CrossEntropy { .. }) {
        return Err(GraphsError::TokenLoss);
    }
    let mut proto = encoder.into_proto();
    let mut graph = proto.graph.take().unwrap_or_default();
    rewire(&mut graph, dropout.unwrap_or_default());
    let texts = features.input.texts();
    name_batch(&mut graph, texts);
    let mut b = GraphBuilder::from_graph(graph, opset);
    b.clear_outputs();
    let classes = Axis::Fixed(spec.classes);
    let mut axes = vec![Axis::symbol("batch")];
    if by_token {
        axes.push(Axis::symbol("seq"));
    }
    let logits_axes: Vec<Axis> = axes.iter().cloned().chain([classes.clone()]).collect();
    let labels = match spec.loss {
        Loss::CrossEntropy { .. } => b.input("labels", DataType::Int64, &axes),
        _ => b.input("labels", DataType::Float, &logits_axes),
    };
    let weight =
        b.input(HEAD_WEIGHT, DataType::Float, &[classes.clone(), Axis::Fixed(features.input.width(features.hidden))]);
    let bias = b.input(HEAD_BIAS, DataType::Float, std::slice::from_ref(&classes));

    let mut masks = Vec::new();
    let pooled = b.scoped("head", |b| features.build(b));
    let mut read = b.identity(&pooled);
    read = b.rename(&read, "head.features");
    if let Some(sites) = dropout {
        let mut sites: Vec<Site> = sites.iter().map(|site| site.of_rows(texts)).collect();
        if spec.dropout.head > 0.0 {
            let site = Site::new(read.name(), spec.dropout.head, features.shape());
            read = Value::named(&site.left());
            sites.push(site);
        }
        masks = insert(&mut b, &sites, spec.dropout_form);
    }
    let mut logits = b.scoped("head", |b| b.linear(&read, &weight, &bias));
    let loss = b.scoped("loss", |b| {
        // Of tokens, each is a row.
        let flat = by_token.then(|| b.integers(&[-1]));
        let labels = flat.map_or_else(|| labels.clone(), |flat| b.reshape(&labels, &flat));
        spec.loss.build(b, &logits, &labels, spec.classes)
    });
    if by_token {
        logits = b.scoped("head", |b| {
            let (tokens, classes) = (b.shape(&labels, 0, 2), b.integers(&[as_i64(spec.classes)]));
            let shape = b.concat(&[&tokens, &classes], 0);
            b.reshape(&logits, &shape)
        });
    }
    b.output(&logits, "logits", DataType::Float, &logits_axes);
    b.output(&loss.loss, "loss", DataType::Float, &[]);
    b.output(&loss.counted, "counted", DataType::Float, &[]);
    proto.graph = Some(b.finish());
    Ok((Model::from_proto(proto)?.sorted()?, masks))
}

/// Says in the graph's inputs that the batch has so many texts an example: axes that are called alike are taken to be of the
/// same size.
fn name_batch(graph: &mut GraphProto, texts: usize) {
    let batch = super::axis(&Dim { factor: texts, ..Dim::BATCH });
    for input in &mut graph.input {
        let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().and_then(|of| of.value.as_mut()) else {
            continue;
        };
        for dim in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
            let is_batch = dim.value == Some(dimension::Value::DimParam("batch".to_owned()));
            if let (true, Axis::Symbol(batch)) = (is_batch, &batch) {
                dim.value = Some(dimension::Value::DimParam(batch.clone()));
            }
        }
    }
}

/// The size of an output's last axis, where it is declared.
fn last_axis(info: &ValueInfoProto) -> Option<usize> {
    let Some(type_proto::Value::TensorType(tensor)) = info.r#type.as_ref()?.value.as_ref() else { return None };
    match tensor.shape.as_ref()?.dim.last()?.value.as_ref()? {
        dimension::Value::DimValue(size) => usize::try_from(*size).ok(),
        dimension::Value::DimParam(_) => None,
    }
}
