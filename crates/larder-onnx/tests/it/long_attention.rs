//! Attention in blocks beside the plain graph.

use larder_onnx::{Interface, Model, families};

use crate::families::{FAMILIES, config, hidden_states, model, weights};
use crate::support::*;

/// As the goldens of the families: values of order one, sums in another order.
const CLOSE: f32 = 1e-5;

/// One text without padding, of ids that every golden's vocabulary has.
fn text(seq: usize, rows: usize) -> Batch {
    let input_ids = (0..rows * seq).map(|at| (at as i64 * 37 + 11) % 100).collect();
    Batch { rows, seq, input_ids, attention_mask: vec![1; rows * seq], token_type_ids: vec![0; rows * seq] }
}

/// The model with all its hidden states as outputs, plain and in blocks.
fn both(model: &Model) -> Option<(Model, Model, Interface, Vec<String>)> {
    let names = hidden_states(model);
    let interface = Interface::recognise(model).expect("a built model is recognised");
    let plain = model.clone().pruned(&names.iter().map(String::as_str).collect::<Vec<_>>()).expect("they are there");
    let blocks = plain.with_attention_in_blocks(&interface).expect("it is well formed")?;
    Some((plain, blocks, interface, names))
}

fn assert_same(name: &str, model: &Model, lengths: &[usize]) {
    let (plain, blocks, interface, names) = both(model).expect("it can be had in blocks");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let count = |model: &Model, op: &str| model.graph().node.iter().filter(|node| node.op_type() == op).count();
    assert!(count(&plain, "Softmax") > 0 && count(&plain, "MultiHeadAttention") == 0);
    let (mut plain, mut blocks) = (session(&plain), session(&blocks));
    for &seq in lengths {
        let batch = text(seq, if seq < 100 { 2 } else { 1 });
        let expected = run_session(&mut plain, &interface, &batch, &names);
        let found = run_session(&mut blocks, &interface, &batch, &names);
        for (layer, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_close(&format!("{name}, {seq} tokens, layer {layer}"), floats(found), floats(expected), CLOSE);
        }
    }
}

#[test]
fn every_family_gives_the_same_in_blocks() {
    for family in FAMILIES {
        let model = model(*family);
        let most = config(*family).max_positions();
        let lengths: Vec<usize> = [1, 2, 7, 19, most].into_iter().filter(|&seq| seq <= most).collect();
        match config(*family).family.to_string().as_str() {
            // Their scores depend on distances.
            "mpnet" | "deberta-v2" => assert!(both(&model).is_none()),
            name => assert_same(name, &model, &lengths),
        }
    }
}

/// Texts that end before, at and behind the ends of blocks; windows as wide as a block, narrower and wider.
#[test]
fn near_tokens_are_those_of_the_mask() {
    let short = config(larder_onnx::Family::ModernBert);
    for local_attention in [4, 128, 200] {
        let rotary = short.rotary.map(|rotary| families::Rotary { local_attention, ..rotary });
        let config = larder_onnx::EncoderConfig { max_position_embeddings: 1024, rotary, ..short.clone() };
        let model = larder_onnx::build(&config, &weights(larder_onnx::Family::ModernBert)).expect("can be built");
        let (_, blocks, ..) = both(&model).expect("it can be had in blocks");
        let layers = config.num_hidden_layers;
        let local = (0..layers).filter(|&layer| rotary.expect("is rotary").is_local(layer)).count();
        let count = |op: &str| blocks.graph().node.iter().filter(|node| node.op_type() == op).count();
        assert_eq!((count("MultiHeadAttention"), count("Softmax")), (layers - local, local));
        assert!(local > 0 && local < layers);
        assert_same(&format!("{local_attention} near"), &model, &[1, 63, 64, 65, 127, 128, 129, 300, 640, 1000]);
    }
}

/// Whoever built it: scores are not the same without a mask where something else is added to them.
#[test]
fn other_graphs_stay_as_they_are() {
    let mut foreign = model(larder_onnx::Family::Roberta);
    foreign.set_metadata(families::metadata::FAMILY, None);
    let interface = Interface::recognise(&foreign).expect("is recognised");
    assert!(foreign.with_attention_in_blocks(&interface).expect("is well formed").is_none());
}
