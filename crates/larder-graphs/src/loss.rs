//! Losses, as pieces of a graph.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{GraphBuilder, TensorProto, Value, attribute};
use serde::Serialize;

/// The label of rows that are not counted, as PyTorch has it: padding, special tokens, and all sub-tokens of a word but the
/// first.
pub const IGNORED_LABEL: i64 = -100;

/// A loss on the outputs of a head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Loss {
    /// Softmax cross-entropy over classes.
    ///
    /// Logits float `[rows, classes]`, labels int64 `[rows]`. With `w` the class weights, `ε` the smoothing and `C` the
    /// number of classes, as `torch.nn.functional.cross_entropy` has it:
    ///
    /// `Σ ((1 - ε) w[y] · -ln p[y] + ε/C Σ_c w[c] · -ln p[c]) / Σ w[y]`, both outer sums over the rows counted.
    ///
    /// A label below 0 ([`IGNORED_LABEL`]), or no class's, leaves its row out of both; without any row left the loss is 0.
    CrossEntropy {
        /// One weight a class; `None` weighs all alike.
        class_weights: Option<Vec<f32>>,
        /// The share of every label that is spread over all classes, from 0 to below 1 (Szegedy et al., 2015,
        /// <https://arxiv.org/abs/1512.00567>).
        label_smoothing: f32,
    },
    /// Logistic cross-entropy of independent yes and no.
    ///
    /// Logits and labels float of one shape, labels from 0 to 1. The mean of `p y · ln(1 + e⁻ˣ) + (1 - y) · ln(1 + eˣ)`.
    BinaryCrossEntropy {
        /// `p`: what a yes weighs beside a no; 1 weighs both alike.
        positive_weight: f32,
    },
    /// The mean of `(x - y)²`; outputs and labels float of one shape.
    MeanSquaredError,
}

/// A loss in a graph.
#[derive(Clone, Debug)]
pub struct BuiltLoss {
    /// Float32 `[]`.
    pub loss: Value,
    /// Float32 `[]`: what the sum was divided by: the rows counted (for cross-entropy each with its label's weight), or the
    /// number of elements. Batches that are taken together are weighed by it.
    pub counted: Value,
}

impl Loss {
    /// Adds the loss of `logits`, float32 and of `classes` columns for [`Loss::CrossEntropy`], against `labels`.
    pub fn build(&self, b: &mut GraphBuilder, logits: &Value, labels: &Value, classes: usize) -> BuiltLoss {
        match self {
            Self::CrossEntropy { class_weights, label_smoothing } => {
                cross_entropy(b, logits, labels, classes, class_weights.as_deref(), *label_smoothing)
            }
            Self::BinaryCrossEntropy { positive_weight } => binary(b, logits, labels, *positive_weight),
            Self::MeanSquaredError => {
                let difference = b.sub(logits, labels);
                let square = b.mul(&difference, &difference);
                mean(b, &square)
            }
        }
    }
}

fn cross_entropy(
    b: &mut GraphBuilder,
    logits: &Value,
    labels: &Value,
    classes: usize,
    class_weights: Option<&[f32]>,
    smoothing: f32,
) -> BuiltLoss {
    // A class's number is below 2^63.
    let numbers: Vec<i64> = (0..classes as i64).collect();
    let numbers = b.initializer(TensorProto::from_i64("loss.classes", &[classes], &numbers));
    let labels = b.unsqueeze(labels, &[1]);
    // `Equal` has no CUDA kernel in newer operator sets.
    let (less, more) = (b.node("Less", &[&labels, &numbers], vec![]), b.node("Greater", &[&labels, &numbers], vec![]));
    let other = b.node("Or", &[&less, &more], vec![]);
    let is_label = b.not(&other);
    let is_label = b.cast(&is_label, DataType::Float);

    let weights = class_weights
        .map(|weights| b.initializer(TensorProto::from_f32("loss.class_weights", &[weights.len()], weights)));
    let weighted = weights.as_ref().map_or_else(|| is_label.clone(), |weights| b.mul(&is_label, weights));
    let mut target = weighted.clone();
    if smoothing > 0.0 {
        let (kept, spread) = (f64::from(1.0 - smoothing), f64::from(smoothing) / classes as f64);
        let (kept, spread) = (b.scalar("label_kept", kept as f32), b.scalar("label_spread", spread as f32));
        let is_counted = b.reduce_sum(&is_label, &[1], true);
        let spread = weights.as_ref().map_or_else(|| spread.clone(), |weights| b.mul(weights, &spread));
        let everywhere = b.mul(&is_counted, &spread);
        let label = b.mul(&weighted, &kept);
        target = b.add(&label, &everywhere);
    }
    let log = b.node("LogSoftmax", &[logits], vec![attribute::int("axis", -1)]);
    let product = b.mul(&target, &log);
    let sum = b.reduce_sum(&product, &[0, 1], false);
    let sum = b.node("Neg", &[&sum], vec![]);
    let counted = b.reduce_sum(&weighted, &[0, 1], false);
    let least = b.scalar("least_count", f32::MIN_POSITIVE);
    let divisor = b.max(&counted, &least);
    BuiltLoss { loss: b.div(&sum, &divisor), counted }
}

fn binary(b: &mut GraphBuilder, logits: &Value, labels: &Value, positive_weight: f32) -> BuiltLoss {
    let one = b.scalar("one", 1.0);
    let negated = b.node("Neg", &[logits], vec![]);
    let (missed, raised) = (b.node("Softplus", &[&negated], vec![]), b.node("Softplus", &[logits], vec![]));
    let mut missed = b.mul(labels, &missed);
    if positive_weight != 1.0 {
        let weight = b.scalar("positive_weight", positive_weight);
        missed = b.mul(&missed, &weight);
    }
    let no = b.sub(&one, labels);
    let raised = b.mul(&no, &raised);
    let each = b.add(&missed, &raised);
    mean(b, &each)
}

/// The mean over all elements.
fn mean(b: &mut GraphBuilder, each: &Value) -> BuiltLoss {
    let whole = || vec![attribute::int("keepdims", 0)];
    let sum = b.node("ReduceSum", &[each], whole());
    // How many there are: not by `Size`, which has no CUDA kernel in newer operator sets.
    let (shape, one) = (b.node("Shape", &[each], vec![]), b.scalar("one", 1.0));
    let ones = b.node("Expand", &[&one, &shape], vec![]);
    let counted = b.node("ReduceSum", &[&ones], whole());
    BuiltLoss { loss: b.div(&sum, &counted), counted }
}
