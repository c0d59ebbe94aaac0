//! AdamW as a graph.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, TensorProto, Value};
use serde::{Deserialize, Serialize};

use crate::{GraphsError, check_kernels};

/// The settings of AdamW (Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>) that hold for a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// Decay of the first moment: the share kept at each step.
    pub beta1: f64,
    /// Decay of the second moment: the share kept at each step.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamW {
    /// 0.9, 0.999 and 1e-8: PyTorch's, and those of BERT's publication but for the last, which has 1e-6.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Added to the norm that gradients are clipped by, as PyTorch's `clip_grad_norm_` does.
pub const CLIP_EPSILON: f64 = 1e-6;

/// Makes a model of one AdamW step, over the parameters of each group laid out as one vector; in operators of ONNX
/// alone.
///
/// Takes float32 scalars `[]`: `step`, from 1; `max_norm`, and `gradient_scale`, which gradients are multiplied by before
/// anything else (1 over the loss scale). For each group `g` from 0, with `n_g` elements: the vectors `parameters.g`,
/// `gradients.g`, `m.g`, `v.g` `[n_g]` and the scalars `learning_rate.g`, `weight_decay.g`.
///
/// Gives `gradient_norm` `[]`, over all groups and before clipping, and `new_parameters.g`, `new_m.g`, `new_v.g`. Where the norm
/// is no number, or infinite, all three are what they were: the step is skipped.
///
/// With `c = min(1, max_norm / (norm + 1e-6))` and `g` the gradient times the scale times `c`:
/// `m' = β₁ m + (1 - β₁) g`, `v' = β₂ v + (1 - β₂) g²`,
/// `p' = p (1 - η λ) - η / (1 - β₁ᵗ) · m' / (√v' / √(1 - β₂ᵗ) + ε)`.
///
/// # Errors
/// [`GraphsError::NoKernel`], [`GraphsError::Model`].
pub fn optimizer_model(groups: usize, adam: &AdamW) -> Result<Model, GraphsError> {
    const OPSET: i64 = 17;
    let mut b = GraphBuilder::new("adamw", OPSET);
    let mut scalar = |name: &str| b.input(name, DataType::Float, &[]);
    let (step, max_norm, scale) = (scalar("step"), scalar("max_norm"), scalar("gradient_scale"));
    let groups: Vec<Group> = (0..groups).map(|number| Group::new(&mut b, number)).collect();

    let scaled: Vec<Value> = groups.iter().map(|group| b.mul(&group.gradients, &scale)).collect();
    let squares: Vec<Value> = scaled.iter().map(|gradient| square_sum(&mut b, gradient)).collect();
    let squares: Vec<&Value> = squares.iter().collect();
    let sum = if let [only] = squares.as_slice() { (*only).clone() } else { b.node("Sum", &squares, vec![]) };
    let norm = b.node("Sqrt", &[&sum], vec![]);
    // What is no number is equal to nothing, and infinity is more than the largest number.
    let largest = b.scalar("largest", f32::MAX);
    let finite = b.node("LessOrEqual", &[&norm, &largest], vec![]);
    let (one, epsilon) = (b.scalar("one", 1.0), b.scalar("clip_epsilon", CLIP_EPSILON as f32));
    let divisor = b.add(&norm, &epsilon);
    let clip = b.div(&max_norm, &divisor);
    let clip = b.node("Min", &[&clip, &one], vec![]);

    // In float64: in the first steps 1 - β₂ᵗ is a thousandth, and float32 would leave four digits of it.
    let step = b.cast(&step, DataType::Double);
    let mut double = |name: &str, value: f64| {
        let bytes = value.to_le_bytes().to_vec();
        b.initializer(TensorProto::from_raw(&format!("constant.{name}_float64"), &[], DataType::Double, bytes))
    };
    let (beta1, beta2, whole) = (double("beta1", adam.beta1), double("beta2", adam.beta2), double("one", 1.0));
    let [first, second] = [beta1, beta2].map(|beta| {
        let power = b.pow(&beta, &step);
        b.sub(&whole, &power)
    });
    let second = b.node("Sqrt", &[&second], vec![]);
    let [first, second] = [first, second].map(|correction| b.cast(&correction, DataType::Float));
    let epsilon = b.scalar("epsilon", adam.epsilon as f32);

    for (number, (group, gradient)) in groups.iter().zip(&scaled).enumerate() {
        let gradient = b.mul(gradient, &clip);
        let m = moving(&mut b, "1", adam.beta1, &group.m, &gradient);
        let square = b.mul(&gradient, &gradient);
        let v = moving(&mut b, "2", adam.beta2, &group.v, &square);
        let root = b.node("Sqrt", &[&v], vec![]);
        let root = b.div(&root, &second);
        let root = b.add(&root, &epsilon);
        let update = b.div(&m, &root);
        let rate = b.div(&group.learning_rate, &first);
        let update = b.mul(&update, &rate);
        let decay = b.mul(&group.learning_rate, &group.weight_decay);
        let kept = b.sub(&one, &decay);
        let kept = b.mul(&group.parameters, &kept);
        let parameters = b.sub(&kept, &update);
        for (name, new, old) in
            [("parameters", &parameters, &group.parameters), ("m", &m, &group.m), ("v", &v, &group.v)]
        {
            let chosen = b.node("Where", &[&finite, new, old], vec![]);
            b.output(&chosen, &format!("new_{name}.{number}"), DataType::Float, &[size(number)]);
        }
    }
    b.output(&norm, "gradient_norm", DataType::Float, &[]);
    let model = Model::from_graph(b.finish(), OPSET)?;
    check_kernels(&model)?;
    Ok(model)
}

/// The inputs of one group.
struct Group {
    parameters: Value,
    gradients: Value,
    m: Value,
    v: Value,
    learning_rate: Value,
    weight_decay: Value,
}

impl Group {
    fn new(b: &mut GraphBuilder, number: usize) -> Self {
        let axes = [size(number)];
        let mut input = |name: &str, axes: &[Axis]| b.input(&format!("{name}.{number}"), DataType::Float, axes);
        Self {
            parameters: input("parameters", &axes),
            gradients: input("gradients", &axes),
            m: input("m", &axes),
            v: input("v", &axes),
            learning_rate: input("learning_rate", &[]),
            weight_decay: input("weight_decay", &[]),
        }
    }
}

fn size(group: usize) -> Axis {
    Axis::Symbol(format!("size.{group}"))
}

fn square_sum(b: &mut GraphBuilder, x: &Value) -> Value {
    b.node("ReduceSumSquare", &[x], vec![larder_onnx::attribute::int("keepdims", 0)])
}

/// `β old + (1 - β) new`.
fn moving(b: &mut GraphBuilder, number: &str, beta: f64, old: &Value, new: &Value) -> Value {
    let kept = b.scalar(&format!("beta{number}"), beta as f32);
    let taken = b.scalar(&format!("one_minus_beta{number}"), (1.0 - beta) as f32);
    let (old, new) = (b.mul(old, &kept), b.mul(new, &taken));
    b.add(&old, &new)
}
