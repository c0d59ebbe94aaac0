//! Rows by their place in a file: rules see no texts, and whoever has the files turns places into texts.

use crate::{Diagnosis, PointedRow};

/// A row that a finding points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// True if it is in the training split, false if it is in the split that is judged.
    pub in_train: bool,
    /// Its place in the file, from 0.
    pub row: usize,
    /// The reason why it is pointed to.
    pub note: String,
}

impl Pointer {
    pub(crate) fn train(row: usize, note: String) -> Self {
        Self { in_train: true, row, note }
    }
}

/// A finding whose rows have no texts yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointing {
    /// The finding, without rows.
    pub finding: Diagnosis,
    /// Its rows, the most telling first; at most [`Diagnosis::MOST_ROWS`].
    pub rows: Vec<Pointer>,
}

impl Pointing {
    pub(crate) fn new(finding: Diagnosis, rows: Vec<Pointer>) -> Self {
        Self { finding, rows: rows.into_iter().take(Diagnosis::MOST_ROWS).collect() }
    }

    /// Makes the finding with its rows as `look_up` finds them; rows that it does not find are left out.
    pub fn with_texts(self, mut look_up: impl FnMut(Pointer) -> Option<PointedRow>) -> Diagnosis {
        let Self { finding, rows } = self;
        finding.with_rows(rows.into_iter().filter_map(&mut look_up))
    }
}

impl From<Diagnosis> for Pointing {
    fn from(finding: Diagnosis) -> Self {
        Self { finding, rows: Vec::new() }
    }
}
