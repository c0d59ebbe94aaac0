//! Feeding texts to a model, and reading its outputs as float32.

use std::path::Path;

use half::f16;
use larder_onnx::{InputTensor, InputType, Interface};
use larder_runtime::{Session, TensorView, ViewData};

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
    let shape = [feed.rows, feed.seq];
    let inputs = feed.inputs(interface, pad);
    let inputs = inputs.views(&shape);
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    session
        .run_with(&inputs, &outputs, |views| {
            views.iter().zip(&outputs).map(|(view, name)| floats(view, name, path)).collect()
        })
        .map_err(|source| EncoderError::Run { path: path.to_path_buf(), source: Box::new(source) })?
}

/// The values of a model's inputs for one batch.
pub(crate) struct Inputs(Vec<(String, InputValues)>);

impl Inputs {
    /// Each by its name, as a tensor of that shape.
    pub fn views<'a>(&'a self, shape: &'a [usize]) -> Vec<(&'a str, TensorView<'a>)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.view(shape))).collect()
    }
}

impl Feed<'_> {
    /// The values of each input of the model. `pad` is the token id that fills rows shorter than the batch.
    pub fn inputs(&self, interface: &Interface, pad: i64) -> Inputs {
        Inputs(interface.inputs().map(|input| self.fed(input, interface, pad)).collect())
    }

    /// An input's values for a batch, `[rows, seq]`. Rows beyond the texts are copies of the first.
    fn fed(&self, input: &InputTensor, interface: &Interface, pad: i64) -> (String, InputValues) {
        let filler = self.texts.first().copied().unwrap_or_default();
        let texts = || self.texts.iter().copied().chain(std::iter::repeat(filler)).take(self.rows);
        let of = |token: &dyn Fn(&[i64], usize) -> i64| -> Vec<i64> {
            texts().flat_map(|text| (0..self.seq).map(move |place| token(text, place))).collect()
        };
        let is = |role: &Option<InputTensor>| role.as_ref().is_some_and(|role| role.name == input.name);
        let values = if input.name == interface.input_ids.name {
            of(&|text, place| text.get(place).copied().unwrap_or(pad))
        } else if is(&interface.attention_mask) {
            of(&|text, place| i64::from(place < text.len()))
        } else if is(&interface.position_ids) {
            of(&|_, place| (interface.first_position + place) as i64)
        } else if is(&interface.token_type_ids) && self.pairs {
            of(&|text, place| i64::from(place < text.len() && place > text.len() / 2))
        } else {
            of(&|_, _| 0)
        };
        let values = match input.dtype {
            InputType::Int64 => InputValues::I64(values),
            // Ids are below 2^31, places below the length of a text.
            InputType::Int32 => InputValues::I32(values.into_iter().map(|value| value as i32).collect()),
            InputType::Float32 => InputValues::F32(values.into_iter().map(|value| value as f32).collect()),
            InputType::Float16 => {
                InputValues::F16(values.into_iter().map(|value| f16::from_f32(value as f32)).collect())
            }
            InputType::Bool => InputValues::Bool(values.into_iter().map(|value| value != 0).collect()),
        };
        (input.name.clone(), values)
    }
}

/// An input's values, in the type that the model takes.
enum InputValues {
    I64(Vec<i64>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bool(Vec<bool>),
}

impl InputValues {
    fn view<'a>(&'a self, shape: &'a [usize]) -> TensorView<'a> {
        let data = match self {
            Self::I64(values) => ViewData::I64(values),
            Self::I32(values) => ViewData::I32(values),
            Self::F32(values) => ViewData::F32(values),
            Self::F16(values) => ViewData::F16(values),
            Self::Bool(values) => ViewData::Bool(values),
        };
        TensorView { shape, data }
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
