//! The train stage: vectors to a head.

mod commit;
mod name;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use larder_data::{DatasetSpec, LabelMap};
use larder_diagnose::RunDiagnosis;
use larder_evaluate::fit_diagnosis;
use larder_files::{Provenance, check_name};
use larder_intake::Encoder;
use larder_onnx::FeatureOutput;
use larder_run::{
    Event, FitRequest, Larder, Observer, RUN_VERSION, RunError, RunRecord, RunSets, RunSettings, Stage, StageTime,
    TRAIN_SPLIT, TrainOptions, load_diagnosis, save_diagnosis, tasks,
};
use larder_store::{FeaturesFile, Level};

pub use commit::remove_run;
pub(crate) use commit::{commit_run, remove_abandoned};
pub(crate) use name::{RunName, find_or_name_run};

use crate::PipelineError;
use crate::encode::encode_split;

/// Rule that selects columns, strengths, thresholds and biases; heads selected by another rule are trained again. Runs without
/// this part accepted any gain on held-out rows.
const CHOICE: &str = "one standard error; of few rows, log-loss";

/// A completed run.
#[derive(Debug, Clone)]
pub struct TrainOutcome {
    /// The run's record.
    pub record: RunRecord,
    /// Its folder.
    pub folder: PathBuf,
    /// The findings about the training and its rows.
    pub diagnosis: RunDiagnosis,
    /// The time of each stage in this invocation.
    pub times: Vec<StageTime>,
    /// Deviations from what was asked, in sentences.
    pub notes: Vec<String>,
}

/// Trains a head on the `train` split, unless there is a run of exactly these settings and data.
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
    let rules = tasks::of(spec.task);
    if !options.head.is_for(spec.task) {
        let (head, known) = (options.head.kind().to_owned(), rules.facts().heads.to_vec());
        return Err(RunError::OtherHead { spec: spec.path.clone(), task: spec.task, head, known }.into());
    }
    if let Some(run) = &options.run {
        check_name("run", run)?;
    }
    let (features, mut times) = encode_split(larder, spec, encoder, TRAIN_SPLIT, &options.encode, observer)?;
    remove_abandoned(larder)?;
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
    let provenance = provenance(&file, spec, &labels, &columns, options);

    let (run, changes) =
        match find_or_name_run(larder, spec, encoder, options.run.as_deref(), options.force, &provenance)? {
            RunName::UpToDate(run) => {
                let record = RunRecord::open(larder, &run)?.with_dataset_of(larder, spec)?;
                let folder = record.folder(larder)?;
                observer.event(Event::Fresh { stage: Stage::Train, subject: &run, path: &folder });
                times.push(time(file.rows() as u64, true));
                let diagnosis = load_diagnosis(&folder, &record.run)?;
                return Ok(TrainOutcome { record, folder, diagnosis, times, notes: Vec::new() });
            }
            RunName::ToMake { run, changes } => (run, changes),
        };
    observer.event(Event::Started { stage: Stage::Train, subject: &run, changes: &changes });

    let (labels, unseen) = rules.learnable_labels(&file, labels)?;
    let request = FitRequest {
        larder,
        spec,
        encoder,
        encode: &options.encode.settings,
        features: &file,
        labels: &labels,
        columns: &columns,
    };
    let mut fitted = options.head.fit(&request, observer)?;
    fitted.notes.extend(unseen.iter().map(|label| {
        format!("no training row has the label `{label}`: it is never answered, and rows of other splits that have it count as wrong")
    }));
    observer.event(Event::Trained { stage: Stage::Train, run: &run, seconds: started.elapsed().as_secs_f64() });
    times.push(time(file.rows() as u64, false));

    let tokens = larder.home().tokens(&spec.name, encoder.name(), TRAIN_SPLIT)?;
    let reads = fitted.head.column_names();
    let by_column: BTreeMap<&str, FeatureOutput> = columns.iter().map(String::as_str).zip(outputs).collect();
    let record = RunRecord {
        format_version: RUN_VERSION,
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
        training_words: rules.training_words(&tokens)?,
        settings: RunSettings::of(&options.encode, encoder),
        outputs: reads.iter().filter_map(|name| by_column.get(name.as_str()).copied()).collect(),
        columns_tried: columns,
        head: fitted.record,
        versions: BTreeMap::from([("larder".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        stages: times.clone(),
    };
    let diagnosis = fit_diagnosis(&record, encoder, &tokens, fitted.facts)?;
    let folder = commit_run(larder, &record, &fitted.head, |making| {
        if let Some(calibration) = &fitted.calibration {
            RunSets::save(calibration, making, &record)?;
        }
        Ok(save_diagnosis(making, &diagnosis)?)
    })?;
    Ok(TrainOutcome { record, folder, diagnosis, times, notes: fitted.notes })
}

/// Returns the provenance of a run made now: that of the features, with the columns offered instead of those cached.
fn provenance(
    features: &FeaturesFile,
    spec: &DatasetSpec,
    labels: &LabelMap,
    columns: &[String],
    options: &TrainOptions,
) -> Provenance {
    let made_from = features.provenance().map(|p| p.parts).unwrap_or_default();
    let provenance = Provenance::new("train", RUN_VERSION)
        .with_all(made_from.into_iter().filter(|(part, _)| !part.starts_with("ran.")))
        .with("columns", columns.join(","))
        .with("choice", CHOICE)
        .with("dataset", &spec.name)
        .with("labels", labels.names().join(","));
    let provenance = match options.head.reads_names() {
        true => provenance.with("display", labels.display().join(",")),
        false => provenance,
    };
    options.head.describe(provenance)
}

/// Returns the file name of the training split, of several the first.
pub(crate) fn train_file(spec: &DatasetSpec) -> Option<String> {
    Some(spec.split_files(TRAIN_SPLIT).ok()?.first()?.file_name()?.to_string_lossy().into_owned())
}

/// Checks that a head can be trained on the dataset with features of that level.
pub(crate) fn check_trainable(spec: &DatasetSpec, level: Level) -> Result<(), RunError> {
    let expected = tasks::of(spec.task).facts().level;
    if level != expected {
        return Err(RunError::WrongLevel { spec: spec.path.clone(), task: spec.task, found: level, expected });
    }
    if !spec.has_targets() {
        return Err(RunError::NoLabels { spec: spec.path.clone(), task: spec.task });
    }
    if !spec.split_names().any(|split| split == TRAIN_SPLIT) {
        return Err(RunError::NoTrainSplit {
            spec: spec.path.clone(),
            split: TRAIN_SPLIT.to_owned(),
            known: spec.split_names().map(str::to_owned).collect(),
        });
    }
    Ok(())
}
