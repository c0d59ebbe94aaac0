//! Reverse mode: from the gradients of some tensors of a graph to those of the tensors they were computed from.

use std::collections::{HashMap, HashSet};

use larder_kernels::operators::{DOMAIN, VERSION};
use larder_onnx::facts::Facts;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{ModelProto, NodeProto, OperatorSetIdProto};
use larder_onnx::{Model, Value};

use crate::GraphsError;
use crate::emit::{Emitter, MICROSOFT, Operand};
use crate::registry::{Outcome, differentiable_operators, outcome};
use crate::rule::{ExtraOutputs, GraphContext, Vjp};
use crate::rules::own_operators::own_rule;
use crate::shape::shown;

/// The operator sets of ONNX that gradients are written for: from the one that made axes an input of `Unsqueeze` and
/// `ReduceSum`, to the newest that every kernel of the stock CUDA build knows.
pub const OPSETS: std::ops::RangeInclusive<i64> = 13..=21;

/// The outputs to differentiate and the tensors to differentiate with respect to. All names are of tensors that the
/// graph has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The starts of the gradients: a tensor and its gradient, of the same shape and type, as the loss and a 1, or a
    /// scale.
    pub outputs: &'a [(&'a str, &'a str)],
    /// The tensors whose gradients are wanted: parameters, or tensors inside.
    pub wanted: &'a [&'a str],
    /// A tensor of zeros for each table that `Gather` reads, in the table's shape, into which the gradient is added. If the
    /// zeros are an input and the gradient an output, both can share memory, and the table's size is not written again with
    /// every run. Other tables get zeros made in the graph.
    pub zeros: &'a [(&'a str, &'a str)],
    /// The way in which the rows of tables get their gradients.
    pub scatter: Scatter,
    /// Gradients of activations and normalisations by larder's own operators ([`larder_kernels::operators`]), where they have one:
    /// such a graph runs in this process alone.
    pub own_operators: bool,
}

/// The way in which the gradients of `n` rows are added up in a table of more than 64 rows, where several belong to one
/// row of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scatter {
    /// Rows that belong together are added up by a product with an `[n, n]` matrix of zeros and ones, and written after.
    /// Right on every device, and the same in every run; takes `2 n² · width` operations and `4 n²` bytes.
    #[default]
    Product,
    /// `ScatterND` with `reduction=add`, from operator set 16 on. On CUDA the sums are right, and rounded differently in
    /// every run. On the CPU it is right in one thread only: two threads that add to one row at a time lose one of the
    /// additions, without a word.
    Atomic,
}

/// A graph with its gradients.
#[derive(Clone, Debug)]
pub struct Differentiated {
    /// The model with the backward nodes, called `grad.<forward node>.<Operator>`, behind the forward ones. Its inputs and
    /// outputs are as they were: the gradients are tensors inside.
    pub model: Model,
    /// The gradient of every wanted tensor that the outputs depend on, in its shape and type. Two tensors may share one
    /// gradient, and a gradient may be the one that was given: name them apart with `Identity` where that matters.
    pub gradients: HashMap<String, Value>,
    /// The wanted tensors that the outputs do not depend on, or only by way of operators that no gradient passes: their
    /// gradients are zero, and there is no tensor for them.
    pub unreached: Vec<String>,
}

/// Appends to `model` what computes the gradients of the [`Request::wanted`] tensors.
///
/// Backward nodes are made only on the ways that lead from a wanted tensor to an output. Integers and truth values carry
/// no gradient. Forward nodes stay as they are, but for outputs that some get besides, as `LayerNormalization` its mean.
/// `facts` must know every float tensor on the ways, and the integers that give axes and shapes; the tensors that are made
/// are added to it.
///
/// # Errors
/// [`GraphsError::Opset`], [`GraphsError::UnsupportedOperator`], [`GraphsError::UnsupportedForm`],
/// [`GraphsError::NeedsOpset`], [`GraphsError::NoFact`], [`GraphsError::NoTensor`], [`GraphsError::NotAFloat`],
/// [`GraphsError::SeedShape`], [`GraphsError::GradientShape`], [`GraphsError::MissingOperand`], [`GraphsError::Model`].
pub fn differentiate(model: Model, facts: &mut Facts, request: &Request<'_>) -> Result<Differentiated, GraphsError> {
    let opset = model.opset("")?;
    if !OPSETS.contains(&opset) {
        return Err(GraphsError::Opset { found: opset, expected: OPSETS });
    }
    let model = model.sorted()?;
    let (work, extra_outputs) = {
        let graph = Graph::of(&model, facts, request)?;
        let mut work = BackwardPass::new(&model, opset, facts, request)?;
        let extra_outputs = work.backward(&graph, request)?;
        (work.finish(request), extra_outputs)
    };
    let Finished { nodes, initializers, gradients, unreached } = work;

    let mut proto = model.into_proto();
    for (domain, version) in [(MICROSOFT, 1), (DOMAIN, VERSION)] {
        if nodes.iter().any(|node| node.domain() == domain) {
            import(&mut proto, domain, version);
        }
    }
    let graph = proto.graph.get_or_insert_default();
    for (position, extra) in extra_outputs {
        let outputs = &mut graph.node[position].output;
        for (index, name) in extra {
            if outputs.len() <= index {
                outputs.resize(index + 1, String::new());
            }
            outputs[index] = name;
        }
    }
    graph.node.extend(nodes);
    graph.initializer.extend(initializers);
    Ok(Differentiated { model: Model::from_proto(proto)?, gradients, unreached })
}

/// Adds the domain to those that the model's operators are of.
pub(crate) fn import(proto: &mut ModelProto, domain: &str, version: i64) {
    if !proto.opset_import.iter().any(|import| import.domain() == domain) {
        proto.opset_import.push(OperatorSetIdProto { domain: Some(domain.to_owned()), version: Some(version) });
    }
}

/// The forward graph, with the ways that gradients take.
struct Graph<'a> {
    nodes: &'a [NodeProto],
    consumers: HashMap<&'a str, Vec<&'a NodeProto>>,
    /// Float tensors that depend on a wanted one by way of rules, the wanted ones included.
    active: HashSet<&'a str>,
    /// Tensors that an output depends on by way of rules, or of operators that are not known.
    needed: HashSet<&'a str>,
}

impl<'a> Graph<'a> {
    /// # Errors
    /// [`GraphsError::UnsupportedOperator`] for an operator without a rule on a way.
    fn of(model: &'a Model, facts: &Facts, request: &Request<'a>) -> Result<Self, GraphsError> {
        let nodes = model.graph().node.as_slice();
        let mut consumers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
        for node in nodes {
            for name in reads(node) {
                consumers.entry(name).or_default().push(node);
            }
        }
        let mut needed: HashSet<&str> = request.outputs.iter().map(|(output, _)| *output).collect();
        for node in nodes.iter().rev() {
            let passes = !matches!(outcome(node), Some(Outcome::NotDifferentiable(_)));
            if passes && node.output.iter().any(|name| needed.contains(name.as_str())) {
                needed.extend(reads(node));
            }
        }
        // An operator may be unknown and its outputs too: they are taken for floats, so that none is passed over.
        let is_float = |name: &str| facts.get(name).is_none_or(|fact| is_float(fact.dtype));
        let mut active: HashSet<&str> = request.wanted.iter().copied().collect();
        for (position, node) in nodes.iter().enumerate() {
            let Some(tensor) = reads(node).into_iter().find(|name| active.contains(name)) else { continue };
            let outputs = node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
            let is_needed = outputs.clone().any(|name| needed.contains(name));
            match outcome(node) {
                Some(Outcome::NotDifferentiable(_)) => {}
                Some(Outcome::Rule(_)) => active.extend(outputs.filter(|name| is_float(name))),
                None if !is_needed => {}
                None => {
                    return Err(GraphsError::UnsupportedOperator {
                        node: label(node, position),
                        op_type: node.op_type().to_owned(),
                        domain: node.domain().to_owned(),
                        tensor: tensor.to_owned(),
                        supported: differentiable_operators().join(", "),
                    });
                }
            }
        }
        Ok(Self { nodes, consumers, active, needed })
    }

    /// Returns true if this input's gradient must be computed.
    fn needs_gradient(&self, input: &str) -> bool {
        self.active.contains(input) && self.needed.contains(input)
    }
}

/// Returns every tensor that a node reads: its inputs, and the outer tensors of graphs inside it (`If`, `Loop`).
fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    for graph in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
        names.extend(graph.node.iter().flat_map(reads));
        names.extend(graph.output.iter().map(|output| output.name()));
    }
    names
}

/// A node's name, else what tells it apart.
fn label(node: &NodeProto, position: usize) -> String {
    if node.name().is_empty() { format!("#{position} {}", node.op_type()) } else { node.name().to_owned() }
}

fn is_float(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double)
}

/// The backward pass under way.
struct BackwardPass<'f> {
    emitter: Emitter<'f>,
    zeros: HashMap<String, Operand>,
    /// Contributions of the readers that have been differentiated.
    partial: HashMap<String, Vec<Operand>>,
    /// Gradients of tensors whose readers all have been.
    gradients: HashMap<String, Operand>,
    /// Tensors that no node makes. Their contributions are added as they come: they may be large and shared by many
    /// layers, and would all be kept until the last one is there.
    leaves: HashSet<String>,
}

struct Finished {
    nodes: Vec<NodeProto>,
    initializers: Vec<larder_onnx::TensorProto>,
    gradients: HashMap<String, Value>,
    unreached: Vec<String>,
}

impl<'f> BackwardPass<'f> {
    fn new(model: &Model, opset: i64, facts: &'f mut Facts, request: &Request<'_>) -> Result<Self, GraphsError> {
        let graph = model.graph();
        let mut known: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
        known.extend(graph.initializer.iter().map(|tensor| tensor.name()));
        let leaves = known.iter().map(|&name| name.to_owned()).collect();
        known.extend(graph.node.iter().flat_map(|node| node.output.iter().map(String::as_str)));
        let check = |tensor: &str, role| match known.contains(tensor) {
            true => Ok(()),
            false => Err(GraphsError::NoTensor { tensor: tensor.to_owned(), role }),
        };

        let emitter = Emitter::new(graph, opset, facts);
        for wanted in request.wanted {
            check(wanted, "wanted")?;
            let operand = emitter.operand(wanted)?;
            if !is_float(operand.dtype) {
                let found = format!("{:?}", operand.dtype).to_ascii_lowercase();
                return Err(GraphsError::NotAFloat { tensor: (*wanted).to_owned(), found });
            }
        }
        let same_shape = |role, (of, given): &(&str, &str)| {
            check(of, "output")?;
            check(given, role)?;
            let (of, given) = (emitter.operand(of)?, emitter.operand(given)?);
            if of.shape == given.shape && of.dtype == given.dtype {
                return Ok(given);
            }
            Err(GraphsError::SeedShape {
                role,
                tensor: given.name().to_owned(),
                of: of.name().to_owned(),
                expected: format!("{} of {:?}", shown(&of.shape), of.dtype),
                found: format!("{} of {:?}", shown(&given.shape), given.dtype),
            })
        };
        let mut partial: HashMap<String, Vec<Operand>> = HashMap::new();
        for pair in request.outputs {
            partial.entry(pair.0.to_owned()).or_default().push(same_shape("gradient", pair)?);
        }
        let zeros = request.zeros.iter().map(|pair| Ok((pair.0.to_owned(), same_shape("zeros", pair)?)));
        let zeros = zeros.collect::<Result<_, GraphsError>>()?;
        Ok(Self { emitter, zeros, partial, gradients: HashMap::new(), leaves })
    }

    /// Goes through the nodes from the last to the first. Gives the outputs that forward nodes need besides, by the
    /// node's position.
    fn backward(
        &mut self,
        graph: &Graph<'_>,
        request: &Request<'_>,
    ) -> Result<Vec<(usize, ExtraOutputs)>, GraphsError> {
        let mut extra_outputs = Vec::new();
        let has_output_seed = |name: &str| request.outputs.iter().any(|(output, _)| *output == name);
        for (position, node) in graph.nodes.iter().enumerate().rev() {
            let wanted: Vec<bool> = node.input.iter().map(|input| graph.needs_gradient(input)).collect();
            let Some(Outcome::Rule(rule)) = outcome(node) else { continue };
            let rule = own_rule(node).filter(|_| request.own_operators).unwrap_or(rule);
            if !wanted.contains(&true) {
                continue;
            }
            let label = label(node, position);
            self.emitter.set_scope(format!("grad.{label}"));
            let output_gradients: Vec<Option<Operand>> = node.output.iter().map(|name| self.gradient(name)).collect();
            if output_gradients.iter().all(Option::is_none) {
                continue;
            }
            let context = GraphContext {
                consumers: &graph.consumers,
                has_output_seed: &has_output_seed,
                scatter: request.scatter,
                zeros: &self.zeros,
                gradients: &self.gradients,
            };
            let mut vjp = Vjp {
                e: &mut self.emitter,
                node,
                context: &context,
                label: &label,
                input_gradients: vec![None; wanted.len()],
                wanted,
                output_gradients,
                extra_outputs: Vec::new(),
            };
            rule(&mut vjp)?;
            let Vjp { wanted, input_gradients, extra_outputs: extra, .. } = vjp;
            if !extra.is_empty() {
                extra_outputs.push((position, extra));
            }
            for ((input, gradient), is_wanted) in node.input.iter().zip(input_gradients).zip(wanted) {
                match gradient.filter(|_| is_wanted) {
                    Some(gradient) => self.contribute(input, gradient),
                    None if is_wanted => {
                        return Err(GraphsError::UnsupportedForm {
                            node: label,
                            op_type: node.op_type().to_owned(),
                            problem: format!("its rule has no gradient for input {input:?}"),
                            supported: "the inputs that the rule names",
                        });
                    }
                    None => {}
                }
            }
        }
        Ok(extra_outputs)
    }

    fn contribute(&mut self, tensor: &str, gradient: Operand) {
        let parts = self.partial.entry(tensor.to_owned()).or_default();
        match parts.last_mut() {
            Some(sum) if self.leaves.contains(tensor) => *sum = self.emitter.add(sum, &gradient),
            _ => parts.push(gradient),
        }
    }

    /// The gradient of a tensor whose readers have all been differentiated.
    fn gradient(&mut self, tensor: &str) -> Option<Operand> {
        if let Some(parts) = self.partial.remove(tensor) {
            let sum = self.emitter.sum_all(&parts);
            self.gradients.insert(tensor.to_owned(), sum);
        }
        self.gradients.get(tensor).cloned()
    }

    fn finish(mut self, request: &Request<'_>) -> Finished {
        let mut gradients = HashMap::new();
        let mut unreached = Vec::new();
        self.emitter.set_scope("grad".to_owned());
        for &tensor in request.wanted {
            match self.gradient(tensor) {
                Some(gradient) => _ = gradients.insert(tensor.to_owned(), gradient.value),
                None => unreached.push(tensor.to_owned()),
            }
        }
        let Emitter { nodes, initializers, .. } = self.emitter;
        Finished { nodes, initializers, gradients, unreached }
    }
}
