//! Running an encoder on a few texts, to find out what no file says.
//!
//! Graphs tell names and shapes. Whether an encoder obeys its mask, mixes texts of one batch, or answers the same to
//! everything, only its outputs tell.

use std::path::Path;

use larder_data::Content;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Hints, Interface, Model};
use larder_runtime::{Device, Runtime, RuntimeError, Session, SessionSettings};
use larder_tokens::{TokenizeSettings, Tokenizer};
use serde::{Deserialize, Serialize};

use crate::EncoderError;
use crate::manifest::LengthOrigin;
use crate::operators::unknown_operator;
use crate::pooled::{PooledRecord, pooled_records};
use crate::prepared::{Preparation, Prepared};
use crate::sizes::Sizes;
use crate::subject::{Outputs, SETTLING, Subject, has_parameters_of, is_dynamically_quantised, precision_tolerance};

/// What is read: sentences of different lengths, so that batches need padding.
pub const PROBE_TEXTS: [&str; 5] = [
    "A larder is a cool room where food is kept until it is wanted.",
    "Who has been to both Berlin and Paris, and which was warmer in 1997?",
    "She read the letter twice before she answered.",
    "Nobody knew why the quick brown fox had jumped over the dog, least of all the dog, which slept on.",
    "The bread was burnt; we ate it anyway.",
];

/// The longest text that is tried, in tokens: beyond the 514 rows of RoBERTa's position table, of which two cannot be
/// read, so that such a table is found out; short enough to take seconds on a CPU.
pub const LONGEST_PROBE: usize = 1024;

/// A model of fixed axes that takes more tokens at once than this is not run: memory would be asked for what it declares.
pub const MOST_FIXED_TOKENS: usize = 1 << 20;

/// Vectors whose largest difference is below this share of their scale are one vector. Trained and freshly drawn
/// encoders alike differ by a tenth of it and more between any two texts; a collapsed one by its rounding.
pub const SMALLEST_SPREAD: f64 = 1e-3;

/// What the probe run measured. Deviations are largest absolute differences, relative to the root mean square of the
/// output they are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Texts read.
    pub texts: usize,
    /// Their tokens, special ones included.
    pub tokens: usize,
    /// How many of them were the unknown token.
    pub unknown_tokens: usize,
    /// The longest text read, in tokens.
    pub longest_read: usize,
    /// Root mean square of the token output.
    pub scale: f64,
    /// The largest difference between the mean vectors of two texts.
    pub spread: f64,
    /// What a batch of texts of one length changes about each of them.
    pub batch_deviation: f64,
    /// What padding changes about the real tokens, and about pooled outputs; of a model with a fixed length, what
    /// another token to fill it with changes. `None` when it makes them NaN or infinite.
    pub padding_deviation: Option<f64>,
    /// Deviations up to this are rounding.
    pub tolerance: f64,
    /// Each pooled output, in the model's order.
    pub pooled: Vec<PooledRecord>,
}

/// What a probe found.
pub(crate) struct Probed {
    pub record: ProbeRecord,
    /// Which graph is to run.
    pub prepared: Prepared,
    /// The interface, with outputs told apart by their shapes in the run.
    pub interface: Interface,
    pub mask_honoured: bool,
    pub batch_independent: bool,
    pub max_positions: usize,
    pub max_positions_from: LengthOrigin,
}

/// What a probe needs.
pub(crate) struct Probe<'a> {
    pub runtime: &'a Runtime,
    /// The file that messages name.
    pub path: &'a Path,
    pub model: &'a Model,
    pub bytes: &'a [u8],
    pub interface: Interface,
    pub tokenizer: &'a Tokenizer,
    /// The longest text by the position table and the configuration, in tokens.
    pub declared_length: Option<usize>,
    /// How many labels the model was trained to score, by the configuration.
    pub labels: Option<usize>,
    /// Layers and features by the configuration.
    pub sizes: Sizes,
    /// What the user, or an earlier probe, says of inputs and outputs.
    pub hints: Hints,
}

impl Probe<'_> {
    /// Runs the model on the CPU.
    ///
    /// # Errors
    /// [`EncoderError::FixedSizes`], [`EncoderError::FixedAxis`], [`EncoderError::Run`], [`EncoderError::NoTokenOutput`],
    /// [`EncoderError::OutputShape`], [`EncoderError::OutputType`], [`EncoderError::DamagedWeights`],
    /// [`EncoderError::NotFinite`], [`EncoderError::Constant`], [`EncoderError::BatchDependent`].
    pub fn run(&self) -> Result<Probed, EncoderError> {
        let declared = [self.interface.fixed_batch(), self.interface.fixed_seq()].map(|size| size.unwrap_or(1));
        if declared[0].saturating_mul(declared[1]) > MOST_FIXED_TOKENS || declared.contains(&0) {
            return Err(EncoderError::FixedSizes { path: self.path.to_path_buf(), sizes: declared });
        }
        let texts = self.texts()?;
        let pad = i64::from(self.tokenizer.special_tokens().pad_id.unwrap_or(0));
        let mut subject = Subject::settle(self, pad, &texts)?;
        // Before any vector is looked at: the texts of the probe come across few rows of a table.
        if let Some(found) = self.model.not_finite(&subject.output_names()) {
            return Err(EncoderError::DamagedWeights { path: self.path.to_path_buf(), found });
        }
        let (max_positions, max_positions_from, longest_read) = longest(&mut subject, self.declared_length(), &texts)?;
        let texts: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, max_positions)).collect();

        let singles = texts.iter().map(|text| subject.single(text)).collect::<Result<Vec<_>, _>>()?;
        for (outputs, text) in singles.iter().zip(PROBE_TEXTS) {
            subject.check_finite(outputs, &format!("the text {text:?}"))?;
        }
        let has_tokens = subject.has_tokens();
        let main = |outputs: &Outputs| -> Vec<f32> {
            let pooled = outputs.pooled.first().filter(|_| !has_tokens);
            pooled.unwrap_or(&outputs.token).clone()
        };
        let mains: Vec<Vec<f32>> = singles.iter().map(main).collect();
        let scale = rms(mains.iter().flatten());
        let spread = largest_spread(&mains, subject.hidden_size()) / scale;
        if spread.is_nan() || spread < SMALLEST_SPREAD {
            let output = subject.main_output().to_owned();
            return Err(EncoderError::Constant { path: self.path.to_path_buf(), output, spread });
        }

        let tolerance = precision_tolerance(self.model);
        let quantised = is_dynamically_quantised(self.model);
        let batch_deviation = equal_lengths(&mut subject, &texts)?;
        let batch_independent = batch_deviation <= tolerance;
        if !(batch_independent || quantised && batch_deviation.is_finite()) {
            let path = self.path.to_path_buf();
            return Err(EncoderError::BatchDependent { path, deviation: batch_deviation, tolerance });
        }
        let padding_deviation = match self.interface.fixed_seq() {
            None => deviation(&singles, &subject.batch(&refs(&texts))?),
            Some(_) => refilled(&mut subject, &texts)?,
        };
        let mask_honoured = padding_deviation <= tolerance;
        if let (Some(size), false) = (self.interface.fixed_seq(), mask_honoured || quantised) {
            return Err(EncoderError::FixedAxis { path: self.path.to_path_buf(), size, deviation: padding_deviation });
        }
        // JSON has no NaN.
        let padding_deviation = Some(padding_deviation).filter(|deviation| deviation.is_finite());

        let unknown = self.tokenizer.special_tokens().unk_id.map(i64::from);
        let record = ProbeRecord {
            texts: texts.len(),
            tokens: texts.iter().map(Vec::len).sum(),
            unknown_tokens: texts.iter().flatten().filter(|id| Some(**id) == unknown).count(),
            longest_read,
            scale,
            spread,
            batch_deviation,
            padding_deviation,
            tolerance,
            pooled: pooled_records(&subject, &singles, self.model),
        };
        let mut interface = self.with_layers(&subject, &texts, &singles, tolerance);
        self.compare_layers(&mut interface);
        let prepared = Preparation {
            runtime: self.runtime,
            device: Device::Cpu,
            path: self.path,
            model: self.model,
            interface: &interface,
            texts: &texts,
            pad,
            tolerance,
        };
        let prepared = prepared.run();
        Ok(Probed { mask_honoured, batch_independent, record, prepared, interface, max_positions, max_positions_from })
    }

    pub(crate) fn session(&self, bytes: &[u8]) -> Result<Session, EncoderError> {
        let settings = SessionSettings {
            device: Device::Cpu,
            name: Some("of the probe".to_owned()),
            ..SessionSettings::default()
        };
        Session::from_bytes(self.runtime, bytes, &settings).map_err(|source| {
            let (path, source) = (self.path.to_path_buf(), Box::new(source));
            let unsupported = matches!(*source, RuntimeError::Load { .. });
            match unsupported && has_parameters_of(self.model, DataType::Bfloat16) {
                true => EncoderError::Bfloat16 { path, source },
                false => unknown_operator(*source, self.model, self.path, self.runtime.version()),
            }
        })
    }

    /// The longest text by the graph and the configuration, in tokens.
    fn declared_length(&self) -> Option<usize> {
        self.declared_length.into_iter().chain(self.interface.fixed_seq()).min()
    }

    /// The probe texts as token ids, cut to what the encoder says it reads.
    fn texts(&self) -> Result<Vec<Vec<i64>>, EncoderError> {
        probe_tokens(self.tokenizer, self.declared_length())
    }
}

/// The probe texts as token ids, cut to so many tokens.
pub(crate) fn probe_tokens(tokenizer: &Tokenizer, max_tokens: Option<usize>) -> Result<Vec<Vec<i64>>, EncoderError> {
    let settings = TokenizeSettings { max_tokens };
    let ids = |text: &str| -> Result<Vec<i64>, EncoderError> {
        let content = Content::Text { text: text.to_owned(), text_b: None };
        let tokens = tokenizer.encode(&content, &settings)?;
        Ok(tokens.input_ids.into_iter().map(i64::from).collect())
    };
    PROBE_TEXTS.into_iter().map(ids).collect()
}

fn refs(texts: &[Vec<i64>]) -> Vec<&[i64]> {
    texts.iter().map(Vec::as_slice).collect()
}

/// What a batch of texts of one length, which needs no padding, changes about each of them.
fn equal_lengths(subject: &mut Subject<'_>, texts: &[Vec<i64>]) -> Result<f64, EncoderError> {
    let shortest = texts.iter().map(Vec::len).min().unwrap_or(0);
    let cut: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, shortest)).collect();
    let singles = cut.iter().map(|text| subject.single(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(deviation(&singles, &subject.batch(&refs(&cut))?))
}

/// What the token that fills a fixed length changes about texts of half of it and less: nothing, where the mask is
/// obeyed.
fn refilled(subject: &mut Subject<'_>, texts: &[Vec<i64>]) -> Result<f64, EncoderError> {
    // A token of the text itself, so that it is in the vocabulary, and none that opens, closes or fills texts.
    let other = texts.iter().find_map(|text| text.get(text.len() / 2)).copied().unwrap_or(0);
    let half = subject.interface().fixed_seq().unwrap_or(0) / 2;
    let texts: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, half.max(1))).collect();
    let singles = texts.iter().map(|text| subject.single(text)).collect::<Result<Vec<_>, _>>()?;
    let pad = subject.pad_with(other);
    let found = texts.iter().map(|text| subject.single(text)).collect::<Result<Vec<_>, _>>();
    subject.pad_with(pad);
    Ok(deviation(&singles, &found?))
}

/// The first tokens and the last one, which closes the text.
fn cut_to(text: &[i64], length: usize) -> Vec<i64> {
    let head = text.iter().take(length.saturating_sub(1));
    head.chain(text.last()).take(length).copied().collect()
}

/// The longest text that the encoder reads, how that is known, and the longest that was read here.
fn longest(
    subject: &mut Subject<'_>,
    declared: Option<usize>,
    texts: &[Vec<i64>],
) -> Result<(usize, LengthOrigin, usize), EncoderError> {
    let target = declared.unwrap_or(LONGEST_PROBE).min(LONGEST_PROBE);
    if subject.reads(&long_text(texts, target))? {
        return Ok(match declared {
            Some(declared) => (declared, LengthOrigin::Declared, target),
            None => (target, LengthOrigin::Measured, target),
        });
    }
    // Nothing longer than what outputs were told apart with has been read; `target` cannot be.
    let (mut read, mut failed) = (texts.iter().map(Vec::len).min().unwrap_or(0).min(SETTLING), target);
    while failed - read > 1 {
        let middle = read + (failed - read) / 2;
        if subject.reads(&long_text(texts, middle))? { read = middle } else { failed = middle }
    }
    Ok((read, LengthOrigin::Measured, read))
}

/// The tokens of the texts over and over, opened and closed as one text.
fn long_text(texts: &[Vec<i64>], length: usize) -> Vec<i64> {
    let inner = texts.iter().flat_map(|text| text.get(1..text.len().saturating_sub(1)).unwrap_or_default());
    let first = texts.first().and_then(|text| text.first());
    let text: Vec<i64> = first.into_iter().chain(inner.cycle()).take(length.saturating_sub(1)).copied().collect();
    let last = texts.first().and_then(|text| text.last()).copied();
    text.into_iter().chain(last).collect()
}

/// The largest difference between the outputs for the same texts, real tokens only, over the scale of each output.
fn deviation(expected: &[Outputs], found: &[Outputs]) -> f64 {
    let of = |values: &dyn Fn(&Outputs) -> &[f32]| {
        let scale = rms(expected.iter().flat_map(values));
        let pairs = expected.iter().zip(found).flat_map(|(a, b)| values(a).iter().zip(values(b)));
        largest(pairs.map(|(a, b)| f64::from((a - b).abs()))) / scale
    };
    let pooled = expected.first().map_or(0, |outputs| outputs.pooled.len());
    let pooled = (0..pooled).map(|index| of(&|outputs: &Outputs| &outputs.pooled[index]));
    largest(std::iter::once(of(&|outputs: &Outputs| &outputs.token)).chain(pooled))
}

/// The largest value, 0 of none. `f64::max` passes over NaN; here one must not look like agreement.
pub(crate) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// Root mean square; 1 for values that are all zero, whose differences are then absolute.
pub(crate) fn rms<'a>(values: impl IntoIterator<Item = &'a f32>) -> f64 {
    let (sum, count) =
        values.into_iter().fold((0.0, 0_usize), |(sum, count), value| (sum + f64::from(*value).powi(2), count + 1));
    if sum == 0.0 { 1.0 } else { (sum / count.max(1) as f64).sqrt() }
}

/// The largest difference between the mean vectors of two texts.
fn largest_spread(vectors: &[Vec<f32>], hidden: usize) -> f64 {
    let means: Vec<Vec<f32>> = vectors.iter().map(|vectors| mean(vectors, hidden)).collect();
    let pairs = means.iter().enumerate().flat_map(|(i, a)| means[..i].iter().map(move |b| (a, b)));
    largest(pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()))))
}

/// The mean over the tokens, `[hidden]`.
pub(crate) fn mean(token: &[f32], hidden: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; hidden];
    for vector in token.chunks_exact(hidden) {
        sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (token.len() / hidden).max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_ends_however_they_are_cut_or_repeated() {
        let text = [101, 1, 2, 3, 4, 102];
        assert_eq!(cut_to(&text, 6), text);
        assert_eq!(cut_to(&text, 3), [101, 1, 102]);
        assert_eq!(long_text(&[text.to_vec()], 9), [101, 1, 2, 3, 4, 1, 2, 3, 102]);
        assert_eq!(long_text(&[text.to_vec()], 3), [101, 1, 102]);
    }

    #[test]
    fn deviations_are_relative_and_see_nan_and_pooled_outputs() {
        let outputs = |token: &[f32], pooled: f32| Outputs { token: token.to_vec(), pooled: vec![vec![pooled]] };
        let expected = [outputs(&[2.0, -2.0], 4.0)];
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -2.0], 4.0)]), 0.0);
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -1.0], 4.0)]), 0.5);
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -2.0], 1.0)]), 0.75);
        assert!(deviation(&expected, &[outputs(&[f32::NAN, -2.0], 4.0)]).is_nan());
    }

    #[test]
    fn means_and_scales_are_right() {
        assert_eq!(mean(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        assert_eq!(rms(&[3.0, -3.0]), 3.0);
    }
}
