//! Facts about training.

use std::path::Path;

use larder_diagnose::{Course, Evaluated, HeldOut, RunDiagnosis, diagnose_course, diagnose_learning_rate};
use larder_finetune::{HistoryRow, Schedule, TargetStatistics, TuneSettings};
use larder_intake::Encoder;
use larder_run::{FitFacts, RunError, RunRecord, TunedRecord};

use super::rows::row_findings;

/// The facts about a fine-tuning.
pub struct TuneFacts<'a> {
    /// All steps.
    pub history: &'a [HistoryRow],
    /// The settings of training.
    pub settings: &'a TuneSettings,
    /// The targets of train; classes are those of rows (tagging: of words).
    pub train_targets: TargetStatistics,
    /// The same for the dev split.
    pub dev_targets: TargetStatistics,
    /// Texts or sentences of that split.
    pub dev_rows: usize,
}

/// Returns the findings about the fit of a head, and its training rows in the tokens file at `tokens`.
///
/// # Errors
/// [`RunError::Store`] for a file that cannot be read; [`RunError::Encoder`].
pub fn fit_diagnosis(
    record: &RunRecord,
    encoder: &Encoder,
    tokens: &Path,
    facts: FitFacts,
) -> Result<RunDiagnosis, RunError> {
    let mut diagnosis = RunDiagnosis::new(&record.run);
    diagnosis.findings = record.head.details().findings(record, &facts, &mut diagnosis);
    diagnosis.findings.extend(row_findings(record, encoder, tokens, facts.label_errors)?);
    Ok(diagnosis)
}

/// Returns the findings about a fine-tuning, and its training rows in the tokens file at `tokens`.
///
/// # Errors
/// [`RunError::Store`] for a file that cannot be read; [`RunError::Encoder`].
pub fn tuning_diagnosis(
    record: &RunRecord,
    tuned: &TunedRecord,
    encoder: &Encoder,
    tokens: &Path,
    facts: &TuneFacts<'_>,
) -> Result<RunDiagnosis, RunError> {
    let mut diagnosis = RunDiagnosis::new(&record.run);
    let TuneFacts { history, settings, train_targets, dev_targets, dev_rows } = facts;
    let tuning = tuned.tuning();
    diagnosis.findings.extend(diagnose_learning_rate(&tuning.rate));
    let steps: Vec<f64> = history.iter().map(|row| row.loss).collect();
    let dropout = settings.dropout;
    let held_out = tuned.dev_split.as_deref().map(|name| HeldOut {
        name,
        rows: *dev_rows,
        guessing: settings.constant_loss(train_targets, dev_targets),
    });
    let course = Course {
        losses: tuning.losses,
        rate: tuning.rate,
        decays: settings.schedule != Schedule::Constant,
        steps: &steps,
        evaluations: &evaluations(history),
        score: &tuned.score,
        held_out,
        dropout: f64::from(dropout.hidden.max(dropout.attention).max(dropout.head)),
    };
    diagnosis.findings.extend(diagnose_course(&course));
    diagnosis.findings.extend(row_findings(record, encoder, tokens, None)?);
    Ok(diagnosis)
}

/// Most steps before an evaluation that its training loss is the mean of: few enough that the parameters change little, enough
/// to average over batches.
const STEPS_AROUND: usize = 50;

/// Returns the evaluations in the history, each with the mean training loss of the steps before it.
fn evaluations(history: &[HistoryRow]) -> Vec<Evaluated> {
    let (mut found, mut since) = (Vec::new(), 0);
    for (at, row) in history.iter().enumerate() {
        let Some(score) = row.score else { continue };
        let first = since.max((at + 1).saturating_sub(STEPS_AROUND));
        let losses = &history[first..=at];
        let training_loss = losses.iter().map(|row| row.loss).sum::<f64>() / losses.len() as f64;
        found.push(Evaluated { step: row.step, score, loss: row.dev_loss, training_loss });
        since = at + 1;
    }
    found
}
