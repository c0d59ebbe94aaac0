//! What somebody asks for, and what the recipe of the encoder's family makes of the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use larder_errors::spelled_enum;
use larder_finetune::{BatchSize, Freeze, HeadStart, Length, Order, Precision, Preset, Schedule, TuneSettings};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{EncoderConfig, Pool, Weights};
use larder_run::tasks::TaskRules;
use larder_runtime::Device;
use larder_train::ClassWeight;

use crate::PipelineError;

spelled_enum! {
    /// Where settings come from that nobody gave.
    #[derive(Default)]
    pub enum Recipe {
        /// The publication of the encoder's family ([`Preset::of`]).
        #[default]
        Family = "family",
        /// Slow and long, for small datasets on which seeds fail ([`Preset::stable`]).
        Stable = "stable",
    } else "unknown recipe `{found}`: known are {known}"
}

/// How to fine-tune. What is `None` is the recipe's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TuneChoices {
    /// Where everything else comes from.
    pub recipe: Recipe,
    /// What a head for one label a text reads.
    pub pool: Option<Pool>,
    /// How long.
    pub length: Option<Length>,
    /// How much is run at a time.
    pub batch: Option<BatchSize>,
    /// Batches that make one step.
    pub accumulation: Option<usize>,
    /// In which order examples come.
    pub order: Option<Order>,
    /// Of the order, the head and the dropout.
    pub seed: u64,
    /// What becomes of the learning rates.
    pub schedule: Option<Schedule>,
    /// The share of steps in which they rise.
    pub warmup: Option<f64>,
    /// The encoder's.
    pub learning_rate: Option<f64>,
    /// The head's.
    pub head_learning_rate: Option<f64>,
    /// Each layer's as a share of the one above it.
    pub layer_decay: Option<f64>,
    /// How fast parameters shrink.
    pub weight_decay: Option<f64>,
    /// The largest norm of all gradients; 0 for any.
    pub clip: Option<f64>,
    /// How much is dropped, everywhere alike.
    pub dropout: Option<f32>,
    /// The share of every label that is spread over all classes.
    pub label_smoothing: Option<f32>,
    /// How classes are weighed in the loss.
    pub class_weight: Option<ClassWeight>,
    /// What is not trained.
    pub freeze: Freeze,
    /// The hidden layer whose cached states stand for everything below it.
    pub from_layer: Option<usize>,
    /// The head as it starts, a `safetensors` file with `classifier.weight` and `classifier.bias`.
    pub init_head: Option<PathBuf>,
    /// Steps between two evaluations; one at the end of every epoch unless given.
    pub evaluate_every: Option<usize>,
    /// Evaluations without a better score after which the run ends early.
    pub patience: Option<usize>,
    /// Steps between two checkpoints, beside those at evaluations.
    pub save_every: Option<usize>,
    /// Go on when the run has collapsed to one answer.
    pub keep_going: bool,
    /// Where training runs.
    pub device: Device,
    /// What matrix products of training are computed in.
    pub precision: Precision,
}

impl TuneChoices {
    /// The settings of a run on a dataset with that many training rows (tagging: words) a class.
    ///
    /// # Errors
    /// [`PipelineError::InitHead`] for a head that cannot be read.
    pub(super) fn settings(
        &self,
        config: &EncoderConfig,
        rules: &dyn TaskRules,
        counts: &[usize],
        threads: usize,
        resume: bool,
    ) -> Result<TuneSettings, PipelineError> {
        let preset = match self.recipe {
            Recipe::Family => Preset::of(config.family),
            Recipe::Stable => Preset::stable(config.family),
        };
        let preset = rules.preset(preset);
        let plain = TuneSettings::from_preset(&preset, counts.len());
        let input = rules.head_input(self.pool, plain.input);
        let dropout =
            self.dropout.map_or(plain.dropout, |ratio| DropoutRatios { hidden: ratio, attention: ratio, head: ratio });
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
            class_weights,
            label_smoothing: self.label_smoothing.unwrap_or(plain.label_smoothing),
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

/// One weight a class. No row has a class without rows, so that its weight decides nothing; it must be one all the same.
fn weights(class_weight: ClassWeight, counts: &[usize]) -> Vec<f32> {
    let counts: Vec<u64> = counts.iter().map(|&count| count as u64).collect();
    class_weight.of_counts(&counts).into_iter().map(|weight| if weight > 0.0 { weight as f32 } else { 1.0 }).collect()
}

/// Everything that decides a run's numbers, spelled out.
pub(super) fn described(settings: &TuneSettings, init_head: Option<&str>) -> BTreeMap<String, String> {
    let DropoutRatios { hidden, attention, head } = settings.dropout;
    let input = match settings.input {
        HeadInput::Pooled(pool) => pool.to_string(),
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
            ("label_smoothing", settings.label_smoothing.to_string()),
            ("class_weights", either(settings.class_weights.as_ref().map(weights), "none")),
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
