//! An encoder of 8-bit products made from one of floats.

use larder_files::Home;
use larder_onnx::families::metadata;
use larder_onnx::{FeatureKind, FeatureOutput, Hints};
use larder_runtime::Runtime;

use crate::EncoderError;
use crate::encoder::{CONFIG_FILE, Encoder};
use crate::files::{read, read_optional};
use crate::install::Workshop;
use crate::intake::{AddedEncoder, EncoderParts, PublisherSettings, TokenizerSource};
use crate::manifest::{SourceFile, SourceKind, SourceRecord};
use crate::name::encoder_name;
use crate::prepared::Prepared;

/// A request to quantise an encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuantiseRequest {
    /// The encoder's name.
    pub encoder: String,
    /// The new encoder's name; the old one with `-int8` behind it if left out.
    pub name: Option<String>,
    /// May another encoder of that name be replaced?
    pub replace: bool,
}

/// Makes an encoder whose products are computed in 8-bit integers ([`larder_onnx::Model::quantised`]): a smaller file, about
/// twice as fast on CPUs with integer instructions, and no longer the same vectors. It stands beside the encoder that it
/// was made from, under a name of its own, so that nothing mixes the two and comparing them is comparing two encoders.
///
/// # Errors
/// [`EncoderError::NotQuantised`] for an encoder whose graph could not be read, or that has no products in floats; and what
/// [`add`](crate::add) says.
pub fn quantise(
    home: &Home,
    runtime: &Runtime,
    request: &QuantiseRequest,
    progress: &mut dyn FnMut(&str),
) -> Result<AddedEncoder, EncoderError> {
    let source = Encoder::open(home, &request.encoder)?;
    let manifest = source.manifest();
    let refused = |reason: String| EncoderError::NotQuantised { encoder: request.encoder.clone(), reason };
    let name = match &request.name {
        Some(given) => encoder_name(Some(given), source.folder())?,
        None => format!("{}-int8", source.name()),
    };
    if let Prepared::AsGiven { reason } = &manifest.prepared {
        return Err(refused(reason.clone()));
    }
    progress("rounding the weights");
    let last = FeatureOutput::new(source.interface().last_layer(), FeatureKind::Tokens);
    let running = source.running(&[last])?;
    if running.model.metadata(metadata::FAMILY).is_none() {
        return Err(refused(
            "the graph built of it is not the one that was compared; add it again with --replace".to_owned(),
        ));
    }
    let path = source.model_path();
    let wrong = |problem| EncoderError::Model { path: path.clone(), source: problem };
    let (model, products) = running.model.quantised().map_err(wrong)?;
    if products == 0 {
        return Err(refused("it has no products in floats".to_owned()));
    }
    let (model, model_bytes) = model.encoded().map_err(wrong)?;
    let config =
        read_optional(&source.folder().join(CONFIG_FILE))?.map(|text| (source.folder().join(CONFIG_FILE), text));
    let tokenizer_path = source.tokenizer_path();
    let tokenizer = TokenizerSource::File(tokenizer_path.clone(), read(&tokenizer_path)?);
    let workshop = Workshop::wait_and_open(home)?;
    let origin = SourceFile { name: format!("encoder {}", source.name()), digest: manifest.digest.clone() };
    let parts = EncoderParts {
        name,
        replace: request.replace,
        model_path: path.clone(),
        model_bytes,
        model,
        tokenizer,
        config,
        published: PublisherSettings::Inherited(manifest.publisher.clone(), source.recipe_weights()?),
        hints: Hints::default(),
        constant_inputs: manifest.constant_inputs.clone(),
        source: SourceRecord { kind: SourceKind::Quantised, files: vec![origin], ..manifest.source.clone() },
        notes: vec![format!(
            "{products} products are computed in 8-bit integers: to see what that costs on your data, \
             `larder compare DATASET --encoders {},NAME` with this one's name",
            source.name()
        )],
    };
    parts.install(home, &workshop, runtime, progress)
}
