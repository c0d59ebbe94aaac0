//! Kernels against plain loops, and what must hold whatever the processor.

mod epilogue;
mod errors;
mod numbers;
mod operands;
mod product;
mod tasks;
