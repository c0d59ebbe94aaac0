//! FeaturesComparison of a features file: part or all of it is encoded again and compared.

mod column;
mod features_comparison;
mod sampled;

use std::path::{Path, PathBuf};

use larder_encode::{EncodeRequest, EncodeSettings, GraphChoice, LayerSelection, plan_encode};
use larder_files::{FileError, Freshness, Provenance};
use larder_inspect::sample_rows;
use larder_intake::{BFLOAT16_TOLERANCE, Encoder, HALF_TOLERANCE};
use larder_onnx::{FeatureKind, FeatureOutput, Pool};
use larder_run::{Larder, Observer};
use larder_runtime::Device;
use larder_store::{FeatureDtype, FeaturesFile, Level, TokensProjection, TokensReader};
use serde::Serialize;

pub use column::VerifiedColumn;
use features_comparison::FeaturesComparison;
use sampled::SampledExamples;

use crate::PipelineError;
use crate::tokenize::tokens_beside;

/// The largest relative difference that counts as rounding in 8-bit integers: a step of one, which is 1/127 of the largest number, and that ten
/// times the root mean square or so.
const INTEGER_TOLERANCE: f64 = 0.1;

/// Options of a verification.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The encoder's name; by default the one that made the file.
    pub encoder: Option<String>,
    /// The tokens file; by default the one beside the features in the home.
    pub tokens: Option<PathBuf>,
    /// Number of examples drawn at random; `None` is all.
    pub examples: Option<usize>,
    /// Seed of the draw.
    pub seed: u64,
    /// The device that runs.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// A features file compared with its encoder's present output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeaturesVerification {
    /// The features file.
    pub features: PathBuf,
    /// The tokens file that was encoded again.
    pub tokens: PathBuf,
    /// The encoder.
    pub encoder: String,
    /// The device used; `None` if there was nothing to run.
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
    /// The tolerance: a row is wrong if an element differs by more than this share of the root mean square of its new vector.
    /// It is the encoder's rounding (its probe's tolerance), or 2e-2 if float16 or another kind of device was involved.
    pub tolerance: f64,
    /// Number of rows that are wrong in some column.
    pub wrong_rows: usize,
    /// The first ten of them.
    pub wrong: Vec<WrongRow>,
    /// Remarks on the result.
    pub notes: Vec<String>,
}

/// A row that differs from the encoder's output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrongRow {
    /// Zero-based row of the features file.
    pub row: usize,
    /// Its example.
    pub example_id: String,
    /// The first column that is wrong.
    pub column: String,
    /// The largest difference relative to the root mean square of the new vector.
    pub relative: f64,
}

impl FeaturesVerification {
    /// Returns true if every row compared equals the encoder's output.
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

/// Encodes examples of a features file again, as recorded in the file, and compares every vector. If sentences were read with
/// their document, whole documents are taken.
///
/// # Errors
/// [`PipelineError::Unverifiable`] for a file without provenance, with special tokens, or whose encoder or tokens have changed;
/// [`PipelineError`]. A wrong row is no error: see [`FeaturesVerification::check`].
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
    let request = EncodeRequest {
        encoder: &encoder,
        tokens: &tokens,
        target: features,
        settings: &settings,
        reuse: false,
        elsewhere: &[],
    };
    if let Freshness::Stale(changes) = plan_encode(&request)?.freshness {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        return Err(unverifiable(format!("what it was made from is no longer there ({})", changes.join("; "))));
    }
    let reader = TokensReader::open(&tokens, TokensProjection::All)?;
    let sampled = match options.examples {
        None => None,
        Some(count) => {
            let drawn = sample_rows(reader.rows(), count, options.seed);
            Some(SampledExamples::of(&tokens, drawn, settings.context)?)
        }
    };
    let mut comparison = FeaturesComparison {
        larder,
        encoder: &encoder,
        settings: &settings,
        file: &file,
        folder: scratch(larder)?,
        layout: reader.layout(),
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
    comparison.all(reader, &tokens, sampled.as_ref())?;
    comparison.name_wrong()?;
    Ok(comparison.found)
}

/// Returns the settings in the file's provenance, or what is wrong with it.
fn settings_of(made: &Provenance, encoder: &Encoder, options: &VerifyOptions) -> Result<EncodeSettings, String> {
    let part = |name: &str| made.parts.get(name).map(String::as_str);
    let broken = |name: &str| format!("its provenance has no `{name}` that can be read");
    let level: Level = part("level").and_then(|level| level.parse().ok()).ok_or_else(|| broken("level"))?;
    let dtype: FeatureDtype = part("dtype").and_then(|dtype| dtype.parse().ok()).ok_or_else(|| broken("dtype"))?;
    if part("special_tokens").is_some() {
        return Err("it holds special tokens, whose rows cannot be counted from the tokens file".to_owned());
    }
    let last = encoder.interface().last_layer();
    let (mut layers, mut pools, mut normalise) = (Vec::new(), Vec::new(), false);
    for column in part("columns").ok_or_else(|| broken("columns"))?.split(',') {
        let output = FeatureOutput::of_column(column, last);
        let output = output.ok_or_else(|| format!("`{}` gives no column `{column}`", encoder.name()))?;
        layers.push(i64::try_from(output.layer).unwrap_or(-1));
        normalise |= output.normalised;
        pools.push(match output.kind {
            FeatureKind::Pooled(pool) => pool,
            FeatureKind::Tokens => Pool::Mean,
        });
    }
    // Each pooling once: `mean` and `pooler` columns have no fixed order.
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
        pair_features: part("pair_features").is_some(),
        normalise,
        word_pool: part("word_pool").and_then(|pool| pool.parse().ok()).unwrap_or(defaults.word_pool),
        stride: part("stride").and_then(|stride| stride.parse().ok()),
        context: part("context").and_then(|context| context.parse().ok()).unwrap_or(defaults.context),
        batch_tokens: part("ran.batch_tokens").and_then(|tokens| tokens.parse().ok()),
        graph: match part("ran.graph") {
            Some("given") => GraphChoice::Given,
            Some("half") => GraphChoice::HalfPadded,
            Some("half-packed") => GraphChoice::Half,
            Some("bfloat16") => GraphChoice::Bfloat16,
            _ => GraphChoice::Auto,
        },
        device: options.device,
        threads: options.threads,
        ..defaults
    })
}

/// Returns the largest relative difference that counts as rounding.
fn tolerance(made: &Provenance, encoder: &Encoder, settings: &EncodeSettings) -> f64 {
    let own = encoder.manifest().probe.tolerance;
    let half_graph = matches!(settings.graph, GraphChoice::Half | GraphChoice::HalfPadded);
    let half = settings.dtype == FeatureDtype::F16 || half_graph;
    if settings.dtype == FeatureDtype::I8 {
        return INTEGER_TOLERANCE;
    }
    // GPUs multiply float32 with a mantissa of ten bits.
    let gpu = made.parts.get("ran.device").is_some_and(|device| !device.starts_with("cpu"));
    match settings.graph {
        // Another processor may have computed it in float32, or do so now.
        GraphChoice::Bfloat16 => own.max(BFLOAT16_TOLERANCE),
        _ if half || gpu => own.max(HALF_TOLERANCE),
        _ => own,
    }
}

/// Returns a temporary folder in the home, where there is room for vectors; the system's own for a home that is only read.
fn scratch(larder: &Larder) -> Result<tempfile::TempDir, PipelineError> {
    let root = larder.home().root();
    let mut folder = tempfile::Builder::new();
    folder.prefix(".verify-");
    let in_home = std::fs::create_dir_all(root).and_then(|()| folder.tempdir_in(root));
    Ok(in_home.or_else(|_| folder.tempdir()).map_err(FileError::io("make a folder in", &std::env::temp_dir()))?)
}
