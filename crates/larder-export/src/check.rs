//! The check of an exported file, and its record: `export.json`.

use std::collections::BTreeMap;

use larder_errors::count;
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::precision::Precision;

/// The file of an exported folder that is written last.
pub const EXPORT_FILE: &str = "export.json";

/// The largest difference of a probability from the run's own at which a float32 export is accepted: both compute the same in
/// float32, in another order.
pub const ALLOWED_DIFFERENCE: f64 = 1e-5;

/// The exported file's answers compared with the run's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The split of the rows.
    pub split: String,
    /// Number of rows: texts or sentences.
    pub rows: usize,
    /// Number of answers: texts or words.
    pub answers: usize,
    /// Sentences too long for the encoder, left out.
    pub too_long: usize,
    /// The largest difference of a probability (of any class, or of a tagger's answered tag in its sentence), or of a number,
    /// in standard deviations of the training targets.
    pub largest_difference: f64,
    /// The differences in words: `of a probability`.
    #[serde(default)]
    pub difference_of: String,
    /// The row with that difference.
    pub largest_at: Option<usize>,
    /// Answers that differ; `None` where answers are numbers.
    pub differing_answers: Option<usize>,
    /// The cost of a precision below float32; `None` for float32.
    pub cost: Option<Cost>,
}

/// Comparison with the float32 file, on the same rows and batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The float32 file, which is not kept.
    pub float32: Score,
    /// The exported file.
    pub this: Score,
}

/// Size, time and scores of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Bytes of `model.onnx`.
    pub bytes: u64,
    /// Seconds of all its runs, alternating with the other file's.
    pub seconds: f64,
    /// `mcc`, `accuracy`, `macro_f1`, or for a tagger `strict_f1`; empty if the rows have no labels.
    pub scores: Vec<(String, f64)>,
}

impl CheckReport {
    /// Returns the differences in words.
    pub fn differences(&self) -> String {
        let Self { difference_of, largest_difference, differing_answers, .. } = self;
        let differing = match differing_answers {
            Some(differing) => format!(", and {} answers differ", count(*differing as u64)),
            None => String::new(),
        };
        format!("the largest difference {difference_of} from the run's is {largest_difference:.1e}{differing}")
    }

    /// Rejects a float32 file whose answers differ. Below float32, differences are reported but accepted.
    ///
    /// # Errors
    /// [`ExportError::Differs`]; `text` returns the beginning of a row's text.
    pub fn judge(&self, precision: Precision, text: impl FnOnce(usize) -> Option<String>) -> Result<(), ExportError> {
        // Written so that NaN counts as a difference.
        let same = self.largest_difference <= ALLOWED_DIFFERENCE;
        if precision != Precision::F32 || same {
            return Ok(());
        }
        Err(ExportError::Differs {
            differences: self.differences(),
            allowed: ALLOWED_DIFFERENCE,
            rows: self.answers,
            example: self.largest_at.and_then(text),
        })
    }
}

/// `export.json`: the record of an exported folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// Version of this file's layout.
    pub format_version: u32,
    /// The run.
    pub run: String,
    /// Seconds since 1970 when it was exported.
    pub created_unix_seconds: u64,
    /// The precision of the encoder.
    pub precision: Precision,
    /// Hex blake3 digest and bytes of each file.
    pub files: BTreeMap<String, ExportedFile>,
    /// The check of the file.
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
            difference_of: "of a probability".to_owned(),
            differing_answers: Some(2),
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
            let ExportError::Differs { differences, rows, example, .. } = refused else { panic!("{other}") };
            assert_eq!(
                differences,
                format!("the largest difference of a probability from the run's is {other:.1e}, and 2 answers differ")
            );
            assert_eq!((rows, example.as_deref()), (40, Some("row 3")));
            for smaller in [Precision::F16, Precision::Int8] {
                report(other).judge(smaller, |_| panic!("no text is needed")).unwrap();
            }
        }
    }
}
