//! Facts about a fit for the rules of `larder-diagnose`, and their findings: `diagnosis.json`.

use std::path::Path;

use larder_diagnose::{FORMAT_VERSION, Guessing, HeldOutLoss, Pointing, RunDiagnosis};
use larder_files::{read_json_text, write_json};
use larder_metrics::{ClassificationScores, ConstantAnswer, Metric};
use larder_train::{ClassWeight, LearningStep};
use ndarray::Array2;

use crate::RunError;

/// The findings about a run, in its folder.
pub const DIAGNOSIS_FILE: &str = "diagnosis.json";

/// Reads the diagnosis of run `run`; an empty one if there is no file, or one of another version.
///
/// # Errors
/// [`RunError::File`] for a file that cannot be read.
pub fn load_diagnosis(folder: &Path, run: &str) -> Result<RunDiagnosis, RunError> {
    let text = read_json_text(&folder.join(DIAGNOSIS_FILE))?;
    let found: Option<RunDiagnosis> = text.and_then(|text| serde_json::from_slice(text.as_ref()).ok());
    Ok(found.filter(|found| found.format_version == FORMAT_VERSION).unwrap_or_else(|| RunDiagnosis::new(run)))
}

/// The classes of a split's targets, for findings.
#[derive(Debug, Clone)]
pub struct TargetClasses {
    /// Their names, as the data spells them.
    pub names: Vec<String>,
    /// Their display names.
    pub display: Vec<String>,
    /// Targets of each class, `[classes]`.
    pub counts: Vec<usize>,
    /// The unit of the counts: `rows`, `entities`.
    pub what: &'static str,
    /// True if each target is one of the run's labels.
    pub are_labels: bool,
}

/// Writes a run's diagnosis into its folder.
///
/// # Errors
/// [`RunError::File`] when the disk refuses.
pub fn save_diagnosis(folder: &Path, diagnosis: &RunDiagnosis) -> Result<(), RunError> {
    Ok(write_json(&folder.join(DIAGNOSIS_FILE), diagnosis)?)
}

/// Facts about the fit of a head that are not in its record.
#[derive(Debug, Default)]
pub struct FitFacts {
    /// The loss on rows that the head had not seen.
    pub held_out: Option<HeldOutLoss>,
    /// Labels that may be wrong.
    pub label_errors: Option<Pointing>,
    /// Scores by the number of rows.
    pub curve: Vec<LearningStep>,
}

/// Returns the loss of held-out `probabilities` `[rows, classes]`, rows weighted as in the fit, with that of the best constant
/// answer. `mcc` is the answers' score.
pub(crate) fn held_out_loss(
    probabilities: &Array2<f64>,
    labels: &[usize],
    class_weight: ClassWeight,
    mcc: f64,
) -> Option<HeldOutLoss> {
    let mut counts = vec![0_u64; probabilities.ncols()];
    for &label in labels {
        *counts.get_mut(label)? += 1;
    }
    let weights = class_weight.of_counts(&counts);
    let (mut loss, mut whole) = (0.0, 0.0);
    for (row, &label) in probabilities.rows().into_iter().zip(labels) {
        loss -= weights[label] * row[label].max(f64::EPSILON).ln();
        whole += weights[label];
    }
    let guessing = guessing(&counts, class_weight, 0.0);
    (whole > 0.0).then(|| HeldOutLoss { loss: loss / whole, guessing, mcc, rows: labels.len() })
}

/// Returns the loss of the best constant answer for rows of `counts` `[classes]`.
pub(crate) fn guessing(counts: &[u64], class_weight: ClassWeight, smoothing: f64) -> Guessing {
    let weights = class_weight.of_counts(counts);
    let loss = ConstantAnswer::best(counts, Some(&weights), smoothing).loss_on(counts);
    Guessing { loss, weighted: class_weight == ClassWeight::Balanced, smoothed: smoothing > 0.0 }
}

/// Returns the score by `metric`.
pub fn score(scores: &ClassificationScores, metric: Metric) -> f64 {
    match metric {
        Metric::Mcc => scores.mcc,
        Metric::MacroF1 => scores.macro_f1,
        Metric::Accuracy => scores.accuracy,
    }
}
