//! The names of the operators that compute with this crate, inside graphs that never leave the process.
//!
//! `larder-onnx` writes them into graphs, and `larder-runtime` gives them to ONNX Runtime. All tensors are float32 but for the signed bytes
//! of a quantised product; an input that is optional may be an empty name.
//!
//! | operator | inputs | attributes | output |
//! |---|---|---|---|
//! | [`GEMM`] | `A [m, k]`, `B [k, n]`, optional bias `[n]`, optional residual `[m, n]` | `transA`, `transB`, [`ACTIVATION`] | `activation(A · B + bias) + residual`, `[m, n]` |
//! | [`QUANTISED_GEMM`] | `A [m, k]`, constant bytes `B [k, n]`, constant scales of their columns `[n]`, optional bias `[n]`, optional residual `[m, n]` | [`ACTIVATION`] | `activation(q(A) · B · scales + bias) + residual`, `[m, n]` |
//! | [`ATTENTION`] | queries, keys and values side by side `[batch · seq, 3 · hidden]`, mask `[batch, 1, 1, seq]`; or the queries, the mask, the keys and the values, each `[batch · seq, hidden]`, optional dropout mask `[batch, heads, seq, seq]` | `num_heads`, `scale`, [`PRECISION`] | `[batch · seq, hidden]` |
//! | [`ATTENTION_GRADIENT`] | the gradient of what attention gave, then queries, mask, keys, values and dropout mask as there | `num_heads`, `scale`, [`PRECISION`] | gradients of queries, keys and values, each `[batch · seq, hidden]` |
//! | [`LAYER_NORMALIZATION`] | `X [rows, n]`, scale `[n]`, optional bias `[n]`, optional residual `[rows, n]` | `epsilon` | the normalised `X + residual`, `[rows, n]` |
//! | [`ACTIVATION_GRADIENT`] | gradient and input of an activation, both `[.., n]` | [`ACTIVATION`] | the input's gradient `[.., n]`, and the sums of its columns `[n]` |
//! | [`LAYER_NORMALIZATION_GRADIENT`] | gradient and input of a normalisation, both `[.., n]`, scale `[n]` | `epsilon` | gradients of the input `[.., n]`, the scale `[n]` and the bias `[n]`, and the sums of the first's columns `[n]` |
//!
//! With `transA`, `A` lies as `[k, m]`, and with `transB`, `B` as `[n, k]`, as ONNX's `Gemm` has it.

use crate::Activation;

/// The operators' domain.
pub const DOMAIN: &str = "larder";
/// The only version of the domain.
pub const VERSION: i64 = 1;
/// Raised with every change of what an operator gives: graphs are then compared anew.
pub const REVISION: u32 = 1;
/// A matrix product in bfloat16: see [`Product`](crate::Product).
pub const GEMM: &str = "Gemm";
/// A matrix product in 8-bit integers: see [`QuantisedProduct`](crate::QuantisedProduct).
pub const QUANTISED_GEMM: &str = "QuantisedGemm";
/// Attention to all tokens of a text: see [`Attention`](crate::Attention).
pub const ATTENTION: &str = "Attention";
/// A residual added and normalised: see [`LayerNorm`](crate::LayerNorm).
pub const LAYER_NORMALIZATION: &str = "LayerNormalization";
/// The gradients of attention: see [`AttentionGradient`](crate::AttentionGradient).
pub const ATTENTION_GRADIENT: &str = "AttentionGradient";
/// The gradient of an activation: see [`ActivationGradient`](crate::ActivationGradient).
pub const ACTIVATION_GRADIENT: &str = "ActivationGradient";
/// The gradients of a normalisation: see [`LayerNormGradient`](crate::LayerNormGradient).
pub const LAYER_NORMALIZATION_GRADIENT: &str = "LayerNormalizationGradient";
/// The attribute that holds [`Activation::name`]; none where it is left out.
pub const ACTIVATION: &str = "activation";
/// The attribute that holds [`Precision::name`](crate::Precision::name); bfloat16 where it is left out.
pub const PRECISION: &str = "precision";

impl Activation {
    /// Every function.
    pub const ALL: [Self; 4] = [Self::Identity, Self::GeluErf, Self::GeluTanh, Self::Silu];

    /// Its name in graphs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::GeluErf => "gelu_erf",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
        }
    }
}
