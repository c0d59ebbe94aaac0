//! A features file encoded again, in part or whole, and compared.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use larder_data::Content;
use larder_encode::{Context, EncodeRequest, EncodeSettings, GraphChoice, LayerSelection, encode, outlook};
use larder_encoder::{Encoder, HALF_TOLERANCE};
use larder_inspect::sample_rows;
use larder_onnx::{FeatureKind, FeatureOutput, Pool};
use larder_runtime::Device;
use larder_store::{
    FeatureDtype, FeaturesFile, Freshness, Level, Provenance, StoreError, TokenRow, TokensProjection, TokensReader,
    TokensWriter,
};
use larder_tokens::own_tokens;
use serde::Serialize;

use crate::{Event, Larder, Observer, PipelineError};

/// Examples that are encoded and compared at once.
const SLICE: usize = 4096;
/// Rows of both files that are held at once.
const BLOCK: usize = 1024;
/// Wrong rows that are named.
const NAMED: usize = 10;

/// What to compare, and where to run.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The encoder's name; the one that the file was made with where `None`.
    pub encoder: Option<String>,
    /// The tokens file; the one beside the features in the folder of artifacts where `None`.
    pub tokens: Option<PathBuf>,
    /// Examples drawn at random; all where `None`.
    pub examples: Option<usize>,
    /// Seed of the draw.
    pub seed: u64,
    /// Where to run.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// A features file against what its encoder gives now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeaturesVerification {
    /// The features file.
    pub features: PathBuf,
    /// The tokens file that was encoded again.
    pub tokens: PathBuf,
    /// The encoder.
    pub encoder: String,
    /// The device that ran; `None` where there was nothing to run.
    pub device: Option<String>,
    /// Texts or sentences compared.
    pub examples_checked: usize,
    /// Texts or sentences in the file.
    pub examples: usize,
    /// Rows compared.
    pub rows_checked: usize,
    /// Rows in the file.
    pub rows: usize,
    /// Each vector column.
    pub columns: Vec<VerifiedColumn>,
    /// A row is wrong if an element differs by more than this share of the root mean square of the row's new vector: what
    /// counts as rounding for the encoder (its probe's tolerance), or 2e-2 where float16 had a part in it or another kind of
    /// device ran.
    pub tolerance: f64,
    /// Rows that are wrong in some column.
    pub wrong_rows: usize,
    /// The first ten of them.
    pub wrong: Vec<WrongRow>,
    /// What to keep in mind.
    pub notes: Vec<String>,
}

/// How one column compares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiedColumn {
    /// The column.
    pub column: String,
    /// The largest difference of an element; infinite where one of the two is not finite.
    pub largest_absolute: f64,
    /// The largest difference over the root mean square of its row's new vector.
    pub largest_relative: f64,
    /// The row of `largest_relative`, zero-based; `None` where all are equal.
    pub worst_row: Option<usize>,
}

/// A row that is not what the encoder gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrongRow {
    /// Zero-based row of the features file.
    pub row: usize,
    /// Its example.
    pub example_id: String,
    /// The first column that is wrong.
    pub column: String,
    /// The largest difference over the root mean square of the new vector.
    pub relative: f64,
}

impl FeaturesVerification {
    /// Whether every row compared is what the encoder gives.
    pub fn is_sound(&self) -> bool {
        self.wrong_rows == 0
    }

    /// # Errors
    /// [`PipelineError::WrongVectors`] unless it is sound.
    pub fn check(&self) -> Result<(), PipelineError> {
        let Some(first) = self.wrong.first() else { return Ok(()) };
        Err(PipelineError::WrongVectors {
            features: self.features.clone(),
            wrong: self.wrong_rows,
            checked: self.rows_checked,
            row: first.row,
            column: first.column.clone(),
            relative: first.relative,
            tolerance: self.tolerance,
        })
    }
}

/// Encodes examples of a features file again, as the file says it was made, and compares every vector. Of a file whose
/// sentences were read with their document, whole documents are taken.
///
/// # Errors
/// [`PipelineError::Unverifiable`] for a file that does not say how it was made, one with special tokens, or one whose encoder
/// or tokens are not those it was made from; [`PipelineError`]. A wrong row is no error here: see
/// [`FeaturesVerification::check`].
pub fn verify_features(
    larder: &Larder,
    features: &Path,
    options: &VerifyOptions,
    observer: &mut dyn Observer,
) -> Result<FeaturesVerification, PipelineError> {
    let unverifiable = |why: String| PipelineError::Unverifiable { path: features.to_path_buf(), why };
    let file = FeaturesFile::open(features)?;
    let made = file.provenance().filter(|made| made.stage == "encode");
    let made = made.ok_or_else(|| unverifiable("larder did not encode it, so nothing says how it was made".into()))?;
    let name = options.encoder.as_ref().or_else(|| made.parts.get("ran.encoder"));
    let encoder =
        larder.encoder(name.ok_or_else(|| unverifiable("it does not name its encoder: give `--encoder`".into()))?)?;
    let settings = settings_of(&made, &encoder, options).map_err(unverifiable)?;
    let tokens = match &options.tokens {
        Some(tokens) => tokens.clone(),
        None => tokens_beside(features)
            .ok_or_else(|| unverifiable("its tokens file is not where larder puts it: give `--tokens FILE`".into()))?,
    };
    let request =
        EncodeRequest { encoder: &encoder, tokens: &tokens, target: features, settings: &settings, reuse: false };
    if let Freshness::Stale(changes) = outlook(&request)?.freshness {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        return Err(unverifiable(format!("what it was made from is no longer there ({})", changes.join("; "))));
    }
    let reader = TokensReader::open(&tokens, TokensProjection::All)?;
    let chosen = match options.examples {
        None => None,
        Some(count) => {
            let drawn = sample_rows(reader.rows(), count, options.seed);
            Some(Chosen::of(&tokens, drawn, settings.context)?)
        }
    };
    let mut work = Work {
        larder,
        encoder: &encoder,
        settings: &settings,
        file: &file,
        folder: scratch(larder)?,
        tagging: reader.is_tagging(),
        pair: reader.is_pair(),
        provenance: reader.provenance().cloned().unwrap_or_else(|| Provenance::new("tokenize", 0)),
        pending: Vec::new(),
        places: Vec::new(),
        found: FeaturesVerification {
            features: features.to_path_buf(),
            tokens: tokens.clone(),
            encoder: encoder.name().to_owned(),
            device: None,
            examples_checked: 0,
            examples: reader.rows(),
            rows_checked: 0,
            rows: file.rows(),
            columns: file.columns().iter().map(|column| VerifiedColumn::new(&column.name)).collect(),
            tolerance: tolerance(&made, &encoder, &settings),
            wrong_rows: 0,
            wrong: Vec::new(),
            notes: Vec::new(),
        },
        observer,
        made: &made,
    };
    work.all(reader, &tokens, chosen.as_ref())?;
    work.name_wrong()?;
    Ok(work.found)
}

/// The settings that the file's provenance tells; otherwise what is wrong with it.
fn settings_of(made: &Provenance, encoder: &Encoder, options: &VerifyOptions) -> Result<EncodeSettings, String> {
    let part = |name: &str| made.parts.get(name).map(String::as_str);
    let broken = |name: &str| format!("its provenance has no `{name}` that can be read");
    let level: Level = part("level").and_then(|level| level.parse().ok()).ok_or_else(|| broken("level"))?;
    let dtype: FeatureDtype = part("dtype").and_then(|dtype| dtype.parse().ok()).ok_or_else(|| broken("dtype"))?;
    if part("special_tokens").is_some() {
        return Err("it holds special tokens, whose rows cannot be counted from the tokens file".to_owned());
    }
    let last = encoder.interface().last_layer();
    let kinds: &[FeatureKind] = match level {
        Level::Sentence => &[FeatureKind::Mean, FeatureKind::Cls, FeatureKind::Pooler],
        Level::Word | Level::Token => &[FeatureKind::Tokens],
    };
    let (mut layers, mut pools) = (Vec::new(), Vec::new());
    for column in part("columns").ok_or_else(|| broken("columns"))?.split(',') {
        let mut known = (0..=last).flat_map(|layer| kinds.iter().map(move |&kind| FeatureOutput { layer, kind }));
        let output = known.find(|output| output.column(last) == column);
        let output = output.ok_or_else(|| format!("`{}` gives no column `{column}`", encoder.name()))?;
        layers.push(i64::try_from(output.layer).unwrap_or(-1));
        pools.push(match output.kind {
            FeatureKind::Cls => Pool::Cls,
            FeatureKind::Pooler => Pool::Pooler,
            FeatureKind::Mean | FeatureKind::Tokens => Pool::Mean,
        });
    }
    // Each pooling once: those of `mean` and `pooler` together are in no order.
    let mut once = Vec::new();
    pools.retain(|pool| {
        !once.contains(pool) && {
            once.push(*pool);
            true
        }
    });
    let defaults = EncodeSettings::default();
    Ok(EncodeSettings {
        level,
        dtype,
        layers: LayerSelection::Numbers(layers),
        pools,
        word_pool: part("word_pool").and_then(|pool| pool.parse().ok()).unwrap_or(defaults.word_pool),
        stride: part("stride").and_then(|stride| stride.parse().ok()),
        context: part("context").and_then(|context| context.parse().ok()).unwrap_or(defaults.context),
        batch_tokens: part("ran.batch_tokens").and_then(|tokens| tokens.parse().ok()),
        graph: match part("ran.graph") {
            Some("given") => GraphChoice::Given,
            Some(graph) if graph.starts_with("half") => GraphChoice::Half,
            _ => GraphChoice::Auto,
        },
        device: options.device,
        threads: options.threads,
        ..defaults
    })
}

/// What counts as rounding between then and now.
fn tolerance(made: &Provenance, encoder: &Encoder, settings: &EncodeSettings) -> f64 {
    let own = encoder.manifest().probe.tolerance;
    let half = settings.dtype == FeatureDtype::F16 || settings.graph == GraphChoice::Half;
    // A GPU multiplies float32 with ten bits of the mantissa.
    let gpu = made.parts.get("ran.device").is_some_and(|device| !device.starts_with("cpu"));
    if half || gpu { own.max(HALF_TOLERANCE) } else { own }
}

/// `<root>/tokens/<dataset>/<encoder>/<split>.parquet` of `<root>/features/<dataset>/<encoder>/<kind>/<split>.parquet`.
fn tokens_beside(features: &Path) -> Option<PathBuf> {
    let features = features.canonicalize().ok()?;
    let encoder = features.parent()?.parent()?;
    let dataset = encoder.parent()?;
    let root = dataset.parent().filter(|folder| folder.ends_with("features"))?.parent()?;
    let tokens = root.join("tokens").join(dataset.file_name()?).join(encoder.file_name()?).join(features.file_name()?);
    tokens.is_file().then_some(tokens)
}

/// A folder of its own among the artifacts, where there is room for vectors; it goes with its handle.
fn scratch(larder: &Larder) -> Result<tempfile::TempDir, PipelineError> {
    let root = larder.home().root();
    let failed = |source| StoreError::Io { action: "write in", path: root.to_path_buf(), source };
    std::fs::create_dir_all(root).map_err(failed)?;
    Ok(tempfile::Builder::new().prefix(".verify-").tempdir_in(root).map_err(failed)?)
}

/// The examples to encode again.
enum Chosen {
    Rows(HashSet<usize>),
    Documents(HashSet<u64>),
}

impl Chosen {
    fn of(tokens: &Path, rows: Vec<usize>, context: Context) -> Result<Self, PipelineError> {
        let rows: HashSet<usize> = rows.into_iter().collect();
        if context == Context::None {
            return Ok(Self::Rows(rows));
        }
        let (mut documents, mut next) = (HashSet::new(), 0);
        for batch in TokensReader::open(tokens, TokensProjection::EncodeWords)? {
            let batch = batch?;
            let of_batch = (0..batch.len()).filter(|row| rows.contains(&(next + row)));
            documents.extend(of_batch.filter_map(|row| batch.document(row)));
            next += batch.len();
        }
        Ok(Self::Documents(documents))
    }

    fn has(&self, at: usize, row: &TokenRow) -> bool {
        match self {
            Self::Rows(rows) => rows.contains(&at),
            Self::Documents(documents) => documents.contains(&row.document),
        }
    }
}

struct Work<'a> {
    larder: &'a Larder,
    encoder: &'a Encoder,
    settings: &'a EncodeSettings,
    file: &'a FeaturesFile,
    made: &'a Provenance,
    folder: tempfile::TempDir,
    tagging: bool,
    pair: bool,
    provenance: Provenance,
    /// Examples of the slice under way, and the first row and number of rows of each in the file.
    pending: Vec<TokenRow>,
    places: Vec<(usize, usize)>,
    found: FeaturesVerification,
    observer: &'a mut dyn Observer,
}

impl Work<'_> {
    fn all(&mut self, reader: TokensReader, tokens: &Path, chosen: Option<&Chosen>) -> Result<(), PipelineError> {
        let (mut at, mut row, mut document) = (0, 0, None);
        for batch in reader {
            for example in batch?.rows(tokens)? {
                let rows = rows_of(&example, self.settings.level);
                // A document is never cut: its sentences are read together.
                let ends = self.settings.context == Context::None || document != Some(example.document);
                if self.pending.len() >= SLICE && ends {
                    self.slice()?;
                }
                document = Some(example.document);
                if chosen.is_none_or(|chosen| chosen.has(at, &example)) {
                    self.places.push((row, rows));
                    self.pending.push(example);
                }
                at += 1;
                row += rows;
            }
        }
        if row != self.found.rows {
            let why = format!("it has {} rows, and its tokens file makes {row}", self.found.rows);
            return Err(PipelineError::Unverifiable { path: self.found.features.clone(), why });
        }
        self.slice()
    }

    /// Encodes what is pending and compares it.
    fn slice(&mut self) -> Result<(), PipelineError> {
        let (examples, places) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.places));
        if examples.is_empty() {
            return Ok(());
        }
        self.found.examples_checked += examples.len();
        let (tokens, target) = (self.folder.path().join("tokens.parquet"), self.folder.path().join("features.parquet"));
        let mut writer = TokensWriter::create(&tokens, self.tagging, self.pair, &self.provenance)?;
        examples.into_iter().try_for_each(|example| writer.push(example))?;
        writer.finish()?;
        let request = EncodeRequest {
            encoder: self.encoder,
            tokens: &tokens,
            target: &target,
            settings: self.settings,
            reuse: false,
        };
        let observer = &mut *self.observer;
        let report =
            encode(self.larder.runtime()?, &request, &mut |progress| observer.event(Event::Encoding(progress)))?;
        let device = report.device.to_string();
        if self.found.device.is_none() {
            let then = [("device", "ran.device", device.as_str()), ("graph", "ran.graph", report.graph)];
            for (what, part, now) in then {
                if let Some(then) = self.made.parts.get(part).filter(|then| *then != now) {
                    self.found.notes.push(format!("the {what} was {then} then, and is {now} now"));
                }
            }
        }
        self.found.device = Some(device);
        self.compare(&FeaturesFile::open(&target)?, &runs(&places))
    }

    /// Compares rows of the file, as runs of (first row, rows), with those of a new file, in which they stand one after the
    /// other.
    fn compare(&mut self, new: &FeaturesFile, runs: &[(usize, usize)]) -> Result<(), PipelineError> {
        let (mut old_values, mut new_values, mut next) = (Vec::new(), Vec::new(), 0);
        for &(first, rows) in runs {
            for start in (0..rows).step_by(BLOCK) {
                let count = BLOCK.min(rows - start);
                let (from, there) = (first + start, next + start);
                let mut wrong: Vec<Option<WrongRow>> = vec![None; count];
                for at in 0..self.found.columns.len() {
                    let column = self.found.columns[at].column.clone();
                    self.file.read_range(from..from + count, &[&column], &mut old_values)?;
                    new.read_range(there..there + count, &[&column], &mut new_values)?;
                    let width = self.file.width(&[&column])?.max(1);
                    let pairs = old_values.chunks_exact(width).zip(new_values.chunks_exact(width));
                    for ((row, (old, new)), wrong) in (from..).zip(pairs).zip(&mut wrong) {
                        let relative = self.found.columns[at].add(row, old, new);
                        if relative > self.found.tolerance && wrong.is_none() {
                            let column = column.clone();
                            *wrong = Some(WrongRow { row, example_id: String::new(), column, relative });
                        }
                    }
                }
                for wrong in wrong.into_iter().flatten() {
                    self.found.wrong_rows += 1;
                    if self.found.wrong.len() < NAMED {
                        self.found.wrong.push(wrong);
                    }
                }
                self.found.rows_checked += count;
            }
            next += rows;
        }
        Ok(())
    }

    /// Says which examples the wrong rows are of.
    fn name_wrong(&mut self) -> Result<(), PipelineError> {
        if self.found.wrong.is_empty() {
            return Ok(());
        }
        let (mut row, wrong) = (0, &mut self.found.wrong);
        self.file.visit_strings(larder_store::EXAMPLE_ID, |id| {
            if let Some(wrong) = wrong.iter_mut().find(|wrong| wrong.row == row) {
                wrong.example_id = id.unwrap_or_default().to_owned();
            }
            row += 1;
        })?;
        Ok(())
    }
}

impl VerifiedColumn {
    fn new(column: &str) -> Self {
        Self { column: column.to_owned(), largest_absolute: 0.0, largest_relative: 0.0, worst_row: None }
    }

    /// Compares a row's vectors; the largest difference over the root mean square of the new one.
    fn add(&mut self, row: usize, old: &[f32], new: &[f32]) -> f64 {
        let difference = |(old, new): (&f32, &f32)| {
            let difference = (f64::from(*old) - f64::from(*new)).abs();
            // NaN is further away than anything.
            if difference.is_nan() { f64::INFINITY } else { difference }
        };
        let absolute = old.iter().zip(new).map(difference).fold(0.0, f64::max);
        let squares: f64 = new.iter().map(|&value| f64::from(value).powi(2)).sum();
        let scale = (squares / new.len().max(1) as f64).sqrt();
        let relative = if absolute == 0.0 { 0.0 } else { absolute / scale };
        self.largest_absolute = self.largest_absolute.max(absolute);
        if relative > self.largest_relative {
            self.largest_relative = relative;
            self.worst_row = Some(row);
        }
        relative
    }
}

/// Rows that an example has in a features file of this level.
fn rows_of(example: &TokenRow, level: Level) -> usize {
    match (level, &example.content) {
        (Level::Sentence, _) => 1,
        (Level::Token, _) => own_tokens(&example.word_ids).len(),
        (Level::Word, Content::Words(words)) => words.len(),
        (Level::Word, Content::Text { .. }) => 0,
    }
}

/// Neighbouring places as one.
fn runs(places: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &(first, rows) in places {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == first => *length += rows,
            _ => runs.push((first, rows)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_at_once() {
        assert_eq!(runs(&[(0, 2), (2, 3), (7, 1), (8, 0), (8, 4)]), [(0, 5), (7, 5)]);
    }

    #[test]
    fn differences_count_against_the_new_vector_and_nan_is_the_largest() {
        let mut column = VerifiedColumn::new("mean");
        assert_eq!(column.add(0, &[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(column.worst_row, None);
        let relative = column.add(1, &[3.0, 4.5], &[3.0, 4.0]);
        assert!((relative - 0.5 / 12.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(column.add(2, &[f32::NAN, 4.0], &[3.0, 4.0]), f64::INFINITY);
        assert_eq!((column.worst_row, column.largest_absolute), (Some(2), f64::INFINITY));
    }
}
