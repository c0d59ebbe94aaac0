//! Vectors that need no encoder run: in the file that a new one replaces, in other files of the same encoder, or in a part
//! written a moment ago.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use larder_store::{FeatureColumnInfo, FeaturesFile, InputDigest, StoreError};

use crate::engine::Engine;
use crate::settings::{EncodePlan, RAN_DEVICE, RAN_GRAPH, has_same_vectors};

/// Inputs of finished parts that are remembered. Bounded, so that a corpus larger than memory encodes in constant memory;
/// the table is made at once, 32 MB, and later inputs are not looked for.
const REMEMBERED: usize = 1 << 20;

/// Rows of other files that are looked at: those of files behind them are encoded again.
const ROWS_ELSEWHERE: usize = 1 << 24;

/// Other files that are held open.
const FILES_ELSEWHERE: usize = 128;

/// Rows of finished `features` files by their input: the first of each, behind which the others of its unit follow.
///
/// A sorted table, 20 bytes a text or sentence: ten million take 200 MB.
#[derive(Default)]
pub(crate) struct ReusedFiles {
    files: Vec<FeaturesFile>,
    /// The first row of each file, where the rows of all are counted on.
    first_rows: Vec<usize>,
    /// Input and row, counted so; sorted, each input once.
    row_of: Vec<(InputDigest, u32)>,
}

impl ReusedFiles {
    /// Opens the file that is to be replaced, if its rows are reusable, and those `elsewhere` that hold the vectors that the engine
    /// would compute for `plan`. A file elsewhere that cannot be read is passed over.
    ///
    /// # Errors
    /// [`StoreError`] for the file that is to be replaced.
    pub(crate) fn open(
        target: &Path,
        elsewhere: &[PathBuf],
        plan: &EncodePlan,
        engine: &Engine,
    ) -> Result<Self, StoreError> {
        let mut reused = Self::default();
        if plan.rows_reusable {
            reused.add(FeaturesFile::open(target)?)?;
        }
        let mut rows_left = ROWS_ELSEWHERE;
        for path in elsewhere.iter().filter(|path| *path != target) {
            if reused.files.len() > FILES_ELSEWHERE {
                break;
            }
            let Ok(file) = FeaturesFile::open(path) else { continue };
            if file.rows() <= rows_left && holds(&file, plan, engine) {
                rows_left -= file.rows();
                let known = reused.row_of.len();
                if reused.add(file).is_err() {
                    reused.row_of.truncate(known);
                }
            }
        }
        reused.row_of.sort_unstable_by_key(|&(digest, row)| (number(&digest), row));
        reused.row_of.dedup_by_key(|&mut (digest, _)| digest);
        Ok(reused)
    }

    fn add(&mut self, file: FeaturesFile) -> Result<(), StoreError> {
        let first_row = self.rows();
        let (mut row, mut last) = (first_row, None);
        let row_of = &mut self.row_of;
        file.visit_digests(|digest| {
            if last.replace(digest) != Some(digest) {
                // What no number is left for is encoded again.
                row_of.extend(u32::try_from(row).map(|row| (digest, row)));
            }
            row += 1;
        })?;
        self.first_rows.push(first_row);
        self.files.push(file);
        Ok(())
    }

    /// The rows of all files.
    fn rows(&self) -> usize {
        self.files.iter().map(FeaturesFile::rows).sum()
    }

    /// The bytes of the table.
    pub(crate) fn bytes(&self) -> u64 {
        size_of_val(self.row_of.as_slice()) as u64
    }

    /// The file, and the first row in it, of the unit with this input.
    pub(crate) fn place_of(&self, digest: &InputDigest) -> Option<(usize, usize)> {
        let at = self.row_of.binary_search_by_key(&number(digest), |(digest, _)| number(digest)).ok()?;
        let row = self.row_of[at].1 as usize;
        let file = self.first_rows.partition_point(|&first| first <= row).checked_sub(1)?;
        Some((file, row - self.first_rows[file]))
    }

    /// Copies rows: `wanted` is (file, row in it, row of `columns`).
    pub(crate) fn copy(
        &self,
        wanted: Vec<(usize, usize, usize)>,
        columns: &mut [(FeatureColumnInfo, Vec<f32>)],
    ) -> Result<(), StoreError> {
        by_file(wanted).into_iter().try_for_each(|(file, rows)| copy_rows(&self.files[file], rows, columns))
    }
}

/// Returns a digest as a number, which is compared in two steps in place of sixteen.
fn number(digest: &InputDigest) -> u128 {
    u128::from_ne_bytes(*digest)
}

/// Returns true if `file` holds the vectors that the engine would compute for `plan`, or rounded by the same graph and device.
fn holds(file: &FeaturesFile, plan: &EncodePlan, engine: &Engine) -> bool {
    let Some(found) = file.provenance() else { return false };
    let part_is = |part: &str, value: &str| found.parts.get(part).is_some_and(|found| found == value);
    let has = |column: &String| file.columns().iter().any(|info| info.name == *column);
    file.has_checksums()
        && has_same_vectors(&found, &plan.provenance)
        && part_is(RAN_GRAPH, engine.graph())
        && part_is(RAN_DEVICE, &engine.ran_on().to_string())
        && engine.columns().iter().all(has)
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
        let copy = |(part, rows)| copy_rows(&FeaturesFile::open(&path_of(part))?, rows, columns);
        by_file(wanted).into_iter().try_for_each(copy)
    }
}

/// Returns the rows of each file: (row in it, row wanted).
fn by_file(wanted: Vec<(usize, usize, usize)>) -> BTreeMap<usize, Vec<(usize, usize)>> {
    let mut files: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (file, from, to) in wanted {
        files.entry(file).or_default().push((from, to));
    }
    files
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
