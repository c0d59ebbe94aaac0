//! Numbers for new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use larder_data::{Columns, Content, InputFormat};
use larder_runtime::Device;
use larder_train::NumberHead;
use serde::Serialize;
use serde_json::{Value, json};

use super::Rules;
use crate::answers::{AnswerColumns, RowAnswer, ShownAnswer, TaskAnswers};
use crate::coverage::AnswerBasis;
use crate::page::number;
use crate::tasks::Answer;
use crate::tasks::texts::{EncodedTexts, TextHead, TextPredictor, answer_line, text_of};
use crate::{Larder, RunError, RunRecord};

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberAnswer {
    /// The number, in the unit of the training targets.
    pub number: f64,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

/// A head of numbers.
#[derive(Debug)]
struct Estimator(Box<dyn NumberHead>);

impl TextHead for Estimator {
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError> {
        let answers = self.0.numbers(texts.columns)?.into_iter().zip(texts.truncated_tokens);
        Ok(answers
            .map(|(number, &truncated_tokens)| Answer::Regression(NumberAnswer { number, truncated_tokens }))
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
    TextPredictor::open(larder, record, &|head| Some(Box::new(Estimator(head.into_number()?))), device, threads)
}

impl RowAnswer for NumberAnswer {
    fn is_truncated(&self) -> bool {
        self.truncated_tokens > 0
    }

    fn basis(&self) -> AnswerBasis<'_> {
        AnswerBasis::Number(self.number)
    }

    fn json_values(&self, _: &AnswerColumns) -> Vec<Value> {
        vec![json!(self.number)]
    }

    fn cells(&self, _: &AnswerColumns) -> Vec<String> {
        vec![self.number.to_string()]
    }

    fn shown(&self) -> ShownAnswer {
        ShownAnswer::Values(vec![("answer", number(self.number))])
    }

    fn line(&self, content: &Content, _: InputFormat, _: bool) -> String {
        answer_line(&format!("{:.3}", self.number), content, self.truncated_tokens)
    }

    fn json(&self, content: &Content, _: &[String]) -> serde_json::Result<String> {
        serde_json::to_string(&json!({
            "text": text_of(content),
            "prediction": self.number,
            "truncated_tokens": self.truncated_tokens,
        }))
    }
}

impl TaskAnswers for Rules {
    fn answer_columns(&self, record: &RunRecord, _: &Columns) -> AnswerColumns {
        AnswerColumns {
            names: vec!["prediction"],
            cell_names: vec!["prediction".to_owned()],
            texts: Vec::new(),
            lists: false,
            labels: record.labels.clone(),
        }
    }

    fn answer_arrays(&self, answers: &[Option<Answer>], _: &AnswerColumns) -> Vec<ArrayRef> {
        let numbers: Float64Array = answers
            .iter()
            .map(|answer| match answer {
                Some(Answer::Regression(answer)) => Some(answer.number),
                _ => None,
            })
            .collect();
        vec![Arc::new(numbers)]
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["prediction"]
    }

    fn unanswered_line(&self, problem: &str, _: InputFormat) -> Option<String> {
        Some(format!("\t({problem})"))
    }
}
