//! A run's scores on the splits of its dataset: written to `metrics.json`, its answers to `predictions.parquet`.

mod answers;
mod sequence;
mod tagging;

use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_diagnose::{Diagnosis, RunDiagnosis};
use larder_encode::EncodeSettings;
use larder_runtime::Device;
use larder_store::{Provenance, write_json};
use serde::Serialize;

pub(crate) use answers::{AnsweredRows, SplitAnswers};
pub use sequence::{SequenceEvaluation, SplitEvaluation};
pub(crate) use tagging::shown_sentences;
pub use tagging::{ShownSentence, TaggingEvaluation, TaggingSplitEvaluation};

use crate::diagnose::{self, Files};
use crate::encode::{EncodeOptions, encode_split};
use crate::head::Head;
use crate::tokenize::TokenizeOptions;
use crate::{Larder, Observer, PipelineError, RunRecord, Stage, StageTime};

/// A run's scores.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "task", rename_all = "lowercase")]
pub enum Evaluation {
    /// One label a text.
    Sequence(SequenceEvaluation),
    /// One tag a word.
    Tagging(TaggingEvaluation),
}

/// A run's scores, and how long they took.
#[derive(Debug, Clone)]
pub struct EvaluateOutcome {
    /// The scores.
    pub evaluation: Evaluation,
    /// What is known of the run: of its training, and of these splits and those judged before.
    pub diagnosis: RunDiagnosis,
    /// Seconds a stage in this invocation.
    pub times: Vec<StageTime>,
}

/// Scores a run on `splits` of its dataset, or on every split but the one it was trained on; features that are missing
/// are made with the settings the run recorded.
///
/// # Errors
/// [`PipelineError`]; a label that the run does not know is named with its row.
pub fn evaluate(
    larder: &Larder,
    record: &RunRecord,
    splits: &[String],
    device: Device,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    evaluate_keeping(larder, record, splits, device, threads, None, observer)
}

/// As [`evaluate`]; puts what was answered into `kept`, which costs memory for every word of every split.
pub(crate) fn evaluate_keeping(
    larder: &Larder,
    record: &RunRecord,
    splits: &[String],
    device: Device,
    threads: usize,
    kept: Option<&mut Vec<SplitAnswers>>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    let spec = DatasetSpec::load(&record.dataset_path)?;
    let encoder = record.encoder(larder)?;
    let folder = record.folder(larder)?;
    let options = record.encode_options(device, threads);
    let asked: Vec<String> = if splits.is_empty() {
        spec.split_names().filter(|s| *s != record.train_split).map(str::to_owned).collect()
    } else {
        splits.to_vec()
    };
    let mut times = Vec::new();
    let mut features = |split: &str| -> Result<PathBuf, PipelineError> {
        let (features, more) = encode_split(larder, &spec, &encoder, split, &options, observer)?;
        times.extend(more);
        Ok(features)
    };
    let provenance = Provenance::new("eval", 1).with("run", &record.run).with("run.digest", record.provenance.digest());
    let files =
        asked.iter().map(|split| Ok((split.clone(), features(split)?))).collect::<Result<Vec<_>, PipelineError>>()?;
    let mut clock = Clock { times: Vec::new(), started: Instant::now() };
    let head = record.load_head(larder)?;
    let judging = Judging { record, files: &files, folder: &folder, provenance: &provenance };
    let mut evaluation = match &head {
        Head::Tagging(head) => Evaluation::Tagging(tagging::evaluate(&judging, head, &mut clock, kept)?),
        Head::Sequence(head) => Evaluation::Sequence(sequence::evaluate(&judging, head, &mut clock, kept)?),
        Head::Mlp(head) => Evaluation::Sequence(sequence::evaluate(&judging, head, &mut clock, kept)?),
    };
    times.extend(clock.times);
    let columns = head.columns();
    let places = Files { larder, record, columns: &columns, features: &files };
    let findings = diagnose::of_splits(&places, &encoder, &evaluation)?;
    evaluation.advise(&findings);
    write_json(&folder.join("metrics.json"), &evaluation)?;
    let mut diagnosis = diagnose::load(&folder, &record.run)?;
    diagnosis.replace(&asked, findings);
    diagnose::save(&folder, &diagnosis)?;
    Ok(EvaluateOutcome { evaluation, diagnosis, times })
}

impl Evaluation {
    /// Gives each split what was found about it; the rows that show it are in the run's diagnosis.
    fn advise(&mut self, findings: &[Diagnosis]) {
        let of = |split: &str| -> Vec<Diagnosis> {
            let of_split = findings.iter().filter(|finding| finding.split.as_deref() == Some(split));
            of_split.map(|finding| Diagnosis { rows: Vec::new(), ..finding.clone() }).collect()
        };
        match self {
            Self::Sequence(evaluation) => evaluation.splits.iter_mut().for_each(|one| one.advice = of(&one.split)),
            Self::Tagging(evaluation) => evaluation.splits.iter_mut().for_each(|one| one.advice = of(&one.split)),
        }
    }
}

/// What is judged, and where its results go.
struct Judging<'a> {
    record: &'a RunRecord,
    /// The features file of each split.
    files: &'a [(String, PathBuf)],
    folder: &'a Path,
    provenance: &'a Provenance,
}

/// Times the scoring of each split.
struct Clock {
    times: Vec<StageTime>,
    started: Instant,
}

impl Clock {
    fn start(&mut self) {
        self.started = Instant::now();
    }

    fn stop(&mut self, split: &str, rows: usize) {
        self.times.push(StageTime {
            stage: Stage::Eval,
            split: split.to_owned(),
            seconds: self.started.elapsed().as_secs_f64(),
            rows: rows as u64,
            fresh: false,
            device: None,
        });
    }
}

impl RunRecord {
    /// How this run's features are made.
    pub(crate) fn encode_options(&self, device: Device, threads: usize) -> EncodeOptions {
        let settings = EncodeSettings {
            level: self.settings.level,
            layers: self.settings.layers.clone(),
            pools: self.settings.pools.clone(),
            word_pool: self.settings.word_pool,
            stride: self.settings.stride,
            context: self.settings.context,
            dtype: self.settings.dtype,
            device,
            threads,
            ..EncodeSettings::default()
        };
        let tokenize = TokenizeOptions {
            max_tokens: Some(self.settings.max_tokens),
            on_bad_row: self.settings.on_bad_row,
            on_illegal_tags: self.settings.on_illegal_tags,
            force: false,
        };
        EncodeOptions { tokenize, settings, force: false }
    }
}
