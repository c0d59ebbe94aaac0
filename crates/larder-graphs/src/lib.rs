//! Training graphs: the gradients of an ONNX graph as more nodes of that graph, in operators that the stock ONNX Runtime
//! has kernels for.
//!
//! - [`differentiate`] appends the backward nodes; [`Request`] says what is differentiated with respect to what, and
//!   [`Differentiated`] is the answer.
//! - [`differentiable_operators`] lists the operators that have a rule, [`not_differentiable_operators`] those that end
//!   the way of a gradient, with the reason. Any other on the way is an error that names the node: no gradient is ever
//!   silently zero.
//! - [`Loss`] adds a loss to a graph.
//! - [`TrainingGraphs`] puts a head and a loss on an encoder and gives the graph that trains it and the one that evaluates
//!   it, [`MlpGraphs`] does so for a perceptron on features. [`cut`] leaves of an encoder what stands above a layer, to be
//!   trained from that layer's outputs.
//! - [`AdamW`] is the optimizer: [`optimizer_model`] as a graph, [`AdamWStep`] on the CPU with the [`Gradient`]s that a graph
//!   gives. [`Schedule`] is the course of the learning rate; [`DropoutMask::draw`] draws what is dropped.
//! - [`Precision`] says what the products of a training graph are computed in.
//! - [`check_kernels`] says whether the stock builds for CPU and CUDA can run every node.
//! - [`GraphsError`] is everything that can go wrong.
//!
//! ```
//! use larder_graphs::{GraphsError, Request, differentiate};
//! use larder_onnx::facts::{Facts, TensorFact};
//! use larder_onnx::proto::tensor_proto::DataType;
//! use larder_onnx::{GraphBuilder, Model};
//!
//! # fn main() -> Result<(), GraphsError> {
//! // y = x², and what y's gradient is called.
//! let mut b = GraphBuilder::new("square", 17);
//! let x = b.input("x", DataType::Float, &[]);
//! b.input("dy", DataType::Float, &[]);
//! let y = b.mul(&x, &x);
//! b.output(&y, "y", DataType::Float, &[]);
//! let model = Model::from_graph(b.finish(), 17)?;
//!
//! // What is known of the tensors; of a real graph it is learned, by running it.
//! let mut facts = Facts::default();
//! for name in ["x", "y", "dy"] {
//!     facts.insert(name, TensorFact::float(&[]));
//! }
//! let request = Request { outputs: &[("y", "dy")], wanted: &["x"], ..Default::default() };
//! let done = differentiate(model, &mut facts, &request)?;
//! assert_eq!(done.model.graph().node.len(), 4, "x · x, twice dy · x, and their sum");
//! assert!(done.gradients.contains_key("x") && done.unreached.is_empty());
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod adamw;
mod emit;
mod error;
mod gradients;
mod kernels;
mod loss;
mod noise;
mod operators;
mod optimizer;
mod precision;
mod registry;
mod reverse;
mod rule;
mod rules;
mod schedule;
mod shape;
mod training;

pub use adamw::AdamWStep;
pub use error::GraphsError;
pub use gradients::Gradient;
pub use kernels::check_kernels;
pub use loss::{BuiltLoss, IGNORED_LABEL, Loss};
pub use noise::dropout_key;
pub use optimizer::{AdamW, CLIP_EPSILON, optimizer_model};
pub use precision::{Precision, ProductForm};
pub use registry::{differentiable_operators, not_differentiable_operators};
pub use reverse::{Differentiated, OPSETS, Request, Scatter, differentiate};
pub use schedule::Schedule;
pub use training::{
    CHECKPOINT_FILE, DropoutForm, DropoutMask, DropoutRatios, EVAL_FILE, GradientOutput, HEAD_BIAS, HEAD_WEIGHT,
    HIDDEN_STATES, HeadInput, LOSS_SCALE, MANIFEST_FILE, MLP_FEATURES, MlpGraphs, MlpSpec, OPTIMIZER_FILE, RowNumbers,
    TRAINING_FILE, TableForm, TrainedParameter, TrainingGraphs, TrainingSpec, cut, flatten, flatten_parameters,
};
