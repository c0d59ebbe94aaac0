//! Training graphs with all parameters in a few vectors, as [`optimizer_model`](crate::optimizer_model) takes them.

use std::collections::HashSet;

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{GraphProto, NodeProto};
use larder_onnx::{Axis, GraphBuilder, Model, Value, attribute};

use super::TrainedParameter;
use crate::shape::as_i64;
use crate::{GraphsError, check_kernels};

/// Replaces the parameters of a training graph and their gradients by float32 vectors, one a group. `training` is
/// `TrainingGraphs::training` with [`TableForm::Dense`](super::TableForm).
///
/// Takes for each group `g` from 0 the vector `parameters.g` `[n_g]`, its parameters one after the other, row-major; and
/// gives `gradients.g` `[n_g]` likewise. With `adds` it takes `earlier.g` `[n_g]` besides, which is added to them: the sum of
/// several batches. Each parameter is in one group; inside, both directions take one pass over it.
///
/// # Errors
/// [`GraphsError::Model`], [`GraphsError::NoKernel`].
pub fn flatten(training: Model, groups: &[Vec<&TrainedParameter>], adds: bool) -> Result<Model, GraphsError> {
    rebuilt(training, |mut graph, opset| {
        let gradients: HashSet<&str> = groups.iter().flatten().map(|parameter| parameter.output()).collect();
        graph.output.retain(|output| !gradients.contains(output.name()));
        let mut b = take_vectors(graph, opset, groups);
        for (number, group) in groups.iter().enumerate() {
            let flat = b.integers(&[-1]);
            let parts: Vec<Value> =
                group.iter().map(|parameter| b.reshape(&Value::named(parameter.output()), &flat)).collect();
            let parts: Vec<&Value> = parts.iter().collect();
            let mut sum = b.concat(&parts, 0);
            let axes = axes(group);
            if adds {
                let earlier = b.input(&format!("earlier.{number}"), DataType::Float, &axes);
                sum = b.add(&sum, &earlier);
            }
            b.output(&sum, &format!("gradients.{number}"), DataType::Float, &axes);
        }
        b
    })
}

/// Replaces the parameters of an evaluation graph, `TrainingGraphs::eval`, by the vectors `parameters.g` `[n_g]` of
/// [`flatten`].
///
/// # Errors
/// As for [`flatten`].
pub fn flatten_parameters(eval: Model, groups: &[Vec<&TrainedParameter>]) -> Result<Model, GraphsError> {
    rebuilt(eval, |graph, opset| take_vectors(graph, opset, groups))
}

fn rebuilt(model: Model, rebuild: impl FnOnce(GraphProto, i64) -> GraphBuilder) -> Result<Model, GraphsError> {
    let opset = model.opset("")?;
    let mut proto = model.into_proto();
    let graph = proto.graph.take().unwrap_or_default();
    proto.graph = Some(rebuild(graph, opset).finish());
    let model = Model::from_proto(proto)?.sorted()?;
    check_kernels(&model)?;
    Ok(model)
}

/// Takes the graph, and makes its parameters of vectors that it takes in their place.
fn take_vectors(mut graph: GraphProto, opset: i64, groups: &[Vec<&TrainedParameter>]) -> GraphBuilder {
    let grouped: HashSet<&str> = groups.iter().flatten().map(|parameter| parameter.name.as_str()).collect();
    graph.input.retain(|input| !grouped.contains(input.name()));
    let mut b = GraphBuilder::from_graph(graph, opset);
    for (number, group) in groups.iter().enumerate() {
        let vector = b.input(&format!("parameters.{number}"), DataType::Float, &axes(group));
        let sizes: Vec<usize> = group.iter().map(|parameter| size(parameter)).collect();
        let parts = split(&mut b, &vector, &sizes);
        for (part, parameter) in parts.iter().zip(group) {
            let shape: Vec<i64> = parameter.shape.iter().map(|&size| as_i64(size)).collect();
            let shape = b.integers(&shape);
            let name = b.fresh(&format!("{}.Reshape", parameter.name));
            b.push(NodeProto {
                name: Some(name),
                op_type: Some("Reshape".to_owned()),
                input: vec![part.name().to_owned(), shape.name().to_owned()],
                output: vec![parameter.name.clone()],
                ..Default::default()
            });
        }
    }
    b
}

/// Returns the axes of a group's vector.
fn axes(group: &[&TrainedParameter]) -> [Axis; 1] {
    [Axis::Fixed(group.iter().map(|parameter| size(parameter)).sum())]
}

fn size(parameter: &TrainedParameter) -> usize {
    parameter.shape.iter().product()
}

/// The vector in parts of those sizes.
fn split(b: &mut GraphBuilder, vector: &Value, sizes: &[usize]) -> Vec<Value> {
    if sizes.len() == 1 {
        return vec![vector.clone()];
    }
    let each: Vec<i64> = sizes.iter().map(|&size| as_i64(size)).collect();
    let each = b.integers(&each);
    let name = b.fresh(&format!("{}.Split", vector.name()));
    let parts: Vec<Value> = sizes.iter().map(|_| Value::named(&b.fresh(&name))).collect();
    b.push(NodeProto {
        name: Some(name),
        op_type: Some("Split".to_owned()),
        input: vec![vector.name().to_owned(), each.name().to_owned()],
        output: parts.iter().map(|part| part.name().to_owned()).collect(),
        attribute: vec![attribute::int("axis", 0)],
        ..Default::default()
    });
    parts
}
