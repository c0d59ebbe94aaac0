//! Which instructions a product uses, chosen when it runs.

use std::ops::Range;

use crate::activation::Activation;
use crate::block::Block;
use crate::matrix::Matrix;
use crate::panels::{LANES, Line};
use crate::portable;
use crate::rows::{self, NormSums};

#[cfg(target_arch = "x86_64")]
use crate::avx512;

/// Instructions that compute products, which this processor has.
///
/// All give the same sums to the bit; activations may differ by their rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    Portable,
}

impl Kernel {
    /// The fastest kernel of this processor.
    pub fn available() -> Self {
        #[cfg(target_arch = "x86_64")]
        if avx512::is_available() {
            return Self(Instructions::Avx512Bf16);
        }
        Self::portable()
    }

    /// The kernel of every processor. It is for tests, and so that a graph runs anywhere: float32 products are faster.
    pub fn portable() -> Self {
        Self(Instructions::Portable)
    }

    /// Does it use instructions made for bfloat16? Without them a float32 product of the caller's is the better choice.
    pub fn is_native(self) -> bool {
        self != Self::portable()
    }

    /// `avx512_bf16` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Bf16 => "avx512_bf16",
            Instructions::Portable => "portable",
        }
    }

    /// Packs rows of a left operand `[m, k]`, for the part of `k` given, into blocks `stride` lines apart. `depth` begins
    /// at a pair.
    pub(crate) fn pack_left(
        self,
        left: &Matrix<'_>,
        rows: Range<usize>,
        depth: Range<usize>,
        lines: &mut [Line],
        stride: usize,
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::pack_left(left, rows, depth, lines, stride) },
            Instructions::Portable => portable::pack_left(left, rows, depth, lines, stride),
        }
    }

    /// Packs panels of a right operand `[k, n]`, which fill `lines` exactly.
    pub(crate) fn pack_right(self, right: &Matrix<'_>, panels: Range<usize>, lines: &mut [Line]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::pack_right(right, panels, lines) },
            Instructions::Portable => portable::pack_right(right, panels, lines),
        }
    }

    /// Asks for the first values of every row, which are needed soon.
    pub(crate) fn prefetch(self, matrix: &Matrix<'_>, values: usize) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Bf16 => avx512::prefetch_rows(matrix, values),
            Instructions::Portable => portable::prefetch_rows(matrix, values),
        }
    }

    /// `rows::softmax` of every row, each as many vectors as the mask has.
    pub(crate) fn softmax(self, scores: &mut [[f32; LANES]], count: usize, scale: f32, mask: &[[f32; LANES]]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::softmax(scores, count, scale, mask) },
            Instructions::Portable => {
                scores.chunks_exact_mut(mask.len()).for_each(|row| rows::softmax(row, count, scale, mask));
            }
        }
    }

    /// `rows::softmax_gradient` of every row, each so many vectors.
    pub(crate) fn softmax_gradient(
        self,
        gradients: &mut [[f32; LANES]],
        weights: &[[f32; LANES]],
        vectors: usize,
        scale: f32,
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::softmax_gradient(gradients, weights, vectors, scale) },
            Instructions::Portable => {
                for (gradient, weights) in gradients.chunks_exact_mut(vectors).zip(weights.chunks_exact(vectors)) {
                    rows::softmax_gradient::<false>(gradient, weights, scale);
                }
            }
        }
    }

    /// As `rows::normalise` says.
    pub(crate) fn normalise(self, row: &mut [f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::normalise(row, weight, bias, epsilon) },
            Instructions::Portable => rows::normalise::<false>(row, weight, bias, epsilon),
        }
    }

    /// As `rows::activation_gradient` says.
    pub(crate) fn activation_gradient(
        self,
        activation: Activation,
        gradient: &[f32],
        input: &[f32],
        output: &mut [f32],
        sums: &mut [f32],
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe {
                avx512::activation_gradient(activation, gradient, input, output, sums)
            },
            Instructions::Portable => {
                rows::activation_gradient::<false>(activation, gradient, input, output, sums);
            }
        }
    }

    /// As `rows::normalise_gradient` says.
    pub(crate) fn normalise_gradient(
        self,
        row: &mut [f32],
        gradient: &[f32],
        weight: &[f32],
        epsilon: f32,
        sums: NormSums<'_>,
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::normalise_gradient(row, gradient, weight, epsilon, sums) },
            Instructions::Portable => rows::normalise_gradient::<false>(row, gradient, weight, epsilon, sums),
        }
    }

    pub(crate) fn multiply(self, block: Block<'_>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Bf16 => unsafe { avx512::multiply(block) },
            Instructions::Portable => portable::multiply(block),
        }
    }
}
