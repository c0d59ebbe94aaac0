//! Vectors of words that are in memory: what the stage would store, without files.

use larder_store::Level;
use larder_tokens::own_tokens;

use crate::engine::{Engine, RowPooling, check_finite};
use crate::sentence_stream::enough;
use crate::settings::{Context, EncodeSettings};
use crate::unit::{EncodeUnit, Sentence, TokenSpan};
use crate::{EncodeError, EncoderInput};

/// One tokenized sentence of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordsInput<'a> {
    /// Token ids with special tokens, of the whole sentence however long, `[seq]`.
    pub input_ids: &'a [i32],
    /// Their types, `[seq]`; empty where all are 0.
    pub type_ids: &'a [i32],
    /// The word of each token, `[seq]`, -1 for special tokens.
    pub word_ids: &'a [i32],
    /// Words in the sentence, those without tokens included.
    pub words: usize,
    /// The number of its document. With [`Context::Document`], neighbouring sentences of one number are read together.
    pub document: u64,
}

impl<'a> WordsInput<'a> {
    fn sentence(&self) -> Sentence<'a> {
        let Self { input_ids, type_ids, word_ids, words, .. } = *self;
        Sentence { input_ids, type_ids, pair: false, word_ids, words, alone: None }
    }

    /// Token ids without the special tokens at both ends.
    fn own_ids(&self) -> &'a [i32] {
        &self.input_ids[own_tokens(self.word_ids)]
    }
}

/// Encodes sentences and returns each of the engine's columns as `[words, width]`: every word of every sentence, in order,
/// with `width` as [`EncodeSettings::vector_width`] says.
///
/// Of `settings` word pooling, stride and context count; the engine must have been made for their outputs
/// ([`EncodeSettings::outputs`] at [`Level::Word`]).
///
/// # Errors
/// [`EncodeError::Unreadable`] for a sentence that the encoder cannot read, [`EncodeError::Tokens`] for a stride that
/// cannot be, and what running gives.
pub fn embed_words(
    engine: &mut Engine,
    sentences: &[WordsInput<'_>],
    settings: &EncodeSettings,
) -> Result<Vec<Vec<f32>>, EncodeError> {
    let settings = EncodeSettings { level: Level::Word, ..settings.clone() };
    let window_settings = settings.window_settings(engine.max_tokens(), None);
    let context = if settings.context == Context::Document { window_settings.max_tokens } else { 0 };
    for (at, input) in sentences.iter().enumerate() {
        // Before any is looked at as another's neighbour.
        if let Some(problem) = input.sentence().problem() {
            return Err(EncodeError::Unreadable { sentence: at, problem });
        }
    }
    let mut units = Vec::with_capacity(sentences.len());
    let mut rows = 0;
    for (at, input) in sentences.iter().enumerate() {
        let same = |other: &&WordsInput<'_>| other.document == input.document;
        let before = enough(sentences[..at].iter().rev().take_while(same).map(WordsInput::own_ids), context);
        let after = enough(sentences[at + 1..].iter().take_while(same).map(WordsInput::own_ids), context);
        let unit = EncodeUnit::of(&input.sentence(), &window_settings, &before, &after)?;
        for input in &unit.inputs {
            if let Some(problem) = engine.refusal(&input.input()) {
                return Err(EncodeError::Unreadable { sentence: at, problem });
            }
        }
        let first_row = rows;
        rows += unit.rows;
        units.push((unit, first_row));
    }
    let run: Vec<_> = units.iter().flat_map(|(unit, first)| unit.inputs.iter().map(move |i| (i, *first))).collect();
    // The sentence of each input.
    let sentence_of: Vec<usize> =
        (0..).zip(&units).flat_map(|(at, (unit, _))| unit.inputs.iter().map(move |_| at)).collect();
    let names = engine.columns().to_vec();
    let inputs: Vec<EncoderInput<'_>> = run.iter().map(|(input, _)| input.input()).collect();
    let spans: Vec<&[TokenSpan]> = run.iter().map(|(input, _)| input.spans.as_slice()).collect();
    let widths: Vec<usize> = engine.widths().iter().map(|width| settings.vector_width(*width)).collect();
    let mut columns: Vec<Vec<f32>> = widths.iter().map(|width| vec![0.0; rows * width]).collect();
    let batches = engine.plan_of(&inputs);
    let all: Vec<usize> = (0..batches.len()).collect();
    let pooling = RowPooling::Spans { spans: &spans, pool: settings.word_pool };
    engine.run_batches(&inputs, pooling, &batches, &all, |index, vectors| {
        for (((column, name), &width), vectors) in columns.iter_mut().zip(&names).zip(&widths).zip(vectors) {
            let mut vectors = vectors.chunks_exact(width);
            for &at in &batches[index].rows {
                for (span, vector) in spans[at].iter().zip(&mut vectors) {
                    check_finite(name, vector, sentence_of[at], inputs[at].input_ids)?;
                    let row = run[at].1 + span.row as usize;
                    column[row * width..(row + 1) * width].copy_from_slice(vector);
                }
            }
        }
        Ok(())
    })?;
    Ok(columns)
}
