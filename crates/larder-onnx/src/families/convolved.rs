//! The convolution beside the first layer of DeBERTa-v2-xlarge and others (`ConvLayer` of the authors' code and of `transformers`): each
//! token's embedding with those of its two neighbours, added to what the layer makes of it.

use super::convolution::WIDTH;
use super::layout::ConvolutionNames;
use super::modules::norm;
use super::{Activation, EncoderConfig};
use crate::builder::{GraphBuilder, Value};
use crate::proto::tensor_proto::DataType;

/// `LN(layer + act(W · [x₋₁, x, x₊₁] + b))` for each token, with `x` the embeddings, `[batch, seq, hidden]`, zero where there is padding
/// or no token; `layer` is the first layer's output, `[batch · seq, hidden]`, as the result is.
pub(super) fn convolution(
    b: &mut GraphBuilder,
    config: &EncoderConfig,
    names: &ConvolutionNames,
    activation: Activation,
    [embedded, layer]: [&Value; 2],
    attention_mask: &Value,
) -> Value {
    let mask = b.cast(attention_mask, DataType::Float);
    let mask = b.unsqueeze(&mask, &[2]);
    let tokens = b.mul(embedded, &mask);
    let length = b.shape(attention_mask, 1, 2);
    let [zero, one, end] = [0, 1, i64::MAX].map(|n| b.integers(&[n]));
    // A place more in front or behind, and as many fewer on the other side.
    let [in_front, behind] = [[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]].map(|widths| {
        let widths = b.integers(&widths);
        b.node("Pad", &[&tokens, &widths], vec![])
    });
    let before = b.slice(&in_front, &zero, &length, &one);
    let after = b.slice(&behind, &one, &end, &one);
    let three = b.concat(&[&before, &tokens, &after], 2);
    let hidden = config.hidden_size as i64;
    let flat = b.integers(&[-1, WIDTH as i64 * hidden]);
    let three = b.reshape(&three, &flat);
    // `[out, in, width]`, as published, to `[out, width · in]`.
    let [weight, bias] = ["weight", "bias"].map(|part| Value::named(&format!("{}.{part}", names.product)));
    let weight = b.transpose(&weight, &[0, 2, 1]);
    let weight = b.reshape(&weight, &flat);
    let product = b.linear(&three, &weight, &bias);
    let active = activation.build(b, &product);
    let sum = b.add(layer, &active);
    norm(b, names.norm, &sum, config)
}
