//! Attention scores by distance ([`Disentangled`]), for all layers.

use super::layout::LayerModules;
use super::modules::{linear, norm};
use super::{Disentangled, EncoderConfig};
use crate::TensorProto;
use crate::builder::{GraphBuilder, Value};

/// The vectors of distances, and what finds the scores of pairs of tokens; for all layers.
pub(super) struct Distances {
    settings: Disentangled,
    /// The table, normalised where it is: float `[rows, hidden]`.
    table: Value,
    /// The table's row of each distance of a query, from `seq` tokens behind its key to `seq` before it, and of a key from its
    /// query, the other way round: int64 `[2 · seq + 1]` each.
    of_queries: Value,
    of_keys: Value,
    /// int64 `[3]`: distances, heads, features of a head.
    split: Value,
    /// int64 `[4]`: batch, heads, `2 · seq + 1`, seq.
    skewed: Value,
    /// Where parameters are constants: int64 `[seq]`, the odd numbers.
    odd: Option<Value>,
}

impl Distances {
    /// Those of the batch. The row of each distance is computed here, of texts as long as the configuration allows.
    pub fn new(b: &mut GraphBuilder, config: &EncoderConfig, input_ids: &Value, to_train: bool) -> Option<Self> {
        let settings = config.disentangled.filter(Disentangled::reads_distances)?;
        let names = config.family.layout().disentangled.as_ref()?;
        let table = Value::named(&format!("{}.weight", names.table));
        let table = if settings.normalised { norm(b, names.norm, &table, config) } else { table };

        let longest = config.max_position_embeddings as i64;
        let length = b.shape(input_ids, 1, 2);
        let [zero, first, last] = [0, longest, longest + 1].map(|n| b.integers(&[n]));
        let (from, to) = (b.sub(&first, &length), b.add(&last, &length));
        let mut window = |name: &str, sign: i64| {
            let rows: Vec<i64> = (-longest..=longest).map(|distance| settings.row(sign * distance)).collect();
            let rows = b.initializer(TensorProto::from_i64(&format!("constant.rows_of_{name}"), &[rows.len()], &rows));
            b.slice(&rows, &from, &to, &zero)
        };
        let (of_queries, of_keys) = (window("queries", -1), window("keys", 1));
        let odd = (!to_train).then(|| {
            let odd: Vec<i64> = (0..longest).map(|n| 2 * n + 1).collect();
            let odd = b.initializer(TensorProto::from_i64("constant.odd", &[odd.len()], &odd));
            b.slice(&odd, &zero, &length, &zero)
        });

        let split = b.integers(&[-1, config.num_attention_heads as i64, config.head_size() as i64]);
        let same = b.integers(&[0, 0, -1]);
        let skewed = b.concat(&[&same, &length], 0);
        Some(Self { settings, table, of_queries, of_keys, split, skewed, odd })
    }

    /// The scores of a layer that the distances make: float `[batch, heads, seq, seq]`, to be added to those of `query` and `key`,
    /// both `[batch, heads, seq, head]`.
    pub fn scores(
        &self,
        b: &mut GraphBuilder,
        config: &EncoderConfig,
        modules: &LayerModules,
        [query, key]: [&Value; 2],
    ) -> Vec<Value> {
        // Dropout has its place here.
        let table = b.identity(&self.table);
        let scale = b.scalar("disentangled_scale", self.settings.scale(config.head_size()));
        let mut scores = Vec::new();
        if self.settings.content_to_position {
            let module = modules.distance_key.as_ref().unwrap_or(&modules.key);
            let vectors = b.scoped("key", |b| self.vectors(b, &table, module, &self.of_queries));
            let product = b.mat_mul(query, &vectors);
            let product = b.div(&product, &scale);
            scores.push(self.skew(b, &product));
        }
        if self.settings.position_to_content {
            let module = modules.distance_query.as_ref().unwrap_or(&modules.query);
            let vectors = b.scoped("query", |b| self.vectors(b, &table, module, &self.of_keys));
            let product = b.mat_mul(key, &vectors);
            let product = b.div(&product, &scale);
            let by_keys = self.skew(b, &product);
            scores.push(b.transpose(&by_keys, &[0, 1, 3, 2]));
        }
        scores
    }

    /// The vectors that a module makes of the distances in `window`, features before distances: float
    /// `[heads, head, 2 · seq + 1]`. Of constants a session multiplies all rows of the table once; of parameters that are
    /// trained, each run multiplies those of its distances alone.
    fn vectors(&self, b: &mut GraphBuilder, table: &Value, module: &str, window: &Value) -> Value {
        if self.odd.is_none() {
            let rows = b.gather(table, window, 0);
            let vectors = linear(b, module, &rows, true);
            let vectors = b.reshape(&vectors, &self.split);
            return b.transpose(&vectors, &[1, 2, 0]);
        }
        let vectors = linear(b, module, table, true);
        let vectors = b.reshape(&vectors, &self.split);
        let vectors = b.transpose(&vectors, &[1, 0, 2]);
        let vectors = b.gather(&vectors, window, 1);
        b.transpose(&vectors, &[0, 2, 1])
    }

    /// Of scores by distance, `[batch, heads, seq, 2 · seq + 1]`, those of pairs of tokens, `[batch, heads, seq, seq]`: row `i` is
    /// row `i`'s elements from `seq - i` on. Those elements are row `2 i + 1` of the same memory read as rows of `seq` elements, as
    /// `(2 i + 1) seq = i (2 seq + 1) + seq - i`: the trick of Transformer-XL (Dai et al., 2019, appendix B,
    /// <https://arxiv.org/abs/1901.02860>) for distances on both sides.
    ///
    /// Rows that are picked one by one are copied by all threads; `Slice` copies them in one, and its gradient is fast.
    fn skew(&self, b: &mut GraphBuilder, scores: &Value) -> Value {
        let rows = b.reshape(scores, &self.skewed);
        if let Some(odd) = &self.odd {
            return b.gather(&rows, odd, 2);
        }
        let [one, two, end] = [1, 2, i64::MAX].map(|n| b.integers(&[n]));
        b.node("Slice", &[&rows, &one, &end, &two, &two], vec![])
    }
}
