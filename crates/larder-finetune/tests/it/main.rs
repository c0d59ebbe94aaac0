//! Fine-tuning against PyTorch's, and against itself: accumulated, resumed, frozen, with dropout.

mod pytorch;
mod runs;
mod support;
