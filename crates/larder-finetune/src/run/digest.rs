//! The digest that identifies a run.

use larder_files::digest_bytes;
use larder_runtime::Device;

use crate::inputs::TrainingInputs;
use crate::settings::{HeadStart, TuneSettings};
use crate::{Targets, TuneError};

/// Tells runs apart by what decides their numbers: settings, the head given, examples, the configuration and the device;
/// not threads, nor how often the run is saved or how patient it is.
///
/// Settings and configuration count as `Debug` renders them, which has no other spelling of the same bytes: checkpoints
/// that were begun under another name of a field, a type or a variant are of another run, and it begins anew.
pub(super) fn run_digest(
    inputs: &TrainingInputs<'_>,
    settings: &TuneSettings,
    device: Device,
) -> Result<String, TuneError> {
    let plain = TuneSettings {
        head: HeadStart::Random,
        resume: false,
        device,
        threads: 0,
        save_every: None,
        stop_on_collapse: false,
        patience: None,
        ..settings.clone()
    };
    let mut bytes = format!("{plain:?} {:?}", inputs.config).into_bytes();
    if let HeadStart::Given(head) = &settings.head {
        bytes.extend(head.to_bytes()?);
    }
    for example in inputs.train.iter().chain(inputs.dev) {
        let mut add = |ids: &[i64]| {
            bytes.extend(ids.len().to_le_bytes());
            bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
        };
        add(&example.input_ids);
        add(&example.token_type_ids);
        // The loss, which is among the settings, says of which kind all of them are.
        match &example.targets {
            Targets::Classes(classes) => add(classes),
            Targets::Values(values) => {
                bytes.extend(values.len().to_le_bytes());
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
    Ok(digest_bytes(&bytes))
}
