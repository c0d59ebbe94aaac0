//! The version of ONNX Runtime's C API.

/// The version of ONNX Runtime's C API that larder calls; release 1.31 is the first that offers it.
pub const API_VERSION: u32 = ort::MINOR_VERSION;
