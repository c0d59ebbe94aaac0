//! Tensors: typed data with a shape, borrowed or owned, in row-major order.

use half::f16;
use larder_errors::spelled_enum;
use ort::value::{Outlet, TensorElementType};

spelled_enum! {
    /// The element type of a tensor.
    pub enum ElementType {
        /// 32-bit IEEE float.
        Float32 = "float32",
        /// 16-bit IEEE float.
        Float16 = "float16",
        /// 64-bit IEEE float.
        Float64 = "float64",
        /// 64-bit signed integer.
        Int64 = "int64",
        /// 32-bit signed integer.
        Int32 = "int32",
        /// 8-bit signed integer.
        Int8 = "int8",
        /// 8-bit unsigned integer.
        Uint8 = "uint8",
        /// Truth value, one byte each.
        Bool = "bool",
        /// A type that larder neither feeds nor reads, or no tensor at all.
        Unsupported = "unsupported",
    }
}

impl ElementType {
    /// The types that can be given to a session and read from it.
    pub const READABLE: &[Self] =
        &[Self::Float32, Self::Float16, Self::Float64, Self::Int64, Self::Int32, Self::Int8, Self::Uint8, Self::Bool];

    /// The number of the type in the ONNX standard (`TensorProto.DataType`); 0, which is undefined, of an unsupported one.
    pub fn onnx_number(self) -> i32 {
        match self {
            Self::Unsupported => 0,
            Self::Float32 => 1,
            Self::Uint8 => 2,
            Self::Int8 => 3,
            Self::Int32 => 6,
            Self::Int64 => 7,
            Self::Bool => 9,
            Self::Float16 => 10,
            Self::Float64 => 11,
        }
    }

    pub(crate) fn from_ort(dtype: TensorElementType) -> Self {
        match dtype {
            TensorElementType::Float32 => Self::Float32,
            TensorElementType::Float16 => Self::Float16,
            TensorElementType::Float64 => Self::Float64,
            TensorElementType::Int64 => Self::Int64,
            TensorElementType::Int32 => Self::Int32,
            TensorElementType::Int8 => Self::Int8,
            TensorElementType::Uint8 => Self::Uint8,
            TensorElementType::Bool => Self::Bool,
            _ => Self::Unsupported,
        }
    }
}

/// An input or output as a model declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name in the graph.
    pub name: String,
    /// The element type.
    pub dtype: ElementType,
    /// The size of each axis; `None` where the model leaves it open.
    pub dims: Vec<Option<i64>>,
}

impl TensorInfo {
    pub(crate) fn from_ort(outlet: &Outlet) -> Self {
        let dtype = outlet.dtype();
        Self {
            name: outlet.name().to_owned(),
            dtype: dtype.tensor_type().map_or(ElementType::Unsupported, ElementType::from_ort),
            dims: dtype
                .tensor_shape()
                .map(|shape| shape.iter().map(|&size| (size >= 0).then_some(size)).collect())
                .unwrap_or_default(),
        }
    }

    /// Returns true if a tensor of this shape fits the declared shape.
    pub fn takes(&self, shape: &[usize]) -> bool {
        self.dims.len() == shape.len()
            && self.dims.iter().zip(shape).all(|(axis, &size)| axis.is_none_or(|axis| i64::try_from(size) == Ok(axis)))
    }
}

/// Borrowed elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewData<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
    /// 64-bit floats.
    F64(&'a [f64]),
    /// 64-bit integers.
    I64(&'a [i64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// 8-bit integers.
    I8(&'a [i8]),
    /// 8-bit unsigned integers.
    U8(&'a [u8]),
    /// Truth values.
    Bool(&'a [bool]),
}

/// Owned elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 8-bit integers.
    I8(Vec<i8>),
    /// 8-bit unsigned integers.
    U8(Vec<u8>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl TensorData {
    /// Whole numbers in the type that a model's input takes, which holds them: int32, float32, float16, truth values, else
    /// int64.
    pub fn from_integers(values: Vec<i64>, dtype: ElementType) -> Self {
        let values_of = values.iter();
        match dtype {
            ElementType::Int32 => Self::I32(values_of.map(|&value| value as i32).collect()),
            ElementType::Float32 => Self::F32(values_of.map(|&value| value as f32).collect()),
            ElementType::Float16 => Self::F16(values_of.map(|&value| f16::from_f32(value as f32)).collect()),
            ElementType::Bool => Self::Bool(values_of.map(|&value| value != 0).collect()),
            _ => Self::I64(values),
        }
    }
}

/// Evaluates one expression for whichever slice or vector the data is.
macro_rules! for_each_type {
    ($kind:ident, $data:expr, $values:ident => $result:expr) => {
        match $data {
            $kind::F32($values) => $result,
            $kind::F16($values) => $result,
            $kind::F64($values) => $result,
            $kind::I64($values) => $result,
            $kind::I32($values) => $result,
            $kind::I8($values) => $result,
            $kind::U8($values) => $result,
            $kind::Bool($values) => $result,
        }
    };
}
pub(crate) use for_each_type;

impl ViewData<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        for_each_type!(ViewData, self, values => values.len())
    }

    /// Returns true if it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the element type.
    pub fn dtype(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::Float32,
            Self::F16(_) => ElementType::Float16,
            Self::F64(_) => ElementType::Float64,
            Self::I64(_) => ElementType::Int64,
            Self::I32(_) => ElementType::Int32,
            Self::I8(_) => ElementType::Int8,
            Self::U8(_) => ElementType::Uint8,
            Self::Bool(_) => ElementType::Bool,
        }
    }

    /// A copy that owns its data.
    pub fn to_owned(&self) -> TensorData {
        match self {
            Self::F32(values) => TensorData::F32(values.to_vec()),
            Self::F16(values) => TensorData::F16(values.to_vec()),
            Self::F64(values) => TensorData::F64(values.to_vec()),
            Self::I64(values) => TensorData::I64(values.to_vec()),
            Self::I32(values) => TensorData::I32(values.to_vec()),
            Self::I8(values) => TensorData::I8(values.to_vec()),
            Self::U8(values) => TensorData::U8(values.to_vec()),
            Self::Bool(values) => TensorData::Bool(values.to_vec()),
        }
    }
}

/// A borrowed tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorView<'a> {
    /// The size of each axis; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements in row-major order.
    pub data: ViewData<'a>,
}

impl<'a> TensorView<'a> {
    /// Borrowed 64-bit integers, such as `input_ids` `[batch, seq]`.
    pub fn i64(shape: &'a [usize], values: &'a [i64]) -> Self {
        Self { shape, data: ViewData::I64(values) }
    }

    /// Borrowed 32-bit integers.
    pub fn i32(shape: &'a [usize], values: &'a [i32]) -> Self {
        Self { shape, data: ViewData::I32(values) }
    }

    /// Borrowed 32-bit floats.
    pub fn f32(shape: &'a [usize], values: &'a [f32]) -> Self {
        Self { shape, data: ViewData::F32(values) }
    }

    /// Borrowed 16-bit floats.
    pub fn f16(shape: &'a [usize], values: &'a [f16]) -> Self {
        Self { shape, data: ViewData::F16(values) }
    }

    /// Returns the element type.
    pub fn dtype(&self) -> ElementType {
        self.data.dtype()
    }

    /// The elements if they are 32-bit floats.
    pub fn as_f32(&self) -> Option<&'a [f32]> {
        match self.data {
            ViewData::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The elements if they are 16-bit floats.
    pub fn as_f16(&self) -> Option<&'a [f16]> {
        match self.data {
            ViewData::F16(values) => Some(values),
            _ => None,
        }
    }

    /// The elements if they are 64-bit integers.
    pub fn as_i64(&self) -> Option<&'a [i64]> {
        match self.data {
            ViewData::I64(values) => Some(values),
            _ => None,
        }
    }

    /// A copy that owns its data.
    pub fn to_owned(&self) -> Tensor {
        Tensor { shape: self.shape.to_vec(), data: self.data.to_owned() }
    }
}

/// A tensor that owns its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The size of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub data: TensorData,
}

impl Tensor {
    /// The same tensor, borrowed.
    pub fn view(&self) -> TensorView<'_> {
        let data = match &self.data {
            TensorData::F32(values) => ViewData::F32(values),
            TensorData::F16(values) => ViewData::F16(values),
            TensorData::F64(values) => ViewData::F64(values),
            TensorData::I64(values) => ViewData::I64(values),
            TensorData::I32(values) => ViewData::I32(values),
            TensorData::I8(values) => ViewData::I8(values),
            TensorData::U8(values) => ViewData::U8(values),
            TensorData::Bool(values) => ViewData::Bool(values),
        };
        TensorView { shape: &self.shape, data }
    }

    /// Returns the element type.
    pub fn dtype(&self) -> ElementType {
        self.view().dtype()
    }

    /// The elements if they are 32-bit floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        self.view().as_f32()
    }

    /// The elements if they are 64-bit integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        self.view().as_i64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_shapes_take_what_fits() {
        let info = TensorInfo { name: "x".to_owned(), dtype: ElementType::Float32, dims: vec![None, Some(3)] };
        assert!(info.takes(&[7, 3]) && info.takes(&[0, 3]));
        assert!(!info.takes(&[7, 4]) && !info.takes(&[7]) && !info.takes(&[7, 3, 1]));
    }

    #[test]
    fn a_view_of_an_owned_tensor_is_the_tensor() {
        let tensor = Tensor { shape: vec![2, 1], data: TensorData::F16(vec![f16::from_f32(0.5), f16::ONE]) };
        assert_eq!(tensor.view().to_owned(), tensor);
        assert_eq!(tensor.dtype(), ElementType::Float16);
        assert_eq!(tensor.as_f32(), None);
    }
}
