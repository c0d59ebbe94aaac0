//! Comparison of several encoders on one dataset: the same rows, the same rule for the head.

use std::path::Path;
use std::time::Instant;

use larder_data::{DatasetSpec, Task};
use larder_encode::{EncodeError, EncodeSettings, LongTexts};
use larder_evaluate::{NamedRun, SplitComparison, common_metric, compare};
use larder_files::FileError;
use larder_intake::Encoder;
use larder_run::{
    EncodeOptions, Evaluation, Event, Larder, Observer, RunError, RunRecord, SplitAnswers, Stage, TRAIN_SPLIT,
    TrainOptions,
};
use larder_runtime::RuntimeError;
use larder_store::{FeaturesFile, Level};
use larder_tokens::TokenizeStageError;
use larder_train::TrainError;
use serde::Serialize;

use super::bfloat16::Bfloat16;
use super::meter::{EncodingCost, Meter};
use crate::PipelineError;
use crate::encode::{embed_features, encode_split};
use crate::evaluate::{EvaluateOptions, evaluate_keeping};
use crate::tokenize::tokenize_split;
use crate::train::{check_trainable, train};

/// Number of times an encoder is loaded; the fastest counts, since the first may wait for the disk or for CUDA.
const LOADS: usize = 2;

/// An encoder to compare.
#[derive(Debug, Clone)]
pub struct Contender {
    /// The encoder.
    pub encoder: Encoder,
    /// Options of its features and head. `encode.force` also encodes cached features again, so that every rate is measured now.
    pub options: TrainOptions,
}

/// Comparison of several encoders on one dataset.
#[derive(Debug, Clone, Serialize)]
pub struct EncoderComparison {
    /// The dataset.
    pub dataset: String,
    /// Its task.
    pub task: Task,
    /// The level of the features.
    pub level: Level,
    /// The encoders that were scored, in the order asked for.
    pub encoders: Vec<ComparedEncoder>,
    /// The encoders that could not be scored.
    pub refused: Vec<RefusedEncoder>,
    /// Scores side by side, one entry per split.
    pub splits: Vec<SplitComparison>,
    /// The run of the best encoder on the first split; `None` if none was scored.
    pub best_run: Option<String>,
}

/// An encoder that was scored, with its cost.
#[derive(Debug, Clone, Serialize)]
pub struct ComparedEncoder {
    /// Its name, and other names of the same model and tokenizer that were asked for.
    pub names: Vec<String>,
    /// The model's digest.
    pub digest: String,
    /// The tokenizer's digest.
    pub tokenizer_digest: String,
    /// Features of each token.
    pub hidden_size: usize,
    /// Size of the model's file in bytes.
    pub model_bytes: u64,
    /// Seconds from the model's file to sessions ready to run, measured now.
    pub load_seconds: f64,
    /// Size of the features files of all splits compared, in bytes.
    pub cache_bytes: u64,
    /// Number of vector columns in them that an earlier command cached and this one did not ask for.
    pub further_columns: usize,
    /// The work and speed of encoding now.
    pub encoding: EncodingCost,
    /// The same encoder with products in bfloat16; `None` where that does not run, or nothing was encoded now.
    pub bfloat16: Option<Bfloat16>,
    /// The run.
    pub run: String,
    /// Its scores in full.
    pub evaluation: Evaluation,
}

/// An encoder that could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedEncoder {
    /// Its names.
    pub names: Vec<String>,
    /// Why.
    pub reason: String,
}

/// The result of one encoder.
struct ScoredEncoder {
    compared: ComparedEncoder,
    record: RunRecord,
    answers: Vec<SplitAnswers>,
}

/// Tokenizes, encodes, trains and evaluates with each encoder in turn, and tests which differences are real. Stages that are up
/// to date are skipped, and the runs are ordinary ones. Encoders of the same model and tokenizer count as one. An encoder that
/// fails by its own fault is listed with the reason, and the others continue.
///
/// `splits` are evaluated; all but train if empty.
///
/// # Errors
/// [`PipelineError::NothingToJudge`]; errors that would fail every encoder: dataset, disk, ONNX Runtime.
pub fn compare_encoders(
    larder: &Larder,
    spec: &DatasetSpec,
    contenders: &[Contender],
    splits: &[String],
    observer: &mut dyn Observer,
) -> Result<EncoderComparison, PipelineError> {
    let level = contenders.first().map_or(Level::Sentence, |contender| contender.options.encode.settings.level);
    check_trainable(spec, level)?;
    let asked: Vec<String> = match splits {
        [] => spec.split_names().filter(|split| *split != TRAIN_SPLIT).map(str::to_owned).collect(),
        some => some.to_vec(),
    };
    if asked.is_empty() {
        return Err(PipelineError::NothingToJudge { spec: spec.path.clone() });
    }
    let groups = groups(contenders);
    let (mut scored, mut refused) = (Vec::new(), Vec::new());
    for (at, (contender, names)) in groups.iter().enumerate() {
        observer.event(Event::Encoder { name: contender.encoder.name(), number: at + 1, of: groups.len() });
        if let [first, others @ ..] = names.as_slice()
            && !others.is_empty()
        {
            let others = others.join(", ");
            observer.event(Event::Note(&format!("{others} is {first} by another name: the same model and tokenizer")));
        }
        match score_encoder(larder, spec, contender, names, &asked, observer) {
            Ok(one) => scored.push(one),
            Err(error) if is_own_fault(&error) => {
                let reason = with_causes(&error);
                observer.event(Event::Note(&format!("{} is left out: {reason}", names.join(", "))));
                refused.push(RefusedEncoder { names: names.clone(), reason });
            }
            Err(error) => return Err(error),
        }
    }
    let named_runs: Vec<NamedRun<'_>> = scored
        .iter()
        .map(|one| NamedRun {
            name: &one.compared.names[0],
            record: &one.record,
            evaluation: &one.compared.evaluation,
            answers: &one.answers,
        })
        .collect();
    let splits = compare(&named_runs, common_metric(scored.iter().map(|one| &one.record)))?;
    let best = |split: &SplitComparison| scored.iter().find(|one| one.compared.names[0] == split.best);
    let best_run = splits.first().and_then(best).map(|one| one.record.run.clone());
    Ok(EncoderComparison {
        dataset: spec.name.clone(),
        task: spec.task,
        level,
        encoders: scored.into_iter().map(|one| one.compared).collect(),
        refused,
        splits,
        best_run,
    })
}

impl EncoderComparison {
    /// Checks that there was something to compare: two encoders were scored, or all that were asked for are the same.
    ///
    /// # Errors
    /// [`PipelineError::TooFewCompared`] with the reasons.
    pub fn check(&self, spec: &Path) -> Result<(), PipelineError> {
        if self.encoders.len() > 1 || self.refused.is_empty() {
            return Ok(());
        }
        let refused = self.refused.iter().map(|one| format!("{}: {}", one.names.join(", "), one.reason));
        Err(PipelineError::TooFewCompared {
            spec: spec.to_path_buf(),
            compared: self.encoders.len(),
            asked: self.encoders.len() + self.refused.len(),
            refused: refused.collect(),
        })
    }
}

/// Groups `contenders` by encoder, each with all its names.
fn groups(contenders: &[Contender]) -> Vec<(&Contender, Vec<String>)> {
    let mut groups: Vec<(&Contender, Vec<String>)> = Vec::new();
    for contender in contenders {
        let name = contender.encoder.name().to_owned();
        match groups.iter_mut().find(|(first, _)| are_one(&first.encoder, &contender.encoder)) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => groups.push((contender, vec![name])),
        }
    }
    groups
}

/// Returns true if both have the same model, tokenizer and interface.
fn are_one(first: &Encoder, second: &Encoder) -> bool {
    let (a, b) = (first.manifest(), second.manifest());
    a.digest == b.digest
        && a.tokenizer_digest == b.tokenizer_digest
        && a.interface == b.interface
        && a.max_positions == b.max_positions
}

fn score_encoder(
    larder: &Larder,
    spec: &DatasetSpec,
    contender: &Contender,
    names: &[String],
    splits: &[String],
    observer: &mut dyn Observer,
) -> Result<ScoredEncoder, PipelineError> {
    let Contender { encoder, options } = contender;
    let settings = &options.encode.settings;
    if settings.level != Level::Sentence && !encoder.gives_tokens() {
        return Err(PipelineError::SentencesOnly { encoder: encoder.name().to_owned() });
    }
    let load_seconds = load_seconds(larder, encoder, settings)?;
    let mut meter = Meter::new(observer);
    let asked_columns = settings.outputs(encoder.interface().last_layer())?.len();
    let (mut cache_bytes, mut further_columns) = (0, 0);
    let others = splits.iter().map(String::as_str).filter(|split| *split != TRAIN_SPLIT);
    for split in std::iter::once(TRAIN_SPLIT).chain(others) {
        let (path, times) = encode_split(larder, spec, encoder, split, &options.encode, &mut meter)?;
        cache_bytes += size(&path)?;
        let file = FeaturesFile::open(&path)?;
        further_columns = further_columns.max(file.columns().len().saturating_sub(asked_columns));
        if times.iter().any(|time| time.stage == Stage::Encode && time.fresh) {
            meter.encoding.add_fresh(file.rows() as u64);
        }
    }
    meter.encoded = true;
    let bfloat16 = match meter.encoding.rows_per_second {
        None => None,
        Some(_) => {
            let tokenize = &options.encode.tokenize;
            let (tokens, _) = tokenize_split(larder, spec, encoder, TRAIN_SPLIT, tokenize, &mut meter)?;
            Bfloat16::measure(larder, encoder, settings, &tokens)?
        }
    };
    // The features were just encoded: forcing them again would time nothing new.
    let options = TrainOptions { encode: EncodeOptions { force: false, ..options.encode.clone() }, ..options.clone() };
    let trained = train(larder, spec, encoder, &options, &mut meter)?;
    let mut answers = Vec::new();
    let judged = EvaluateOptions { splits, device: settings.device, threads: settings.threads, coverage: None };
    let judged = evaluate_keeping(larder, &trained.record, spec, &judged, Some(&mut answers), &mut meter)?;
    let manifest = encoder.manifest();
    let compared = ComparedEncoder {
        names: names.to_vec(),
        digest: manifest.digest.clone(),
        tokenizer_digest: manifest.tokenizer_digest.clone(),
        hidden_size: manifest.hidden_size,
        model_bytes: size(&encoder.model_path())?,
        load_seconds,
        cache_bytes,
        further_columns,
        encoding: meter.encoding,
        bfloat16,
        run: trained.record.run.clone(),
        evaluation: judged.evaluation,
    };
    Ok(ScoredEncoder { compared, record: trained.record, answers })
}

/// Returns the seconds from the model's file to sessions ready to run: the file is read and checked, the graph reduced to what is
/// asked for, and one session started per worker.
fn load_seconds(larder: &Larder, encoder: &Encoder, settings: &EncodeSettings) -> Result<f64, PipelineError> {
    // The library is loaded only once, for all encoders.
    larder.runtime()?;
    let mut fastest = f64::INFINITY;
    for _ in 0..LOADS {
        let started = Instant::now();
        embed_features(larder, encoder, settings, LongTexts::Cut)?;
        fastest = fastest.min(started.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

fn size(path: &Path) -> Result<u64, FileError> {
    let failed = |source| FileError::Io { action: "read", path: path.to_path_buf(), source };
    Ok(std::fs::metadata(path).map_err(failed)?.len())
}

/// Returns true if the error is this encoder's own, so that others may succeed.
fn is_own_fault(error: &PipelineError) -> bool {
    let of_model = |error: &RuntimeError| {
        !matches!(
            error,
            RuntimeError::NoLibrary { .. }
                | RuntimeError::AlreadyLoaded { .. }
                | RuntimeError::Start { .. }
                | RuntimeError::CudaUnavailable { .. }
        )
    };
    let error = match error {
        PipelineError::SentencesOnly { .. } => return true,
        PipelineError::Run(error) => error,
        _ => return false,
    };
    match error {
        RunError::Encoder(_) | RunError::Text(_) | RunError::Tokenize(TokenizeStageError::Text { .. }) => true,
        RunError::Train(error) => matches!(**error, TrainError::Diverged { .. }),
        RunError::Runtime(error) => of_model(error),
        RunError::Encode(error) => match &**error {
            EncodeError::Runtime(error) => of_model(error),
            EncodeError::Encoder(_)
            | EncodeError::Onnx(_)
            | EncodeError::Tokens(_)
            | EncodeError::Row { .. }
            | EncodeError::RowVectors { .. }
            | EncodeError::NotFinite { .. }
            | EncodeError::HalfOverflow { .. }
            | EncodeError::OutputShape { .. }
            | EncodeError::Layer { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// Returns an error and its causes in one line, without repetitions.
fn with_causes(error: &PipelineError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use larder_store::StoreError;

    use super::*;

    fn not_finite() -> EncodeError {
        EncodeError::NotFinite { column: "mean".to_owned(), input: 0, start: vec![101] }
    }

    #[test]
    fn what_another_encoder_may_not_meet_is_its_own_fault() {
        let run = RuntimeError::Run { model: "model.onnx".to_owned(), source: "index out of bounds".into() };
        let library = || RuntimeError::NoLibrary { tried: Vec::new() };
        let range = || StoreError::Range { path: "train.parquet".into(), first: 2, end: 4, rows: 3 };
        let diverged = TrainError::Diverged { columns: "mean".to_owned(), c: 1.0, objective: f64::NAN };
        for own in [not_finite().into(), EncodeError::Runtime(run).into(), diverged.into()] {
            assert!(is_own_fault(&own), "{own}");
        }
        let every = [
            PipelineError::from(library()),
            EncodeError::Runtime(library()).into(),
            EncodeError::Store(range()).into(),
            range().into(),
            FileError::Locked { path: "features".into() }.into(),
            TrainError::TooFewClasses { found: 1 }.into(),
        ];
        for every in every {
            assert!(!is_own_fault(&every), "{every}");
        }
    }

    #[test]
    fn a_cause_is_told_once() {
        let cause = not_finite().to_string();
        let error = RunError::NoVector { text: "red".to_owned(), source: Box::new(not_finite()) };
        assert_eq!(with_causes(&error.into()), format!("`red` cannot be answered: {cause}"));
        assert_eq!(with_causes(&not_finite().into()), cause, "a transparent error is its cause");
    }
}
