//! Is an encoder still what it was when it was added?

use larder_onnx::Model;
use larder_runtime::Runtime;

use crate::EncoderError;
use crate::encoder::Encoder;
use crate::intake::check_tokenizer;
use crate::probe::{Candidate, ProbeRecord};

/// The result of verifying an encoder.
#[derive(Debug)]
pub struct Verification {
    /// Everything that is wrong, in the order found.
    pub problems: Vec<EncoderError>,
    /// The new measurements of the probe; `None` when it could not be run.
    pub probe: Option<ProbeRecord>,
}

impl Verification {
    /// Is nothing wrong?
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Hashes the files again, checks that tokenizer and model belong together, and repeats the probe. Whatever is wrong is
/// collected; one problem does not hide the next. `progress` hears what is being done.
pub fn verify(encoder: &Encoder, runtime: &Runtime, progress: &mut dyn FnMut(&str)) -> Verification {
    let mut problems = Vec::new();
    progress("hashing the model");
    let model = encoder.model().map_err(|problem| problems.push(problem)).ok();
    progress("checking the tokenizer");
    // The file as it is now.
    let checked = encoder.load_tokenizer().and_then(|tokenizer| {
        check_tokenizer(&tokenizer, &encoder.tokenizer_path(), encoder.interface(), encoder.manifest().family)?;
        Ok(tokenizer)
    });
    let tokenizer = checked.map_err(|problem| problems.push(problem)).ok();
    let (Some(model), Some(tokenizer)) = (model, tokenizer) else { return Verification { problems, probe: None } };

    progress("running the probe texts");
    match probe(encoder, runtime, &model, &tokenizer) {
        Ok((probe, problem)) => {
            problems.extend(problem);
            Verification { problems, probe: Some(probe) }
        }
        Err(problem) => {
            problems.push(problem);
            Verification { problems, probe: None }
        }
    }
}

fn probe(
    encoder: &Encoder,
    runtime: &Runtime,
    model: &Model,
    tokenizer: &larder_tokens::Tokenizer,
) -> Result<(ProbeRecord, Option<EncoderError>), EncoderError> {
    let path = encoder.model_path();
    let manifest = encoder.manifest();
    let probed = Candidate {
        runtime,
        path: &path,
        model,
        interface: manifest.interface.clone(),
        tokenizer,
        declared_length: Some(manifest.max_positions),
        labels: None,
        config: encoder.config(),
        sizes: encoder.sizes()?,
        hints: manifest.interface.as_hints(),
    }
    .probe()?;
    let (name, version) = (encoder.name().to_owned(), manifest.versions.onnxruntime.clone());
    let problem = if probed.max_positions < manifest.max_positions {
        let (found, recorded) = (probed.max_positions, manifest.max_positions);
        Some(EncoderError::LengthDiffers { name, found, recorded, version })
    } else if probed.mask_honoured != manifest.mask_honoured {
        let (found, recorded) = (probed.mask_honoured, manifest.mask_honoured);
        Some(EncoderError::MaskDiffers { name, found, recorded, version })
    } else {
        None
    };
    Ok((probed.record, problem))
}
