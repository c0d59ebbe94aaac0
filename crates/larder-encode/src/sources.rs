//! Which rows of a chunk are run, and where the others get their vectors.

use std::collections::HashMap;

use larder_store::InputDigest;

use crate::chunk::Chunk;
use crate::known::{Earlier, Previous};

/// Where the rows of a chunk get their vectors. Rows are counted in the chunk unless said otherwise.
#[derive(Default)]
pub(crate) struct Sources {
    /// Units to run.
    pub(crate) run: Vec<usize>,
    /// (row of the previous file, row)
    pub(crate) previous: Vec<(usize, usize)>,
    /// (part, row in it, row)
    pub(crate) earlier: Vec<(usize, usize, usize)>,
    /// (row, row that is the same)
    pub(crate) here: Vec<(usize, usize)>,
}

impl Sources {
    /// A unit is run if neither this chunk, the file that is replaced, nor an earlier part has its input.
    pub(crate) fn of(chunk: &Chunk, previous: Option<&Previous>, earlier: &Earlier) -> Self {
        let mut sources = Self::default();
        let mut first_here: HashMap<InputDigest, usize> = HashMap::with_capacity(chunk.units.len());
        for (at, unit) in chunk.units.iter().enumerate() {
            // Equal inputs fill equally many rows, one after the other.
            let rows = unit.first_row..unit.first_row + unit.rows;
            if let Some(&first) = first_here.get(&unit.digest) {
                sources.here.extend((first..).zip(rows));
            } else if let Some(from) = previous.and_then(|p| p.row_of(&unit.digest)) {
                sources.previous.extend((from..).zip(rows));
            } else if let Some((part, from)) = earlier.place_of(&unit.digest) {
                sources.earlier.extend((from..).zip(rows).map(|(from, to)| (part, from, to)));
            } else {
                first_here.insert(unit.digest, unit.first_row);
                sources.run.push(at);
            }
        }
        sources
    }

    /// Rows that are copied: from the file that is replaced, and from rows of the new one.
    pub(crate) fn copied(&self) -> (usize, usize) {
        (self.previous.len(), self.earlier.len() + self.here.len())
    }
}
