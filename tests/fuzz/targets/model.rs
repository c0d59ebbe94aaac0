//! Any bytes as an `.onnx` file: all that larder does with it before the runtime sees it.

#![no_main]

use std::path::Path;

use larder_onnx::{FeatureKind, FeatureOutput, FusedForm, Heads, Interface, Model, Pool};
use larder_onnx::{build, build_fused, recognise_encoder, select_features};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::from_bytes(bytes.to_vec()) else { return };
    let saved = model.to_bytes().expect("a fuzzer's input is small");
    let again = Model::from_bytes(saved.clone()).expect("it was a model before");
    assert!(again.to_bytes().is_ok_and(|bytes| bytes == saved), "what is saved is what was loaded");
    let _ = model.clone().sorted();
    for tensor in &model.graph().initializer {
        let _ = (tensor.floats().is_ok(), tensor.integers().is_ok());
    }
    let Ok((model, _)) = model.with_external_data(Path::new("/nonexistent/model.onnx")) else { return };
    let Ok(interface) = Interface::recognise(&model) else { return };
    let _ = interface.layer_candidates(&model);
    let states: Vec<&str> = interface.hidden_states.iter().map(String::as_str).collect();
    let _ = model.clone().pruned(&states);
    let last = interface.last_layer();
    let wanted = [
        FeatureOutput::new(0, FeatureKind::Tokens),
        FeatureOutput::new(1, Pool::Cls),
        FeatureOutput::new(last, Pool::Mean),
        FeatureOutput::new(last, Pool::Pooler),
    ];
    // One of them for each input, so that more inputs are tried.
    let features = match bytes.len() % 5 {
        all @ 4 => &wanted[..all],
        one => &wanted[one..=one],
    };
    if let Ok(selected) = select_features(&model, &interface, features) {
        let bytes = selected.to_bytes().expect("a fuzzer's input is small");
        Model::from_bytes(bytes).expect("a selection is a model");
    }
    // Reading the parameters out of the graph, and building it again in other forms.
    if let Ok(lifted) = recognise_encoder(&model, &interface, Heads::Known(2)) {
        if let Ok(built) = build(&lifted.config, &lifted.weights) {
            Interface::recognise(&built).expect("what larder builds it reads");
            let _ = built.quantised();
        }
        let _ = build_fused(&lifted.config, &lifted.weights, FusedForm::default());
    }
});
