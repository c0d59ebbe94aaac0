//! The attentions of a graph that [`build`](crate::build) wrote.

use std::collections::HashMap;

use crate::Model;
use crate::graph::Producers;
use crate::proto::NodeProto;

/// `softmax(Q·Kᵀ / divisor + mask) · V`.
pub(crate) struct Attention<'a> {
    /// The product of weights and values, `[batch, heads, seq, head]`: the place in the graph's nodes.
    pub context: usize,
    /// `[batch, heads, seq, head]`.
    pub query: &'a str,
    /// `[batch, heads, head, seq]`.
    pub key: &'a str,
    /// `[batch, heads, seq, head]`.
    pub value: &'a str,
    /// What scores are divided by, a constant of one value.
    pub divisor: &'a str,
    /// What is added to the scores.
    pub mask: &'a str,
    /// What weights are multiplied by after the softmax, while training.
    pub dropout: Option<&'a str>,
}

/// Reads what `build` writes.
pub(crate) struct AttentionReader<'a, 'b> {
    model: &'a Model,
    producers: &'b Producers<'a>,
    attention_mask: &'b str,
    /// Of each tensor, the places of the nodes that read it.
    readers: HashMap<&'a str, Vec<usize>>,
}

impl<'a, 'b> AttentionReader<'a, 'b> {
    /// `attention_mask` is the input of that meaning.
    pub fn new(model: &'a Model, producers: &'b Producers<'a>, attention_mask: &'b str) -> Self {
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, node) in model.graph().node.iter().enumerate() {
            node.input.iter().for_each(|input| readers.entry(input).or_default().push(at));
        }
        Self { model, producers, attention_mask, readers }
    }

    /// The attention of each softmax; `None` for one of another kind.
    pub fn attentions(&self) -> impl Iterator<Item = Option<Attention<'a>>> {
        self.model.graph().node.iter().filter(|node| node.is_op("Softmax")).map(|softmax| self.attention(softmax))
    }

    /// The node behind a tensor, if it is of that operator.
    fn made(&self, tensor: &str, op_type: &str) -> Option<&'a NodeProto> {
        self.producers.node(tensor).filter(|node| node.is_op(op_type))
    }

    fn attention(&self, softmax: &'a NodeProto) -> Option<Attention<'a>> {
        let nodes = &self.model.graph().node;
        let weights = softmax.output.first()?;
        let (dropped, dropout) = match &nodes[self.only_reader(weights)?] {
            node if node.is_op("Mul") && node.input.first()? == weights => {
                (node.output.first()?, Some(node.input.get(1)?.as_str()))
            }
            _ => (weights, None),
        };
        let context = self.only_reader(dropped)?;
        let [weights, value] = nodes[context].input.as_slice() else { return None };
        if !nodes[context].is_op("MatMul") || weights != dropped {
            return None;
        }
        let sum = self.made(softmax.input.first()?, "Add")?;
        let scaled = self.made(sum.input.first()?, "Div")?;
        let product = self.made(scaled.input.first()?, "MatMul")?;
        let [query, key] = product.input.as_slice() else { return None };
        Some(Attention { context, query, key, value, divisor: scaled.input.get(1)?, mask: sum.input.get(1)?, dropout })
    }

    /// The place of the only node that reads a tensor.
    fn only_reader(&self, tensor: &str) -> Option<usize> {
        match *self.readers.get(tensor)?.as_slice() {
            [at] => Some(at),
            _ => None,
        }
    }

    /// The tensors `[batch · seq, hidden]` of queries, keys and values, whose columns are their heads.
    pub fn rows(&self, attention: &Attention<'_>) -> Option<[&'a str; 3]> {
        const APART: [i64; 4] = [0, 2, 1, 3];
        const APART_TRANSPOSED: [i64; 4] = [0, 2, 3, 1];
        let (query, value) = (self.rows_of(attention.query, APART)?, self.rows_of(attention.value, APART)?);
        Some([query, self.rows_of(attention.key, APART_TRANSPOSED)?, value])
    }

    /// The tensor `[batch · seq, hidden]` whose columns are the heads that a tensor of that order has apart.
    fn rows_of(&self, heads: &str, order: [i64; 4]) -> Option<&'a str> {
        let turned = self.made(heads, "Transpose")?;
        let split = self.made(turned.input.first()?, "Reshape")?;
        let is_order = turned.find_attribute("perm").is_some_and(|perm| perm.ints == order);
        split.input.first().filter(|_| is_order).map(String::as_str)
    }

    /// The place of the node that lays the heads of a context side by side again, `[batch · seq, hidden]`.
    pub fn closing(&self, context: usize) -> Option<usize> {
        let nodes = &self.model.graph().node;
        let turned = self.only_reader(nodes[context].output.first()?).filter(|&at| nodes[at].is_op("Transpose"))?;
        self.only_reader(nodes[turned].output.first()?).filter(|&at| nodes[at].is_op("Reshape"))
    }

    /// What scores are multiplied by.
    pub fn scale(&self, attention: &Attention<'_>) -> Option<f32> {
        match *self.model.initializer_floats(attention.divisor).ok()? {
            [divisor] => Some(1.0 / divisor),
            _ => None,
        }
    }

    /// True for `(1 - mask) · masked score`, `[batch, 1, 1, seq]`.
    pub fn is_padding_mask(&self, tensor: &str) -> bool {
        let path = || {
            let product = self.made(tensor, "Mul")?;
            let inverse = self.made(product.input.first()?, "Sub")?;
            let apart = self.made(inverse.input.get(1)?, "Unsqueeze")?;
            let cast = self.made(apart.input.first()?, "Cast")?;
            Some(cast.input.first()? == self.attention_mask)
        };
        path() == Some(true)
    }

    /// The distance in a sum of the padding mask and `(|keys - queries| > distance) · masked score`.
    pub fn local_distance(&self, tensor: &str) -> Option<usize> {
        let sum = self.made(tensor, "Add")?;
        if !self.is_padding_mask(sum.input.first()?) {
            return None;
        }
        let far = self.made(sum.input.get(1)?, "Mul")?;
        let cast = self.made(far.input.first()?, "Cast")?;
        let greater = self.made(cast.input.first()?, "Greater")?;
        self.made(greater.input.first()?, "Abs")?;
        let most = self.producers.constant(greater.input.get(1)?)?;
        let most = self.model.initializer_floats(most.name()).ok()?;
        match *most {
            // A whole number of tokens, below 2^24.
            [most] if most >= 0.0 && most.fract() == 0.0 && most < 16_777_216.0 => Some(most as usize),
            _ => None,
        }
    }
}
