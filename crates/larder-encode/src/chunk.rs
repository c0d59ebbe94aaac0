//! The tokens file in pieces: each becomes one part, and one row group, of the features file.

use std::sync::mpsc;

use larder_store::{InputDigest, StoreError, TokensReader};

use crate::EncoderInput;

/// Tokens a chunk holds at most, so that long documents do not fill the memory: 32 MB of ids.
const CHUNK_TOKENS: usize = 8 << 20;

/// Consecutive rows of the tokens file, held flat.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) example_ids: Vec<String>,
    pub(crate) labels: Vec<Option<String>>,
    pub(crate) digests: Vec<InputDigest>,
    pub(crate) input_ids: Vec<i32>,
    /// Empty unless the file holds pairs.
    type_ids: Vec<i32>,
    /// Row `r` is `input_ids[ends[r - 1]..ends[r]]`.
    ends: Vec<usize>,
}

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        self.example_ids.len()
    }

    pub(crate) fn input(&self, row: usize) -> EncoderInput<'_> {
        let range = if row == 0 { 0..self.ends[0] } else { self.ends[row - 1]..self.ends[row] };
        EncoderInput {
            input_ids: &self.input_ids[range.clone()],
            type_ids: (!self.type_ids.is_empty()).then(|| &self.type_ids[range]),
        }
    }

    fn push(&mut self, example_id: &str, label: Option<&str>, input: EncoderInput<'_>) {
        self.example_ids.push(example_id.to_owned());
        self.labels.push(label.map(str::to_owned));
        self.digests.push(input.digest());
        self.input_ids.extend_from_slice(input.input_ids);
        self.type_ids.extend_from_slice(input.type_ids.unwrap_or_default());
        self.ends.push(self.input_ids.len());
    }
}

/// Sends the file in chunks; an empty file is one empty chunk. Ends early when nobody receives any more.
pub(crate) fn read_chunks(reader: TokensReader, rows: usize, send: &mpsc::SyncSender<Result<Chunk, StoreError>>) {
    let mut chunk = Chunk::default();
    let mut sent = 0;
    for batch in reader {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let _ = send.send(Err(error));
                return;
            }
        };
        for row in 0..batch.len() {
            let input = EncoderInput { input_ids: batch.input_ids(row), type_ids: batch.type_ids(row) };
            let full = chunk.len() >= rows || chunk.input_ids.len() + input.input_ids.len() > CHUNK_TOKENS;
            if full && chunk.len() > 0 {
                sent += 1;
                if send.send(Ok(std::mem::take(&mut chunk))).is_err() {
                    return;
                }
            }
            chunk.push(batch.example_id(row), batch.label(row), input);
        }
    }
    if chunk.len() > 0 || sent == 0 {
        let _ = send.send(Ok(chunk));
    }
}
