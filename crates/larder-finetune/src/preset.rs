//! The fine-tuning recipes of the encoders' publications.

use std::ops::RangeInclusive;

use larder_graphs::DropoutRatios;
use larder_onnx::Family;

/// The fine-tuning recipe of a family's publication.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The learning rates that it tries, or names task by task.
    pub learning_rates: RangeInclusive<f64>,
    /// The one to begin with.
    pub learning_rate: f64,
    /// Examples of a batch.
    pub rows: usize,
    /// Times through the examples.
    pub epochs: usize,
    /// The share of all steps in which the rate rises.
    pub warmup: f64,
    /// The weight decay.
    pub weight_decay: f64,
    /// Each layer's rate as a share of the one above it.
    pub layer_decay: f64,
    /// The dropout ratios.
    pub dropout: DropoutRatios,
    /// Has the family a pooler?
    pub has_pooler: bool,
}

/// The configurations' own: 0.1 everywhere.
const DROPOUT: DropoutRatios = DropoutRatios { hidden: 0.1, attention: 0.1, head: 0.1 };

impl Preset {
    /// The same for a head on every token, before which no family drops more than 0.1: DistilBERT's 0.2 belongs to its
    /// classifier of texts (transformers' `DistilBertForTokenClassification` takes `dropout`).
    pub fn tagging(self) -> Self {
        let head = self.dropout.head.min(DROPOUT.head);
        Self { dropout: DropoutRatios { head, ..self.dropout }, ..self }
    }

    /// The recipe of a family. Everything else is [`TuneSettings`](crate::TuneSettings)' own: a linear decay, clipping to a
    /// norm of 1, and Adam with its bias correction, which BERT's own code leaves out.
    ///
    /// - BERT: Devlin et al., 2018, section 4.1 and appendix A.3 (<https://arxiv.org/abs/1810.04805>): batches of 16 or 32,
    ///   rates 5e-5, 3e-5, 2e-5, 2 to 4 epochs; decay and warm-up are its code's. The rate to begin with is our choice among
    ///   them. DistilBERT and MiniLM are fine-tuned as their teacher is; DistilBERT's 0.2 before the head is its
    ///   configuration's (`seq_classif_dropout`). ERNIE (Sun et al., 2019, <https://arxiv.org/abs/1904.09223>) is taken to
    ///   be alike.
    /// - ALBERT: Lan et al., 2019, table 14 (<https://arxiv.org/abs/1909.11942>), the line of CoLA: 1e-5, 16 rows, 5,336 steps
    ///   with 320 of warm-up, no dropout but before the head. Other tasks have up to 5e-5, and four of twelve drop 0.1. The
    ///   table names no decay: it is BERT's.
    /// - RoBERTa: Liu et al., 2019, table 10 (<https://arxiv.org/abs/1907.11692>), for the large model. Its code differs from
    ///   this in beta2 0.98 and in not clipping. XLM-R, data2vec (Baevski et al., 2022,
    ///   <https://arxiv.org/abs/2202.03555>) and RoBERTa with normalisations in front are taken to be alike. MPNet's repository borrows the recipe.
    /// - ELECTRA: Clark et al., 2020, table 7 (<https://arxiv.org/abs/2003.10555>): the rate to begin with and the layers'
    ///   decay are the base model's; rates from the lowest that it tried, 3e-5, to the small model's. Its code decays by
    ///   0.01, the table says 0.
    /// - NomicBERT (Nussbaum et al., 2024, <https://arxiv.org/abs/2402.01613>) and EuroBERT (Boizard et al., 2025,
    ///   <https://arxiv.org/abs/2503.05500>): BERT's, without dropout as in their configurations. NeoBERT (Le Breton et al., 2025,
    ///   <https://arxiv.org/abs/2502.19587>) likewise.
    /// - mGTE (Zhang et al., 2024, <https://arxiv.org/abs/2407.19669>): BERT's, without dropout of attention weights as in its
    ///   configuration. Its own code drops from the gated activations too, which the encoders here do not.
    /// - DeBERTa: He et al., 2020, the appendix's table of fine-tuning (<https://arxiv.org/abs/2006.03654>): rates from 5e-6, the large
    ///   model's lowest, to 4e-5, the base model's highest; batches of 16 to 64, a decay of 0.01, warm-up of up to 1,000 steps. The rate
    ///   and the epochs to begin with are those of the authors' example (<https://huggingface.co/microsoft/deberta-v3-base>), batches
    ///   and warm-up are BERT's.
    /// - ModernBERT: Warner et al., 2024, appendix on GLUE (<https://arxiv.org/abs/2412.13663>): rates 1e-5 to 8e-5, weight decays
    ///   1e-6 to 1e-5, up to 10 epochs; no dropout, as in its configuration. The rate and the epochs to begin with are our choice
    ///   among them, batches and warm-up are BERT's.
    pub fn of(family: Family) -> Self {
        let bert = Self {
            learning_rates: 2e-5..=5e-5,
            learning_rate: 3e-5,
            rows: 32,
            epochs: 3,
            warmup: 0.1,
            weight_decay: 0.01,
            layer_decay: 1.0,
            dropout: DROPOUT,
            has_pooler: true,
        };
        match family {
            Family::Bert | Family::Ernie => bert,
            Family::NomicBert | Family::EuroBert | Family::NeoBert => {
                Self { dropout: DropoutRatios::NONE, has_pooler: false, ..bert }
            }
            Family::Gte | Family::New => {
                Self { dropout: DropoutRatios { attention: 0.0, ..DROPOUT }, has_pooler: false, ..bert }
            }
            Family::DistilBert => Self { has_pooler: false, dropout: DropoutRatios { head: 0.2, ..DROPOUT }, ..bert },
            Family::Albert => Self {
                learning_rates: 1e-5..=5e-5,
                learning_rate: 1e-5,
                rows: 16,
                // 5,336 steps of 16 are ten times through CoLA.
                epochs: 10,
                warmup: 0.06,
                dropout: DropoutRatios { hidden: 0.0, attention: 0.0, head: 0.1 },
                ..bert
            },
            Family::Roberta
            | Family::XlmRoberta
            | Family::Data2VecText
            | Family::RobertaPreLayerNorm
            | Family::MpNet => Self {
                learning_rates: 1e-5..=3e-5,
                learning_rate: 2e-5,
                rows: 16,
                epochs: 10,
                warmup: 0.06,
                weight_decay: 0.1,
                ..bert
            },
            Family::Electra => Self {
                learning_rates: 3e-5..=3e-4,
                learning_rate: 1e-4,
                weight_decay: 0.0,
                layer_decay: 0.8,
                has_pooler: false,
                ..bert
            },
            Family::DebertaV2 => Self { learning_rates: 5e-6..=4e-5, learning_rate: 2e-5, has_pooler: false, ..bert },
            Family::ModernBert => Self {
                learning_rates: 1e-5..=8e-5,
                learning_rate: 5e-5,
                epochs: 5,
                weight_decay: 1e-5,
                dropout: DropoutRatios::NONE,
                has_pooler: false,
                ..bert
            },
        }
    }

    /// The stable baseline for small datasets, on which some seeds fail otherwise: Mosbach et al., 2021, section 6
    /// (<https://arxiv.org/abs/2006.04884>), with what its code adds: batches of 16, a decay of 0.01, dropout of 0.1. A low
    /// rate with bias correction against gradients that vanish early, and epochs enough for a training loss near zero.
    pub fn stable(family: Family) -> Self {
        let of_family = Self::of(family);
        Self {
            learning_rates: 1e-5..=3e-5,
            learning_rate: 2e-5,
            rows: 16,
            epochs: 20,
            warmup: 0.1,
            weight_decay: 0.01,
            layer_decay: 1.0,
            dropout: DROPOUT,
            has_pooler: of_family.has_pooler,
        }
    }
}
