//! The piece of a product that one kernel call computes.

use crate::epilogue::Epilogue;
use crate::panels::{LeftPanels, RightPanels};
use crate::shared::OutputBlock;

/// `output [rows, columns] (+)= left [rows, 2 · pairs] · right [2 · pairs, columns]`, with the epilogue if it is the last
/// of the summed axis.
pub(crate) struct Block<'a> {
    /// The first panel begins with the block's first row.
    pub(crate) left: LeftPanels<'a>,
    /// The first panel begins with the block's first column.
    pub(crate) right: RightPanels<'a>,
    /// Pairs of the summed axis, from the first of both panels on.
    pub(crate) pairs: usize,
    pub(crate) output: OutputBlock<'a>,
    /// Start from what the output holds.
    pub(crate) accumulate: bool,
    pub(crate) epilogue: Option<Epilogue<'a>>,
}
