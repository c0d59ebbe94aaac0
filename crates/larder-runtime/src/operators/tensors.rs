//! Attributes and tensors of operators, and running a plan's tasks.

use larder_kernels::operators::{ACTIVATION, PRECISION};
use larder_kernels::{Activation, Matrix, Plan, Precision, ShapeError};
use ort::operator::{ComputeContext, KernelContext};
use ort::value::{ValueRef, ValueRefMut};

/// The activation that a node names; none where it names none.
pub(super) fn activation(node: &KernelContext<'_>) -> ort::Result<Activation> {
    let Some(name) = node.get::<String>(ACTIVATION) else { return Ok(Activation::Identity) };
    let found = Activation::ALL.into_iter().find(|activation| activation.name() == name);
    found.ok_or_else(|| ort::Error::new(format!("unknown activation `{name}`")))
}

/// The precision that a node names; bfloat16 where it names none.
pub(super) fn precision(node: &KernelContext<'_>) -> ort::Result<Precision> {
    let Some(name) = node.get::<String>(PRECISION) else { return Ok(Precision::default()) };
    let found = Precision::ALL.into_iter().find(|precision| precision.name() == name);
    found.ok_or_else(|| ort::Error::new(format!("unknown precision `{name}`")))
}

/// An output of that shape.
pub(super) fn output<'a>(context: &'a ComputeContext, place: usize, shape: &[usize]) -> ort::Result<ValueRefMut<'a>> {
    let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    context.output(place, shape)?.ok_or_else(|| ort::Error::new(format!("output {place} is missing")))
}

/// The shape of a tensor `[.., n]` as that of a matrix, `[rows, n]`.
pub(super) fn as_rows(shape: &[usize]) -> [usize; 2] {
    match shape {
        [] => [1, 1],
        [rows @ .., columns] => [rows.iter().product(), *columns],
    }
}

/// An input that may be left out.
pub(super) fn optional(context: &ComputeContext, place: usize) -> ort::Result<Option<ValueRef<'_>>> {
    if place < context.num_inputs()? { context.input(place) } else { Ok(None) }
}

/// An input that is there.
pub(super) fn required(context: &ComputeContext, place: usize) -> ort::Result<ValueRef<'_>> {
    optional(context, place)?.ok_or_else(|| ort::Error::new(format!("input {place} is missing")))
}

/// Shape and values of a float32 tensor.
pub(super) fn floats<'a>(value: &'a ValueRef<'_>) -> ort::Result<(Vec<usize>, &'a [f32])> {
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    // What is there has no negative sizes.
    Ok((shape.iter().map(|&size| size as usize).collect(), values))
}

/// Shape and values of a float32 matrix, `[rows, columns]`.
pub(super) fn matrix<'a>(value: &'a ValueRef<'_>, name: &str) -> ort::Result<([usize; 2], &'a [f32])> {
    let (shape, values) = floats(value)?;
    match shape[..] {
        [rows, columns] => Ok(([rows, columns], values)),
        _ => Err(ort::Error::new(format!("{name} has shape {shape:?}, and two axes are needed"))),
    }
}

/// Values of a float32 tensor that may be left out.
pub(super) fn optional_floats<'a>(value: &'a Option<ValueRef<'_>>) -> ort::Result<Option<&'a [f32]>> {
    value.as_ref().map(|value| Ok(floats(value)?.1)).transpose()
}

/// A float32 matrix that may be left out, `[rows, columns]`.
pub(super) fn optional_matrix<'a>(value: &'a Option<ValueRef<'_>>, name: &str) -> ort::Result<Option<Matrix<'a>>> {
    let read = |value: &'a ValueRef<'_>| {
        let (shape, values) = matrix(value, name)?;
        Matrix::new(values, shape).map_err(misfit)
    };
    value.as_ref().map(read).transpose()
}

pub(super) fn misfit(problem: ShapeError) -> ort::Error {
    ort::Error::new(problem.to_string())
}

/// Runs a plan on the session's threads.
pub(super) fn run(context: &ComputeContext, threads: usize, plan: &impl Plan) -> ort::Result<()> {
    let tasks = plan.tasks();
    if threads <= 1 || tasks <= 1 {
        plan.run();
        return Ok(());
    }
    context.par_for(tasks, tasks, |task| plan.run_task(task))
}
