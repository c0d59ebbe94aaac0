//! Attention in one node, for training graphs that run in this process.

use std::collections::HashMap;

use larder_kernels::Precision;
use larder_kernels::operators::{ATTENTION, DOMAIN, PRECISION, VERSION};

use crate::built_attention::{Attention, AttentionReader};
use crate::families::metadata;
use crate::graph::Producers;
use crate::proto::{NodeProto, OperatorSetIdProto};
use crate::{Model, OnnxError, attribute};

impl Model {
    /// Returns the model with larder's own operator ([`larder_kernels::operators`]) in the place of each attention that
    /// [`build`](crate::build) wrote and that depends on nothing but which tokens there are, with dropout of its weights or without.
    /// `attention_mask` is the input of that meaning, `precision` that of the products. What nothing reads any more is gone. Such a graph runs in this process
    /// alone.
    ///
    /// # Errors
    /// [`OnnxError`] for a malformed graph.
    pub fn with_own_attention(self, attention_mask: &str, precision: Precision) -> Result<Self, OnnxError> {
        let mut own: HashMap<usize, NodeProto> = {
            let producers = Producers::of(self.graph())?;
            let reader = AttentionReader::new(&self, &producers, attention_mask);
            let heads = self.metadata(metadata::HEADS).and_then(|heads| heads.parse::<i64>().ok());
            let found = reader.attentions().flatten().filter(|found| reader.is_padding_mask(found.mask));
            found.filter_map(|found| self.own_attention(&reader, &found, heads?, precision)).collect()
        };
        if own.is_empty() {
            return Ok(self);
        }
        let outputs: Vec<String> = self.graph().output.iter().map(|output| output.name().to_owned()).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let mut proto = self.into_proto();
        proto.opset_import.push(OperatorSetIdProto { domain: Some(DOMAIN.to_owned()), version: Some(VERSION) });
        if let Some(graph) = &mut proto.graph {
            for (at, node) in graph.node.iter_mut().enumerate() {
                if let Some(attention) = own.remove(&at) {
                    *node = attention;
                }
            }
        }
        Self::from_proto(proto)?.pruned(&outputs)
    }

    /// The node that stands for an attention, and the place of the one whose result it gives.
    fn own_attention(
        &self,
        reader: &AttentionReader<'_, '_>,
        found: &Attention<'_>,
        heads: i64,
        precision: Precision,
    ) -> Option<(usize, NodeProto)> {
        let ([query, key, value], closing) = (reader.rows(found)?, reader.closing(found.context)?);
        let replaced = &self.graph().node[closing];
        let read = [query, found.mask, key, value].into_iter().chain(found.dropout).map(str::to_owned);
        let node = NodeProto {
            name: replaced.name.clone(),
            op_type: Some(ATTENTION.to_owned()),
            domain: Some(DOMAIN.to_owned()),
            input: read.collect(),
            output: replaced.output.clone(),
            attribute: vec![
                attribute::int("num_heads", heads),
                attribute::float("scale", reader.scale(found)?),
                attribute::string(PRECISION, precision.name()),
            ],
            ..Default::default()
        };
        Some((closing, node))
    }
}
