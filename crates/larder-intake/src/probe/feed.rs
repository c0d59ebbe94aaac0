//! Feeding texts to a model, and reading its outputs as float32.

use std::path::Path;

use larder_onnx::{InputTensor, InputType, Interface};
use larder_runtime::{ElementType, PaddedTexts, Session, Tensor, TensorData, TensorView, ViewData};

use crate::EncoderError;

/// Texts as they are fed: how many rows and tokens the model is given for them.
pub(crate) struct Feed<'a> {
    pub texts: &'a [&'a [i64]],
    pub rows: usize,
    pub seq: usize,
    /// Does the later half of each text count as a second text?
    pub pairs: bool,
}

pub(crate) fn run_on(
    session: &mut Session,
    interface: &Interface,
    pad: i64,
    path: &Path,
    outputs: &[String],
    feed: &Feed<'_>,
) -> Result<Vec<Floats>, EncoderError> {
    let inputs = feed.inputs(interface, pad);
    let inputs = inputs.views();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    session
        .run_with(&inputs, &outputs, |views| {
            views.iter().zip(&outputs).map(|(view, name)| floats(view, name, path)).collect()
        })
        .map_err(|source| EncoderError::Run { path: path.to_path_buf(), source: Box::new(source) })?
}

/// The model's inputs for one batch, by their names.
pub(crate) struct Inputs(Vec<(String, Tensor)>);

impl Inputs {
    /// The same, borrowed.
    pub fn views(&self) -> Vec<(&str, TensorView<'_>)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor.view())).collect()
    }
}

impl Feed<'_> {
    /// The values of each input of the model, `[rows, seq]`. Rows beyond the texts are copies of the first; `pad` is the token
    /// id that fills rows shorter than the batch.
    pub fn inputs(&self, interface: &Interface, pad: i64) -> Inputs {
        let filler = self.texts.first().copied().unwrap_or_default();
        let texts = || self.texts.iter().copied().chain(std::iter::repeat(filler)).take(self.rows);
        let type_of = |text: &[i64], place: usize| i64::from(self.pairs && place > text.len() / 2);
        let types: Vec<Vec<i64>> =
            texts().map(|text| (0..text.len()).map(|place| type_of(text, place)).collect()).collect();
        let texts = PaddedTexts::new(texts().zip(types.iter().map(Vec::as_slice)), self.seq, pad);
        let tensor = |input: &InputTensor| {
            let is = |role: &Option<InputTensor>| role.as_ref().is_some_and(|role| role.name == input.name);
            let values = if input.name == interface.input_ids.name {
                texts.input_ids.clone()
            } else if is(&interface.attention_mask) {
                texts.attention_mask.clone()
            } else if is(&interface.position_ids) {
                texts.position_ids(interface.first_position as i64)
            } else if is(&interface.token_type_ids) {
                texts.token_type_ids.clone()
            } else {
                vec![0; self.rows * self.seq]
            };
            let dtype = match input.dtype {
                InputType::Int64 => ElementType::Int64,
                InputType::Int32 => ElementType::Int32,
                InputType::Float32 => ElementType::Float32,
                InputType::Float16 => ElementType::Float16,
                InputType::Bool => ElementType::Bool,
            };
            let tensor = Tensor { shape: texts.shape.to_vec(), data: TensorData::from_integers(values, dtype) };
            (input.name.clone(), tensor)
        };
        Inputs(interface.inputs().map(tensor).collect())
    }
}

/// A float output converted to float32, row-major.
pub(crate) struct Floats {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Copies an output. A model can make it as large as it likes, so memory for it is asked for and not taken.
fn floats(view: &TensorView<'_>, name: &str, path: &Path) -> Result<Floats, EncoderError> {
    let mut values = Vec::new();
    let shape = view.shape.to_vec();
    if values.try_reserve_exact(view.data.len()).is_err() {
        return Err(EncoderError::OutputTooLarge { path: path.to_path_buf(), output: name.to_owned(), shape });
    }
    match view.data {
        ViewData::F32(data) => values.extend_from_slice(data),
        ViewData::F16(data) => values.extend(data.iter().map(|value| value.to_f32())),
        ViewData::F64(data) => values.extend(data.iter().map(|&value| value as f32)),
        _ => {
            let (path, output) = (path.to_path_buf(), name.to_owned());
            return Err(EncoderError::OutputType { path, output, found: view.dtype().to_string() });
        }
    }
    Ok(Floats { shape, values })
}
