//! Vectors that need no encoder run: in the file that a new one replaces, or in a part written a moment ago.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use larder_store::{FeatureColumnInfo, FeaturesFile, InputDigest, StoreError};

/// Inputs of finished parts that are remembered. Bounded, so that a corpus larger than memory encodes in constant memory;
/// the table is made at once, 32 MB, and later inputs are not looked for.
const REMEMBERED: usize = 1 << 20;

/// Rows of the previous `features` file by their input: the first of each, behind which the others of its unit follow.
pub(crate) struct ReusedFile {
    file: FeaturesFile,
    row_of: HashMap<InputDigest, usize>,
}

impl ReusedFile {
    /// Opens the file that is to be replaced. Its index takes about 40 bytes a text or sentence.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = FeaturesFile::open(path)?;
        let (mut row_of, mut row, mut last) = (HashMap::new(), 0, None);
        file.visit_digests(|digest| {
            if last.replace(digest) != Some(digest) {
                row_of.entry(digest).or_insert(row);
            }
            row += 1;
        })?;
        Ok(Self { file, row_of })
    }

    /// The first row of the unit with this input.
    pub(crate) fn row_of(&self, digest: &InputDigest) -> Option<usize> {
        self.row_of.get(digest).copied()
    }

    /// Copies rows: `wanted` is (row in the previous file, row of `columns`).
    pub(crate) fn copy(
        &self,
        wanted: Vec<(usize, usize)>,
        columns: &mut [(FeatureColumnInfo, Vec<f32>)],
    ) -> Result<(), StoreError> {
        copy_rows(&self.file, wanted, columns)
    }
}

/// Inputs of the parts written so far: where each stood first.
pub(crate) struct WrittenParts {
    place_of: HashMap<InputDigest, (u32, u32)>,
}

impl WrittenParts {
    pub(crate) fn new() -> Self {
        Self { place_of: HashMap::with_capacity(REMEMBERED) }
    }

    /// The part, and the unit's first row in it, where this input stood first.
    pub(crate) fn place_of(&self, digest: &InputDigest) -> Option<(usize, usize)> {
        self.place_of.get(digest).map(|&(part, row)| (part as usize, row as usize))
    }

    /// Remembers the units of a part: their inputs and first rows.
    pub(crate) fn remember(&mut self, part: usize, units: impl Iterator<Item = (InputDigest, usize)>) {
        for (digest, row) in units {
            if self.place_of.len() >= REMEMBERED {
                return;
            }
            self.place_of.entry(digest).or_insert((part as u32, row as u32));
        }
    }

    /// Copies rows out of finished parts: `wanted` is (part, row in it, row of `columns`).
    pub(crate) fn copy(
        wanted: Vec<(usize, usize, usize)>,
        path_of: impl Fn(usize) -> PathBuf,
        columns: &mut [(FeatureColumnInfo, Vec<f32>)],
    ) -> Result<(), StoreError> {
        let mut by_part: std::collections::BTreeMap<usize, Vec<(usize, usize)>> = std::collections::BTreeMap::new();
        for (part, from, to) in wanted {
            by_part.entry(part).or_default().push((from, to));
        }
        for (part, rows) in by_part {
            copy_rows(&FeaturesFile::open(&path_of(part))?, rows, columns)?;
        }
        Ok(())
    }
}

fn copy_rows(
    file: &FeaturesFile,
    mut wanted: Vec<(usize, usize)>,
    columns: &mut [(FeatureColumnInfo, Vec<f32>)],
) -> Result<(), StoreError> {
    wanted.sort_unstable();
    let mut rows: Vec<usize> = wanted.iter().map(|&(from, _)| from).collect();
    rows.dedup();
    let names: Vec<String> = columns.iter().map(|(info, _)| info.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let vectors = file.rows_of(&rows, &names)?;
    for ((info, values), vectors) in columns.iter_mut().zip(vectors) {
        let mut read = rows.iter().zip(vectors.chunks_exact(info.width)).peekable();
        for &(from, to) in &wanted {
            while read.next_if(|&(&row, _)| row < from).is_some() {}
            if let Some(&(_, vector)) = read.peek() {
                values[to * info.width..(to + 1) * info.width].copy_from_slice(vector);
            }
        }
    }
    Ok(())
}
