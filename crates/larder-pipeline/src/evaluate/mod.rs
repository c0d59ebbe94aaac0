//! A run's scores on the splits of its dataset: written to `metrics.json`, its answers to `predictions.parquet`.

mod answers;
mod merge;
mod remarks;
mod sequence;
mod source;
mod tagging;

use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_diagnose::{Diagnosis, RunDiagnosis};
use larder_encode::EncodeSettings;
use larder_files::{Provenance, write_json};
use larder_runtime::Device;
use serde::Serialize;

pub(crate) use answers::{AnsweredRows, SplitAnswers};
pub use sequence::{SequenceEvaluation, SplitEvaluation};
use source::SplitSource;
pub use source::UnscoredSplit;
pub(crate) use source::{data_digest, is_current};
pub(crate) use tagging::shown_sentences;
pub use tagging::{ShownSentence, TaggingEvaluation, TaggingSplitEvaluation};

use crate::diagnose::{self, Files};
use crate::encode::{EncodeOptions, encode_split};
use crate::head::Head;
use crate::tokenize::TokenizeOptions;
use crate::{Larder, Observer, PipelineError, RunRecord, Stage, StageTime};

/// A run's scores, in its folder.
pub const METRICS_FILE: &str = "metrics.json";

/// A run's scores.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "task", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
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

/// What to judge, and where.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateOptions<'a> {
    /// The splits; every one but that which was trained on where there is none.
    pub splits: &'a [String],
    /// Where to run.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// Scores a run on splits of `spec`, the dataset that was asked for now, wherever the one lay that it was trained on; features
/// that are missing are made with the settings the run recorded. A split without labels is answered and has no scores.
///
/// The results of these splits replace those that the run has of them; of other splits it keeps those that are still of the
/// dataset's files.
///
/// # Errors
/// [`PipelineError`].
pub fn evaluate(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &EvaluateOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    evaluate_keeping(larder, record, spec, options, None, observer)
}

/// As [`evaluate`]; puts what was answered into `kept`, which costs memory for every word of every split.
pub(crate) fn evaluate_keeping(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &EvaluateOptions<'_>,
    kept: Option<&mut Vec<SplitAnswers>>,
    observer: &mut dyn Observer,
) -> Result<EvaluateOutcome, PipelineError> {
    let EvaluateOptions { splits, device, threads } = *options;
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
        let (features, more) = encode_split(larder, spec, &encoder, split, &options, observer)?;
        times.extend(more);
        Ok(features)
    };
    let files =
        asked.iter().map(|split| Ok((split.clone(), features(split)?))).collect::<Result<Vec<_>, PipelineError>>()?;
    let sources = asked
        .iter()
        .map(|split| SplitSource::of(larder, spec, encoder.name(), split))
        .collect::<Result<Vec<_>, PipelineError>>()?;
    // What is known of other splits stays as long as it is of their files.
    let earlier = Evaluation::load(&folder, record).map(|earlier| {
        earlier.only(|split, digest| !asked.iter().any(|one| one == split) && is_current(spec, split, digest))
    });
    let kept_splits: Vec<(String, String)> = earlier.as_ref().map(Evaluation::judged).unwrap_or_default();
    let keep: Vec<String> = kept_splits.iter().map(|(split, _)| split.clone()).collect();
    let mut provenance =
        Provenance::new("eval", 1).with("run", &record.run).with("run.digest", record.provenance.digest());
    let judged_now = sources.iter().map(|source| (source.split.clone(), source.data_digest.clone()));
    for (split, digest) in kept_splits.into_iter().chain(judged_now) {
        provenance = provenance.with(&format!("data.{split}.digest"), digest);
    }
    let mut clock = Clock { times: Vec::new(), started: Instant::now() };
    let head = record.load_head(larder)?;
    let judging =
        Judging { record, files: &files, sources: &sources, keep: &keep, folder: &folder, provenance: &provenance };
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
    match earlier {
        Some(earlier) => write_json(&folder.join(METRICS_FILE), &earlier.with(&evaluation, spec))?,
        None => write_json(&folder.join(METRICS_FILE), &evaluation)?,
    }
    let mut diagnosis = diagnose::load(&folder, &record.run)?;
    diagnosis.replace(&asked, findings);
    diagnose::save(&folder, &diagnosis)?;
    Ok(EvaluateOutcome { evaluation, diagnosis, times })
}

impl Evaluation {
    /// Gives each split what was found about it; the rows that show it are in the run's diagnosis.
    fn advise(&mut self, findings: &[Diagnosis]) {
        let of = |split: &str| -> Vec<Diagnosis> {
            let of_split = findings.iter().filter(|finding| finding.is_about(split));
            of_split.map(|finding| finding.clone().with_rows([])).collect()
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
    /// What each of them was read from.
    sources: &'a [SplitSource],
    /// Splits whose answers stay.
    keep: &'a [String],
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
