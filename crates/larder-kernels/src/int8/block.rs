//! The piece of a quantised product that one kernel call computes, and how a row is rounded.

use crate::epilogue::Epilogue;
use crate::panels::{LeftPanels, RightPanels};
use crate::shared::OutputBlock;

/// Neighbours along the summed axis that lie in one 32-bit number of a packed operand.
pub(super) const QUAD: usize = 4;
/// The byte that stands for zero among activations.
pub(super) const ZERO: u8 = 128;
/// The factor on the largest value of a row that gives the row's scale.
pub(super) const STEP: f32 = 1.0 / 127.0;
/// Added to a row's scale: a row may be all zeros.
pub(super) const SMALLEST_SCALE: f32 = 1e-30;

/// `output [rows, columns] = epilogue(scale of the row · scale of the column · (left [rows, 4 · quads] - 128) · right [4 · quads,
/// columns])`.
pub(super) struct QuantisedBlock<'a> {
    /// Unsigned bytes. The first panel begins with the block's first row.
    pub left: LeftPanels<'a>,
    /// A scale for each row of the block.
    pub row_scales: &'a [f32],
    /// Signed bytes. The first panel begins with the block's first column.
    pub right: RightPanels<'a>,
    /// A scale for each column of the panels.
    pub column_scales: &'a [f32],
    /// `-128 · sum of the column's bytes`, for each column of the panels.
    pub offsets: &'a [i32],
    /// Quads of the summed axis.
    pub quads: usize,
    pub output: OutputBlock<'a>,
    pub epilogue: Epilogue<'a>,
}

/// The scale of a row whose largest absolute value has these bits. A NaN or an infinity has larger bits than any number,
/// and makes the scale NaN, and with it the row of the product.
pub(super) fn row_scale(largest: u32) -> f32 {
    let largest = f32::from_bits(largest);
    if largest.is_finite() { largest * STEP + SMALLEST_SCALE } else { f32::NAN }
}
