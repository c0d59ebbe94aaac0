//! Products in 8-bit integers, each row with a scale of its own.
//!
//! `x · Wᵀ + b` becomes `(q(x) · Qᵀ) · s(x) · s(W) + b`: the weights are kept as signed bytes with one scale for each output
//! feature, the activations are rounded as they come, with one scale for each row, that is for each token. ONNX Runtime's
//! own dynamic quantisation (`DynamicQuantizeLinear`) takes one scale for everything it is given, so that a text's vectors
//! depend on the texts beside it and one large value costs all tokens their precision. With a scale a row neither
//! happens: a token's vectors depend on its own text alone, whatever shares the batch.
//!
//! Rounding is symmetric, `q(x) = round(x / s) + 128` with `s = max|x| / 127`, since the runtime's fastest integer kernels
//! want unsigned activations beside signed weights. Attention scores, softmax, normalisations and tables stay float32.

use std::collections::{HashMap, HashSet};

use crate::builder::{GraphBuilder, Value};
use crate::graph::Producers;
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, NodeProto, OperatorSetIdProto, TensorProto};
use crate::{Model, OnnxError, attribute};

/// Integers on either side of zero.
const LEVELS: f32 = 127.0;
/// The zero point of the activations.
const ZERO: u8 = 128;
/// Added to the scale of a row, which may be all zeros.
const SMALLEST_SCALE: f32 = 1e-30;

impl Model {
    /// Quantises each `Gemm` by a constant matrix `[out, in]`, the form that [`build`](crate::build) gives every
    /// product, to 8-bit integers. The other nodes stay. Returns the model and the number of products changed.
    ///
    /// The rounding of activations uses `MatMulIntegerToFloat`, an operator of ONNX Runtime
    /// (<https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>).
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`] for a weight that is malformed.
    pub fn quantised(self) -> Result<(Self, usize), OnnxError> {
        let opset = self.opset("")?;
        let mut proto = self.into_proto();
        let mut graph = proto.graph.take().unwrap_or_default();
        let nodes = std::mem::take(&mut graph.node);
        let mut weights: HashMap<String, TensorProto> = HashMap::new();
        for node in nodes.iter().filter(|node| is_linear(node)) {
            if let Some(tensor) = graph.initializer.iter().find(|tensor| tensor.name() == node.input[1])
                && tensor.dims.len() == 2
                && tensor.data_type() == DataType::Float as i32
            {
                weights.insert(node.input[1].clone(), tensor.clone());
            }
        }
        let fed = fed(&graph, &nodes);
        let mut b = GraphBuilder::from_graph(graph, opset);
        nodes.iter().for_each(|node| b.reserve(node));
        let mut rows = HashMap::new();
        let mut uses: HashMap<String, i64> = HashMap::new();
        let mut changed = 0;
        for node in nodes {
            match weights.get(node.input.get(1).map_or("", String::as_str)).filter(|_| is_linear(&node)) {
                Some(weight) if !fed.contains(&node.input[0]) => {
                    linear_of_constants(&mut b, &node, weight)?;
                    changed += 1;
                }
                Some(weight) => {
                    let uses = uses.entry(weight.name().to_owned()).or_insert(0);
                    linear(&mut b, &node, weight, *uses, &mut rows)?;
                    *uses += 1;
                    changed += 1;
                }
                None => b.push(node),
            }
        }
        let mut graph = b.finish();
        let read: HashSet<String> = graph.node.iter().flat_map(crate::graph::reads).collect();
        graph.initializer.retain(|tensor| !weights.contains_key(tensor.name()) || read.contains(tensor.name()));
        proto.graph = Some(graph);
        if !proto.opset_import.iter().any(|import| import.domain() == MICROSOFT) {
            proto.opset_import.push(OperatorSetIdProto { domain: Some(MICROSOFT.to_owned()), version: Some(1) });
        }
        Ok((Self::from_proto(proto)?, changed))
    }
}

/// The domain of ONNX Runtime's own operators.
pub(crate) const MICROSOFT: &str = "com.microsoft";

pub(crate) fn is_linear(node: &NodeProto) -> bool {
    node.is_op("Gemm")
        && node.int_attribute("transB", 0) == 1
        && node.int_attribute("transA", 0) == 0
        && matches!(node.input.len(), 2 | 3)
        && ["alpha", "beta"].iter().all(|name| node.find_attribute(name).is_none_or(|value| value.f() == 1.0))
}

/// The names of all tensors that depend on what the model is fed.
pub(crate) fn fed(graph: &GraphProto, nodes: &[NodeProto]) -> HashSet<String> {
    let mut fed: HashSet<String> = graph.input.iter().map(|input| input.name().to_owned()).collect();
    for node in nodes {
        if crate::graph::reads(node).iter().any(|name| fed.contains(name)) {
            fed.extend(node.output.iter().cloned());
        }
    }
    fed
}

/// The product of a constant with a weight, which stays in 8 bits in the file: a session computes it once, in floats. Operators of
/// ONNX Runtime's own are computed in every run.
fn linear_of_constants(b: &mut GraphBuilder, node: &NodeProto, weight: &TensorProto) -> Result<(), OnnxError> {
    let scope = node.name().rsplit_once('.').map_or("", |(scope, _)| scope).to_owned();
    b.scoped(&scope, |b| {
        let (integers, scales) = quantised_weight(weight)?;
        let (integers, scales) = (b.initializer(integers), b.initializer(scales));
        let weight = b.cast(&integers, DataType::Float);
        let weight = b.mul(&weight, &scales);
        let mut result = b.mat_mul(&Value::named(&node.input[0]), &weight);
        if let Some(bias) = node.input.get(2) {
            result = b.add(&result, &Value::named(bias));
        }
        for output in &node.output {
            b.rename(&result, output);
        }
        Ok(())
    })
}

/// A tensor `[rows, features]` as unsigned bytes, and each row's scale `[rows, 1]`.
struct QuantisedRows {
    quantised: Value,
    scale: Value,
}

/// A copy of a weight of `inputs` rows that `uses` products have read already, made when the model is loaded.
///
/// Layers may share a weight, and ONNX Runtime's own remedy for products that overflow (`session.x64quantprecision`) refuses
/// one that several products read. Each slice reaches further than the last, or the runtime would take all for one.
fn copied(b: &mut GraphBuilder, weight: &Value, inputs: i64, uses: i64) -> Value {
    let [start, end, axis] = [0, inputs + uses, 0].map(|value| b.integers(&[value]));
    b.slice(weight, &start, &end, &axis)
}

/// One product. Its result keeps its name. `uses` products have read its weight before.
fn linear(
    b: &mut GraphBuilder,
    node: &NodeProto,
    weight: &TensorProto,
    uses: i64,
    known: &mut HashMap<String, QuantisedRows>,
) -> Result<(), OnnxError> {
    let scope = node.name().rsplit_once('.').map_or("", |(scope, _)| scope).to_owned();
    b.scoped(&scope, |b| {
        // Query, key and value read the same rows.
        let rows =
            known.entry(node.input[0].clone()).or_insert_with(|| quantised_rows(b, &Value::named(&node.input[0])));
        let (integers, scales) = quantised_weight(weight)?;
        let inputs = integers.dims.first().copied().unwrap_or(0);
        let mut integers = b.initializer(integers);
        if uses > 0 {
            integers = copied(b, &integers, inputs, uses);
        }
        let scales = b.initializer(scales);
        let one = b.scalar("one", 1.0);
        let zero = b.initializer(TensorProto::from_raw("constant.uint8.128", &[], DataType::Uint8, vec![ZERO]));
        let product =
            b.node_of(MICROSOFT, "MatMulIntegerToFloat", &[&rows.quantised, &integers, &one, &scales, &zero], vec![]);
        // The node that closes the product, a sum or without a bias the scaling, makes what it made.
        let (op_type, input) = match node.input.get(2) {
            Some(bias) => ("Add", vec![b.mul(&product, &rows.scale).name().to_owned(), bias.clone()]),
            None => ("Mul", vec![product.name().to_owned(), rows.scale.name().to_owned()]),
        };
        let closing = NodeProto {
            name: Some(b.fresh(op_type)),
            op_type: Some(op_type.to_owned()),
            input,
            output: node.output.clone(),
            ..Default::default()
        };
        b.push(closing);
        Ok(())
    })
}

fn quantised_rows(b: &mut GraphBuilder, x: &Value) -> QuantisedRows {
    b.scoped("quantised", |b| {
        let over = || vec![attribute::ints("axes", &[-1]), attribute::int("keepdims", 0)];
        // Two readings of the rows cost less than a copy of their absolute values.
        let (highest, lowest) = (b.node("ReduceMax", &[x], over()), b.node("ReduceMin", &[x], over()));
        let lowest = b.node("Neg", &[&lowest], vec![]);
        let largest = b.max(&highest, &lowest);
        let step = b.scalar("step", 1.0 / LEVELS);
        let scale = b.mul(&largest, &step);
        let smallest = b.scalar("smallest_scale", SMALLEST_SCALE);
        let scale = b.add(&scale, &smallest);
        let shape = b.shape(&scale, 0, 1);
        let zero = TensorProto::from_raw("", &[1], DataType::Uint8, vec![ZERO]);
        let zeros = b.node("ConstantOfShape", &[&shape], vec![attribute::tensor("value", zero)]);
        let quantised = b.node("QuantizeLinear", &[x, &scale, &zeros], vec![attribute::int("axis", 0)]);
        QuantisedRows { quantised, scale: b.unsqueeze(&scale, &[1]) }
    })
}

/// `[out, in]` floats as `[in, out]` signed bytes, which is how the runtime multiplies them, and a scale for each output.
fn quantised_weight(weight: &TensorProto) -> Result<(TensorProto, TensorProto), OnnxError> {
    let values = weight.floats()?;
    let [outputs, inputs] = [0, 1].map(|axis| usize::try_from(weight.dims[axis]).unwrap_or(0));
    let mut bytes = vec![0_u8; values.len()];
    let mut scales = Vec::with_capacity(outputs);
    for (output, row) in values.chunks_exact(inputs.max(1)).enumerate() {
        let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { largest / LEVELS } else { 1.0 };
        for (input, value) in row.iter().enumerate() {
            bytes[input * outputs + output] = (value / scale).round_ties_even().clamp(-LEVELS, LEVELS) as i8 as u8;
        }
        scales.push(scale);
    }
    let name = weight.name();
    Ok((
        TensorProto::from_raw(&format!("{name}.int8"), &[inputs, outputs], DataType::Int8, bytes),
        TensorProto::from_f32(&format!("{name}.scale"), &[outputs], &scales),
    ))
}

/// A product of rows and a weight as [`Model::quantised`] writes it.
pub(crate) struct QuantisedLinear<'a> {
    /// The rows in floats, `[rows, in]`.
    pub x: &'a str,
    /// `[in, out]`.
    pub integers: &'a TensorProto,
    /// `[out]`.
    pub scales: &'a TensorProto,
}

/// Reads what `linear` writes, the nodes of one product and of scaling its rows; `None` for anything else.
pub(crate) fn quantised_linear<'a>(
    model: &'a Model,
    producers: &Producers<'a>,
    product: &'a NodeProto,
    scaling: &'a NodeProto,
) -> Option<QuantisedLinear<'a>> {
    let [quantised, integers, one, scales, zero] = product.input.as_slice() else { return None };
    let made = |tensor: &str, op_type: &str| producers.node(tensor).filter(|node| node.is_op(op_type));
    let is = |tensor: &str, value: f32| model.initializer_floats(tensor).is_ok_and(|stored| *stored == [value]);
    let rows = made(quantised, "QuantizeLinear")?;
    let [x, scale, zeros] = rows.input.as_slice() else { return None };
    let zeros = made(zeros, "ConstantOfShape")?.find_attribute("value")?.t.as_ref()?;
    let is_zero = |tensor: &TensorProto| {
        tensor.data_type() == DataType::Uint8 as i32 && tensor.raw_data.as_deref() == Some(&[ZERO][..])
    };
    let is_scaled = [product.input.first(), scaling.input.first()] == [Some(quantised), product.output.first()]
        && made(scaling.input.get(1)?, "Unsqueeze")?.input.first() == Some(scale);
    if !is_scaled || !is(one, 1.0) || !is_zero(zeros) || !is_zero(model.initializer(zero)?) {
        return None;
    }
    // The scale of a row.
    let sum = made(scale, "Add").filter(|sum| sum.input.get(1).is_some_and(|term| is(term, SMALLEST_SCALE)))?;
    let steps =
        made(sum.input.first()?, "Mul").filter(|steps| steps.input.get(1).is_some_and(|s| is(s, 1.0 / LEVELS)))?;
    let [highest, lowest] = made(steps.input.first()?, "Max")?.input.as_slice() else { return None };
    let lowest = made(lowest, "Neg")?.input.first()?;
    let of_rows = |tensor: &str, op_type: &str| {
        let node =
            made(tensor, op_type).filter(|node| node.input.len() == 1 && node.int_attribute("keepdims", 1) == 0)?;
        (node.input.first() == Some(x) && node.find_attribute("axes")?.ints == [-1]).then_some(())
    };
    of_rows(highest, "ReduceMax")?;
    of_rows(lowest, "ReduceMin")?;
    // One that several products read is copied for all but one.
    let integers = match made(integers, "Slice") {
        Some(copy) => copy.input.first()?,
        None => integers,
    };
    let integers = model.initializer(integers)?;
    let is_matrix = integers.dims.len() == 2 && integers.data_type() == DataType::Int8 as i32;
    is_matrix.then_some(QuantisedLinear { x, integers, scales: model.initializer(scales)? })
}
