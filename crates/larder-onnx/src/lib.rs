//! ONNX models as data: loading, checking, editing and saving them, building encoders from published weights, and
//! reading off a graph what its inputs and outputs mean.
//!
//! - [`Model`] is a checked model; [`proto`] has the messages of the file format, complete, so that nothing is lost
//!   between loading and saving. [`GraphBuilder`] adds nodes, with names that say where a tensor belongs.
//! - [`build`] makes the graph of an encoder from its [`EncoderConfig`] and [`Weights`], in standard operators only;
//!   [`random_weights`] makes weights from a seed. [`Family`] lists what can be built.
//! - [`Interface`] recognises inputs and outputs by meaning, whatever an exporter called them.
//! - [`select_features`] cuts a model down to the [`FeatureOutput`]s wanted, pooled inside the graph.
//! - [`OnnxError`] is everything that can go wrong.
//!
//! ```
//! use larder_onnx::{EncoderConfig, FeatureOutput, Interface, OnnxError, Pool};
//! use larder_onnx::{build, random_weights, select_features};
//!
//! # fn main() -> Result<(), OnnxError> {
//! let config = EncoderConfig::from_json(br#"{"model_type": "bert", "vocab_size": 100, "hidden_size": 32,
//!     "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}"#)?;
//! let encoder = build(&config, &random_weights(&config, 0)?)?;
//! let interface = Interface::recognise(&encoder)?;
//! assert_eq!(interface.hidden_size, 32);
//!
//! let middle = FeatureOutput::new(1, Pool::Mean);
//! let model = select_features(&encoder, &interface, &[middle])?;
//! assert_eq!(model.outputs()[0].name(), "mean_l1");
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

pub mod attribute;
mod builder;
mod built_attention;
mod by_family;
mod error;
mod external;
pub mod facts;
pub mod families;
mod features;
mod finite;
mod functions;
mod graph;
mod init;
mod interface;
mod long_attention;
mod model;
mod operators;
mod own_attention;
mod pair;
mod parted;
mod pool;
mod pooling;
pub mod proto;
mod published;
mod quantise;
mod recognise;
mod tensor;
mod trainable;
mod weights;

pub use builder::{Axis, GraphBuilder, Value, fresh_name, names_of, value_info};
pub use by_family::FamilyReadings;
pub use error::OnnxError;
pub use families::{
    Activation, Biases, Disentangled, EncoderConfig, Family, FusedForm, Rotary, build, build_fused, build_to_train,
    unused_weights,
};
pub use features::{FeatureOutput, select_features};
pub use finite::NotFinite;
pub use init::random_weights;
pub use interface::{ConstantInput, Hints, InputTensor, InputType, Interface, OutputTensor};
pub use model::{Model, PRODUCER};
pub use operators::OperatorForm;
pub use pair::{PAIR_PARTS, pair_features};
pub use parted::{PartedModel, PartedWeight};
pub use pool::{FeatureKind, Pool, WordPool};
pub use pooling::TokenPooling;
pub use proto::TensorProto;
pub use published::{DenseActivation, DensePublished, PublishedStep, PublishedSteps};
pub use recognise::{Heads, RecognisedEncoder, Unrecognised, recognise_encoder};
pub use trainable::{GraphParameter, GraphPart, TrainableGraph};
pub use weights::{Weight, Weights};
