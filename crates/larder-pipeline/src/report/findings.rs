//! What stands out about a run: its `diagnosis.json`, and where there is none the advice in its record and scores.

use std::path::Path;

use larder_diagnose::{Diagnosis, RunDiagnosis};
use larder_report::{Finding, FindingRow, Line, Plot};
use larder_train::Advice;

use super::Lacking;
use crate::RunRecord;
use crate::evaluate::Evaluation;

/// The file of a run's diagnosis, in its folder.
const FILE: &str = "diagnosis.json";

fn read(folder: &Path) -> Lacking<Option<RunDiagnosis>> {
    let text = match std::fs::read(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{FILE} cannot be read: {error}.")),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| format!("{FILE} cannot be read: {error}."))
}

/// What was found.
pub(super) fn gather(folder: &Path, record: &RunRecord, evaluation: Option<&Evaluation>) -> Lacking<Vec<Finding>> {
    if let Some(diagnosis) = read(folder)? {
        return Ok(diagnosis.findings.into_iter().map(diagnosed).collect());
    }
    let mut found: Vec<Finding> = record.training_advice().into_iter().map(|advice| advised(None, &advice)).collect();
    match evaluation {
        Some(Evaluation::Sequence(evaluation)) => {
            for split in &evaluation.splits {
                found.extend(split.advice.iter().map(|advice| advised(Some(&split.split), advice)));
            }
        }
        Some(Evaluation::Tagging(evaluation)) => {
            for split in &evaluation.splits {
                found.extend(split.advice.iter().map(|advice| advised(Some(&split.split), advice)));
            }
        }
        None => {}
    }
    Ok(found)
}

/// The score by rows of train, where it was measured.
pub(super) fn learning_curve(folder: &Path) -> Option<Plot> {
    let points = read(folder).ok()??.learning_curve;
    let metric = points.first()?.metric.clone();
    Some(Plot {
        title: format!("{metric} on held-out rows of train, by the rows fitted on"),
        x: "rows".to_owned(),
        lines: vec![Line {
            name: metric,
            points: points.iter().map(|point| (point.rows as f64, point.score)).collect(),
            marked: true,
        }],
        ..Plot::default()
    })
}

fn diagnosed(diagnosis: Diagnosis) -> Finding {
    let row = |row: larder_diagnose::PointedRow| FindingRow {
        split: row.split,
        example_id: row.example_id,
        text: row.text,
        note: row.note,
    };
    Finding {
        split: diagnosis.split,
        finding: diagnosis.finding,
        evidence: diagnosis.evidence,
        remedy: diagnosis.remedy,
        rows: diagnosis.rows.into_iter().map(row).collect(),
    }
}

fn advised(split: Option<&str>, advice: &Advice) -> Finding {
    Finding {
        split: split.map(str::to_owned),
        finding: advice.finding.clone(),
        evidence: advice.evidence.clone(),
        remedy: advice.remedy.clone(),
        rows: Vec::new(),
    }
}
