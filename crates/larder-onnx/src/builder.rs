//! Building graphs node by node, with names that say where a tensor belongs.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::attribute;
use crate::graph::rename_tensor;
use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::{Dimension, dimension};
use crate::proto::type_proto::{self, Tensor};
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto};

/// A tensor of the graph under construction, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value(Arc<str>);

impl Value {
    /// A tensor that the graph already has.
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// The tensor's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The size of one axis of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Always this many.
    Fixed(usize),
    /// Open, under a symbol: axes with one symbol have one size.
    Symbol(String),
}

impl Axis {
    /// An open axis.
    pub fn symbol(name: &str) -> Self {
        Self::Symbol(name.to_owned())
    }
}

impl From<usize> for Axis {
    fn from(size: usize) -> Self {
        Self::Fixed(size)
    }
}

/// Describes a tensor of that element type and shape.
pub fn value_info(name: &str, dtype: DataType, axes: &[Axis]) -> ValueInfoProto {
    let dim = axes
        .iter()
        .map(|axis| Dimension {
            value: Some(match axis {
                // An axis that exists in memory is below 2^63.
                Axis::Fixed(size) => dimension::Value::DimValue(*size as i64),
                Axis::Symbol(symbol) => dimension::Value::DimParam(symbol.clone()),
            }),
            denotation: None,
        })
        .collect();
    let tensor = Tensor { elem_type: Some(dtype as i32), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), denotation: None }),
        ..Default::default()
    }
}

/// The names of all nodes and tensors of a graph.
pub fn names_of(graph: &GraphProto) -> HashSet<String> {
    let mut names = HashSet::new();
    for node in &graph.node {
        names.extend(node.input.iter().chain(&node.output).cloned());
        names.insert(node.name().to_owned());
    }
    names.extend(graph.input.iter().chain(&graph.output).map(|info| info.name().to_owned()));
    names.extend(graph.initializer.iter().map(|tensor| tensor.name().to_owned()));
    names
}

/// A name that is not among `names` yet, and is from now on: `path`, numbered if taken.
pub fn fresh_name(names: &mut HashSet<String>, path: String) -> String {
    let mut candidate = path.clone();
    let mut number = 1;
    while !names.insert(candidate.clone()) {
        candidate = format!("{path}_{number}");
        number += 1;
    }
    candidate
}

/// The operator set that made the axes of `Unsqueeze` and `ReduceSum` an input.
const AXES_INPUT: i64 = 13;

/// The operator set that made the axes of `ReduceMean` an input.
const MEAN_AXES_INPUT: i64 = 18;

/// Builds a graph. Nodes and tensors are named `scope.Operator`, numbered where that is taken; the scope is the dotted
/// name of the module that a node belongs to, as `encoder.layer.0.attention.self.query`.
///
/// The helpers take operators as ONNX defines them (<https://onnx.ai/onnx/operators/>), in the form that the operator set
/// asks for, and check nothing: the runtime checks operators and types.
#[derive(Debug)]
pub struct GraphBuilder {
    graph: GraphProto,
    opset: i64,
    names: HashSet<String>,
    scope: Vec<String>,
}

impl GraphBuilder {
    /// An empty graph of that version of ONNX's operator set.
    pub fn new(name: &str, opset: i64) -> Self {
        Self::from_graph(GraphProto { name: Some(name.to_owned()), ..Default::default() }, opset)
    }

    /// Goes on with an existing graph; fresh names avoid all of its names.
    pub fn from_graph(graph: GraphProto, opset: i64) -> Self {
        let names = names_of(&graph);
        Self { graph, opset, names, scope: Vec::new() }
    }

    /// The graph as built.
    pub fn finish(self) -> GraphProto {
        self.graph
    }

    /// Builds inside the module `name`.
    pub fn scoped<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        self.scope.push(name.to_owned());
        let built = build(self);
        self.scope.pop();
        built
    }

    /// `name` inside the current scope.
    pub fn path(&self, name: &str) -> String {
        self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }

    /// A name that nothing has yet: `name` in the current scope, numbered if taken.
    pub fn fresh(&mut self, name: &str) -> String {
        let path = self.path(name);
        fresh_name(&mut self.names, path)
    }

    /// Adds an input.
    pub fn input(&mut self, name: &str, dtype: DataType, axes: &[Axis]) -> Value {
        self.names.insert(name.to_owned());
        self.graph.input.push(value_info(name, dtype, axes));
        Value::named(name)
    }

    /// Makes `value` an output called `name`. A tensor inside that had this name is called otherwise from now on.
    pub fn output(&mut self, value: &Value, name: &str, dtype: DataType, axes: &[Axis]) -> Value {
        let renamed = self.rename(value, name);
        self.graph.output.push(value_info(name, dtype, axes));
        renamed
    }

    /// Takes back all outputs.
    pub fn clear_outputs(&mut self) {
        self.graph.output.clear();
    }

    /// Calls a tensor `name` everywhere; a tensor inside that had this name is called otherwise from now on. Copies of
    /// `value` made before keep the old name: use the result.
    pub fn rename(&mut self, value: &Value, name: &str) -> Value {
        if value.name() != name {
            if self.is_tensor(name) {
                let scope = std::mem::take(&mut self.scope);
                let other = self.fresh(&format!("{name}.inner"));
                self.scope = scope;
                rename_tensor(&mut self.graph, name, &other);
            }
            self.names.insert(name.to_owned());
            rename_tensor(&mut self.graph, value.name(), name);
        }
        Value::named(name)
    }

    fn is_tensor(&self, name: &str) -> bool {
        let graph = &self.graph;
        graph.node.iter().any(|node| node.output.iter().any(|output| output == name))
            || graph.input.iter().any(|input| input.name() == name)
            || graph.initializer.iter().any(|tensor| tensor.name() == name)
    }

    /// Adds an initializer under exactly this name; a second one of a name already there is not added again.
    pub fn initializer(&mut self, tensor: TensorProto) -> Value {
        let value = Value::named(tensor.name());
        if self.names.insert(tensor.name().to_owned()) {
            self.graph.initializer.push(tensor);
        }
        value
    }

    /// A float32 constant of shape `[]`, under this name in the graph's `constant` scope: one for all who ask.
    pub fn scalar(&mut self, name: &str, value: f32) -> Value {
        self.initializer(TensorProto::from_f32(&format!("constant.{name}"), &[], &[value]))
    }

    /// An int64 constant of shape `[values.len()]`: one for all who ask for the same values.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        let text: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = format!("constant.int64[{}]", text.join(","));
        self.initializer(TensorProto::from_i64(&name, &[values.len()], values))
    }

    /// An int64 constant of shape `[]`.
    pub fn integer(&mut self, value: i64) -> Value {
        self.initializer(TensorProto::from_i64(&format!("constant.int64.{value}"), &[], &[value]))
    }

    /// Adds a node of `op_type` with one output.
    pub fn node(&mut self, op_type: &str, inputs: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        let name = self.fresh(op_type);
        self.graph.node.push(NodeProto {
            name: Some(name.clone()),
            op_type: Some(op_type.to_owned()),
            input: inputs.iter().map(|value| value.name().to_owned()).collect(),
            output: vec![name.clone()],
            attribute: attributes,
            ..Default::default()
        });
        Value(name.into())
    }

    /// Adds a node of an operator of another domain, with one output.
    pub fn node_of(
        &mut self,
        domain: &str,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let value = self.node(op_type, inputs, attributes);
        if let Some(node) = self.graph.node.last_mut() {
            node.domain = Some(domain.to_owned());
        }
        value
    }

    /// Adds a node as it is; its names are not given again.
    pub fn push(&mut self, node: NodeProto) {
        self.reserve(&node);
        self.graph.node.push(node);
    }

    /// Keeps a node's names, and those of its tensors, from being given to others.
    pub fn reserve(&mut self, node: &NodeProto) {
        self.names.extend(node.input.iter().chain(&node.output).cloned());
        self.names.insert(node.name().to_owned());
    }

    /// `a + b`, broadcast.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[a, b], vec![])
    }

    /// `a - b`, broadcast.
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Sub", &[a, b], vec![])
    }

    /// `a * b`, broadcast.
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[a, b], vec![])
    }

    /// `a / b`, broadcast.
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Div", &[a, b], vec![])
    }

    /// The larger of `a` and `b`, broadcast.
    pub fn max(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Max", &[a, b], vec![])
    }

    /// `base ^ exponent`, broadcast.
    pub fn pow(&mut self, base: &Value, exponent: &Value) -> Value {
        self.node("Pow", &[base, exponent], vec![])
    }

    /// `|x|`.
    pub fn abs(&mut self, x: &Value) -> Value {
        self.node("Abs", &[x], vec![])
    }

    /// The error function.
    pub fn erf(&mut self, x: &Value) -> Value {
        self.node("Erf", &[x], vec![])
    }

    /// The hyperbolic tangent.
    pub fn tanh(&mut self, x: &Value) -> Value {
        self.node("Tanh", &[x], vec![])
    }

    /// The logistic function.
    pub fn sigmoid(&mut self, x: &Value) -> Value {
        self.node("Sigmoid", &[x], vec![])
    }

    /// `a == b`, broadcast: bool.
    pub fn equal(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Equal", &[a, b], vec![])
    }

    /// True for false, and the other way round.
    pub fn not(&mut self, x: &Value) -> Value {
        self.node("Not", &[x], vec![])
    }

    /// Each element with all before it along `axis`.
    pub fn cumulative_sum(&mut self, x: &Value, axis: i64) -> Value {
        let axis = self.integer(axis);
        self.node("CumSum", &[x, &axis], vec![])
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: &Value) -> Value {
        self.node("Relu", &[x], vec![])
    }

    /// Softmax over the last axis.
    pub fn softmax(&mut self, x: &Value) -> Value {
        self.node("Softmax", &[x], vec![attribute::int("axis", -1)])
    }

    /// Matrix product over the last two axes, batched over the others.
    pub fn mat_mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("MatMul", &[a, b], vec![])
    }

    /// `x · weightᵀ + bias`: `x` is `[rows, in]`, `weight` `[out, in]` as PyTorch's `Linear` keeps it, `bias` `[out]`.
    pub fn linear(&mut self, x: &Value, weight: &Value, bias: &Value) -> Value {
        self.node("Gemm", &[x, weight, bias], vec![attribute::int("transB", 1)])
    }

    /// Normalises the last axis to mean 0 and variance 1, then scales and shifts it.
    pub fn layer_normalization(&mut self, x: &Value, weight: &Value, bias: Option<&Value>, epsilon: f32) -> Value {
        let attributes = vec![attribute::int("axis", -1), attribute::float("epsilon", epsilon)];
        let inputs: Vec<&Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("LayerNormalization", &inputs, attributes)
    }

    /// `data` at `indices` along `axis`.
    pub fn gather(&mut self, data: &Value, indices: &Value, axis: i64) -> Value {
        self.node("Gather", &[data, indices], vec![attribute::int("axis", axis)])
    }

    /// The sizes of the axes from `start` up to, not including, `end`: int64 `[end - start]`.
    pub fn shape(&mut self, x: &Value, start: i64, end: i64) -> Value {
        self.node("Shape", &[x], vec![attribute::int("start", start), attribute::int("end", end)])
    }

    /// Elements `starts..ends` along `axes`; all three are int64 `[n]`.
    pub fn slice(&mut self, x: &Value, starts: &Value, ends: &Value, axes: &Value) -> Value {
        self.node("Slice", &[x, starts, ends, axes], vec![])
    }

    /// Tensors one after another along `axis`.
    pub fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("Concat", parts, vec![attribute::int("axis", axis)])
    }

    /// The same elements in another shape, int64 `[rank]`; one -1 is worked out, 0 copies an axis.
    pub fn reshape(&mut self, x: &Value, shape: &Value) -> Value {
        self.node("Reshape", &[x, shape], vec![])
    }

    /// The axes in another order.
    pub fn transpose(&mut self, x: &Value, order: &[i64]) -> Value {
        self.node("Transpose", &[x], vec![attribute::ints("perm", order)])
    }

    /// New axes of size 1 at these positions of the result.
    pub fn unsqueeze(&mut self, x: &Value, axes: &[i64]) -> Value {
        self.over_axes("Unsqueeze", x, axes, AXES_INPUT, vec![])
    }

    /// The same values in another element type.
    pub fn cast(&mut self, x: &Value, dtype: DataType) -> Value {
        self.node("Cast", &[x], vec![attribute::int("to", i64::from(dtype as i32))])
    }

    /// Sum over `axes`, which stay with size 1 if `keep_dims`.
    pub fn reduce_sum(&mut self, x: &Value, axes: &[i64], keep_dims: bool) -> Value {
        let keep_dims = attribute::int("keepdims", i64::from(keep_dims));
        self.over_axes("ReduceSum", x, axes, AXES_INPUT, vec![keep_dims])
    }

    /// Mean over `axes`, which stay with size 1 if `keep_dims`.
    pub fn reduce_mean(&mut self, x: &Value, axes: &[i64], keep_dims: bool) -> Value {
        let keep_dims = attribute::int("keepdims", i64::from(keep_dims));
        self.over_axes("ReduceMean", x, axes, MEAN_AXES_INPUT, vec![keep_dims])
    }

    /// Euclidean norm over `axes`, which stay with size 1 if `keep_dims`.
    pub fn reduce_l2(&mut self, x: &Value, axes: &[i64], keep_dims: bool) -> Value {
        let keep_dims = attribute::int("keepdims", i64::from(keep_dims));
        self.over_axes("ReduceL2", x, axes, MEAN_AXES_INPUT, vec![keep_dims])
    }

    /// Largest value over `axes`, which stay with size 1 if `keep_dims`.
    pub fn reduce_max(&mut self, x: &Value, axes: &[i64], keep_dims: bool) -> Value {
        let keep_dims = attribute::int("keepdims", i64::from(keep_dims));
        self.over_axes("ReduceMax", x, axes, MEAN_AXES_INPUT, vec![keep_dims])
    }

    /// A node whose axes are an input from operator set `since` on, and an attribute before.
    fn over_axes(
        &mut self,
        op_type: &str,
        x: &Value,
        axes: &[i64],
        since: i64,
        mut attributes: Vec<AttributeProto>,
    ) -> Value {
        if self.opset < since {
            attributes.push(attribute::ints("axes", axes));
            return self.node(op_type, &[x], attributes);
        }
        let axes = self.integers(axes);
        self.node(op_type, &[x, &axes], attributes)
    }

    /// The same tensor under another name.
    pub fn identity(&mut self, x: &Value) -> Value {
        self.node("Identity", &[x], vec![])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_scope_and_never_clash() {
        let mut b = GraphBuilder::new("test", 17);
        let x = b.input("x", DataType::Float, &[Axis::symbol("batch"), Axis::Fixed(4)]);
        let names = b.scoped("encoder", |b| b.scoped("layer.0", |b| [b.tanh(&x), b.tanh(&x)]));
        assert_eq!(names.map(|value| value.to_string()), ["encoder.layer.0.Tanh", "encoder.layer.0.Tanh_1"]);
        let mut again = GraphBuilder::from_graph(b.finish(), 17);
        assert_eq!(again.scoped("encoder.layer.0", |b| b.tanh(&x)).name(), "encoder.layer.0.Tanh_2");
    }

    #[test]
    fn an_output_takes_its_name_from_a_tensor_inside() {
        let mut b = GraphBuilder::new("test", 17);
        let x = b.input("x", DataType::Float, &[]);
        let inner = b.tanh(&x);
        let inner = b.rename(&inner, "mean");
        let outer = b.erf(&inner);
        b.output(&outer, "mean", DataType::Float, &[]);
        let graph = b.finish();
        assert_eq!(graph.node[0].output, ["mean.inner"]);
        assert_eq!(graph.node[1].input, ["mean.inner"]);
        assert_eq!(graph.node[1].output, ["mean"]);
    }
}
