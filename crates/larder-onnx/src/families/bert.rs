//! BERT: what its configuration says, which parameters it has, and its graph.

mod config;
mod graph;
mod parameters;

pub use config::{Activation, BertConfig};
pub use graph::{MASKED_SCORE, OPSET, build};
pub use parameters::{Initial, Parameter, unused_weights};
