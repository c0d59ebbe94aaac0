//! Fine-tuning against PyTorch's, and against itself: accumulated, resumed, frozen, with dropout, by
//! token, from a layer, in half precision, of graphs as they were given; and of a published encoder.

mod collapse;
mod cuda;
mod error_texts;
mod given;
mod layers;
mod minilm;
mod precision;
mod pytorch;
mod runs;
mod support;
mod targets;
mod tokens;
