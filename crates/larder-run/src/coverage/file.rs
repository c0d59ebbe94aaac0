//! `calibration.parquet` in a run's folder.

use std::path::Path;

use larder_files::Provenance;
use larder_metrics::{Calibration, CalibrationRow};
use larder_store::{CalibrationColumns, read_provenance, write_calibration};

use crate::columns::ParquetColumns;
use crate::page::Missing;
use crate::{RunError, RunRecord};

/// Scores of the truth on training rows that the answering fit had not seen, in a run's folder.
pub const CALIBRATION_FILE: &str = "calibration.parquet";

/// Version of the file.
const VERSION: u32 = 1;

/// Returns the provenance of the file: a calibration of other training is none.
fn provenance(record: &RunRecord) -> Provenance {
    Provenance::new("calibration", VERSION).with("run.digest", record.provenance.digest())
}

/// Writes a run's calibration into `folder`.
///
/// # Errors
/// [`RunError::Store`] when the disk refuses.
pub(super) fn save(calibration: &Calibration, folder: &Path, record: &RunRecord) -> Result<(), RunError> {
    let rows = &calibration.rows;
    let named = |row: &CalibrationRow| row.label.and_then(|label| record.labels.get(label).cloned());
    let columns = CalibrationColumns {
        row: rows.iter().map(|row| i64::try_from(row.row).unwrap_or(i64::MAX)).collect(),
        label: rows.iter().map(named).collect(),
        score: rows.iter().map(|row| row.score).collect(),
        above: rows.iter().map(|row| row.above).collect(),
    };
    Ok(write_calibration(&folder.join(CALIBRATION_FILE), columns, &provenance(record))?)
}

/// Reads a run's calibration.
///
/// # Errors
/// [`RunError::NoCalibration`] if there is none; [`RunError::BrokenCalibration`] for a file that is damaged or another run's.
pub(super) fn load(folder: &Path, record: &RunRecord) -> Result<Calibration, RunError> {
    let path = folder.join(CALIBRATION_FILE);
    if !path.exists() {
        let why = record.head.details().uncalibrated();
        return Err(match why {
            Some(why) => RunError::NoCalibration { run: record.run.clone(), why },
            None => RunError::OldCalibration { run: record.run.clone() },
        });
    }
    let broken = |problem: String| RunError::BrokenCalibration { run: record.run.clone(), problem };
    let read = || -> Result<Calibration, Missing> {
        let columns = ParquetColumns::read(folder, CALIBRATION_FILE, "it is missing")?;
        let (rows, labels) = (columns.integers("row")?, columns.texts("label")?);
        let (scores, above) = (columns.numbers("score")?, columns.numbers("above")?);
        let mut all = Vec::with_capacity(rows.len());
        for (((row, label), score), above) in rows.into_iter().zip(labels).zip(scores).zip(above) {
            let label = match label {
                None => None,
                Some(label) => Some(
                    record
                        .labels
                        .iter()
                        .position(|known| *known == label)
                        .ok_or_else(|| Missing(format!("the run has no label `{label}`")))?,
                ),
            };
            let row = usize::try_from(row).map_err(|_| Missing(format!("there is no row {row}")))?;
            let score = score.filter(|score| score.is_finite());
            let score = score.ok_or_else(|| Missing(format!("row {row} has no finite score")))?;
            all.push(CalibrationRow { row, label, score, above });
        }
        Ok(Calibration { rows: all })
    };
    let calibration = read().map_err(|Missing(problem)| broken(problem.trim_end_matches('.').to_owned()))?;
    if read_provenance(&path)?.as_ref() != Some(&provenance(record)) {
        return Err(broken("it is of another training".to_owned()));
    }
    Ok(calibration)
}
