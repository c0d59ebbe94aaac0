//! The instructions of a quantised product, chosen when it runs.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::block::QuantisedBlock;
use super::portable;
use crate::matrix::Matrix;
use crate::panels::Line;

/// Instructions that multiply bytes, which this processor has. All give the same bits, but for activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantisedKernel(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    Portable,
}

impl QuantisedKernel {
    /// The fastest kernel of this processor.
    pub fn available() -> Self {
        #[cfg(target_arch = "x86_64")]
        if avx512::is_available() {
            return Self(Instructions::Avx512Vnni);
        }
        Self::portable()
    }

    /// The kernel of every processor. It is for tests, and so that a graph runs anywhere.
    pub fn portable() -> Self {
        Self(Instructions::Portable)
    }

    /// Does it use instructions made for bytes?
    pub fn is_native(self) -> bool {
        self != Self::portable()
    }

    /// `avx512_vnni` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni => "avx512_vnni",
            Instructions::Portable => "portable",
        }
    }

    /// Rounds rows of a left operand `[m, k]` to bytes, in blocks `stride` lines apart, and writes the scale of each.
    pub(super) fn quantise_rows(
        self,
        left: &Matrix<'_>,
        rows: Range<usize>,
        lines: &mut [Line],
        stride: usize,
        scales: &mut [f32],
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Vnni => unsafe { avx512::quantise_rows(left, rows, lines, stride, scales) },
            Instructions::Portable => portable::quantise_rows(left, rows, lines, stride, scales),
        }
    }

    pub(super) fn multiply(self, block: QuantisedBlock<'_>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value exists only where the processor has these instructions.
            Instructions::Avx512Vnni => unsafe { avx512::multiply(block) },
            Instructions::Portable => portable::multiply(block),
        }
    }
}
