//! Finding and loading ONNX Runtime, and running ONNX models with it.
//!
//! ONNX Runtime is not linked: its shared library is found and loaded when the program runs, so that
//! one binary serves a machine with a GPU and one without.
//!
//! - [`Runtime`] is the loaded library. [`Runtime::load`] says where it looks.
//! - [`Session`] is one model, ready to run on one [`Device`], of which a machine may have several [`Gpus`]. [`SessionSettings`] says how; what
//!   really ran is [`RanOn`].
//! - [`Bound`] is a session with a [`DeviceVector`] at some of its inputs and outputs, which is not copied when it runs.
//! - [`TensorView`] is borrowed data with a shape, given to a session without a copy; [`Tensor`] owns
//!   its data. [`TensorInfo`] describes what a model takes and gives.
//! - [`WeightData`] is a weight given to a session beside the bytes of its graph.
//! - [`memory_left`] is what a stage may take, and [`require_memory`] refuses what would not fit.
//! - [`set_up`] fetches the library and the default encoder, pinned and checked.
//! - [`RuntimeError`] is everything that can go wrong, with the way out.
//!
//! ```no_run
//! use larder_runtime::{Runtime, Session, SessionSettings, TensorView};
//!
//! # fn main() -> Result<(), larder_runtime::RuntimeError> {
//! let runtime = Runtime::load(None)?;
//! let mut session = Session::from_file(&runtime, "model.onnx".as_ref(), &SessionSettings::default())?;
//!
//! let input_ids = [101_i64, 7592, 102];
//! let inputs = [("input_ids", TensorView::i64(&[1, 3], &input_ids))];
//! let outputs = session.run(&inputs, &["last_hidden_state"])?;
//! assert_eq!(outputs[0].shape[..2], [1, 3]);
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod api_version;
mod bound;
mod cuda;
mod cuda_problem;
mod device;
mod error;
mod folders;
mod gpus;
mod library;
mod memory;
mod operators;
mod padded;
mod probe;
mod results;
mod runtime;
mod session;
mod settings;
mod setup;
mod tensor;
mod trace;
mod weights;

pub use api_version::API_VERSION;
pub use bound::{Bound, DeviceVector};
pub use cuda::CudaDevice;
pub use cuda_problem::CudaProblem;
pub use device::{Device, RanOn, UnknownDevice};
pub use error::{Attempt, LibraryProblem, Origin, RuntimeError};
pub use folders::{DEFAULT_ENCODER, default_encoder_folder, setup_folder};
pub use gpus::{GpuList, Gpus};
pub use memory::{limit_memory, machine_memory, memory_left, memory_limit, require_memory};
pub use operators::{bfloat16_kernel, int8_kernel, operator_kernels};
pub use padded::PaddedTexts;
pub use results::Results;
pub use runtime::Runtime;
pub use session::Session;
pub use settings::{DEFAULT_SPIN, DEFAULT_TF32, SessionSettings};
pub use setup::{Part, SetupError, set_up};
pub use tensor::{ElementType, Tensor, TensorData, TensorInfo, TensorView, ViewData};
pub use weights::WeightData;
