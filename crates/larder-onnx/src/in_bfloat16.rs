//! A graph with larder's own operators, which multiply in bfloat16 on the CPU ([`larder_kernels::operators`]).
//!
//! Every product by a constant matrix becomes one `Gemm` of larder's, with the activation or the residual behind it. Where attention
//! depends on nothing but which tokens there are, queries, keys and values come from one product, and one operator reads them where
//! that wrote them. A residual before a normalisation is added by the normalisation. All tensors between operators stay float32, and
//! so does everything that is left as it was: embeddings, softmax, normalisations, poolings.
//!
//! Such a graph runs in this process alone: it is not written into any file.

use std::collections::{BTreeMap, HashMap, HashSet};

use larder_kernels::Activation;
use larder_kernels::operators::{ACTIVATION, ATTENTION, DOMAIN, GEMM, LAYER_NORMALIZATION, VERSION};

use crate::built_attention::{Attention, AttentionReader};
use crate::families::metadata;
use crate::graph::{Producers, prune};
use crate::proto::tensor_proto::DataType;
use crate::proto::{AttributeProto, NodeProto, OperatorSetIdProto, TensorProto};
use crate::quantise::{fed, is_linear};
use crate::{Interface, Model, OnnxError, attribute};

impl Model {
    /// Returns the model with larder's operators in bfloat16, and the number of products that they compute. Names of inputs,
    /// outputs and hidden states stay. `interface` is the model's own.
    ///
    /// # Errors
    /// [`OnnxError`] for a malformed graph, or a weight that is malformed.
    pub fn in_bfloat16(&self, interface: &Interface) -> Result<(Self, usize), OnnxError> {
        let graph = self.graph();
        let producers = Producers::of(graph)?;
        let reader = Reader::new(self, &producers);
        let mut rewritten: HashMap<usize, NodeProto> = HashMap::new();
        // Layers may share their weights.
        let mut initializers: BTreeMap<String, TensorProto> = BTreeMap::new();
        let mut products = 0;
        let mut joined = HashSet::new();
        let mask = interface.attention_mask.as_ref().map_or("", |mask| &mask.name);
        let attentions = AttentionReader::new(self, &producers, mask);
        for attention in attentions
            .attentions()
            .flatten()
            .filter(|found| found.dropout.is_none() && attentions.is_padding_mask(found.mask))
        {
            if let Some(found) = reader.attention(&attention)? {
                joined.extend(found.gemms);
                rewritten.insert(found.gemms[2], found.product);
                rewritten.insert(found.closing, found.attention);
                initializers.extend(found.initializers.into_iter().map(|tensor| (tensor.name().to_owned(), tensor)));
                products += 3;
            }
        }
        for (at, node) in graph.node.iter().enumerate() {
            if joined.contains(&at) {
                continue;
            }
            if reader.is_product(node) {
                let (closing, node) = reader.product(at);
                rewritten.insert(closing, node);
                products += 1;
            } else if let Some(node) = reader.normalisation(node) {
                rewritten.insert(at, node);
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
        Ok((Self::from_proto(proto)?, products))
    }
}

/// What takes the place of an attention and its three products.
struct JoinedAttention {
    /// The products of queries, keys and values: places in the graph's nodes. The last one's place is taken by `product`.
    gemms: [usize; 3],
    product: NodeProto,
    initializers: Vec<TensorProto>,
    /// The node whose place `attention` takes.
    closing: usize,
    attention: NodeProto,
}

/// Finds what larder's operators can do.
struct Reader<'a, 'b> {
    nodes: &'a [NodeProto],
    producers: &'b Producers<'a>,
    model: &'a Model,
    weights: HashMap<&'a str, &'a TensorProto>,
    /// Tensors that depend on what the model is fed.
    fed: HashSet<String>,
    /// Of each tensor, the places of the nodes that read it.
    readers: HashMap<&'a str, Vec<usize>>,
}

impl<'a, 'b> Reader<'a, 'b> {
    fn new(model: &'a Model, producers: &'b Producers<'a>) -> Self {
        let graph = model.graph();
        let matrices = graph
            .initializer
            .iter()
            .filter(|tensor| tensor.dims.len() == 2 && tensor.data_type() == DataType::Float as i32);
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|input| readers.entry(input).or_default().push(at));
        }
        let weights = matrices.map(|tensor| (tensor.name(), tensor)).collect();
        Self { nodes: &graph.node, producers, model, weights, fed: fed(graph, &graph.node), readers }
    }

    /// A product of a tensor that depends on the input with a constant matrix.
    fn is_product(&self, node: &NodeProto) -> bool {
        is_linear(node) && self.weights.contains_key(node.input[1].as_str()) && self.fed.contains(&node.input[0])
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

    /// The product at a place with what follows it: the node whose place it takes, and itself.
    fn product(&self, at: usize) -> (usize, NodeProto) {
        let node = &self.nodes[at];
        let result = self.output(at);
        let bias = node.input.get(2).cloned().unwrap_or_default();
        let inputs = vec![node.input[0].clone(), node.input[1].clone(), bias];
        if let Some((closing, activation)) = self.activation(result) {
            let activation = attribute::string(ACTIVATION, activation.name());
            return (closing, self.node(GEMM, closing, inputs, vec![attribute::int("transB", 1), activation]));
        }
        let attributes = vec![attribute::int("transB", 1)];
        match self.residual(result) {
            // The normalisation behind it adds it.
            Some((sum, _)) if self.only_reader(self.output(sum), "LayerNormalization").is_some() => {}
            Some((sum, residual)) => {
                let inputs = [inputs, vec![residual.to_owned()]].concat();
                return (sum, self.node(GEMM, sum, inputs, attributes));
            }
            None => {}
        }
        (at, self.node(GEMM, at, inputs, attributes))
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
        let product = self.producers.node(sum.input.first()?).filter(|product| self.is_product(product))?;
        self.only_reader(node.input.first()?, "LayerNormalization")?;
        let (_, residual) = self.residual(product.output.first()?)?;
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
    fn attention(&self, found: &Attention<'a>) -> Result<Option<JoinedAttention>, OnnxError> {
        let heads_of = |tensor: &str, order: [i64; 4]| {
            let turned = self.producers.node(tensor).filter(|node| node.is_op("Transpose"))?;
            if turned.find_attribute("perm").is_none_or(|perm| perm.ints != order) {
                return None;
            }
            let split = self.producers.node(turned.input.first()?).filter(|node| node.is_op("Reshape"))?;
            let product = split.input.first()?;
            self.only_reader(product, "Reshape")?;
            let at = self.nodes.iter().position(|node| node.output.first() == Some(product))?;
            Some(at).filter(|&at| self.is_product(&self.nodes[at]))
        };
        let places = || {
            let parts = [(found.query, [0, 2, 1, 3]), (found.key, [0, 2, 3, 1]), (found.value, [0, 2, 1, 3])];
            let [query, key, value] = parts.map(|(tensor, order)| heads_of(tensor, order));
            let gemms = [query?, key?, value?];
            let turned = self.only_reader(self.output(found.context), "Transpose")?;
            let closing = self.only_reader(self.output(turned), "Reshape")?;
            let heads = self.model.metadata(metadata::HEADS)?.parse::<i64>().ok()?;
            let divisor = match *self.model.initializer_floats(found.divisor).ok()? {
                [divisor] => divisor,
                _ => return None,
            };
            let of = |place: usize| gemms.map(|at| self.nodes[at].input.get(place));
            let [first, second, third] = of(0);
            (first == second && second == third).then_some((gemms, closing, heads, divisor))
        };
        let Some((gemms, closing, heads, divisor)) = places() else { return Ok(None) };
        let inputs = |place: usize| gemms.map(|at| self.nodes[at].input.get(place));
        let Some(weights) = all(inputs(1).map(|name| self.weights.get(name?.as_str()).copied())) else {
            return Ok(None);
        };
        if weights.iter().any(|weight| weight.dims != weights[0].dims) {
            return Ok(None);
        }
        let [hidden, width] = [0, 1].map(|axis| usize::try_from(weights[0].dims[axis]).unwrap_or(0));
        let name = format!("{}.joined", weights[0].name());
        let mut initializers = vec![TensorProto::from_f32(&name, &[3 * hidden, width], &joined(&weights)?)];
        let mut input = vec![self.nodes[gemms[0]].input[0].clone(), name];
        match all(inputs(2)) {
            Some(biases) => {
                let biases = biases.map(|name| self.model.initializer(name));
                let Some(biases) = all(biases) else { return Ok(None) };
                let name = format!("{}.joined", biases[0].name());
                initializers.push(TensorProto::from_f32(&name, &[3 * hidden], &joined(&biases)?));
                input.push(name);
            }
            None if inputs(2).iter().all(Option::is_none) => input.push(String::new()),
            None => return Ok(None),
        }
        let product = self.node(GEMM, gemms[2], input, vec![attribute::int("transB", 1)]);
        let attributes = vec![attribute::int("num_heads", heads), attribute::float("scale", 1.0 / divisor)];
        let read = vec![self.output(gemms[2]).to_owned(), found.mask.to_owned()];
        let attention = self.node(ATTENTION, closing, read, attributes);
        Ok(Some(JoinedAttention { gemms, product, initializers, closing, attention }))
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
