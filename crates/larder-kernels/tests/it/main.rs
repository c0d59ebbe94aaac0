//! Kernels against plain loops, and what must hold whatever the processor.

mod attention;
mod attention_gradient;
mod bounds;
mod epilogue;
mod errors;
mod gradients;
mod int8;
mod layer_norm;
mod numbers;
mod operands;
mod product;
mod tasks;
