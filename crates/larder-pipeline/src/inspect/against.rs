//! Two features files compared.

use std::path::PathBuf;

use larder_inspect::{ComparedFile, Comparison, ParquetFile, compare_files};

use crate::tokenize::tokens_beside;
use crate::{NamedFeatures, PipelineError};

/// Tests whether two files with vectors may come from the same distribution: `column` of both, the first of the first file where none is
/// named, and the lengths and words of their texts where their tokens are at hand.
///
/// # Errors
/// [`PipelineError::Inspect`].
pub fn compare_features(
    first: &NamedFeatures,
    second: &NamedFeatures,
    column: Option<&str>,
    seed: u64,
) -> Result<Comparison, PipelineError> {
    let tokens = |named: &NamedFeatures| -> Result<Option<ParquetFile>, PipelineError> {
        let path: Option<PathBuf> = named.tokens.clone().or_else(|| tokens_beside(&named.path));
        Ok(path.map(|path| ParquetFile::open(&path)).transpose()?)
    };
    let (one, other) = (ParquetFile::open(&first.path)?, ParquetFile::open(&second.path)?);
    let (one_tokens, other_tokens) = (tokens(first)?, tokens(second)?);
    let column = one.vector_column(column)?;
    other.vector_column(Some(&column))?;
    let one = ComparedFile { file: &one, tokens: one_tokens.as_ref() };
    let other = ComparedFile { file: &other, tokens: other_tokens.as_ref() };
    Ok(compare_files(one, other, &column, seed)?)
}
