//! A run as a folder that other tools load, checked against the run before it appears.

mod batches;
mod check;
mod sequence;
mod tagging;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use larder_data::{DatasetSpec, Task};
use larder_export::{
    Batching, Card, CardFinding, CardMetrics, CheckReport, ConfigFacts, EXPORT_FILE, ExportError, ExportFolder,
    ExportHead, ExportRecord, ExportedFile, ExportedModel, Precision, Reads, TOKENIZER_CONFIG_FILE, TokenizerFiles,
    config_json, export_model,
};
use larder_files::{FileError, digest_bytes};
use larder_intake::{CONFIG_FILE, Encoder, MODEL_FILE, TOKENIZER_FILE};
use larder_onnx::Model;
use larder_runtime::Runtime;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::evaluate::is_current;
use crate::head::Head;
use crate::{Event, HeadRecord, Larder, Observer, PipelineError, RunRecord};

/// Version of `export.json`.
const FORMAT_VERSION: u32 = 1;
/// The model card.
const CARD_FILE: &str = "README.md";
/// The float32 file that a smaller one is laid beside; it does not stay.
const FLOAT32_FILE: &str = "float32.onnx";

/// How a run is exported.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// The folder to make.
    pub folder: PathBuf,
    /// How the encoder's numbers are kept.
    pub precision: Precision,
    /// May an export that is there be replaced?
    pub force: bool,
    /// The split whose rows check the file; the first one that the run was not trained on unless given.
    pub check_split: Option<String>,
    /// The description of the dataset whose rows check the file; where it was when the run was made unless given.
    pub dataset: Option<PathBuf>,
    /// Rows of it at most; all unless given.
    pub check_rows: Option<usize>,
    /// CPU threads of the check; 0 means one per core.
    pub threads: usize,
}

/// An export that stands.
#[derive(Debug, Clone, Serialize)]
pub struct ExportOutcome {
    /// The folder.
    pub folder: PathBuf,
    /// What `export.json` in it says.
    #[serde(flatten)]
    pub record: ExportRecord,
}

/// Everything that the parts of an export share.
struct Subject<'a> {
    larder: &'a Larder,
    record: &'a RunRecord,
    encoder: Encoder,
    head: Head,
    threads: usize,
}

impl Subject<'_> {
    fn export_head(&self) -> ExportHead<'_> {
        match &self.head {
            Head::Sequence(head) => ExportHead::Logistic(head),
            Head::Mlp(head) => ExportHead::Mlp(head),
            Head::Tagging(head) => ExportHead::Tagging(head, self.record.settings.word_pool),
        }
    }

    /// Tokens that are read at once, special ones included.
    fn max_tokens(&self) -> usize {
        match self.record.task() {
            Task::Sequence => self.record.settings.max_tokens,
            // Windows are the encoder's, whatever texts were cut to.
            Task::Tagging => self.encoder.max_tokens(),
        }
    }

    fn runtime(&self) -> Result<&Runtime, PipelineError> {
        self.larder.runtime()
    }
}

/// A written file, and how it is fed.
struct Written {
    path: PathBuf,
    batching: Batching,
    pad_id: i32,
}

/// Writes a run as one ONNX file with what other tools need beside it, answers a split with it, and keeps it if it answers as
/// the run does ([`larder_export::ALLOWED_DIFFERENCE`]). The folder appears whole or not at all.
///
/// # Errors
/// [`PipelineError::Export`]: a folder in the way, an encoder that cannot be exported, a file that answers otherwise; what
/// reading the run, its encoder and its dataset meets.
pub fn export_run(
    larder: &Larder,
    record: &RunRecord,
    options: &ExportOptions,
    observer: &mut dyn Observer,
) -> Result<ExportOutcome, PipelineError> {
    let folder = ExportFolder::begin(&options.folder, options.force)?;
    let subject = Subject {
        larder,
        record,
        encoder: record.encoder(larder)?,
        head: record.load_head(larder)?,
        threads: options.threads,
    };
    let spec = record.dataset_spec(options.dataset.as_deref())?;
    let rows = check::CheckRows::read(record, &spec, options.check_split.as_deref(), options.check_rows)?;
    let ExportedModel { model, batching } =
        export_model(&subject.encoder, &record.outputs, subject.export_head(), options.precision)?;
    let inputs: Vec<String> = model.inputs().iter().map(|input| input.name().to_owned()).collect();
    let tokenizer = tokenizer_files(&subject, &inputs)?;
    let columns = columns(&subject);

    let mut files = Files { folder: &folder, written: BTreeMap::new() };
    files.model(MODEL_FILE, &model)?;
    drop(model);
    files.write(TOKENIZER_FILE, &tokenizer.tokenizer)?;
    files.json(TOKENIZER_CONFIG_FILE, &tokenizer.config)?;
    let facts = ConfigFacts {
        run: &record.run,
        dataset: &record.dataset,
        encoder_name: &record.encoder,
        labels: &record.labels,
        display: &record.display,
        pair: record.is_pair(),
        max_tokens: subject.max_tokens(),
        stride: record.settings.stride,
        columns: &columns,
        precision: options.precision,
        batching,
        inputs: &inputs,
        pad_id: tokenizer.pad_id,
    };
    files.json(CONFIG_FILE, &config_json(&subject.encoder, subject.export_head(), &facts)?)?;

    let mut candidates = vec![Written { path: folder.file(MODEL_FILE), batching, pad_id: tokenizer.pad_id }];
    if options.precision != Precision::F32 {
        let path = folder.file(FLOAT32_FILE);
        let float32 = export_model(&subject.encoder, &record.outputs, subject.export_head(), Precision::F32)?;
        float32.model.save(&path).map_err(ExportError::from)?;
        candidates.push(Written { path, batching: float32.batching, pad_id: tokenizer.pad_id });
    }
    observer.event(Event::Note(&format!(
        "answering {} rows of {} with the file and with the run",
        rows.len(),
        rows.split
    )));
    let check = check::check(&subject, &rows, &folder.file(TOKENIZER_FILE), &candidates)?;
    check.judge(options.precision, |row| rows.excerpt(row))?;
    if let Some(float32) = candidates.get(1) {
        std::fs::remove_file(&float32.path).map_err(FileError::io("remove", &float32.path))?;
    }

    let card = card(&subject, &spec, &facts, tokenizer.unk_token.as_deref(), &check)?;
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
    // Last: a folder without it is no export.
    Files { folder: &folder, written: BTreeMap::new() }.json(EXPORT_FILE, &record)?;
    folder.finish()?;
    Ok(ExportOutcome { folder: options.folder.clone(), record })
}

/// What was written, for the record.
struct Files<'a> {
    folder: &'a ExportFolder,
    written: BTreeMap<String, ExportedFile>,
}

impl Files<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), PipelineError> {
        self.folder.write(name, bytes)?;
        let file = ExportedFile { digest: digest_bytes(bytes), bytes: bytes.len() as u64 };
        self.written.insert(name.to_owned(), file);
        Ok(())
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), PipelineError> {
        let path = self.folder.file(name);
        let mut text = serde_json::to_vec_pretty(value).map_err(|source| FileError::Json { path, source })?;
        text.push(b'\n');
        self.write(name, &text)
    }

    fn model(&mut self, name: &str, model: &Model) -> Result<(), PipelineError> {
        let bytes = model.to_bytes().map_err(ExportError::from)?;
        self.write(name, &bytes)
    }
}

fn tokenizer_files(subject: &Subject<'_>, inputs: &[String]) -> Result<TokenizerFiles, PipelineError> {
    // Checks that it is the file that was added.
    subject.encoder.tokenizer()?;
    let path = subject.encoder.tokenizer_path();
    let bytes = std::fs::read(&path).map_err(FileError::io("read", &path))?;
    let reads = match subject.record.task() {
        Task::Sequence => Reads::Texts(subject.max_tokens()),
        Task::Tagging => Reads::Words(subject.max_tokens()),
    };
    Ok(TokenizerFiles::new(&path, &bytes, subject.encoder.manifest(), reads, inputs)?)
}

/// The names of what the head reads.
fn columns(subject: &Subject<'_>) -> Vec<String> {
    let layers = subject.encoder.interface().last_layer();
    subject.record.outputs.iter().map(|output| output.column(layers)).collect()
}

fn card(
    subject: &Subject<'_>,
    spec: &DatasetSpec,
    facts: &ConfigFacts<'_>,
    unk_token: Option<&str>,
    check: &CheckReport,
) -> Result<String, PipelineError> {
    let record = subject.record;
    let folder = record.folder(subject.larder)?;
    // Scores of files that have changed since are no scores of this dataset.
    let metrics: Option<CardMetrics> = read_json(&folder.join("metrics.json"))
        .map(|metrics: CardMetrics| metrics.only(|split, digest| digest.is_empty() || is_current(spec, split, digest)));
    let findings = findings(&folder);
    let card = Card {
        run: &record.run,
        dataset: &record.dataset,
        trained_on: (&record.train_split, record.train_counts.iter().sum()),
        encoder: &record.encoder,
        tuned: matches!(record.head, HeadRecord::Tuned(_)),
        head: subject.export_head(),
        columns: facts.columns,
        labels: &record.labels,
        display: &record.display,
        pair: facts.pair,
        max_tokens: facts.max_tokens,
        precision: facts.precision,
        batching: facts.batching,
        inputs: facts.inputs,
        unk_token,
        metrics: metrics.as_ref(),
        findings: &findings,
        check,
    };
    Ok(card.markdown())
}

/// What was found about the run: `diagnosis.json`, or without it what its evaluation said.
fn findings(folder: &Path) -> Vec<CardFinding> {
    #[derive(serde::Deserialize)]
    struct Diagnosis {
        findings: Vec<CardFinding>,
    }
    #[derive(serde::Deserialize)]
    struct Split {
        #[serde(default)]
        advice: Vec<CardFinding>,
    }
    #[derive(serde::Deserialize)]
    struct Metrics {
        splits: Vec<Split>,
    }
    if let Some(Diagnosis { findings }) = read_json(&folder.join("diagnosis.json")) {
        return findings;
    }
    let metrics: Option<Metrics> = read_json(&folder.join("metrics.json"));
    metrics.into_iter().flat_map(|metrics| metrics.splits).flat_map(|split| split.advice).collect()
}

/// What a run may have; `None` where it is missing or of another version.
fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    larder_files::read_json(path).ok()?
}
