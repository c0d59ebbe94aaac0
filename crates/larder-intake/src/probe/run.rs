//! The probe: what is run, and what follows from the outputs.

use larder_onnx::Interface;
use larder_runtime::Device;

use super::candidate::Candidate;
use super::classify::CLASSIFYING_TOKENS;
use super::model::{Outputs, ProbeModel};
use super::pooled::pooled_records;
use super::record::ProbeRecord;
use super::statistics::{largest, mean, rms};
use super::texts::{LONGEST_PROBE, PROBE_TEXTS, cut_to, long_text, probe_tokens};
use super::tolerance::{is_dynamically_quantised, precision_tolerance};
use crate::EncoderError;
use crate::manifest::LengthOrigin;
use crate::prepared::Prepared;
use crate::rebuild::Comparison;

/// A model of fixed axes that takes more tokens at once than this is not run: memory would be asked for what it declares.
pub const MOST_FIXED_TOKENS: usize = 1 << 20;

/// Vectors whose largest difference is below this share of their scale are one vector. Trained and freshly drawn
/// encoders alike differ by a tenth of it and more between any two texts; a collapsed one by its rounding.
pub const SMALLEST_SPREAD: f64 = 1e-3;

/// The findings of a probe.
pub(crate) struct ProbeResult {
    pub record: ProbeRecord,
    /// The graph that will run.
    pub prepared: Prepared,
    /// The interface, with outputs told apart by their shapes in the run.
    pub interface: Interface,
    pub mask_honoured: bool,
    pub batch_independent: bool,
    pub max_positions: usize,
    pub max_positions_from: LengthOrigin,
}

impl Candidate<'_> {
    /// Runs the model on the CPU.
    ///
    /// # Errors
    /// [`EncoderError::FixedSizes`], [`EncoderError::FixedAxis`], [`EncoderError::Run`], [`EncoderError::NoTokenOutput`],
    /// [`EncoderError::OutputShape`], [`EncoderError::OutputType`], [`EncoderError::DamagedWeights`],
    /// [`EncoderError::NotFinite`], [`EncoderError::Constant`], [`EncoderError::BatchDependent`].
    pub fn probe(&self) -> Result<ProbeResult, EncoderError> {
        let declared = [self.interface.fixed_batch(), self.interface.fixed_seq()].map(|size| size.unwrap_or(1));
        if declared[0].saturating_mul(declared[1]) > MOST_FIXED_TOKENS || declared.contains(&0) {
            return Err(EncoderError::FixedSizes { path: self.path.to_path_buf(), sizes: declared });
        }
        let texts = probe_tokens(self.tokenizer, self.declared_length())?;
        let pad = i64::from(self.tokenizer.special_tokens().pad_id.unwrap_or(0));
        let mut model = ProbeModel::classify_outputs(self, pad, &texts)?;
        // Before any vector is looked at: the texts of the probe come across few rows of a table.
        if let Some(found) = self.model.not_finite(&model.output_names()) {
            return Err(EncoderError::DamagedWeights { path: self.path.to_path_buf(), found });
        }
        let Length { max_positions, max_positions_from, longest_read } = self.longest(&mut model, &texts)?;
        let texts: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, max_positions)).collect();

        let singles = texts.iter().map(|text| model.single(text)).collect::<Result<Vec<_>, _>>()?;
        for (outputs, text) in singles.iter().zip(PROBE_TEXTS) {
            model.check_finite(outputs, &format!("the text {text:?}"))?;
        }
        let has_tokens = model.has_tokens();
        let main = |outputs: &Outputs| -> Vec<f32> {
            let pooled = outputs.pooled.first().filter(|_| !has_tokens);
            pooled.unwrap_or(&outputs.token).clone()
        };
        let mains: Vec<Vec<f32>> = singles.iter().map(main).collect();
        let scale = rms(mains.iter().flatten());
        let spread = largest_spread(&mains, model.hidden_size()) / scale;
        if spread.is_nan() || spread < SMALLEST_SPREAD {
            let output = model.main_output().to_owned();
            return Err(EncoderError::Constant { path: self.path.to_path_buf(), output, spread });
        }

        let tolerance = precision_tolerance(self.model);
        let quantised = is_dynamically_quantised(self.model);
        let batch_deviation = equal_lengths(&mut model, &texts)?;
        let batch_independent = batch_deviation <= tolerance;
        if !(batch_independent || quantised && batch_deviation.is_finite()) {
            let path = self.path.to_path_buf();
            return Err(EncoderError::BatchDependent { path, deviation: batch_deviation, tolerance });
        }
        let padding_deviation = match self.interface.fixed_seq() {
            None => deviation(&singles, &model.batch(&refs(&texts))?),
            Some(_) => refilled(&mut model, &texts)?,
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
            pooled: pooled_records(&model, &singles, self.model),
        };
        let mut interface = self.with_layers(&model.close(), &texts, &singles, tolerance);
        self.compare_layers(&mut interface);
        let prepared = Comparison {
            runtime: self.runtime,
            device: Device::Cpu,
            path: self.path,
            model: self.model,
            interface: &interface,
            texts: &texts,
            config: self.config.as_ref(),
            longest: max_positions.max(longest_read),
            pad,
            tolerance,
        };
        let prepared = prepared.run();
        Ok(ProbeResult {
            mask_honoured,
            batch_independent,
            record,
            prepared,
            interface,
            max_positions,
            max_positions_from,
        })
    }
}

fn refs(texts: &[Vec<i64>]) -> Vec<&[i64]> {
    texts.iter().map(Vec::as_slice).collect()
}

/// The deviation of texts run in a batch of equal lengths, which needs no padding, from each run alone.
fn equal_lengths(model: &mut ProbeModel<'_>, texts: &[Vec<i64>]) -> Result<f64, EncoderError> {
    let shortest = texts.iter().map(Vec::len).min().unwrap_or(0);
    let cut: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, shortest)).collect();
    let singles = cut.iter().map(|text| model.single(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(deviation(&singles, &model.batch(&refs(&cut))?))
}

/// The deviation that another padding token causes in texts of at most half the fixed length: none, where the mask is
/// obeyed.
fn refilled(model: &mut ProbeModel<'_>, texts: &[Vec<i64>]) -> Result<f64, EncoderError> {
    // A token of the text itself, so that it is in the vocabulary, and none that opens, closes or fills texts.
    let other = texts.iter().find_map(|text| text.get(text.len() / 2)).copied().unwrap_or(0);
    let half = model.interface().fixed_seq().unwrap_or(0) / 2;
    let texts: Vec<Vec<i64>> = texts.iter().map(|text| cut_to(text, half.max(1))).collect();
    let singles = texts.iter().map(|text| model.single(text)).collect::<Result<Vec<_>, _>>()?;
    let pad = model.replace_pad_id(other);
    let found = texts.iter().map(|text| model.single(text)).collect::<Result<Vec<_>, _>>();
    model.replace_pad_id(pad);
    Ok(deviation(&singles, &found?))
}

/// The longest text that an encoder reads, in tokens.
struct Length {
    max_positions: usize,
    max_positions_from: LengthOrigin,
    /// The longest that was read.
    longest_read: usize,
}

impl Candidate<'_> {
    /// Finds the longest text that the encoder reads: what is declared, if that is read. A graph that reads on behind what
    /// was taken for its table of positions has none, but one of distances, as DeBERTa.
    fn longest(&self, model: &mut ProbeModel<'_>, texts: &[Vec<i64>]) -> Result<Length, EncoderError> {
        let declared = |max_positions, longest_read| Length {
            max_positions,
            max_positions_from: LengthOrigin::Declared,
            longest_read,
        };
        let measured = |longest_read| Length {
            max_positions: longest_read,
            max_positions_from: LengthOrigin::Measured,
            longest_read,
        };
        let target = self.declared_length().unwrap_or(LONGEST_PROBE).min(LONGEST_PROBE);
        if model.reads(&long_text(texts, target))? {
            let is_open = target < LONGEST_PROBE && model.interface().fixed_seq().is_none();
            // What is not finite there is not asked for unless somebody wants such texts.
            let reads_on = is_open && model.reads(&long_text(texts, LONGEST_PROBE)).unwrap_or(false);
            if reads_on {
                model.forget_position_table();
            }
            return Ok(match (self.declared_length(), reads_on) {
                (None, _) => measured(target),
                (Some(length), false) => declared(length, target),
                (Some(_), true) => self
                    .declared_length
                    .map_or_else(|| measured(LONGEST_PROBE), |length| declared(length, LONGEST_PROBE)),
            });
        }
        // Nothing longer than what outputs were told apart with has been read; `target` cannot be.
        let (mut read, mut failed) = (texts.iter().map(Vec::len).min().unwrap_or(0).min(CLASSIFYING_TOKENS), target);
        while failed - read > 1 {
            let middle = read + (failed - read) / 2;
            if model.reads(&long_text(texts, middle))? { read = middle } else { failed = middle }
        }
        Ok(measured(read))
    }
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

/// The largest difference between the mean vectors of two texts.
fn largest_spread(vectors: &[Vec<f32>], hidden: usize) -> f64 {
    let means: Vec<Vec<f32>> = vectors.iter().map(|vectors| mean(vectors, hidden)).collect();
    let pairs = means.iter().enumerate().flat_map(|(i, a)| means[..i].iter().map(move |b| (a, b)));
    largest(pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_relative_and_see_nan_and_pooled_outputs() {
        let outputs = |token: &[f32], pooled: f32| Outputs { token: token.to_vec(), pooled: vec![vec![pooled]] };
        let expected = [outputs(&[2.0, -2.0], 4.0)];
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -2.0], 4.0)]), 0.0);
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -1.0], 4.0)]), 0.5);
        assert_eq!(deviation(&expected, &[outputs(&[2.0, -2.0], 1.0)]), 0.75);
        assert!(deviation(&expected, &[outputs(&[f32::NAN, -2.0], 4.0)]).is_nan());
    }
}
