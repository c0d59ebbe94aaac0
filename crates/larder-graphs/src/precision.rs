//! Matrix products in half precision, everything else in float32.
//!
//! Source: Micikevicius et al., 2018, <https://arxiv.org/abs/1710.03740>: float32 master weights, products in half precision
//! that add up in float32, and a scaled loss.

use std::collections::HashMap;

use larder_errors::spelled_enum;
use larder_onnx::facts::{Facts, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, GraphProto, NodeProto};
use larder_onnx::{GraphBuilder, Model, attribute};

use crate::GraphsError;
use crate::emit::MICROSOFT;

spelled_enum! {
    /// The precision of matrix products. Parameters, sums of gradients, normalisations, softmax, activations, the
    /// residual stream and the loss are float32 in any case.
    #[derive(Default)]
    pub enum Precision {
        /// float32.
        #[default]
        F32 = "f32",
        /// float16: eleven significant bits, up to 65,504. Gradients are often below its 6e-8: the loss has to be scaled.
        F16 = "f16",
        /// bfloat16: eight significant bits, the range of float32.
        Bf16 = "bf16",
    } else "unknown precision {found:?}: expected {or}"
}

impl Precision {
    /// The half type, if it is one.
    pub fn half(self) -> Option<DataType> {
        match self {
            Self::F32 => None,
            Self::F16 => Some(DataType::Float16),
            Self::Bf16 => Some(DataType::Bfloat16),
        }
    }
}

/// The form of a product in half precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductForm {
    /// A product of half operands, which devices have kernels for. ONNX Runtime's CPU has none for bfloat16, and
    /// computes a float16 product in float32 without rounding anything: it leaves the casts around it out.
    #[default]
    Kernels,
    /// A float32 product of operands that were rounded to half precision, rounded itself: the numbers of a device whose
    /// kernels add up in float32, where there are none. Slower than float32.
    Rounded,
    /// By larder's own operators on the CPU ([`larder_kernels::operators`]): attention with its gradient, and the gradients of activations and
    /// normalisations, which are float32 in any case. In bfloat16 also the products of linear layers, forward and backward;
    /// products round operands and nothing else, and those of the head's few classes are float32. Such a graph runs in this
    /// process alone.
    Operators,
}

/// Operands of matrix products cast to half precision, and the products cast back; where a product adds a bias, the bias is
/// added after that. A tensor that several products read is cast for each of them, so that their gradients add up in
/// float32: [`merge_casts`] makes one of them when gradients are there. `facts` are those of the model, and of what is made.
///
/// # Errors
/// [`GraphsError::Model`].
pub(crate) fn halve(
    model: Model,
    opset: i64,
    precision: Precision,
    form: ProductForm,
    facts: &mut Facts,
) -> Result<Model, GraphsError> {
    let Some(half) = precision.half().filter(|_| form != ProductForm::Operators) else { return Ok(model) };
    let mut proto = model.into_proto();
    let mut graph = proto.graph.take().unwrap_or_default();
    let nodes = std::mem::take(&mut graph.node);
    let mut writer = Writer { b: GraphBuilder::from_graph(graph, opset), facts, half, form };
    nodes.iter().for_each(|node| writer.b.reserve(node));
    for node in nodes {
        match writer.is_product(&node) {
            true => writer.product(node),
            false => writer.b.push(node),
        }
    }
    proto.graph = Some(writer.b.finish());
    Ok(Model::from_proto(proto)?)
}

struct Writer<'a> {
    b: GraphBuilder,
    facts: &'a mut Facts,
    half: DataType,
    form: ProductForm,
}

impl Writer<'_> {
    /// Returns true if this is a product of float32 matrices.
    fn is_product(&self, node: &NodeProto) -> bool {
        let is_fused = node.op_type() == "FusedMatMul" && node.domain() == MICROSOFT;
        let is_float = |name: &String| self.facts.get(name).is_some_and(|fact| fact.dtype == DataType::Float);
        (is_fused || node.is_op("MatMul") || node.is_op("Gemm"))
            && node.input.iter().filter(|name| !name.is_empty()).chain(node.output.first()).all(is_float)
    }

    fn product(&mut self, mut node: NodeProto) {
        let name = node.name().to_owned();
        // One output, as all products have.
        let result = node.output[0].clone();
        let beta = node.find_attribute("beta").and_then(|attribute| attribute.f).unwrap_or(1.0);
        let bias = (node.input.len() == 3 && beta == 1.0).then(|| node.input.pop()).flatten();
        let bias = bias.filter(|bias| !bias.is_empty());
        for input in node.input.iter_mut().filter(|input| !input.is_empty()) {
            let half = self.fresh(&name, "half");
            self.cast(input, self.half, &half);
            *input = half;
            if self.form == ProductForm::Rounded {
                let rounded = self.fresh(&name, "rounded");
                self.cast(input, DataType::Float, &rounded);
                *input = rounded;
            }
        }
        let mut product = self.fresh(&name, "product");
        node.output[0] = product.clone();
        let computed = if self.form == ProductForm::Rounded { DataType::Float } else { self.half };
        self.describe(&product, &result, computed);
        self.b.push(node);
        if self.form == ProductForm::Rounded {
            let half = self.fresh(&name, "half");
            self.cast(&product, self.half, &half);
            product = half;
        }
        let Some(bias) = bias else { return self.cast(&product, DataType::Float, &result) };
        let plain = self.fresh(&name, "plain");
        self.cast(&product, DataType::Float, &plain);
        self.push("Add", vec![plain, bias], vec![], &result);
    }

    fn fresh(&mut self, scope: &str, name: &str) -> String {
        self.b.scoped(scope, |b| b.fresh(name))
    }

    fn cast(&mut self, x: &str, to: DataType, output: &str) {
        self.describe(output, x, to);
        self.push("Cast", vec![x.to_owned()], vec![attribute::int("to", i64::from(to as i32))], output);
    }

    /// Describes a tensor of the shape of `like`.
    fn describe(&mut self, name: &str, like: &str, dtype: DataType) {
        let shape = self.facts.get(like).map(|fact| fact.shape.clone()).unwrap_or_default();
        self.facts.insert(name, TensorFact { dtype, shape, values: None });
    }

    fn push(&mut self, op_type: &str, input: Vec<String>, attribute: Vec<AttributeProto>, output: &str) {
        let name = self.fresh(output, op_type);
        self.b.push(NodeProto {
            name: Some(name),
            op_type: Some(op_type.to_owned()),
            input,
            output: vec![output.to_owned()],
            attribute,
            ..Default::default()
        });
    }
}

/// Casts a tensor to half precision once for all who read it. Nodes stand in the order in which they are computed.
pub(crate) fn merge_casts(graph: &mut GraphProto, precision: Precision) {
    let Some(half) = precision.half() else { return };
    let (mut first, mut instead): (HashMap<String, String>, HashMap<String, String>) = Default::default();
    graph.node.retain_mut(|node| {
        for input in &mut node.input {
            if let Some(kept) = instead.get(input) {
                *input = kept.clone();
            }
        }
        let is_half = node.is_op("Cast") && node.int_attribute("to", 0) == i64::from(half as i32);
        let ([input], [output], true) = (node.input.as_slice(), node.output.as_slice(), is_half) else { return true };
        if let Some(kept) = first.get(input) {
            instead.insert(output.clone(), kept.clone());
            return false;
        }
        first.insert(input.clone(), output.clone());
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
            assert_eq!(serde_json::to_string(&precision).expect("a word"), format!("\"{precision}\""));
        }
        let message = "fp16".parse::<Precision>().expect_err("is spelled otherwise").to_string();
        assert_eq!(message, "unknown precision \"fp16\": expected f32, f16 or bf16");
    }
}
