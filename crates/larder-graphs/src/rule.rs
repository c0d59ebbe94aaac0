//! The view that a rule has of its node, and the gradients it sets.

use std::collections::HashMap;

use larder_onnx::facts::Dim;
use larder_onnx::proto::NodeProto;
use larder_onnx::proto::tensor_proto::DataType;

use crate::GraphsError;
use crate::emit::{Emitter, Operand};
use crate::reverse::Scatter;
use crate::shape::{as_i64, axis_of, shown};

/// One rule: appends the nodes that make gradients of a node's inputs out of those of its outputs.
pub(crate) type Rule = fn(&mut Vjp<'_, '_>) -> Result<(), GraphsError>;

/// Outputs that a forward node gets because its gradient needs them: place among the outputs, and name.
pub(crate) type ExtraOutputs = Vec<(usize, String)>;

/// The vector-Jacobian product of one node: `dX` from `dY`, for each input X that wants one.
pub(crate) struct Vjp<'e, 'f> {
    /// Appends nodes.
    pub e: &'e mut Emitter<'f>,
    /// The forward node.
    pub node: &'e NodeProto,
    /// The graph around it.
    pub context: &'e GraphContext<'e>,
    pub(crate) label: &'e str,
    pub(crate) wanted: Vec<bool>,
    pub(crate) output_gradients: Vec<Option<Operand>>,
    pub(crate) input_gradients: Vec<Option<Operand>>,
    pub(crate) extra_outputs: ExtraOutputs,
}

/// The parts of the graph that a rule may look up beyond its own node.
pub(crate) struct GraphContext<'a> {
    /// The nodes that read a tensor; once more for each time that they read it.
    pub consumers: &'a HashMap<&'a str, Vec<&'a NodeProto>>,
    /// Returns true if a tensor gets a gradient from outside the graph.
    pub has_output_seed: &'a dyn Fn(&str) -> bool,
    /// The way in which the rows of tables get their gradients.
    pub scatter: Scatter,
    /// Zeros that a scatter may add into, by the table whose gradient it makes.
    pub zeros: &'a HashMap<String, Operand>,
    /// Gradients of tensors whose readers have all been differentiated.
    pub gradients: &'a HashMap<String, Operand>,
}

impl Vjp<'_, '_> {
    /// Returns true if input `index` needs a gradient.
    pub fn needs_input_grad(&self, index: usize) -> bool {
        self.wanted.get(index).copied().unwrap_or(false)
    }

    /// Returns true if the node has input `index`.
    pub fn has_input(&self, index: usize) -> bool {
        self.node.input.get(index).is_some_and(|name| !name.is_empty())
    }

    /// Input `index`.
    ///
    /// # Errors
    /// [`GraphsError::MissingOperand`], [`GraphsError::NoFact`].
    pub fn input(&self, index: usize) -> Result<Operand, GraphsError> {
        match self.node.input.get(index) {
            Some(name) if !name.is_empty() => self.e.operand(name),
            _ => Err(self.missing("input", index)),
        }
    }

    /// Output `index`.
    ///
    /// # Errors
    /// [`GraphsError::MissingOperand`], [`GraphsError::NoFact`].
    pub fn output(&self, index: usize) -> Result<Operand, GraphsError> {
        match self.node.output.get(index) {
            Some(name) if !name.is_empty() => self.e.operand(name),
            _ => Err(self.missing("output", index)),
        }
    }

    /// The gradient of the first output, the one of every operator with a single output.
    ///
    /// # Errors
    /// [`GraphsError::UnsupportedForm`] when the loss depends on other outputs of the node alone.
    pub fn grad(&self) -> Result<Operand, GraphsError> {
        let others = self.output_gradients.iter().skip(1).any(Option::is_some);
        match self.grad_of(0) {
            Some(grad) if !others => Ok(grad),
            _ => Err(self.unsupported("the loss depends on another output than the first", "the first output")),
        }
    }

    /// Returns the gradient of output `index`, if the loss depends on it.
    pub fn grad_of(&self, index: usize) -> Option<Operand> {
        self.output_gradients.get(index).cloned().flatten()
    }

    /// Answers with the gradient of input `index`.
    ///
    /// # Errors
    /// [`GraphsError::GradientShape`] when it has not the input's shape.
    pub fn set_input_grad(&mut self, index: usize, gradient: Operand) -> Result<(), GraphsError> {
        let input = self.input(index)?;
        if input.shape != gradient.shape {
            return Err(GraphsError::GradientShape {
                node: self.label.to_owned(),
                op_type: self.node.op_type().to_owned(),
                index,
                expected: shown(&input.shape),
                found: shown(&gradient.shape),
            });
        }
        self.input_gradients[index] = Some(gradient);
        Ok(())
    }

    /// Answers with a gradient that still has the shape of a broadcast result.
    ///
    /// # Errors
    /// As for [`Vjp::set_input_grad`].
    pub fn set_unbroadcast(&mut self, index: usize, gradient: &Operand) -> Result<(), GraphsError> {
        let shape = self.input(index)?.shape;
        let gradient = self.e.sum_to(gradient, &shape);
        self.set_input_grad(index, gradient)
    }

    /// Returns output `index` of the forward node, and adds it if the node does not have it.
    pub fn extra_output(&mut self, index: usize, dtype: DataType, shape: &[Dim]) -> Result<Operand, GraphsError> {
        if self.node.output.get(index).is_some_and(|name| !name.is_empty()) {
            return self.output(index);
        }
        let name = self.e.fresh("saved");
        self.extra_outputs.push((index, name.clone()));
        Ok(self.e.describe(&name, dtype, shape))
    }

    /// A float attribute of the node, else the operator's default.
    pub fn float_attribute(&self, name: &str, default: f32) -> f32 {
        self.node.find_attribute(name).and_then(|attribute| attribute.f).unwrap_or(default)
    }

    /// A flag of the node, off by default.
    pub fn flag(&self, name: &str) -> bool {
        self.node.int_attribute(name, 0) != 0
    }

    /// A text attribute of the node.
    pub fn text_attribute(&self, name: &str) -> Option<String> {
        let bytes = self.node.find_attribute(name)?.s.as_ref()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The attribute `axis` as a place in a tensor of that rank.
    ///
    /// # Errors
    /// [`GraphsError::UnsupportedForm`] when there is no such axis.
    pub fn axis(&self, default: i64, rank: usize) -> Result<usize, GraphsError> {
        let axis = self.node.int_attribute("axis", default);
        axis_of(axis, rank).ok_or_else(|| self.no_axis(axis, rank))
    }

    /// The axes that an attribute names (older operator sets), or an input: sorted places in a tensor of that rank.
    /// `None` where neither is given.
    ///
    /// # Errors
    /// [`GraphsError::UnsupportedForm`] when they are not constant.
    pub fn axes(&self, input: usize, rank: usize) -> Result<Option<Vec<usize>>, GraphsError> {
        let axes = match self.node.find_attribute("axes") {
            Some(attribute) => attribute.ints.clone(),
            None if self.has_input(input) => {
                let operand = self.input(input)?;
                let known = self.e.constant_integers(&operand);
                known.ok_or_else(|| self.unsupported("its axes are computed", "constant axes"))?
            }
            None => return Ok(None),
        };
        let place = |&axis: &i64| axis_of(axis, rank).ok_or_else(|| self.no_axis(axis, rank));
        let mut places = axes.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable();
        Ok(Some(places))
    }

    fn no_axis(&self, axis: i64, rank: usize) -> GraphsError {
        self.unsupported(&format!("axis {axis} of a tensor of rank {rank}"), "an axis that is there")
    }

    /// The node in a form that the rule does not cover.
    pub fn unsupported(&self, problem: &str, supported: &'static str) -> GraphsError {
        GraphsError::UnsupportedForm {
            node: self.label.to_owned(),
            op_type: self.node.op_type().to_owned(),
            problem: problem.to_owned(),
            supported,
        }
    }

    /// # Errors
    /// [`GraphsError::NeedsOpset`] when the model's operator set is older than `needed`.
    pub fn needs_opset(&self, needed: i64) -> Result<(), GraphsError> {
        if self.e.opset >= needed {
            return Ok(());
        }
        Err(GraphsError::NeedsOpset {
            node: self.label.to_owned(),
            op_type: self.node.op_type().to_owned(),
            needed,
            found: self.e.opset,
        })
    }

    fn missing(&self, side: &'static str, index: usize) -> GraphsError {
        GraphsError::MissingOperand {
            node: self.label.to_owned(),
            op_type: self.node.op_type().to_owned(),
            side,
            index,
        }
    }
}

/// Places as the operators take them.
pub(crate) fn as_axes(places: &[usize]) -> Vec<i64> {
    places.iter().map(|&place| as_i64(place)).collect()
}
