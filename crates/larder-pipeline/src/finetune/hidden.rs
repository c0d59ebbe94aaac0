//! Hidden states of a middle layer, from the cache.
//!
//! Examples are read in random order, many times, and reading a few rows of a Parquet file decodes a whole page. So the file is
//! decoded once, into an unnamed file of floats that vanishes with the process; free memory caches it.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use larder_encode::{EncodeSettings, LayerSelection};
use larder_files::FileError;
use larder_finetune::{Example, HiddenStates, SplitOf, TuneError};
use larder_run::{EncodeOptions, Larder, Observer, StageTime, TRAIN_SPLIT};
use larder_store::{FeaturesFile, Level};

use super::FinetuneOptions;
use super::inputs::TuningInputs;
use crate::PipelineError;
use crate::encode::encode_split;

/// Rows decoded at a time.
const BLOCK_ROWS: usize = 4096;

/// The states of every token of both splits, special tokens included, in the order of the examples.
pub(super) struct CachedStates {
    train: SplitStates,
    dev: Option<SplitStates>,
}

struct SplitStates {
    /// `[tokens, hidden]`, float32 in this machine's byte order.
    floats: Mutex<File>,
    hidden: usize,
    /// First row of each example, and the file's number of rows at the end.
    starts: Vec<usize>,
}

impl SplitStates {
    fn decode(file: &FeaturesFile, column: &str, starts: Vec<usize>, folder: &Path) -> Result<Self, PipelineError> {
        let io = |source| FileError::Io { action: "write in", path: folder.to_path_buf(), source };
        let mut writer = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(folder).map_err(io)?);
        let mut block = Vec::new();
        for first in (0..file.rows()).step_by(BLOCK_ROWS) {
            file.read_range(first..file.rows().min(first + BLOCK_ROWS), &[column], &mut block)?;
            for value in &block {
                writer.write_all(&value.to_ne_bytes()).map_err(io)?;
            }
        }
        let floats = writer.into_inner().map_err(|error| io(error.into_error()))?;
        Ok(Self { floats: Mutex::new(floats), hidden: file.width(&[column])?, starts })
    }

    fn read(&self, row: usize, into: &mut Vec<f32>) -> std::io::Result<()> {
        let (first, end) = (self.starts[row], self.starts[row + 1]);
        let mut bytes = vec![0; (end - first) * self.hidden * size_of::<f32>()];
        let mut file = self.floats.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start((first * self.hidden * size_of::<f32>()) as u64))?;
        file.read_exact(&mut bytes)?;
        into.extend(bytes.as_chunks().0.iter().map(|&word| f32::from_ne_bytes(word)));
        Ok(())
    }
}

impl CachedStates {
    /// Reads the states, after encoding those that are not cached.
    ///
    /// # Errors
    /// Any error of encoding; [`PipelineError::CachedRows`] if rows and examples do not match.
    pub fn read(
        larder: &Larder,
        inputs: &TuningInputs<'_>,
        layer: usize,
        options: &FinetuneOptions,
        folder: &Path,
        times: &mut Vec<StageTime>,
        observer: &mut dyn Observer,
    ) -> Result<Self, PipelineError> {
        let settings = EncodeSettings {
            level: Level::Token,
            layers: LayerSelection::Numbers(vec![i64::try_from(layer).unwrap_or(i64::MAX)]),
            special_tokens: true,
            stride: options.stride,
            device: larder_runtime::Device::Cpu,
            threads: options.threads,
            ..EncodeSettings::default()
        };
        let last = inputs.encoder.interface().last_layer();
        let column = settings.outputs(last)?[0].column(last);
        let encode = EncodeOptions { tokenize: options.tokenize, settings, force: false };
        let mut split = |name: &str, examples: &[Example]| {
            let (path, more) = encode_split(larder, inputs.spec, inputs.encoder, name, &encode, observer)?;
            times.extend(more.into_iter().filter(|time| !time.fresh));
            let file = FeaturesFile::open(&path)?;
            let mut starts = vec![0];
            for example in examples {
                starts.push(starts.last().copied().unwrap_or(0) + example.input_ids.len());
            }
            let (found, expected) = (file.rows(), starts.last().copied().unwrap_or(0));
            if found != expected {
                return Err(PipelineError::CachedRows { features: path, found, expected });
            }
            SplitStates::decode(&file, &column, starts, folder)
        };
        let train = split(TRAIN_SPLIT, &inputs.train.examples)?;
        let dev = match &inputs.dev_split {
            Some(name) => Some(split(name, &inputs.dev.examples)?),
            None => None,
        };
        Ok(Self { train, dev })
    }
}

impl HiddenStates for CachedStates {
    fn read(&self, split: SplitOf, row: usize, into: &mut Vec<f32>) -> Result<(), TuneError> {
        let states = match split {
            SplitOf::Train => Some(&self.train),
            SplitOf::Dev => self.dev.as_ref(),
        };
        // For a missing example nothing is read; the loop notices the length.
        let Some(states) = states.filter(|states| row + 1 < states.starts.len()) else { return Ok(()) };
        states.read(row, into).map_err(|source| TuneError::HiddenStatesRead { split, row, source: Box::new(source) })
    }
}
