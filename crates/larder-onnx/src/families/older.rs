//! Weights under the names that their family had before.

use super::EncoderConfig;
use crate::{OnnxError, Weight, Weights};

impl Weights {
    /// Returns the weights under the names that the family's parameters have now, whichever they were published under.
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`] for a weight that was several and cannot be parted.
    pub fn with_names_of(self, config: &EncoderConfig) -> Result<Self, OnnxError> {
        let older = &config.family.layout().older;
        if older.names.is_empty() && older.joined.is_empty() {
            return Ok(self);
        }
        let mut renamed = Self::default();
        for (name, weight) in self.floats() {
            let now = older.names.iter().fold(name.to_owned(), |name, (was, is)| name.replacen(was, is, 1));
            let mut joined = older.joined.iter();
            let parts = joined.find_map(|(module, parts)| Some((now.split_once(module)?, parts)));
            let Some(((before, behind), parts)) = parts else {
                renamed.insert(&now, weight.clone())?;
                continue;
            };
            let rows = weight.shape.first().copied().unwrap_or(0) / parts.len();
            let shape: Vec<usize> = std::iter::once(rows).chain(weight.shape.iter().skip(1).copied()).collect();
            let size = shape.iter().product::<usize>().max(1);
            for (part, values) in parts.iter().zip(weight.values.chunks(size)) {
                let weight = Weight { shape: shape.clone(), values: values.to_vec() };
                renamed.insert(&format!("{before}{part}{behind}"), weight)?;
            }
        }
        Ok(renamed)
    }
}
