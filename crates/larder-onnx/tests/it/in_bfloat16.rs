//! Every family's graph with larder's own operators, against PyTorch's float32.

use larder_kernels::operators::{ATTENTION, DOMAIN, GEMM, LAYER_NORMALIZATION};
use larder_onnx::{Family, Interface, Model};

use crate::families::{FAMILIES, config, model, outputs, real_tokens};
use crate::support::*;

/// Operands have 8 significant bits: a product of values of order one is off by 2⁻⁹ of them at random, and a token's vector behind a
/// few layers by less than a hundredth of its length. What is wrong is off by its length.
const SMALLEST_COSINE: f64 = 0.9998;

/// Families whose attention depends on nothing but which tokens there are.
const PLAIN_ATTENTION: &[Family] = &[
    Family::Albert,
    Family::DistilBert,
    Family::Electra,
    Family::Roberta,
    Family::XlmRoberta,
    Family::Ernie,
    Family::Data2VecText,
    Family::RobertaPreLayerNorm,
];

fn in_bfloat16(model: &Model) -> Model {
    let interface = Interface::recognise(model).expect("a built model is recognised");
    let (converted, products) = model.in_bfloat16(&interface).expect("a built model is well formed");
    assert!(products > 0);
    converted
}

fn count(model: &Model, op_type: &str) -> usize {
    model.graph().node.iter().filter(|node| node.op_type() == op_type && node.domain() == DOMAIN).count()
}

#[test]
fn every_layer_of_every_family_is_that_of_pytorch_but_for_rounding() {
    for &family in FAMILIES {
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let (shape, expected) = golden.floats("hidden_states");
        let (layers, hidden) = (shape[0], shape[3]);
        let (exact, batch) = (model(family), golden.batch());
        let found = outputs(&in_bfloat16(&exact), &batch);
        let size = shape[1..].iter().product();
        let mut furthest = 0.0_f32;
        for (layer, (found, expected)) in found.iter().zip(expected.chunks(size)).take(layers).enumerate() {
            let [found, expected] = [found, expected].map(|state| real_tokens(state, &batch, hidden));
            for (found, expected) in found.chunks(hidden).zip(expected.chunks(hidden)) {
                let cosine = cosine(found, expected);
                assert!(cosine >= SMALLEST_COSINE, "{family}, layer {layer}: cosine {cosine}");
                furthest = found.iter().zip(expected).fold(furthest, |most, (a, b)| most.max((a - b).abs()));
            }
        }
        // Float32 is nearer than this: these products were rounded.
        assert!(furthest > 1e-4, "{family}: {furthest:e}");
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[test]
fn a_layer_is_four_products_an_attention_and_two_normalisations() {
    for &family in PLAIN_ATTENTION {
        let layers = config(family).num_hidden_layers;
        let converted = in_bfloat16(&model(family));
        let counts = [GEMM, ATTENTION, LAYER_NORMALIZATION].map(|op_type| count(&converted, op_type));
        // What a normalisation in front of a block reads, others read too, but for the last one: the product adds the residual.
        let normalisations = if family == Family::RobertaPreLayerNorm { 1 } else { 2 * layers };
        let others = counts[0] - 4 * layers;
        assert_eq!(counts[1..], [layers, normalisations], "{family}");
        assert!(others <= 2, "{family}: a pooler's product and one behind the embeddings at most, not {others}");
        let left = |op_type: &str| converted.graph().node.iter().filter(|node| node.is_op(op_type)).count();
        assert_eq!([left("Softmax"), left("Erf"), left("Gemm"), left("MatMul")], [0; 4], "{family}");
    }
}

#[test]
fn padding_and_the_batch_change_nothing() {
    let converted = in_bfloat16(&model(Family::Roberta));
    let golden = golden("roberta/outputs.safetensors");
    let (batch, hidden) = (golden.batch(), config(Family::Roberta).hidden_size);
    let states = config(Family::Roberta).num_hidden_layers + 1;
    let together = outputs(&converted, &batch);
    for row in 0..batch.rows {
        let alone = outputs(&converted, &batch.row(row));
        let start = row * batch.seq * hidden;
        for (layer, (alone, together)) in alone.iter().zip(&together).take(states).enumerate() {
            // Padding adds zeros to sums that have the same order: not a bit may change.
            assert_eq!(alone[..], together[start..start + alone.len()], "layer {layer} of row {row}");
        }
    }
}
