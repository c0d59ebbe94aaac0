//! Models damaged at random, a few thousand of them, the same each time: reading, recognising and cutting them must end
//! in a model or in an error, never in a panic, and must not ask for memory that the file does not back.

use std::path::PathBuf;

use larder_onnx::proto::ModelProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, FeatureKind, FeatureOutput, Interface, Model, Pool, select_features, value_info};
use prost::Message;

use crate::support::{data, repository};

/// A generator of 64-bit numbers that needs no crate: xorshift* (Vigna, 2016, <https://doi.org/10.1145/2845077>).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Everything that larder does with a file before the runtime sees it.
fn read(bytes: &[u8]) -> bool {
    let Ok(model) = Model::from_bytes(bytes.to_vec()) else { return false };
    let file = std::path::Path::new("/nonexistent/model.onnx");
    let Ok((model, _)) = model.with_external_data(file) else { return false };
    let Ok(interface) = Interface::recognise(&model) else { return false };
    let _ = interface.layer_candidates(&model);
    for (kind, layer) in [
        (FeatureKind::Tokens, 0),
        (FeatureKind::Pooled(Pool::Mean), 1),
        (FeatureKind::Pooled(Pool::Pooler), interface.last_layer()),
    ] {
        if let Ok(selected) = select_features(&model, &interface, &[FeatureOutput::new(layer, kind)]) {
            let _ = selected.to_bytes();
        }
    }
    for tensor in &model.graph().initializer {
        let _ = (tensor.floats().is_ok(), tensor.integers().is_ok());
    }
    true
}

/// Where the graph's structure is: between the large constants, which damage only numbers.
fn damaged(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1 + random.below(4) {
        let place = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(place.max(1)),
            1 => bytes[place] ^= 1 << random.below(8),
            // A varint's largest bytes: lengths, sizes and types become huge or negative.
            2 => {
                let end = (place + 9).min(bytes.len());
                bytes[place..end].fill(0xff);
            }
            3 => {
                let end = (place + 1 + random.below(64)).min(bytes.len());
                bytes.drain(place..end);
            }
            4 => {
                let (from, length) = (random.below(bytes.len()), 1 + random.below(64));
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(place..place, piece);
            }
            _ => bytes[place] = random.next() as u8,
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Other wiring, sizes and types in a message that is whole.
fn rewired(whole: &ModelProto, random: &mut Random) -> Vec<u8> {
    let mut model = whole.clone();
    let Some(graph) = &mut model.graph else { return Vec::new() };
    let names: Vec<String> =
        graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output)).cloned().collect();
    for _ in 0..1 + random.below(3) {
        let name = names.get(random.below(names.len())).cloned().unwrap_or_default();
        let size = [-1, 0, 1, 2, 3, 1 << 20, 1 << 40, i64::MAX, i64::MIN][random.below(9)];
        let (nodes, tensors, inputs) = (graph.node.len(), graph.initializer.len(), graph.input.len());
        match random.below(9) {
            0 => {
                let node = &mut graph.node[random.below(nodes)];
                let place = random.below(node.input.len());
                node.input.get_mut(place).into_iter().for_each(|input| input.clone_from(&name));
            }
            1 => {
                let node = &mut graph.node[random.below(nodes)];
                node.output.first_mut().into_iter().for_each(|output| output.clone_from(&name));
            }
            2 => {
                let other = graph.node[random.below(nodes)].op_type.clone();
                graph.node[random.below(nodes)].op_type = other;
            }
            3 => drop(graph.node.remove(random.below(nodes))),
            4 if tensors > 0 => {
                let tensor = &mut graph.initializer[random.below(tensors)];
                let place = random.below(tensor.dims.len());
                tensor.dims.get_mut(place).into_iter().for_each(|dim| *dim = size);
            }
            5 if tensors > 0 => graph.initializer[random.below(tensors)].data_type = Some(random.below(40) as i32),
            6 if inputs > 0 => {
                let axes: Vec<Axis> = (0..random.below(4)).map(|_| Axis::Fixed(size.max(0) as usize)).collect();
                let input = &mut graph.input[random.below(inputs)];
                *input = value_info(input.name(), DataType::Int64, &axes);
            }
            7 => {
                let node = &mut graph.node[random.below(nodes)];
                node.input.truncate(random.below(3));
            }
            _ => {
                let output = random.below(graph.output.len());
                graph.output[output].name = Some(name);
            }
        }
    }
    model.encode_to_vec()
}

fn fixtures() -> Vec<PathBuf> {
    let exports = repository().join("tests/exports");
    let mut files: Vec<PathBuf> = ["albert_ts_eager", "bert_dynamo_nameless", "bert_dynamo_only_mean_normalized"]
        .map(|name| exports.join(name).join("model.onnx"))
        .into();
    files.extend(["torchscript.onnx", "oddly_named.onnx", "every_field.onnx"].map(data));
    files
}

#[test]
fn damaged_models_are_errors_or_models() {
    const EACH: usize = 250;
    let (mut taken, mut tried) = (0, 0);
    for (number, path) in fixtures().iter().enumerate() {
        let whole = std::fs::read(path).expect("is checked in");
        let mut random = Random(0x9e37_79b9_7f4a_7c15 + number as u64);
        for _ in 0..EACH {
            tried += 1;
            taken += usize::from(read(&damaged(&whole, &mut random)));
        }
        let model = Model::from_bytes(whole.clone()).map(Model::into_proto);
        for _ in 0..model.as_ref().map_or(0, |_| EACH) {
            tried += 1;
            taken += model.as_ref().map_or(0, |model| usize::from(read(&rewired(model, &mut random))));
        }
    }
    // If hardly any were taken, or hardly any refused, the damage would miss what it is for.
    assert!(taken > tried / 10 && taken < tried * 9 / 10, "{taken} of {tried}");
}

#[test]
fn every_beginning_of_a_model_is_an_error_or_a_model() {
    let whole = std::fs::read(data("oddly_named.onnx")).expect("is checked in");
    let mut random = Random(7);
    for _ in 0..1000 {
        read(&whole[..random.below(whole.len())]);
    }
    assert!(read(&whole));
}

#[test]
fn graphs_inside_graphs_end_somewhere() {
    use larder_onnx::proto::attribute_proto::AttributeType;
    use larder_onnx::proto::{AttributeProto, GraphProto, NodeProto, ValueInfoProto};
    let nested = |depth: usize| {
        let mut graph = GraphProto::default();
        for _ in 0..depth {
            let inner = AttributeProto {
                name: Some("body".to_owned()),
                r#type: Some(AttributeType::Graph as i32),
                g: Some(graph),
                ..Default::default()
            };
            graph = GraphProto {
                node: vec![NodeProto {
                    op_type: Some("Loop".to_owned()),
                    output: vec!["y".to_owned()],
                    attribute: vec![inner],
                    ..Default::default()
                }],
                output: vec![ValueInfoProto { name: Some("y".to_owned()), ..Default::default() }],
                ..Default::default()
            };
        }
        graph
    };
    let bytes = |depth| Model::from_graph(nested(depth), 17).expect("hangs together").to_bytes().expect("is small");
    assert!(Model::from_bytes(bytes(20)).is_ok());
    let message = Model::from_bytes(bytes(60)).expect_err("too deep").to_string();
    assert!(message.contains("not an ONNX model"), "{message}");
}
