//! The finetune stage: trains an encoder together with a head.

mod choices;
mod folder;
mod graphs;
mod hidden;
mod inputs;
mod judge;
mod sweep;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use larder_data::DatasetSpec;
use larder_encode::EncodeSettings;
use larder_evaluate::{TuneFacts, tuning_diagnosis};
use larder_files::{check_name, digest_file, kill_point};
use larder_finetune::{FinetuneResult, Knobs, TrainingInputs, TuneError, TuneSettings};
use larder_graphs::{HEAD_BIAS, HEAD_WEIGHT, HeadInput};
use larder_intake::{Encoder, EncoderError};
use larder_metrics::Metric;
use larder_onnx::{FeatureOutput, Pool};
use larder_run::{
    EncodeOptions, Event, HISTORY_FILE, Head, HeadRecord, Larder, Observer, RUN_VERSION, RunError, RunRecord,
    RunSettings, Stage, StageTime, TRAIN_SPLIT, TokenizeOptions, TunedRecord, load_diagnosis, save_diagnosis,
};
use larder_store::{Level, StepRecord, write_history};
use larder_train::Classifier;

pub use choices::{Recipe, TuneChoices};
pub use graphs::{GraphsOptions, GraphsOutcome, export_graphs};
pub use sweep::{SweepCell, SweepOutcome, SweepRate, sweep};

use crate::PipelineError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::run::RunOutcome;
use crate::train::{RunName, TrainOutcome, commit_run, find_or_name_run, remove_abandoned, train_file};

use folder::{Checkpoints, TuningFolder};
use hidden::CachedStates;
use inputs::TuningInputs;
use judge::Judge;

/// The default split for evaluations during training; without it, the first split with `dev` or `valid` in its name.
pub const DEV_SPLIT: &str = "dev";

/// Version of fine-tuning: runs of another version are made again.
const TUNING_VERSION: u32 = 1;

/// Options of fine-tuning.
#[derive(Debug, Clone, Default)]
pub struct FinetuneOptions {
    /// Options of the tokens.
    pub tokenize: TokenizeOptions,
    /// The settings chosen for training.
    pub choices: TuneChoices,
    /// The metric that selects the best parameters of a classifier. Tagging uses strict entity F1.
    pub metric: Metric,
    /// The split for evaluations; by default [`DEV_SPLIT`], if the dataset has it.
    pub dev: Option<String>,
    /// For tagging: tokens from one window of a long sentence to the next.
    pub stride: Option<usize>,
    /// The run's name; `None` takes the first free `<dataset>-<encoder>-<n>`.
    pub run: Option<String>,
    /// Work even if there is a run with these settings.
    pub force: bool,
    /// Fail if an interrupted run's checkpoint has other settings or data. Without it, the run resumes from a matching
    /// checkpoint, and otherwise starts anew.
    pub resume: bool,
    /// Keep the checkpoints when the run is complete.
    pub keep_checkpoints: bool,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// Fine-tunes an encoder on the `train` split, unless there is a run of exactly these settings and data.
///
/// # Errors
/// [`PipelineError`]; a run that diverges or collapses leaves its checkpoints and no run.
pub fn finetune(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &FinetuneOptions,
    observer: &mut dyn Observer,
) -> Result<TrainOutcome, PipelineError> {
    if let Some(run) = &options.run {
        check_name("run", run)?;
    }
    remove_abandoned(larder)?;
    let started = Instant::now();
    let mut inputs = TuningInputs::read(larder, spec, encoder, options, observer)?;
    let settings = inputs.settings(options)?;
    let head_digest = options.choices.init_head.as_deref().map(digest_file).transpose()?;
    let settings_map = choices::settings_map(&settings, head_digest.as_deref());
    let provenance = inputs.provenance(&settings_map, options)?;

    let mut times = std::mem::take(&mut inputs.times);
    let rows = inputs.train.rows as u64;
    let time = |fresh, device: Option<String>| StageTime {
        stage: Stage::Finetune,
        split: TRAIN_SPLIT.to_owned(),
        seconds: started.elapsed().as_secs_f64(),
        rows,
        fresh,
        device,
    };
    let find = || find_or_name_run(larder, spec, encoder, options.run.as_deref(), options.force, &provenance);
    let found = match find()? {
        // Whoever was at it may have made the run.
        RunName::ToMake { run, .. } if TuningFolder::wait(larder, &run) => find()?,
        found => found,
    };
    let (run, changes) = match found {
        RunName::UpToDate(run) => {
            let record = RunRecord::open(larder, &run)?;
            let folder = record.folder(larder)?;
            TuningFolder::remove(larder, &run)?;
            observer.event(Event::Fresh { stage: Stage::Finetune, subject: &run, path: &folder });
            times.push(time(true, None));
            let diagnosis = load_diagnosis(&folder, &record.run)?;
            return Ok(TrainOutcome { record, folder, diagnosis, times, notes: Vec::new() });
        }
        RunName::ToMake { run, changes } => (run, changes),
    };
    observer.event(Event::Started { stage: Stage::Finetune, subject: &run, changes: &changes });
    let checkpoints = match (options.resume, options.force) {
        (true, _) => Checkpoints::Required,
        (false, true) => Checkpoints::Discarded,
        (false, false) => Checkpoints::IfSame,
    };
    // A checkpoint depends on its device, a completed run does not.
    let device =
        settings.device.resolve(larder.runtime()?).map_or_else(|_| String::new(), |on| on.device().to_string());
    let of_checkpoint = provenance.clone().with("device", device);
    let mut folder = TuningFolder::take(larder, &run, &of_checkpoint, checkpoints, observer)?;
    let states = settings
        .from_layer
        .map(|layer| CachedStates::read(larder, &inputs, layer, options, folder.path(), &mut times, observer))
        .transpose()?;
    let seen: Vec<bool> = inputs.counts.iter().map(|&count| count > 0).collect();
    let folder_path = folder.path().to_path_buf();
    let training_inputs = TrainingInputs {
        encoder: &inputs.tunable,
        train: &inputs.train.examples,
        dev: &inputs.dev.examples,
        hidden: states.as_ref().map(|states| states as &dyn larder_finetune::HiddenStates),
        folder: Some(&folder_path),
    };
    let runtime = larder.runtime()?;
    let tune = |resume: bool, observer: &mut dyn Observer| {
        let rule = inputs.dev.gold.judge(&inputs.labels, options.metric, &seen);
        let mut judge = Judge { observer, rule, score_name: inputs.score_name(options), range: inputs.range() };
        larder_finetune::finetune(runtime, &training_inputs, &TuneSettings { resume, ..settings.clone() }, &mut judge)
    };
    let tuned = match tune(folder.resumes(), observer) {
        Err(TuneError::OtherRun { .. }) if checkpoints == Checkpoints::IfSame => {
            folder.discard_checkpoints("it is of other examples or settings", observer)?;
            tune(false, observer)?
        }
        tuned => tuned?,
    };
    let notes = tuned.notes.iter().map(ToString::to_string).collect();
    times.push(time(false, Some(tuned.ran_on.to_string())));
    observer.event(Event::Trained { stage: Stage::Finetune, run: &run, seconds: started.elapsed().as_secs_f64() });

    let outputs = outputs(encoder, &settings)?;
    let column = outputs[0].column(encoder.interface().last_layer());
    let head = head(&inputs, &settings, &tuned, &column, seen)?;
    let digest = folder
        .add_encoder(larder, &run, encoder, &inputs.tunable, &tuned.weights)
        .map_err(|error| unusable(error, tuned.history.len(), settings.knobs(inputs.tunable.facts().family)))?;
    kill_point("encoder-tuned");
    let tuned_record = tuned_record(&inputs, &settings, &tuned, settings_map, digest, options);
    let record = RunRecord {
        format_version: RUN_VERSION,
        run,
        created_unix_seconds: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        provenance,
        dataset: spec.name.clone(),
        dataset_path: std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone()),
        encoder: encoder.name().to_owned(),
        encoder_digest: encoder.manifest().digest.clone(),
        labels: inputs.labels.names().to_vec(),
        display: inputs.labels.display().to_vec(),
        train_counts: inputs.counts.clone(),
        train_split: TRAIN_SPLIT.to_owned(),
        train_file: train_file(spec),
        training_words: inputs.rules().training_words(&inputs.tokens[0].1)?,
        settings: run_settings(encoder, &settings, options),
        outputs,
        columns_tried: vec![column],
        head: HeadRecord::Tuned(tuned_record.clone()),
        versions: BTreeMap::from([("larder".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        stages: times.clone(),
    };
    let steps = steps(&tuned);
    let facts = TuneFacts {
        history: &tuned.history,
        settings: &settings,
        train_targets: inputs.statistics(&inputs.train),
        dev_targets: inputs.statistics(&inputs.dev),
        dev_rows: inputs.dev.rows,
    };
    let diagnosis = tuning_diagnosis(&record, &tuned_record, encoder, &inputs.tokens[0].1, &facts)?;
    let placed = commit_run(larder, &record, &head, |making| {
        save_diagnosis(making, &diagnosis)?;
        write_history(&making.join(HISTORY_FILE), &steps, &record.provenance)?;
        folder.move_into(making, options.keep_checkpoints)
    })?;
    kill_point("finetuned-run-placed");
    folder.finish()?;
    Ok(TrainOutcome { record, folder: placed, diagnosis, times, notes })
}

/// Turns the rejection of the tuned encoder into a failure of the run: the encoder was accepted before it was trained.
fn unusable(error: PipelineError, steps: usize, knobs: Knobs) -> PipelineError {
    let PipelineError::Run(RunError::Encoder(encoder)) = &error else { return error };
    let problem = match &**encoder {
        EncoderError::Constant { spread, .. } => {
            format!("says the same of every text (largest difference {spread:.1e} of its scale)")
        }
        EncoderError::NotFinite { .. } => "gives numbers that are not finite".to_owned(),
        EncoderError::BatchDependent { deviation, .. } => {
            format!("gives a text other vectors beside other texts (by {deviation:.1e} of their scale)")
        }
        _ => return error,
    };
    TuneError::Unusable { steps, problem, knobs }.into()
}

/// Fine-tunes, and evaluates on every split but train; stages that are up to date are skipped.
///
/// # Errors
/// [`PipelineError`] of the first stage that fails.
pub fn run_finetune(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &FinetuneOptions,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, PipelineError> {
    let trained = finetune(larder, spec, encoder, options, observer)?;
    let judged =
        EvaluateOptions { splits: &[], device: options.choices.device, threads: options.threads, coverage: None };
    let scored = evaluate(larder, &trained.record, spec, &judged, observer)?;
    let times = trained.times.iter().chain(&scored.times).cloned().collect();
    Ok(RunOutcome { trained, evaluation: scored.evaluation, diagnosis: scored.diagnosis, times })
}

/// Returns the settings of the features that the head reads.
fn encode_settings(settings: &TuneSettings, stride: Option<usize>) -> EncodeSettings {
    let (level, pools) = match settings.input.pool() {
        Some(pool) => (Level::Sentence, vec![pool]),
        None => (Level::Word, vec![Pool::Mean]),
    };
    let pair_features = matches!(settings.input, HeadInput::Pair(_));
    EncodeSettings { level, pools, pair_features, stride, ..EncodeSettings::default() }
}

fn outputs(encoder: &Encoder, settings: &TuneSettings) -> Result<Vec<FeatureOutput>, PipelineError> {
    Ok(encode_settings(settings, None).outputs(encoder.interface().last_layer())?)
}

fn run_settings(encoder: &Encoder, settings: &TuneSettings, options: &FinetuneOptions) -> RunSettings {
    let encode = encode_settings(settings, options.stride);
    let options = EncodeOptions { tokenize: options.tokenize, settings: encode, force: false };
    RunSettings::of(&options, encoder)
}

/// Returns the trained head, reading `column` of the encoder's features.
fn head(
    inputs: &TuningInputs<'_>,
    settings: &TuneSettings,
    tuned: &FinetuneResult,
    column: &str,
    seen: Vec<bool>,
) -> Result<Head, PipelineError> {
    let (classes, features) = (inputs.labels.len(), settings.input.width(inputs.tunable.facts().hidden_size));
    let classifier = Classifier {
        column,
        weights: tuned.head.get(HEAD_WEIGHT, &[classes, features]).map_err(larder_finetune::TuneError::from)?,
        bias: tuned.head.get(HEAD_BIAS, &[classes]).map_err(larder_finetune::TuneError::from)?,
    };
    let head = inputs.rules().tuned_head(classifier, &inputs.labels, seen);
    let thresholds = tuned.scores.as_ref().map_or(&[][..], |(best, _)| &best.thresholds);
    Ok(head.in_unit(inputs.train.gold.scale(), inputs.spec.target).decided_at(thresholds))
}

fn tuned_record(
    inputs: &TuningInputs<'_>,
    settings: &TuneSettings,
    tuned: &FinetuneResult,
    settings_map: BTreeMap<String, String>,
    encoder_digest: String,
    options: &FinetuneOptions,
) -> TunedRecord {
    let targets = inputs.statistics(&inputs.train);
    TunedRecord {
        task: inputs.spec.task,
        pair: inputs.spec.columns.text_b.is_some(),
        settings: settings_map,
        encoder_digest,
        dev_split: inputs.dev_split.clone(),
        score: inputs.score_name(options).to_owned(),
        best: tuned.scores.as_ref().map(|(best, _)| best.clone()),
        last: tuned.scores.as_ref().map(|(_, last)| last.clone()),
        steps: tuned.history.len(),
        ended: tuned.stop_reason,
        first_loss: mean_loss(tuned.history.iter().take(LOSS_STEPS)),
        last_loss: mean_loss(tuned.history.iter().rev().take(LOSS_STEPS)),
        guessing_loss: settings.constant_loss(&targets, &targets),
        family: Some(inputs.tunable.facts().family),
        seconds: tuned.history.iter().map(|row| row.seconds).sum(),
        tokens: tuned.history.iter().map(|row| row.tokens as u64).sum(),
        targets: inputs.train.gold.numbers(),
        train_labels: inputs.train.gold.train_labels(inputs.labels.len()),
    }
}

/// Number of steps whose mean loss is recorded at both ends of a run.
const LOSS_STEPS: usize = 20;

fn mean_loss<'a>(rows: impl Iterator<Item = &'a larder_finetune::HistoryRow>) -> f64 {
    let losses: Vec<f64> = rows.map(|row| row.loss).collect();
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}

/// Returns the history as written to its file.
fn steps(tuned: &FinetuneResult) -> Vec<StepRecord> {
    let step = |row: &larder_finetune::HistoryRow| StepRecord {
        step: row.step as i64,
        epoch: row.epoch as i64,
        loss: row.loss,
        grad_norm: row.grad_norm,
        learning_rate: row.learning_rate,
        head_learning_rate: row.head_learning_rate,
        seconds: row.seconds,
        tokens: row.tokens as i64,
        score: row.score,
        dev_loss: row.dev_loss,
    };
    tuned.history.iter().map(step).collect()
}
