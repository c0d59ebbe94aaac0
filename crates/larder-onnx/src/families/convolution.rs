//! The settings of the [convolution](super::convolved) beside the first layer, as `config.json` has them.

use serde_json::Value as Json;

use super::Activation;
use super::keys::Keys;
use crate::OnnxError;

/// The tokens that each one is read with, itself included.
pub(super) const WIDTH: usize = 3;

/// The activation behind the convolution of a `config.json`, where it has one.
///
/// # Errors
/// [`OnnxError::ConfigValue`].
pub(super) fn read(keys: &Keys) -> Result<Option<Activation>, OnnxError> {
    let width = |found: &Json| found.as_u64().filter(|&width| width == 0 || width == WIDTH as u64);
    let width = keys.read("conv_kernel_size", 0, &|| "0, 3".to_owned(), width)?;
    if width == 0 {
        return Ok(None);
    }
    keys.read("conv_groups", (), &|| "1".to_owned(), |found| (found.as_u64() == Some(1)).then_some(()))?;
    let known = || Activation::ALL.iter().map(|activation| activation.as_str()).collect::<Vec<_>>().join(", ");
    let activation = keys.read("conv_act", None, &known, |found| Some(Some(found.as_str()?.parse().ok()?)))?;
    // transformers takes tanh for a key that is not there.
    let missing = || OnnxError::ConfigValue { key: "conv_act", found: "missing".to_owned(), supported: known() };
    activation.map(Some).ok_or_else(missing)
}

/// The keys of a `config.json` that say the same.
pub(super) fn keys(activation: Activation) -> [(&'static str, Json); 2] {
    [("conv_kernel_size", WIDTH.into()), ("conv_act", activation.as_str().into())]
}
