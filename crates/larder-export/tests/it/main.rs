//! Runs as ONNX files.

mod error_texts;
