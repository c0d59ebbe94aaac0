//! Does the encoder, as it was tuned, still tell texts apart?
//!
//! Asked at the end of every run, however short: `collapse.rs` watches long ones on the way. A run that has not learned yet
//! answers one class too; whether it is lost shows in what the head reads, which is then the same for every text. Measured in
//! `docs/collapse.md` beside this crate's sources.

use larder_graphs::HeadInput;
use larder_onnx::{Pool, Weights};
use larder_runtime::{Device, Runtime, SessionSettings, TensorView};

use crate::batch::{BATCH_INPUTS, Batches, Width};
use crate::graph::session;
use crate::split::SplitOf;
use crate::{Example, TunableEncoder, TuneError};

/// Texts that are compared, at most: of a collapsed encoder any two are alike.
const TEXTS: usize = 16;

/// Vectors whose largest difference is below this share of their scale are one vector. Measured: healthy runs 3.3 and more,
/// collapsed ones 0.0017 and less.
const LEAST_SPREAD: f64 = 1e-2;

const GRAPH: &str = "tuned encoder";

/// The spread of the head's input over texts.
pub(crate) struct Spread {
    /// Texts that were compared.
    pub texts: usize,
    /// The largest difference of a dimension between two of them, over the root mean square of all; NaN where a number is none.
    pub spread: f64,
}

impl Spread {
    /// Measures the first different texts among `examples`; `None` where all are the same.
    ///
    /// # Errors
    /// [`TuneError::Model`], [`TuneError::Run`].
    pub fn measure(
        runtime: &Runtime,
        (encoder, weights): (&TunableEncoder, &Weights),
        input: HeadInput,
        examples: &[Example],
        threads: usize,
    ) -> Result<Option<Self>, TuneError> {
        let rows = different(examples);
        if rows.len() < 2 {
            return Ok(None);
        }
        let settings = SessionSettings { device: Device::Cpu, intra_threads: threads, ..SessionSettings::default() };
        let mut session = session(runtime, encoder.model_with(weights)?, GRAPH, &settings)?;
        let names: Vec<&'static str> =
            BATCH_INPUTS.into_iter().filter(|name| session.inputs().iter().any(|info| info.name == *name)).collect();
        let (pad, hidden) = (encoder.facts().pad_token_id, encoder.facts().hidden_size);
        let split = SplitOf::Train;
        // Of pairs the first texts.
        let pool = input.pool();
        let input = pool.map_or(input, HeadInput::Pooled);
        let batches = Batches { examples, split, input, pad, hidden: None, width: Width::EXACT };
        let output = if pool == Some(Pool::Pooler) { "pooler_output" } else { "last_hidden_state" };
        let mut vectors = Vec::with_capacity(rows.len());
        for row in rows {
            let batch = batches.of(&[row])?;
            let read = |views: &[TensorView<'_>]| {
                let tokens = views.first().and_then(TensorView::as_f32).unwrap_or_default();
                match pool {
                    Some(Pool::Cls | Pool::Pooler) => tokens[..hidden].to_vec(),
                    _ => mean(tokens, hidden),
                }
            };
            vectors.push(session.run_with(&batch.views(&names), &[output], read).map_err(TuneError::run(GRAPH))?);
        }
        Ok(Some(Self { texts: vectors.len(), spread: spread(&vectors) }))
    }

    /// Are the texts indistinguishable to the head?
    pub fn is_collapsed(&self) -> bool {
        self.spread < LEAST_SPREAD
    }
}

/// The places of the first examples that differ in their tokens.
fn different(examples: &[Example]) -> Vec<usize> {
    let mut rows: Vec<usize> = Vec::new();
    for (row, example) in examples.iter().enumerate() {
        if rows.len() == TEXTS {
            break;
        }
        if rows.iter().all(|&other| examples[other].input_ids != example.input_ids) {
            rows.push(row);
        }
    }
    rows
}

/// The mean over the tokens, `[hidden]`.
fn mean(tokens: &[f32], hidden: usize) -> Vec<f32> {
    let mut sums = vec![0.0; hidden];
    tokens.chunks_exact(hidden).for_each(|token| sums.iter_mut().zip(token).for_each(|(sum, value)| *sum += value));
    let count = (tokens.len() / hidden).max(1) as f32;
    sums.into_iter().map(|sum| sum / count).collect()
}

/// The largest difference of a dimension between two vectors, over their root mean square; 0 of vectors that are all zero.
fn spread(vectors: &[Vec<f32>]) -> f64 {
    let values = || vectors.iter().flatten().map(|&value| f64::from(value));
    if values().any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    let scale = (values().map(|value| value * value).sum::<f64>() / values().count().max(1) as f64).sqrt();
    let width = vectors.first().map_or(0, Vec::len);
    let range = |dimension: usize| {
        let of = vectors.iter().map(|vector| f64::from(vector[dimension]));
        of.clone().fold(f64::NEG_INFINITY, f64::max) - of.fold(f64::INFINITY, f64::min)
    };
    let largest = (0..width).map(range).fold(0.0, f64::max);
    if scale > 0.0 { largest / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_relative_and_sees_numbers_that_are_none() {
        assert_eq!(spread(&[vec![2.0, -2.0], vec![2.0, -1.0]]), 1.0 / (13.0_f64 / 4.0).sqrt());
        assert_eq!(spread(&[vec![200.0, -200.0], vec![200.0, -100.0]]), 1.0 / (13.0_f64 / 4.0).sqrt());
        assert_eq!(spread(&[vec![0.0; 3], vec![0.0; 3]]), 0.0);
        assert!(spread(&[vec![1.0], vec![f32::NAN]]).is_nan() && spread(&[vec![f32::INFINITY], vec![1.0]]).is_nan());
        let is = |spread| Spread { texts: 2, spread }.is_collapsed();
        assert!(is(0.0) && is(1e-3) && !is(0.1) && !is(f64::NAN));
    }

    #[test]
    fn texts_that_are_the_same_are_compared_once() {
        let examples: Vec<Example> = [1, 1, 2, 1, 3, 2].map(|id| Example::new(vec![0, id], 0)).into();
        assert_eq!(different(&examples), [0, 2, 4]);
        let many: Vec<Example> = (0..40).map(|id| Example::new(vec![id], 0)).collect();
        assert_eq!(different(&many).len(), TEXTS);
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
    }
}
