//! A model under probe: feeding it, and reading its outputs as float32.

use std::path::Path;

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{InputTensor, IntegerType, Interface, Model, OnnxError, OutputTensor};
use larder_runtime::{ElementType, RuntimeError, Session, Tensor, TensorData, TensorView};

use crate::EncoderError;

/// Deviations up to this share of the output's scale are rounding, in float32: each of a BERT's layers rounds at about
/// 1e-7 in sums of a few thousand terms, whose order changes with the batch; measured deviations are around 1e-6, and a
/// mask that is not obeyed changes more than 1e-3 even in an encoder with random weights.
pub const TOLERANCE: f64 = 1e-4;
/// The same for models with parameters in half precision, which rounds at 5e-4 (float16) to 4e-3 (bfloat16).
pub const HALF_TOLERANCE: f64 = 2e-2;

/// The types that outputs are read in.
const FLOATS: [ElementType; 3] = [ElementType::Float32, ElementType::Float16, ElementType::Float64];

/// What counts as rounding for this model.
pub(crate) fn precision_tolerance(model: &Model) -> f64 {
    let half = [DataType::Float16 as i32, DataType::Bfloat16 as i32];
    let is_half = model.graph().initializer.iter().any(|tensor| half.contains(&tensor.data_type()));
    if is_half { HALF_TOLERANCE } else { TOLERANCE }
}

/// The outputs for one text or one batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outputs {
    /// Vectors of the real tokens, `[tokens, hidden]`.
    pub token: Vec<f32>,
    /// Each pooled output, `[hidden]`.
    pub pooled: Vec<Vec<f32>>,
}

/// A model ready to run on the CPU whose outputs are told apart.
pub(crate) struct Subject<'a> {
    session: Session,
    interface: Interface,
    /// The file that messages name.
    path: &'a Path,
    /// The id that fills a batch.
    pad: i64,
    /// The token output, then the pooled ones.
    outputs: Vec<String>,
}

impl<'a> Subject<'a> {
    /// Runs two texts of one length and looks at the shapes that come: an output whose rank the model does not tell
    /// finds its place in the interface, one that is not what its rank promises loses it.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::NoTokenOutput`],
    /// [`EncoderError::OutputShape`]; [`EncoderError::Model`] when several outputs could be the token output.
    pub fn settle(
        session: Session,
        mut interface: Interface,
        path: &'a Path,
        pad: i64,
        texts: &[Vec<i64>],
    ) -> Result<Self, EncoderError> {
        let seq = texts.iter().map(Vec::len).min().unwrap_or(0);
        let batch: Vec<&[i64]> = texts.iter().take(2).map(|text| &text[..seq]).collect();
        let candidates: Vec<OutputTensor> = interface
            .token_output
            .iter()
            .chain(&interface.pooled_outputs)
            .chain(&interface.other_outputs)
            .cloned()
            .collect();
        let readable = |output: &&OutputTensor| {
            let info = session.outputs().iter().find(|info| info.name == output.name);
            info.is_some_and(|info| FLOATS.contains(&info.dtype))
        };
        let names: Vec<String> = candidates.iter().filter(readable).map(|output| output.name.clone()).collect();
        let mut subject = Self { session, interface: interface.clone(), path, pad, outputs: names.clone() };
        let tensors = subject.tensors(&batch)?;
        let shape = |output: &OutputTensor| {
            names.iter().position(|name| *name == output.name).map(|index| tensors[index].shape.as_slice())
        };

        let of_tokens =
            |output: &&OutputTensor| matches!(shape(output), Some([b, s, _]) if [*b, *s] == [batch.len(), seq]);
        let token = match &interface.token_output {
            Some(output) if of_tokens(&output) => output.clone(),
            Some(output) => return Err(subject.wrong_token_output(output, shape(output), batch.len(), seq)),
            None => match candidates.iter().filter(of_tokens).collect::<Vec<_>>().as_slice() {
                [only] => (*only).clone(),
                [] => {
                    let outputs = candidates.iter().map(|output| format!("{} {:?}", output.name, shape(output)));
                    let outputs = outputs.collect::<Vec<_>>().join(", ");
                    return Err(EncoderError::NoTokenOutput { path: path.to_path_buf(), outputs });
                }
                several => {
                    let candidates = several.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
                    let source = OnnxError::Ambiguous { role: "last_hidden_state", candidates };
                    return Err(EncoderError::Model { path: path.to_path_buf(), source });
                }
            },
        };
        let hidden = shape(&token).and_then(|shape| shape.last().copied()).unwrap_or(interface.hidden_size);
        let pooled = |output: &&OutputTensor| shape(output) == Some(&[batch.len(), hidden]);
        interface.hidden_size = hidden;
        interface.pooled_outputs = candidates.iter().filter(pooled).cloned().collect();
        let is_token = |output: &&OutputTensor| output.name == token.name;
        interface.other_outputs =
            candidates.iter().filter(|output| !is_token(output) && !pooled(output)).cloned().collect();
        interface.token_output = Some(token.clone());
        subject.outputs =
            std::iter::once(&token).chain(&interface.pooled_outputs).map(|output| output.name.clone()).collect();
        subject.interface = interface;
        Ok(subject)
    }

    fn wrong_token_output(
        &self,
        output: &OutputTensor,
        shape: Option<&[usize]>,
        batch: usize,
        seq: usize,
    ) -> EncoderError {
        let (path, output, dtype) = (self.path.to_path_buf(), output.name.clone(), output.dtype.clone());
        match shape {
            None => EncoderError::OutputType { path, output, found: dtype },
            Some(found) => {
                let expected = format!("[{batch}, {seq}, hidden]");
                EncoderError::OutputShape { path, output, batch, seq, found: found.to_vec(), expected }
            }
        }
    }

    pub fn hidden_size(&self) -> usize {
        self.interface.hidden_size
    }

    pub fn token_output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    pub fn pooled_outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().skip(1).map(String::as_str)
    }

    pub fn into_interface(self) -> Interface {
        self.interface
    }

    /// The outputs for one text.
    ///
    /// # Errors
    /// As [`Subject::batch`].
    pub fn single(&mut self, text: &[i64]) -> Result<Outputs, EncoderError> {
        Ok(self.batch(&[text])?.remove(0))
    }

    /// The outputs for each of the texts, run as one batch, padded at the end to the longest of them.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::OutputShape`].
    pub fn batch(&mut self, texts: &[&[i64]]) -> Result<Vec<Outputs>, EncoderError> {
        let (batch, seq, hidden) = (texts.len(), longest(texts), self.hidden_size());
        let mut tensors = self.tensors(texts)?;
        for (index, tensor) in tensors.iter().enumerate() {
            let expected: &[usize] = if index == 0 { &[batch, seq, hidden] } else { &[batch, hidden] };
            if tensor.shape != expected {
                return Err(EncoderError::OutputShape {
                    path: self.path.to_path_buf(),
                    output: self.outputs[index].clone(),
                    batch,
                    seq,
                    found: tensor.shape.clone(),
                    expected: format!("{expected:?}"),
                });
            }
        }
        let token = tensors.remove(0).values;
        let outputs = texts.iter().enumerate().map(|(row, text)| Outputs {
            token: token[row * seq * hidden..(row * seq + text.len()) * hidden].to_vec(),
            pooled: tensors.iter().map(|pooled| pooled.values[row * hidden..(row + 1) * hidden].to_vec()).collect(),
        });
        Ok(outputs.collect())
    }

    /// Does the model read a text of this length? What it gives for it must be finite.
    ///
    /// # Errors
    /// As [`Subject::batch`], but for a run that fails; [`EncoderError::NotFinite`].
    pub fn reads(&mut self, text: &[i64]) -> Result<bool, EncoderError> {
        match self.single(text) {
            Ok(outputs) => self.check_finite(&outputs, &format!("of {} tokens", text.len())).map(|()| true),
            Err(EncoderError::Run { source, .. }) if matches!(*source, RuntimeError::Run { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// # Errors
    /// [`EncoderError::NotFinite`] naming the output.
    pub fn check_finite(&self, outputs: &Outputs, text: &str) -> Result<(), EncoderError> {
        let all = std::iter::once(&outputs.token).chain(&outputs.pooled);
        match all.zip(&self.outputs).find(|(values, _)| !values.iter().all(|value| value.is_finite())) {
            Some((_, output)) => Err(EncoderError::NotFinite {
                path: self.path.to_path_buf(),
                output: output.clone(),
                text: text.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Runs a batch and gives the outputs of interest as they come.
    fn tensors(&mut self, texts: &[&[i64]]) -> Result<Vec<Floats>, EncoderError> {
        let shape = [texts.len(), longest(texts)];
        let inputs: Vec<(String, Integers)> = self.interface.inputs().map(|input| self.fed(input, texts)).collect();
        let inputs: Vec<(&str, TensorView<'_>)> =
            inputs.iter().map(|(name, values)| (name.as_str(), values.view(&shape))).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let tensors = self
            .session
            .run(&inputs, &outputs)
            .map_err(|source| EncoderError::Run { path: self.path.to_path_buf(), source: Box::new(source) })?;
        tensors.into_iter().zip(outputs).map(|(tensor, name)| floats(tensor, name, self.path)).collect()
    }

    /// An input's values for a batch, `[batch, seq]`.
    fn fed(&self, input: &InputTensor, texts: &[&[i64]]) -> (String, Integers) {
        let seq = longest(texts);
        let of = |token: &dyn Fn(&[i64], usize) -> i64| -> Vec<i64> {
            texts.iter().flat_map(|text| (0..seq).map(move |place| token(text, place))).collect()
        };
        let is = |role: &Option<InputTensor>| role.as_ref().is_some_and(|role| role.name == input.name);
        let values = if input.name == self.interface.input_ids.name {
            of(&|text, place| text.get(place).copied().unwrap_or(self.pad))
        } else if is(&self.interface.attention_mask) {
            of(&|text, place| i64::from(place < text.len()))
        } else if is(&self.interface.position_ids) {
            of(&|_, place| place as i64)
        } else {
            of(&|_, _| 0)
        };
        let values = match input.dtype {
            IntegerType::Int64 => Integers::I64(values),
            // Ids are below 2^31, places below the length of a text.
            IntegerType::Int32 => Integers::I32(values.into_iter().map(|value| value as i32).collect()),
        };
        (input.name.clone(), values)
    }
}

fn longest(texts: &[&[i64]]) -> usize {
    texts.iter().map(|text| text.len()).max().unwrap_or(0)
}

enum Integers {
    I64(Vec<i64>),
    I32(Vec<i32>),
}

impl Integers {
    fn view<'a>(&'a self, shape: &'a [usize]) -> TensorView<'a> {
        match self {
            Self::I64(values) => TensorView::i64(shape, values),
            Self::I32(values) => TensorView::i32(shape, values),
        }
    }
}

/// A float output as float32.
struct Floats {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn floats(tensor: Tensor, name: &str, path: &Path) -> Result<Floats, EncoderError> {
    let found = tensor.dtype();
    let values = match tensor.data {
        TensorData::F32(values) => values,
        TensorData::F16(values) => values.into_iter().map(|value| value.to_f32()).collect(),
        TensorData::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        _ => {
            let (path, output) = (path.to_path_buf(), name.to_owned());
            return Err(EncoderError::OutputType { path, output, found: found.to_string() });
        }
    };
    Ok(Floats { shape: tensor.shape, values })
}
