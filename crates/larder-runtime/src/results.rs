//! The outputs of a run, in the runtime's memory.

use std::fmt;

use ort::session::SessionOutputs;
use ort::value::DynValue;

use crate::error::RuntimeError;
use crate::tensor::{ElementType, TensorView, ViewData};

/// The outputs of a run, in the runtime's memory until this is dropped: nothing is copied, and neither the session nor
/// its inputs are borrowed any more.
pub struct Results {
    model: String,
    outputs: Vec<Output>,
}

struct Output {
    name: String,
    shape: Vec<usize>,
    value: DynValue,
}

impl Results {
    /// # Errors
    /// [`RuntimeError::UnsupportedOutput`] for what the runtime did not give.
    pub(crate) fn new(model: String, names: &[&str], mut values: SessionOutputs<'_>) -> Result<Self, RuntimeError> {
        let output = |name: &&str| {
            let value = values.remove(name).ok_or_else(|| unsupported(&model, name))?;
            Ok(Output { name: (*name).to_owned(), shape: shape_of(&value), value })
        };
        let outputs = names.iter().map(output).collect::<Result<Vec<_>, RuntimeError>>()?;
        Ok(Self { model, outputs })
    }

    /// The outputs in the order in which they were named.
    ///
    /// # Errors
    /// [`RuntimeError::UnsupportedOutput`] for what is no tensor of a known type, [`RuntimeError::Run`] for what cannot be
    /// read.
    pub fn views(&self) -> Result<Vec<TensorView<'_>>, RuntimeError> {
        let mut views = Vec::new();
        for Output { name, shape, value } in &self.outputs {
            let failed = |source| RuntimeError::Run { model: self.model.clone(), source: Box::new(source) };
            let data = extract(value).map_err(failed)?.ok_or_else(|| unsupported(&self.model, name))?;
            views.push(TensorView { shape, data });
        }
        Ok(views)
    }
}

fn unsupported(model: &str, name: &str) -> RuntimeError {
    let (model, name) = (model.to_owned(), name.to_owned());
    RuntimeError::UnsupportedOutput { model, name, dtype: ElementType::Unsupported }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outputs = self.outputs.iter().map(|output| (&output.name, &output.shape));
        f.debug_map().entries(outputs).finish()
    }
}

/// The size of each axis; empty for what is no tensor.
pub(crate) fn shape_of(value: &DynValue) -> Vec<usize> {
    // An output has been computed, so no axis is open and none is negative.
    let dims = value.dtype().tensor_shape().map(|shape| shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)));
    dims.into_iter().flatten().collect()
}

/// Borrows an output's data; `None` if it is of no type that we read.
pub(crate) fn extract(value: &DynValue) -> ort::Result<Option<ViewData<'_>>> {
    Ok(match value.dtype().tensor_type().map(ElementType::from_ort) {
        Some(ElementType::Float32) => Some(ViewData::F32(value.try_extract_tensor()?.1)),
        Some(ElementType::Float16) => Some(ViewData::F16(value.try_extract_tensor()?.1)),
        Some(ElementType::Float64) => Some(ViewData::F64(value.try_extract_tensor()?.1)),
        Some(ElementType::Int64) => Some(ViewData::I64(value.try_extract_tensor()?.1)),
        Some(ElementType::Int32) => Some(ViewData::I32(value.try_extract_tensor()?.1)),
        Some(ElementType::Int8) => Some(ViewData::I8(value.try_extract_tensor()?.1)),
        Some(ElementType::Uint8) => Some(ViewData::U8(value.try_extract_tensor()?.1)),
        Some(ElementType::Bool) => Some(ViewData::Bool(value.try_extract_tensor()?.1)),
        Some(ElementType::Unsupported) | None => None,
    })
}
