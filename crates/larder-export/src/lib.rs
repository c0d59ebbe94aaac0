//! A run as one ONNX file with its tokenizer, configuration and model card.
#![deny(missing_docs)]
