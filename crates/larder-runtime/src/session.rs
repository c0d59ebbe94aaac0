//! One model, ready to run.

use std::error::Error;
use std::fs;
use std::path::Path;

use ort::ep::CPU;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions, SessionInputValue};
use ort::value::TensorRef;

use crate::cuda;
use crate::device::RanOn;
use crate::error::RuntimeError;
use crate::operators;
use crate::results::Results;
use crate::runtime::Runtime;
use crate::settings::SessionSettings;
use crate::tensor::{ElementType, Tensor, TensorInfo, TensorView, ViewData, for_each_type};
use crate::trace::traced;
use crate::weights::{self, WeightData};

/// One model, ready to run on one device.
///
/// A session is `Send` but runs one batch at a time: give each worker thread its own, with
/// [`SessionSettings::worker`]. Each holds its own copy of the weights.
#[derive(Debug)]
pub struct Session {
    model: String,
    ran_on: RanOn,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    session: ort::session::Session,
    /// What the session was given beside its graph: it stays for as long as the session may read it. Dropped last.
    _weights: Vec<WeightData>,
}

impl Session {
    /// Prepares a model given as the bytes of an ONNX file. The bytes are not needed afterwards.
    ///
    /// # Errors
    /// [`RuntimeError::CudaUnavailable`] if CUDA is asked for and does not work; [`RuntimeError::Load`]
    /// if ONNX Runtime cannot read the model, or lacks an operator.
    pub fn from_bytes(runtime: &Runtime, bytes: &[u8], settings: &SessionSettings) -> Result<Self, RuntimeError> {
        let name = settings.name.clone().unwrap_or_else(|| format!("of {} bytes in memory", bytes.len()));
        Self::build(runtime, settings, name, |builder| Ok(builder.commit_from_memory(bytes)?))
    }

    /// Prepares a model given as the bytes of its graph and, beside them, the weights of which the graph says that they are stored
    /// elsewhere: of each initializer with external data, one.
    ///
    /// # Errors
    /// As for [`Session::from_bytes`]; [`RuntimeError::Load`] too for a weight that has not as many bytes as its type and shape say.
    pub fn from_parts(
        runtime: &Runtime,
        graph: &[u8],
        weights: &[WeightData],
        settings: &SessionSettings,
    ) -> Result<Self, RuntimeError> {
        let name = settings.name.clone().unwrap_or_else(|| format!("of {} bytes in memory", graph.len()));
        let session = Self::build(runtime, settings, name, |builder| {
            weights::give(builder, weights)?;
            Ok(builder.commit_from_memory(graph)?)
        })?;
        Ok(Self { _weights: weights.to_vec(), ..session })
    }

    /// Prepares the model of an ONNX file, with the external data beside it if it has any.
    ///
    /// # Errors
    /// As for [`Session::from_bytes`]; a file that cannot be opened is [`RuntimeError::Load`].
    pub fn from_file(runtime: &Runtime, path: &Path, settings: &SessionSettings) -> Result<Self, RuntimeError> {
        let name = settings.name.clone().unwrap_or_else(|| path.display().to_string());
        // ONNX Runtime's own message for a missing file speaks of its source lines.
        fs::File::open(path).map_err(|source| RuntimeError::Load { model: name.clone(), source: Box::new(source) })?;
        Self::build(runtime, settings, name, |builder| Ok(builder.commit_from_file(path)?))
    }

    fn build(
        runtime: &Runtime,
        settings: &SessionSettings,
        model: String,
        commit: impl FnOnce(&mut SessionBuilder) -> Result<ort::session::Session, Box<dyn Error + Send + Sync>>,
    ) -> Result<Self, RuntimeError> {
        let ran_on = settings.device.resolve(runtime)?;
        let session = configure(runtime, settings, &ran_on)
            .map_err(Into::into)
            .and_then(|mut builder| commit(&mut builder))
            .map_err(|source| RuntimeError::Load { model: model.clone(), source })?;
        Ok(Self {
            model,
            ran_on,
            inputs: session.inputs().iter().map(TensorInfo::from_ort).collect(),
            outputs: session.outputs().iter().map(TensorInfo::from_ort).collect(),
            session,
            _weights: Vec::new(),
        })
    }

    /// The model's path or name, as error messages give it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the model's inputs, in its order.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// Returns the model's outputs, in its order.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// The names of the outputs that can be read, in the model's order.
    pub fn readable_outputs(&self) -> Vec<String> {
        let readable = self.outputs.iter().filter(|output| output.dtype != ElementType::Unsupported);
        readable.map(|output| output.name.clone()).collect()
    }

    /// Returns the device that this session runs on.
    pub fn ran_on(&self) -> &RanOn {
        &self.ran_on
    }

    /// Runs the model once and returns copies of the named outputs, in the order named. What no named
    /// output needs is still computed: remove it from the graph to save the time.
    ///
    /// # Errors
    /// As for [`Session::run_with`].
    pub fn run(&mut self, inputs: &[(&str, TensorView<'_>)], outputs: &[&str]) -> Result<Vec<Tensor>, RuntimeError> {
        self.run_with(inputs, outputs, |views| views.iter().map(TensorView::to_owned).collect())
    }

    /// Runs the model once and hands the named outputs, in the order named, to a function without
    /// copying them. On the CPU the inputs are not copied either.
    ///
    /// # Errors
    /// Names the model does not have, inputs missing or given twice, types and shapes it does not take:
    /// all before anything runs. [`RuntimeError::Run`] if it fails while running,
    /// [`RuntimeError::UnsupportedOutput`] for outputs that are no tensors of a known type.
    pub fn run_with<T>(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &[&str],
        read: impl FnOnce(&[TensorView<'_>]) -> T,
    ) -> Result<T, RuntimeError> {
        let results = self.run_kept(inputs, outputs)?;
        Ok(read(&results.views()?))
    }

    /// Runs the model as [`Session::run_with`] does, for outputs that must outlive the memory that `inputs` borrow.
    ///
    /// # Errors
    /// As for [`Session::run_with`].
    pub fn run_kept(&mut self, inputs: &[(&str, TensorView<'_>)], outputs: &[&str]) -> Result<Results, RuntimeError> {
        self.check_inputs(inputs, &[])?;
        self.check_outputs(outputs)?;
        let (model, failed) = (self.model.clone(), self.failed());
        let values = inputs.iter().map(|(name, view)| Ok((*name, borrow(view)?)));
        let values = values.collect::<ort::Result<Vec<_>>>().map_err(&failed)?;
        let wanted = outputs.iter().fold(OutputSelector::no_default(), |wanted, name| wanted.with(*name));
        let options = RunOptions::new().map_err(&failed)?.with_outputs(wanted);
        let results = self.session.run_with_options(values, &options).map_err(&failed)?;
        Results::new(model, outputs, results)
    }

    pub(crate) fn inner(&self) -> &ort::session::Session {
        &self.session
    }

    pub(crate) fn inner_mut(&mut self) -> &mut ort::session::Session {
        &mut self.session
    }

    /// Makes ONNX Runtime's error one of a run of this model.
    pub(crate) fn failed(&self) -> impl Fn(ort::Error) -> RuntimeError + use<> {
        let model = self.model.clone();
        move |source| RuntimeError::Run { model: model.clone(), source: Box::new(source) }
    }

    /// `bound` are inputs that are there already.
    pub(crate) fn check_inputs(&self, inputs: &[(&str, TensorView<'_>)], bound: &[String]) -> Result<(), RuntimeError> {
        let model = || self.model.clone();
        for (index, (name, view)) in inputs.iter().enumerate() {
            let info = find(&self.model, "input", &self.inputs, name)?;
            if inputs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(RuntimeError::DuplicateName { model: model(), side: "input", name: info.name.clone() });
            }
            if view.dtype() != info.dtype {
                let (expected, found) = (info.dtype, view.dtype());
                return Err(RuntimeError::WrongType { model: model(), name: info.name.clone(), expected, found });
            }
            let expected = view.shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
            if expected != Some(view.data.len()) {
                let (shape, len) = (view.shape.to_vec(), view.data.len());
                return Err(RuntimeError::WrongLength {
                    model: model(),
                    name: info.name.clone(),
                    shape,
                    expected,
                    len,
                });
            }
            if !info.takes(view.shape) {
                let (expected, found) = (info.dims.clone(), view.shape.to_vec());
                return Err(RuntimeError::WrongShape { model: model(), name: info.name.clone(), expected, found });
            }
        }
        let is_given =
            |info: &&TensorInfo| inputs.iter().any(|(name, _)| *name == info.name) || bound.contains(&info.name);
        match self.inputs.iter().find(|info| !is_given(info)) {
            Some(missing) => {
                let (name, known) = (missing.name.clone(), names(&self.inputs));
                Err(RuntimeError::MissingInput { model: model(), name, known })
            }
            None => Ok(()),
        }
    }

    pub(crate) fn check_outputs(&self, outputs: &[&str]) -> Result<(), RuntimeError> {
        for (index, name) in outputs.iter().enumerate() {
            let info = find(&self.model, "output", &self.outputs, name)?;
            if outputs[..index].contains(name) {
                let (model, name) = (self.model.clone(), info.name.clone());
                return Err(RuntimeError::DuplicateName { model, side: "output", name });
            }
            if info.dtype == ElementType::Unsupported {
                let (model, name) = (self.model.clone(), info.name.clone());
                return Err(RuntimeError::UnsupportedOutput { model, name, dtype: info.dtype });
            }
        }
        Ok(())
    }
}

/// Returns true if this processor adds up products of bytes in 32 bits.
fn adds_bytes_exactly() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

/// The options that [`SessionSettings`] documents.
fn configure(runtime: &Runtime, settings: &SessionSettings, ran_on: &RanOn) -> ort::Result<SessionBuilder> {
    let builder = ort::session::Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(settings.threads())?
        .with_intra_op_spinning(settings.spin)?
        // Between runs the cores are others': a fine-tuning step's optimizer has threads of its own.
        .with_config_entry("session.force_spinning_stop", "1")?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_memory_pattern(false)?;
    // On x86 without VNNI the runtime's product of unsigned by signed bytes adds pairs in 16 bits, and what does not fit is cut without a
    // word. With this it multiplies unsigned bytes there, which are exact. Where there is VNNI all are, and it would cost half of the speed.
    let builder =
        if adds_bytes_exactly() { builder } else { builder.with_config_entry("session.x64quantprecision", "1")? };
    let builder = match ran_on {
        RanOn::Cpu => {
            operators::introduce(runtime.environment())?;
            builder
                .with_operators(operators::domain(settings.threads())?)?
                .with_execution_providers([CPU::default().with_arena_allocator(true).build()])?
        }
        RanOn::Cuda { ordinals, .. } => {
            let ordinal = ordinals.first().copied().unwrap_or(0);
            builder.with_execution_providers([cuda::provider(ordinal, settings.tf32)])?
        }
    };
    traced(builder, settings.name.as_deref())
}

pub(crate) fn find<'a>(
    model: &str,
    side: &'static str,
    known: &'a [TensorInfo],
    name: &str,
) -> Result<&'a TensorInfo, RuntimeError> {
    known.iter().find(|info| info.name == name).ok_or_else(|| RuntimeError::UnknownName {
        model: model.to_owned(),
        side,
        name: name.to_owned(),
        known: names(known),
    })
}

fn names(known: &[TensorInfo]) -> Vec<String> {
    known.iter().map(|info| info.name.clone()).collect()
}

/// Wraps borrowed data for ONNX Runtime without copying it.
fn borrow<'a>(view: &TensorView<'a>) -> ort::Result<SessionInputValue<'a>> {
    for_each_type!(ViewData, view.data, values => Ok(TensorRef::from_array_view((view.shape, values))?.into()))
}
