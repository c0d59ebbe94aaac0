//! Kernels for processors: matrix products in bfloat16 and in 8-bit integers, with what follows a product in an encoder.
//!
//! The crate computes, its caller runs: operands are float32 slices, weights are packed once, and a product is divided
//! into tasks that any threads run in any order, such as those of a runtime whose operator calls this crate. It starts no
//! threads and keeps no state but a scratch buffer a thread.
//!
//! ```
//! use larder_kernels::{Activation, Epilogue, Matrix, MatrixMut, PackedRight, Plan, Product};
//!
//! // gelu(input [rows, inputs] · weights [inputs, outputs] + bias [outputs])
//! let (rows, inputs, outputs) = (5, 3, 2);
//! let (input, weights, bias) = (vec![1.0; rows * inputs], vec![0.5; inputs * outputs], vec![0.25; outputs]);
//! let packed = PackedRight::new(Matrix::new(&weights, [inputs, outputs])?); // once
//!
//! let mut output = vec![0.0; rows * outputs];
//! let product = Product::new(
//!     Matrix::new(&input, [rows, inputs])?,
//!     &packed,
//!     Epilogue { bias: Some(&bias), activation: Activation::GeluErf, ..Epilogue::default() },
//!     MatrixMut::new(&mut output, [rows, outputs])?,
//!     4, // threads that there are
//! )?;
//! // The caller's loop, on the caller's threads.
//! (0..product.tasks()).for_each(|task| product.run_task(task));
//! assert!((output[0] - 1.6798).abs() < 1e-4);
//! # Ok::<(), larder_kernels::ShapeError>(())
//! ```
//!
//! # Products
//!
//! [`Product`] is `output [m, n] = epilogue(left [m, k] · right [k, n])`. A [`Matrix`] is float32 with a leading dimension, and
//! either operand may lie transposed ([`Matrix::transposed`]), so the three products of a linear layer are
//!
//! | | left | right |
//! |---|---|---|
//! | forward, `X W` | `X [rows, in]` | `W [in, out]`, a [`PackedRight`] for good |
//! | gradient of `X`, `dY Wᵀ` | `dY [rows, out]` | `W` transposed, packed each step ([`PackedRight::pack`], in tasks too) |
//! | gradient of `W`, `Xᵀ dY` | `X` transposed | `dY [rows, out]`, packed each step |
//!
//! [`Epilogue`] is what happens before a sum is written: adding to what is there, a bias, an [`Activation`], a residual.
//!
//! [`Attention`] reads queries, keys and values where such a product wrote them, and [`LayerNorm`] adds a residual and normalises.
//! [`AttentionGradient`], [`ActivationGradient`] and [`LayerNormGradient`] go the way back, the latter two with the gradients of biases
//! on it. Each is a [`Plan`]: tasks for the caller's threads.
//!
//! [`QuantisedProduct`] multiplies float32 rows, which it rounds to 8 bits, with a [`QuantisedRight`] of signed bytes. It has the same
//! epilogue.
//!
//! # Numbers
//!
//! Operands are rounded to bfloat16 (8 bits of precision) to nearest even, products and sums are float32. An element is
//! summed along `k` two by two, the second of each pair first, each by a fused multiply-add that rounds to nearest even and
//! takes denormal numbers for zeros: what `VDPBF16PS` does (Intel 64 and IA-32 Architectures Software Developer's Manual,
//! volume 2; the order of the two is the manual's, and AMD's processors agree to the bit). NaN and infinities are kept. The
//! order does not depend on the shape of the rest, on tasks, threads or the kernel: a row alone has the bits that it has in
//! a batch, and the portable kernel has those of AVX-512, but for activations,
//! softmax and normalisation, which round differently with and without fused multiply-adds.
//!
//! 8-bit products are exact sums of integers, to which every kernel rounds alike: [`QuantisedProduct`] says how.
//!
//! # Processors
//!
//! [`Kernel::available`] says which instructions this processor has: AVX512_BF16 (AMD since Zen 4, Intel since Cooper Lake and in all
//! Xeons since Sapphire Rapids), looked for when the program runs, or none, and then portable loops run, which are for tests and
//! slower than float32: [`Kernel::is_native`] says so. For 8-bit products AVX512_VNNI is needed too, which all of those processors
//! have: [`QuantisedKernel`]. AMX is left out: its intrinsics are not stable in Rust
//! (`x86_amx_intrinsics`, rust-lang/rust#126622). How fast, and what else there is: `docs/` of this crate; `just bench-kernels` measures.
//!
//! # Files
//!
//! - `product`: the plan of a product and its tasks; `packed`: packed operands; `matrix`: operands in memory;
//!   `epilogue` and `activation`: what happens before a sum is written; `error`.
//! - `attention`, `layer_norm`: what else an encoder's layer consists of; `attention_gradient`, `activation_gradient` and `layer_norm_gradient`: what else
//!   its gradients do, with `column_sums`; `rows`: their arithmetic.
//! - [`operators`]: the names under which graphs call for all this.
//! - `kernel`: which instructions run; `avx512` and `portable`: the kernels; `block`: what they compute; `panels`: how
//!   packed operands lie; `bfloat16`: the arithmetic in plain Rust.
//! - `float32`: the products of attention in float32; `precision`: which it takes.
//! - `int8`: products in 8-bit integers, in files of the same names.
//! - `plan`: work in tasks; `shared`: memory that they write disjoint parts of.
//!
//! Unsafe code is in the files `avx512` and in `shared`, and where they are called: in `kernel`, and in the plans for their parts of the output.
#![deny(missing_docs)]

mod activation;
mod activation_gradient;
mod attention;
mod attention_gradient;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bfloat16;
mod block;
mod column_sums;
mod epilogue;
mod error;
mod float32;
mod int8;
mod kernel;
mod layer_norm;
mod layer_norm_gradient;
mod matrix;
pub mod operators;
mod packed;
mod panels;
mod plan;
mod portable;
mod precision;
mod product;
mod rows;
mod shared;
mod small_products;

pub use activation::Activation;
pub use activation_gradient::ActivationGradient;
pub use attention::{Attention, AttentionShape};
pub use attention_gradient::{AttentionGradient, AttentionOperands};
pub use epilogue::Epilogue;
pub use error::ShapeError;
pub use int8::{QuantisedKernel, QuantisedProduct, QuantisedRight};
pub use kernel::Kernel;
pub use layer_norm::LayerNorm;
pub use layer_norm_gradient::{LayerNormGradient, LayerNormSums};
pub use matrix::{Matrix, MatrixMut};
pub use packed::{PackedLeft, PackedRight, Packing};
pub use plan::Plan;
pub use precision::Precision;
pub use product::{Left, Product};
