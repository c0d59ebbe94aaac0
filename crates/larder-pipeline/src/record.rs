//! `run.json`: what a run was made with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::{DataError, DatasetSpec, Layout, OnBadRow, OnIllegalTags, Task};
use larder_encode::{Context, LayerSelection};
use larder_files::{FileError, Provenance, read_json_text, write_json};
use larder_finetune::{Score, StopReason};
use larder_intake::Encoder;
use larder_metrics::ClassificationScores;
use larder_onnx::{Family, FeatureOutput, Pool, WordPool};
use larder_store::{FeatureDtype, Level};
use larder_train::{Convergence, MlpEpoch, MlpSettings, Selection, TaggingSelection, TaggingSettings, TrainSettings};
use serde::{Deserialize, Serialize};

use crate::encode::EncodeOptions;
use crate::head::Head;
use crate::{Larder, PipelineError, StageTime, TrainingWords};

/// Version of `run.json`.
pub(crate) const FORMAT_VERSION: u32 = 3;

/// The settings that a run's answers depend on, but for the head's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Tokens a text (tagging: a window) may have, special tokens included.
    pub max_tokens: usize,
    /// What was done with rows that cannot be used.
    pub on_bad_row: OnBadRow,
    /// What was done with tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// Sentences, words or tokens.
    pub level: Level,
    /// Hidden layers trained from, as asked.
    pub layers: LayerSelection,
    /// Poolings of sentences, as asked.
    pub pools: Vec<Pool>,
    /// Which of a word's tokens stand for it.
    pub word_pool: WordPool,
    /// Tokens from one window of a long sentence to the next; `None` is half a window.
    pub stride: Option<usize>,
    /// Whether neighbouring sentences were read along.
    pub context: Context,
    /// Stored element type of the features.
    pub dtype: FeatureDtype,
}

impl RunSettings {
    pub(crate) fn of(options: &EncodeOptions, encoder: &Encoder) -> Self {
        let (tokenize, settings) = (&options.tokenize, &options.settings);
        Self {
            max_tokens: tokenize.max_tokens(encoder),
            on_bad_row: tokenize.on_bad_row,
            on_illegal_tags: tokenize.on_illegal_tags,
            level: settings.level,
            layers: settings.layers.clone(),
            pools: settings.pools.clone(),
            word_pool: settings.word_pool,
            stride: settings.stride,
            context: settings.context,
            dtype: settings.dtype,
        }
    }
}

/// A head as trained: how it was chosen, and how well the fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum HeadRecord {
    /// One label a text.
    Sequence(SequenceRecord),
    /// One label a text, by a perceptron.
    Mlp(MlpRecord),
    /// One tag a word.
    Tagging(TaggingRecord),
    /// Either, trained together with the encoder, which the run has a copy of as it became.
    Tuned(TunedRecord),
}

impl HeadRecord {
    /// What the head predicts.
    pub fn task(&self) -> Task {
        match self {
            Self::Sequence(_) | Self::Mlp(_) => Task::Sequence,
            Self::Tagging(_) => Task::Tagging,
            Self::Tuned(tuned) => tuned.task,
        }
    }
}

/// A head that was trained together with its encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunedRecord {
    /// What it predicts.
    pub task: Task,
    /// Whether its texts are pairs.
    pub pair: bool,
    /// Everything that decided the run's numbers, spelled as the flags are.
    pub settings: BTreeMap<String, String>,
    /// The digest of the encoder as it became.
    pub encoder_digest: String,
    /// The split that evaluations judged by.
    pub dev_split: Option<String>,
    /// What they were judged by: `mcc`, `strict_f1`, ...
    pub score: String,
    /// The best evaluation, whose parameters the run has.
    pub best: Option<Score>,
    /// The last evaluation.
    pub last: Option<Score>,
    /// Steps done.
    pub steps: usize,
    /// Why it ended.
    pub ended: StopReason,
    /// Mean training loss of the first steps.
    pub first_loss: f64,
    /// Mean training loss of the last steps.
    pub last_loss: f64,
    /// The lowest training loss, in nats, that one answer to everything can have: the entropy of the labels' shares in train,
    /// with class weights and label smoothing as the loss has them.
    pub guessing_loss: f64,
    /// The encoder's family; `None` in records of earlier versions.
    #[serde(default)]
    pub family: Option<Family>,
    /// Of all steps, evaluations and checkpoints left out.
    pub seconds: f64,
    /// Tokens of all steps, without padding.
    pub tokens: u64,
}

/// A head for one label a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceRecord {
    /// How it was asked for.
    pub settings: TrainSettings,
    /// Whether its texts are pairs.
    pub pair: bool,
    /// What cross-validation saw; `None` where there were too few rows for it.
    pub selection: Option<Selection>,
    /// Why nothing was chosen, and what was taken, in words.
    #[serde(default)]
    pub unchosen: Option<String>,
    /// How well the final fit converged.
    pub convergence: Convergence,
    /// Scores on the rows the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on train rows that the head which answered them had not seen.
    pub out_of_fold_scores: Option<ClassificationScores>,
}

/// A perceptron for one label a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpRecord {
    /// How it was asked for.
    pub settings: MlpSettings,
    /// Whether its texts are pairs.
    pub pair: bool,
    /// All epochs that were run.
    pub epochs: Vec<MlpEpoch>,
    /// The place of the one whose parameters the head has.
    pub best: usize,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// Scores on the rows the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on the held-out rows, which chose the epoch; `None` where none were held out.
    pub held_out_scores: Option<ClassificationScores>,
    /// Why none were held out, and what was taken, in words.
    #[serde(default)]
    pub unchosen: Option<String>,
}

/// A head for one tag a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingRecord {
    /// How it was asked for.
    pub settings: TaggingSettings,
    /// What held-out sentences said; `None` when there was nothing to choose, or too few sentences to choose by.
    pub selection: Option<TaggingSelection>,
    /// Why nothing was chosen though there was a choice, and what was taken, in words.
    #[serde(default)]
    pub unchosen: Option<String>,
    /// How well the final fit converged.
    pub convergence: Convergence,
    /// Strict scores on the sentences it was fitted on: compare with those of held-out ones.
    pub train_scores: larder_train::TaggingScores,
    /// Sentences it was fitted on.
    pub sentences: usize,
    /// Words it was fitted on.
    pub words: usize,
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
    /// What it was made from.
    pub provenance: Provenance,
    /// The dataset's name.
    pub dataset: String,
    /// The dataset's description, as the path was given.
    pub dataset_path: PathBuf,
    /// The encoder's name.
    pub encoder: String,
    /// The encoder model's digest.
    pub encoder_digest: String,
    /// Labels (tagging: IOB2 tags) in the order of the head's classes, as the data spells them.
    pub labels: Vec<String>,
    /// The same for people.
    pub display: Vec<String>,
    /// Rows (tagging: words) a label in the training split.
    pub train_counts: Vec<usize>,
    /// The split trained on.
    pub train_split: String,
    /// The name of its file, without folders; `None` in records of earlier versions.
    #[serde(default)]
    pub train_file: Option<String>,
    /// Tagging: what its words look like; `None` in records of earlier versions.
    #[serde(default)]
    pub training_words: Option<TrainingWords>,
    /// How its features are made.
    pub settings: RunSettings,
    /// The feature columns that were offered to the head, chosen or not.
    pub columns_tried: Vec<String>,
    /// The encoder outputs that the head reads, in its order.
    pub outputs: Vec<FeatureOutput>,
    /// The head.
    pub head: HeadRecord,
    /// Versions of larder and ONNX Runtime.
    pub versions: BTreeMap<String, String>,
    /// Seconds and rows a stage.
    pub stages: Vec<StageTime>,
}

/// Read first, so that another version's record is refused for its version and not for its fields.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl RunRecord {
    /// Reads the record of run `run`.
    ///
    /// # Errors
    /// [`PipelineError::UnknownRun`], which lists the runs there are; [`FileError::Json`] for a record that is cut.
    pub fn open(larder: &Larder, run: &str) -> Result<Self, PipelineError> {
        let path = larder.home().run(run)?.join("run.json");
        match read_json_text(&path)? {
            Some(text) => {
                let json = |source| FileError::Json { path: path.clone(), source };
                let Version { format_version } = serde_json::from_slice(&text).map_err(json)?;
                if format_version != FORMAT_VERSION {
                    return Err(PipelineError::RunVersion { path, found: format_version, expected: FORMAT_VERSION });
                }
                Ok(serde_json::from_slice(&text).map_err(json)?)
            }
            None => Err(PipelineError::UnknownRun {
                run: run.to_owned(),
                folder: larder.home().runs(),
                known: Self::names(larder),
            }),
        }
    }

    /// The names of all runs, sorted. A folder that cannot be listed has none.
    pub fn names(larder: &Larder) -> Vec<String> {
        let entries = std::fs::read_dir(larder.home().runs()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|e| e.path().join("run.json").is_file())
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The dataset that the run is judged on: the one described at `dataset`, or where it was when the run was made.
    ///
    /// # Errors
    /// [`PipelineError::DatasetGone`]; [`PipelineError::Data`] for a description that cannot be read;
    /// [`PipelineError::OtherTask`].
    pub fn dataset_spec(&self, dataset: Option<&Path>) -> Result<DatasetSpec, PipelineError> {
        let path = dataset.unwrap_or(&self.dataset_path);
        let spec = match DatasetSpec::load(path) {
            Err(DataError::ReadSpec { source, .. })
                if dataset.is_none() && source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Err(PipelineError::DatasetGone { run: self.run.clone(), path: path.to_path_buf() });
            }
            spec => spec?,
        };
        if spec.task != self.task() {
            let (run, expected) = (self.run.clone(), self.task());
            return Err(PipelineError::OtherTask { run, expected, spec: spec.path, found: spec.task });
        }
        Ok(spec)
    }

    /// The record with the place of the dataset that was asked for now, which is kept if it is another one.
    ///
    /// # Errors
    /// [`FileError`] when the disk refuses.
    pub(crate) fn at(mut self, larder: &Larder, spec: &DatasetSpec) -> Result<Self, PipelineError> {
        let path = std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone());
        if path != self.dataset_path {
            self.dataset_path = path;
            self.save(&self.folder(larder)?)?;
        }
        Ok(self)
    }

    /// The folder of this run.
    ///
    /// # Errors
    /// [`FileError::Name`].
    pub fn folder(&self, larder: &Larder) -> Result<PathBuf, PipelineError> {
        Ok(larder.home().run(&self.run)?)
    }

    /// How the file it was trained on is laid out, as its provenance records; `None` where that says nothing of it.
    pub fn layout(&self) -> Option<Layout> {
        let parts = &self.provenance.parts;
        Layout::from_parts(parts, "").or_else(|| Layout::from_parts(parts, &format!("{}.", self.train_split)))
    }

    /// The ending of the file it was trained on. Records of earlier versions do not say; the description may still.
    pub(crate) fn train_ending(&self) -> Option<String> {
        let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        if let Some(file) = &self.train_file {
            return ending(Path::new(file));
        }
        let spec = DatasetSpec::load(&self.dataset_path).ok()?;
        ending(&spec.split_path(&self.train_split).ok()?)
    }

    /// What the run predicts.
    pub fn task(&self) -> Task {
        self.head.task()
    }

    /// Whether the texts are pairs.
    pub fn is_pair(&self) -> bool {
        match &self.head {
            HeadRecord::Sequence(sequence) => sequence.pair,
            HeadRecord::Mlp(mlp) => mlp.pair,
            HeadRecord::Tagging(_) => false,
            HeadRecord::Tuned(tuned) => tuned.pair,
        }
    }

    /// The run's head, checked to be the one that this record describes.
    pub(crate) fn load_head(&self, larder: &Larder) -> Result<Head, PipelineError> {
        let head = Head::load(&self.folder(larder)?, &self.head)?;
        let (columns, classes) = head.reads();
        let chosen = match &self.head {
            HeadRecord::Sequence(record) => record.selection.as_ref().is_none_or(|s| s.chosen < s.entries.len()),
            HeadRecord::Mlp(record) => record.best < record.epochs.len(),
            HeadRecord::Tagging(record) => record.selection.as_ref().is_none_or(|s| s.chosen < s.entries.len()),
            HeadRecord::Tuned(_) => true,
        };
        let whole = self.display.len() == classes.len() && self.train_counts.len() == classes.len() && chosen;
        if classes != self.labels || columns != self.outputs.len() || !whole {
            return Err(PipelineError::BrokenRun { run: self.run.clone() });
        }
        Ok(head)
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<(), PipelineError> {
        Ok(write_json(&folder.join("run.json"), self)?)
    }
}
