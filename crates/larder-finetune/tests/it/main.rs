//! Fine-tuning against PyTorch's, and against itself: accumulated, resumed, frozen, with dropout, by
//! token, from a layer.

mod layers;
mod pytorch;
mod runs;
mod support;
mod tokens;
