//! Making constant tensors, and reading them whichever way their data is stored.

use std::borrow::Cow;

use half::{bf16, f16};

use crate::OnnxError;
use crate::proto::TensorProto;
use crate::proto::tensor_proto::{DataLocation, DataType};

impl TensorProto {
    /// Makes a float32 tensor; `values` are in row-major order, as many as `dims` multiply to.
    pub fn from_f32(name: &str, dims: &[usize], values: &[f32]) -> Self {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::from_raw(name, dims, DataType::Float, raw)
    }

    /// Makes an int64 tensor; `values` are in row-major order, as many as `dims` multiply to.
    pub fn from_i64(name: &str, dims: &[usize], values: &[i64]) -> Self {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::from_raw(name, dims, DataType::Int64, raw)
    }

    /// Makes a tensor of little-endian bytes in row-major order.
    pub fn from_raw(name: &str, dims: &[usize], dtype: DataType, raw: Vec<u8>) -> Self {
        Self {
            name: Some(name.to_owned()),
            // A slice's length, and so each axis, is below 2^63.
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Some(dtype as i32),
            raw_data: Some(raw.into()),
            ..Default::default()
        }
    }

    /// The element type by its name in the standard, for messages.
    pub fn dtype_name(&self) -> String {
        dtype_name(self.data_type())
    }

    /// Returns the number of elements that the shape gives.
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`] when an axis is negative or the product overflows.
    pub fn element_count(&self) -> Result<usize, OnnxError> {
        self.dims
            .iter()
            .try_fold(1_usize, |product, &dim| usize::try_from(dim).ok().and_then(|dim| product.checked_mul(dim)))
            .ok_or_else(|| self.size_error(usize::MAX, 0))
    }

    /// Returns the size of each axis.
    ///
    /// # Errors
    /// As [`TensorProto::element_count`].
    pub fn shape(&self) -> Result<Vec<usize>, OnnxError> {
        self.element_count()?;
        // Counted: no axis is negative.
        Ok(self.dims.iter().map(|&dim| dim.unsigned_abs() as usize).collect())
    }

    /// Returns the values as float32, row-major: borrowed where they are stored that way, converted from `raw_data`,
    /// float16, bfloat16 or float64 otherwise.
    ///
    /// # Errors
    /// [`OnnxError::ExternalData`], [`OnnxError::TensorDtype`] for a type that is no float, [`OnnxError::TensorSize`].
    pub fn floats(&self) -> Result<Cow<'_, [f32]>, OnnxError> {
        self.check_stored_here()?;
        let values = match DataType::try_from(self.data_type()) {
            Ok(DataType::Float) => match &self.raw_data {
                Some(raw) => Cow::Owned(words(raw, f32::from_le_bytes)),
                None => Cow::Borrowed(self.float_data.as_slice()),
            },
            Ok(DataType::Float16) => {
                Cow::Owned(self.halves().into_iter().map(|bits| f16::from_bits(bits).to_f32()).collect())
            }
            Ok(DataType::Bfloat16) => {
                Cow::Owned(self.halves().into_iter().map(|bits| bf16::from_bits(bits).to_f32()).collect())
            }
            Ok(DataType::Double) => Cow::Owned(match &self.raw_data {
                Some(raw) => words(raw, |word| f64::from_le_bytes(word) as f32),
                None => self.double_data.iter().map(|&value| value as f32).collect(),
            }),
            _ => return Err(self.dtype_error("a float type")),
        };
        self.check_size(values.len())?;
        Ok(values)
    }

    /// Returns the values as int64, row-major, from int64 or int32.
    ///
    /// # Errors
    /// [`OnnxError::ExternalData`], [`OnnxError::TensorDtype`] for another type, [`OnnxError::TensorSize`].
    pub fn integers(&self) -> Result<Cow<'_, [i64]>, OnnxError> {
        self.check_stored_here()?;
        let values = match (DataType::try_from(self.data_type()), &self.raw_data) {
            (Ok(DataType::Int64), Some(raw)) => Cow::Owned(words(raw, i64::from_le_bytes)),
            (Ok(DataType::Int64), None) => Cow::Borrowed(self.int64_data.as_slice()),
            (Ok(DataType::Int32), Some(raw)) => Cow::Owned(words(raw, |word| i64::from(i32::from_le_bytes(word)))),
            (Ok(DataType::Int32), None) => Cow::Owned(self.int32_data.iter().map(|&value| i64::from(value)).collect()),
            _ => return Err(self.dtype_error("int64 or int32")),
        };
        self.check_size(values.len())?;
        Ok(values)
    }

    /// 16-bit patterns; outside `raw_data` the standard keeps one in each `int32_data` value.
    fn halves(&self) -> Vec<u16> {
        match &self.raw_data {
            Some(raw) => words(raw, u16::from_le_bytes),
            None => self.int32_data.iter().map(|&value| value as u16).collect(),
        }
    }

    /// # Errors
    /// [`OnnxError::ExternalData`] when the data lies in another file.
    pub(crate) fn check_stored_here(&self) -> Result<(), OnnxError> {
        if self.data_location() != DataLocation::External {
            return Ok(());
        }
        let location = self.external_data.iter().find(|entry| entry.key() == "location");
        Err(OnnxError::ExternalData {
            tensor: self.name().to_owned(),
            location: location.map_or("", |entry| entry.value()).to_owned(),
        })
    }

    fn check_size(&self, found: usize) -> Result<(), OnnxError> {
        let expected = self.element_count()?;
        if expected == found { Ok(()) } else { Err(self.size_error(expected, found)) }
    }

    fn size_error(&self, expected: usize, found: usize) -> OnnxError {
        OnnxError::TensorSize { tensor: self.name().to_owned(), dims: self.dims.clone(), expected, found }
    }

    fn dtype_error(&self, expected: &'static str) -> OnnxError {
        OnnxError::TensorDtype { tensor: self.name().to_owned(), expected, found: self.dtype_name() }
    }
}

/// An element type by its name in the standard, lower case; a number that the standard does not know as itself.
pub(crate) fn dtype_name(data_type: i32) -> String {
    DataType::try_from(data_type)
        .map_or_else(|_| format!("element type {data_type}"), |dtype| format!("{dtype:?}").to_ascii_lowercase())
}

/// Whole words only: a cut last word is left for the size check to find.
fn words<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|&word| read(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::StringStringEntryProto;

    #[test]
    fn floats_are_read_from_every_storage() {
        let expected = [1.5_f32, -0.25, 1024.0];
        let typed =
            |dtype: DataType| TensorProto { dims: vec![3], data_type: Some(dtype as i32), ..Default::default() };
        let stored = [
            TensorProto::from_f32("raw", &[3], &expected),
            TensorProto { float_data: expected.to_vec(), ..typed(DataType::Float) },
            TensorProto { double_data: expected.map(f64::from).to_vec(), ..typed(DataType::Double) },
            TensorProto {
                int32_data: expected.map(|v| i32::from(f16::from_f32(v).to_bits())).to_vec(),
                ..typed(DataType::Float16)
            },
            TensorProto {
                raw_data: Some(expected.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect()),
                ..typed(DataType::Bfloat16)
            },
        ];
        for tensor in stored {
            assert_eq!(tensor.floats().expect("the tensor is well formed").as_ref(), expected, "{tensor:?}");
        }
    }

    #[test]
    fn malformed_tensors_are_errors() {
        let mut cut = TensorProto::from_f32("cut", &[2], &[1.0, 2.0]);
        cut.raw_data = Some(vec![0; 7].into());
        let message = cut.floats().unwrap_err().to_string();
        assert_eq!(message, "tensor \"cut\" of shape [2] must hold 2 values, and holds 1");

        let negative = TensorProto { dims: vec![-1], ..TensorProto::from_i64("n", &[], &[1]) };
        assert!(matches!(negative.integers(), Err(OnnxError::TensorSize { .. })));
        assert!(matches!(negative.floats(), Err(OnnxError::TensorDtype { .. })));

        let outside = TensorProto {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntryProto {
                key: Some("location".to_owned()),
                value: Some("model.onnx.data".to_owned()),
            }],
            ..TensorProto::from_f32("w", &[0], &[])
        };
        let message = outside.floats().unwrap_err().to_string();
        assert!(message.contains("\"w\"") && message.contains("model.onnx.data"), "{message}");
    }
}
