//! Writing backward nodes: every helper knows the shape of what it makes and records it.

mod arrange;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use larder_onnx::facts::{Dim, Facts, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use larder_onnx::{Value, attribute, fresh_name, names_of};

use crate::GraphsError;
use crate::shape::{Broadcast, as_i64, broadcast};

/// The domain of ONNX Runtime's own operators.
pub(crate) const MICROSOFT: &str = "com.microsoft";

/// The operator set that made the axes of `ReduceMean`, `ReduceMax` and their like an input.
const REDUCE_AXES_INPUT: i64 = 18;

/// A tensor with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub value: Value,
    pub dtype: DataType,
    pub shape: Arc<[Dim]>,
}

impl Operand {
    pub fn name(&self) -> &str {
        self.value.name()
    }

    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// Appends nodes to a graph. Names are `<scope>.Operator`, numbered where that is taken.
///
/// The helpers take operands that fit, as the forward graph proves them to: they check nothing.
#[derive(Debug)]
pub(crate) struct Emitter<'a> {
    pub facts: &'a mut Facts,
    pub opset: i64,
    pub nodes: Vec<NodeProto>,
    pub initializers: Vec<TensorProto>,
    /// Floats of small constants in the forward graph, by name.
    constants: HashMap<String, TensorProto>,
    /// Constants made here, by type, shape and bytes: one for all who ask.
    made: HashMap<(i32, Vec<i64>, Vec<u8>), Operand>,
    /// Rows of ones made here, by how many there are in each.
    ones: Vec<(Dim, Operand)>,
    /// Sums of the columns of `[.., n]` that came with a tensor, by its name.
    with_sums: HashMap<String, Operand>,
    names: HashSet<String>,
    scope: String,
}

impl<'a> Emitter<'a> {
    pub fn new(graph: &GraphProto, opset: i64, facts: &'a mut Facts) -> Self {
        const SMALL: i64 = 64;
        let small = |tensor: &TensorProto| tensor.dims.iter().product::<i64>() <= SMALL;
        let initializers = graph.initializer.iter().map(|tensor| (tensor.name(), tensor));
        let nodes = graph
            .node
            .iter()
            .filter(|node| node.is_op("Constant"))
            .filter_map(|node| Some((node.output.first()?.as_str(), node.find_attribute("value")?.t.as_ref()?)));
        // An initializer of an input's name is that input's default, and no constant.
        let inputs: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
        let constants = initializers
            .chain(nodes)
            .filter(|(name, tensor)| small(tensor) && !inputs.contains(name))
            .map(|(name, tensor)| (name.to_owned(), tensor.clone()))
            .collect();
        Self {
            facts,
            opset,
            nodes: Vec::new(),
            initializers: Vec::new(),
            constants,
            made: HashMap::new(),
            ones: Vec::new(),
            with_sums: HashMap::new(),
            names: names_of(graph),
            scope: String::new(),
        }
    }

    /// Names what is made from now on `<scope>.Operator`.
    pub fn set_scope(&mut self, scope: String) {
        self.scope = scope;
    }

    /// A name that nothing has yet: `name` in the current scope, numbered if taken.
    pub fn fresh(&mut self, name: &str) -> String {
        let path = if self.scope.is_empty() { name.to_owned() } else { format!("{}.{name}", self.scope) };
        fresh_name(&mut self.names, path)
    }

    /// A tensor that the graph already has.
    ///
    /// # Errors
    /// [`GraphsError::NoFact`].
    pub fn operand(&self, name: &str) -> Result<Operand, GraphsError> {
        let fact = self.facts.get(name).ok_or_else(|| GraphsError::NoFact { tensor: name.to_owned() })?;
        Ok(Operand { value: Value::named(name), dtype: fact.dtype, shape: fact.shape.clone().into() })
    }

    /// The values of a small constant of the forward graph, if the tensor is one.
    pub fn constant_floats(&self, operand: &Operand) -> Option<Vec<f64>> {
        let tensor = self.constants.get(operand.name())?;
        match tensor.floats() {
            Ok(values) => Some(values.iter().copied().map(f64::from).collect()),
            Err(_) => Some(tensor.integers().ok()?.iter().map(|&value| value as f64).collect()),
        }
    }

    /// The value of a constant float of one element.
    pub fn constant_float(&self, operand: &Operand) -> Option<f64> {
        match self.constant_floats(operand)?.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    }

    /// The value of a constant integer of one element.
    pub fn constant_integer(&self, operand: &Operand) -> Option<i64> {
        match self.constant_integers(operand)?.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    }

    /// The value of a constant truth value.
    pub fn constant_truth(&self, operand: &Operand) -> Option<bool> {
        let tensor = self.constants.get(operand.name()).filter(|tensor| tensor.data_type() == DataType::Bool as i32)?;
        match &tensor.raw_data {
            Some(raw) => raw.first().map(|&byte| byte != 0),
            None => tensor.int32_data.first().map(|&value| value != 0),
        }
    }

    /// The values of a constant tensor of integers, computed from constants or given as one.
    pub fn constant_integers(&self, operand: &Operand) -> Option<Vec<i64>> {
        let known = self.facts.get(operand.name()).and_then(|fact| fact.values.clone());
        known.or_else(|| Some(self.constants.get(operand.name())?.integers().ok()?.into_owned()))
    }

    /// Describes a tensor under a fresh name.
    pub fn describe(&mut self, name: &str, dtype: DataType, shape: &[Dim]) -> Operand {
        self.facts.insert(name, TensorFact { dtype, shape: shape.to_vec(), values: None });
        Operand { value: Value::named(name), dtype, shape: shape.into() }
    }

    /// Adds a node with one output of that type and shape.
    pub fn node(
        &mut self,
        op_type: &str,
        inputs: &[&Operand],
        attributes: Vec<AttributeProto>,
        dtype: DataType,
        shape: &[Dim],
    ) -> Operand {
        let shapes = [shape.to_vec()];
        let mut outputs = self.node_with("", op_type, inputs, attributes, dtype, &shapes);
        outputs.pop().expect("one shape was given, so there is one output")
    }

    /// Adds a node of that domain with one output for each of `shapes`.
    pub fn node_with(
        &mut self,
        domain: &str,
        op_type: &str,
        inputs: &[&Operand],
        attributes: Vec<AttributeProto>,
        dtype: DataType,
        shapes: &[Vec<Dim>],
    ) -> Vec<Operand> {
        let name = self.fresh(op_type);
        let mut outputs = Vec::new();
        for (index, shape) in shapes.iter().enumerate() {
            let output = if index == 0 { name.clone() } else { self.fresh(op_type) };
            outputs.push(self.describe(&output, dtype, shape));
        }
        self.nodes.push(NodeProto {
            name: Some(name),
            op_type: Some(op_type.to_owned()),
            domain: (!domain.is_empty()).then(|| domain.to_owned()),
            input: inputs.iter().map(|operand| operand.name().to_owned()).collect(),
            output: outputs.iter().map(|operand| operand.name().to_owned()).collect(),
            attribute: attributes,
            ..Default::default()
        });
        outputs
    }

    fn constant(&mut self, name: &str, dtype: DataType, dims: &[usize], raw: Vec<u8>) -> Operand {
        let mut tensor = TensorProto::from_raw("", dims, dtype, raw);
        let key = (dtype as i32, tensor.dims.clone(), tensor.raw_data().to_vec());
        if let Some(operand) = self.made.get(&key) {
            return operand.clone();
        }
        let scope = std::mem::replace(&mut self.scope, "grad.constant".to_owned());
        let name = self.fresh(name);
        self.scope = scope;
        tensor.name = Some(name.clone());
        self.initializers.push(tensor);
        let shape: Vec<Dim> = dims.iter().map(|&dim| Dim::fixed(dim)).collect();
        let operand = self.describe(&name, dtype, &shape);
        self.made.insert(key, operand.clone());
        operand
    }

    /// A constant of shape `[]` in the element type of `like`.
    pub fn scalar(&mut self, like: &Operand, value: f64) -> Operand {
        self.scalar_of(like.dtype, value)
    }

    /// A constant of shape `[]` in that float type.
    pub fn scalar_of(&mut self, dtype: DataType, value: f64) -> Operand {
        self.floats_of(dtype, &[], &[value], &value.to_string())
    }

    /// A constant in that float type; its values are rounded to it.
    pub fn floats_of(&mut self, dtype: DataType, dims: &[usize], values: &[f64], name: &str) -> Operand {
        let bytes = |value: &f64| match dtype {
            DataType::Double => value.to_le_bytes().to_vec(),
            DataType::Float16 => half::f16::from_f64(*value).to_le_bytes().to_vec(),
            DataType::Bfloat16 => half::bf16::from_f64(*value).to_le_bytes().to_vec(),
            _ => (*value as f32).to_le_bytes().to_vec(),
        };
        let raw = values.iter().flat_map(bytes).collect();
        let dtype_name = format!("{dtype:?}").to_ascii_lowercase();
        self.constant(&format!("{dtype_name}.{name}"), dtype, dims, raw)
    }

    /// An int64 constant of shape `[values.len()]`.
    pub fn integers(&mut self, values: &[i64]) -> Operand {
        let text: Vec<String> = values.iter().map(i64::to_string).collect();
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let operand = self.constant(&format!("int64[{}]", text.join(",")), DataType::Int64, &[values.len()], raw);
        self.facts.insert(
            operand.name(),
            TensorFact { dtype: DataType::Int64, shape: operand.shape.to_vec(), values: Some(values.to_vec()) },
        );
        operand
    }

    /// An int64 constant of shape `[]`.
    pub fn integer(&mut self, value: i64) -> Operand {
        self.constant(&format!("int64.{value}"), DataType::Int64, &[], value.to_le_bytes().to_vec())
    }

    /// An element-wise function of one tensor.
    pub fn unary(&mut self, op_type: &str, x: &Operand) -> Operand {
        self.node(op_type, &[x], vec![], x.dtype, &x.shape)
    }

    /// An element-wise function of two tensors, broadcast.
    pub fn binary(&mut self, op_type: &str, a: &Operand, b: &Operand) -> Operand {
        let shape = broadcast(&a.shape, &b.shape);
        self.node(op_type, &[a, b], vec![], a.dtype, &shape)
    }

    pub fn add(&mut self, a: &Operand, b: &Operand) -> Operand {
        self.binary("Add", a, b)
    }

    pub fn sub(&mut self, a: &Operand, b: &Operand) -> Operand {
        self.binary("Sub", a, b)
    }

    pub fn mul(&mut self, a: &Operand, b: &Operand) -> Operand {
        self.binary("Mul", a, b)
    }

    pub fn div(&mut self, a: &Operand, b: &Operand) -> Operand {
        self.binary("Div", a, b)
    }

    /// `x · factor`; nothing where the factor is 1.
    pub fn scale(&mut self, x: &Operand, factor: f64) -> Operand {
        if factor == 1.0 {
            return x.clone();
        }
        let factor = self.scalar(x, factor);
        self.mul(x, &factor)
    }

    /// A comparison: bool.
    pub fn compare(&mut self, op_type: &str, a: &Operand, b: &Operand) -> Operand {
        let shape = broadcast(&a.shape, &b.shape);
        self.node(op_type, &[a, b], vec![], DataType::Bool, &shape)
    }

    /// `a == b`, broadcast: bool. The stock CUDA build has no kernel for the `Equal` of operator set 19 and later.
    pub fn equal(&mut self, a: &Operand, b: &Operand) -> Operand {
        const NEWER_EQUAL: i64 = 19;
        if self.opset < NEWER_EQUAL {
            return self.compare("Equal", a, b);
        }
        let (at_least, at_most) = (self.compare("GreaterOrEqual", a, b), self.compare("LessOrEqual", a, b));
        self.compare("And", &at_least, &at_most)
    }

    /// `a` where `condition`, else `b`, broadcast.
    pub fn select(&mut self, condition: &Operand, a: &Operand, b: &Operand) -> Operand {
        let shape = broadcast(&condition.shape, &broadcast(&a.shape, &b.shape));
        self.node("Where", &[condition, a, b], vec![], a.dtype, &shape)
    }

    pub fn cast(&mut self, x: &Operand, dtype: DataType) -> Operand {
        if x.dtype == dtype {
            return x.clone();
        }
        self.node("Cast", &[x], vec![attribute::int("to", i64::from(dtype as i32))], dtype, &x.shape)
    }

    /// The sum of tensors of one shape.
    pub fn sum_all(&mut self, parts: &[Operand]) -> Operand {
        match parts {
            [only] => only.clone(),
            [a, b] => self.add(a, b),
            parts => {
                let inputs: Vec<&Operand> = parts.iter().collect();
                self.node("Sum", &inputs, vec![], parts[0].dtype, &parts[0].shape)
            }
        }
    }

    /// A reduction over `axes`, none of them negative, which stay with size 1 if `keep`.
    pub fn reduce(&mut self, op_type: &str, x: &Operand, axes: &[i64], keep: bool) -> Operand {
        let mut shape = Vec::new();
        for (axis, dim) in x.shape.iter().enumerate() {
            match axes.contains(&as_i64(axis)) {
                true if keep => shape.push(Dim::fixed(1)),
                true => {}
                false => shape.push(*dim),
            }
        }
        let keep = attribute::int("keepdims", i64::from(keep));
        if op_type != "ReduceSum" && self.opset < REDUCE_AXES_INPUT {
            return self.node(op_type, &[x], vec![attribute::ints("axes", axes), keep], x.dtype, &shape);
        }
        let axes = self.integers(axes);
        self.node(op_type, &[x, &axes], vec![keep], x.dtype, &shape)
    }

    pub fn reduce_sum(&mut self, x: &Operand, axes: &[i64], keep: bool) -> Operand {
        self.reduce("ReduceSum", x, axes, keep)
    }

    /// Undoes the broadcasting of a tensor of shape `to`: sums over the axes that it was repeated along.
    pub fn sum_to(&mut self, x: &Operand, to: &[Dim]) -> Operand {
        let Broadcast { leading, stretched } = Broadcast::between(&x.shape, to);
        match (leading.is_empty(), stretched.is_empty()) {
            (true, true) => x.clone(),
            (true, false) => self.reduce_sum(x, &stretched, true),
            (false, true) if x.rank() == 2 && leading == [0] && x.dtype == DataType::Float => self.column_sums(x),
            (false, _) => {
                let axes: Vec<i64> = leading.iter().chain(&stretched).copied().collect();
                let sum = self.reduce_sum(x, &axes, false);
                let back: Vec<i64> = stretched.iter().map(|axis| axis - as_i64(leading.len())).collect();
                if back.is_empty() { sum } else { self.unsqueeze(&sum, &back) }
            }
        }
    }

    /// Records the sums of the columns of `x [.., n]`, for who asks for them.
    pub fn set_column_sums(&mut self, x: &Operand, sums: Operand) {
        self.with_sums.insert(x.name().to_owned(), sums);
    }

    /// The sums of the columns of `[rows, columns]`, as a product with ones, which the CPU's kernels have done sooner than
    /// a `ReduceSum` where there are several threads.
    fn column_sums(&mut self, x: &Operand) -> Operand {
        if let Some(sums) = self.with_sums.get(x.name()) {
            return sums.clone();
        }
        let ones = self.row_of_ones(x);
        let sums = self.product(&ones, false, x, false, 1.0);
        let columns = [x.shape[1]];
        self.reshape_to(&sums, &columns).unwrap_or(sums)
    }

    /// `alpha · op(a) · op(b)`, batched over all axes but the last two, which broadcast; `op` transposes the last two axes
    /// where its flag says so. Of rank 2 and more.
    pub fn product(&mut self, a: &Operand, trans_a: bool, b: &Operand, trans_b: bool, alpha: f32) -> Operand {
        let outer = |x: &Operand, transposed: bool| {
            let (rows, columns) = (x.shape[x.rank() - 2], x.shape[x.rank() - 1]);
            if transposed { (columns, rows) } else { (rows, columns) }
        };
        let batch = |x: &Operand| x.shape[..x.rank() - 2].to_vec();
        let mut shape = broadcast(&batch(a), &batch(b));
        shape.extend([outer(a, trans_a).0, outer(b, trans_b).1]);
        if !trans_a && !trans_b && alpha == 1.0 {
            return self.node("MatMul", &[a, b], vec![], a.dtype, &shape);
        }
        let flags = [("transA", trans_a), ("transB", trans_b)];
        let mut attributes: Vec<_> =
            flags.iter().filter(|(_, set)| *set).map(|(name, _)| attribute::int(name, 1)).collect();
        if alpha != 1.0 {
            attributes.push(attribute::float("alpha", alpha));
        }
        if a.rank() == 2 && b.rank() == 2 {
            return self.node("Gemm", &[a, b], attributes, a.dtype, &shape);
        }
        let mut made = self.node_with(MICROSOFT, "FusedMatMul", &[a, b], attributes, a.dtype, &[shape]);
        made.pop().expect("one shape was given, so there is one output")
    }
}
