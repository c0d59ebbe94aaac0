//! Checking a device for half-precision kernels.

use larder_graphs::{Precision, ProductForm};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, attribute};
use larder_runtime::{Device, RanOn, Runtime, RuntimeError, Session, SessionSettings, TensorView, bfloat16_kernel};

use crate::TuneError;

/// A multiple of eight, as the kernels like it.
const SIZE: usize = 16;

/// The precision of matrix products, and their form, for a device that `precision` is asked of: a CPU without instructions for
/// bfloat16 computes in float32.
///
/// # Errors
/// [`TuneError::Precision`] for a device that has no kernel for one.
pub(crate) fn form(
    runtime: &Runtime,
    ran_on: &RanOn,
    precision: Precision,
) -> Result<(Precision, ProductForm), TuneError> {
    match ran_on {
        RanOn::Cpu => Ok(match precision {
            Precision::F16 => (precision, ProductForm::Rounded),
            // Without wide instructions the runtime's operators are the faster ones.
            Precision::F32 | Precision::Bf16 if bfloat16_kernel().is_some() => (precision, ProductForm::Operators),
            Precision::F32 | Precision::Bf16 => (Precision::F32, ProductForm::Rounded),
        }),
        RanOn::Cuda { .. } => {
            let wrong = |source| TuneError::Precision { precision, device: ran_on.to_string(), source };
            probe(runtime, ran_on.device(), precision).map_err(wrong)?;
            Ok((precision, ProductForm::Kernels))
        }
    }
}

/// Multiplies two small matrices in that precision. Gives no error where it comes out right.
fn probe(runtime: &Runtime, device: Device, precision: Precision) -> Result<(), Option<Box<RuntimeError>>> {
    let Some(half) = precision.half() else { return Ok(()) };
    let axes = [Axis::Fixed(SIZE), Axis::Fixed(SIZE)];
    let mut b = GraphBuilder::new("probe", 17);
    let x = b.input("x", DataType::Float, &axes);
    let cast = b.cast(&x, half);
    let product = b.node("Gemm", &[&cast, &cast], vec![attribute::int("transB", 1)]);
    let product = b.cast(&product, DataType::Float);
    b.output(&product, "y", DataType::Float, &axes);
    // A graph of three nodes with distinct names, and nothing that could be too large.
    let model = Model::from_graph(b.finish(), 17).and_then(|model| model.to_bytes());
    let bytes = model.expect("the probe is a small, valid graph");
    let name = Some(format!("product in {precision}"));
    let mut session =
        Session::from_bytes(runtime, &bytes, &SessionSettings { name, ..SessionSettings::worker(device) })
            .map_err(|source| Some(Box::new(source)))?;
    // The squares of the rows' norms stand on the diagonal: sixteen halves squared are four.
    let made = session
        .run(&[("x", TensorView::f32(&[SIZE, SIZE], &[0.5; SIZE * SIZE]))], &["y"])
        .map_err(|source| Some(Box::new(source)))?;
    let is_right = made[0].as_f32().is_some_and(|values| values.iter().all(|&value| value == SIZE as f32 / 4.0));
    if is_right { Ok(()) } else { Err(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_rounds_float16_and_multiplies_bfloat16_where_it_can() {
        let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
        let form = |precision| form(&runtime, &RanOn::Cpu, precision).expect("needs no kernel of the runtime's");
        assert_eq!(form(Precision::F16), (Precision::F16, ProductForm::Rounded));
        for precision in [Precision::F32, Precision::Bf16] {
            let expected = match bfloat16_kernel() {
                Some(_) => (precision, ProductForm::Operators),
                None => (Precision::F32, ProductForm::Rounded),
            };
            assert_eq!(form(precision), expected);
        }
        // The CPU takes float16 and has nothing for bfloat16: both answers of a device can be had here.
        assert!(probe(&runtime, Device::Cpu, Precision::F32).is_ok());
        assert!(probe(&runtime, Device::Cpu, Precision::F16).is_ok());
        let source = probe(&runtime, Device::Cpu, Precision::Bf16).expect_err("there is no such kernel");
        let device = RanOn::Cpu.to_string();
        let problem = TuneError::Precision { precision: Precision::Bf16, device, source };
        assert_eq!(problem.to_string(), "cpu cannot multiply matrices in bf16: choose another precision, f32 for one");
        let reason = std::error::Error::source(&problem).expect("the runtime says why").to_string();
        assert!(reason.contains("product in bf16"), "{reason}");
    }
}
