//! The error of two files that cannot be compared.

use crate::{InspectError, ParquetFile};

/// Returns the error with its reason.
pub(super) fn not_comparable(first: &ParquetFile, second: &ParquetFile, why: String) -> InspectError {
    InspectError::NotComparable { first: first.path().to_path_buf(), second: second.path().to_path_buf(), why }
}
