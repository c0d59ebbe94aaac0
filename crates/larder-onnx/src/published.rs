//! The publisher's way from token vectors to a text's vector, as nodes.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::attribute;
use crate::families::{Activation, metadata};
use crate::features::last_tokens;
use crate::pooling::{TokenPooling, normalised};
use crate::{GraphBuilder, Interface, Model, OnnxError, Pool, TensorProto, Value, Weights};

/// The steps of a sentence-transformers folder behind its transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedSteps {
    /// Poolings of the last layer's tokens; the vectors of several stand one behind the other.
    pub pools: Vec<Pool>,
    /// What is done to that vector, one after the other.
    pub steps: Vec<PublishedStep>,
}

/// A step from a vector to a vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PublishedStep {
    /// `activation(W x + b)`, and `x` itself added if it is residual.
    Dense(DensePublished),
    /// `x / max(|x|, 1e-12)`.
    Normalize,
    /// The first so many features.
    Truncate(usize),
}

/// A dense layer, whose weights lie in the publisher's folder: `<name>.weight` `[outputs, inputs]` and `<name>.bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensePublished {
    /// Begins the names of its weights.
    pub name: String,
    /// Elements of what it reads.
    pub inputs: usize,
    /// Elements of what it makes.
    pub outputs: usize,
    /// Is a bias added?
    pub bias: bool,
    /// The activation.
    pub activation: DenseActivation,
    /// Is what it reads added to what it makes?
    pub residual: bool,
}

spelled_enum! {
    /// The activation behind a dense layer, by the name of PyTorch's class.
    pub enum DenseActivation {
        /// None.
        Identity = "Identity",
        /// The hyperbolic tangent.
        Tanh = "Tanh",
        /// `max(x, 0)`.
        Relu = "ReLU",
        /// `x · Φ(x)`.
        Gelu = "GELU",
        /// The logistic function.
        Sigmoid = "Sigmoid",
        /// `x · σ(x)`.
        Silu = "SiLU",
    } else "unknown activation {found:?}; known: {known}"
}

impl PublishedSteps {
    /// Returns the features of the text's vector, for an encoder with `hidden` features a token.
    pub fn width(&self, hidden: usize) -> usize {
        self.steps.iter().fold(self.pools.len() * hidden, |width, step| match step {
            PublishedStep::Dense(dense) => dense.outputs,
            PublishedStep::Normalize => width,
            PublishedStep::Truncate(features) => width.min(*features),
        })
    }

    /// Adds the vector of each text, float32 `[batch, width]`, to a model, where [`select_features`](crate::select_features)
    /// finds it as [`Pool::Published`]. `weights` has those of the dense layers.
    ///
    /// # Errors
    /// [`OnnxError::LayerNotFound`] for a model that gives no vectors of tokens; [`OnnxError::MissingWeight`] and
    /// [`OnnxError::WeightShape`] for weights that are not there or of another shape.
    pub fn add_to(&self, model: &Model, interface: &Interface, weights: &Weights) -> Result<Model, OnnxError> {
        let opset = model.opset("")?;
        let mut proto = model.clone().into_proto();
        let mut b = GraphBuilder::from_graph(proto.graph.take().unwrap_or_default(), opset);
        let vector = b.scoped("published", |b| {
            let tokens = last_tokens(b, model, interface)?;
            let mut pooling = TokenPooling::new(interface.attention_mask.as_ref().map(|mask| mask.name.clone()));
            let pooled: Vec<Value> = self.pools.iter().filter_map(|pool| pooling.add(b, *pool, &tokens)).collect();
            let mut vector = match pooled.as_slice() {
                [only] => only.clone(),
                several => b.concat(&several.iter().collect::<Vec<_>>(), 1),
            };
            for step in &self.steps {
                vector = step.add(b, &vector, weights)?;
            }
            Ok::<_, OnnxError>(vector)
        })?;
        proto.graph = Some(b.finish());
        let mut model = Model::from_proto(proto)?;
        model.set_metadata(metadata::PUBLISHED, Some(vector.name()));
        Ok(model)
    }
}

impl PublishedStep {
    fn add(&self, b: &mut GraphBuilder, x: &Value, weights: &Weights) -> Result<Value, OnnxError> {
        Ok(match self {
            Self::Dense(dense) => dense.add(b, x, weights)?,
            Self::Normalize => normalised(b, x),
            Self::Truncate(features) => {
                let [start, end, axis] = [0, i64::try_from(*features).unwrap_or(i64::MAX), 1].map(|n| b.integers(&[n]));
                b.slice(x, &start, &end, &axis)
            }
        })
    }
}

impl DensePublished {
    fn add(&self, b: &mut GraphBuilder, x: &Value, weights: &Weights) -> Result<Value, OnnxError> {
        let mut parameter = |part: &str, shape: &[usize]| -> Result<Value, OnnxError> {
            let name = format!("{}.{part}", self.name);
            let values = weights.get(&name, shape)?;
            Ok(b.initializer(TensorProto::from_f32(&format!("published.{name}"), shape, values)))
        };
        let weight = parameter("weight", &[self.outputs, self.inputs])?;
        let bias = if self.bias { Some(parameter("bias", &[self.outputs])?) } else { None };
        let y = match bias {
            Some(bias) => b.linear(x, &weight, &bias),
            None => b.node("Gemm", &[x, &weight], vec![attribute::int("transB", 1)]),
        };
        let y = match self.activation {
            DenseActivation::Identity => y,
            DenseActivation::Tanh => b.tanh(&y),
            DenseActivation::Sigmoid => b.sigmoid(&y),
            DenseActivation::Relu => b.relu(&y),
            DenseActivation::Gelu => Activation::Gelu.build(b, &y),
            DenseActivation::Silu => Activation::Silu.build(b, &y),
        };
        Ok(if self.residual { b.add(&y, x) } else { y })
    }
}
