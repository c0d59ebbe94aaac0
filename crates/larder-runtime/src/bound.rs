//! Sessions whose large inputs and outputs stay where they run.

use std::fmt;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::IoBinding;
use ort::value::{DynValue, Tensor as OrtTensor};

use crate::device::RanOn;
use crate::error::RuntimeError;
use crate::results::Results;
use crate::session::{Session, find};
use crate::tensor::{TensorView, ViewData, for_each_type};

/// A float32 vector in the memory of a session's device. Several sessions of one device may read it, and one may write it
/// where it reads it.
pub struct DeviceVector {
    tensor: OrtTensor<f32>,
    len: usize,
}

impl DeviceVector {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if it has no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for DeviceVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceVector").field("len", &self.len).finish_non_exhaustive()
    }
}

/// A session with vectors bound to some of its inputs and outputs, which are not copied when it runs. Everything else is
/// given to a run and taken from it as with a [`Session`].
#[derive(Debug)]
pub struct Bound {
    session: Session,
    binding: IoBinding,
    host: MemoryInfo<'static>,
    inputs: Vec<String>,
}

impl Bound {
    /// Creates a binding of a session with nothing bound yet.
    ///
    /// # Errors
    /// [`RuntimeError::Run`] if the runtime cannot bind.
    pub fn new(session: Session) -> Result<Self, RuntimeError> {
        let failed = session.failed();
        let binding = session.inner().create_binding().map_err(&failed)?;
        let host = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput);
        let host = host.map_err(&failed)?;
        Ok(Self { session, binding, host, inputs: Vec::new() })
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// A vector on this session's device, of whatever is in the memory: write it before it is read.
    ///
    /// # Errors
    /// [`RuntimeError::Run`] if there is not enough memory.
    pub fn allocate(&self, len: usize) -> Result<DeviceVector, RuntimeError> {
        let failed = self.session.failed();
        let allocator = match self.session.ran_on() {
            RanOn::Cpu => Ok(Allocator::default()),
            RanOn::Cuda { ordinals, .. } => {
                let ordinal = ordinals.first().copied().and_then(|ordinal| i32::try_from(ordinal).ok()).unwrap_or(0);
                let memory =
                    MemoryInfo::new(AllocationDevice::CUDA, ordinal, AllocatorType::Device, MemoryType::Default);
                memory.and_then(|memory| Allocator::new(self.session.inner(), memory))
            }
        };
        let tensor = allocator.and_then(|allocator| OrtTensor::new(&allocator, [len])).map_err(failed)?;
        Ok(DeviceVector { tensor, len })
    }

    /// Makes later runs read an input from there, as it is when they run.
    ///
    /// # Errors
    /// [`RuntimeError::UnknownName`], [`RuntimeError::WrongShape`], [`RuntimeError::Run`].
    pub fn bind_input(&mut self, name: &str, vector: &DeviceVector) -> Result<(), RuntimeError> {
        let info = find(self.session.model(), "input", self.session.inputs(), name)?;
        if !info.takes(&[vector.len]) {
            let (expected, found) = (info.dims.clone(), vec![vector.len]);
            let (model, name) = (self.session.model().to_owned(), name.to_owned());
            return Err(RuntimeError::WrongShape { model, name, expected, found });
        }
        self.binding.bind_input(name, &vector.tensor).map_err(self.session.failed())?;
        if !self.inputs.iter().any(|bound| bound == name) {
            self.inputs.push(name.to_owned());
        }
        Ok(())
    }

    /// Makes later runs write an output there. A vector may be bound to an input too, where no node reads that input after the
    /// output has been written, and the node that writes it reads and writes element by element: the runtime does not
    /// look.
    ///
    /// # Errors
    /// [`RuntimeError::UnknownName`], [`RuntimeError::Run`].
    pub fn bind_output(&mut self, name: &str, vector: &mut DeviceVector) -> Result<(), RuntimeError> {
        find(self.session.model(), "output", self.session.outputs(), name)?;
        self.binding.bind_output(name, &mut vector.tensor).map_err(self.session.failed())
    }

    /// Takes all vectors back.
    pub fn unbind(&mut self) {
        self.binding.clear();
        self.inputs.clear();
    }

    /// Runs the model once, with `inputs` beside those that are bound, and hands the named outputs, in the order named, to a
    /// function.
    ///
    /// # Errors
    /// As for [`Session::run_with`].
    pub fn run_with<T>(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &[&str],
        read: impl FnOnce(&[TensorView<'_>]) -> T,
    ) -> Result<T, RuntimeError> {
        self.session.check_inputs(inputs, &self.inputs)?;
        self.session.check_outputs(outputs)?;
        let failed = self.session.failed();
        let model = self.session.model().to_owned();
        for (name, view) in inputs {
            self.binding.bind_input(*name, &owned(view).map_err(&failed)?).map_err(&failed)?;
        }
        for name in outputs {
            // Anew for every run: the tensor of the last has its shape.
            self.binding.bind_output_to_device(*name, &self.host).map_err(&failed)?;
        }
        // What was given may still be on its way to the device.
        self.binding.synchronize_inputs().map_err(&failed)?;
        let results = self.session.inner_mut().run_binding(&self.binding).map_err(&failed)?;
        Ok(read(&Results::new(model, outputs, results)?.views()?))
    }
}

/// A copy for ONNX Runtime to keep. `ort` 2.0.0-rc.15 copies what is borrowed itself when it is bound, by way of a session
/// that it binds what is borrowed to: that never returns.
fn owned(view: &TensorView<'_>) -> ort::Result<DynValue> {
    for_each_type!(ViewData, view.data, values => {
        Ok(OrtTensor::from_array((view.shape, values.to_vec()))?.into_dyn())
    })
}
