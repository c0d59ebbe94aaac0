//! Labels of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, StringArray};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::SequenceHead;
use serde::Serialize;
use serde_json::{Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, TaskAnswers};
use crate::tasks::Answer;
use crate::tasks::texts::{EncodedTexts, TextHead, TextPredictor, answer_line, by_label, probability_lists, text_of};
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
        let EncodedTexts { record, columns, truncated_tokens } = *texts;
        let probabilities = self.0.probabilities(columns)?;
        let answers = self.0.answers(&probabilities);
        let rows = answers.into_iter().zip(probabilities.rows()).zip(truncated_tokens);
        Ok(rows
            .map(|((answer, row), &truncated_tokens)| {
                Answer::Sequence(Prediction {
                    label: record.labels[answer].clone(),
                    display: record.display[answer].clone(),
                    probability: row[answer],
                    probabilities: row.to_vec(),
                    truncated_tokens,
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
    TextPredictor::open(larder, record, &|head| Some(Box::new(Labeller(head.into_classifier()?))), device, threads)
}

impl RowAnswer for Prediction {
    fn is_truncated(&self) -> bool {
        self.truncated_tokens > 0
    }

    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        vec![json!(self.label), json!(self.probability), by_label(&columns.labels, &self.probabilities).into()]
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
            "probabilities": by_label(labels, &self.probabilities),
            "truncated_tokens": self.truncated_tokens,
        }))
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
        let label: StringArray = labels.iter().map(|label| label.map(|label| label.label.as_str())).collect();
        let probability: Float32Array =
            labels.iter().map(|label| label.map(|label| label.probability as f32)).collect();
        let probabilities: Vec<Option<&[f64]>> =
            labels.iter().map(|answer| answer.map(|answer| answer.probabilities.as_slice())).collect();
        vec![Arc::new(label), Arc::new(probability), probability_lists(&probabilities, columns.labels.len())]
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["label", "display", "probability", "probabilities"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t\t({problem})"))
    }
}
