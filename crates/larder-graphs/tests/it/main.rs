//! Every rule against central differences on the real runtime, blocks by random projection, models against PyTorch.

mod activations;
mod arithmetic;
mod blocks;
mod differences;
mod error_texts;
mod errors;
mod exports;
mod gather;
mod golden;
mod layout;
mod losses;
mod mlp;
mod models;
mod normalisation;
mod products;
mod reductions;
mod reverse;
mod support;
mod training;
