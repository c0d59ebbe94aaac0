//! Vectors of the labels' names, read as texts.

use larder_data::{Content, DatasetSpec};
use larder_encode::{EncodeSettings, Engine, TextInput, embed_texts};
use larder_intake::Encoder;
use larder_tokens::TokenizeSettings;
use larder_train::{FeatureColumn, TrainError};
use ndarray::Array2;

use crate::answers::about_text;
use crate::{Larder, RunError};

/// Returns the vectors of the names that people read, `[labels, width]` for each column that `settings` make of a text. What joins the
/// words of a name (`book_table`, `book-table`) is read as a space.
///
/// # Errors
/// [`RunError::Train`] for a data set of pairs; [`RunError::Encode`], [`RunError::Unreadable`] for a name that the encoder cannot read.
pub fn label_vectors(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    settings: &EncodeSettings,
    display: &[String],
) -> Result<Vec<FeatureColumn>, RunError> {
    if spec.columns.text_b.is_some() {
        let expected = "of pairs of texts expected another: a label's name is one text";
        return Err(TrainError::Setting { setting: "the head", found: "labels".to_owned(), expected }.into());
    }
    let outputs = settings.outputs(encoder.interface().last_layer())?;
    let mut engine = Engine::new(larder.runtime()?, encoder, &outputs, settings.engine())?;
    let names: Vec<Content> =
        display.iter().map(|name| Content::Text { text: name.replace(['_', '-'], " "), text_b: None }).collect();
    let tokens =
        encoder.tokenizer()?.encode_batch(&names, &TokenizeSettings { max_tokens: Some(encoder.max_tokens()) })?;
    let inputs: Vec<TextInput<'_>> =
        tokens.iter().map(|t| TextInput { input_ids: &t.input_ids, type_ids: &t.type_ids, prompt: 0 }).collect();
    let vectors = embed_texts(&mut engine, &inputs, None).map_err(|error| about_text(error, &names))?;
    let columns = engine.columns().iter().zip(engine.widths()).zip(vectors);
    let column = |((name, &width), values): ((&String, &usize), Vec<f32>)| {
        let values =
            Array2::from_shape_vec((names.len(), width), values).expect("the engine gives rows * width values");
        FeatureColumn::new(name, values)
    };
    Ok(columns.map(column).collect())
}
