//! The graph that runs long texts: one session beside the workers', with attention in blocks, opened when the first long text comes.
//!
//! In the plain graph the scores of a text of 8,192 tokens take gigabytes. Blocks need a batch without padding, which a text
//! has that is longer than a batch's tokens and runs alone. Short texts run as ever, in their own sessions: another graph would give
//! them other last bits, and no speed.

use larder_intake::{BFLOAT16_TOLERANCE, INT8_TOLERANCE, SessionModel};
use larder_runtime::{Device, Session, SessionSettings};

use crate::EncodeError;
use crate::graph::{GraphChoice, GraphSource};
use crate::plan::Batch;

/// Texts of more tokens are run in blocks.
pub(crate) const LONG_TOKENS: usize = 1024;

/// Vectors of one batch, `[rows, width]` a column.
type Vectors = Vec<Vec<f32>>;

/// The graph for long texts of an engine.
#[derive(Debug)]
pub(crate) struct LongTextGraph {
    source: GraphSource,
    choice: GraphChoice,
    /// CPU threads; `None` on another device, which has no such kernels.
    threads: Option<usize>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No long text has come.
    Unopened,
    Open(Session),
    /// Long texts run in the plain graph; the reason, where somebody should hear it.
    Plain(Option<String>),
}

impl LongTextGraph {
    pub(crate) fn new(source: GraphSource, choice: GraphChoice, threads: Option<usize>) -> Self {
        let state = if threads.is_some() { State::Unopened } else { State::Plain(None) };
        Self { source, choice, threads, state }
    }

    /// Returns true if the batch of inputs of these `lengths` should run in it.
    pub(crate) fn is_for(&self, batch: &Batch, lengths: &[usize]) -> bool {
        let is_whole = |&row: &usize| lengths[row] == batch.seq;
        !matches!(self.state, State::Plain(_)) && batch.seq > LONG_TOKENS && batch.rows.iter().all(is_whole)
    }

    /// The reason why long texts do not run in blocks, where they should.
    pub(crate) fn note(&self) -> Option<&str> {
        match &self.state {
            State::Plain(reason) => reason.as_deref(),
            State::Unopened | State::Open(_) => None,
        }
    }

    /// Returns the session; `None` for an encoder whose long texts run in the plain graph. The first time it is opened, and
    /// `compared` runs both on the same text: the vectors must be the same but for rounding.
    ///
    /// # Errors
    /// What opening and running give.
    pub(crate) fn session(
        &mut self,
        compared: impl FnOnce(&mut Session) -> Result<(Vectors, Vectors), EncodeError>,
    ) -> Result<Option<&mut Session>, EncodeError> {
        if matches!(self.state, State::Unopened) {
            self.state = self.open(compared)?;
        }
        Ok(match &mut self.state {
            State::Open(session) => Some(session),
            State::Unopened | State::Plain(_) => None,
        })
    }

    fn open(
        &self,
        compared: impl FnOnce(&mut Session) -> Result<(Vectors, Vectors), EncodeError>,
    ) -> Result<State, EncodeError> {
        let Some(intra_threads) = self.threads else { return Ok(State::Plain(None)) };
        let selected = self.source.select(self.choice, Device::Cpu)?;
        let Some(blocks) = selected.model.with_attention_in_blocks(&selected.interface)? else {
            return Ok(State::Plain(None));
        };
        // Rounding to bfloat16 or to integers makes a last bit of float32 a larger one.
        let allowed = match selected.name {
            "bfloat16" => BFLOAT16_TOLERANCE,
            "int8" => INT8_TOLERANCE,
            _ => self.source.encoder.manifest().probe.tolerance,
        };
        drop(selected);
        let model = SessionModel::of(&blocks, Device::Cpu)?;
        drop(blocks);
        let encoder = &self.source.encoder;
        let settings = SessionSettings {
            device: Device::Cpu,
            intra_threads,
            name: Some(format!("encoder {}, long texts", encoder.name())),
            ..SessionSettings::default()
        };
        let mut session = model.open(&self.source.runtime, &settings)?;
        encoder.check_model_unchanged()?;
        let (found, expected) = compared(&mut session)?;
        let deviation = deviation(&found, &expected);
        Ok(match deviation <= allowed {
            true => State::Open(session),
            false => State::Plain(Some(format!(
                "long texts run with all attention scores in memory: in blocks their vectors differ by {deviation:.1e} of the vectors' \
                 scale, and {allowed:.0e} is allowed"
            ))),
        })
    }
}

/// The largest difference, as a share of the largest value of its column; NaN for a value that is none.
fn deviation(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    let of = |(found, expected): (&Vec<f32>, &Vec<f32>)| {
        let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs())).max(f32::MIN_POSITIVE);
        let apart = found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()) / f64::from(scale));
        apart.fold(0.0, |most, apart| if apart > most || apart.is_nan() { apart } else { most })
    };
    found
        .iter()
        .zip(expected)
        .map(of)
        .fold(0.0, |most, apart| if apart > most || apart.is_nan() { apart } else { most })
}
