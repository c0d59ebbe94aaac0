//! Nearest rows to a text, in any file with vectors, and files compared.

mod against;

use larder_data::Content;
use larder_encode::{EncodeError, EncodeSettings, LayerSelection, LongTexts, TextInput, TextWindows, embed_texts};
use larder_inspect::{Neighbours, ParquetFile, Query, nearest};
use larder_intake::Encoder;
use larder_onnx::{FeatureKind, FeatureOutput, Pool};
use larder_run::{Larder, RunError};
use larder_runtime::Device;
use larder_store::Level;
use larder_tokens::{LONG_TEXTS, MAX_TOKENS, TokenizeSettings};
use serde::Serialize;

use crate::{PipelineError, embed_features};

pub use against::compare_features;

/// A text to search for, and how to embed it.
#[derive(Debug, Clone, Copy)]
pub struct TextQuery<'a> {
    /// The text.
    pub text: &'a str,
    /// The encoder's name; by default the one that made the file.
    pub encoder: Option<&'a str>,
    /// The device that runs it.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// The rows nearest to a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextNeighbours {
    /// The text.
    pub text: String,
    /// The encoder.
    pub encoder: String,
    /// The feature column of the text's vector.
    pub feature: String,
    /// Remarks on the result.
    pub notes: Vec<String>,
    /// The rows.
    #[serde(flatten)]
    pub nearest: Neighbours,
}

/// Finds the `k` rows of `column` nearest to a text among the first `limit`. The text is encoded like the column's rows: with
/// the layer and pooling in the column's name, and the same token limit. For a column that larder did not name, the encoder's
/// usual pooling of its last layer is used, and a note says so.
///
/// # Errors
/// [`PipelineError::NoEncoderNamed`] for a file without its encoder's name; [`PipelineError::WordVectors`] for a column of
/// words or tokens; [`PipelineError::Inspect`].
pub fn nearest_to_text(
    larder: &Larder,
    file: &ParquetFile,
    column: &str,
    query: &TextQuery<'_>,
    limit: Option<u64>,
    k: usize,
) -> Result<TextNeighbours, PipelineError> {
    let level = file.key_value("larder.level").and_then(|level| level.parse::<Level>().ok());
    if let Some(level) = level.filter(|level| *level != Level::Sentence) {
        let (path, column) = (file.path().to_path_buf(), column.to_owned());
        return Err(PipelineError::WordVectors { path, column, level });
    }
    let name = query.encoder.or_else(|| file.key_value("larder.ran.encoder"));
    let name = name.ok_or_else(|| PipelineError::NoEncoderNamed { path: file.path().to_path_buf() })?;
    let encoder = larder.encoder(name)?;
    let mut notes = Vec::new();
    if file.key_value("larder.encoder.digest").is_some_and(|digest| digest != encoder.manifest().digest) {
        notes.push(format!("the file was made with another model than `{name}`, so its cosines may mean little"));
    }
    let output = FeatureOutput::of_column(column, encoder.interface().last_layer()).unwrap_or_else(|| {
        let output = usual_output(&encoder);
        let usual = output.column(encoder.interface().last_layer());
        notes.push(format!("`{column}` does not say how it was pooled: `{usual}` of the text is compared with it"));
        output
    });
    let vector = embed(larder, file, &encoder, &output, query)?;
    let nearest = nearest(file, column, &Query::Vector(vector), limit, k)?;
    let feature = output.column(encoder.interface().last_layer());
    Ok(TextNeighbours { text: query.text.to_owned(), encoder: name.to_owned(), feature, notes, nearest })
}

fn usual_output(encoder: &Encoder) -> FeatureOutput {
    FeatureOutput::new(encoder.interface().last_layer(), encoder.default_pool())
}

fn embed(
    larder: &Larder,
    file: &ParquetFile,
    encoder: &Encoder,
    output: &FeatureOutput,
    query: &TextQuery<'_>,
) -> Result<Vec<f64>, PipelineError> {
    let pool = match output.kind {
        FeatureKind::Pooled(pool) => pool,
        FeatureKind::Tokens => Pool::Mean,
    };
    let layer = i64::try_from(output.layer).unwrap_or(-1);
    let settings = EncodeSettings {
        layers: LayerSelection::Numbers(vec![layer]),
        pools: vec![pool],
        device: query.device,
        threads: query.threads,
        ..EncodeSettings::default()
    };
    let long = file.key_value(&format!("larder.{LONG_TEXTS}")).and_then(|long| long.parse().ok()).unwrap_or_default();
    let mut engine = embed_features(larder, encoder, &settings, long)?;
    let recorded: Option<usize> =
        file.key_value(&format!("larder.{MAX_TOKENS}")).and_then(|tokens| tokens.parse().ok());
    let max_tokens = recorded.map_or(encoder.max_tokens(), |tokens| tokens.min(encoder.longest_tokens()));
    let content = Content::Text { text: query.text.to_owned(), text_b: None };
    let windows = match long {
        LongTexts::Cut => None,
        LongTexts::Windows => Some(TextWindows::new(max_tokens, &encoder.manifest().special_tokens)?),
    };
    let settings = TokenizeSettings { max_tokens: if windows.is_some() { None } else { Some(max_tokens) } };
    let tokens = encoder.tokenizer()?.encode_batch(&[content], &settings)?;
    let inputs: Vec<TextInput<'_>> =
        tokens.iter().map(|t| TextInput { input_ids: &t.input_ids, type_ids: &t.type_ids, prompt: 0 }).collect();
    let vectors = embed_texts(&mut engine, &inputs, windows.as_ref()).map_err(|error| match error {
        EncodeError::Unreadable { problem, .. } => RunError::Unreadable { problem },
        error => error.into(),
    })?;
    Ok(vectors.into_iter().flatten().map(f64::from).collect())
}
