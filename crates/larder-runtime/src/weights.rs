//! Weights that a session takes from where they are, beside the bytes of its graph.
//!
//! A model of 90 MB whose bytes hold its weights is copied three times before it runs: into the bytes, out of the message that they are
//! parsed into, into the runtime's own memory. Given beside the graph they are copied once, and what a kernel packs is not kept twice.

use std::ffi::{CString, NulError};

use bytes::Bytes;
use half::f16;
use ort::AsPointer;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::SessionBuilder;
use ort::value::{DynValueRefMut, PrimitiveTensorElementType, Shape, TensorRefMut};

use crate::tensor::ElementType;

/// One weight of a model: what the initializer of that name holds, of which the graph says that it is stored elsewhere.
#[derive(Clone, Debug)]
pub struct WeightData {
    /// The initializer's name.
    pub name: String,
    /// The element type.
    pub dtype: ElementType,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The elements, row-major, little-endian. They may begin anywhere.
    pub bytes: Bytes,
}

/// The reason why a weight cannot be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WeightProblem {
    #[error("the weight {name:?} has {found} bytes, and its type and shape make {expected:?}")]
    WrongLength { name: String, found: usize, expected: Option<usize> },
    #[error("the weight {name:?} is of a type that cannot be given: {dtype}")]
    WrongType { name: String, dtype: ElementType },
    #[error("a weight's name cannot be told to ONNX Runtime")]
    Name(#[from] NulError),
    #[error(transparent)]
    Runtime(#[from] ort::Error),
}

/// Gives the weights to the sessions that the builder makes. `weights` must outlive them.
pub(crate) fn give(builder: &mut SessionBuilder, weights: &[WeightData]) -> Result<(), WeightProblem> {
    let names = weights.iter().map(|weight| CString::new(weight.name.as_str())).collect::<Result<Vec<_>, _>>()?;
    let values = weights.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let pointers: Vec<_> = values.iter().map(|value| value.ptr()).collect();
    // SAFETY: both arrays have `names.len()` valid pointers. The runtime copies the names and counts references to the values, whose
    // memory the caller keeps.
    let status = unsafe {
        (ort::api().AddExternalInitializers)(builder.ptr_mut(), names.as_ptr(), pointers.as_ptr(), names.len())
    };
    // SAFETY: the status is the one that the runtime just returned, and is used once.
    Ok(unsafe { ort::Error::result_from_status(status) }?)
}

fn value(weight: &WeightData) -> Result<DynValueRefMut<'_>, WeightProblem> {
    match weight.dtype {
        ElementType::Float32 => of_type::<f32>(weight),
        ElementType::Float16 => of_type::<f16>(weight),
        ElementType::Float64 => of_type::<f64>(weight),
        ElementType::Int64 => of_type::<i64>(weight),
        ElementType::Int32 => of_type::<i32>(weight),
        ElementType::Int8 => of_type::<i8>(weight),
        ElementType::Uint8 => of_type::<u8>(weight),
        ElementType::Bool => of_type::<bool>(weight),
        ElementType::Unsupported => Err(WeightProblem::WrongType { name: weight.name.clone(), dtype: weight.dtype }),
    }
}

fn of_type<T: PrimitiveTensorElementType + std::fmt::Debug + 'static>(
    weight: &WeightData,
) -> Result<DynValueRefMut<'_>, WeightProblem> {
    let expected = weight.shape.iter().try_fold(size_of::<T>(), |bytes, &size| bytes.checked_mul(size));
    if expected != Some(weight.bytes.len()) {
        let (name, found) = (weight.name.clone(), weight.bytes.len());
        return Err(WeightProblem::WrongLength { name, found, expected });
    }
    let shape: Shape = weight.shape.iter().map(|&size| size as i64).collect();
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)?;
    // SAFETY: the memory has as many bytes as the shape and type say, checked above, and outlives the reference. The runtime only
    // reads initializers: it copies their bytes, wherever they begin, into memory of its own when it makes the session.
    let tensor = unsafe { TensorRefMut::<T>::from_raw(memory, weight.bytes.as_ptr().cast_mut().cast(), shape) }?;
    Ok(tensor.into_dyn())
}
