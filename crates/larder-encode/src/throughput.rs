//! The throughput of an engine on this machine, measured in a short run.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::EncodeError;
use crate::engine::Engine;
use crate::input::EncoderInput;

/// Tokens that are run between two looks at the clock: some batches of every worker.
const TOKENS_AT_ONCE: usize = 8192;

/// The rows, tokens and time of a short run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Throughput {
    /// Inputs run.
    pub inputs: usize,
    /// Real tokens run.
    pub tokens: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Throughput {
    /// Runs `inputs`, over and over where they are few, for about `budget`. A first pass that is not timed lets the runtime
    /// allocate what it needs.
    ///
    /// Every input must have passed [`Engine::refusal`]. Without inputs nothing is run.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn measure(engine: &mut Engine, inputs: &[EncoderInput<'_>], budget: Duration) -> Result<Self, EncodeError> {
        let mut measured = Self { inputs: 0, tokens: 0, seconds: 0.0 };
        let groups = groups(inputs);
        let Some(first) = groups.first() else { return Ok(measured) };
        let warm_up = first.iter().take(first.len().div_ceil(4)).copied().collect::<Vec<_>>();
        engine.run(&warm_up, |_, _| Ok(()))?;
        let started = Instant::now();
        for group in groups.iter().cycle() {
            engine.run(group, |_, _| Ok(()))?;
            measured.inputs += group.len();
            measured.tokens += group.iter().map(|input| input.input_ids.len() as u64).sum::<u64>();
            measured.seconds = started.elapsed().as_secs_f64();
            if started.elapsed() >= budget {
                break;
            }
        }
        Ok(measured)
    }

    /// Inputs a second.
    pub fn inputs_per_second(&self) -> f64 {
        self.inputs as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// Real tokens a second.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

/// Inputs in groups of [`TOKENS_AT_ONCE`] or so.
fn groups<'a>(inputs: &'a [EncoderInput<'a>]) -> Vec<&'a [EncoderInput<'a>]> {
    let mut groups = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        tokens += input.input_ids.len();
        if tokens >= TOKENS_AT_ONCE {
            groups.push(&inputs[start..=at]);
            (start, tokens) = (at + 1, 0);
        }
    }
    if start < inputs.len() {
        groups.push(&inputs[start..]);
    }
    groups
}
