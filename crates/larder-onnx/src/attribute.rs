//! Making and reading the attributes of nodes.

use crate::proto::attribute_proto::AttributeType;
use crate::proto::{AttributeProto, NodeProto, TensorProto};

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind as i32), ..Default::default() }
}

/// An integer attribute, as `axis`.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::Int) }
}

/// A list of integers, as `perm`.
pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
}

/// A 32-bit float attribute, as `epsilon`.
pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::Float) }
}

/// A text attribute, as `reduction`.
pub fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..attribute(name, AttributeType::String) }
}

/// A tensor attribute, as the `value` of `Constant`.
pub fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, AttributeType::Tensor) }
}

impl NodeProto {
    /// The attribute of that name.
    pub fn find_attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// The integer attribute of that name, else `default`.
    pub fn int_attribute(&self, name: &str, default: i64) -> i64 {
        self.find_attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
    }

    /// Returns true if this is the operator `op_type` of ONNX's own domain.
    pub fn is_op(&self, op_type: &str) -> bool {
        self.op_type() == op_type && matches!(self.domain(), "" | "ai.onnx")
    }
}
