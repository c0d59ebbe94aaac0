//! What stands out about a run, from its `diagnosis.json`.

use std::path::Path;

use larder_diagnose::{Diagnosis, PointedRow, RunDiagnosis};
use larder_files::read_json;
use larder_report::{Finding, FindingRow, Line, Plot};

use super::Lacking;
use crate::RunRecord;
use crate::diagnose::DIAGNOSIS_FILE;

fn read(folder: &Path) -> Lacking<Option<RunDiagnosis>> {
    read_json(&folder.join(DIAGNOSIS_FILE)).map_err(|error| format!("{DIAGNOSIS_FILE} cannot be read: {error}."))
}

/// What was found.
pub(super) fn gather(folder: &Path, record: &RunRecord) -> Lacking<Vec<Finding>> {
    match read(folder)? {
        Some(diagnosis) => Ok(diagnosis.findings.into_iter().map(diagnosed).collect()),
        None => Err(format!("The run has no diagnosis: `larder eval {}` makes it.", record.run)),
    }
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
    let row =
        |row: PointedRow| FindingRow { split: row.split, example_id: row.example_id, text: row.text, note: row.note };
    Finding {
        split: diagnosis.split,
        finding: diagnosis.finding,
        evidence: diagnosis.evidence,
        remedy: diagnosis.remedy,
        rows: diagnosis.rows.into_iter().map(row).collect(),
    }
}
