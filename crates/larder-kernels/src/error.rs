//! What is wrong with the operands of a kernel.

use thiserror::Error;

/// Operands that do not fit together. Whoever builds the shapes made a mistake: no data cause it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// A slice is shorter than its shape and leading dimension say.
    #[error("{name} holds {found} values, but its shape and leading dimension need {needed}")]
    TooShort {
        /// Which operand.
        name: &'static str,
        /// Values that are needed.
        needed: usize,
        /// Values that are there.
        found: usize,
    },
    /// Rows overlap: the leading dimension is smaller than the number of columns.
    #[error("{name} has {columns} columns, but only {leading} values from one row to the next")]
    LeadingDimension {
        /// Which operand.
        name: &'static str,
        /// Columns of the matrix as stored.
        columns: usize,
        /// Values from the start of one row to the start of the next.
        leading: usize,
    },
    /// Two operands differ along an axis that they share.
    #[error("shape of {name}: {found:?}, the other operands need {needed:?}")]
    Mismatch {
        /// Which operand.
        name: &'static str,
        /// The shape that the others need.
        needed: [usize; 2],
        /// The shape it has.
        found: [usize; 2],
    },
    /// A matrix is larger than memory can be.
    #[error("{name} of {rows} x {columns} values is larger than any memory")]
    TooLarge {
        /// Which operand.
        name: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// The summed axis is so long that sums of integers would leave 32 bits.
    #[error("{name} has {found} rows, and sums in 32 bits are exact for at most {most}")]
    TooDeep {
        /// Which operand.
        name: &'static str,
        /// Length of the summed axis.
        found: usize,
        /// The longest.
        most: usize,
    },
}
