//! The digest that identifies a run.

use larder_files::digest_bytes;
use larder_runtime::Device;

use crate::inputs::TrainingInputs;
use crate::settings::{HeadStart, TuneSettings};
use crate::{Targets, TuneError};

/// Tells runs apart by what decides their numbers: the settings that are serialized, the head given, examples, the
/// configuration and the device.
pub(super) fn run_digest(
    inputs: &TrainingInputs<'_>,
    settings: &TuneSettings,
    device: Device,
) -> Result<String, TuneError> {
    let encoder = inputs.encoder;
    let named = match encoder.config() {
        Some(config) => serde_json::to_vec(&(settings, config, device)),
        None => serde_json::to_vec(&(settings, encoder.facts(), device)),
    };
    // Numbers, words and lists of them: JSON can hold it.
    let mut bytes = named.expect("settings can be written as JSON");
    if let HeadStart::Given(head) = &settings.head {
        bytes.extend(head.to_bytes()?);
    }
    for example in inputs.train.iter().chain(inputs.dev) {
        let mut add = |ids: &[i64]| {
            bytes.extend(ids.len().to_le_bytes());
            bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
        };
        for (ids, types) in example.texts() {
            add(ids);
            add(types);
        }
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
