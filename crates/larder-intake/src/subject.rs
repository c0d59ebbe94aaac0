//! A model under probe: feeding it, and reading its outputs as float32.

use std::path::Path;

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{InputTensor, InputType, Interface, Model, OnnxError, OutputTensor};
use larder_runtime::{ElementType, PaddedTexts, RuntimeError, Session, Tensor, TensorData, TensorView, ViewData};

use crate::EncoderError;
use crate::probe::{Probe, rms};
use crate::scores::Scores;

/// Deviations up to this share of the output's scale are rounding, in float32: each of a BERT's layers rounds at about
/// 1e-7 in sums of a few thousand terms, whose order changes with the batch; measured deviations are around 1e-6, and a
/// mask that is not obeyed changes more than 1e-3 even in an encoder with random weights.
pub const TOLERANCE: f64 = 1e-4;
/// The same for models with parameters in half precision, which rounds at 5e-4 (float16) to 4e-3 (bfloat16).
pub const HALF_TOLERANCE: f64 = 2e-2;

/// A vector of more features than this is no encoder's, whose widest have a few thousand: for the longest probe it would
/// take gigabytes.
pub const MOST_FEATURES: usize = 1 << 16;

/// The types that outputs are read in.
const FLOATS: [ElementType; 3] = [ElementType::Float32, ElementType::Float16, ElementType::Float64];

/// Tokens of the texts that outputs are told apart with: few, since it is not known yet how many are read.
pub(crate) const SETTLING: usize = 8;

/// What counts as rounding for this model.
pub(crate) fn precision_tolerance(model: &Model) -> f64 {
    // Where a float's last bit decides between two of 255 levels, a whole level is what it changes.
    if model.graph().node.iter().any(|node| node.op_type() == "MatMulIntegerToFloat") {
        return HALF_TOLERANCE;
    }
    let is_half = [DataType::Float16, DataType::Bfloat16].iter().any(|half| has_parameters_of(model, *half));
    if is_half { HALF_TOLERANCE } else { TOLERANCE }
}

pub(crate) fn has_parameters_of(model: &Model, dtype: DataType) -> bool {
    model.graph().initializer.iter().any(|tensor| tensor.data_type() == dtype as i32)
}

/// Operators that choose their scale by what they are given: a row's numbers depend on the rows beside it.
const DYNAMICALLY_QUANTISED: [&str; 4] =
    ["DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat"];

/// Does the model quantise what it computes as it goes?
pub(crate) fn is_dynamically_quantised(model: &Model) -> bool {
    model.graph().node.iter().any(|node| DYNAMICALLY_QUANTISED.contains(&node.op_type()))
}

/// The outputs for one text or one batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outputs {
    /// Vectors of the real tokens, `[tokens, hidden]`; empty of a model that gives none.
    pub token: Vec<f32>,
    /// Each pooled output, `[hidden]`.
    pub pooled: Vec<Vec<f32>>,
}

/// A model ready to run on the CPU whose outputs are told apart.
pub(crate) struct Subject<'a> {
    session: Session,
    /// What its file says.
    model: &'a Model,
    interface: Interface,
    /// The file that messages name.
    path: &'a Path,
    /// The id that fills a batch.
    pad: i64,
    /// The token output, if there is one, then the pooled ones.
    outputs: Vec<String>,
}

/// A tensor inside the model, for one text.
pub(crate) enum Inside {
    /// A vector for each of its tokens, `[tokens, hidden]`.
    Vectors {
        /// Row by row.
        values: Vec<f32>,
        /// Are batch and sequence one axis?
        flat: bool,
    },
    /// Something else, of this shape.
    Other(Vec<usize>),
}

/// Texts as they are fed: how many rows and tokens the model is given for them.
pub(crate) struct Feed<'a> {
    pub texts: &'a [&'a [i64]],
    pub rows: usize,
    pub seq: usize,
    /// Does the later half of each text count as a second text?
    pub pairs: bool,
}

impl<'a> Subject<'a> {
    /// Runs two texts of one length and looks at the shapes that come: an output whose rank the model does not tell
    /// finds its place in the interface, one that is not what its rank promises, or holds scores, loses it.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::NoTokenOutput`],
    /// [`EncoderError::OutputShape`]; [`EncoderError::Model`] when several outputs could be the token output.
    pub fn settle(probe: &'a Probe<'_>, pad: i64, texts: &[Vec<i64>]) -> Result<Self, EncoderError> {
        let (path, mut interface, session) = (probe.path, probe.interface.clone(), probe.session(probe.bytes)?);
        let shortest = texts.iter().map(Vec::len).min().unwrap_or(0).min(SETTLING);
        let two = interface.fixed_batch().unwrap_or(2).min(2);
        let chosen: Vec<&[i64]> = texts.iter().take(two).map(|text| &text[..shortest]).collect();
        let (batch, seq) = (interface.fixed_batch().unwrap_or(two), interface.fixed_seq().unwrap_or(shortest));
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
        let (model, outputs) = (probe.model, names.clone());
        let mut subject = Self { session, model, interface: interface.clone(), path, pad, outputs };
        let feed = Feed { texts: &chosen, rows: batch, seq, pairs: false };
        let tensors = subject.tensors(&feed)?;
        let shape = |output: &OutputTensor| {
            names.iter().position(|name| *name == output.name).map(|index| tensors[index].shape.as_slice())
        };

        let scores = Scores::of(&interface, probe.model, probe.labels);
        let of_tokens = |output: &&OutputTensor| match shape(output) {
            Some([b, s, width]) => [*b, *s] == [batch, seq] && scores.of_tokens(*width).is_none(),
            _ => false,
        };
        let is_hinted = |hint: &Option<String>, output: &OutputTensor| hint.as_ref() == Some(&output.name);
        let are_scores = |output: &OutputTensor| {
            matches!(shape(output), Some([b, s, _]) if [*b, *s] == [batch, seq]) && !of_tokens(&output)
        };
        let token = match &interface.token_output {
            Some(output) if of_tokens(&output) => Some(output.clone()),
            Some(output) if !are_scores(output) => {
                return Err(subject.wrong_output(
                    output,
                    shape(output),
                    batch,
                    seq,
                    format!("[{batch}, {seq}, hidden]"),
                ));
            }
            Some(output) if is_hinted(&probe.hints.last_hidden_state, output) => Some(output.clone()),
            _ => match subject.last_layer(candidates.iter().filter(of_tokens).collect())?.as_slice() {
                [only] => Some((*only).clone()),
                [] => None,
                several => {
                    let candidates = several.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
                    let source = OnnxError::Ambiguous { role: "last_hidden_state", candidates };
                    return Err(EncoderError::Model { path: path.to_path_buf(), source });
                }
            },
        };
        let hidden = match &token {
            Some(token) => shape(token).and_then(|shape| shape.last().copied()).unwrap_or(interface.hidden_size),
            None => {
                let width = |output: &OutputTensor| match shape(output) {
                    Some([b, width]) if *b == batch && scores.of_text(*width).is_none() => Some(*width),
                    _ => None,
                };
                let Some(width) = candidates.iter().find_map(width) else {
                    let told = |output: &OutputTensor| described(&output.name, shape(output), [batch, seq], &scores);
                    let outputs = candidates.iter().map(told).collect::<Vec<_>>().join(", ");
                    return Err(EncoderError::NoTokenOutput { path: path.to_path_buf(), outputs });
                };
                width
            }
        };
        let hinted = candidates.iter().find(|output| is_hinted(&probe.hints.pooler_output, output));
        if let Some(output) = hinted.filter(|output| shape(output) != Some(&[batch, hidden])) {
            return Err(subject.wrong_output(output, shape(output), batch, seq, format!("[{batch}, {hidden}]")));
        }
        let pooled = |output: &&OutputTensor| match hinted {
            Some(hinted) => hinted.name == output.name,
            None => shape(output) == Some(&[batch, hidden]),
        };
        if hidden > MOST_FEATURES {
            let output = interface.token_output.as_ref().or(interface.pooled_outputs.first());
            let output = token.as_ref().or(output).map_or_else(String::new, |output| output.name.clone());
            return Err(EncoderError::TooWide { path: path.to_path_buf(), output, width: hidden, most: MOST_FEATURES });
        }
        interface.hidden_size = hidden;
        interface.pooled_outputs = candidates.iter().filter(pooled).cloned().collect();
        let is_token = |output: &&OutputTensor| token.as_ref().is_some_and(|token| output.name == token.name);
        interface.other_outputs =
            candidates.iter().filter(|output| !is_token(output) && !pooled(output)).cloned().collect();
        interface.token_output = token;
        subject.outputs =
            interface.token_output.iter().chain(&interface.pooled_outputs).map(|output| output.name.clone()).collect();
        subject.interface = interface;
        Ok(subject)
    }

    /// Of outputs that hold a vector for each token those that may be the last layer's.
    fn last_layer<'o>(&self, outputs: Vec<&'o OutputTensor>) -> Result<Vec<&'o OutputTensor>, EncoderError> {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let last = Interface::last_layer_among(self.model, &names)
            .map_err(|source| EncoderError::Model { path: self.path.to_path_buf(), source })?;
        Ok(outputs.into_iter().filter(|output| last.contains(&output.name)).collect())
    }

    fn wrong_output(
        &self,
        output: &OutputTensor,
        shape: Option<&[usize]>,
        batch: usize,
        seq: usize,
        expected: String,
    ) -> EncoderError {
        let (path, output, dtype) = (self.path.to_path_buf(), output.name.clone(), output.dtype.clone());
        match shape {
            None => EncoderError::OutputType { path, output, found: dtype },
            Some(found) => EncoderError::OutputShape { path, output, batch, seq, found: found.to_vec(), expected },
        }
    }

    pub fn hidden_size(&self) -> usize {
        self.interface.hidden_size
    }

    pub fn has_tokens(&self) -> bool {
        self.interface.token_output.is_some()
    }

    /// The output that a text's vectors are judged by: the token output, else the first pooled one.
    pub fn main_output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    /// The token output, if there is one, then the pooled ones.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(String::as_str).collect()
    }

    pub fn pooled_outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().skip(usize::from(self.has_tokens())).map(String::as_str)
    }

    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Fills batches with another token than the tokenizer's.
    pub fn pad_with(&mut self, pad: i64) -> i64 {
        std::mem::replace(&mut self.pad, pad)
    }

    /// The outputs for one text.
    ///
    /// # Errors
    /// As [`Subject::batch`].
    pub fn single(&mut self, text: &[i64]) -> Result<Outputs, EncoderError> {
        Ok(self.batch(&[text])?.remove(0))
    }

    /// The outputs for each of the texts, run as one batch, padded at the end to the longest of them; a model of a
    /// fixed batch in as many runs as it takes.
    ///
    /// # Errors
    /// [`EncoderError::Run`], [`EncoderError::OutputType`], [`EncoderError::OutputShape`].
    pub fn batch(&mut self, texts: &[&[i64]]) -> Result<Vec<Outputs>, EncoderError> {
        let seq = self.interface.fixed_seq().unwrap_or(longest(texts));
        let rows = self.interface.fixed_batch().unwrap_or(texts.len()).max(1);
        let mut outputs = Vec::new();
        for texts in texts.chunks(rows) {
            outputs.extend(self.run(&Feed { texts, rows, seq, pairs: false })?);
        }
        Ok(outputs)
    }

    fn run(&mut self, feed: &Feed<'_>) -> Result<Vec<Outputs>, EncoderError> {
        let (rows, seq, hidden, has_tokens) = (feed.rows, feed.seq, self.hidden_size(), self.has_tokens());
        let tensors = self.tensors(feed)?;
        for (index, tensor) in tensors.iter().enumerate() {
            let expected: &[usize] = if index == 0 && has_tokens { &[rows, seq, hidden] } else { &[rows, hidden] };
            if tensor.shape != expected {
                return Err(EncoderError::OutputShape {
                    path: self.path.to_path_buf(),
                    output: self.outputs[index].clone(),
                    batch: rows,
                    seq,
                    found: tensor.shape.clone(),
                    expected: format!("{expected:?}"),
                });
            }
        }
        let (token, pooled) = tensors.split_at(usize::from(has_tokens));
        let outputs = feed.texts.iter().enumerate().map(|(row, text)| Outputs {
            token: token
                .iter()
                .flat_map(|token| &token.values[row * seq * hidden..(row * seq + text.len()) * hidden])
                .copied()
                .collect(),
            pooled: pooled.iter().map(|pooled| pooled.values[row * hidden..(row + 1) * hidden].to_vec()).collect(),
        });
        Ok(outputs.collect())
    }

    /// What tensors inside the model, made outputs in `session`, hold for a text.
    ///
    /// # Errors
    /// As [`Subject::batch`], but for shapes.
    pub fn inside(&self, session: &mut Session, names: &[String], text: &[i64]) -> Result<Vec<Inside>, EncoderError> {
        let seq = self.interface.fixed_seq().unwrap_or(text.len());
        // Twice the same text, so that it shows where one ends.
        let rows = self.interface.fixed_batch().unwrap_or(2);
        let hidden = self.hidden_size();
        let feed = Feed { texts: &[text], rows, seq, pairs: false };
        let tensors = run_on(session, &self.interface, self.pad, self.path, names, &feed)?;
        let read = |tensor: Floats| {
            let flat = tensor.shape == [rows * seq, hidden];
            if !flat && tensor.shape != [rows, seq, hidden] {
                return Inside::Other(tensor.shape);
            }
            let row = &tensor.values[..seq * hidden];
            let repeats = tensor.values.chunks_exact(seq * hidden).all(|other| {
                let scale = rms(row);
                row.iter().zip(other).all(|(a, b)| f64::from((a - b).abs()) <= HALF_TOLERANCE * scale)
            });
            match repeats {
                true => Inside::Vectors { values: row[..text.len() * hidden].to_vec(), flat },
                false => Inside::Other(tensor.shape),
            }
        };
        Ok(tensors.into_iter().map(read).collect())
    }

    /// Does the model read a text of this length? What it gives for it must be finite.
    ///
    /// # Errors
    /// As [`Subject::batch`], but for a run that fails; [`EncoderError::NotFinite`].
    pub fn reads(&mut self, text: &[i64]) -> Result<bool, EncoderError> {
        if self.interface.fixed_seq().is_some_and(|seq| text.len() > seq) {
            return Ok(false);
        }
        match self.single(text) {
            Ok(outputs) => self.check_finite(&outputs, &format!("a text of {} tokens", text.len())).map(|()| true),
            Err(EncoderError::Run { source, .. }) if matches!(*source, RuntimeError::Run { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// # Errors
    /// [`EncoderError::NotFinite`] naming the output.
    pub fn check_finite(&self, outputs: &Outputs, text: &str) -> Result<(), EncoderError> {
        let all = self.has_tokens().then_some(&outputs.token).into_iter().chain(&outputs.pooled);
        match all.zip(&self.outputs).find(|(values, _)| !values.iter().all(|value| value.is_finite())) {
            Some((_, output)) => Err(EncoderError::NotFinite {
                path: self.path.to_path_buf(),
                output: output.clone(),
                text: text.to_owned(),
                cause: self.cause_of_no_numbers(),
            }),
            None => Ok(()),
        }
    }

    /// Why outputs are not finite, as far as the model's constants tell.
    fn cause_of_no_numbers(&self) -> String {
        match self.model.suspect(&self.output_names()) {
            Some(found) => format!("{found}: the weights are damaged"),
            None if precision_tolerance(self.model) == HALF_TOLERANCE => {
                "all its parameters are finite, so numbers on the way are too large for their type: take a file in float32"
                    .to_owned()
            }
            None => "all its parameters are finite, so numbers on the way overflow: the weights are damaged".to_owned(),
        }
    }

    /// Runs a batch and gives the outputs of interest as they come.
    fn tensors(&mut self, feed: &Feed<'_>) -> Result<Vec<Floats>, EncoderError> {
        run_on(&mut self.session, &self.interface, self.pad, self.path, &self.outputs, feed)
    }
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
    /// What each input of the model is fed, `[rows, seq]`. Rows beyond the texts are copies of the first; `pad` fills rows
    /// that are shorter than the batch.
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

/// For messages: an output, the shape it had, and what it is if it is no vector.
fn described(name: &str, shape: Option<&[usize]>, [batch, seq]: [usize; 2], scores: &Scores) -> String {
    let Some(shape) = shape else { return format!("{name} (of a type that is not read)") };
    let why = match shape {
        [b, s, width] if [*b, *s] == [batch, seq] => scores.of_tokens(*width),
        [b, width] if *b == batch => scores.of_text(*width),
        _ => None,
    };
    format!("{name} {shape:?}{}", why.map_or_else(String::new, |why| format!(" ({why})")))
}

fn longest(texts: &[&[i64]]) -> usize {
    texts.iter().map(|text| text.len()).max().unwrap_or(0)
}

/// A float output as float32.
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
