//! Label sets of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, ListBuilder, StringBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::MultilabelHead;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, TaskAnswers};
use crate::tasks::Answer;
use crate::tasks::texts::{EncodedTexts, TextHead, TextPredictor, answer_line, text_of};
use crate::{Larder, RunError, RunRecord};

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelsAnswer {
    /// The labels, as in the data, in the order of the run's; there may be none.
    pub labels: Vec<String>,
    /// The labels for people.
    pub display: Vec<String>,
    /// The probability of every label, in the order of the run's labels.
    pub probabilities: Vec<f64>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

impl TextHead for MultilabelHead {
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError> {
        let EncodedTexts { record, columns, tokens } = *texts;
        let probabilities = self.probabilities(columns)?;
        let sets = self.answers(&probabilities);
        let rows = sets.rows().into_iter().zip(probabilities.rows()).zip(tokens);
        Ok(rows
            .map(|((set, row), tokens)| {
                let named = |names: &[String]| -> Vec<String> {
                    names.iter().zip(set).filter(|(_, answered)| **answered).map(|(name, _)| name.clone()).collect()
                };
                Answer::Multilabel(LabelsAnswer {
                    labels: named(&record.labels),
                    display: named(&record.display),
                    probabilities: row.to_vec(),
                    truncated_tokens: tokens.truncated_tokens,
                })
            })
            .collect())
    }
}

/// Opens a run to answer new texts.
pub(super) fn open(
    larder: &Larder,
    record: RunRecord,
    device: Device,
    threads: usize,
) -> Result<TextPredictor, RunError> {
    let head = record.load_head(larder)?;
    let Some(head) = head.as_multilabel().cloned() else {
        return Err(RunError::BrokenRun { run: record.run });
    };
    TextPredictor::open(larder, record, Box::new(head), device, threads)
}

impl RowAnswer for LabelsAnswer {
    fn is_truncated(&self) -> bool {
        self.truncated_tokens > 0
    }

    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        vec![json!(self.labels), self.by_label(&columns.labels).into()]
    }

    fn cells(&self, _: &AnswerColumns) -> Vec<String> {
        let labels = json!(self.labels).to_string();
        std::iter::once(labels).chain(self.probabilities.iter().map(f64::to_string)).collect()
    }

    fn line(&self, content: &Content, _: InputFormat, _: bool) -> String {
        let labels = if self.display.is_empty() { "(none)".to_owned() } else { self.display.join(", ") };
        answer_line(&labels, content, self.truncated_tokens)
    }

    fn json(&self, content: &Content, labels: &[String]) -> serde_json::Result<String> {
        serde_json::to_string(&json!({
            "text": text_of(content),
            "labels": self.labels,
            "display": self.display,
            "probabilities": self.by_label(labels),
            "truncated_tokens": self.truncated_tokens,
        }))
    }
}

impl LabelsAnswer {
    fn by_label(&self, labels: &[String]) -> Map<String, Value> {
        labels.iter().cloned().zip(self.probabilities.iter().map(|&probability| json!(probability))).collect()
    }
}

impl TaskAnswers for Rules {
    fn answer_columns(&self, record: &RunRecord, _: &Columns) -> AnswerColumns {
        let shares = record.labels.iter().map(|label| format!("probabilities.{label}"));
        AnswerColumns {
            names: vec!["prediction", "probabilities"],
            cell_names: std::iter::once("prediction".to_owned()).chain(shares).collect(),
            texts: Vec::new(),
            lists: true,
            labels: record.labels.clone(),
        }
    }

    fn answer_arrays(&self, answers: &[Option<Answer>], columns: &AnswerColumns) -> Vec<ArrayRef> {
        let found: Vec<Option<&LabelsAnswer>> = answers
            .iter()
            .map(|answer| match answer {
                Some(Answer::Multilabel(labels)) => Some(labels),
                _ => None,
            })
            .collect();
        let mut sets = ListBuilder::new(StringBuilder::new());
        for answer in &found {
            for label in answer.iter().flat_map(|answer| &answer.labels) {
                sets.values().append_value(label);
            }
            sets.append(answer.is_some());
        }
        let classes = columns.labels.len();
        let no_answer = vec![0.0; classes];
        let values = found.iter().flat_map(|answer| answer.map_or(&no_answer, |answer| &answer.probabilities));
        let values: Float32Array = values.map(|&probability| Some(probability as f32)).collect();
        let element = Arc::new(Field::new_list_field(DataType::Float32, true));
        let width = i32::try_from(classes).unwrap_or(i32::MAX);
        let there = NullBuffer::from_iter(found.iter().map(Option::is_some));
        let probabilities = FixedSizeListArray::new(element, width, Arc::new(values), Some(there));
        vec![Arc::new(sets.finish()), Arc::new(probabilities)]
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["labels", "display", "probabilities"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t({problem})"))
    }
}
