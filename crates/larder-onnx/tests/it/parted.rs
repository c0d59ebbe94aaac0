//! Weights beside the graph: they are slices of what the model was read from, and it computes the same.

use larder_onnx::Model;
use larder_runtime::{Device, ElementType, Runtime, Session, SessionSettings, WeightData};

use crate::support::{floats, golden, run, run_session, tiny_model};

#[test]
fn a_model_in_two_parts_computes_the_same_and_copies_no_weight() {
    let (model, file) = tiny_model().encoded().expect("it is small");
    let types = [ElementType::Float32.onnx_number()];
    let parted = model.parted(&types).expect("it is small");
    assert!(parted.graph.len() < file.len() / 2 && !parted.weights.is_empty());
    for weight in &parted.weights {
        assert!(file.as_ptr_range().contains(&weight.bytes.as_ptr()), "{} is a copy", weight.name);
        assert_eq!(weight.bytes.len(), 4 * weight.shape.iter().product::<usize>(), "{}", weight.name);
    }
    // Small ones stay, and so do those of other types.
    let graph = Model::from_bytes(parted.graph.clone()).expect("is a model");
    assert!(graph.graph().initializer.iter().any(|tensor| tensor.raw_data.is_some()));
    assert!(model.parted(&[]).expect("it is small").weights.is_empty());

    let weights = parted.weights.into_iter().map(|weight| WeightData {
        name: weight.name,
        dtype: ElementType::Float32,
        shape: weight.shape,
        bytes: weight.bytes,
    });
    let weights: Vec<WeightData> = weights.collect();
    let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
    let settings = SessionSettings::worker(Device::Cpu);
    let mut session = Session::from_parts(&runtime, &parted.graph, &weights, &settings).expect("it loads");
    drop((weights, file));
    let batch = golden("tiny/outputs_gelu.safetensors").batch();
    let interface = larder_onnx::Interface::recognise(&model).expect("is larder's own");
    let outputs = ["last_hidden_state"];
    let found = run_session(&mut session, &interface, &batch, &outputs);
    assert_eq!(floats(&found[0]), floats(&run(&model, &batch, &outputs)[0]));
}
