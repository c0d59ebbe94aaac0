//! Poolings of a text's tokens, as nodes.

use crate::proto::tensor_proto::DataType;
use crate::{GraphBuilder, Pool, Value};

/// Adds poolings of tokens to a graph: what several of them read of the mask is made once.
#[derive(Debug)]
pub struct TokenPooling {
    /// The name of the attention mask, `[batch, seq]`; `None` of a model that takes every token for one of the text.
    mask: Option<String>,
    made: Option<Mask>,
}

/// The mask as poolings read it, float32.
#[derive(Clone, Debug)]
struct Mask {
    /// 1 for a token, 0 for padding, `[batch, seq]`.
    flat: Value,
    /// The same, `[batch, seq, 1]`.
    wide: Value,
    /// The tokens of each text, at least one, `[batch, 1]`.
    count: Value,
}

impl TokenPooling {
    /// Pools tokens that the attention mask of that name marks.
    pub fn new(mask: Option<String>) -> Self {
        Self { mask, made: None }
    }

    /// Adds the vector of each text, `[batch, hidden]`, of tokens, float32 `[batch, seq, hidden]`; `None` for
    /// [`Pool::Pooler`] and [`Pool::Published`], which are no poolings of them. Padding stands behind the tokens. The formulas are
    /// those of the `Pooling` of sentence-transformers 6.2.
    pub fn add(&mut self, b: &mut GraphBuilder, pool: Pool, tokens: &Value) -> Option<Value> {
        Some(match pool {
            Pool::Cls => {
                let first = b.integer(0);
                b.gather(tokens, &first, 1)
            }
            // Σ h·mask / max(Σ mask, 1). Not a matrix product of mask and tokens: a GPU may round its inputs to fewer bits.
            Pool::Mean if self.mask.is_none() => b.reduce_mean(tokens, &[1], false),
            Pool::Mean => {
                let mask = self.mask(b, tokens);
                let sum = marked_sum(b, tokens, &mask.wide);
                b.div(&sum, &mask.count)
            }
            // Σ h·mask / √max(Σ mask, 1).
            Pool::MeanSqrtLen => {
                let mask = self.mask(b, tokens);
                let sum = marked_sum(b, tokens, &mask.wide);
                let length = b.node("Sqrt", &[&mask.count], vec![]);
                b.div(&sum, &length)
            }
            // Σ i·h·mask / max(Σ i·mask, 1), where i counts the tokens from 1.
            Pool::WeightedMean => {
                let mask = self.mask(b, tokens);
                let places = b.cumulative_sum(&mask.flat, 1);
                let weights = b.mul(&places, &mask.flat);
                let (total, one) = (b.reduce_sum(&weights, &[1], true), b.scalar("one", 1.0));
                let total = b.max(&total, &one);
                let weights = b.unsqueeze(&weights, &[2]);
                let sum = marked_sum(b, tokens, &weights);
                b.div(&sum, &total)
            }
            // The token that as many stand before or at as the text has.
            Pool::LastToken => {
                let mask = self.mask(b, tokens);
                let places = b.cumulative_sum(&mask.flat, 1);
                let is_last = b.equal(&places, &mask.count);
                let is_last = b.cast(&is_last, DataType::Float);
                let is_last = b.mul(&is_last, &mask.flat);
                let is_last = b.unsqueeze(&is_last, &[2]);
                marked_sum(b, tokens, &is_last)
            }
            Pool::Max => {
                let mask = self.mask(b, tokens);
                let (one, least) = (b.scalar("one", 1.0), b.scalar("least_feature", LEAST));
                let padding = b.sub(&one, &mask.wide);
                let padding = b.mul(&padding, &least);
                let kept = b.add(tokens, &padding);
                b.reduce_max(&kept, &[1], false)
            }
            Pool::Pooler | Pool::Published => return None,
        })
    }

    fn mask(&mut self, b: &mut GraphBuilder, tokens: &Value) -> Mask {
        if let Some(made) = &self.made {
            return made.clone();
        }
        let one = b.scalar("one", 1.0);
        let flat = match &self.mask {
            Some(mask) => b.cast(&Value::named(mask), DataType::Float),
            None => {
                let shape = b.shape(tokens, 0, 2);
                b.node("Expand", &[&one, &shape], vec![])
            }
        };
        let count = b.reduce_sum(&flat, &[1], true);
        let made = Mask { wide: b.unsqueeze(&flat, &[2]), count: b.max(&count, &one), flat };
        self.made = Some(made.clone());
        made
    }
}

/// What padding adds to a feature before the largest is taken.
const LEAST: f32 = -1e9;

/// Σ h·weight over the tokens, `[batch, hidden]`.
fn marked_sum(b: &mut GraphBuilder, tokens: &Value, weights: &Value) -> Value {
    let kept = b.mul(tokens, weights);
    b.reduce_sum(&kept, &[1], false)
}

/// The least length that a vector is divided by: PyTorch's `normalize`.
const LEAST_NORM: f32 = 1e-12;

/// Divides vectors, `[batch, features]`, by their Euclidean norm.
pub(crate) fn normalised(b: &mut GraphBuilder, x: &Value) -> Value {
    let norm = b.reduce_l2(x, &[1], true);
    let least = b.scalar("least_norm", LEAST_NORM);
    let norm = b.max(&norm, &least);
    b.div(x, &norm)
}
