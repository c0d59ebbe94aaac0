//! The inputs and outputs of a given graph under the names that training goes by.

use crate::builder::{Axis, GraphBuilder, Value, fresh_name, names_of};
use crate::graph::rename_tensor;
use crate::interface::{InputTensor, Interface};
use crate::proto::TensorProto;
use crate::proto::tensor_proto::DataType;
use crate::{Model, OnnxError, attribute};

/// The names that the inputs and outputs get.
const NAMES: [&str; 5] = ["input_ids", "attention_mask", "token_type_ids", "last_hidden_state", "pooler_output"];

/// The tensors that the given graph is cut down to: token vectors, and the pooled output where there is one.
///
/// # Errors
/// [`OnnxError::Untrainable`] for a graph that cannot be given batches of texts, or gives no token vectors.
pub(super) fn outputs(interface: &Interface) -> Result<Vec<&str>, OnnxError> {
    let Some(token) = &interface.token_output else {
        return Err(untrainable(
            "it gives no vector for each token",
            "export it with `last_hidden_state` among its outputs",
        ));
    };
    if interface.attention_mask.is_none() {
        let problem = "it has no attention mask, so texts of different lengths cannot share a batch";
        return Err(untrainable(problem, "export it with `attention_mask` among its inputs"));
    }
    for (size, of) in [(interface.fixed_batch(), "text(s)"), (interface.fixed_seq(), "token(s)")] {
        if let Some(size) = size {
            let problem = format!("it takes exactly {size} {of} at once");
            return Err(untrainable(problem, "export it with dynamic axes for batch and sequence"));
        }
    }
    Ok([token].into_iter().chain(pooled(interface)).map(|output| output.name.as_str()).collect())
}

/// The pooled output, if there is one and it is as wide as tokens are.
fn pooled(interface: &Interface) -> Option<&crate::interface::OutputTensor> {
    match interface.pooled_outputs.as_slice() {
        [only] if interface.pooled_size.is_none() => Some(only),
        _ => None,
    }
}

/// Gives inputs and outputs their names and types. What is fed besides, as positions, is computed inside.
///
/// # Errors
/// Those of [`Model::from_proto`].
pub(super) fn connect(model: Model, interface: &Interface) -> Result<Model, OnnxError> {
    let opset = model.opset("")?;
    model
        .edited(|graph| {
            let mut names = names_of(graph);
            names.extend(NAMES.map(str::to_owned));
            let mut moved = |graph: &mut _, name: &str| {
                let aside = fresh_name(&mut names, format!("given.{name}"));
                rename_tensor(graph, name, &aside);
                aside
            };
            let fed: Vec<(&InputTensor, String)> =
                interface.inputs().map(|input| (input, moved(graph, &input.name))).collect();
            let token = interface.token_output.iter().map(|output| moved(graph, &output.name)).collect::<Vec<_>>();
            let pooled = pooled(interface).map(|output| moved(graph, &output.name));
            // Whatever else had one of the names.
            NAMES.iter().for_each(|name| _ = moved(graph, name));

            let is_fed = |name: &str| fed.iter().any(|(_, aside)| aside == name);
            graph.input.retain(|input| !is_fed(input.name()));
            let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
            b.clear_outputs();
            let tokens = [Axis::symbol("batch"), Axis::symbol("seq")];
            let ids = b.input("input_ids", DataType::Int64, &tokens);
            for (input, aside) in &fed {
                let is = |role: &Option<InputTensor>| role.as_ref() == Some(*input);
                let value = if *input == &interface.input_ids {
                    ids.clone()
                } else if is(&interface.attention_mask) {
                    b.input("attention_mask", DataType::Int64, &tokens)
                } else if is(&interface.token_type_ids) {
                    b.input("token_type_ids", DataType::Int64, &tokens)
                } else if is(&interface.position_ids) {
                    positions(&mut b, &ids, interface.first_position)
                } else {
                    filled(&mut b, &ids, 0)
                };
                // Masks of half precision are of float32 now.
                let dtype = match input.dtype.into() {
                    DataType::Float16 => DataType::Float,
                    dtype => dtype,
                };
                let cast = b.cast(&value, dtype);
                b.rename(&cast, aside);
            }
            let hidden = Axis::Fixed(interface.hidden_size);
            let [batch, seq] = tokens;
            let outputs = token
                .into_iter()
                .map(|name| (name, "last_hidden_state", vec![batch.clone(), seq.clone(), hidden.clone()]));
            let pooled = pooled.map(|name| (name, "pooler_output", vec![batch.clone(), hidden.clone()]));
            for (aside, name, axes) in outputs.chain(pooled).collect::<Vec<_>>() {
                let value = b.cast(&Value::named(&aside), DataType::Float);
                b.output(&value, name, DataType::Float, &axes);
            }
            *graph = b.finish();
            Ok(())
        })?
        .sorted()
}

/// `first` and up for the tokens of each text, through the padding too: int64 `[batch, seq]`.
fn positions(b: &mut GraphBuilder, ids: &Value, first: usize) -> Value {
    let ones = filled(b, ids, 1);
    let counted = b.cumulative_sum(&ones, 1);
    let before = b.integer(first as i64 - 1);
    b.add(&counted, &before)
}

/// That number for each token: int64 `[batch, seq]`.
fn filled(b: &mut GraphBuilder, ids: &Value, value: i64) -> Value {
    let shape = b.shape(ids, 0, 2);
    let value = TensorProto::from_i64("", &[1], &[value]);
    b.node("ConstantOfShape", &[&shape], vec![attribute::tensor("value", value)])
}

pub(super) fn untrainable(problem: impl Into<String>, mend: &'static str) -> OnnxError {
    OnnxError::Untrainable { problem: problem.into(), mend }
}
