//! Labels of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::SequenceHead;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, TaskAnswers};
use crate::tasks::Answer;
use crate::tasks::texts::{EncodedTexts, TextHead, TextPredictor, answer_line, text_of};
use crate::{Larder, RunError, RunRecord};

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The label, as in the data.
    pub label: String,
    /// The label for people.
    pub display: String,
    /// The probability of the label.
    pub probability: f64,
    /// The probability of every label, in the order of the run's labels.
    pub probabilities: Vec<f64>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

/// A classifier of texts.
#[derive(Debug)]
pub(super) struct Labeller(pub Box<dyn SequenceHead>);

impl TextHead for Labeller {
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError> {
        let EncodedTexts { record, columns, tokens } = *texts;
        let probabilities = self.0.probabilities(columns)?;
        let answers = self.0.answers(&probabilities);
        let rows = answers.into_iter().zip(probabilities.rows()).zip(tokens);
        Ok(rows
            .map(|((answer, row), tokens)| {
                Answer::Sequence(Prediction {
                    label: record.labels[answer].clone(),
                    display: record.display[answer].clone(),
                    probability: row[answer],
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
    let Some(head) = record.load_head(larder)?.into_classifier() else {
        return Err(RunError::BrokenRun { run: record.run });
    };
    TextPredictor::open(larder, record, Box::new(Labeller(head)), device, threads)
}

impl RowAnswer for Prediction {
    fn is_truncated(&self) -> bool {
        self.truncated_tokens > 0
    }

    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        vec![json!(self.label), json!(self.probability), self.by_label(&columns.labels).into()]
    }

    fn cells(&self, _: &AnswerColumns) -> Vec<String> {
        let shares = self.probabilities.iter().map(f64::to_string);
        [self.label.clone(), self.probability.to_string()].into_iter().chain(shares).collect()
    }

    fn line(&self, content: &Content, _: InputFormat, _: bool) -> String {
        let answer = format!("{}\t{:.3}", self.display, self.probability);
        answer_line(&answer, content, self.truncated_tokens)
    }

    fn json(&self, content: &Content, labels: &[String]) -> serde_json::Result<String> {
        serde_json::to_string(&json!({
            "text": text_of(content),
            "label": self.label,
            "display": self.display,
            "probability": self.probability,
            "probabilities": self.by_label(labels),
            "truncated_tokens": self.truncated_tokens,
        }))
    }
}

impl Prediction {
    fn by_label(&self, labels: &[String]) -> Map<String, Value> {
        labels.iter().cloned().zip(self.probabilities.iter().map(|&probability| json!(probability))).collect()
    }
}

impl TaskAnswers for Rules {
    fn answer_columns(&self, record: &RunRecord, _: &Columns) -> AnswerColumns {
        let shares = record.labels.iter().map(|label| format!("probabilities.{label}"));
        AnswerColumns {
            names: vec!["prediction", "probability", "probabilities"],
            cell_names: ["prediction".to_owned(), "probability".to_owned()].into_iter().chain(shares).collect(),
            texts: record.labels.clone(),
            lists: false,
            labels: record.labels.clone(),
        }
    }

    fn answer_arrays(&self, answers: &[Option<Answer>], columns: &AnswerColumns) -> Vec<ArrayRef> {
        let labels: Vec<Option<&Prediction>> = answers
            .iter()
            .map(|answer| match answer {
                Some(Answer::Sequence(label)) => Some(label),
                _ => None,
            })
            .collect();
        let classes = columns.labels.len();
        let label: StringArray = labels.iter().map(|label| label.map(|label| label.label.as_str())).collect();
        let probability: Float32Array =
            labels.iter().map(|label| label.map(|label| label.probability as f32)).collect();
        let no_answer = vec![0.0; classes];
        let values = labels.iter().flat_map(|label| label.map_or(&no_answer, |label| &label.probabilities));
        let values: Float32Array = values.map(|&probability| Some(probability as f32)).collect();
        let element = Arc::new(Field::new_list_field(DataType::Float32, true));
        let width = i32::try_from(classes).unwrap_or(i32::MAX);
        let there = NullBuffer::from_iter(labels.iter().map(Option::is_some));
        let probabilities = FixedSizeListArray::new(element, width, Arc::new(values), Some(there));
        vec![Arc::new(label), Arc::new(probability), Arc::new(probabilities)]
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["label", "display", "probability", "probabilities"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t\t({problem})"))
    }
}
