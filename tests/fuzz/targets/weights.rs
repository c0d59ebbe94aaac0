//! Any `config.json` and any `model.safetensors`: the graph that is built of them, or the reason why none is.
//!
//! The input is the configuration, a zero byte, and the weights.

#![no_main]

use larder_fuzz::two_parts;
use larder_onnx::{EncoderConfig, Interface, Weights, build, unused_weights};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (config, weights) = two_parts(bytes);
    let weights = Weights::from_bytes(weights);
    let (Ok(config), Ok(weights)) = (EncoderConfig::from_json(config), weights) else { return };
    if let Ok(model) = build(&config, &weights) {
        Interface::recognise(&model).expect("what larder builds it reads");
        let _ = unused_weights(&config, &weights);
    }
});
