//! The run: batches, steps, evaluations, checkpoints.

use larder_graphs::{Precision, ProductForm};
use larder_runtime::{RanOn, Runtime};

use crate::inputs::TrainingInputs;
use crate::note::Note;
use crate::observer::Observer;
use crate::preset::Preset;
use crate::result::FinetuneResult;
use crate::run::Run;
use crate::settings::{BatchSize, TuneSettings};
use crate::start::{Forms, Start};
use crate::{TuneError, example};

/// Fine-tunes an encoder with a head on its first token, mean or pooler, or on every token.
///
/// # Errors
/// [`TuneError`]; [`TuneError::Device`] and [`TuneError::Precision`] for a device that is not there or lacks kernels;
/// [`TuneError::NotFinite`] when loss, gradients or the encoder's outputs are no numbers any more, [`TuneError::Collapsed`] and
/// [`TuneError::CollapsedAtEnd`] when every text is answered alike.
pub fn finetune(
    runtime: &Runtime,
    inputs: &TrainingInputs<'_>,
    settings: &TuneSettings,
    observer: &mut dyn Observer,
) -> Result<FinetuneResult, TuneError> {
    let TrainingInputs { encoder, train, dev, .. } = *inputs;
    settings.check()?;
    if train.is_empty() {
        return Err(TuneError::NoExamples);
    }
    match (settings.from_layer, inputs.hidden) {
        (Some(layer), None) => return Err(TuneError::NoHiddenStates { layer }),
        (None, Some(_)) => return Err(TuneError::UnusedHiddenStates),
        _ => {}
    }
    if encoder.facts().reads_padding && (settings.batch != BatchSize::Rows(1) || settings.input.texts() > 1) {
        let expected = "one text, since padding changes the vectors of this encoder: `--batch-rows 1`, with `--accumulate` for \
                        steps of more";
        let found = match settings.batch {
            BatchSize::Rows(rows) => format!("{rows} texts"),
            BatchSize::Tokens(tokens) => format!("{tokens} tokens"),
        };
        return Err(TuneError::Setting { setting: "the batch size", found, expected });
    }
    example::check(train, encoder.facts(), settings)?;
    example::check(dev, encoder.facts(), settings)?;
    let ran_on = settings.device.resolve(runtime).map_err(|problem| TuneError::Device(Box::new(problem)))?;
    let forms = Forms::of(runtime, &ran_on, settings)?;
    tune(runtime, inputs, settings, &ran_on, forms, observer)
}

/// [`finetune`] after its inputs were checked.
fn tune(
    runtime: &Runtime,
    inputs: &TrainingInputs<'_>,
    settings: &TuneSettings,
    ran_on: &RanOn,
    forms: Forms,
    observer: &mut dyn Observer,
) -> Result<FinetuneResult, TuneError> {
    let family = inputs.encoder.facts().family;
    let mut notes = Vec::new();
    match settings.precision {
        asked if asked != forms.precision => notes.push(Note::NoInstructions { precision: asked }),
        Precision::F16 if forms.products == ProductForm::Rounded => {
            notes.push(Note::Rounded { precision: settings.precision });
        }
        _ => {}
    }
    let recipe = Preset::of(family).learning_rates;
    if !recipe.contains(&settings.learning_rate) {
        notes.push(Note::RateOutsideRecipe { rate: settings.learning_rate, family, recipe });
    }
    let start = Start::new(runtime, inputs.encoder, settings, forms, &mut notes)?;
    let mut run = Run::new(runtime, inputs, settings, (ran_on.device(), forms), start)?;
    if settings.resume
        && let Some(folder) = inputs.folder
        && let Some(found) = run.checkpoint(folder)?
    {
        notes.push(Note::Resumed { step: found.progress.step });
        run.resume(found)?;
    }
    notes.iter().for_each(|note| observer.note(note));
    let stop_reason = run.all(observer)?;
    if let Some(note) = run.skipped() {
        observer.note(&note);
        notes.push(note);
    }
    run.finish(runtime, stop_reason, ran_on.clone(), notes)
}

#[cfg(test)]
mod tests;
