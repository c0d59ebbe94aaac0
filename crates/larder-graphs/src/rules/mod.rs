//! One rule an operator: how the gradient of what a node gives becomes the gradient of what it reads.
//!
//! In the formulas, `dY` is the gradient of output `Y`, and every product without a sign between is element by element.

pub(crate) mod activation;
pub(crate) mod arithmetic;
pub(crate) mod cast;
pub(crate) mod concat;
pub(crate) mod conv;
pub(crate) mod dropout;
pub(crate) mod einsum;
pub(crate) mod extremum;
pub(crate) mod gather;
pub(crate) mod gelu;
pub(crate) mod gemm;
pub(crate) mod layer_norm;
pub(crate) mod layout;
pub(crate) mod matmul;
pub(crate) mod own_operators;
pub(crate) mod power;
pub(crate) mod reduce;
pub(crate) mod slice;
pub(crate) mod softmax;
