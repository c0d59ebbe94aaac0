//! Vectors to a head, when needed.

mod install;
mod mlp;
mod provenance;
mod sequence;
mod slot;
mod tagging;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use larder_data::{DatasetSpec, LabelMap, Task};
use larder_diagnose::RunDiagnosis;
use larder_files::check_name;
use larder_intake::Encoder;
use larder_onnx::FeatureOutput;
use larder_store::{FeaturesFile, Level};
use larder_train::MlpSettings;
use larder_train::{TaggingSettings, TrainSettings};

pub(crate) use sequence::{gold, load_columns};

use crate::diagnose::{self, FitFacts};
use crate::encode::{EncodeOptions, encode_split};
use crate::head::Head;
use crate::record::{FORMAT_VERSION, HeadRecord, RunRecord, RunSettings};
use crate::{Event, Larder, Observer, PipelineError, Stage, StageTime, TrainingWords};

pub(crate) use install::{install, tidy};
pub(crate) use slot::{Place, slot};

/// The split a head is trained on unless another is named.
pub const TRAIN_SPLIT: &str = "train";

/// How to train.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// How its features are made.
    pub encode: EncodeOptions,
    /// A head for one label a text, and how it is chosen.
    pub sequence: TrainSettings,
    /// A perceptron for one label a text, in place of the logistic head, and how it is trained.
    pub mlp: Option<MlpSettings>,
    /// A head for one tag a word, and how it is chosen.
    pub tagging: TaggingSettings,
    /// The run's name; `None` takes the first free `<dataset>-<encoder>-<n>`.
    pub run: Option<String>,
    /// Work even when a run of these settings is there.
    pub force: bool,
}

/// A run that stands.
#[derive(Debug, Clone)]
pub struct TrainOutcome {
    /// What it was made with.
    pub record: RunRecord,
    /// Its folder.
    pub folder: PathBuf,
    /// What stands out about the training and its rows.
    pub diagnosis: RunDiagnosis,
    /// Seconds a stage in this invocation.
    pub times: Vec<StageTime>,
    /// What differs from what was asked, in plain sentences.
    pub notes: Vec<String>,
}

/// What the fit of either task gives.
struct Fitted {
    head: Head,
    record: HeadRecord,
    train_counts: Vec<usize>,
    /// The columns that the head reads, in its order.
    reads: Vec<String>,
    facts: FitFacts,
    notes: Vec<String>,
}

/// Trains a head on the `train` split, unless a run of exactly these settings and data is there.
///
/// # Errors
/// [`PipelineError`].
pub fn train(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    observer: &mut dyn Observer,
) -> Result<TrainOutcome, PipelineError> {
    check_trainable(spec, options.encode.settings.level)?;
    if spec.task == Task::Tagging && options.mlp.is_some() {
        return Err(PipelineError::MlpForTagging { spec: spec.path.clone() });
    }
    if let Some(run) = &options.run {
        check_name("run", run)?;
    }
    let (features, mut times) = encode_split(larder, spec, encoder, TRAIN_SPLIT, &options.encode, observer)?;
    tidy(larder)?;
    let started = Instant::now();
    let time = |rows, fresh| StageTime {
        stage: Stage::Train,
        split: TRAIN_SPLIT.to_owned(),
        seconds: started.elapsed().as_secs_f64(),
        rows,
        fresh,
        device: None,
    };
    let file = FeaturesFile::open(&features)?;
    let labels = LabelMap::resolve(spec)?;
    let layers = encoder.interface().last_layer();
    let outputs = options.encode.settings.outputs(layers)?;
    let columns: Vec<String> = outputs.iter().map(|o| o.column(layers)).collect();
    let provenance = provenance::of_run(&file, spec, &labels, &columns, options);

    let (run, changes) = match slot(larder, spec, encoder, options.run.as_deref(), options.force, &provenance)? {
        Place::Fresh(run) => {
            let record = RunRecord::open(larder, &run)?.at(larder, spec)?;
            let folder = record.folder(larder)?;
            observer.event(Event::Fresh { stage: Stage::Train, subject: &run, path: &folder });
            times.push(time(file.rows() as u64, true));
            let diagnosis = diagnose::load(&folder, &record.run)?;
            return Ok(TrainOutcome { record, folder, diagnosis, times, notes: Vec::new() });
        }
        Place::Free { run, changes } => (run, changes),
    };
    observer.event(Event::Started { stage: Stage::Train, subject: &run, changes: &changes });

    let (labels, unseen) = match spec.task {
        Task::Sequence => labels_with_rows(&file, labels)?,
        Task::Tagging => (labels, Vec::new()),
    };
    let mut fitted = match (spec.task, &options.mlp) {
        (Task::Sequence, Some(settings)) => {
            let threads = options.encode.settings.threads;
            mlp::fit(larder.runtime()?, spec, &file, &labels, &columns, settings, threads, observer)?
        }
        (Task::Sequence, None) => sequence::fit(spec, &file, &labels, &columns, &options.sequence, observer)?,
        (Task::Tagging, _) => tagging::fit(&file, &labels, &columns, &options.tagging, observer)?,
    };
    fitted.notes.extend(unseen.iter().map(|label| {
        format!("no training row has the label `{label}`: it is never answered, and rows of other splits that have it count as wrong")
    }));
    observer.event(Event::Trained { stage: Stage::Train, run: &run, seconds: started.elapsed().as_secs_f64() });
    times.push(time(file.rows() as u64, false));

    let tokens = larder.home().tokens(&spec.name, encoder.name(), TRAIN_SPLIT)?;
    let by_column: BTreeMap<&str, FeatureOutput> = columns.iter().map(String::as_str).zip(outputs).collect();
    let record = RunRecord {
        format_version: FORMAT_VERSION,
        run,
        created_unix_seconds: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        provenance,
        dataset: spec.name.clone(),
        dataset_path: std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone()),
        encoder: encoder.name().to_owned(),
        encoder_digest: encoder.manifest().digest.clone(),
        labels: labels.names().to_vec(),
        display: labels.display().to_vec(),
        train_counts: fitted.train_counts,
        train_split: TRAIN_SPLIT.to_owned(),
        train_file: train_file(spec),
        training_words: training_words(spec, &tokens)?,
        settings: RunSettings::of(&options.encode, encoder),
        outputs: fitted.reads.iter().filter_map(|name| by_column.get(name.as_str()).copied()).collect(),
        columns_tried: columns,
        head: fitted.record,
        versions: BTreeMap::from([("larder".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        stages: times.clone(),
    };
    let diagnosis = diagnose::of_fit(&record, encoder, &tokens, fitted.facts)?;
    let folder = install(larder, &record, &fitted.head, |making| diagnose::save(making, &diagnosis))?;
    Ok(TrainOutcome { record, folder, diagnosis, times, notes: fitted.notes })
}

/// The labels that rows of train have, which a head can learn, and the names of the others.
fn labels_with_rows(file: &FeaturesFile, labels: LabelMap) -> Result<(LabelMap, Vec<String>), PipelineError> {
    let found: HashSet<String> = file.labels()?.into_iter().flatten().collect();
    let (names, display) = (labels.names().iter().cloned(), labels.display().iter().cloned());
    let (kept, unseen): (Vec<_>, Vec<_>) = names.zip(display).partition(|(name, _)| found.contains(name));
    if unseen.is_empty() || kept.is_empty() {
        return Ok((labels, Vec::new()));
    }
    let (names, display) = kept.into_iter().unzip();
    Ok((LabelMap::new(names, display)?, unseen.into_iter().map(|(name, _)| name).collect()))
}

/// The name of the training split's file, for the record.
pub(crate) fn train_file(spec: &DatasetSpec) -> Option<String> {
    Some(spec.split_path(TRAIN_SPLIT).ok()?.file_name()?.to_string_lossy().into_owned())
}

/// What the words of its tokens file look like, for the record.
pub(crate) fn training_words(spec: &DatasetSpec, tokens: &Path) -> Result<Option<TrainingWords>, PipelineError> {
    match spec.task {
        Task::Sequence => Ok(None),
        Task::Tagging => TrainingWords::of(tokens).map(Some),
    }
}

/// Whether a head can be trained on the dataset with features of that level.
pub(crate) fn check_trainable(spec: &DatasetSpec, level: Level) -> Result<(), PipelineError> {
    let expected = match spec.task {
        Task::Sequence => Level::Sentence,
        Task::Tagging => Level::Word,
    };
    if level != expected {
        return Err(PipelineError::WrongLevel { spec: spec.path.clone(), task: spec.task, found: level, expected });
    }
    if !spec.has_targets() {
        return Err(PipelineError::NoLabels { spec: spec.path.clone(), task: spec.task });
    }
    if !spec.split_names().any(|split| split == TRAIN_SPLIT) {
        return Err(PipelineError::NoTrainSplit {
            spec: spec.path.clone(),
            split: TRAIN_SPLIT.to_owned(),
            known: spec.split_names().map(str::to_owned).collect(),
        });
    }
    Ok(())
}
