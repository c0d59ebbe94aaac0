//! One pass over the vectors of a pool.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use larder_run::{Event, Observer};
use larder_store::{FeaturesFile, InputDigest};
use larder_suggest::{Candidates, SuggestError, check_finite};
use larder_train::{FeatureColumn, side_by_side};
use ndarray::Array2;
use rayon::prelude::*;

use super::classifier::Classifier;
use crate::PipelineError;

/// Rows read at once by each thread.
const BLOCK_ROWS: usize = 8_192;
/// Blocks read at once.
const BLOCKS: usize = 4;

/// What tells equal rows: digests of the encoder's input, or where a file lacks them, of the vectors.
pub(super) enum RowKeys {
    Inputs,
    Vectors,
}

impl RowKeys {
    /// Returns the keys that all `files` have.
    pub fn of(files: &[&FeaturesFile]) -> Self {
        let has = |file: &&FeaturesFile| file.visit_digests(|_| {}).is_ok();
        if files.iter().all(has) { Self::Inputs } else { Self::Vectors }
    }

    /// Returns the key of each row, `[rows]`.
    pub fn all(&self, file: &FeaturesFile, columns: &[String]) -> Result<Vec<InputDigest>, PipelineError> {
        match self {
            Self::Inputs => Ok(file.digests()?),
            Self::Vectors => {
                let mut keys = Vec::new();
                for rows in blocks(file.rows()) {
                    let block = read(file, columns, rows.clone())?;
                    keys.extend((0..rows.len()).map(|row| key_of(&block, row)));
                }
                Ok(keys)
            }
        }
    }
}

fn key_of(columns: &[FeatureColumn], row: usize) -> InputDigest {
    let mut key = [0; 16];
    for (half, start) in key.chunks_exact_mut(8).zip([0_u8, 1]) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(start);
        for value in columns.iter().flat_map(|column| column.values.row(row).to_vec()) {
            hasher.write_u32(value.to_bits());
        }
        half.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    key
}

fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BLOCK_ROWS).map(move |first| first..(first + BLOCK_ROWS).min(rows))
}

fn read(file: &FeaturesFile, columns: &[String], rows: Range<usize>) -> Result<Vec<FeatureColumn>, PipelineError> {
    columns
        .iter()
        .map(|name| {
            let mut values = Vec::new();
            file.read_range(rows.clone(), &[name], &mut values)?;
            let width = file.width(&[name])?;
            let values = Array2::from_shape_vec((rows.len(), width), values).expect("a range has its rows");
            Ok(FeatureColumn::new(name, values))
        })
        .collect()
}

/// Rows left out.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub duplicates: usize,
    pub in_training: usize,
}

/// A pool to be read once.
pub(super) struct Scan<'a> {
    pub file: &'a FeaturesFile,
    pub classifier: &'a Classifier,
    pub keys: &'a RowKeys,
}

/// A block of rows, answered.
struct Block {
    first: usize,
    keys: Vec<InputDigest>,
    probabilities: Vec<f32>,
    vectors: Vec<f32>,
}

impl Scan<'_> {
    /// Offers all rows but those that are equal to an earlier one or `known`.
    pub fn offer_all(
        &self,
        known: &HashSet<InputDigest>,
        candidates: &mut Candidates,
        observer: &mut dyn Observer,
    ) -> Result<Seen, PipelineError> {
        let total = self.file.rows();
        let inputs = match self.keys {
            RowKeys::Inputs => self.file.digests()?,
            RowKeys::Vectors => Vec::new(),
        };
        let (mut seen, mut left_out) = (HashSet::with_capacity(total), Seen::default());
        let ranges: Vec<Range<usize>> = blocks(total).collect();
        for ranges in ranges.chunks(BLOCKS) {
            let blocks: Vec<Block> =
                ranges.par_iter().map(|rows| self.block(rows.clone(), &inputs)).collect::<Result<_, _>>()?;
            for block in blocks {
                let rows = block.keys.len();
                let (classes, width) = (block.probabilities.len() / rows, block.vectors.len() / rows);
                for (row, key) in block.keys.iter().enumerate() {
                    if known.contains(key) {
                        left_out.in_training += 1;
                    } else if !seen.insert(*key) {
                        left_out.duplicates += 1;
                    } else {
                        let probabilities = &block.probabilities[row * classes..][..classes];
                        let vector = &block.vectors[row * width..][..width];
                        candidates.offer(block.first + row, probabilities, vector).map_err(self.failed())?;
                    }
                }
                let done = (block.first + rows) as u64;
                observer.event(Event::Predicting { rows: done, total: Some(total as u64) });
            }
        }
        Ok(left_out)
    }

    fn block(&self, rows: Range<usize>, inputs: &[InputDigest]) -> Result<Block, PipelineError> {
        let columns = read(self.file, &self.classifier.columns, rows.clone())?;
        // Before the head, which would count rows from the block's first.
        let mut before = 0;
        for column in &columns {
            let values = column.values.as_slice().unwrap_or_default();
            check_finite(values, column.width(), rows.start, before).map_err(self.failed())?;
            before += column.width();
        }
        let keys = match self.keys {
            RowKeys::Inputs => inputs[rows.clone()].to_vec(),
            RowKeys::Vectors => (0..rows.len()).map(|row| key_of(&columns, row)).collect(),
        };
        let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
        let probabilities = self.classifier.head.probabilities(&borrowed)?.iter().map(|&share| share as f32).collect();
        let vectors = side_by_side(&borrowed, &self.classifier.standardiser);
        Ok(Block { first: rows.start, keys, probabilities, vectors })
    }

    fn failed(&self) -> impl Fn(SuggestError) -> PipelineError {
        |source| PipelineError::Suggest { path: self.file.path().to_path_buf(), source }
    }
}
