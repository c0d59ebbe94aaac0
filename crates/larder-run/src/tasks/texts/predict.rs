//! Answers to new texts: tokens, vectors, and the head.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use larder_data::Content;
use larder_encode::{EncodeError, Engine, EngineSettings, TextInput, TextWindows, combine_pair, embed_texts};
use larder_onnx::PAIR_PARTS;
use larder_runtime::{Device, RanOn};
use larder_tokens::{TokenizeSettings, Tokenizer};
use larder_train::FeatureColumn;
use ndarray::Array2;
use serde_json::{Map, Value, json};

use crate::answers::{Predictor, about_text};
use crate::tasks::Answer;
use crate::{Head, Larder, RunError, RunRecord};

/// Texts answered at once.
const TEXTS_AT_ONCE: usize = 4096;

/// Texts with their vectors.
pub(in crate::tasks) struct EncodedTexts<'a> {
    /// The run.
    pub record: &'a RunRecord,
    /// The columns that the head reads, `[texts, width]` each.
    pub columns: &'a [&'a FeatureColumn],
    /// Tokens of each text, or pair, that did not fit, `[texts]`.
    pub truncated_tokens: &'a [u32],
}

/// A head that answers texts.
pub(in crate::tasks) trait TextHead: Debug {
    /// Answers texts in order.
    fn answer(&self, texts: &EncodedTexts<'_>) -> Result<Vec<Answer>, RunError>;
}

/// Returns the features of pairs, `[pairs, 4 * hidden]`, from the vectors of their texts, `[2 * pairs, hidden]`.
fn pair_features(vectors: &[f32], hidden: usize) -> Vec<f32> {
    let mut features = Vec::with_capacity(2 * vectors.len());
    for texts in vectors.chunks_exact(2 * hidden) {
        let from = features.len();
        features.extend_from_slice(texts);
        features.resize(from + PAIR_PARTS * hidden, 0.0);
        combine_pair(&mut features[from..]);
    }
    features
}

/// Returns probabilities by their labels.
pub(in crate::tasks) fn by_label(labels: &[String], probabilities: &[f64]) -> Map<String, Value> {
    labels.iter().cloned().zip(probabilities.iter().map(|&probability| json!(probability))).collect()
}

/// Returns probabilities as a column of lists with an element for each of the `labels`; null for rows without an answer.
pub(in crate::tasks) fn probability_lists(rows: &[Option<&[f64]>], labels: usize) -> ArrayRef {
    let no_answer = vec![0.0; labels];
    let values = rows.iter().flat_map(|row| row.unwrap_or(&no_answer));
    let values: Float32Array = values.map(|&probability| Some(probability as f32)).collect();
    let element = Arc::new(Field::new_list_field(DataType::Float32, true));
    let width = i32::try_from(labels).unwrap_or(i32::MAX);
    let there = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    Arc::new(FixedSizeListArray::new(element, width, Arc::new(values), Some(there)))
}

/// A run of texts ready to answer.
#[derive(Debug)]
pub(in crate::tasks) struct TextPredictor {
    record: RunRecord,
    tokenizer: Arc<Tokenizer>,
    engine: Engine,
    /// The windows of long texts; `None` where they are cut.
    windows: Option<TextWindows>,
    head: Box<dyn TextHead>,
}

impl TextPredictor {
    /// Opens a run's encoder, and its head, which `of_task` returns if it is one of the task.
    pub fn open(
        larder: &Larder,
        record: RunRecord,
        of_task: &dyn Fn(Head) -> Option<Box<dyn TextHead>>,
        device: Device,
        threads: usize,
    ) -> Result<Self, RunError> {
        let Some(head) = of_task(record.load_head(larder)?) else {
            return Err(RunError::BrokenRun { run: record.run });
        };
        let encoder = record.encoder(larder)?;
        let long = record.settings.long;
        let settings = EngineSettings { device, threads, long, ..Default::default() };
        let windows = record.text_windows(&encoder)?;
        // Both take tens of milliseconds, of which a single text waits for every one.
        let (engine, tokenizer) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| encoder.tokenizer());
            let engine = larder.runtime().map(|runtime| Engine::new(runtime, &encoder, &record.outputs, settings));
            (engine, tokenizer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        Ok(Self { engine: engine??, tokenizer: tokenizer?, record, windows, head })
    }

    /// The same on the CPU with ONNX Runtime's own operators, as an exported file computes: their 8-bit products round at other places.
    pub fn with_stock_operators(self, larder: &Larder, threads: usize) -> Result<Self, RunError> {
        let encoder = self.record.encoder(larder)?;
        let long = self.record.settings.long;
        let settings =
            EngineSettings { device: Device::Cpu, threads, long, stock_operators: true, ..Default::default() };
        Ok(Self { engine: Engine::new(larder.runtime()?, &encoder, &self.record.outputs, settings)?, ..self })
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
        let max_tokens = if self.windows.is_some() { None } else { Some(self.record.settings.max_tokens) };
        let settings = TokenizeSettings { max_tokens };
        let alone = self.record.settings.pair_features;
        let parts: Cow<'_, [Content]> = match alone {
            true => texts.iter().flat_map(Content::texts_alone).collect(),
            false => texts.into(),
        };
        let tokens = self.tokenizer.encode_batch(&parts, &settings)?;
        let inputs: Vec<TextInput<'_>> =
            tokens.iter().map(|t| TextInput { input_ids: &t.input_ids, type_ids: &t.type_ids, prompt: 0 }).collect();
        let names = self.engine.columns().to_vec();
        let widths = self.engine.widths().to_vec();
        let vectors = embed_texts(&mut self.engine, &inputs, self.windows.as_ref()).map_err(|error| match error {
            EncodeError::Unreadable { problem, .. } => RunError::Unreadable { problem },
            error => about_text(error, &parts),
        })?;
        let columns: Vec<FeatureColumn> = names
            .into_iter()
            .zip(vectors)
            .zip(widths)
            .map(|((name, vectors), width)| {
                let (width, values) = match alone {
                    true => (PAIR_PARTS * width, pair_features(&vectors, width)),
                    false => (width, vectors),
                };
                let values = Array2::from_shape_vec((texts.len(), width), values)
                    .expect("the engine gives rows * width values a column");
                FeatureColumn::new(name, values)
            })
            .collect();
        let columns: Vec<&FeatureColumn> = columns.iter().collect();
        let cut = tokens.chunks(if alone { 2 } else { 1 }).map(|of| of.iter().map(|text| text.truncated_tokens).sum());
        let truncated_tokens: Vec<u32> = cut.collect();
        let encoded = EncodedTexts { record: &self.record, columns: &columns, truncated_tokens: &truncated_tokens };
        self.head.answer(&encoded)
    }
}
