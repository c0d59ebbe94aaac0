//! Batches of rows, from a source that may be larger than memory.
//!
//! Rows come in blocks of [`BLOCK_ROWS`] neighbours. An epoch takes the blocks in a random order, as many into memory as fit
//! there, and shuffles the rows of those: where all fit, that is a shuffle of all rows, and they are read once for all
//! epochs. What is drawn depends on the number of rows, the settings and the seed only: a source in memory and one in a file
//! give the same batches.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom;

use super::settings::MlpSettings;
use super::source::{FeatureRows, read_checked};
use crate::error::TrainError;
use crate::standardise::{Standardiser, StandardiserFit};

/// Neighbouring rows that are read together: a few pages of a file.
pub(super) const BLOCK_ROWS: usize = 1024;

/// No block of the window's.
const NONE: usize = usize::MAX;

/// The use of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowUse {
    Fitted,
    HeldOut,
}

/// Some rows with their features.
pub(super) struct FeatureBatch<'b> {
    pub rows: &'b [usize],
    /// Standardised, `[rows, width]`.
    pub features: &'b [f32],
}

/// Blocks that are in memory together, in each epoch, and how long training takes.
pub(super) struct Plan {
    /// Windows of each epoch, each the numbers of its blocks.
    epochs: Vec<Vec<Vec<usize>>>,
    batch_rows: usize,
    seed: u64,
    /// The steps of all epochs together.
    pub steps: usize,
}

/// A source, standardised.
pub(super) struct Stream<'a> {
    source: &'a dyn FeatureRows,
    held_out: &'a [bool],
    width: usize,
    standardiser: Standardiser,
    mean: Vec<f32>,
    inverse_scale: Vec<f32>,
    /// Blocks that memory holds.
    window: usize,
    /// Standardised rows of the blocks in memory.
    values: Vec<f32>,
    /// The place of each block among them.
    places: Vec<usize>,
    block: Vec<f32>,
}

impl<'a> Stream<'a> {
    /// Measures the features.
    ///
    /// # Errors
    /// [`TrainError::NoColumns`], [`TrainError::EmptyColumn`], [`TrainError::DuplicateColumn`] and [`TrainError::NonFinite`].
    pub fn new(source: &'a dyn FeatureRows, held_out: &'a [bool], settings: &MlpSettings) -> Result<Self, TrainError> {
        let columns = source.columns();
        if columns.is_empty() {
            return Err(TrainError::NoColumns);
        }
        for (position, column) in columns.iter().enumerate() {
            let name = || column.name.clone();
            if column.width == 0 {
                return Err(TrainError::EmptyColumn { column: name() });
            }
            if columns[..position].iter().any(|earlier| earlier.name == column.name) {
                return Err(TrainError::DuplicateColumn { column: name() });
            }
        }
        let width: usize = columns.iter().map(|column| column.width).sum();
        let of_a_block = 4 * (width * BLOCK_ROWS) as u64;
        let mut stream = Self {
            source,
            held_out,
            width,
            standardiser: Standardiser::identity(width),
            mean: Vec::new(),
            inverse_scale: Vec::new(),
            window: usize::try_from(settings.memory_bytes / of_a_block).unwrap_or(usize::MAX).max(1),
            values: Vec::new(),
            places: vec![NONE; source.rows().div_ceil(BLOCK_ROWS)],
            block: Vec::new(),
        };
        if settings.standardise {
            stream.standardiser = stream.measured()?;
        }
        stream.mean = stream.standardiser.mean.iter().map(|&mean| mean as f32).collect();
        stream.inverse_scale = stream.standardiser.scale.iter().map(|&scale| (1.0 / scale) as f32).collect();
        Ok(stream)
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn standardiser(&self) -> &Standardiser {
        &self.standardiser
    }

    fn rows_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(self.held_out.len())
    }

    /// Fits the standardiser to the rows that are not held out.
    fn measured(&mut self) -> Result<Standardiser, TrainError> {
        let mut fit = StandardiserFit::new(self.width);
        for block in 0..self.places.len() {
            let rows = self.rows_of(block);
            read_checked(self.source, self.width, rows.clone(), &mut self.block)?;
            let held_out = &self.held_out[rows];
            let fitted = self.block.chunks_exact(self.width).zip(held_out).filter(|(_, held_out)| !**held_out);
            fit.add(fitted.map(|(row, _)| row));
        }
        Ok(fit.finish())
    }

    /// Draws the windows of all epochs.
    pub fn plan(&self, settings: &MlpSettings) -> Plan {
        let mut plan = Plan { epochs: Vec::new(), batch_rows: settings.batch_rows, seed: settings.seed, steps: 0 };
        for epoch in 0..settings.epochs {
            let mut blocks: Vec<usize> = (0..self.places.len()).collect();
            blocks.shuffle(&mut order(settings.seed, epoch, 0));
            let windows: Vec<Vec<usize>> = blocks.chunks(self.window).map(<[usize]>::to_vec).collect();
            let rows = windows.iter().map(|window| self.rows_for(window, RowUse::Fitted).len());
            plan.steps += rows.map(|rows| rows.div_ceil(settings.batch_rows)).sum::<usize>();
            plan.epochs.push(windows);
        }
        plan
    }

    /// The rows of some blocks.
    fn rows_for(&self, blocks: &[usize], which: RowUse) -> Vec<usize> {
        let wanted = which == RowUse::HeldOut;
        blocks.iter().flat_map(|&block| self.rows_of(block)).filter(|&row| self.held_out[row] == wanted).collect()
    }

    /// Gives the fitted rows of an epoch, each once, in batches of like size.
    ///
    /// # Errors
    /// The errors of the source, and of `take`.
    pub fn batches(
        &mut self,
        plan: &Plan,
        epoch: usize,
        take: &mut dyn FnMut(FeatureBatch<'_>) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let mut features = Vec::new();
        for (number, window) in plan.epochs[epoch].iter().enumerate() {
            self.load(window)?;
            let mut rows = self.rows_for(window, RowUse::Fitted);
            rows.shuffle(&mut order(plan.seed, epoch, number + 1));
            // A last batch of a row or two would make a step as large as any other by itself.
            let count = rows.len().div_ceil(plan.batch_rows);
            for part in 0..count {
                let rows = &rows[part * rows.len() / count..(part + 1) * rows.len() / count];
                self.gather(rows, &mut features);
                take(FeatureBatch { rows, features: &features })?;
            }
        }
        Ok(())
    }

    /// Gives the rows of a use, as they come, so many at a time.
    ///
    /// # Errors
    /// The errors of the source, and of `take`.
    pub fn in_order(
        &mut self,
        which: RowUse,
        together: usize,
        take: &mut dyn FnMut(FeatureBatch<'_>) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let mut features = Vec::new();
        let blocks: Vec<usize> = (0..self.places.len()).collect();
        for window in blocks.chunks(self.window) {
            self.load(window)?;
            for rows in self.rows_for(window, which).chunks(together) {
                self.gather(rows, &mut features);
                take(FeatureBatch { rows, features: &features })?;
            }
        }
        Ok(())
    }

    /// Copies rows that are in memory.
    fn gather(&self, rows: &[usize], into: &mut Vec<f32>) {
        into.clear();
        for &row in rows {
            let place = self.places[row / BLOCK_ROWS] * BLOCK_ROWS + row % BLOCK_ROWS;
            into.extend_from_slice(&self.values[place * self.width..][..self.width]);
        }
    }

    /// Brings some blocks into memory.
    fn load(&mut self, blocks: &[usize]) -> Result<(), TrainError> {
        if blocks.iter().all(|&block| self.places[block] != NONE) {
            return Ok(());
        }
        self.places.fill(NONE);
        self.values.resize(blocks.len().min(self.window) * BLOCK_ROWS * self.width, 0.0);
        for (place, &block) in blocks.iter().enumerate() {
            read_checked(self.source, self.width, self.rows_of(block), &mut self.block)?;
            let target = self.values[place * BLOCK_ROWS * self.width..].chunks_exact_mut(self.width);
            for (target, source) in target.zip(self.block.chunks_exact(self.width)) {
                let numbers = source.iter().zip(&self.mean).zip(&self.inverse_scale);
                for (target, ((value, mean), inverse)) in target.iter_mut().zip(numbers) {
                    *target = (value - mean) * inverse;
                }
            }
            self.places[block] = place;
        }
        Ok(())
    }
}

/// The random numbers of an epoch's order of blocks (part 0), and of the rows of each window (from 1).
fn order(seed: u64, epoch: usize, part: usize) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    // Stream 0 is for what starts at random.
    rng.set_stream(((epoch as u64 + 1) << 32) | part as u64);
    rng
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::column::FeatureColumn;
    use crate::mlp::FeaturesInMemory;

    const ROWS: usize = 3 * BLOCK_ROWS + 100;

    fn source() -> FeaturesInMemory {
        let part = |name: &str, factor: usize| {
            let values = Array2::from_shape_fn((ROWS, 2), |(row, dimension)| ((row * factor + dimension) % 977) as f32);
            FeatureColumn::new(name, values)
        };
        FeaturesInMemory::new(vec![part("mean", 31), part("mean_l1", 57)]).unwrap()
    }

    fn held_out() -> Vec<bool> {
        (0..ROWS).map(|row| row % 5 == 2).collect()
    }

    /// Room for so many blocks of four numbers a row.
    fn settings(blocks: u64) -> MlpSettings {
        MlpSettings { memory_bytes: blocks * BLOCK_ROWS as u64 * 16, batch_rows: 100, epochs: 2, ..Default::default() }
    }

    fn epoch(stream: &mut Stream<'_>, plan: &Plan, epoch: usize) -> Vec<(Vec<usize>, Vec<f32>)> {
        let mut batches = Vec::new();
        stream
            .batches(plan, epoch, &mut |batch| {
                batches.push((batch.rows.to_vec(), batch.features.to_vec()));
                Ok(())
            })
            .unwrap();
        batches
    }

    #[test]
    fn every_epoch_has_every_fitted_row_once_standardised_whatever_fits_into_memory() {
        let (source, held_out) = (source(), held_out());
        let fitted: Vec<usize> = (0..ROWS).filter(|&row| !held_out[row]).collect();
        let mut orders = Vec::new();
        for blocks in [1, 2, 100] {
            let mut stream = Stream::new(&source, &held_out, &settings(blocks)).unwrap();
            assert_eq!(stream.width(), 4);
            let plan = stream.plan(&settings(blocks));
            let (first, second) = (epoch(&mut stream, &plan, 0), epoch(&mut stream, &plan, 1));
            assert_eq!(plan.steps, first.len() + second.len());
            assert!(stream.values.len() <= blocks as usize * BLOCK_ROWS * 4, "no more than fits");
            for batches in [&first, &second] {
                assert!(batches.iter().all(|(rows, _)| (50..=100).contains(&rows.len())));
                let mut rows: Vec<usize> = batches.iter().flat_map(|(rows, _)| rows.clone()).collect();
                assert_ne!(rows, fitted);
                rows.sort_unstable();
                assert_eq!(rows, fitted);
            }
            assert_ne!(first[0].0, second[0].0);
            assert_eq!(first, epoch(&mut stream, &plan, 0), "an epoch comes again");
            // Every row has its own features.
            let standardiser = stream.standardiser().clone();
            for (rows, features) in &first {
                for (&row, features) in rows.iter().zip(features.chunks_exact(4)) {
                    let expected = [row * 31, row * 31 + 1, row * 57, row * 57 + 1].map(|value| (value % 977) as f64);
                    for dimension in 0..4 {
                        let expected =
                            (expected[dimension] - standardiser.mean[dimension]) / standardiser.scale[dimension];
                        assert!((f64::from(features[dimension]) - expected).abs() < 1e-5, "row {row}");
                    }
                }
            }
            let mut others = Vec::new();
            stream
                .in_order(RowUse::HeldOut, 64, &mut |batch| {
                    others.extend_from_slice(batch.rows);
                    Ok(())
                })
                .unwrap();
            assert_eq!(others, (0..ROWS).filter(|&row| held_out[row]).collect::<Vec<_>>());
            orders.push(first);
        }
        assert_ne!(orders[0][0].0, orders[2][0].0);
        // What is shuffled together is spread over everything that fits.
        let span = |rows: &[usize]| rows.iter().max().unwrap() - rows.iter().min().unwrap();
        assert!(span(&orders[0][0].0) < BLOCK_ROWS && span(&orders[2][0].0) > 2 * BLOCK_ROWS);
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_place() {
        let mut values = Array2::zeros((ROWS, 3));
        values[[1500, 1]] = f32::NAN;
        let other = FeatureColumn::new("mean", Array2::zeros((ROWS, 2)));
        let source = FeaturesInMemory::new(vec![other, FeatureColumn::new("cls", values)]).unwrap();
        let held_out = held_out();
        let error = Stream::new(&source, &held_out, &settings(1)).err().unwrap().to_string();
        assert!(error.contains("`cls`, row 1500, dimension 1"), "{error}");
    }
}
