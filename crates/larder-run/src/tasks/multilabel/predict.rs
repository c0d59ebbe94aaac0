//! Label sets of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::LabelSetHead;
use serde::Serialize;
use serde_json::{Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, ShownAnswer, TaskAnswers};
use crate::coverage::AnswerBasis;
use crate::tasks::Answer;
use crate::tasks::texts::{EncodedTexts, TextHead, TextPredictor, answer_line, by_label, probability_lists, text_of};
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

/// A head of label sets.
#[derive(Debug)]
struct SetLabeller(Box<dyn LabelSetHead>);

impl TextHead for SetLabeller {
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError> {
        let EncodedTexts { record, columns, truncated_tokens } = *texts;
        let probabilities = self.0.probabilities(columns)?;
        let sets = self.0.answers(&probabilities);
        let rows = sets.rows().into_iter().zip(probabilities.rows()).zip(truncated_tokens);
        Ok(rows
            .map(|((set, row), &truncated_tokens)| {
                let named = |names: &[String]| -> Vec<String> {
                    names.iter().zip(set).filter(|(_, answered)| **answered).map(|(name, _)| name.clone()).collect()
                };
                Answer::Multilabel(LabelsAnswer {
                    labels: named(&record.labels),
                    display: named(&record.display),
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
    TextPredictor::open(larder, record, &|head| Some(Box::new(SetLabeller(head.into_label_sets()?))), device, threads)
}

impl RowAnswer for LabelsAnswer {
    fn is_truncated(&self) -> bool {
        self.truncated_tokens > 0
    }

    fn basis(&self) -> AnswerBasis<'_> {
        AnswerBasis::Probabilities(&self.probabilities)
    }

    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        vec![json!(self.labels), by_label(&columns.labels, &self.probabilities).into()]
    }

    fn cells(&self, _: &AnswerColumns) -> Vec<String> {
        let labels = json!(self.labels).to_string();
        std::iter::once(labels).chain(self.probabilities.iter().map(f64::to_string)).collect()
    }

    fn shown(&self) -> ShownAnswer {
        let labels = if self.display.is_empty() { "(none)".to_owned() } else { self.display.join(", ") };
        ShownAnswer::Values(vec![("answer", labels)])
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
            "probabilities": by_label(labels, &self.probabilities),
            "truncated_tokens": self.truncated_tokens,
        }))
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
        let probabilities: Vec<Option<&[f64]>> =
            found.iter().map(|answer| answer.map(|answer| answer.probabilities.as_slice())).collect();
        vec![Arc::new(sets.finish()), probability_lists(&probabilities, columns.labels.len())]
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["labels", "display", "probabilities"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t({problem})"))
    }
}
