//! Export of a run to a folder, checked against the run before it appears.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use larder_data::DatasetSpec;
use larder_diagnose::Diagnosis;
use larder_files::{FileError, digest_bytes};
use larder_intake::{CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE};
use larder_onnx::Model;
use larder_run::tasks;
use larder_run::tasks::export::{CheckRows, ExportedRun};
use larder_run::{DIAGNOSIS_FILE, Evaluation, Event, Larder, Observer, RunRecord, is_current, load_diagnosis};
use larder_tokens::{LongTexts, Tokenizer};
use serde::Serialize;

use crate::batches::{TimedFiles, WrittenFile};
use crate::card::Card;
use crate::check::{CheckReport, Cost, EXPORT_FILE, ExportRecord, ExportedFile, Score};
use crate::config::{FileFacts, config_json};
use crate::error::ExportError;
use crate::folder::ExportFolder;
use crate::model::{ExportedModel, export_model};
use crate::precision::Precision;
use crate::tokenizer::{TOKENIZER_CONFIG_FILE, TokenizerFiles, TokenizerInput};

/// Version of `export.json`.
const FORMAT_VERSION: u32 = 1;
/// The model card.
const CARD_FILE: &str = "README.md";
/// The float32 file that a smaller one is compared with; it is removed.
const FLOAT32_FILE: &str = "float32.onnx";

/// Options of an export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// The folder to make.
    pub folder: PathBuf,
    /// The number format of the encoder.
    pub precision: Precision,
    /// Replace an existing export.
    pub force: bool,
    /// The split whose rows check the file; by default the first that the run was not trained on.
    pub check_split: Option<String>,
    /// The description of the dataset whose rows check the file; by default the run's.
    pub dataset: Option<PathBuf>,
    /// The maximum number of rows; by default all.
    pub check_rows: Option<usize>,
    /// CPU threads of the check; 0 is one per core.
    pub threads: usize,
}

/// A completed export.
#[derive(Debug, Clone, Serialize)]
pub struct ExportOutcome {
    /// The folder.
    pub folder: PathBuf,
    /// The contents of its `export.json`.
    #[serde(flatten)]
    pub record: ExportRecord,
}

/// Writes a run as one ONNX file with the files that other tools need, checks its answers on a split, and keeps it if they are
/// the run's ([`ALLOWED_DIFFERENCE`](crate::ALLOWED_DIFFERENCE)). The folder appears complete or not at all.
///
/// # Errors
/// [`ExportError`]: an existing folder, an encoder that cannot be exported, differing answers, or any error of reading the run,
/// its encoder and its dataset.
pub fn export_run(
    larder: &Larder,
    record: &RunRecord,
    options: &ExportOptions,
    observer: &mut dyn Observer,
) -> Result<ExportOutcome, ExportError> {
    if record.settings.long == LongTexts::Windows {
        let (run, max_tokens) = (record.run.clone(), record.settings.max_tokens);
        return Err(ExportError::Windows { run, max_tokens });
    }
    let folder = ExportFolder::begin(&options.folder, options.force)?;
    let (encoder, head) = (record.encoder(larder)?, record.load_head(larder)?);
    let run = ExportedRun { larder, record, encoder: &encoder, head: &head, threads: options.threads };
    let spec = record.dataset_spec(options.dataset.as_deref())?;
    let rows = CheckRows::read(record, &spec, options.check_split.as_deref(), options.check_rows)?;
    let ExportedModel { model, batching } = export_model(&encoder, record, &head, options.precision)?;
    let inputs: Vec<String> = model.inputs().iter().map(|input| input.name().to_owned()).collect();
    let tokenizer = tokenizer_files(&run, &inputs)?;
    let columns = columns(&run);

    let mut files = Files { folder: &folder, written: BTreeMap::new() };
    files.model(MODEL_FILE, &model)?;
    drop(model);
    files.write(TOKENIZER_FILE, &tokenizer.tokenizer)?;
    files.json(TOKENIZER_CONFIG_FILE, &tokenizer.config)?;
    let facts = FileFacts {
        columns: &columns,
        precision: options.precision,
        batching,
        inputs: &inputs,
        pad_id: tokenizer.pad_id,
    };
    files.json(CONFIG_FILE, &config_json(&run, &facts))?;

    let texts_per_row = if record.settings.pair_features { 2 } else { 1 };
    let written = |path, batching| WrittenFile { path, batching, pad_id: tokenizer.pad_id, texts_per_row };
    let mut candidates = vec![written(folder.file(MODEL_FILE), batching)];
    if options.precision != Precision::F32 {
        let path = folder.file(FLOAT32_FILE);
        let float32 = export_model(&encoder, record, &head, Precision::F32)?;
        float32.model.save(&path)?;
        candidates.push(written(path, float32.batching));
    }
    observer.event(Event::Note(&format!(
        "answering {} rows of {} with the file and with the run",
        rows.len(),
        rows.split
    )));
    let check = check(&run, &rows, &folder.file(TOKENIZER_FILE), &candidates)?;
    check.judge(options.precision, |row| rows.excerpt(row))?;
    if let Some(float32) = candidates.get(1) {
        std::fs::remove_file(&float32.path).map_err(FileError::io("remove", &float32.path))?;
    }

    let card = card(&run, &spec, &facts, tokenizer.unk_token.as_deref(), &check)?;
    files.write(CARD_FILE, card.as_bytes())?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let record = ExportRecord {
        format_version: FORMAT_VERSION,
        run: record.run.clone(),
        created_unix_seconds: created,
        precision: options.precision,
        files: files.written,
        check,
        versions: BTreeMap::from([
            ("larder".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("onnxruntime".to_owned(), larder.runtime()?.version().to_owned()),
        ]),
    };
    // Written last: a folder without it is no export.
    Files { folder: &folder, written: BTreeMap::new() }.json(EXPORT_FILE, &record)?;
    folder.finish()?;
    Ok(ExportOutcome { folder: options.folder.clone(), record })
}

/// Writes files and records them.
struct Files<'a> {
    folder: &'a ExportFolder,
    written: BTreeMap<String, ExportedFile>,
}

impl Files<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.folder.write(name, bytes)?;
        let file = ExportedFile { digest: digest_bytes(bytes), bytes: bytes.len() as u64 };
        self.written.insert(name.to_owned(), file);
        Ok(())
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), ExportError> {
        let path = self.folder.file(name);
        let mut text = serde_json::to_vec_pretty(value).map_err(|source| FileError::Json { path, source })?;
        text.push(b'\n');
        self.write(name, &text)
    }

    fn model(&mut self, name: &str, model: &Model) -> Result<(), ExportError> {
        let bytes = model.to_bytes()?;
        self.write(name, &bytes)
    }
}

fn tokenizer_files(run: &ExportedRun<'_>, inputs: &[String]) -> Result<TokenizerFiles, ExportError> {
    // Checks that the file is unchanged since it was added.
    run.encoder.tokenizer()?;
    let path = run.encoder.tokenizer_path();
    let bytes = std::fs::read(&path).map_err(FileError::io("read", &path))?;
    let (task, max_tokens) = (run.record.task(), tasks::of(run.record.task()).max_tokens(run));
    let reads =
        if task.files().has_words { TokenizerInput::Words(max_tokens) } else { TokenizerInput::Texts(max_tokens) };
    TokenizerFiles::new(&path, &bytes, run.encoder.manifest(), reads, inputs)
}

/// Returns the feature columns that the head reads.
fn columns(run: &ExportedRun<'_>) -> Vec<String> {
    let layers = run.encoder.interface().last_layer();
    run.record.outputs.iter().map(|output| output.column(layers)).collect()
}

/// Answers `rows` with the run and with each of `files`: the export, and the float32 file if that is another.
fn check(
    run: &ExportedRun<'_>,
    rows: &CheckRows,
    tokenizer: &Path,
    files: &[WrittenFile],
) -> Result<CheckReport, ExportError> {
    let tokenizer = Tokenizer::load(tokenizer)?;
    let mut timed = TimedFiles::open(run.larder, files, run.threads)?;
    let checked = tasks::of(run.record.task()).check(run, rows, &tokenizer, &mut timed)?;
    let score = |place: usize| -> Result<Score, ExportError> {
        let path = &files[place].path;
        let bytes = std::fs::metadata(path).map_err(FileError::io("read", path))?.len();
        let scores = checked.scores.get(place).cloned().unwrap_or_default();
        Ok(Score { bytes, seconds: timed.seconds(place), scores })
    };
    let cost = match files.len() {
        2 => Some(Cost { float32: score(1)?, this: score(0)? }),
        _ => None,
    };
    Ok(CheckReport {
        split: rows.split.clone(),
        rows: rows.len(),
        answers: checked.distance.answers,
        too_long: checked.too_long,
        largest_difference: checked.distance.largest.map_or(0.0, |(largest, _)| largest),
        largest_at: checked.distance.largest.map(|(_, row)| row),
        difference_of: checked.difference_of.to_owned(),
        differing_answers: checked.distance.differing,
        cost,
    })
}

fn card(
    run: &ExportedRun<'_>,
    spec: &DatasetSpec,
    file: &FileFacts<'_>,
    unk_token: Option<&str>,
    check: &CheckReport,
) -> Result<String, ExportError> {
    let folder = run.record.folder(run.larder)?;
    // Scores on files that have changed since are not shown.
    let evaluation = Evaluation::load(&folder, run.record)
        .map(|evaluation| evaluation.only(|split, digest| digest.is_empty() || is_current(spec, split, digest)));
    let findings = findings(&folder, &run.record.run, evaluation.as_ref());
    let card = Card { run, file, unk_token, evaluation: evaluation.as_ref(), findings: &findings, check };
    Ok(card.markdown())
}

/// Returns the findings about the run; for runs of earlier versions, without `diagnosis.json`, those of their evaluation.
fn findings(folder: &Path, run: &str, evaluation: Option<&Evaluation>) -> Vec<Diagnosis> {
    if folder.join(DIAGNOSIS_FILE).exists() {
        return load_diagnosis(folder, run).map(|diagnosis| diagnosis.findings).unwrap_or_default();
    }
    let advice = |evaluation: &Evaluation| -> Vec<Diagnosis> {
        evaluation.scores().splits().iter().flat_map(|split| split.outline().advice.to_vec()).collect()
    };
    evaluation.map(advice).unwrap_or_default()
}
