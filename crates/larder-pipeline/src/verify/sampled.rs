//! The examples that are encoded again.

use std::collections::HashSet;
use std::path::Path;

use larder_encode::Context;
use larder_store::{TokenRow, TokensProjection, TokensReader};

use crate::PipelineError;

/// The examples to encode again.
pub(super) enum SampledExamples {
    Rows(HashSet<usize>),
    Documents(HashSet<u64>),
}

impl SampledExamples {
    /// Selects those rows of the tokens file; if documents are read as context, all rows of their documents.
    pub fn of(tokens: &Path, rows: Vec<usize>, context: Context) -> Result<Self, PipelineError> {
        let rows: HashSet<usize> = rows.into_iter().collect();
        if context == Context::None {
            return Ok(Self::Rows(rows));
        }
        let (mut documents, mut next) = (HashSet::new(), 0);
        for batch in TokensReader::open(tokens, TokensProjection::EncodeWords)? {
            let batch = batch?;
            let of_batch = (0..batch.len()).filter(|row| rows.contains(&(next + row)));
            documents.extend(of_batch.filter_map(|row| batch.document(row)));
            next += batch.len();
        }
        Ok(Self::Documents(documents))
    }

    /// Returns true if the example at index `at` is one of them.
    pub fn has(&self, at: usize, row: &TokenRow) -> bool {
        match self {
            Self::Rows(rows) => rows.contains(&at),
            Self::Documents(documents) => documents.contains(&row.document),
        }
    }
}
