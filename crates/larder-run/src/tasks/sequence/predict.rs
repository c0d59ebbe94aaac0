//! Labels of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, ListBuilder, StringArray, StringBuilder};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::{Neighbour, SequenceHead};
use serde::Serialize;
use serde_json::{Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, ShownAnswer, TaskAnswers};
use crate::coverage::AnswerBasis;
use crate::page::number;
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
    /// The training rows that it rests on, the nearest first; empty for a head that keeps none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

/// A training row that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Its id in the dataset.
    pub id: String,
    /// Its label, as in the data.
    pub label: String,
    /// The cosine between both vectors, -1 to 1.
    pub similarity: f64,
}

/// Training rows that an answer names.
const EVIDENCE_ROWS: usize = 3;

/// The column of their ids.
const EVIDENCE: &str = "evidence";

/// A classifier of texts.
#[derive(Debug)]
pub(super) struct Labeller(pub Box<dyn SequenceHead>);

impl TextHead for Labeller {
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError> {
        let EncodedTexts { record, columns, truncated_tokens } = *texts;
        let probabilities = self.0.probabilities(columns)?;
        let answers = self.0.answers(&probabilities);
        let evidence = self.0.evidence(columns, EVIDENCE_ROWS)?;
        let rows = answers.into_iter().zip(probabilities.rows()).zip(evidence).zip(truncated_tokens);
        Ok(rows
            .map(|(((answer, row), evidence), &truncated_tokens)| {
                Answer::Sequence(Prediction {
                    label: record.labels[answer].clone(),
                    display: record.display[answer].clone(),
                    probability: row[answer],
                    probabilities: row.to_vec(),
                    evidence: evidence
                        .into_iter()
                        .map(|Neighbour { id, class, similarity }| Evidence {
                            id,
                            label: record.labels[class].clone(),
                            similarity,
                        })
                        .collect(),
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

    fn basis(&self) -> AnswerBasis<'_> {
        AnswerBasis::Probabilities(&self.probabilities)
    }

    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        let mut values =
            vec![json!(self.label), json!(self.probability), by_label(&columns.labels, &self.probabilities).into()];
        if columns.names.contains(&EVIDENCE) {
            values.push(json!(self.evidence));
        }
        values
    }

    fn cells(&self, columns: &AnswerColumns) -> Vec<String> {
        let shares = self.probabilities.iter().map(f64::to_string);
        let mut cells: Vec<String> =
            [self.label.clone(), self.probability.to_string()].into_iter().chain(shares).collect();
        if columns.names.contains(&EVIDENCE) {
            let ids: Vec<&str> = self.evidence.iter().map(|row| row.id.as_str()).collect();
            cells.push(ids.join(" "));
        }
        cells
    }

    fn shown(&self) -> ShownAnswer {
        let mut values = vec![("answer", self.display.clone()), ("probability", number(self.probability))];
        if !self.evidence.is_empty() {
            values.push(("like", self.evidence.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ")));
        }
        ShownAnswer::Values(values)
    }

    fn line(&self, content: &Content, _: InputFormat, _: bool) -> String {
        let mut answer = format!("{}\t{:.3}", self.display, self.probability);
        if !self.evidence.is_empty() {
            let rows = self.evidence.iter().map(|row| format!("{} ({}, {:.2})", row.id, row.label, row.similarity));
            answer = format!("{answer}\tlike {}", rows.collect::<Vec<_>>().join(", "));
        }
        answer_line(&answer, content, self.truncated_tokens)
    }

    fn json(&self, content: &Content, labels: &[String]) -> serde_json::Result<String> {
        let mut fields = json!({
            "text": text_of(content),
            "label": self.label,
            "display": self.display,
            "probability": self.probability,
            "probabilities": by_label(labels, &self.probabilities),
            "truncated_tokens": self.truncated_tokens,
        });
        if let (Some(fields), false) = (fields.as_object_mut(), self.evidence.is_empty()) {
            fields.insert(EVIDENCE.to_owned(), json!(self.evidence));
        }
        serde_json::to_string(&fields)
    }
}

impl TaskAnswers for Rules {
    fn answer_columns(&self, record: &RunRecord, _: &Columns) -> AnswerColumns {
        let shares = record.labels.iter().map(|label| format!("probabilities.{label}"));
        let mut columns = AnswerColumns {
            names: vec!["prediction", "probability", "probabilities"],
            cell_names: ["prediction".to_owned(), "probability".to_owned()].into_iter().chain(shares).collect(),
            texts: record.labels.clone(),
            lists: false,
            labels: record.labels.clone(),
        };
        if record.head.has_evidence() {
            columns.names.push(EVIDENCE);
            columns.cell_names.push(EVIDENCE.to_owned());
        }
        columns
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
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(label), Arc::new(probability), probability_lists(&probabilities, columns.labels.len())];
        if columns.names.contains(&EVIDENCE) {
            let mut ids = ListBuilder::new(StringBuilder::new());
            for answer in &labels {
                answer.iter().flat_map(|answer| &answer.evidence).for_each(|row| ids.values().append_value(&row.id));
                ids.append(answer.is_some());
            }
            arrays.push(Arc::new(ids.finish()));
        }
        arrays
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["label", "display", "probability", "probabilities"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t\t({problem})"))
    }
}
