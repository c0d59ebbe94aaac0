//! Kernels.
#![deny(missing_docs)]

mod activation;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bfloat16;
mod block;
mod epilogue;
mod error;
mod kernel;
mod matrix;
mod packed;
mod panels;
mod portable;
mod product;
mod shared;

pub use activation::Activation;
pub use epilogue::Epilogue;
pub use error::ShapeError;
pub use kernel::Kernel;
pub use matrix::{Matrix, MatrixMut};
pub use packed::{PackedLeft, PackedRight, Packing};
pub use product::{Left, Product};
