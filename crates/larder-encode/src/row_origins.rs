//! The origin of each row's vectors in a chunk: run, or taken from elsewhere.

use std::collections::HashMap;

use larder_store::InputDigest;

use crate::chunk::Chunk;
use crate::reuse::{ReusedFiles, WrittenParts};

/// The origins of the vectors of a chunk's rows. Rows are counted in the chunk unless said otherwise.
#[derive(Default)]
pub(crate) struct RowOrigins {
    /// Units to run.
    pub(crate) to_run: Vec<usize>,
    /// Rows copied from finished files: (file, row in it, row).
    pub(crate) reused: Vec<(usize, usize, usize)>,
    /// Rows copied from finished parts: (part, row in it, row).
    pub(crate) written: Vec<(usize, usize, usize)>,
    /// Rows of equal input in this chunk: (row, its duplicate).
    pub(crate) duplicates: Vec<(usize, usize)>,
}

impl RowOrigins {
    /// A unit is run if neither this chunk, a finished file, nor an earlier part has its input.
    pub(crate) fn of(chunk: &Chunk, reused: &ReusedFiles, written: &WrittenParts) -> Self {
        let mut origins = Self::default();
        let mut first_row_of: HashMap<InputDigest, usize> = HashMap::with_capacity(chunk.units.len());
        for (at, unit) in chunk.units.iter().enumerate() {
            // Equal inputs fill equally many rows, one after the other.
            let rows = unit.first_row..unit.first_row + unit.rows;
            if let Some(&first) = first_row_of.get(&unit.digest) {
                origins.duplicates.extend((first..).zip(rows));
            } else if let Some((file, from)) = reused.place_of(&unit.digest) {
                origins.reused.extend((from..).zip(rows).map(|(from, to)| (file, from, to)));
            } else if let Some((part, from)) = written.place_of(&unit.digest) {
                origins.written.extend((from..).zip(rows).map(|(from, to)| (part, from, to)));
            } else {
                first_row_of.insert(unit.digest, unit.first_row);
                origins.to_run.push(at);
            }
        }
        origins
    }

    /// Rows that are copied: from finished files, and from rows of the new one.
    pub(crate) fn copied(&self) -> (usize, usize) {
        (self.reused.len(), self.written.len() + self.duplicates.len())
    }
}
