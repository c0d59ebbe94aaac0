//! How the publications fine-tune their encoders.

use std::ops::RangeInclusive;

use larder_graphs::DropoutRatios;
use larder_onnx::Family;

/// How a family's publication fine-tunes it.
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
    /// How fast parameters shrink.
    pub weight_decay: f64,
    /// Each layer's rate as a share of the one above it.
    pub layer_decay: f64,
    /// How much is dropped.
    pub dropout: DropoutRatios,
    /// Has the family a pooler?
    pub has_pooler: bool,
}

impl Preset {
    /// The recipe of a family.
    ///
    /// - BERT: Devlin et al., 2018, appendix A.3 (<https://arxiv.org/abs/1810.04805>); the decay and warm-up of its code.
    ///   DistilBERT and MiniLM are fine-tuned as their teacher is.
    /// - ALBERT: Lan et al., 2019, table 14 (<https://arxiv.org/abs/1909.11942>).
    /// - RoBERTa: Liu et al., 2019, table 10 (<https://arxiv.org/abs/1907.11692>); XLM-R likewise.
    /// - ELECTRA: Clark et al., 2020, table 7 (<https://arxiv.org/abs/2003.10555>): the base model's.
    /// - MPNet: Song et al., 2020, appendix (<https://arxiv.org/abs/2004.09297>).
    pub fn of(family: Family) -> Self {
        const DROPOUT: DropoutRatios = DropoutRatios { hidden: 0.1, attention: 0.1, head: 0.1 };
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
            Family::Bert => bert,
            Family::DistilBert => Self { has_pooler: false, dropout: DropoutRatios { head: 0.2, ..DROPOUT }, ..bert },
            Family::Albert => Self {
                learning_rates: 1e-5..=5e-5,
                learning_rate: 1e-5,
                rows: 16,
                // 320 warm-up steps of 5,336 for CoLA, which are ten times through it.
                epochs: 10,
                warmup: 0.06,
                dropout: DropoutRatios { hidden: 0.0, attention: 0.0, head: 0.1 },
                ..bert
            },
            Family::Roberta | Family::XlmRoberta | Family::MpNet => Self {
                learning_rates: 1e-5..=3e-5,
                learning_rate: 2e-5,
                rows: 16,
                epochs: 10,
                warmup: 0.06,
                weight_decay: 0.1,
                ..bert
            },
            Family::Electra => Self {
                // From the large model to the small one.
                learning_rates: 5e-5..=3e-4,
                learning_rate: 1e-4,
                weight_decay: 0.0,
                layer_decay: 0.8,
                has_pooler: false,
                ..bert
            },
        }
    }
}
