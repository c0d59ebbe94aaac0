//! The choice among the graphs of an encoder.

use larder_errors::spelled_enum;
use larder_intake::{Encoder, Prepared, Running};
use larder_onnx::{FeatureOutput, FusedForm, Interface, Model, OperatorForm, select_features};
use larder_runtime::{Device, Runtime, bfloat16_kernel, int8_kernel};

use crate::EncodeError;

spelled_enum! {
    /// The graph of an encoder to run.
    #[derive(Default)]
    pub enum GraphChoice {
        /// larder's own where there is one that gives the same, else the one that was added. An encoder that larder
        /// quantised runs with larder's operators for the same integers on CPUs that have instructions for them (AVX512_VNNI and
        /// AVX512_BF16), if its vectors on the probe texts agree within the tolerance of 8-bit products. They are compared once: the
        /// outcome is kept in `comparisons.json` beside the encoder, for this larder, ONNX Runtime and processor.
        #[default]
        Auto = "auto",
        /// The one that was added.
        Given = "given",
        /// The float16 graph in fused operators on CUDA, without padding inside, if its vectors on the probe texts, run on
        /// that GPU, agree within the tolerance of half precision; else the one with padding; else as
        /// [`GraphChoice::Auto`].
        Half = "half",
        /// The same with padding inside, without trying it without.
        HalfPadded = "half-padded",
        /// larder's own on the CPU with products in bfloat16 and sums in float32, if its vectors on the probe texts agree within
        /// the tolerance of bfloat16, and the processor has instructions for them; else as [`GraphChoice::Auto`].
        Bfloat16 = "bfloat16" | "bf16",
    } else "{found:?} is no graph; known: {known}"
}

/// From which the graph is made that gives these outputs.
#[derive(Debug, Clone)]
pub(crate) struct GraphSource {
    pub runtime: Runtime,
    pub encoder: Encoder,
    pub outputs: Vec<FeatureOutput>,
    /// As [`EngineSettings::stock_operators`](crate::EngineSettings::stock_operators).
    pub stock_operators: bool,
}

/// The graph that gives the outputs, and no more.
pub(crate) struct SelectedGraph {
    pub model: Model,
    pub interface: Interface,
    /// True if it is larder's own in the place of the one that was added.
    pub rebuilt: bool,
    /// The recorded name of the graph.
    pub name: &'static str,
    /// The reason if it is not the graph asked for.
    pub note: Option<String>,
}

impl GraphSource {
    /// Makes the graph.
    ///
    /// # Errors
    /// [`EncodeError::Encoder`]; [`EncodeError::Onnx`] for a layer that the model does not show.
    pub fn select(&self, choice: GraphChoice, device: Device) -> Result<SelectedGraph, EncodeError> {
        let outputs = &self.outputs;
        let ChosenGraph { running, name, note } = choose(self, choice, device)?;
        let Running { model, interface, rebuilt } = running;
        let model = self.encoder.showing(model, &interface, outputs)?;
        let model = select_features(&model, &interface, outputs)?;
        Ok(SelectedGraph { model, interface, rebuilt, name, note })
    }
}

/// The chosen graph.
struct ChosenGraph {
    running: Running,
    /// The recorded name: `given`, `rebuilt`, `int8`, `bfloat16`, `half` or `half-packed`.
    pub name: &'static str,
    /// The reason if it is not the graph asked for.
    pub note: Option<String>,
}

/// Finds the model to run for these features.
///
/// # Errors
/// [`EncodeError::Encoder`].
fn choose(source: &GraphSource, choice: GraphChoice, device: Device) -> Result<ChosenGraph, EncodeError> {
    let GraphSource { runtime, encoder, outputs, stock_operators } = source;
    let mut note = None;
    match (choice, device) {
        (GraphChoice::Given, _) => {
            let running = Running { model: encoder.model()?, interface: encoder.interface().clone(), rebuilt: false };
            return Ok(ChosenGraph { running, name: "given", note });
        }
        // Building and comparing a graph that could not be used would be wasted.
        (GraphChoice::Half | GraphChoice::HalfPadded, Device::Cuda(_)) if !encoder.pooler_is_its_own(outputs) => {
            note = Some("not in half precision: the pooled output is the given graph's own".to_owned());
        }
        (GraphChoice::Half | GraphChoice::HalfPadded, Device::Cuda(_)) => {
            let forms = [(true, "half-packed"), (false, "half")];
            for &(packed, name) in if choice == GraphChoice::Half { &forms[..] } else { &forms[1..] } {
                match encoder.fused(runtime, device, FusedForm { half: true, packed })? {
                    Ok((running, _)) => return Ok(ChosenGraph { running, name, note }),
                    Err(reason) => note = Some(format!("not in half precision: {reason}")),
                }
            }
        }
        (GraphChoice::Half | GraphChoice::HalfPadded, _) => {
            note = Some("half precision is for CUDA: on a CPU it would be slower".to_owned());
        }
        (GraphChoice::Bfloat16, Device::Cuda(_)) => {
            note = Some("bfloat16 is for CPUs: on CUDA half precision is faster".to_owned());
        }
        (GraphChoice::Bfloat16, _) if bfloat16_kernel().is_none() => {
            note = Some("not in bfloat16: this processor has no instructions for it (AVX512_BF16)".to_owned());
        }
        (GraphChoice::Bfloat16, _) if !encoder.pooler_is_its_own(outputs) => {
            note = Some("not in bfloat16: the pooled output is the given graph's own".to_owned());
        }
        (GraphChoice::Bfloat16, _) => match encoder.with_operators(runtime, OperatorForm::Bfloat16)? {
            Ok((running, _)) => return Ok(ChosenGraph { running, name: "bfloat16", note }),
            Err(reason) => note = Some(format!("not in bfloat16: {reason}")),
        },
        (GraphChoice::Auto, _) => {}
    }
    let running = encoder.running(outputs)?;
    let name = if running.rebuilt { "rebuilt" } else { "given" };
    let expected = matches!(encoder.manifest().prepared, Prepared::Rebuilt(_)) && encoder.pooler_is_its_own(outputs);
    if expected && !running.rebuilt {
        note = Some(format!(
            "encoder {} was added by another version of larder, whose graph was compared and this one's was not: the given \
             graph runs; `larder encoder add` with --replace compares again",
            encoder.name()
        ));
    }
    // In float32 the products take nine tenths of the time, and the runtime's are as fast: operators around them gained nothing.
    let is_own = running.rebuilt || encoder.manifest().prepared == Prepared::Built;
    let has_instructions = bfloat16_kernel().is_some() && int8_kernel().is_some();
    if device == Device::Cpu && !stock_operators && is_own && has_instructions && is_quantised(&running.model) {
        match encoder.in_form(runtime, &running, OperatorForm::Int8)? {
            Some(Ok((running, _))) => return Ok(ChosenGraph { running, name: OperatorForm::Int8.name(), note }),
            Some(Err(reason)) => {
                note.get_or_insert_with(|| format!("not with larder's own 8-bit products: {reason}"));
            }
            None => {}
        }
    }
    Ok(ChosenGraph { running, name, note })
}

/// True for a graph with products in 8 bits as larder writes them.
fn is_quantised(model: &Model) -> bool {
    model.graph().node.iter().any(|node| node.op_type() == "MatMulIntegerToFloat")
}
