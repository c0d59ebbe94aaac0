//! Chosen rows as a file to label in.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use larder_data::Format;
use larder_files::{AtomicFile, FileError, write_atomic};
use larder_store::StoreError;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::outcome::{SuggestOutcome, SuggestedRow};
use crate::PipelineError;

/// Writes chosen rows as CSV, JSON lines or Parquet: `rank`, `row`, `text`, an empty `label`, and the reasons.
///
/// # Errors
/// [`PipelineError::Run`] when the disk refuses.
pub fn write_suggestions(outcome: &SuggestOutcome, format: Format, path: &Path) -> Result<(), PipelineError> {
    match format {
        Format::Jsonl => {
            let lines: String =
                fields(outcome).map(|fields| format!("{}\n", Value::Object(fields.into_iter().collect()))).collect();
            Ok(write_atomic(path, |file| std::io::Write::write_all(file, lines.as_bytes()))?)
        }
        Format::Parquet => parquet(outcome, path),
        _ => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let failed = |error: csv::Error| FileError::io("write", path)(std::io::Error::other(error));
            for (rank, fields) in fields(outcome).enumerate() {
                if rank == 0 {
                    writer.write_record(fields.iter().map(|(name, _)| name)).map_err(failed)?;
                }
                writer.write_record(fields.iter().map(|(_, value)| cell(value))).map_err(failed)?;
            }
            let text = writer
                .into_inner()
                .map_err(|error| FileError::io("write", path)(std::io::Error::other(error.to_string())))?;
            Ok(write_atomic(path, |file| std::io::Write::write_all(file, &text))?)
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the fields of each row: those of the text, a place for the label, and the reasons.
fn fields(outcome: &SuggestOutcome) -> impl Iterator<Item = Vec<(String, Value)>> {
    let has_ids = outcome.rows.iter().any(|row| row.id.is_some());
    let has_pairs = outcome.rows.iter().any(|row| row.text_b.is_some());
    let has_texts = outcome.rows.iter().any(|row| row.text.is_some());
    outcome.rows.iter().enumerate().map(move |(rank, row)| {
        let SuggestedRow { id, text, text_b, prediction, margin, entropy, reason, .. } = row;
        let mut fields = vec![("rank", json!(rank + 1)), ("row", json!(row.row))];
        fields.extend(has_ids.then(|| ("id", json!(id))));
        fields.extend(has_texts.then(|| ("text", json!(text))));
        fields.extend(has_pairs.then(|| ("text_b", json!(text_b))));
        fields.push(("label", Value::Null));
        fields.push(("prediction", json!(prediction)));
        fields.push(("margin", json!(margin)));
        fields.push(("entropy", json!(entropy)));
        fields.push(("reason", json!(reason)));
        let shares = row.probabilities.iter().map(|(label, share)| (format!("probabilities.{label}"), share.clone()));
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(shares).collect()
    })
}

fn parquet(outcome: &SuggestOutcome, path: &Path) -> Result<(), PipelineError> {
    let rows = &outcome.rows;
    let texts = |text: &dyn Fn(&SuggestedRow) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<StringArray>())
    };
    let numbers = |number: &dyn Fn(&SuggestedRow) -> f32| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(rows.iter().map(number)))
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("rank".to_owned(), Arc::new(UInt64Array::from_iter_values(1..=rows.len() as u64))),
        ("row".to_owned(), Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.row as u64)))),
        ("id".to_owned(), texts(&|row| row.id.clone())),
        ("text".to_owned(), texts(&|row| row.text.clone())),
        ("text_b".to_owned(), texts(&|row| row.text_b.clone())),
        ("label".to_owned(), texts(&|_| None)),
        ("prediction".to_owned(), texts(&|row| Some(row.prediction.clone()))),
        ("margin".to_owned(), numbers(&|row| row.margin)),
        ("entropy".to_owned(), numbers(&|row| row.entropy)),
        ("reason".to_owned(), texts(&|row| Some(row.reason.clone()))),
    ];
    for label in &outcome.labels {
        let share = |row: &SuggestedRow| row.probabilities.get(label).and_then(Value::as_f64).unwrap_or(0.0) as f32;
        columns.push((format!("probabilities.{label}"), numbers(&share)));
    }
    let failed = |source| StoreError::Parquet { path: path.to_path_buf(), source };
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.map_err(|error| failed(error.into()))?;
    let mut writer = ArrowWriter::try_new(AtomicFile::create(path)?, batch.schema(), None).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    Ok(writer.into_inner().map_err(failed)?.commit()?)
}
