//! Products in 8-bit integers, each row of activations with a scale of its own.
//!
//! An activation `x` of a row becomes the byte `round(x / scale) + 128` with `scale = max|x| / 127` over the row, rounded half to
//! even; weights are signed bytes with a scale a column. The sum over bytes is exact, whatever the order, so tasks, threads
//! and kernels change no bit of a product; only activations behind it may round differently.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod kernel;
mod packed;
mod portable;
mod product;

pub use kernel::QuantisedKernel;
pub use packed::QuantisedRight;
pub use product::QuantisedProduct;
