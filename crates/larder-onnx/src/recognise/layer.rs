//! One layer: which product is whose.

use super::constants::Constant;
use super::region::{Linear, Wiring};
use super::{Heads, Unrecognised};
use crate::families::EncoderConfig;
use crate::{Activation, OnnxError};

/// A layer's parameters and settings.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub heads: usize,
    pub activation: Activation,
    pub epsilon: f32,
    pub query: (Constant, Constant),
    pub key: (Constant, Constant),
    pub value: (Constant, Constant),
    pub attention_output: (Constant, Constant),
    pub attention_norm: (Constant, Constant),
    pub intermediate: Constant,
    pub intermediate_bias: Constant,
    pub output: (Constant, Constant),
    pub output_norm: (Constant, Constant),
}

impl Layer {
    /// Reads layer `number`, counted from 1, between the tensors `from` and `to`.
    pub fn read(
        wiring: &Wiring<'_>,
        heads: Heads<'_>,
        number: usize,
        hidden: usize,
        from: &str,
        to: &str,
    ) -> Result<Self, Unrecognised> {
        let wrong = |what: &'static str| Unrecognised::Layer { layer: number, what };
        let nodes = wiring.between(&[from], to);
        let linears = wiring.linears(&nodes);
        let attention = Attention::read(wiring, heads, &nodes, &linears, hidden, from).map_err(wrong)?;
        let after: Vec<&Linear> = linears.iter().filter(|linear| !attention.products.contains(&linear.node)).collect();
        let [dense, wide, narrow] = after.as_slice() else {
            return Err(Unrecognised::Products { layer: number, found: linears.len() });
        };
        let shapes = [&dense.weight, &wide.weight, &narrow.weight].map(|weight| (weight.rows(), weight.columns()));
        let inner = wide.weight.rows();
        if shapes != [(hidden, hidden), (inner, hidden), (hidden, inner)] {
            return Err(wrong("the products after attention have other shapes than a feed-forward block's"));
        }
        let norms = wiring.normalisations(&nodes, hidden);
        let [(_, scale, shift, epsilon), (_, last_scale, last_shift, _)] = norms.as_slice() else {
            return Err(wrong("it has not two normalisations"));
        };
        let between = wiring.between(&[&wiring.node(wide.node).output[0]], &wiring.node(narrow.node).input[0]);
        let mut activations = between.iter().filter_map(|&position| {
            let node = wiring.node(position);
            let approximate = node.find_attribute("approximate").is_some_and(|value| value.s() == b"tanh");
            Activation::of_operator(node.op_type(), approximate)
        });
        let activation = activations.next_back().ok_or_else(|| wrong("its activation is not known"))?;
        Ok(Self {
            heads: attention.heads,
            activation,
            epsilon: *epsilon,
            query: attention.query,
            key: attention.key,
            value: attention.value,
            attention_output: (dense.weight.clone(), dense.bias.clone()),
            attention_norm: (scale.clone(), shift.clone()),
            intermediate: wide.weight.clone(),
            intermediate_bias: wide.bias.clone(),
            output: (narrow.weight.clone(), narrow.bias.clone()),
            output_norm: (last_scale.clone(), last_shift.clone()),
        })
    }

    /// Returns true if both layers read the very same parameters.
    pub fn same_parameters(&self, other: &Self) -> bool {
        self.query == other.query && self.intermediate == other.intermediate && self.output_norm == other.output_norm
    }

    /// Hands every parameter on, under the family's names for layer `number`, counted from 0.
    pub fn store(
        &self,
        config: &EncoderConfig,
        number: usize,
        put: &mut impl FnMut(String, &Constant) -> Result<(), OnnxError>,
    ) -> Result<(), OnnxError> {
        let modules = config.layer_modules(number);
        let pairs = [
            (&modules.query, &self.query.0, &self.query.1),
            (&modules.key, &self.key.0, &self.key.1),
            (&modules.value, &self.value.0, &self.value.1),
            (&modules.attention_output, &self.attention_output.0, &self.attention_output.1),
            (&modules.attention_norm, &self.attention_norm.0, &self.attention_norm.1),
            (&modules.intermediate, &self.intermediate, &self.intermediate_bias),
            (&modules.output, &self.output.0, &self.output.1),
            (&modules.output_norm, &self.output_norm.0, &self.output_norm.1),
        ];
        for (module, weight, bias) in pairs {
            put(format!("{module}.weight"), weight)?;
            put(format!("{module}.bias"), bias)?;
        }
        Ok(())
    }
}

/// The part of a layer that mixes tokens.
struct Attention {
    heads: usize,
    query: (Constant, Constant),
    key: (Constant, Constant),
    value: (Constant, Constant),
    /// The nodes of its products.
    products: Vec<usize>,
}

impl Attention {
    fn read(
        wiring: &Wiring<'_>,
        heads: Heads<'_>,
        nodes: &[usize],
        linears: &[Linear],
        hidden: usize,
        from: &str,
    ) -> Result<Self, &'static str> {
        let marks = nodes.iter().copied().filter(|&position| {
            matches!(wiring.node(position).op_type(), "Softmax" | "Attention" | "MultiHeadAttention")
        });
        let [mark] = marks.collect::<Vec<_>>()[..] else { return Err("it has not one attention block") };
        let node = wiring.node(mark);
        let input = |place: usize| node.input.get(place).filter(|name| !name.is_empty()).map(String::as_str);
        let declared = node.find_attribute("num_heads").or_else(|| node.find_attribute("q_num_heads"));
        let declared = declared.and_then(|heads| usize::try_from(heads.i()).ok());
        // The axis after the batch's, of a tensor [batch, heads, ..].
        let observed = |tensor: &str| match heads {
            Heads::Known(heads) => Some(heads),
            Heads::Observed(facts) => match facts.get(tensor)?.shape.as_slice() {
                [_, heads, _, _] => heads.as_fixed(),
                _ => None,
            },
        };
        let (sides, heads, bias) = match (node.op_type(), node.domain()) {
            ("Softmax", _) => {
                let (query, key) = scores(wiring, nodes, mark)?;
                let heads = observed(node.output.first().map_or("", String::as_str));
                ([query, key, weighted(wiring, nodes, mark)?], heads, None)
            }
            ("Attention", "com.microsoft") => {
                let weight = wiring.constant(node, 1).ok_or("its attention has no constant weights")?.transposed();
                let bias = wiring.constant(node, 2).unwrap_or_else(|| Constant::zeros(&[3 * hidden]));
                let heads = declared.ok_or("its attention has no number of heads")?;
                return Self::packed(heads, &weight, &bias, hidden, vec![]);
            }
            _ => {
                let names =
                    [input(0), input(1), input(2)].map(|name| name.ok_or("its attention has no query, key or value"));
                let [query, key, value] = names;
                let heads = declared.or_else(|| observed(query.ok()?));
                let bias = wiring.constant(node, 3).filter(|_| node.domain() == "com.microsoft");
                ([query?, key?, value?], heads, bias)
            }
        };
        let heads = heads.ok_or("the number of its attention heads is not known")?;
        let products = sides.map(|side| {
            let before = wiring.between(&[from], side);
            let found: Vec<&Linear> = linears.iter().filter(|linear| before.contains(&linear.node)).collect();
            found
        });
        let [[query], [key], [value]] = [&products[0][..], &products[1][..], &products[2][..]] else {
            return Err("query, key or value do not come from one product each");
        };
        if query.node == key.node && key.node == value.node {
            return Self::packed(heads, &query.weight, &query.bias, hidden, vec![query.node]);
        }
        let mut parts = [*query, *key, *value].map(|linear| (linear.weight.clone(), linear.bias.clone()));
        if parts.iter().any(|(weight, _)| weight.dims != [hidden, hidden]) {
            return Err("query, key or value have another width than the layer");
        }
        if let Some(bias) = bias.filter(|bias| bias.values.len() == 3 * hidden) {
            for (part, bias) in parts.iter_mut().zip(bias.values.chunks_exact(hidden)) {
                part.1 = Constant::vector(bias.to_vec());
            }
        }
        let [query_part, key_part, value_part] = parts;
        let products = vec![query.node, key.node, value.node];
        Ok(Self { heads, query: query_part, key: key_part, value: value_part, products })
    }

    /// Query, key and value in one matrix `[3 * hidden, hidden]`, in that order.
    fn packed(
        heads: usize,
        weight: &Constant,
        bias: &Constant,
        hidden: usize,
        products: Vec<usize>,
    ) -> Result<Self, &'static str> {
        if weight.dims != [3 * hidden, hidden] || bias.values.len() != 3 * hidden {
            return Err("query, key and value share a product of another width than three times the layer's");
        }
        let part = |number: usize| {
            let (from, to) = (number * hidden, (number + 1) * hidden);
            (weight.slice_rows(from, to), Constant::vector(bias.values[from..to].to_vec()))
        };
        Ok(Self { heads, query: part(0), key: part(1), value: part(2), products })
    }
}

/// The two sides of the product that the softmax is taken of.
fn scores<'a>(wiring: &Wiring<'a>, nodes: &[usize], softmax: usize) -> Result<(&'a str, &'a str), &'static str> {
    let mut name = wiring.node(softmax).input[0].as_str();
    // Scaling and masking stand between: a few steps.
    for _ in 0..16 {
        let node = wiring.producers.node(name).ok_or("its scores do not come from a product")?;
        match node.op_type() {
            "MatMul" | "FusedMatMul" | "Einsum" | "Gemm" => return Ok((&node.input[0], &node.input[1])),
            // Of a mask and the scores, the scores are what comes from the layer's products.
            "Where" => {
                let sides = node.input.get(1..).unwrap_or_default();
                name =
                    sides.iter().find(|side| leads_to_product(wiring, nodes, side)).ok_or("its scores are hidden")?;
            }
            _ => {
                name = node
                    .input
                    .iter()
                    .find(|side| leads_to_product(wiring, nodes, side))
                    .ok_or("its scores are hidden")?
            }
        }
    }
    Err("its scores are not a product")
}

fn leads_to_product(wiring: &Wiring<'_>, nodes: &[usize], tensor: &str) -> bool {
    let before = wiring.between(&[], tensor);
    before.iter().any(|position| {
        nodes.contains(position)
            && matches!(wiring.node(*position).op_type(), "MatMul" | "FusedMatMul" | "Gemm" | "Einsum")
    })
}

/// Returns the tensor that the softmax weighs: the other factor of the product that reads it.
fn weighted<'a>(wiring: &Wiring<'a>, nodes: &[usize], softmax: usize) -> Result<&'a str, &'static str> {
    let mut made = vec![wiring.node(softmax).output[0].as_str()];
    for &position in nodes {
        let node = wiring.node(position);
        if !node.input.iter().any(|input| made.contains(&input.as_str())) {
            continue;
        }
        match node.op_type() {
            "MatMul" | "FusedMatMul" | "Einsum" | "Gemm" => {
                let other = node.input.iter().find(|input| !made.contains(&input.as_str()));
                return other.map(String::as_str).ok_or("its weights are multiplied with themselves");
            }
            // A check for rows without any token stands here in some exports.
            _ => made.extend(node.output.iter().map(String::as_str)),
        }
    }
    Err("nothing is weighed by its softmax")
}

/// The pooler between the last layer and a pooled output: one product, then tanh.
pub(super) fn pooler(wiring: &Wiring<'_>, hidden: usize, from: &str, to: &str) -> Option<(Constant, Constant)> {
    let nodes = wiring.between(&[from], to);
    let tanh = nodes.iter().any(|&position| wiring.node(position).is_op("Tanh"));
    match wiring.linears(&nodes).as_slice() {
        [only] if tanh && only.weight.dims == [hidden, hidden] => Some((only.weight.clone(), only.bias.clone())),
        _ => None,
    }
}
