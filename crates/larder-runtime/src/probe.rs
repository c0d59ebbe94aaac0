//! A model that shows whether a provider computes.

use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;

/// `y = x W`, x float32 `[rows, 2]`, W = [[1, 2], [3, 4]]: one matrix product, so that running it on a GPU needs
/// the driver, the device and cuBLAS. Made by `tests/fixtures/make.py`.
const PROBE: &[u8] = include_bytes!("probe.onnx");
const PROBE_INPUT: [f32; 2] = [1.0, 10.0];
/// Small integers, exact even in TF32.
pub(crate) const PROBE_OUTPUT: [f32; 2] = [31.0, 42.0];

/// Runs the model as `builder` is set up, and returns its output.
pub(crate) fn run(mut builder: SessionBuilder) -> ort::Result<Vec<f32>> {
    let mut session = builder.commit_from_memory(PROBE)?;
    let input = TensorRef::from_array_view(([1_usize, 2], PROBE_INPUT.as_slice()))?;
    let outputs = session.run([input.into()])?;
    let (_, values) = outputs[0].try_extract_tensor::<f32>()?;
    Ok(values.to_vec())
}
