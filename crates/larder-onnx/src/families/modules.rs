//! Products and normalisations by the names of their modules.

use super::EncoderConfig;
use crate::attribute;
use crate::builder::{GraphBuilder, Value};

/// The product of that module with `x`, `[rows, in]`.
pub(super) fn linear(b: &mut GraphBuilder, module: &str, x: &Value, has_bias: bool) -> Value {
    let [weight, bias] = parameters(module);
    match has_bias {
        true => b.linear(x, &weight, &bias),
        false => b.node("Gemm", &[x, &weight], vec![attribute::int("transB", 1)]),
    }
}

/// The normalisation of that module.
pub(super) fn norm(b: &mut GraphBuilder, module: &str, x: &Value, config: &EncoderConfig) -> Value {
    let [weight, bias] = parameters(module);
    if config.family.layout().rms {
        // x γ / √(mean x² + ε)
        let squares = b.mul(x, x);
        let mean = b.reduce_mean(&squares, &[-1], true);
        let epsilon = b.scalar("rms_epsilon", config.layer_norm_eps as f32);
        let mean = b.add(&mean, &epsilon);
        let root = b.node("Sqrt", &[&mean], vec![]);
        let unit = b.div(x, &root);
        return b.mul(&unit, &weight);
    }
    let bias = config.biases.norm.then_some(&bias);
    b.layer_normalization(x, &weight, bias, config.layer_norm_eps as f32)
}

fn parameters(module: &str) -> [Value; 2] {
    ["weight", "bias"].map(|part| Value::named(&format!("{module}.{part}")))
}
