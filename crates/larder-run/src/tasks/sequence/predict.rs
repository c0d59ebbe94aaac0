//! Labels of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use larder_data::{Columns, Content, InputFormat};
use larder_encode::{EncoderInput, Engine, EngineSettings};
use larder_runtime::{Device, RanOn};
use larder_tokens::{TokenizeSettings, Tokenizer};
use larder_train::{FeatureColumn, SequenceHead};
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, Predictor, RowAnswer, TaskAnswers, about_text};
use crate::tasks::Answer;
use crate::{Larder, RunError, RunRecord};

/// Texts answered at once.
const TEXTS_AT_ONCE: usize = 4096;

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

/// A classifier ready to answer.
#[derive(Debug)]
pub(super) struct TextPredictor {
    record: RunRecord,
    tokenizer: Tokenizer,
    engine: Engine,
    head: Box<dyn SequenceHead>,
}

impl TextPredictor {
    /// Opens a run's head and encoder.
    pub(super) fn open(larder: &Larder, record: RunRecord, device: Device, threads: usize) -> Result<Self, RunError> {
        let encoder = record.encoder(larder)?;
        let Some(head) = record.load_head(larder)?.into_classifier() else {
            return Err(RunError::BrokenRun { run: record.run });
        };
        let settings = EngineSettings { device, threads, batch_tokens: None, ..Default::default() };
        let engine = Engine::new(larder.runtime()?, &encoder, &record.outputs, settings)?;
        Ok(Self { tokenizer: encoder.tokenizer()?, record, engine, head })
    }
}

impl Predictor for TextPredictor {
    fn record(&self) -> &RunRecord {
        &self.record
    }

    fn ran_on(&self) -> &RanOn {
        self.engine.ran_on()
    }

    fn rows_at_once(&self) -> usize {
        TEXTS_AT_ONCE
    }

    fn predict(&mut self, texts: &[Content]) -> Result<Vec<Answer>, RunError> {
        let settings = TokenizeSettings { max_tokens: Some(self.record.settings.max_tokens) };
        let tokens = self.tokenizer.encode_batch(texts, &settings)?;
        let inputs: Vec<EncoderInput<'_>> =
            tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: Some(&t.type_ids) }).collect();
        for input in &inputs {
            if let Some(problem) = self.engine.refusal(input) {
                return Err(RunError::Unreadable { problem });
            }
        }
        let width = self.engine.width();
        let names = self.engine.columns().to_vec();
        let vectors = self.engine.embed(&inputs).map_err(|error| about_text(error, texts))?;
        let columns: Vec<FeatureColumn> = names
            .into_iter()
            .zip(vectors)
            .map(|(name, values)| {
                let values = Array2::from_shape_vec((texts.len(), width), values)
                    .expect("the engine gives rows * width values a column");
                FeatureColumn::new(name, values)
            })
            .collect();
        let columns: Vec<&FeatureColumn> = columns.iter().collect();
        let probabilities = self.head.probabilities(&columns)?;
        let answers = self.head.answers(&probabilities);
        Ok(answers
            .into_iter()
            .zip(probabilities.rows())
            .zip(&tokens)
            .map(|((answer, row), tokens)| {
                Answer::Sequence(Prediction {
                    label: self.record.labels[answer].clone(),
                    display: self.record.display[answer].clone(),
                    probability: row[answer],
                    probabilities: row.to_vec(),
                    truncated_tokens: tokens.truncated_tokens,
                })
            })
            .collect())
    }
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

    /// Returns one line, whatever line ends the text holds.
    fn line(&self, content: &Content, _: InputFormat, _: bool) -> String {
        let text = text_of(content).replace("\r\n", " ").replace(['\n', '\r'], " ");
        let cut = match self.truncated_tokens {
            0 => String::new(),
            n => format!("  (the last {n} tokens did not fit)"),
        };
        format!("{}\t{:.3}\t{text}{cut}\n", self.display, self.probability)
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

/// Returns the text; for a pair, both separated by a tab, as in the input.
fn text_of(content: &Content) -> String {
    match content {
        Content::Text { text, text_b: None } => text.clone(),
        Content::Text { text, text_b: Some(text_b) } => format!("{text}\t{text_b}"),
        Content::Words(words) => words.join(" "),
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
