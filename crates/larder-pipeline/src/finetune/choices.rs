//! The user's choices for fine-tuning, completed by the recipe of the encoder's family.

use std::collections::BTreeMap;
use std::path::PathBuf;

use larder_errors::spelled_enum;
use larder_finetune::{
    BatchSize, Freeze, HeadStart, Length, Loss, Order, Precision, Preset, Schedule, TunableEncoder, TuneSettings,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{Pool, Weights};
use larder_run::tasks::TaskRules;
use larder_runtime::Device;
use larder_train::ClassWeight;

use crate::PipelineError;

spelled_enum! {
    /// The source of settings that the user did not choose.
    #[derive(Default)]
    pub enum Recipe {
        /// The recipe published for the encoder's family ([`Preset::of`]).
        #[default]
        Family = "family",
        /// Slow and long, for small datasets on which some seeds fail ([`Preset::stable`]).
        Stable = "stable",
    } else "unknown recipe `{found}`: known are {known}"
}

/// The pooling of a text that is read by itself, unless another is chosen: the best of three for likeness of meaning (Reimers
/// and Gurevych 2019, table 6, <https://arxiv.org/abs/1908.10084>).
const PAIR_POOL: Pool = Pool::Mean;

/// The user's choices for fine-tuning; `None` is the recipe's value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TuneChoices {
    /// The source of all other settings.
    pub recipe: Recipe,
    /// The pooling that a classifier's head reads.
    pub pool: Option<Pool>,
    /// The encoder reads each text of a pair by itself.
    pub pair_features: bool,
    /// The number of epochs or steps.
    pub length: Option<Length>,
    /// The size of a batch.
    pub batch: Option<BatchSize>,
    /// Batches per step.
    pub accumulation: Option<usize>,
    /// The order of examples.
    pub order: Option<Order>,
    /// Seed of the order, the head and dropout.
    pub seed: u64,
    /// The learning rate's schedule.
    pub schedule: Option<Schedule>,
    /// The share of steps in which the rate rises.
    pub warmup: Option<f64>,
    /// The encoder's learning rate.
    pub learning_rate: Option<f64>,
    /// The head's learning rate.
    pub head_learning_rate: Option<f64>,
    /// Each layer's rate as a share of the rate of the layer above.
    pub layer_decay: Option<f64>,
    /// The decay of weights.
    pub weight_decay: Option<f64>,
    /// The maximum norm of all gradients; 0 for no limit.
    pub clip: Option<f64>,
    /// The dropout ratio, the same everywhere.
    pub dropout: Option<f32>,
    /// The share of every label that is spread over all classes.
    pub label_smoothing: Option<f32>,
    /// The weighting of classes in the loss.
    pub class_weight: Option<ClassWeight>,
    /// The parameters that are not trained.
    pub freeze: Freeze,
    /// The hidden layer whose cached states replace everything below it.
    pub from_layer: Option<usize>,
    /// The initial head, a `safetensors` file with `classifier.weight` and `classifier.bias`.
    pub init_head: Option<PathBuf>,
    /// Steps between evaluations; by default one at the end of every epoch.
    pub evaluate_every: Option<usize>,
    /// Evaluations without a better score before the run ends early.
    pub patience: Option<usize>,
    /// Steps between checkpoints, in addition to those at evaluations.
    pub save_every: Option<usize>,
    /// Continue when the run has collapsed to one answer.
    pub keep_going: bool,
    /// The device of training.
    pub device: Device,
    /// The precision of matrix products in training.
    pub precision: Precision,
}

impl TuneChoices {
    /// Returns the settings of a run, for a dataset with `counts` training rows (tagging: words) of each class, `[classes]`.
    ///
    /// # Errors
    /// [`PipelineError::InitHead`] for a head that cannot be read.
    pub(super) fn settings(
        &self,
        encoder: &TunableEncoder,
        rules: &dyn TaskRules,
        counts: &[usize],
        threads: usize,
        resume: bool,
    ) -> Result<TuneSettings, PipelineError> {
        let family = encoder.facts().family;
        let preset = match self.recipe {
            Recipe::Family => Preset::of(family),
            Recipe::Stable => Preset::stable(family),
        };
        let preset = rules.preset(preset);
        let mut plain = TuneSettings::from_preset(&preset, counts.len());
        if encoder.config().is_none() {
            // Nothing in the graph says where to drop; and whether its first token or a pooler stands for the text is not known.
            plain.dropout = DropoutRatios { head: plain.dropout.head, ..DropoutRatios::NONE };
            plain.input = HeadInput::Pooled(Pool::Mean);
            if let (true, None, BatchSize::Rows(rows)) = (encoder.facts().reads_padding, self.batch, plain.batch) {
                (plain.batch, plain.accumulation) = (BatchSize::Rows(1), rows);
            }
        }
        let input = match self.pair_features {
            true => HeadInput::Pair(self.pool.unwrap_or(PAIR_POOL)),
            false => rules.head_input(self.pool, plain.input),
        };
        let dropout = match self.dropout {
            None => plain.dropout,
            Some(ratio) if encoder.config().is_none() => DropoutRatios { head: ratio, ..DropoutRatios::NONE },
            Some(ratio) => DropoutRatios { hidden: ratio, attention: ratio, head: ratio },
        };
        let head = match &self.init_head {
            None => HeadStart::Random,
            Some(path) => HeadStart::Given(
                Weights::load(path)
                    .map_err(|source| PipelineError::InitHead { path: path.clone(), source: Box::new(source) })?,
            ),
        };
        let class_weights = match self.class_weight {
            Some(ClassWeight::Balanced) => Some(weights(ClassWeight::Balanced, counts)),
            Some(ClassWeight::None) | None => None,
        };
        Ok(TuneSettings {
            input,
            loss: rules.loss(class_weights, self.label_smoothing.unwrap_or(0.0)),
            head,
            length: self.length.unwrap_or(plain.length),
            batch: self.batch.unwrap_or(plain.batch),
            accumulation: self.accumulation.unwrap_or(plain.accumulation),
            order: self.order.unwrap_or(plain.order),
            seed: self.seed,
            schedule: self.schedule.unwrap_or(plain.schedule),
            warmup: self.warmup.unwrap_or(plain.warmup),
            learning_rate: self.learning_rate.unwrap_or(plain.learning_rate),
            head_learning_rate: self.head_learning_rate.or(plain.head_learning_rate),
            layer_decay: self.layer_decay.unwrap_or(plain.layer_decay),
            weight_decay: self.weight_decay.unwrap_or(plain.weight_decay),
            clip: self.clip.map_or(plain.clip, |limit| (limit > 0.0).then_some(limit)),
            dropout,
            freeze: self.freeze.clone(),
            from_layer: self.from_layer,
            evaluate_every: self.evaluate_every,
            patience: self.patience,
            save_every: self.save_every,
            stop_on_collapse: !self.keep_going,
            device: self.device,
            precision: self.precision,
            resume,
            threads,
            ..plain
        })
    }
}

/// Returns one weight per class, `[classes]`. A class without rows gets 1: its weight decides nothing.
fn weights(class_weight: ClassWeight, counts: &[usize]) -> Vec<f32> {
    let counts: Vec<u64> = counts.iter().map(|&count| count as u64).collect();
    class_weight.of_counts(&counts).into_iter().map(|weight| if weight > 0.0 { weight as f32 } else { 1.0 }).collect()
}

/// Returns every setting that a run's numbers depend on, as text.
pub(super) fn settings_map(settings: &TuneSettings, init_head: Option<&str>) -> BTreeMap<String, String> {
    let DropoutRatios { hidden, attention, head } = settings.dropout;
    let input = match settings.input {
        HeadInput::Pooled(pool) => pool.to_string(),
        HeadInput::Pair(pool) => format!("pairs of {pool}"),
        HeadInput::Tokens => "words".to_owned(),
    };
    let batch = match settings.batch {
        BatchSize::Rows(rows) => format!("{rows} rows"),
        BatchSize::Tokens(tokens) => format!("{tokens} tokens"),
    };
    let length = match settings.length {
        Length::Epochs(epochs) => format!("{epochs} epochs"),
        Length::Steps(steps) => format!("{steps} steps"),
    };
    let weights = |weights: &Vec<f32>| weights.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let either = |value: Option<String>, other: &str| value.unwrap_or_else(|| other.to_owned());
    let number = |value: f64| format!("{value:e}");
    let (class_weights, label_smoothing) = match &settings.loss {
        Loss::CrossEntropy { class_weights, label_smoothing } => (class_weights.as_ref(), *label_smoothing),
        Loss::BinaryCrossEntropy { .. } | Loss::MeanSquaredError => (None, 0.0),
    };
    BTreeMap::from(
        [
            ("reads", input),
            ("length", length),
            ("batch", batch),
            ("accumulation", settings.accumulation.to_string()),
            ("shuffle", settings.order.to_string()),
            ("seed", settings.seed.to_string()),
            ("schedule", settings.schedule.to_string()),
            ("warmup", number(settings.warmup)),
            ("learning_rate", number(settings.learning_rate)),
            ("head_learning_rate", number(settings.head_learning_rate.unwrap_or(settings.learning_rate))),
            ("layer_decay", number(settings.layer_decay)),
            ("weight_decay", number(settings.weight_decay)),
            ("clip", either(settings.clip.map(number), "none")),
            ("dropout", format!("{hidden},{attention},{head}")),
            ("label_smoothing", label_smoothing.to_string()),
            ("class_weights", either(class_weights.map(weights), "none")),
            ("freeze", settings.freeze.to_string()),
            ("precision", settings.precision.to_string()),
            ("from_layer", either(settings.from_layer.map(|layer| layer.to_string()), "none")),
            ("init_head", either(init_head.map(str::to_owned), "none")),
            ("evaluate_every", either(settings.evaluate_every.map(|steps| steps.to_string()), "epoch")),
            ("patience", either(settings.patience.map(|times| times.to_string()), "none")),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    )
}
