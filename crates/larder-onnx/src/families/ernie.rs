//! ERNIE (Sun et al., 2019, <https://arxiv.org/abs/1904.09223>) and its successors in `transformers`: BERT, with a table of tasks.
//!
//! The tasks are those of pretraining. Every token is given the first, as `transformers` does where nothing else is asked for.

use super::layout::{BERT_LAYER, Layout};
use super::{EncoderConfig, Family, bert};

pub(super) const LAYOUT: Layout = Layout {
    prefix: "ernie",
    defaults,
    task_types: Some("embeddings.task_type_embeddings"),
    layer: BERT_LAYER,
    ..bert::LAYOUT
};

fn defaults() -> EncoderConfig {
    EncoderConfig { family: Family::Ernie, ..bert::defaults() }
}
