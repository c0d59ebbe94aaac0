//! Errors of a choice.

/// Rows that cannot be chosen from.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SuggestError {
    /// A value that is not finite.
    #[error(
        "row {row} of the pool: {what} {position} is not finite; expected a number, so this row was encoded wrongly or damaged"
    )]
    NonFinite {
        /// Zero-based row.
        row: usize,
        /// `dimension` or `probability`.
        what: &'static str,
        /// Zero-based position.
        position: usize,
    },
}

/// Checks vectors, `[rows, width]`; the first is the pool's `first_row` from dimension `first_dimension` on.
///
/// # Errors
/// [`SuggestError::NonFinite`].
pub fn check_finite(
    values: &[f32],
    width: usize,
    first_row: usize,
    first_dimension: usize,
) -> Result<(), SuggestError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => {
            let (row, position) = (first_row + place / width, first_dimension + place % width);
            Err(SuggestError::NonFinite { row, what: "dimension", position })
        }
        None => Ok(()),
    }
}
