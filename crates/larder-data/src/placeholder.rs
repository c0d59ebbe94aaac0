//! Values that files write where there is no label.

use crate::row_problem::RowProblem;

/// The placeholders that files write for a missing label: GLUE -1, loss functions -100, CoNLL-U `_`, SNLI `-`, tables
/// of other tools the rest. Each is a label all the same where the description lists it or a training row has it.
const PLACEHOLDERS: &[&str] = &["", "-1", "-1.0", "-100", "_", "-", "?", "nan", "null", "none", "n/a", "na", "<na>"];

/// Returns true if a label's text stands for no label.
pub(crate) fn is_placeholder(label: &str) -> bool {
    let label = label.trim();
    PLACEHOLDERS.iter().any(|placeholder| placeholder.eq_ignore_ascii_case(label))
}

impl RowProblem {
    /// Returns true if a target with this problem is missing, false if it cannot be read.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::MissingValue { .. } | Self::Empty { .. } | Self::ColumnCount { .. } => true,
            // `nan` and its like, where tables have numbers.
            Self::NotANumber { text, .. } => is_placeholder(text),
            // With a suspicion about the separator the column may well be there.
            Self::TooFewColumns { hint, .. } => hint.is_empty(),
            _ => false,
        }
    }
}
