//! A graph with larder's own operators, which run on the CPU ([`larder_kernels::operators`]).
//!
//! Products by a constant matrix become larder's, in bfloat16 or in 8-bit integers, with the activation or the residual behind them; those
//! of float32 stay the runtime's. Where attention depends on nothing but which tokens there are, queries, keys and values come from one
//! product, and one operator reads them where that wrote them. A residual before a normalisation is added by the normalisation. All tensors
//! between operators stay float32, and so does everything that is left as it was: embeddings, poolings.
//!
//! Such a graph runs in this process alone: it is not written into any file.

use std::collections::{BTreeMap, HashMap, HashSet};

use larder_kernels::operators::{
    ACTIVATION, ATTENTION, DOMAIN, GEMM, LAYER_NORMALIZATION, PRECISION, QUANTISED_GEMM, VERSION,
};
use larder_kernels::{Activation, Precision};

use crate::built_attention::{Attention, AttentionReader};
use crate::families::metadata;
use crate::graph::{Producers, prune};
use crate::proto::tensor_proto::DataType;
use crate::proto::{AttributeProto, NodeProto, OperatorSetIdProto, TensorProto};
use crate::quantise::{MICROSOFT, fed, is_linear, quantised_linear};
use crate::{Interface, Model, OnnxError, attribute};

/// The numbers that larder's operators compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorForm {
    /// Products in floats become products in bfloat16, those of attention too.
    Bfloat16,
    /// Products in floats stay as they are; attention is in float32.
    Float32,
    /// The products of [`Model::quantised`], by the same integers; attention is in float32.
    Int8,
}

impl OperatorForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Bfloat16, Self::Float32, Self::Int8];

    /// Its name: `bfloat16`, `float32` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bfloat16 => "bfloat16",
            Self::Float32 => "float32",
            Self::Int8 => "int8",
        }
    }

    /// The precision of attention's products.
    fn attention(self) -> Precision {
        match self {
            Self::Bfloat16 => Precision::Bfloat16,
            Self::Float32 | Self::Int8 => Precision::Float32,
        }
    }
}

impl Model {
    /// Returns the model with larder's operators, and the number of nodes that they take the place of: products, but for
    /// [`OperatorForm::Float32`], and attentions with normalisations there. Names of inputs, outputs and hidden states stay.
    /// `interface` is the model's own.
    ///
    /// # Errors
    /// [`OnnxError`] for a malformed graph, or a weight that is malformed.
    pub fn with_operators(&self, interface: &Interface, form: OperatorForm) -> Result<(Self, usize), OnnxError> {
        let graph = self.graph();
        let producers = Producers::of(graph)?;
        let reader = Reader::new(self, &producers, form);
        let mut rewritten: HashMap<usize, NodeProto> = HashMap::new();
        // Layers may share their weights.
        let mut initializers: BTreeMap<String, TensorProto> = BTreeMap::new();
        let (mut products, mut others) = (0, 0);
        let mut joined = HashSet::new();
        let mask = interface.attention_mask.as_ref().map_or("", |mask| &mask.name);
        let attentions = AttentionReader::new(self, &producers, mask);
        for attention in attentions
            .attentions()
            .flatten()
            .filter(|found| found.dropout.is_none() && attentions.is_padding_mask(found.mask))
        {
            if let Some(found) = reader.attention(&attentions, &attention)? {
                joined.extend(found.products);
                rewritten.insert(found.products[2], found.product);
                rewritten.insert(found.closing, found.attention);
                initializers.extend(found.initializers.into_iter().map(|tensor| (tensor.name().to_owned(), tensor)));
                products += 3;
                others += 1;
            }
        }
        for (at, node) in graph.node.iter().enumerate() {
            if joined.contains(&at) {
                continue;
            }
            if let Some(linear) = reader.linears.get(&at) {
                if form != OperatorForm::Float32 {
                    let (closing, node) = reader.product(at, linear);
                    rewritten.insert(closing, node);
                    products += 1;
                }
            } else if let Some(node) = reader.normalisation(node) {
                rewritten.insert(at, node);
                others += 1;
            }
        }

        let mut proto = self.proto().clone();
        let mut graph = proto.graph.take().unwrap_or_default();
        let nodes = std::mem::take(&mut graph.node);
        graph.node = nodes.into_iter().enumerate().map(|(at, node)| rewritten.remove(&at).unwrap_or(node)).collect();
        graph.initializer.extend(initializers.into_values());
        let hidden_states: Vec<String> = self
            .metadata(metadata::HIDDEN_STATES)
            .and_then(|names| serde_json::from_str(names).ok())
            .unwrap_or_default();
        let outputs: Vec<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
        let kept: Vec<&str> = outputs.iter().chain(&hidden_states).map(String::as_str).collect();
        prune(&mut graph, &kept)?;
        proto.graph = Some(graph);
        proto.opset_import.push(OperatorSetIdProto { domain: Some(DOMAIN.to_owned()), version: Some(VERSION) });
        Ok((Self::from_proto(proto)?, if form == OperatorForm::Float32 { others } else { products }))
    }
}

/// What takes the place of an attention and its three products.
struct JoinedAttention {
    /// The products of queries, keys and values: places in the graph's nodes. The last one's place is taken by `product`.
    products: [usize; 3],
    product: NodeProto,
    initializers: Vec<TensorProto>,
    /// The node whose place `attention` takes.
    closing: usize,
    attention: NodeProto,
}

/// The product of a tensor that depends on the input, with a constant matrix.
struct Linear<'a> {
    /// The rows that are multiplied.
    x: &'a str,
    /// Floats `[out, in]`, or signed bytes `[in, out]` where there are scales.
    weight: &'a TensorProto,
    /// Of each output of quantised weights, `[out]`.
    scales: Option<&'a TensorProto>,
    bias: Option<&'a str>,
}

/// Finds what larder's operators can do.
struct Reader<'a, 'b> {
    form: OperatorForm,
    nodes: &'a [NodeProto],
    producers: &'b Producers<'a>,
    model: &'a Model,
    /// By the place of the node that gives the result.
    linears: HashMap<usize, Linear<'a>>,
    /// Tensors that depend on what the model is fed.
    fed: HashSet<String>,
    /// Of each tensor, the places of the nodes that read it.
    readers: HashMap<&'a str, Vec<usize>>,
}

impl<'a, 'b> Reader<'a, 'b> {
    fn new(model: &'a Model, producers: &'b Producers<'a>, form: OperatorForm) -> Self {
        let graph = model.graph();
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|input| readers.entry(input).or_default().push(at));
        }
        let fed = fed(graph, &graph.node);
        let mut reader = Self { form, nodes: &graph.node, producers, model, linears: HashMap::new(), fed, readers };
        let weights: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|t| (t.name(), t)).collect();
        let linears = (0..graph.node.len()).filter_map(|at| match form {
            OperatorForm::Int8 => reader.quantised(at),
            OperatorForm::Bfloat16 | OperatorForm::Float32 => reader.linear(at, &weights),
        });
        reader.linears = linears.collect();
        reader
    }

    /// The product in floats that a node is.
    fn linear(&self, at: usize, weights: &HashMap<&str, &'a TensorProto>) -> Option<(usize, Linear<'a>)> {
        let node = Some(&self.nodes[at]).filter(|node| is_linear(node) && self.fed.contains(&node.input[0]))?;
        let weight = *weights.get(node.input[1].as_str())?;
        let is_matrix = weight.dims.len() == 2 && weight.data_type() == DataType::Float as i32;
        let bias = node.input.get(2).map(String::as_str).filter(|bias| !bias.is_empty());
        is_matrix.then_some((at, Linear { x: &node.input[0], weight, scales: None, bias }))
    }

    /// The quantised product that a node is part of, with the place that closes it.
    fn quantised(&self, at: usize) -> Option<(usize, Linear<'a>)> {
        let node = &self.nodes[at];
        if node.op_type() != "MatMulIntegerToFloat" || node.domain() != MICROSOFT {
            return None;
        }
        let scaling = self.only_reader(self.output(at), "Mul")?;
        let found = quantised_linear(self.model, self.producers, node, &self.nodes[scaling])?;
        let (closing, bias) = match self.only_reader(self.output(scaling), "Add") {
            Some(sum) => match self.nodes[sum].input.as_slice() {
                [product, bias] if product == self.output(scaling) && !self.fed.contains(bias) => (sum, Some(bias)),
                _ => (scaling, None),
            },
            None => (scaling, None),
        };
        let bias = bias.map(String::as_str);
        Some((closing, Linear { x: found.x, weight: found.integers, scales: Some(found.scales), bias }))
    }

    /// The place of the product that gives this tensor.
    fn linear_of(&self, tensor: &str) -> Option<usize> {
        self.producers.place(tensor).filter(|at| self.linears.contains_key(at))
    }

    /// The node that reads a tensor with that operator, if there is exactly one.
    fn reader(&self, tensor: &str, op_type: &str) -> Option<usize> {
        let mut found = self.readers.get(tensor)?.iter().copied().filter(|&at| self.nodes[at].is_op(op_type));
        found.next().filter(|_| found.next().is_none())
    }

    /// The only node that reads a tensor, if it is of that operator.
    fn only_reader(&self, tensor: &str, op_type: &str) -> Option<usize> {
        match self.readers.get(tensor)?.as_slice() {
            &[at] if self.nodes[at].is_op(op_type) => Some(at),
            _ => None,
        }
    }

    fn output(&self, at: usize) -> &'a str {
        self.nodes[at].output.first().map_or("", String::as_str)
    }

    /// True if one of a node's inputs is a constant of about this value.
    fn has_constant(&self, at: usize, value: f32) -> bool {
        let is_it = |input: &String| {
            let stored = self.model.initializer_floats(input).ok();
            stored.is_some_and(|stored| matches!(*stored, [one] if (one - value).abs() < 1e-6))
        };
        self.nodes[at].input.iter().any(is_it)
    }

    /// Operator, inputs and attributes of a product in larder's operators.
    fn operands(&self, linear: &Linear<'a>) -> (&'static str, Vec<String>, Vec<AttributeProto>) {
        let (x, weight) = (linear.x.to_owned(), linear.weight.name().to_owned());
        let bias = linear.bias.unwrap_or_default().to_owned();
        match linear.scales {
            Some(scales) => (QUANTISED_GEMM, vec![x, weight, scales.name().to_owned(), bias], vec![]),
            None => (GEMM, vec![x, weight, bias], vec![attribute::int("transB", 1)]),
        }
    }

    /// The product at a place with what follows it: the node whose place it takes, and itself.
    fn product(&self, at: usize, linear: &Linear<'a>) -> (usize, NodeProto) {
        let result = self.output(at);
        let (op_type, inputs, mut attributes) = self.operands(linear);
        if let Some((closing, activation)) = self.activation(result) {
            attributes.push(attribute::string(ACTIVATION, activation.name()));
            return (closing, self.node(op_type, closing, inputs, attributes));
        }
        match self.residual(result) {
            // The normalisation behind it adds it.
            Some((sum, _)) if self.only_reader(self.output(sum), "LayerNormalization").is_some() => {}
            Some((sum, residual)) => {
                let inputs = [inputs, vec![residual.to_owned()]].concat();
                return (sum, self.node(op_type, sum, inputs, attributes));
            }
            None => {}
        }
        (at, self.node(op_type, at, inputs, attributes))
    }

    /// The sum that closes a block, of a product and the residual: its place, and the residual.
    fn residual(&self, product: &str) -> Option<(usize, &'a str)> {
        let sum = self.only_reader(product, "Add")?;
        match self.nodes[sum].input.as_slice() {
            [first, residual] if first == product && self.fed.contains(residual) => Some((sum, residual)),
            _ => None,
        }
    }

    /// The activation that reads a tensor, as [`build`](crate::build) writes it: the node that closes it, and which it is.
    fn activation(&self, x: &str) -> Option<(usize, Activation)> {
        self.gelu_erf(x)
            .map(|closing| (closing, Activation::GeluErf))
            .or_else(|| self.gelu_tanh(x).map(|closing| (closing, Activation::GeluTanh)))
            .or_else(|| self.silu(x).map(|closing| (closing, Activation::Silu)))
    }

    fn gelu_erf(&self, x: &str) -> Option<usize> {
        let inner = self.reader(x, "Div").filter(|&at| self.has_constant(at, std::f32::consts::SQRT_2))?;
        let erf = self.reader(self.output(inner), "Erf")?;
        let sum = self.reader(self.output(erf), "Add").filter(|&at| self.has_constant(at, 1.0))?;
        let product = self.reader(self.output(sum), "Mul").filter(|&at| self.reads(at, x))?;
        self.reader(self.output(product), "Mul").filter(|&at| self.has_constant(at, 0.5))
    }

    fn gelu_tanh(&self, x: &str) -> Option<usize> {
        let slope = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
        let cube = self.reader(x, "Pow").filter(|&at| self.has_constant(at, 3.0))?;
        let cube = self.reader(self.output(cube), "Mul").filter(|&at| self.has_constant(at, 0.044_715))?;
        let sum = self.reader(self.output(cube), "Add").filter(|&at| self.reads(at, x))?;
        let inner = self.reader(self.output(sum), "Mul").filter(|&at| self.has_constant(at, slope))?;
        let tanh = self.reader(self.output(inner), "Tanh")?;
        let sum = self.reader(self.output(tanh), "Add").filter(|&at| self.has_constant(at, 1.0))?;
        let half = self.reader(x, "Mul").filter(|&at| self.has_constant(at, 0.5))?;
        self.reader(self.output(sum), "Mul").filter(|&at| self.reads(at, self.output(half)))
    }

    fn silu(&self, x: &str) -> Option<usize> {
        let gate = self.reader(x, "Sigmoid")?;
        self.reader(self.output(gate), "Mul").filter(|&at| self.reads(at, x))
    }

    fn reads(&self, at: usize, tensor: &str) -> bool {
        self.nodes[at].input.iter().any(|input| input == tensor)
    }

    /// A normalisation of the sum of a product and a residual.
    fn normalisation(&self, node: &NodeProto) -> Option<NodeProto> {
        if !node.is_op("LayerNormalization") || node.int_attribute("axis", -1) != -1 {
            return None;
        }
        let sum = self.producers.node(node.input.first()?)?;
        let product = sum.input.first()?;
        self.linear_of(product)?;
        self.only_reader(node.input.first()?, "LayerNormalization")?;
        let (_, residual) = self.residual(product)?;
        let bias = node.input.get(2).cloned().unwrap_or_default();
        let inputs = vec![sum.input[0].clone(), node.input.get(1)?.clone(), bias, residual.to_owned()];
        let epsilon = node.find_attribute("epsilon").map_or(1e-5, AttributeProto::f);
        Some(NodeProto {
            op_type: Some(LAYER_NORMALIZATION.to_owned()),
            domain: Some(DOMAIN.to_owned()),
            input: inputs,
            attribute: vec![attribute::float("epsilon", epsilon)],
            ..node.clone()
        })
    }

    /// An attention of three products of the same rows, whose heads are nothing but parts of their columns.
    fn attention(
        &self,
        attentions: &AttentionReader<'a, '_>,
        found: &Attention<'a>,
    ) -> Result<Option<JoinedAttention>, OnnxError> {
        let product = |rows: &str| {
            self.only_reader(rows, "Reshape")?;
            self.linear_of(rows)
        };
        let places = || {
            let [query, key, value] = attentions.rows(found)?.map(product);
            let products = [query?, key?, value?];
            let heads = self.model.metadata(metadata::HEADS)?.parse::<i64>().ok()?;
            let (closing, scale) = (attentions.closing(found.context)?, attentions.scale(found)?);
            let rows = products.map(|at| self.linears[&at].x);
            (rows[0] == rows[1] && rows[1] == rows[2]).then_some((products, closing, heads, scale))
        };
        let Some((products, closing, heads, scale)) = places() else { return Ok(None) };
        let parts = products.map(|at| &self.linears[&at]);
        let Some(initializers) = self.joined(parts)? else { return Ok(None) };
        let of = |place: usize| initializers[place].name().to_owned();
        let mut input = vec![parts[0].x.to_owned()];
        input.extend((0..initializers.len()).map(of));
        let transposed = || vec![attribute::int("transB", 1)];
        let product = match self.form {
            OperatorForm::Bfloat16 => self.node(GEMM, products[2], input, transposed()),
            OperatorForm::Int8 => self.node(QUANTISED_GEMM, products[2], input, vec![]),
            OperatorForm::Float32 => NodeProto { domain: None, ..self.node("Gemm", products[2], input, transposed()) },
        };
        let attributes = vec![
            attribute::int("num_heads", heads),
            attribute::float("scale", scale),
            attribute::string(PRECISION, self.form.attention().name()),
        ];
        let read = vec![self.output(products[2]).to_owned(), found.mask.to_owned()];
        let attention = self.node(ATTENTION, closing, read, attributes);
        Ok(Some(JoinedAttention { products, product, initializers, closing, attention }))
    }

    /// The constants of one product in the place of three: the weight, the scales of a quantised one, and the bias if there is one.
    /// `None` for products that cannot be one.
    fn joined(&self, parts: [&Linear<'a>; 3]) -> Result<Option<Vec<TensorProto>>, OnnxError> {
        let weights = parts.map(|part| part.weight);
        if weights.iter().any(|weight| weight.dims != weights[0].dims) {
            return Ok(None);
        }
        let name = |tensor: &TensorProto| format!("{}.joined", tensor.name());
        let [first, second] = [0, 1].map(|axis| usize::try_from(weights[0].dims[axis]).unwrap_or(0));
        let mut initializers = match all(parts.map(|part| part.scales)) {
            Some(scales) => {
                // `[in, out]`: the outputs of one lie behind those of the other in each row.
                let Some(bytes) = all(weights.map(|weight| weight.raw_data.as_deref())) else { return Ok(None) };
                if bytes.iter().any(|bytes| bytes.len() != first * second) {
                    return Ok(None);
                }
                let row = |row: usize| bytes.iter().flat_map(move |bytes| &bytes[row * second..(row + 1) * second]);
                let values: Vec<u8> = (0..first).flat_map(row).copied().collect();
                vec![
                    TensorProto::from_raw(&name(weights[0]), &[first, 3 * second], DataType::Int8, values),
                    TensorProto::from_f32(&name(scales[0]), &[3 * second], &joined(&scales)?),
                ]
            }
            None => vec![TensorProto::from_f32(&name(weights[0]), &[3 * first, second], &joined(&weights)?)],
        };
        match all(parts.map(|part| part.bias)) {
            Some(biases) => {
                let Some(biases) = all(biases.map(|name| self.model.initializer(name))) else { return Ok(None) };
                let values = joined(&biases)?;
                initializers.push(TensorProto::from_f32(&name(biases[0]), &[values.len()], &values));
            }
            None if parts.iter().all(|part| part.bias.is_none()) => {}
            None => return Ok(None),
        }
        Ok(Some(initializers))
    }

    /// A node of larder's in the place of another, whose result it gives.
    fn node(&self, op_type: &str, at: usize, input: Vec<String>, attribute: Vec<AttributeProto>) -> NodeProto {
        let replaced = &self.nodes[at];
        NodeProto {
            name: replaced.name.clone(),
            op_type: Some(op_type.to_owned()),
            domain: Some(DOMAIN.to_owned()),
            input,
            output: replaced.output.clone(),
            attribute,
            ..Default::default()
        }
    }
}

/// The values of tensors one behind the other.
fn joined(tensors: &[&TensorProto; 3]) -> Result<Vec<f32>, OnnxError> {
    let mut values = Vec::new();
    for tensor in tensors {
        values.extend_from_slice(&tensor.floats()?);
    }
    Ok(values)
}

fn all<T>(values: [Option<T>; 3]) -> Option<[T; 3]> {
    let [first, second, third] = values;
    Some([first?, second?, third?])
}
