//! Rotary positions (Su et al., 2021, <https://arxiv.org/abs/2104.09864>), and attention to near tokens alone.

use serde::Serialize;

use crate::builder::{GraphBuilder, Value};
use crate::proto::TensorProto;
use crate::proto::tensor_proto::DataType;

/// Rotary positions, and which layers attend to near tokens alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rotary {
    /// The base of the angles in layers that attend to all tokens.
    pub global_theta: f64,
    /// The same in layers that attend to near tokens alone.
    pub local_theta: f64,
    /// Every layer of that number, from 0, attends to all tokens; 1 for all layers.
    pub global_attn_every_n_layers: usize,
    /// Tokens that a local layer attends to: half of them before a token, half behind it, and the token itself.
    pub local_attention: usize,
    /// NTK-aware scaling of the base and of the angles to texts so many times as long as those of pretraining (Su, 2023,
    /// <https://kexue.fm/archives/9706>); 1 or more.
    pub ntk_factor: Option<f64>,
}

impl Rotary {
    /// Rotary positions of that base in layers that all attend to all tokens.
    pub fn of(theta: f64) -> Self {
        Self {
            global_theta: theta,
            local_theta: theta,
            global_attn_every_n_layers: 1,
            local_attention: 0,
            ntk_factor: None,
        }
    }

    /// Returns true if the layer, from 0, attends to near tokens alone.
    pub fn is_local(&self, layer: usize) -> bool {
        !layer.is_multiple_of(self.global_attn_every_n_layers)
    }
}

/// Angles of the places of a batch, for layers of one kind: cosines and sines, float `[seq, head / 2]`.
pub(super) struct Angles {
    cos: Value,
    sin: Value,
}

impl Angles {
    /// Looks the angles up in a table that is computed here: `place / theta^(2 i / head)`, rounded to float32 as PyTorch does. With
    /// a `factor` the base is so many times as large, and each angle is divided by `factor^(2 / head)`.
    pub fn new(
        b: &mut GraphBuilder,
        rows: usize,
        head_size: usize,
        theta: f64,
        factor: Option<f64>,
        input_ids: &Value,
    ) -> Self {
        let half = head_size / 2;
        let factor = factor.unwrap_or(1.0);
        let (base, less) = (theta * factor, factor.powf(1.0 / half as f64) as f32);
        let inverse: Vec<f32> =
            (0..half).map(|i| (1.0 / f64::from(base.powf(i as f64 / half as f64) as f32)) as f32 / less).collect();
        let angle = |at: usize| (at / half) as f32 * inverse[at % half];
        let length = b.shape(input_ids, 1, 2);
        let zero = b.integers(&[0]);
        let mut table = |name: &str, of: fn(f64) -> f64| {
            let values: Vec<f32> = (0..rows * half).map(|at| of(f64::from(angle(at))) as f32).collect();
            let name = format!("constant.{name}_{theta}");
            let table = b.initializer(TensorProto::from_f32(&name, &[rows, half], &values));
            b.slice(&table, &zero, &length, &zero)
        };
        Self { cos: table("cos", f64::cos), sin: table("sin", f64::sin) }
    }

    /// Turns queries or keys, float `[batch, heads, seq, head]`, by the angles of their places: the first half of each head's
    /// features with the second.
    pub fn turn(&self, b: &mut GraphBuilder, x: &Value, head_size: usize) -> Value {
        let half = head_size as i64 / 2;
        let [zero, middle, end, axis] = [0, half, 2 * half, 3].map(|n| b.integers(&[n]));
        let (first, second) = (b.slice(x, &zero, &middle, &axis), b.slice(x, &middle, &end, &axis));
        let (a, c) = (b.mul(&first, &self.cos), b.mul(&second, &self.sin));
        let turned = b.sub(&a, &c);
        let (a, c) = (b.mul(&second, &self.cos), b.mul(&first, &self.sin));
        let other = b.add(&a, &c);
        b.concat(&[&turned, &other], 3)
    }
}

/// Added to the scores of local layers, of up to `rows` tokens: 0 for pairs at most half of `local_attention` apart, else `masked`;
/// float `[seq, seq]`.
pub(super) fn local_mask(
    b: &mut GraphBuilder,
    rows: usize,
    local_attention: usize,
    masked: &Value,
    input_ids: &Value,
) -> Value {
    let places: Vec<f32> = (0..rows).map(|place| place as f32).collect();
    let places = b.initializer(TensorProto::from_f32("constant.places", &[rows], &places));
    let length = b.shape(input_ids, 1, 2);
    let zero = b.integers(&[0]);
    let places = b.slice(&places, &zero, &length, &zero);
    let (keys, queries) = (b.unsqueeze(&places, &[0]), b.unsqueeze(&places, &[1]));
    let distance = b.sub(&keys, &queries);
    let distance = b.abs(&distance);
    let most = b.scalar("local_distance", (local_attention / 2) as f32);
    let is_far = b.node("Greater", &[&distance, &most], vec![]);
    let is_far = b.cast(&is_far, DataType::Float);
    b.mul(&is_far, masked)
}
