//! Vectors of texts that are in memory: what the stage would store, without files.

use larder_tokens::TextWindows;

use crate::engine::{Engine, check_finite};
use crate::over_windows::OverWindows;
use crate::unit::UnitInput;
use crate::{EncodeError, EncoderInput};

/// One tokenized text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextInput<'a> {
    /// Token ids with special tokens, of the whole text however long, `[seq]`.
    pub input_ids: &'a [i32],
    /// Their types, `[seq]`; empty where all are 0.
    pub type_ids: &'a [i32],
    /// Tokens behind the special ones in front that belong to every window: a prompt's.
    pub prompt: usize,
}

/// Encodes texts and returns each of the engine's columns as `[texts, width]`. Texts that are longer than `windows` says are read
/// in windows, for which the engine must have been made ([`EngineSettings::long`](crate::EngineSettings::long)).
///
/// # Errors
/// [`EncodeError::Unreadable`] for a text that the encoder cannot read, [`EncodeError::NotFinite`] with the text,
/// [`EncodeError::Tokens`] for a prompt that leaves no room in a window, and what running gives.
pub fn embed_texts(
    engine: &mut Engine,
    texts: &[TextInput<'_>],
    windows: Option<&TextWindows>,
) -> Result<Vec<Vec<f32>>, EncodeError> {
    let mut inputs: Vec<UnitInput> = Vec::with_capacity(texts.len());
    // The first input of each text.
    let mut firsts = Vec::with_capacity(texts.len());
    // The text of each input.
    let mut text_of = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        firsts.push(inputs.len());
        UnitInput::of_text(0, text.input_ids, text.type_ids, (windows, text.prompt), &mut inputs)?;
        text_of.resize(inputs.len(), at);
        if let Some(problem) = inputs[firsts[at]..].iter().find_map(|input| engine.refusal(&input.input())) {
            return Err(EncodeError::Unreadable { sentence: at, problem });
        }
    }
    let (names, widths, over) = (engine.columns().to_vec(), engine.widths().to_vec(), engine.over_windows().to_vec());
    let mut vectors: Vec<Vec<f32>> = widths.iter().map(|width| vec![0.0; inputs.len() * width]).collect();
    let read: Vec<EncoderInput<'_>> = inputs.iter().map(UnitInput::input).collect();
    engine.run(&read, |batch, outputs| {
        for (column, ((vectors, name), &width)) in vectors.iter_mut().zip(&names).zip(&widths).enumerate() {
            for (place, &at) in batch.rows.iter().enumerate() {
                let output = if inputs[at].windows > 1 { over[column].output } else { column };
                let vector = &outputs[output][place * width..(place + 1) * width];
                check_finite(name, vector, text_of[at], inputs[at].input_ids.as_slice())?;
                vectors[at * width..(at + 1) * width].copy_from_slice(vector);
            }
        }
        Ok(())
    })?;
    if inputs.len() == texts.len() {
        return Ok(vectors);
    }
    let pooled = |((vectors, &width), over): ((Vec<f32>, &usize), &OverWindows)| {
        let mut rows = vec![0.0; texts.len() * width];
        let vector = |at: usize| &vectors[at * width..(at + 1) * width];
        for (&first, row) in firsts.iter().zip(rows.chunks_exact_mut(width)) {
            match inputs[first].windows {
                1 => row.copy_from_slice(vector(first)),
                windows => over.pool((first..first + windows).map(|at| (vector(at), inputs[at].input_ids.len())), row),
            }
        }
        rows
    };
    Ok(vectors.into_iter().zip(&widths).zip(&over).map(pooled).collect())
}
