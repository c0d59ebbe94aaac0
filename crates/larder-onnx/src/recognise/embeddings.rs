//! The tables of the embeddings, from token ids to the first hidden state.

use super::Unrecognised;
use super::constants::Constant;
use super::region::{Linear, Wiring};
use crate::families::EncoderConfig;
use crate::interface::Interface;
use crate::{Family, OnnxError};

/// Tables with more rows hold positions, not token types.
const MOST_TOKEN_TYPES: usize = 16;

/// The tables and what follows them.
#[derive(Clone, Debug)]
pub(super) struct Embeddings {
    pub words: Constant,
    pub positions: Constant,
    pub types: Option<Constant>,
    pub norm: (Constant, Constant),
    pub projection: Option<(Constant, Constant)>,
    /// The token from whose id positions are counted, where padding takes none.
    pub padding: Option<u32>,
}

impl Embeddings {
    pub fn read(wiring: &Wiring<'_>, interface: &Interface, to: &str) -> Result<Self, Unrecognised> {
        let wrong = Unrecognised::Embeddings;
        let nodes = wiring.between(&[], to);
        let mut tables: Vec<Constant> = Vec::new();
        for &position in &nodes {
            let node = wiring.node(position);
            let inputs: &[usize] = match node.op_type() {
                "Gather" | "Slice" => &[0],
                "EmbedLayerNormalization" => &[2, 3, 4],
                "Add" => &[0, 1],
                _ => &[],
            };
            tables.extend(inputs.iter().filter_map(|&input| wiring.constant(node, input)?.into_table()));
        }
        let words = tables.iter().find(|table| table.rows() == interface.vocabulary_size).cloned();
        let words = words.ok_or_else(|| wrong("there is no table of as many rows as the vocabulary has tokens"))?;
        let features = words.columns();
        let others = tables.into_iter().filter(|table| table.columns() == features && *table != words);
        // An exporter that was given one length may have looked up its positions beforehand.
        let is_positions =
            |table: &Constant| table.rows() > MOST_TOKEN_TYPES || Some(table.rows()) == interface.fixed_seq();
        let (positions, types): (Vec<_>, Vec<_>) = others.partition(is_positions);
        let [positions] =
            <[Constant; 1]>::try_from(positions).map_err(|_| wrong("there is not one table of positions"))?;
        let norms = wiring.normalisations(&nodes, features);
        let [(_, scale, shift, _)] = norms.as_slice() else { return Err(wrong("there is not one normalisation")) };
        let linears = wiring.linears(&nodes);
        let projection = match linears.as_slice() {
            [] => None,
            [Linear { weight, bias, .. }] if weight.dims == [interface.hidden_size, features] => {
                Some((weight.clone(), bias.clone()))
            }
            _ => return Err(wrong("there are products that no projection is")),
        };
        // The one row that all tokens take may have been looked up beforehand.
        let rows = wiring.added_constants(&nodes, features);
        let folded = rows.into_iter().find(|row| row.values != shift.values);
        let types = match (types.as_slice(), folded) {
            ([], None) => None,
            ([table], _) if interface.token_type_ids.is_some() => Some(table.clone()),
            // Nothing tells types apart: all tokens are of the first.
            ([table], _) => Some(table.slice_rows(0, 1)),
            ([], Some(row)) => Some(Constant { dims: vec![1, features], values: row.values }),
            _ => return Err(wrong("there are several tables of token types")),
        };
        let counted = nodes.iter().any(|&position| wiring.node(position).is_op("CumSum"));
        let padding = match counted {
            true => Some(padding(wiring, &nodes)?),
            // Positions that are fed from a first one on are counted from the padding token's id too.
            false => interface
                .position_ids
                .as_ref()
                .and_then(|_| u32::try_from(interface.first_position.checked_sub(1)?).ok()),
        };
        Ok(Self { words, positions, types, norm: (scale.clone(), shift.clone()), projection, padding })
    }

    /// Hands every table on, under the family's names.
    pub fn store(
        &self,
        config: &EncoderConfig,
        put: &mut impl FnMut(String, &Constant) -> Result<(), OnnxError>,
    ) -> Result<(), OnnxError> {
        put("embeddings.word_embeddings.weight".to_owned(), &self.words)?;
        put("embeddings.position_embeddings.weight".to_owned(), &self.positions)?;
        if config.family != Family::DistilBert {
            let none = Constant::zeros(&[1, self.words.columns()]);
            put("embeddings.token_type_embeddings.weight".to_owned(), self.types.as_ref().unwrap_or(&none))?;
        }
        put("embeddings.LayerNorm.weight".to_owned(), &self.norm.0)?;
        put("embeddings.LayerNorm.bias".to_owned(), &self.norm.1)?;
        match (config.projection().map(|projection| projection.module()), &self.projection) {
            (Some(module), Some((weight, bias))) => {
                put(format!("{module}.weight"), weight)?;
                put(format!("{module}.bias"), bias)
            }
            _ => Ok(()),
        }
    }
}

/// The id that tokens are compared with to find padding.
fn padding(wiring: &Wiring<'_>, nodes: &[usize]) -> Result<u32, Unrecognised> {
    let compared = nodes.iter().map(|&position| wiring.node(position)).filter(|node| node.is_op("Equal"));
    let mut ids = compared.flat_map(|node| &node.input).filter_map(|input| {
        let stored = wiring.producers.constant(input)?.integers().ok()?.into_owned();
        <[i64; 1]>::try_from(stored).ok().and_then(|[id]| u32::try_from(id).ok())
    });
    ids.next_back().ok_or(Unrecognised::Embeddings("positions are counted, and the padding token is not known"))
}
