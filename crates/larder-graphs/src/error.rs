//! The errors of making a training graph.

use larder_onnx::OnnxError;

/// An error of this crate: what failed, where, what was expected, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphsError {
    /// The model's structure is wrong.
    #[error("the graph cannot be differentiated")]
    Model {
        /// The error in the model.
        #[source]
        source: OnnxError,
    },
    /// An operator set that backward nodes are not written for.
    #[error(
        "the model uses operator set {found} of ONNX, and training graphs are made at {} to {}: \
         export the encoder at operator set 17",
        expected.start(), expected.end()
    )]
    Opset {
        /// The model's.
        found: i64,
        /// The supported operator sets.
        expected: std::ops::RangeInclusive<i64>,
    },
    /// An operator without a rule on the way from a parameter to the loss.
    #[error(
        "node {node:?} has operator {op_type} of domain {domain:?}, which cannot be differentiated; {tensor:?} reaches \
         the loss through it; operators with a rule: {supported}"
    )]
    UnsupportedOperator {
        /// The node.
        node: String,
        /// Its operator.
        op_type: String,
        /// The operator's domain; empty is ONNX itself.
        domain: String,
        /// The input that carries a gradient.
        tensor: String,
        /// The operators that have rules.
        supported: String,
    },
    /// An operator with a rule, in a form that the rule does not cover.
    #[error("node {node:?} ({op_type}) cannot be differentiated: {problem}; supported: {supported}")]
    UnsupportedForm {
        /// The node.
        node: String,
        /// Its operator.
        op_type: String,
        /// The part of the node that is not covered.
        problem: String,
        /// The forms that the rule covers.
        supported: &'static str,
    },
    /// A gradient that needs a newer operator set than the model has.
    #[error(
        "the gradient of node {node:?} ({op_type}) needs operator set {needed}, and the model has {found}: \
         export the encoder at operator set 17"
    )]
    NeedsOpset {
        /// The node.
        node: String,
        /// Its operator.
        op_type: String,
        /// The operator set that the gradient's operators need.
        needed: i64,
        /// The model's.
        found: i64,
    },
    /// A node that lacks an input or output which its operator requires.
    #[error("node {node:?} ({op_type}) has no {side} {index}, which its operator requires")]
    MissingOperand {
        /// The node.
        node: String,
        /// Its operator.
        op_type: String,
        /// `input` or `output`.
        side: &'static str,
        /// The place, from 0.
        index: usize,
    },
    /// A tensor that nothing is known of.
    #[error(
        "no element type and shape is known for tensor {tensor:?}, which a gradient needs: its sizes must follow from batch and \
         length, the same way in every run"
    )]
    NoFact {
        /// The tensor.
        tensor: String,
    },
    /// A rule that gives a gradient of another shape than its tensor: a fault of the rule, or of the facts.
    #[error(
        "the gradient of input {index} of node {node:?} ({op_type}) has shape {found}, and the input has {expected}: \
         the facts do not describe this graph"
    )]
    GradientShape {
        /// The node.
        node: String,
        /// Its operator.
        op_type: String,
        /// The input's place.
        index: usize,
        /// The input's shape.
        expected: String,
        /// The gradient's shape.
        found: String,
    },
    /// A gradient asked for that is none.
    #[error("tensor {tensor:?} holds {found}, and only floats have gradients")]
    NotAFloat {
        /// The tensor.
        tensor: String,
        /// Its element type.
        found: String,
    },
    /// A tensor named by the caller that the graph does not have.
    #[error("no tensor {tensor:?} in the graph, named as {role}")]
    NoTensor {
        /// The name.
        tensor: String,
        /// The role it was named for.
        role: &'static str,
    },
    /// A starting gradient of another shape than its tensor.
    #[error("{role} {tensor:?} has shape {found}, and {of:?} has {expected}")]
    SeedShape {
        /// The role it was given for.
        role: &'static str,
        /// The tensor given.
        tensor: String,
        /// The tensor it goes with.
        of: String,
        /// The shape of that tensor.
        expected: String,
        /// Its own shape.
        found: String,
    },
    /// An operator without a kernel in the stock runtime.
    #[error(
        "node {node:?}: the stock ONNX Runtime has no {device} kernel for {op_type} of operator set {opset} in float32"
    )]
    NoKernel {
        /// The node.
        node: String,
        /// Its operator, with the domain if it is not ONNX's own.
        op_type: String,
        /// The operator set that the model imports for it.
        opset: i64,
        /// `CPU` or `CUDA`.
        device: &'static str,
    },
    /// A parameter that is to be trained and that the encoder does not have.
    #[error("the encoder has no parameter {parameter:?} to train")]
    NoParameter {
        /// The name.
        parameter: String,
    },
    /// An encoder without the output that the head is to read.
    #[error("the encoder has no output {output:?} for a head that reads {input}: choose cls or mean")]
    NoFeatures {
        /// The head's input.
        input: crate::HeadInput,
        /// The output that this takes.
        output: &'static str,
    },
    /// A head on tokens with a loss that would count them all.
    #[error(
        "a head on tokens is trained with cross-entropy, which leaves out tokens without a label: the other losses would \
         count them all"
    )]
    TokenLoss,
    /// A layer to cut at that is none, or that nothing stands on.
    #[error("an encoder of {layers} layers cannot be cut at layer {layer}: 0, the embeddings, to {} are possible", layers.saturating_sub(1))]
    NoLayer {
        /// The layer.
        layer: usize,
        /// Number of layers of the encoder.
        layers: usize,
    },
    /// A graph that larder did not build, whose places for dropout are not known.
    #[error("the encoder's graph is not one that larder built of its weights, and only such are trained")]
    NotBuilt,
    /// Parameters that make no `safetensors` file.
    #[error("the checkpoint cannot be written")]
    Checkpoint {
        /// The writer's reason.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] larder_files::FileError),
}

impl From<OnnxError> for GraphsError {
    fn from(source: OnnxError) -> Self {
        Self::Model { source }
    }
}
