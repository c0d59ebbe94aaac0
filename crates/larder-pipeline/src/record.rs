//! `run.json`: what a run was made with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::OnBadRow;
use larder_encode::LayerSelection;
use larder_metrics::ClassificationScores;
use larder_onnx::{FeatureOutput, Pool};
use larder_store::{FeatureDtype, Provenance, StoreError, write_json};
use larder_train::{Convergence, LogisticHead, Selection};
use serde::{Deserialize, Serialize};

use crate::{Larder, PipelineError, StageTime};

/// Version of `run.json`.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// The settings that a run's answers depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Tokens a text may have, special tokens included.
    pub max_tokens: usize,
    /// What was done with rows that cannot be used.
    pub on_bad_row: OnBadRow,
    /// Hidden layers trained from, as asked.
    pub layers: LayerSelection,
    /// Poolings, as asked.
    pub pools: Vec<Pool>,
    /// Stored element type of the features.
    pub dtype: FeatureDtype,
    /// The head and how it was chosen.
    pub train: larder_train::TrainSettings,
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
    /// Whether its texts are pairs.
    pub pair: bool,
    /// Labels in the order of the head's classes, as the data spells them.
    pub labels: Vec<String>,
    /// The same for people.
    pub display: Vec<String>,
    /// Rows a label in the training split.
    pub train_counts: Vec<usize>,
    /// The split trained on.
    pub train_split: String,
    /// Settings.
    pub settings: RunSettings,
    /// The feature columns that were offered to the head, chosen or not.
    pub columns_tried: Vec<String>,
    /// The encoder outputs that the head reads, in its order.
    pub outputs: Vec<FeatureOutput>,
    /// What cross-validation saw; `None` when there was nothing to choose and too few rows for it.
    pub selection: Option<Selection>,
    /// How well the final fit converged.
    pub convergence: Convergence,
    /// Scores on the rows the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on train rows that the head which answered them had not seen.
    pub out_of_fold_scores: Option<ClassificationScores>,
    /// Versions of larder and ONNX Runtime.
    pub versions: BTreeMap<String, String>,
    /// Seconds and rows a stage.
    pub stages: Vec<StageTime>,
}

impl RunRecord {
    /// Reads the record of run `run`.
    ///
    /// # Errors
    /// [`PipelineError::UnknownRun`], which lists the runs there are; [`StoreError::Json`] for a record that is cut.
    pub fn open(larder: &Larder, run: &str) -> Result<Self, PipelineError> {
        let path = larder.home().run(run)?.join("run.json");
        match std::fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).map_err(|source| StoreError::Json { path, source })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(PipelineError::UnknownRun {
                run: run.to_owned(),
                folder: larder.home().runs(),
                known: Self::names(larder),
            }),
            Err(source) => Err(StoreError::Io { action: "read", path, source }.into()),
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

    /// The folder of this run.
    ///
    /// # Errors
    /// [`StoreError::Name`].
    pub fn folder(&self, larder: &Larder) -> Result<PathBuf, PipelineError> {
        Ok(larder.home().run(&self.run)?)
    }

    /// The run's head, checked to be the one that this record describes.
    pub(crate) fn head(&self, larder: &Larder) -> Result<LogisticHead, PipelineError> {
        let head = LogisticHead::load(&self.folder(larder)?)?;
        let classes = self.labels.len();
        let chosen = self.selection.as_ref().is_none_or(|s| s.chosen < s.entries.len());
        let whole = self.display.len() == classes && self.train_counts.len() == classes && chosen;
        if head.classes != self.labels || head.columns.len() != self.outputs.len() || !whole {
            return Err(PipelineError::BrokenRun { run: self.run.clone() });
        }
        Ok(head)
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<(), PipelineError> {
        Ok(write_json(&folder.join("run.json"), self)?)
    }
}
