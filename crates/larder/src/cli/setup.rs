//! `setup` as typed.

use clap::Args;
use larder_runtime::Part;

/// What is to be fetched.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// runtime: ONNX Runtime; encoder: all-MiniLM-L6-v2; cuda: ONNX Runtime for CUDA and NVIDIA's libraries (Linux x86_64)
    #[arg(value_name = "PART", default_values_t = [Part::Runtime, Part::Encoder])]
    pub parts: Vec<Part>,
}
