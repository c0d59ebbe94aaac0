//! The inputs of an exported graph: `input_ids`, `attention_mask`, `token_type_ids`, int64 `[batch, seq]`, whatever the
//! encoder's graph calls its own.

use std::collections::HashSet;

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{GraphProto, NodeProto, TensorProto};
use larder_onnx::{Axis, GraphBuilder, InputTensor, InputType, Interface, Value, attribute};

/// Token ids.
pub(crate) const INPUT_IDS: &str = "input_ids";
/// 1 for tokens, 0 for padding.
pub(crate) const ATTENTION_MASK: &str = "attention_mask";
/// 0 for the first text, 1 for the second of a pair.
pub(crate) const TOKEN_TYPE_IDS: &str = "token_type_ids";

/// Gives the graph the usual inputs. Unread masks and token types are dropped; positions are computed inside.
pub(crate) fn with_plain_inputs(graph: GraphProto, opset: i64, interface: &Interface) -> GraphProto {
    let mut b = GraphBuilder::from_graph(graph, opset);
    // Rename all first: a foreign graph may call its mask `input_ids`.
    let mut aside = |input: &InputTensor| {
        let name = b.fresh("given");
        (b.rename(&Value::named(&input.name), &name), input.dtype)
    };
    let roles = [
        (INPUT_IDS, Some(&interface.input_ids)),
        (ATTENTION_MASK, interface.attention_mask.as_ref()),
        (TOKEN_TYPE_IDS, interface.token_type_ids.as_ref()),
    ];
    let given: Vec<_> = roles.into_iter().filter_map(|(role, input)| Some((role, aside(input?)))).collect();
    let positions = interface.position_ids.as_ref().map(&mut aside);
    let mut graph = b.finish();
    let read = read_in(&graph);
    // An unread input with an initializer is optional: nobody feeds it.
    let fed = |name: &str| graph.initializer.iter().all(|tensor| tensor.name() != name);
    let gone: HashSet<String> =
        graph.input.iter().map(|input| input.name().to_owned()).filter(|name| fed(name)).collect();
    graph.input.retain(|input| !gone.contains(input.name()));

    let mut b = GraphBuilder::from_graph(graph, opset);
    let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
    for (role, (tensor, dtype)) in given {
        if role != INPUT_IDS && !read.contains(tensor.name()) {
            continue;
        }
        // Also renames an inner tensor with that name.
        let named = b.rename(&tensor, role);
        if dtype != InputType::Int64 {
            let inner = b.fresh("given");
            b.rename(&named, &inner);
            b.push(cast(role, &inner, dtype));
        }
        b.input(role, DataType::Int64, &axes);
    }
    if let Some((tensor, dtype)) = positions.filter(|(tensor, _)| read.contains(tensor.name())) {
        let counted = b.fresh("positions");
        let positions = positions_from(&mut b, interface.first_position);
        b.rename(&positions, &counted);
        b.push(cast(&counted, tensor.name(), dtype));
    }
    b.finish()
}

/// Returns the positions `first`, `first + 1`, ... in each row: int64 `[batch, seq]`.
fn positions_from(b: &mut GraphBuilder, first: usize) -> Value {
    let shape = b.node("Shape", &[&Value::named(INPUT_IDS)], vec![]);
    let one = attribute::tensor("value", TensorProto::from_i64("", &[1], &[1]));
    let ones = b.node("ConstantOfShape", &[&shape], vec![one]);
    let counted = b.cumulative_sum(&ones, 1);
    // The cumulative sum starts at 1.
    let before = b.integer(first as i64 - 1);
    b.add(&counted, &before)
}

fn cast(from: &str, to: &str, dtype: InputType) -> NodeProto {
    let dtype = match dtype {
        InputType::Int64 => DataType::Int64,
        InputType::Int32 => DataType::Int32,
        InputType::Float32 => DataType::Float,
        InputType::Float16 => DataType::Float16,
        InputType::Bool => DataType::Bool,
    };
    NodeProto {
        name: Some(format!("{to}.Cast")),
        op_type: Some("Cast".to_owned()),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![attribute::int("to", i64::from(dtype as i32))],
        ..Default::default()
    }
}

/// Returns the names of all tensors that nodes read, in nested graphs too.
fn read_in(graph: &GraphProto) -> HashSet<String> {
    let mut read = HashSet::new();
    for node in &graph.node {
        read.extend(node.input.iter().cloned());
        for attribute in &node.attribute {
            attribute.g.iter().chain(&attribute.graphs).for_each(|inner| read.extend(read_in(inner)));
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use larder_onnx::Model;
    use larder_runtime::{Device, Runtime, Session, SessionSettings, TensorView};

    use super::*;

    fn input(name: &str, dtype: InputType) -> InputTensor {
        InputTensor { name: name.to_owned(), dtype, batch: None, seq: None }
    }

    /// Every input has another's usual name, or another type; there is a tensor inside that is called as an input will be.
    fn foreign() -> (GraphProto, Interface) {
        let mut b = GraphBuilder::new("foreign", 17);
        let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
        let ids = b.input("attention_mask", DataType::Int32, &axes);
        let mask = b.input("input_ids", DataType::Bool, &axes);
        let positions = b.input("token_type_ids", DataType::Int64, &axes);
        b.input("unread", DataType::Float, &axes);
        let ids = b.cast(&ids, DataType::Float);
        let mask = b.cast(&mask, DataType::Float);
        let inner = b.cast(&positions, DataType::Float);
        let inner = b.rename(&inner, "positions_as_floats");
        let masked = b.mul(&ids, &mask);
        let sum = b.add(&masked, &inner);
        b.output(&sum, "sum", DataType::Float, &axes);
        let interface = Interface {
            input_ids: input("attention_mask", InputType::Int32),
            attention_mask: Some(input("input_ids", InputType::Bool)),
            token_type_ids: None,
            position_ids: Some(input("token_type_ids", InputType::Int64)),
            first_position: 2,
            unread: vec![input("unread", InputType::Float32)],
            token_output: None,
            pooled_outputs: Vec::new(),
            other_outputs: Vec::new(),
            vocabulary_size: 100,
            hidden_size: 1,
            pooled_size: None,
            position_rows: None,
            type_rows: None,
            layers: None,
            hidden_states: Vec::new(),
            hidden_states_flat: false,
            hidden_states_problem: None,
        };
        (b.finish(), interface)
    }

    #[test]
    fn any_graph_takes_ids_and_mask_under_their_names() {
        let (graph, interface) = foreign();
        let graph = with_plain_inputs(graph, 17, &interface);
        let model = Model::from_graph(graph, 17).unwrap().sorted().unwrap();
        let inputs: Vec<&str> = model.inputs().iter().map(|input| input.name()).collect();
        assert_eq!(inputs, [INPUT_IDS, ATTENTION_MASK]);
        let runtime = Runtime::load(None).expect("`just setup` installs ONNX Runtime");
        let settings = SessionSettings { intra_threads: 1, ..SessionSettings::worker(Device::Cpu) };
        let mut session = Session::from_bytes(&runtime, &model.to_bytes().unwrap(), &settings).unwrap();
        let shape = [2, 3];
        let feeds = [
            (INPUT_IDS, TensorView::i64(&shape, &[10, 20, 30, 40, 50, 60])),
            (ATTENTION_MASK, TensorView::i64(&shape, &[1, 1, 1, 1, 0, 0])),
        ];
        let sum = session.run_with(&feeds, &["sum"], |views| views[0].as_f32().unwrap().to_vec()).unwrap();
        assert_eq!(sum, [12.0, 23.0, 34.0, 42.0, 3.0, 4.0], "masked ids and positions from 2");
    }
}
