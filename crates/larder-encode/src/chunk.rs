//! The tokens file in pieces: each becomes one part, and one row group, of the features file.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use larder_data::TargetKind;
use larder_store::{FeatureRows, InputDigest, Level};
use larder_tokens::Tokenizer;

use crate::EncodeError;
use crate::sentence_stream::{SentenceStream, TokenizedRow};
use crate::unit::{EncodeUnit, UnitInput, WindowSettings};

/// Tokens a chunk holds at most, so that long documents do not fill the memory: 32 MB of ids.
const CHUNK_TOKENS: usize = 8 << 20;

/// Consecutive units of the tokens file, whole ones only.
pub(crate) struct Chunk {
    pub(crate) units: Vec<ChunkUnit>,
    pub(crate) inputs: Vec<UnitInput>,
    /// Tokens of its rows of the tokens file.
    pub(crate) tokens: u64,
    identity: FeatureRows,
    input_tokens: usize,
    /// Inputs that are windows of texts.
    pub(crate) windows: usize,
}

/// One row of the tokens file in its chunk.
pub(crate) struct ChunkUnit {
    pub(crate) example_id: String,
    pub(crate) digest: InputDigest,
    /// Its first row in the chunk, and how many.
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    /// Its inputs among the chunk's: where they begin, and how many.
    pub(crate) first_input: usize,
    pub(crate) inputs: usize,
}

impl Chunk {
    fn empty(level: Level, targets: TargetKind) -> Self {
        let identity = FeatureRows::empty(level, targets);
        Self { units: Vec::new(), inputs: Vec::new(), tokens: 0, identity, input_tokens: 0, windows: 0 }
    }

    /// Rows that it fills.
    pub(crate) fn rows(&self) -> usize {
        self.units.last().map_or(0, |unit| unit.first_row + unit.rows)
    }

    /// Vectors that are in memory for it: its rows, and the windows that these are pooled from.
    fn vectors(&self) -> usize {
        self.rows() + self.windows
    }

    /// Inputs of a unit.
    pub(crate) fn inputs_of(&self, unit: &ChunkUnit) -> &[UnitInput] {
        &self.inputs[unit.first_input..unit.first_input + unit.inputs]
    }

    /// Returns the columns of the features file other than vectors: ids, the rest, digests, each `[rows]`.
    pub(crate) fn into_identity(self) -> (Vec<String>, FeatureRows, Vec<InputDigest>) {
        let ids = self.units.iter().flat_map(|u| std::iter::repeat_n(&u.example_id, u.rows)).cloned().collect();
        let digests = self.units.iter().flat_map(|u| std::iter::repeat_n(u.digest, u.rows)).collect();
        (ids, self.identity, digests)
    }

    /// Adds a unit with what its row of the tokens file says; the row's words and tags are taken out of it.
    fn push(
        &mut self,
        unit: EncodeUnit,
        row: &mut TokenizedRow,
        settings: &WindowSettings,
        tokenizer: Option<&Tokenizer>,
    ) {
        let (first_row, first_input) = (self.rows(), self.inputs.len());
        let small = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let digest = unit.digest(settings.level);
        match &mut self.identity {
            FeatureRows::Sentences { targets } => targets.push(row.target.take()),
            FeatureRows::Words { positions, words, tags } => {
                positions.extend((0..unit.rows).map(small));
                words.append(&mut row.words);
                tags.extend(of_each(row.tags.take(), unit.rows));
            }
            FeatureRows::Tokens { positions, words, tokens, tags } => {
                let own = larder_tokens::own_tokens(&row.word_ids).start;
                let first = if settings.special_tokens { 0 } else { own };
                for &place in &unit.tokens {
                    let word = row.word_ids[place];
                    let tag = row.tags.as_ref().and_then(|tags| tags.get(usize::try_from(word).ok()?));
                    let token = tokenizer.and_then(|tokenizer| tokenizer.token(row.input_ids[place]));
                    positions.push(small(place - first));
                    words.push(word);
                    tokens.push(token.unwrap_or_default());
                    tags.push(tag.cloned());
                }
            }
        }
        self.tokens += unit.inputs.iter().map(|input| input.new_tokens as u64).sum::<u64>();
        self.input_tokens += unit.input_tokens();
        self.windows += unit.text_windows();
        self.units.push(ChunkUnit {
            example_id: std::mem::take(&mut row.example_id),
            digest,
            first_row,
            rows: unit.rows,
            first_input,
            inputs: unit.inputs.len(),
        });
        self.inputs.extend(unit.inputs);
    }
}

/// One tag a row, whatever the file holds.
fn of_each(tags: Option<Vec<String>>, rows: usize) -> impl Iterator<Item = Option<String>> {
    tags.unwrap_or_default().into_iter().map(Some).chain(std::iter::repeat(None)).take(rows)
}

/// An iterator over the chunks of a tokens file.
pub(crate) struct Chunks {
    pub(crate) window_settings: WindowSettings,
    /// Rows a chunk aims at; a unit with more is a chunk of its own.
    pub(crate) rows: usize,
    /// Spells tokens; for rows of tokens alone.
    pub(crate) tokenizer: Option<Arc<Tokenizer>>,
    /// The tokens file, for messages.
    pub(crate) path: PathBuf,
}

impl Chunks {
    /// Sends the file in chunks; an empty file is one empty chunk. Ends early when nobody receives any more.
    pub(crate) fn send(&self, source: SentenceStream, send: &mpsc::SyncSender<Result<Chunk, EncodeError>>) {
        if let Err(error) = self.try_send(source, send) {
            let _ = send.send(Err(error));
        }
    }

    fn try_send(
        &self,
        mut source: SentenceStream,
        send: &mpsc::SyncSender<Result<Chunk, EncodeError>>,
    ) -> Result<(), EncodeError> {
        let level = self.window_settings.level;
        let targets = source.targets();
        let mut chunk = Chunk::empty(level, targets);
        let mut sent = 0;
        for row_number in 0.. {
            if !source.advance()? {
                break;
            }
            let unit = {
                let (before, after) = source.neighbours();
                let Some(row) = source.row() else { break };
                let problem = if level == Level::Sentence { None } else { row.sentence().problem() };
                if let Some(problem) = problem {
                    let (tokens, example_id) = (self.path.clone(), row.example_id.clone());
                    return Err(EncodeError::Row { tokens, row: row_number, example_id, problem });
                }
                EncodeUnit::of(&row.sentence(), &self.window_settings, &before, &after)?
            };
            let full = chunk.vectors() + unit.rows + unit.text_windows() > self.rows
                || chunk.input_tokens + unit.input_tokens() > CHUNK_TOKENS;
            if full && !chunk.units.is_empty() {
                sent += 1;
                if send.send(Ok(std::mem::replace(&mut chunk, Chunk::empty(level, targets)))).is_err() {
                    return Ok(());
                }
            }
            if let Some(row) = source.row_mut() {
                chunk.push(unit, row, &self.window_settings, self.tokenizer.as_deref());
            }
        }
        if !chunk.units.is_empty() || sent == 0 {
            let _ = send.send(Ok(chunk));
        }
        Ok(())
    }
}
