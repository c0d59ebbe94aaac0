//! The `predictions` file of a run: one row an example and split.
//!
//! | column | type | |
//! |---|---|---|
//! | `split` | Utf8 | |
//! | `example_id` | Utf8 | as in `tokens` |
//! | `label`, `labels` or `target` | Utf8, List&lt;Utf8&gt; or Float64, nullable | gold |
//! | `prediction` | Utf8, List&lt;Utf8&gt; or Float64 | the answer: a label, some labels, a number |
//! | `probability` | Float32 | of the label answered, where each row has one |
//! | `probabilities` | FixedSizeList&lt;Float32, classes&gt; | of labels, in the order of `larder.labels` in the file's metadata |

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use larder_data::TargetKind;
use larder_files::Provenance;
use parquet::arrow::ArrowWriter;

use crate::kept_splits::each_kept;
use crate::schema::{ELEMENT, list_of, string_lists, writer_properties};
use crate::targets::{TextTargets, target_field};
use crate::{SealedFile, StoreError};

/// The answers on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitPredictions {
    /// The split's name.
    pub split: String,
    /// Ids, `[rows]`.
    pub example_ids: Vec<String>,
    /// Gold targets, `[rows]`.
    pub targets: TextTargets,
    /// Answers, `[rows]`, of the same kind.
    pub answers: TextAnswers,
}

/// The answers to texts.
#[derive(Debug, Clone, PartialEq)]
pub enum TextAnswers {
    /// One label a row.
    Label {
        /// Indices into the labels, `[rows]`.
        answers: Vec<usize>,
        /// Probabilities, row-major `[rows, classes]`.
        probabilities: Vec<f32>,
    },
    /// Any number of labels a row.
    Labels {
        /// True for the labels answered, row-major `[rows, classes]`.
        answers: Vec<bool>,
        /// Probabilities, row-major `[rows, classes]`.
        probabilities: Vec<f32>,
    },
    /// A number a row, `[rows]`.
    Number(Vec<f64>),
}

impl TextAnswers {
    /// Returns the columns of answers to targets of a kind, with `classes` labels.
    fn fields(kind: TargetKind, classes: usize) -> Vec<Field> {
        let width = i32::try_from(classes).expect("fewer than 2^31 classes");
        let probabilities = DataType::FixedSizeList(Arc::new(Field::new(ELEMENT, DataType::Float32, false)), width);
        let probabilities = Field::new("probabilities", probabilities, false);
        match kind {
            TargetKind::Label | TargetKind::Tags => vec![
                Field::new("prediction", DataType::Utf8, false),
                Field::new("probability", DataType::Float32, false),
                probabilities,
            ],
            TargetKind::Labels => vec![Field::new("prediction", list_of(DataType::Utf8), false), probabilities],
            TargetKind::Number => vec![Field::new("prediction", DataType::Float64, false)],
        }
    }

    /// Returns the columns for labels called `labels`.
    fn arrays(&self, labels: &[String]) -> Vec<ArrayRef> {
        let classes = labels.len();
        let probabilities_of = |values: &[f32]| -> ArrayRef {
            let element = Arc::new(Field::new(ELEMENT, DataType::Float32, false));
            let width = i32::try_from(classes).expect("fewer than 2^31 classes");
            Arc::new(FixedSizeListArray::new(element, width, Arc::new(Float32Array::from(values.to_vec())), None))
        };
        match self {
            Self::Label { answers, probabilities } => {
                let of_answer = answers.iter().zip(probabilities.chunks_exact(classes)).map(|(&a, row)| row[a]);
                vec![
                    Arc::new(StringArray::from_iter_values(answers.iter().map(|&a| &labels[a]))),
                    Arc::new(Float32Array::from_iter_values(of_answer)),
                    probabilities_of(probabilities),
                ]
            }
            Self::Labels { answers, probabilities } => {
                let named = |row: &[bool]| -> Vec<String> {
                    row.iter().zip(labels).filter(|(answered, _)| **answered).map(|(_, label)| label.clone()).collect()
                };
                let rows: Vec<Vec<String>> = answers.chunks_exact(classes).map(named).collect();
                let lists = string_lists(rows.iter().map(|row| Some(row.as_slice())));
                vec![Arc::new(lists), probabilities_of(probabilities)]
            }
            Self::Number(answers) => vec![Arc::new(Float64Array::from(answers.clone()))],
        }
    }
}

/// Writes the answers on some splits as one Parquet file, atomically, behind those on the splits `keep` of the file that is
/// there. `labels` names the classes, and `kind` is that of the targets.
///
/// # Errors
/// [`StoreError`] when the disk refuses.
///
/// # Panics
/// When the lengths disagree: the caller's arithmetic is wrong.
pub fn write_predictions(
    path: &Path,
    labels: &[String],
    kind: TargetKind,
    splits: &[SplitPredictions],
    keep: &[String],
    provenance: &Provenance,
) -> Result<(), StoreError> {
    let mut fields = vec![
        Field::new("split", DataType::Utf8, false),
        Field::new("example_id", DataType::Utf8, false),
        target_field(kind),
    ];
    fields.extend(TextAnswers::fields(kind, labels.len()));
    let schema = Arc::new(Schema::new(fields));
    let failed = |e| StoreError::writing(path, e);
    let provenance = provenance.clone().with("labels", labels.join("\n"));
    let properties = writer_properties(Some(&provenance)).build();
    let mut writer =
        ArrowWriter::try_new(SealedFile::create(path)?, schema.clone(), Some(properties)).map_err(failed)?;
    each_kept(path, keep, &schema, &mut |batch| writer.write(batch).map_err(failed))?;
    for split in splits {
        let rows = split.example_ids.len();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&split.split, rows))),
            Arc::new(StringArray::from_iter_values(&split.example_ids)),
            split.targets.array(),
        ];
        columns.extend(split.answers.arrays(labels));
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|e| failed(e.into()))?;
        writer.write(&batch).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)?.commit()
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Float32Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn answers_carry_their_label_and_probability() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let split = SplitPredictions {
            split: "dev".into(),
            example_ids: vec!["a".into(), "b".into()],
            targets: TextTargets::Label(vec![Some("yes".into()), None]),
            answers: TextAnswers::Label { answers: vec![1, 0], probabilities: vec![0.25, 0.75, 0.625, 0.375] },
        };
        let labels = ["no".to_owned(), "yes".to_owned()];
        write_predictions(&path, &labels, TargetKind::Label, &[split], &[], &Provenance::new("eval", 1)).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let batch = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
        let answers: Vec<_> = batch["prediction"].as_string::<i32>().iter().flatten().collect();
        assert_eq!(answers, ["yes", "no"]);
        assert_eq!(batch["probability"].as_primitive::<Float32Type>().values(), &[0.75, 0.625]);
        let second = batch["probabilities"].as_fixed_size_list().value(1);
        assert_eq!(second.as_primitive::<Float32Type>().values(), &[0.625, 0.375]);
    }

    #[test]
    fn splits_that_are_kept_stay_and_others_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let labels = ["no".to_owned(), "yes".to_owned()];
        let split = |name: &str, answer: usize| SplitPredictions {
            split: name.into(),
            example_ids: vec![format!("{name}{answer}")],
            targets: TextTargets::Label(vec![None]),
            answers: TextAnswers::Label { answers: vec![answer], probabilities: vec![0.5, 0.5] },
        };
        let write = |splits: &[SplitPredictions], keep: &[&str], labels: &[String]| {
            let keep: Vec<String> = keep.iter().map(ToString::to_string).collect();
            write_predictions(&path, labels, TargetKind::Label, splits, &keep, &Provenance::new("eval", 1)).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let ids = |batch: RecordBatch| -> Vec<String> {
                batch["example_id"].as_string::<i32>().iter().flatten().map(str::to_owned).collect()
            };
            batches.flat_map(|batch| ids(batch.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(write(&[split("dev", 0), split("test", 0)], &["other"], &labels), ["dev0", "test0"]);
        assert_eq!(write(&[split("dev", 1)], &["test"], &labels), ["test0", "dev1"]);
        assert_eq!(write(&[split("test", 1)], &[], &labels), ["test1"]);
        let three = ["no", "yes", "maybe"].map(str::to_owned);
        let answers = TextAnswers::Label { answers: vec![0], probabilities: vec![0.5, 0.25, 0.25] };
        let wider = SplitPredictions { answers, ..split("dev", 0) };
        assert_eq!(write(&[wider], &["test"], &three), ["dev0"], "of a run with other labels");
    }
}
