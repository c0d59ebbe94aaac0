//! What the check of an exported file found: `export.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::precision::Precision;

/// The file of an exported folder that is written last.
pub const EXPORT_FILE: &str = "export.json";

/// The largest difference of a probability from the run's own at which a float32 export is kept: the two do the same in
/// another order, in float32.
pub const ALLOWED_DIFFERENCE: f64 = 1e-5;

/// The exported file's answers beside the run's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The split whose rows were answered.
    pub split: String,
    /// Rows: texts, of a tagger sentences.
    pub rows: usize,
    /// Answers: texts, of a tagger words.
    pub answers: usize,
    /// Sentences that are longer than the encoder reads at once, left out.
    pub too_long: usize,
    /// The largest difference of a probability: of every class, of a tagger of the answered tag in its sentence.
    pub largest_difference: f64,
    /// The row with that.
    pub largest_at: Option<usize>,
    /// Answers that are others.
    pub differing_answers: usize,
    /// What a precision below float32 costs; `None` for float32.
    pub cost: Option<Cost>,
}

/// A file beside the float32 one, on the same rows with the same batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The float32 file, which is not kept.
    pub float32: Score,
    /// The file that is.
    pub this: Score,
}

/// Size, time and scores of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Bytes of `model.onnx`.
    pub bytes: u64,
    /// Seconds of all its runs, the two files taking turns.
    pub seconds: f64,
    /// `mcc`, `accuracy`, `macro_f1`, of a tagger `strict_f1`; empty where the rows have no labels.
    pub scores: Vec<(String, f64)>,
}

impl CheckReport {
    /// Is this what a file of that precision may be? Of one below float32 differences are reported, not judged.
    ///
    /// # Errors
    /// [`ExportError::Differs`]; `text` gives the beginning of a row's text.
    pub fn judge(&self, precision: Precision, text: impl FnOnce(usize) -> Option<String>) -> Result<(), ExportError> {
        // Not the other way round: a difference that is no number is one.
        let same = self.largest_difference <= ALLOWED_DIFFERENCE;
        if precision != Precision::F32 || same {
            return Ok(());
        }
        Err(ExportError::Differs {
            largest: self.largest_difference,
            allowed: ALLOWED_DIFFERENCE,
            differing: self.differing_answers,
            rows: self.answers,
            example: self.largest_at.and_then(text),
        })
    }
}

/// `export.json`: what a folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// Version of this file's layout.
    pub format_version: u32,
    /// The run.
    pub run: String,
    /// Seconds since 1970 when it was exported.
    pub created_unix_seconds: u64,
    /// How the encoder's numbers are kept.
    pub precision: Precision,
    /// Hex blake3 digest and bytes of each file.
    pub files: BTreeMap<String, ExportedFile>,
    /// The check that the file passed.
    pub check: CheckReport,
    /// Versions of larder and ONNX Runtime.
    pub versions: BTreeMap<String, String>,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Hex blake3 digest.
    pub digest: String,
    /// Size.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(largest_difference: f64) -> CheckReport {
        CheckReport {
            split: "dev".to_owned(),
            rows: 12,
            answers: 40,
            too_long: 0,
            largest_difference,
            largest_at: Some(3),
            differing_answers: 2,
            cost: None,
        }
    }

    #[test]
    fn a_float32_file_may_differ_by_rounding_and_a_smaller_one_by_anything() {
        let text = |row: usize| Some(format!("row {row}"));
        for same in [0.0, ALLOWED_DIFFERENCE] {
            report(same).judge(Precision::F32, text).unwrap();
        }
        for other in [ALLOWED_DIFFERENCE.next_up(), 1.0, f64::INFINITY, f64::NAN] {
            let refused = report(other).judge(Precision::F32, text).unwrap_err();
            let ExportError::Differs { largest, differing, rows, example, .. } = refused else { panic!("{other}") };
            assert_eq!(largest.to_bits(), other.to_bits());
            assert_eq!((differing, rows, example.as_deref()), (2, 40, Some("row 3")));
            for smaller in [Precision::F16, Precision::Int8] {
                report(other).judge(smaller, |_| panic!("no text is needed")).unwrap();
            }
        }
    }
}
