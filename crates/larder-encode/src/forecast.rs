//! A forecast of an encode: its work and its duration, without doing it.

use std::time::Duration;

use larder_runtime::{RanOn, Runtime};
use larder_store::{FeatureColumnInfo, ROW_GROUP_BYTES, TokensProjection, TokensReader, rows_per_group};
use serde::Serialize;

use crate::chunk::Chunk;
use crate::engine::{CHUNKS_IN_MEMORY, Engine};
use crate::reuse::{ReusedFiles, WrittenParts};
use crate::row_origins::RowOrigins;
use crate::stage::{EncodeRequest, columns, engine_settings, in_chunks, plan_encode, text_windows};
use crate::throughput::Throughput;
use crate::unit::UnitInput;
use crate::{EncodeError, EncoderInput};

/// The time that the encoder runs to measure its speed.
const PROBE: Duration = Duration::from_secs(2);

/// Inputs kept for that, spread evenly over the first chunk: more tokens than the probe's seconds take on a CPU.
const PROBED_INPUTS: usize = 4096;

/// The forecast of an encode.
#[derive(Debug, Clone, Serialize)]
pub struct Forecast {
    /// True if the features file is fresh already.
    pub fresh: bool,
    /// Rows that the file will have.
    pub rows: usize,
    /// Inputs that will go through the encoder: texts, or windows of texts and sentences.
    pub run_inputs: usize,
    /// Rows copied from the file that is replaced, or from other files of the same vectors.
    pub reused_rows: usize,
    /// Rows whose input stands in another row.
    pub duplicate_rows: usize,
    /// Real tokens, special tokens included, that will go through the encoder.
    pub run_tokens: u64,
    /// Tokens that will be computed, padding included.
    pub computed_tokens: u64,
    /// The vector columns.
    pub columns: Vec<FeatureColumnInfo>,
    /// Bytes of all vectors; the file is compressed, and holds ids and labels too.
    pub vector_bytes: u64,
    /// Bytes that will be in memory for weights and vectors: those of all sessions, and of the chunks that are read, run and
    /// written. What the runtime needs for a batch comes on top.
    pub memory_bytes: u64,
    /// The device that will run.
    pub device: RanOn,
    /// CPU threads.
    pub threads: usize,
    /// The encoder's throughput over two seconds on a sample of the inputs; `None` without inputs to run.
    pub probe: Option<Throughput>,
    /// Seconds that the encoder will run at that speed.
    pub seconds: f64,
}

impl Forecast {
    /// Share of computed tokens that will be padding, 0 to 1.
    pub fn padding_share(&self) -> f64 {
        if self.computed_tokens == 0 { 0.0 } else { 1.0 - self.run_tokens as f64 / self.computed_tokens as f64 }
    }
}

/// Looks through the tokens as [`encode`](crate::encode) would, and runs the encoder for two seconds. Nothing is written.
/// Parts that a killed encode left are not counted: it may be done sooner.
///
/// # Errors
/// As [`encode`](crate::encode).
pub fn forecast(runtime: &Runtime, request: &EncodeRequest<'_>) -> Result<Forecast, EncodeError> {
    let EncodeRequest { encoder, target, settings, reuse, elsewhere, .. } = *request;
    let plan = plan_encode(request)?;
    let fresh = reuse && plan.is_fresh();
    let windows = text_windows(&TokensReader::open(request.tokens, TokensProjection::Encode)?, encoder, settings)?;
    let mut engine = Engine::new(runtime, encoder, &plan.outputs, engine_settings(settings, windows))?;
    let reused = match reuse {
        true => ReusedFiles::open(target, elsewhere, &plan, &engine)?,
        false => ReusedFiles::default(),
    };
    let columns = columns(&engine, settings);
    let mut forecast = Forecast {
        fresh,
        rows: 0,
        run_inputs: 0,
        reused_rows: 0,
        duplicate_rows: 0,
        run_tokens: 0,
        computed_tokens: 0,
        vector_bytes: 0,
        memory_bytes: engine.session_bytes() + reused.bytes(),
        device: engine.ran_on().clone(),
        threads: engine.threads(),
        probe: None,
        seconds: 0.0,
        columns,
    };
    let mut written = WrittenParts::new();
    let mut sample = Vec::new();
    let mut part = 0;
    in_chunks(request, rows_per_group(&forecast.columns), |chunk| {
        let origins = RowOrigins::of(&chunk, &reused, &written);
        written.remember(part, chunk.units.iter().map(|unit| (unit.digest, unit.first_row)));
        part += 1;
        let kept = forecast.count(&engine, chunk, &origins, sample.is_empty());
        sample.extend(kept);
        Ok(())
    })?;
    forecast.memory_bytes += forecast.vector_bytes.min(CHUNKS_IN_MEMORY * ROW_GROUP_BYTES as u64);
    let inputs: Vec<EncoderInput<'_>> = sample.iter().map(UnitInput::input).collect();
    if !fresh && !inputs.is_empty() {
        let probe = Throughput::measure(&mut engine, &inputs, PROBE)?;
        forecast.seconds = forecast.run_tokens as f64 / probe.tokens_per_second().max(f64::MIN_POSITIVE);
        forecast.probe = Some(probe);
    }
    Ok(forecast)
}

impl Forecast {
    /// Counts a chunk, and gives inputs of it to probe with if asked to.
    fn count(&mut self, engine: &Engine, chunk: Chunk, origins: &RowOrigins, probes: bool) -> Vec<UnitInput> {
        let inputs: Vec<usize> = origins
            .to_run
            .iter()
            .flat_map(|&at| {
                let unit = &chunk.units[at];
                unit.first_input..unit.first_input + unit.inputs
            })
            .collect();
        let lengths: Vec<usize> = inputs.iter().map(|&at| chunk.inputs[at].input_ids.len()).collect();
        let (reused, duplicates) = origins.copied();
        let width: usize = self.columns.iter().map(|column| column.dtype.vector_bytes(column.width)).sum();
        self.rows += chunk.rows();
        self.vector_bytes += (chunk.rows() * width) as u64;
        self.reused_rows += reused;
        self.duplicate_rows += duplicates;
        self.run_inputs += inputs.len();
        self.run_tokens += lengths.iter().sum::<usize>() as u64;
        self.computed_tokens += engine.plan(&lengths).iter().map(|batch| batch.padded_tokens() as u64).sum::<u64>();
        if !probes {
            return Vec::new();
        }
        let step = inputs.len().div_ceil(PROBED_INPUTS).max(1);
        let wanted = inputs.into_iter().step_by(step);
        wanted.map(|at| chunk.inputs[at].clone()).filter(|input| engine.refusal(&input.input()).is_none()).collect()
    }
}
