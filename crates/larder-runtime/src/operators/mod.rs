//! larder's own operators, which ONNX Runtime calls for nodes of their domain: [`larder_kernels::operators`] has their names, inputs and
//! attributes. They run on the session's own threads.

mod activation_gradient;
mod attention;
mod attention_gradient;
mod gemm;
mod layer_normalization;
mod layer_normalization_gradient;
mod quantised_gemm;
mod tensors;

use std::sync::{Mutex, PoisonError};

use larder_kernels::operators::DOMAIN;
use ort::environment::Environment;
use ort::operator::OperatorDomain;
use ort::session::Session;

use crate::probe;

/// True once ONNX Runtime knows the domain.
static IS_KNOWN: Mutex<bool> = Mutex::new(false);

/// The name of the instructions that multiply bfloat16 on this processor, such as `avx512_bf16`; `None` without any: then
/// larder's operators run, and float32 is faster.
pub fn bfloat16_kernel() -> Option<&'static str> {
    Some(larder_kernels::Kernel::available()).filter(|kernel| kernel.is_native()).map(|kernel| kernel.name())
}

/// The name of the instructions that multiply bytes on this processor, such as `avx512_vnni`; `None` without any: then larder's operators
/// run, and the runtime's own are faster.
pub fn int8_kernel() -> Option<&'static str> {
    Some(larder_kernels::QuantisedKernel::available()).filter(|kernel| kernel.is_native()).map(|kernel| kernel.name())
}

/// What decides over the last bits of larder's operators: the instructions that they use here, and their revision.
pub fn operator_kernels() -> String {
    let (floats, bytes) = (larder_kernels::Kernel::available(), larder_kernels::QuantisedKernel::available());
    format!("{} {} {}", floats.name(), bytes.name(), larder_kernels::operators::REVISION)
}

/// Has ONNX Runtime know the domain. It keeps one list of domains for the process, and looks there before it adds one, in two steps:
/// of two sessions that were made at once both would add it, and one would fail. So a small one is made first, alone.
pub(crate) fn introduce(environment: &Environment) -> ort::Result<()> {
    let mut is_known = IS_KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_known {
        probe::run(Session::builder(environment)?.with_operators(domain(1)?)?)?;
        *is_known = true;
    }
    Ok(())
}

/// All operators, for a session with so many threads.
pub(crate) fn domain(threads: usize) -> ort::Result<OperatorDomain> {
    OperatorDomain::new(DOMAIN)?
        .add(gemm::Gemm::new(threads))?
        .add(quantised_gemm::QuantisedGemm::new(threads))?
        .add(attention::Attention { threads })?
        .add(attention_gradient::AttentionGradient { threads })?
        .add(layer_normalization::LayerNormalization { threads })?
        .add(activation_gradient::ActivationGradient { threads })?
        .add(layer_normalization_gradient::LayerNormalizationGradient { threads })
}
