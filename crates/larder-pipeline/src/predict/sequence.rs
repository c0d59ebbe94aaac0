//! Labels of new texts.

use larder_data::{Content, Task};
use larder_encode::{EncoderInput, Engine, EngineSettings};
use larder_runtime::{Device, RanOn};
use larder_tokens::{TokenizeSettings, Tokenizer};
use larder_train::{FeatureColumn, SequenceHead};
use ndarray::Array2;
use serde::Serialize;

use super::about_text;
use crate::head::Head;
use crate::{Larder, PipelineError, RunRecord};

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The label, as the data spells it.
    pub label: String,
    /// The label for people.
    pub display: String,
    /// The answer's probability.
    pub probability: f64,
    /// Every label's probability, in the order of the run's labels.
    pub probabilities: Vec<f64>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

/// A run ready to answer.
#[derive(Debug)]
pub struct Predictor {
    record: RunRecord,
    tokenizer: Tokenizer,
    engine: Engine,
    head: Box<dyn SequenceHead>,
}

impl Predictor {
    /// Opens a run's head and encoder.
    ///
    /// # Errors
    /// [`PipelineError::EncoderChanged`] when the encoder's name now stands for another model; [`PipelineError`].
    pub fn open(larder: &Larder, record: RunRecord, device: Device, threads: usize) -> Result<Self, PipelineError> {
        let encoder = record.encoder(larder)?;
        let head: Box<dyn SequenceHead> = match record.load_head(larder)? {
            Head::Sequence(head) => Box::new(head),
            Head::Mlp(head) => Box::new(head),
            Head::Tagging(_) => {
                return Err(PipelineError::WrongTask {
                    run: record.run,
                    found: Task::Tagging,
                    expected: Task::Sequence,
                });
            }
        };
        let settings = EngineSettings { device, threads, batch_tokens: None, ..Default::default() };
        let engine = Engine::new(larder.runtime()?, &encoder, &record.outputs, settings)?;
        Ok(Self { tokenizer: encoder.tokenizer()?, record, engine, head })
    }

    /// The run.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The device that runs.
    pub fn ran_on(&self) -> &RanOn {
        self.engine.ran_on()
    }

    /// Answers `texts`, in order.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub fn predict(&mut self, texts: &[Content]) -> Result<Vec<Prediction>, PipelineError> {
        let settings = TokenizeSettings { max_tokens: Some(self.record.settings.max_tokens) };
        let tokens = self.tokenizer.encode_batch(texts, &settings)?;
        let inputs: Vec<EncoderInput<'_>> =
            tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: Some(&t.type_ids) }).collect();
        for input in &inputs {
            if let Some(problem) = self.engine.refusal(input) {
                return Err(PipelineError::Unreadable { problem });
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
            .map(|((answer, row), tokens)| Prediction {
                label: self.record.labels[answer].clone(),
                display: self.record.display[answer].clone(),
                probability: row[answer],
                probabilities: row.to_vec(),
                truncated_tokens: tokens.truncated_tokens,
            })
            .collect())
    }
}
