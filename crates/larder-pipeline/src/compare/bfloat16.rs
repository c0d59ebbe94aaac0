//! What an encoder gains and loses on this processor with products in bfloat16.

use std::path::Path;
use std::time::Duration;

use larder_encode::{EncodeSettings, EncoderInput, Engine, EngineSettings, GraphChoice, Throughput};
use larder_intake::Encoder;
use larder_run::Larder;
use larder_runtime::{Device, bfloat16_kernel};
use larder_store::{TokensProjection, TokensReader};
use serde::Serialize;

use crate::PipelineError;

/// Texts that are run in both graphs.
const TEXTS: usize = 1024;

/// Duration of each measurement. The graphs take turns, [`ROUNDS`] each, so that a machine that slows down slows both.
const PROBE: Duration = Duration::from_millis(500);

/// Measurements of each graph.
const ROUNDS: usize = 3;

/// The graph with products in bfloat16 beside the one that ran.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bfloat16 {
    /// Texts that both ran.
    pub texts: usize,
    /// Tokens a second in bfloat16, over those of the graph that ran.
    pub times_as_fast: f64,
    /// The lowest cosine of a text's vectors from both.
    pub lowest_cosine: f64,
}

impl Bfloat16 {
    /// Runs texts of the tokens file at `tokens` in both graphs. `None` where bfloat16 does not run: the device is no CPU, the
    /// processor has no instructions for it, the encoder's graph cannot be rebuilt, or no text fits the encoder.
    ///
    /// # Errors
    /// [`PipelineError`] when the file cannot be read or the encoder fails.
    pub(super) fn measure(
        larder: &Larder,
        encoder: &Encoder,
        settings: &EncodeSettings,
        tokens: &Path,
    ) -> Result<Option<Self>, PipelineError> {
        if bfloat16_kernel().is_none() || settings.graph == GraphChoice::Bfloat16 {
            return Ok(None);
        }
        let pooled = EncodeSettings { pools: vec![encoder.default_pool()], ..EncodeSettings::default() };
        let outputs = pooled.outputs(encoder.interface().last_layer())?;
        let engine = |graph| -> Result<Engine, PipelineError> {
            let settings = EngineSettings { graph, all_workers: true, ..settings.engine() };
            Ok(Engine::new(larder.runtime()?, encoder, &outputs, settings)?)
        };
        let mut plain = engine(settings.graph)?;
        if plain.ran_on().device() != Device::Cpu {
            return Ok(None);
        }
        let mut rounded = engine(GraphChoice::Bfloat16)?;
        if rounded.graph() != GraphChoice::Bfloat16.as_str() {
            return Ok(None);
        }
        let texts = first_texts(tokens, &plain)?;
        let inputs: Vec<EncoderInput<'_>> = texts.iter().map(TextIds::input).collect();
        if inputs.is_empty() {
            return Ok(None);
        }
        let mut fastest = [0.0_f64; 2];
        for _ in 0..ROUNDS {
            for (engine, fastest) in [&mut plain, &mut rounded].into_iter().zip(&mut fastest) {
                let measured = Throughput::measure(engine, &inputs, PROBE)?;
                *fastest = fastest.max(measured.tokens_per_second());
            }
        }
        let width = plain.widths()[0];
        let (expected, found) = (first_column(&mut plain, &inputs)?, first_column(&mut rounded, &inputs)?);
        let cosines =
            expected.chunks_exact(width).zip(found.chunks_exact(width)).map(|(one, other)| cosine(one, other));
        Ok(Some(Self {
            texts: inputs.len(),
            times_as_fast: fastest[1] / fastest[0].max(f64::MIN_POSITIVE),
            lowest_cosine: cosines.fold(1.0, f64::min),
        }))
    }
}

/// A text as the encoder reads it.
struct TextIds {
    input_ids: Vec<i32>,
    type_ids: Option<Vec<i32>>,
}

impl TextIds {
    fn input(&self) -> EncoderInput<'_> {
        EncoderInput { input_ids: &self.input_ids, type_ids: self.type_ids.as_deref() }
    }
}

/// Returns the first texts of the tokens file at `path` that the engine reads.
fn first_texts(path: &Path, engine: &Engine) -> Result<Vec<TextIds>, PipelineError> {
    let mut texts = Vec::new();
    for batch in TokensReader::open(path, TokensProjection::Encode)? {
        let batch = batch?;
        let texts_of_batch = (0..batch.len()).map(|row| TextIds {
            input_ids: batch.input_ids(row).to_vec(),
            type_ids: batch.type_ids(row).map(<[i32]>::to_vec),
        });
        let fits =
            |text: &TextIds| text.input_ids.len() <= engine.max_tokens() && engine.refusal(&text.input()).is_none();
        texts.extend(texts_of_batch.filter(fits).take(TEXTS - texts.len()));
        if texts.len() == TEXTS {
            break;
        }
    }
    Ok(texts)
}

/// Returns the vectors `[inputs, width]` of the engine's first column.
fn first_column(engine: &mut Engine, inputs: &[EncoderInput<'_>]) -> Result<Vec<f32>, PipelineError> {
    Ok(engine.embed(inputs)?.swap_remove(0))
}

/// Returns the cosine of two vectors; 1 if they are equal, of length 0 too.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    if one == other { 1.0 } else { dot(one, other) / (dot(one, one) * dot(other, other)).sqrt() }
}
