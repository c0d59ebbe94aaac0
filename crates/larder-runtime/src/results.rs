//! The outputs of a run, in the runtime's memory.

use std::fmt;

use ort::session::SessionOutputs;
use ort::value::DynValue;

use crate::error::RuntimeError;
use crate::session::{extract, shape_of};
use crate::tensor::{ElementType, TensorView};

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
