//! `run.json`: everything a run was made with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::{DataError, DatasetSpec, Layout, OnBadRow, OnIllegalTags, Task};
use larder_encode::{Context, EncodeSettings, LayerSelection, LongTexts};
use larder_files::{FileError, Home, Provenance, read_json_text, write_json};
use larder_intake::{Encoder, EncoderError};
use larder_onnx::{FeatureOutput, Pool, WordPool};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};
use larder_tokens::TextWindows;
use serde::{Deserialize, Serialize};

use crate::{EncodeOptions, Head, HeadRecord, Larder, RunError, StageTime, TokenizeOptions, TrainingWords};

/// Version of `run.json`.
pub const RUN_VERSION: u32 = 3;

/// The record, in a run's folder.
pub const RUN_FILE: &str = "run.json";

/// The settings that a run's answers depend on, besides the head's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Tokens a text (tagging: a window) may have, special tokens included.
    pub max_tokens: usize,
    /// The way in which longer texts are read.
    #[serde(default)]
    pub long: LongTexts,
    /// The handling of unusable rows.
    pub on_bad_row: OnBadRow,
    /// The handling of tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// Sentences, words or tokens.
    pub level: Level,
    /// Hidden layers asked for.
    pub layers: LayerSelection,
    /// Sentence poolings asked for.
    pub pools: Vec<Pool>,
    /// True if each text of a pair is read by itself.
    #[serde(default)]
    pub pair_features: bool,
    /// True if vectors of texts are brought to unit length.
    #[serde(default)]
    pub normalise: bool,
    /// The pooling of a word's tokens.
    pub word_pool: WordPool,
    /// Tokens from one window of a long sentence to the next; `None` is half a window.
    pub stride: Option<usize>,
    /// The use of neighbouring sentences as context.
    pub context: Context,
    /// Stored element type of the features.
    pub dtype: FeatureDtype,
}

impl RunSettings {
    /// Returns the settings of features made with `options`.
    pub fn of(options: &EncodeOptions, encoder: &Encoder) -> Self {
        let (tokenize, settings) = (&options.tokenize, &options.settings);
        Self {
            max_tokens: tokenize.max_tokens(encoder),
            long: tokenize.long,
            on_bad_row: tokenize.on_bad_row,
            on_illegal_tags: tokenize.on_illegal_tags,
            level: settings.level,
            layers: settings.layers.clone(),
            pools: settings.pools.clone(),
            pair_features: settings.pair_features,
            normalise: settings.normalise,
            word_pool: settings.word_pool,
            stride: settings.stride,
            context: settings.context,
            dtype: settings.dtype,
        }
    }
}

/// Everything a run was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this file's layout.
    pub format_version: u32,
    /// The run's name.
    pub run: String,
    /// Seconds since 1970 when it was made.
    pub created_unix_seconds: u64,
    /// The provenance of the run.
    pub provenance: Provenance,
    /// The dataset's name.
    pub dataset: String,
    /// The path of the dataset's description, as given.
    pub dataset_path: PathBuf,
    /// The encoder's name.
    pub encoder: String,
    /// The encoder model's digest.
    pub encoder_digest: String,
    /// Labels (tagging: IOB2 tags) in the order of the head's classes, as the data spells them.
    pub labels: Vec<String>,
    /// Display names of the labels.
    pub display: Vec<String>,
    /// Rows (tagging: words) of each label in the training split.
    pub train_counts: Vec<usize>,
    /// The split trained on.
    pub train_split: String,
    /// The file name of the training split; `None` in records of earlier versions.
    #[serde(default)]
    pub train_file: Option<String>,
    /// Statistics of its words, for tagging; `None` in records of earlier versions.
    #[serde(default)]
    pub training_words: Option<TrainingWords>,
    /// The settings of its features.
    pub settings: RunSettings,
    /// The feature columns offered to the head, chosen or not.
    pub columns_tried: Vec<String>,
    /// The encoder outputs that the head reads, in its order.
    pub outputs: Vec<FeatureOutput>,
    /// The head.
    pub head: HeadRecord,
    /// Versions of larder and ONNX Runtime.
    pub versions: BTreeMap<String, String>,
    /// Time and rows of each stage.
    pub stages: Vec<StageTime>,
}

/// The version, read first so that records of other versions are rejected with the right message.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl RunRecord {
    /// Reads the record of run `run`.
    ///
    /// # Errors
    /// [`RunError::UnknownRun`], which lists the runs there are; [`FileError::Json`] for a damaged record,
    /// [`RunError::BrokenRun`] for one that contradicts itself.
    pub fn open(larder: &Larder, run: &str) -> Result<Self, RunError> {
        let path = larder.home().run(run)?.join(RUN_FILE);
        match read_json_text(&path)? {
            Some(text) => {
                let json = |source| FileError::Json { path: path.clone(), source };
                let Version { format_version } = serde_json::from_slice(&text).map_err(json)?;
                if format_version != RUN_VERSION {
                    return Err(RunError::RunVersion { path, found: format_version, expected: RUN_VERSION });
                }
                let record: Self = serde_json::from_slice(&text).map_err(json)?;
                // Whatever prints a record looks up what was chosen.
                match record.head.details().outline().is_sound {
                    true => Ok(record),
                    false => Err(RunError::BrokenRun { run: run.to_owned() }),
                }
            }
            None => Err(RunError::UnknownRun {
                run: run.to_owned(),
                folder: larder.home().runs(),
                known: Self::names(larder),
            }),
        }
    }

    /// Returns the names of all runs, sorted; empty if the folder cannot be listed.
    pub fn names(larder: &Larder) -> Vec<String> {
        let entries = std::fs::read_dir(larder.home().runs()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|e| e.path().join(RUN_FILE).is_file())
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Returns the dataset for evaluating the run: the one described at `dataset`, or its own.
    ///
    /// # Errors
    /// [`RunError::DatasetGone`]; [`RunError::Data`] for a description that cannot be read;
    /// [`RunError::OtherTask`].
    pub fn dataset_spec(&self, dataset: Option<&Path>) -> Result<DatasetSpec, RunError> {
        let path = dataset.unwrap_or(&self.dataset_path);
        let spec = match DatasetSpec::load(path) {
            Err(DataError::ReadSpec { source, .. })
                if dataset.is_none() && source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Err(RunError::DatasetGone { run: self.run.clone(), path: path.to_path_buf() });
            }
            spec => spec?,
        };
        if spec.task != self.task() {
            let (run, expected) = (self.run.clone(), self.task());
            return Err(RunError::OtherTask { run, expected, spec: spec.path, found: spec.task });
        }
        Ok(spec)
    }

    /// Points the record to the dataset used now, and saves it if that is another path.
    ///
    /// # Errors
    /// [`FileError`] when the disk refuses.
    pub fn with_dataset_of(mut self, larder: &Larder, spec: &DatasetSpec) -> Result<Self, RunError> {
        let path = std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone());
        if path != self.dataset_path {
            self.dataset_path = path;
            self.save(&self.folder(larder)?)?;
        }
        Ok(self)
    }

    /// Returns the folder of this run.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn folder(&self, larder: &Larder) -> Result<PathBuf, RunError> {
        Ok(larder.home().run(&self.run)?)
    }

    /// Returns the layout of the training file, from its provenance; `None` if not recorded.
    pub fn layout(&self) -> Option<Layout> {
        let parts = &self.provenance.parts;
        Layout::from_parts(parts, "").or_else(|| Layout::from_parts(parts, &format!("{}.", self.train_split)))
    }

    /// Returns the extension of the training file. Records of earlier versions lack it; their description may know it.
    pub fn train_ending(&self) -> Option<String> {
        let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        if let Some(file) = &self.train_file {
            return ending(Path::new(file));
        }
        let spec = DatasetSpec::load(&self.dataset_path).ok()?;
        ending(spec.split_files(&self.train_split).ok()?.first()?)
    }

    /// Returns the run's task.
    pub fn task(&self) -> Task {
        self.head.details().outline().task
    }

    /// Returns true if its inputs are pairs of texts.
    pub fn is_pair(&self) -> bool {
        self.head.details().outline().is_pair
    }

    /// Loads the run's head and checks that this record describes it.
    ///
    /// # Errors
    /// [`RunError::BrokenRun`] where it is another; [`RunError::Train`] for files that are missing or damaged.
    pub fn load_head(&self, larder: &Larder) -> Result<Head, RunError> {
        let head = Head::load(&self.folder(larder)?, &self.head)?;
        let classes = head.classes();
        let is_whole = self.display.len() == self.labels.len()
            && self.train_counts.len() == self.labels.len()
            && head.columns().len() == self.outputs.len();
        match classes.is_none_or(|classes| classes == self.labels) && is_whole {
            true => Ok(head),
            false => Err(RunError::BrokenRun { run: self.run.clone() }),
        }
    }

    /// Returns the windows in which the run reads long texts; `None` where they are cut.
    ///
    /// # Errors
    /// [`RunError::Text`] for windows that have no room for a text.
    pub fn text_windows(&self, encoder: &Encoder) -> Result<Option<TextWindows>, RunError> {
        match self.settings.long {
            LongTexts::Cut => Ok(None),
            LongTexts::Windows => {
                let max_tokens = self.settings.max_tokens.min(encoder.longest_tokens());
                Ok(Some(TextWindows::new(max_tokens, &encoder.manifest().special_tokens)?))
            }
        }
    }

    /// Returns the options of the run's features.
    pub fn encode_options(&self, device: Device, threads: usize) -> EncodeOptions {
        let RunSettings {
            max_tokens,
            long,
            on_bad_row,
            on_illegal_tags,
            level,
            layers,
            pools,
            pair_features,
            normalise,
            word_pool,
            stride,
            context,
            dtype,
        } = self.settings.clone();
        let max_tokens = Some(max_tokens);
        let tokenize = TokenizeOptions { max_tokens, long, on_bad_row, on_illegal_tags, force: false };
        let settings = EncodeSettings {
            level,
            layers,
            pools,
            pair_features,
            normalise,
            word_pool,
            stride,
            context,
            dtype,
            device,
            threads,
            ..EncodeSettings::default()
        };
        EncodeOptions { tokenize, settings, force: false }
    }

    /// Returns the class that most training rows have.
    pub fn majority_class(&self) -> usize {
        let most = self.train_counts.iter().copied().max().unwrap_or(0);
        self.train_counts.iter().position(|&count| count == most).unwrap_or(0)
    }

    /// Returns the display names of the labels; the labels themselves if two display names are equal.
    pub fn class_names(&self) -> Vec<String> {
        let mut sorted = self.display.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() == self.labels.len() { self.display.clone() } else { self.labels.clone() }
    }

    /// Opens the run's encoder and checks that it is the one the run was made with.
    ///
    /// # Errors
    /// [`RunError::EncoderChanged`], [`RunError::BrokenTunedEncoder`], [`RunError::BrokenRun`]; [`RunError::Encoder`].
    pub fn encoder(&self, larder: &Larder) -> Result<Encoder, RunError> {
        if let Some(tuned) = self.head.tuned() {
            let encoder = tuned_encoder(&self.folder(larder)?, &self.run)?;
            return match encoder.manifest().digest == tuned.encoder_digest {
                true => Ok(encoder),
                false => Err(RunError::BrokenRun { run: self.run.clone() }),
            };
        }
        let encoder = larder.encoder(&self.encoder)?;
        let found = encoder.manifest().digest.clone();
        if found != self.encoder_digest {
            return Err(RunError::EncoderChanged {
                run: self.run.clone(),
                encoder: self.encoder.clone(),
                recorded: self.encoder_digest.clone(),
                found,
            });
        }
        Ok(encoder)
    }

    /// Writes `run.json` into `folder`.
    ///
    /// # Errors
    /// [`FileError`] when the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<(), RunError> {
        Ok(write_json(&folder.join(RUN_FILE), self)?)
    }
}

/// Opens the fine-tuned encoder in a run's folder.
fn tuned_encoder(folder: &Path, run: &str) -> Result<Encoder, RunError> {
    Encoder::open(&Home::new(folder), run).map(Encoder::of_run).map_err(|error| {
        // The encoder's own hint is for encoders that were added.
        let problem = match error {
            EncoderError::Broken { path, problem, .. } => format!("{} {problem}", path.display()),
            other => other.to_string(),
        };
        RunError::BrokenTunedEncoder { run: run.to_owned(), problem }
    })
}
