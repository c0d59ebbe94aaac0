//! larder's own operators, which ONNX Runtime calls for nodes of their domain: [`larder_kernels::operators`] has their names, inputs and
//! attributes. They run on the session's own threads.

mod attention;
mod gemm;
mod layer_normalization;

use larder_kernels::ShapeError;
use larder_kernels::operators::DOMAIN;
use ort::operator::{ComputeContext, OperatorDomain};
use ort::value::ValueRef;

/// The name of the instructions that multiply bfloat16 on this processor, such as `avx512_bf16`; `None` without any: then
/// larder's operators run, and float32 is faster.
pub fn bfloat16_kernel() -> Option<&'static str> {
    Some(larder_kernels::Kernel::available()).filter(|kernel| kernel.is_native()).map(|kernel| kernel.name())
}

/// All operators, for a session with so many threads.
pub(crate) fn domain(threads: usize) -> ort::Result<OperatorDomain> {
    OperatorDomain::new(DOMAIN)?
        .add(gemm::Gemm::new(threads))?
        .add(attention::Attention { threads })?
        .add(layer_normalization::LayerNormalization { threads })
}

/// An input that may be left out.
fn optional(context: &ComputeContext, place: usize) -> ort::Result<Option<ValueRef<'_>>> {
    if place < context.num_inputs()? { context.input(place) } else { Ok(None) }
}

/// An input that is there.
fn required(context: &ComputeContext, place: usize) -> ort::Result<ValueRef<'_>> {
    optional(context, place)?.ok_or_else(|| ort::Error::new(format!("input {place} is missing")))
}

/// Shape and values of a float32 tensor.
fn floats<'a>(value: &'a ValueRef<'_>) -> ort::Result<(Vec<usize>, &'a [f32])> {
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    // What is there has no negative sizes.
    Ok((shape.iter().map(|&size| size as usize).collect(), values))
}

/// Shape and values of a float32 matrix, `[rows, columns]`.
fn matrix<'a>(value: &'a ValueRef<'_>, name: &str) -> ort::Result<([usize; 2], &'a [f32])> {
    let (shape, values) = floats(value)?;
    match shape[..] {
        [rows, columns] => Ok(([rows, columns], values)),
        _ => Err(ort::Error::new(format!("{name} has shape {shape:?}, and two axes are needed"))),
    }
}

fn misfit(problem: ShapeError) -> ort::Error {
    ort::Error::new(problem.to_string())
}

/// Runs the tasks of a plan on the session's threads.
fn run_tasks(
    context: &ComputeContext,
    threads: usize,
    tasks: usize,
    run: impl Fn(usize) + Sync + Send,
) -> ort::Result<()> {
    if threads <= 1 || tasks <= 1 {
        (0..tasks).for_each(run);
        return Ok(());
    }
    context.par_for(tasks, tasks, run)
}
