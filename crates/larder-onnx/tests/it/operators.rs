//! Every family's graph with larder's own operators, against PyTorch's float32 and against the runtime's 8-bit products.

use larder_kernels::operators::{ATTENTION, DOMAIN, GEMM, LAYER_NORMALIZATION, QUANTISED_GEMM};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, Family, GraphBuilder, Interface, Model, OperatorForm, TensorProto, attribute};
use larder_runtime::TensorView;

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
    with_operators(model, OperatorForm::Bfloat16)
}

fn with_operators(model: &Model, form: OperatorForm) -> Model {
    let interface = Interface::recognise(model).expect("a built model is recognised");
    let (converted, products) = model.with_operators(&interface, form).expect("a built model is well formed");
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
fn in_float32_every_layer_of_every_family_is_that_of_pytorch() {
    for &family in FAMILIES {
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let (shape, expected) = golden.floats("hidden_states");
        let (layers, hidden) = (shape[0], shape[3]);
        let (exact, batch) = (model(family), golden.batch());
        let interface = Interface::recognise(&exact).expect("a built model is recognised");
        let (converted, replaced) =
            exact.with_operators(&interface, OperatorForm::Float32).expect("a built model is well formed");
        let found = outputs(&converted, &batch);
        let size = shape[1..].iter().product();
        for (layer, (found, expected)) in found.iter().zip(expected.chunks(size)).take(layers).enumerate() {
            let [found, expected] = [found, expected].map(|state| real_tokens(state, &batch, hidden));
            let furthest = found.iter().zip(&expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(furthest <= TOLERANCE, "{family}, layer {layer}: {furthest:e}");
        }
        if PLAIN_ATTENTION.contains(&family) {
            let layers = config(family).num_hidden_layers;
            assert!(replaced > layers, "{family}");
            let left = |op_type: &str| converted.graph().node.iter().filter(|node| node.is_op(op_type)).count();
            assert_eq!([left("Softmax"), left("MatMul"), count(&converted, GEMM)], [0; 3], "{family}");
            assert_eq!(count(&converted, ATTENTION), layers, "{family}");
            assert!(count(&converted, LAYER_NORMALIZATION) > 0, "{family}");
            assert!(left("Gemm") >= 4 * layers, "{family}: products are the runtime's");
        }
    }
}

#[test]
fn quantised_graphs_of_every_family_keep_their_products() {
    for &family in FAMILIES {
        let (quantised, products) = model(family).quantised().expect("is built");
        let interface = Interface::recognise(&quantised).expect("a built model is recognised");
        let converted = quantised.with_operators(&interface, OperatorForm::Int8).expect("is well formed");
        let (converted, found) = converted;
        let of_constants = products - found;
        // Those of tables with weights, as of DeBERTa's distances, are computed when a session is opened.
        assert!(family == Family::DebertaV2 || of_constants == 0, "{family}: {found} of {products} products");
        let nodes = &converted.graph().node;
        let left = |op_type: &str| nodes.iter().filter(|node| node.op_type() == op_type).count();
        assert_eq!([left("MatMulIntegerToFloat"), left("QuantizeLinear"), left("ReduceMin")], [0; 3], "{family}");
        if PLAIN_ATTENTION.contains(&family) {
            let layers = config(family).num_hidden_layers;
            assert_eq!(count(&converted, QUANTISED_GEMM), products - 2 * layers, "{family}: three are one");
            assert_eq!(count(&converted, ATTENTION), layers, "{family}");
            assert_eq!([left("Softmax"), left("Erf"), left("MatMul")], [0; 3], "{family}");
        }
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let (batch, hidden) = (golden.batch(), config(family).hidden_size);
        let (expected, found) = (outputs(&quantised, &batch), outputs(&converted, &batch));
        for (layer, (expected, found)) in expected.iter().zip(&found).take(layers_of(family)).enumerate() {
            let [expected, found] = [expected, found].map(|state| real_tokens(state, &batch, hidden));
            for (found, expected) in found.chunks(hidden).zip(expected.chunks(hidden)) {
                // A last bit that decides between two levels is worth one of them.
                let cosine = cosine(found, expected);
                assert!(cosine >= 0.9999, "{family}, layer {layer}: cosine {cosine}");
            }
        }
    }
}

/// States of a model's layers, that of the embeddings included.
fn layers_of(family: Family) -> usize {
    config(family).num_hidden_layers + 1
}

/// One product by itself has the bits of the runtime's nodes: the same integers, scaled in the same order.
#[test]
fn a_quantised_product_has_the_bits_of_the_graph_as_given() {
    const SIZE: [usize; 3] = [37, 70, 45];
    let [rows, inputs, features] = SIZE;
    let mut state = 1_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    for has_bias in [true, false] {
        let weight: Vec<f32> = (0..inputs * features).map(|_| value()).collect();
        let bias: Vec<f32> = (0..features).map(|_| value()).collect();
        let mut b = GraphBuilder::new("product", 17);
        let x = b.input("x", DataType::Float, &[Axis::symbol("rows"), Axis::Fixed(inputs)]);
        let weight = b.initializer(TensorProto::from_f32("weight", &[features, inputs], &weight));
        let bias = b.initializer(TensorProto::from_f32("bias", &[features], &bias));
        let operands = if has_bias { vec![&x, &weight, &bias] } else { vec![&x, &weight] };
        let product = b.node("Gemm", &operands, vec![attribute::int("transB", 1)]);
        b.output(&product, "y", DataType::Float, &[Axis::symbol("rows"), Axis::Fixed(features)]);
        let plain = Model::from_graph(b.finish(), 17).expect("hangs together");
        let (quantised, products) = plain.quantised().expect("is well formed");
        let interface = Interface::recognise(&model(Family::Roberta)).expect("a built model is recognised");
        let (converted, found) = quantised.with_operators(&interface, OperatorForm::Int8).expect("is well formed");
        assert_eq!((products, found, converted.graph().node.len()), (1, 1, 1));
        let mut values: Vec<f32> = (0..rows * inputs).map(|_| value()).collect();
        values[3 * inputs..4 * inputs].fill(0.0);
        values[5 * inputs..6 * inputs].iter_mut().for_each(|value| *value *= 1e-20);
        values[6 * inputs..7 * inputs].iter_mut().for_each(|value| *value *= 1e20);
        let [expected, found] = [&quantised, &converted].map(|model| {
            let run = session(model).run(&[("x", TensorView::f32(&[rows, inputs], &values))], &["y"]);
            floats(&run.expect("runs")[0]).iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "bias {has_bias}");
    }
}

#[test]
fn padding_and_the_batch_change_nothing() {
    padding_and_the_batch_change_nothing_in(&in_bfloat16(&model(Family::Roberta)));
}

#[test]
fn padding_and_the_batch_change_nothing_in_8_bits() {
    let (quantised, _) = model(Family::Roberta).quantised().expect("is built");
    padding_and_the_batch_change_nothing_in(&with_operators(&quantised, OperatorForm::Int8));
}

fn padding_and_the_batch_change_nothing_in(converted: &Model) {
    let golden = golden("roberta/outputs.safetensors");
    let (batch, hidden) = (golden.batch(), config(Family::Roberta).hidden_size);
    let states = config(Family::Roberta).num_hidden_layers + 1;
    let together = outputs(converted, &batch);
    for row in 0..batch.rows {
        let alone = outputs(converted, &batch.row(row));
        let start = row * batch.seq * hidden;
        for (layer, (alone, together)) in alone.iter().zip(&together).take(states).enumerate() {
            // Padding adds zeros to sums that have the same order: not a bit may change.
            assert_eq!(alone[..], together[start..start + alone.len()], "layer {layer} of row {row}");
        }
    }
}
