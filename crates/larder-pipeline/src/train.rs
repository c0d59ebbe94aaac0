//! Vectors to a head, when needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use larder_data::{DatasetSpec, LabelMap, Task};
use larder_encoder::Encoder;
use larder_onnx::FeatureOutput;
use larder_store::{FeaturesFile, FolderLock, Freshness, Provenance, StoreError, check_name};
use larder_train::{FeatureColumn, LogisticHead, TrainSettings};
use ndarray::Array2;

use crate::encode::{EncodeOptions, encode_split};
use crate::record::{FORMAT_VERSION, RunRecord, RunSettings};
use crate::{Event, Larder, Observer, PipelineError, Stage, StageTime};

/// The split a head is trained on unless another is named.
pub const TRAIN_SPLIT: &str = "train";

/// How to train.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// How its features are made.
    pub encode: EncodeOptions,
    /// The head and how it is chosen.
    pub settings: TrainSettings,
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
    /// Seconds a stage in this invocation.
    pub times: Vec<StageTime>,
    /// What differs from what was asked, in plain sentences.
    pub notes: Vec<String>,
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
    check_trainable(spec)?;
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
    let provenance = provenance(&file, spec, &labels, &outputs, layers, options);

    let slot = slot(larder, spec, encoder, options, &provenance)?;
    let changes = match slot {
        Slot::Fresh(run) => {
            let record = RunRecord::open(larder, &run)?;
            let folder = record.folder(larder)?;
            observer.event(Event::Fresh { stage: Stage::Train, subject: &run, path: &folder });
            times.push(time(file.rows() as u64, true));
            return Ok(TrainOutcome { record, folder, times, notes: Vec::new() });
        }
        Slot::Free { ref changes, .. } => changes.clone(),
    };
    let Slot::Free { run, .. } = slot else { unreachable!("a fresh run was returned above") };
    observer.event(Event::Started { stage: Stage::Train, subject: &run, changes: &changes });

    let gold = gold(&file, labels.names())?;
    let columns = load_columns(&file, &outputs.iter().map(|o| o.column(layers)).collect::<Vec<_>>())?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = larder_train::train(&borrowed, &gold, labels.names(), &options.settings, &mut |progress| {
        tell(observer, progress);
    })?;
    observer.event(Event::Trained { run: &run, seconds: started.elapsed().as_secs_f64() });
    times.push(time(file.rows() as u64, false));

    let mut train_counts = vec![0; labels.names().len()];
    for &class in &gold {
        train_counts[class] += 1;
    }
    let by_column: BTreeMap<String, FeatureOutput> = outputs.iter().map(|o| (o.column(layers), *o)).collect();
    let settings = &options.encode.settings;
    let record = RunRecord {
        format_version: FORMAT_VERSION,
        run: run.clone(),
        created_unix_seconds: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        provenance,
        dataset: spec.name.clone(),
        dataset_path: std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone()),
        encoder: encoder.name().to_owned(),
        encoder_digest: encoder.manifest().digest.clone(),
        pair: spec.columns.text_b.is_some(),
        labels: labels.names().to_vec(),
        display: labels.display().to_vec(),
        train_counts,
        train_split: TRAIN_SPLIT.to_owned(),
        settings: RunSettings {
            max_tokens: options.encode.tokenize.max_tokens(encoder),
            on_bad_row: options.encode.tokenize.on_bad_row,
            layers: settings.layers.clone(),
            pools: settings.pools.clone(),
            dtype: settings.dtype,
            train: options.settings.clone(),
        },
        columns_tried: columns.iter().map(|c| c.name.clone()).collect(),
        outputs: trained.head.columns.iter().filter_map(|c| by_column.get(&c.name).copied()).collect(),
        selection: trained.selection,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        out_of_fold_scores: trained.out_of_fold_scores,
        versions: BTreeMap::from([("larder".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        stages: times.clone(),
    };
    let folder = install(larder, &record, &trained.head)?;
    Ok(TrainOutcome { record, folder, times, notes: trained.notes })
}

fn check_trainable(spec: &DatasetSpec) -> Result<(), PipelineError> {
    if spec.task == Task::Tagging {
        return Err(PipelineError::TaggingTask { spec: spec.path.clone() });
    }
    if !spec.has_targets() {
        return Err(PipelineError::NoLabels { spec: spec.path.clone() });
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

/// What a run made now would record: the features' own provenance, with the columns trained on instead of those cached.
fn provenance(
    file: &FeaturesFile,
    spec: &DatasetSpec,
    labels: &LabelMap,
    outputs: &[FeatureOutput],
    layers: usize,
    options: &TrainOptions,
) -> Provenance {
    let made_from = file.provenance().map(|p| p.parts).unwrap_or_default();
    let columns: Vec<String> = outputs.iter().map(|o| o.column(layers)).collect();
    let settings = &options.settings;
    let grid: Vec<String> = settings.grid.iter().map(|c| format!("{c:e}")).collect();
    Provenance::new("train", FORMAT_VERSION)
        .with_all(made_from.into_iter().filter(|(part, _)| !part.starts_with("ran.")))
        .with("columns", columns.join(","))
        .with("dataset", &spec.name)
        .with("labels", labels.names().join(","))
        .with("head", "logistic")
        .with("metric", settings.metric)
        .with("folds", settings.folds)
        .with("c", grid.join(","))
        .with("class_weight", settings.class_weight)
        .with("threshold", settings.threshold)
        .with("standardise", settings.standardise)
        .with("seed", settings.seed)
}

/// Where the run goes.
enum Slot {
    /// A run of this provenance is there.
    Fresh(String),
    /// This name is to be written; `changes` against the run that it replaces.
    Free { run: String, changes: Vec<larder_store::Change> },
}

fn slot(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    wanted: &Provenance,
) -> Result<Slot, PipelineError> {
    let found = |run: &str| RunRecord::open(larder, run).ok();
    if let Some(run) = &options.run {
        return Ok(match wanted.freshness(found(run).as_ref().map(|r| &r.provenance)) {
            Freshness::Fresh if !options.force => Slot::Fresh(run.clone()),
            Freshness::Stale(changes) => Slot::Free { run: run.clone(), changes },
            Freshness::Fresh | Freshness::Missing => Slot::Free { run: run.clone(), changes: Vec::new() },
        });
    }
    let base = format!("{}-{}", spec.name, encoder.name());
    if !options.force {
        let twin = RunRecord::names(larder).into_iter().find(|run| {
            found(run).is_some_and(|r| {
                r.encoder == encoder.name() && wanted.freshness(Some(&r.provenance)) == Freshness::Fresh
            })
        });
        if let Some(run) = twin {
            return Ok(Slot::Fresh(run));
        }
    }
    let mut number = 1;
    loop {
        let run = format!("{base}-{number}");
        if !larder.home().run(&run)?.exists() {
            return Ok(Slot::Free { run, changes: Vec::new() });
        }
        number += 1;
    }
}

/// Gold classes, `[rows]`, as indices into `labels`.
pub(crate) fn gold(file: &FeaturesFile, labels: &[String]) -> Result<Vec<usize>, PipelineError> {
    let features = || file.path().to_path_buf();
    let class = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| PipelineError::NoLabel { features: features(), row })?;
        labels.iter().position(|l| *l == label).ok_or_else(|| PipelineError::UnknownLabel {
            features: features(),
            row,
            label,
            known: labels.to_vec(),
        })
    };
    file.labels()?.into_iter().enumerate().map(class).collect()
}

/// Feature columns by name, in the order asked for.
pub(crate) fn load_columns(file: &FeaturesFile, names: &[String]) -> Result<Vec<FeatureColumn>, PipelineError> {
    names
        .iter()
        .map(|name| {
            let values = file.column(name)?;
            let width = file.columns().iter().find(|c| c.name == *name).map_or(0, |c| c.width);
            let values = Array2::from_shape_vec((file.rows(), width), values)
                .expect("a column that was read holds rows * width values");
            Ok(FeatureColumn::new(name, values))
        })
        .collect()
}

fn tell(observer: &mut dyn Observer, progress: larder_train::Progress<'_>) {
    match progress {
        larder_train::Progress::Scored { candidate, candidates, entry } => {
            observer.event(Event::Training { done: candidate, total: candidates, what: &entry.candidate });
        }
        larder_train::Progress::Fitting { candidate, .. } => {
            observer.event(Event::Training { done: 1, total: 1, what: candidate });
        }
    }
}

/// Puts a run's folder in place in one rename, replacing an older one of its name.
///
/// Hidden names are no runs, so what a killed process leaves is never taken for one; [`tidy`] removes it.
fn install(larder: &Larder, record: &RunRecord, head: &LogisticHead) -> Result<PathBuf, PipelineError> {
    let folder = larder.home().run(&record.run)?;
    let hidden = |state: &str| larder.home().runs().join(format!(".{}.{}.{state}", record.run, std::process::id()));
    let (making, old) = (hidden("new"), hidden("old"));
    let written = write_run(&making, record, head).and_then(|lock| {
        if folder.exists() {
            std::fs::rename(&folder, &old).map_err(io("move aside", &folder))?;
        }
        std::fs::rename(&making, &folder).map_err(io("rename into place", &folder))?;
        Ok(lock)
    });
    let lock = match written {
        Ok(lock) => lock,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&making);
            return Err(error);
        }
    };
    drop(lock);
    // The run stands; what is left here is removed by the next training at the latest.
    let _ = std::fs::remove_file(folder.join(FolderLock::FILE));
    let _ = std::fs::remove_dir_all(&old);
    Ok(folder)
}

/// Writes a run's files into `making` and returns the lock that tells others that it is being made.
fn write_run(making: &Path, record: &RunRecord, head: &LogisticHead) -> Result<FolderLock, PipelineError> {
    let lock = FolderLock::take(making)?;
    head.save(making)?;
    record.save(making)?;
    Ok(lock)
}

/// Removes what killed trainings left among the runs; a run that was moved aside and not replaced comes back.
fn tidy(larder: &Larder) -> Result<(), PipelineError> {
    let runs = larder.home().runs();
    for entry in std::fs::read_dir(&runs).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Some(hidden) = name.strip_prefix('.') else { continue };
        if hidden.ends_with(".new") {
            // Whoever still makes it holds the lock.
            if FolderLock::take(&path).is_ok() {
                std::fs::remove_dir_all(&path).map_err(io("remove", &path))?;
            }
        } else if let Some(run) = hidden.strip_suffix(".old").and_then(|rest| rest.rsplit_once('.')).map(|(run, _)| run)
        {
            if runs.join(run).exists() {
                std::fs::remove_dir_all(&path).map_err(io("remove", &path))?;
            } else {
                std::fs::rename(&path, runs.join(run)).map_err(io("put back", &path))?;
            }
        }
    }
    Ok(())
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + use<> {
    let path = path.to_path_buf();
    move |source| StoreError::Io { action, path, source }
}
