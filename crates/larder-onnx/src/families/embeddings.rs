//! Embeddings: token ids to the first hidden state, and the bias of relative positions on attention.

use super::EncoderConfig;
use super::layout::Projection;
use super::modules::{linear, norm};
use super::mpnet::bucket;
use crate::builder::{GraphBuilder, Value};
use crate::proto::TensorProto;
use crate::proto::tensor_proto::DataType;

/// Token, type and position vectors summed and normalised, then brought to the layers' width: `[batch, seq, hidden]`.
/// Without `token_type_ids` every token is of the one type there is; all are of the first task.
pub(super) fn embeddings(
    b: &mut GraphBuilder,
    config: &EncoderConfig,
    input_ids: &Value,
    token_type_ids: Option<&Value>,
) -> Value {
    let layout = config.family.layout();
    let words = Value::named(&format!("{}.weight", layout.words));
    let [types, positions] =
        ["token_type", "position"].map(|table| Value::named(&format!("embeddings.{table}_embeddings.weight")));
    let mut sum = b.gather(&words, input_ids, 0);
    match token_type_ids {
        Some(ids) => {
            let types = b.gather(&types, ids, 0);
            sum = b.add(&sum, &types);
        }
        // One row, which is added to every token.
        None if config.type_vocab_size == 1 => sum = b.add(&sum, &types),
        None => {}
    }
    let positions = match config.position_padding() {
        None if !config.has_position_table() => None,
        None => {
            let length = b.shape(input_ids, 1, 2);
            let zero = b.integers(&[0]);
            Some(b.slice(&positions, &zero, &length, &zero))
        }
        Some(padding) => {
            let ids = positions_after(b, input_ids, padding);
            Some(b.gather(&positions, &ids, 0))
        }
    };
    let mut sum = positions.map_or(sum.clone(), |positions| b.add(&sum, &positions));
    if let Some(table) = layout.task_types.filter(|_| config.task_type_vocab_size > 0) {
        let first = b.integer(0);
        let task = b.gather(&Value::named(&format!("{table}.weight")), &first, 0);
        sum = b.add(&sum, &task);
    }
    let normalised = |b: &mut GraphBuilder, x: Value| match layout.embeddings_norm {
        Some(module) => norm(b, module, &x, config),
        None => x,
    };
    match config.projection() {
        None => normalised(b, sum),
        Some(Projection::BehindNorm(module)) => {
            let sum = normalised(b, sum);
            wide(b, config, module, &sum, input_ids, true)
        }
        Some(Projection::InFrontOfNorm(module)) => {
            let sum = wide(b, config, module, &sum, input_ids, false);
            normalised(b, sum)
        }
    }
}

/// Rows of the tables, `[batch, seq, embedding]`, brought to the layers' width: `[batch, seq, hidden]`.
fn wide(
    b: &mut GraphBuilder,
    config: &EncoderConfig,
    module: &str,
    x: &Value,
    input_ids: &Value,
    has_bias: bool,
) -> Value {
    let batch_seq = b.shape(input_ids, 0, 2);
    let width = b.integers(&[config.hidden_size as i64]);
    let tokens = b.concat(&[&batch_seq, &width], 0);
    let flat = b.integers(&[-1, config.embedding_size as i64]);
    let flat = b.reshape(x, &flat);
    let wide = b.scoped("projection", |b| linear(b, module, &flat, has_bias));
    b.reshape(&wide, &tokens)
}

/// The padding token's id plus each token's place, from 1, among those that are no padding; padding itself takes the row
/// of the padding token's id. int64 `[batch, seq]`.
pub(super) fn positions_after(b: &mut GraphBuilder, input_ids: &Value, padding: u32) -> Value {
    let padding = b.integer(i64::from(padding));
    let is_padding = b.equal(input_ids, &padding);
    let is_token = b.not(&is_padding);
    let is_token = b.cast(&is_token, DataType::Int64);
    let places = b.cumulative_sum(&is_token, 1);
    let places = b.mul(&places, &is_token);
    b.add(&places, &padding)
}

/// Adds the bias that the relative position of two tokens puts on their attention score: float `[1, heads, seq, seq]`.
/// The bucket of each distance is computed once, here; the graph looks it up.
pub(super) fn relative_bias(b: &mut GraphBuilder, config: &EncoderConfig, table: &str, input_ids: &Value) -> Value {
    let rows = config.max_position_embeddings as i64;
    let distances: Vec<i64> = (1 - rows..rows).map(bucket).collect();
    let buckets =
        b.initializer(TensorProto::from_i64("constant.relative_position_buckets", &[distances.len()], &distances));
    let places: Vec<i64> = (0..rows).collect();
    let places = b.initializer(TensorProto::from_i64("constant.positions", &[places.len()], &places));

    let length = b.shape(input_ids, 1, 2);
    let zero = b.integers(&[0]);
    let places = b.slice(&places, &zero, &length, &zero);
    let (keys, queries) = (b.unsqueeze(&places, &[0]), b.unsqueeze(&places, &[1]));
    let distance = b.sub(&keys, &queries);
    let first = b.integer(rows - 1);
    let index = b.add(&distance, &first);
    let buckets = b.gather(&buckets, &index, 0);
    let bias = b.gather(&Value::named(&format!("{table}.weight")), &buckets, 0);
    let bias = b.transpose(&bias, &[2, 0, 1]);
    b.unsqueeze(&bias, &[0])
}
