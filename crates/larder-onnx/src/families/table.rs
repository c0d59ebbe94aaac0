//! The families, each with what makes its graph another than BERT's.

use super::Family;
use super::layout::Layout;

impl Family {
    /// Returns what makes it another graph than BERT's.
    pub(crate) fn layout(self) -> &'static Layout {
        match self {
            Self::Bert => &super::bert::LAYOUT,
            Self::Albert => &super::albert::LAYOUT,
            Self::DistilBert => &super::distilbert::LAYOUT,
            Self::Roberta => &super::roberta::LAYOUT,
            Self::XlmRoberta => &super::roberta::XLM_LAYOUT,
            Self::Data2VecText => &super::roberta::DATA2VEC_LAYOUT,
            Self::RobertaPreLayerNorm => &super::roberta::PRE_LAYER_NORM_LAYOUT,
            Self::Electra => &super::electra::LAYOUT,
            Self::MpNet => &super::mpnet::LAYOUT,
            Self::Gte => &super::gte::LAYOUT,
            Self::New => &super::gte::NEW_LAYOUT,
            Self::NeoBert => &super::neobert::LAYOUT,
            Self::Ernie => &super::ernie::LAYOUT,
            Self::EuroBert => &super::eurobert::LAYOUT,
            Self::NomicBert => &super::nomic_bert::LAYOUT,
            Self::ModernBert => &super::modernbert::LAYOUT,
            Self::DebertaV2 => &super::deberta_v2::LAYOUT,
        }
    }
}
