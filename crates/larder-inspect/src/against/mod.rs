//! Two files compared: whether their vectors, lengths and words may come from the same distribution.

mod lengths;
mod not_comparable;
mod texts;
mod vectors;
mod words;

use serde::Serialize;

use crate::{InspectError, ParquetFile};

pub use lengths::LengthDifference;
pub use vectors::VectorDifference;
pub use words::{WordDifference, WordDifferences};

use not_comparable::not_comparable;
use texts::Texts;

/// Results with a smaller probability under equal distributions are called differences.
pub const LEVEL: f64 = 0.05;

/// Two files compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Rows of each.
    pub rows: [u64; 2],
    /// Their vectors.
    pub vectors: VectorDifference,
    /// The lengths of their texts in tokens, where both have their tokens.
    pub lengths: Option<LengthDifference>,
    /// The words of their texts, where both have their tokens.
    pub words: Option<WordDifferences>,
    /// The parts left out, with the reason.
    pub notes: Vec<String>,
}

/// Two files, each with the tokens file that it was made from, if that is there.
#[derive(Debug, Clone, Copy)]
pub struct ComparedFile<'a> {
    /// The file with the vectors.
    pub file: &'a ParquetFile,
    /// Its tokens.
    pub tokens: Option<&'a ParquetFile>,
}

/// Compares a column of vectors of two files, and the lengths and words of their texts. Of each file at most 500 vectors are drawn, the same for
/// the same `seed`; of words and tokens at most one of each sentence, since those of one sentence are alike.
///
/// # Errors
/// [`InspectError::NotComparable`] for vectors of two encoders or widths, and for files with too few vectors; [`InspectError`].
pub fn compare_files(
    first: ComparedFile<'_>,
    second: ComparedFile<'_>,
    column: &str,
    seed: u64,
) -> Result<Comparison, InspectError> {
    let encoder = |file: &ParquetFile| file.key_value("larder.encoder.digest").map(str::to_owned);
    if let (Some(one), Some(other)) = (encoder(first.file), encoder(second.file))
        && one != other
    {
        let why =
            "two encoders made them, and their numbers mean different things; encode both with one of them".to_owned();
        return Err(not_comparable(first.file, second.file, why));
    }
    let vectors = VectorDifference::of(first.file, second.file, column, seed)?;
    let mut notes = Vec::new();
    let texts = match (first.tokens, second.tokens) {
        (Some(one), Some(other)) => Some([Texts::read(one)?, Texts::read(other)?]),
        (one, _) => {
            let lacking = if one.is_none() { first.file } else { second.file };
            notes.push(format!(
                "lengths and words are not compared: the tokens of {} are not where larder puts them",
                lacking.path().display()
            ));
            None
        }
    };
    let (lengths, words) = match texts {
        None => (None, None),
        Some([one, other]) => {
            let lengths = LengthDifference::of(&one.lengths, &other.lengths);
            (lengths, Some(WordDifferences::of(&one.words, &other.words)))
        }
    };
    Ok(Comparison { rows: [first.file.rows(), second.file.rows()], vectors, lengths, words, notes })
}
