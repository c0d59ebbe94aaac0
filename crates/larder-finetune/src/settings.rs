//! The settings of a fine-tuning run.

use larder_errors::spelled_enum;
use larder_graphs::{AdamW, DropoutRatios, GraphsError, HeadInput, Loss, Precision, Schedule};
use larder_onnx::{Family, Pool, Weights};
use larder_runtime::Device;
use serde::Serialize;

use crate::TuneError;
use crate::freeze::Freeze;
use crate::knobs::Knobs;
use crate::preset::Preset;

/// Gradients are clipped to this norm, as BERT's own code does.
pub const DEFAULT_CLIP: f64 = 1.0;

/// The initial scale of PyTorch's `GradScaler`: at the losses of a new head, scaled gradients stay in float16's range.
pub const DEFAULT_LOSS_SCALE: f64 = 65536.0;

/// Two to the hundredth: scaled gradients and their squares then still have room in float32.
pub(crate) const LARGEST_LOSS_SCALE: f64 = (1_u128 << 100) as f64;

/// Any number: it only has to be the same again.
pub const DEFAULT_SEED: u64 = 0;

/// The length of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Length {
    /// So many times through all examples.
    Epochs(usize),
    /// So many steps, however many times through the examples that is.
    Steps(usize),
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum BatchSize {
    /// So many examples; the last batch of an epoch may have fewer.
    Rows(usize),
    /// As many examples as make up to so many tokens, padding included; one at least.
    Tokens(usize),
}

spelled_enum! {
    /// In which order.
    pub enum Order {
        /// Another one in every epoch, by the seed; examples of like length share a batch, so that little is padded.
        ByLength = "by-length",
        /// Another one in every epoch, by the seed, and nothing else.
        Random = "random",
        /// As the examples come, in every epoch.
        AsGiven = "none",
    } else "shuffle is {found}: {or}"
}

/// The initial parameters of the head.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadStart {
    /// Weights normal with the encoder's `initializer_range` as standard deviation, biases zero, by the seed.
    Random,
    /// These: `classifier.weight` `[classes, hidden]` and `classifier.bias` `[classes]`; a pooler's parameters too, where
    /// they are among them.
    Given(Weights),
}

/// The settings of a fine-tuning run. Write them as `TuneSettings { seed: 1, ..TuneSettings::of(family, classes) }`.
///
/// Those that are serialized decide a run's numbers, and tell its checkpoints from another run's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TuneSettings {
    /// The head's input. A pooler is trained along; one that the weights lack starts at random.
    pub input: HeadInput,
    /// Columns of the logits: classes, labels of which a text has any number, or numbers of a regression.
    pub classes: usize,
    /// The loss, which decides what [`Targets`](crate::Targets) examples have. Heads on tokens have [`Loss::CrossEntropy`].
    pub loss: Loss,
    /// The initial parameters of the head.
    #[serde(skip)]
    pub head: HeadStart,
    /// The length of the run.
    pub length: Length,
    /// The size of a batch.
    pub batch: BatchSize,
    /// Batches whose gradients make one step: the same, within rounding, as one batch of all of them.
    pub accumulation: usize,
    /// In which order.
    pub order: Order,
    /// The seed of the order, the head and the dropout.
    pub seed: u64,
    /// The schedule of the learning rates.
    pub schedule: Schedule,
    /// The share of all steps in which the rates rise from zero.
    pub warmup: f64,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// The head's, and a pooler's, where it is another.
    pub head_learning_rate: Option<f64>,
    /// Each layer's learning rate is the one above it times this; the highest layer has the encoder's, the embeddings are
    /// one below the first (Howard and Ruder, 2018, <https://arxiv.org/abs/1801.06146>). 1 is one rate for all. Layers that
    /// share parameters have the rate of the highest of them.
    pub layer_decay: f64,
    /// The optimizer's moments.
    pub adam: AdamW,
    /// The weight decay, as a share of the learning rate; not for biases and normalisations.
    pub weight_decay: f64,
    /// The largest norm of all gradients together, `None` for any.
    pub clip: Option<f64>,
    /// The dropout ratios.
    pub dropout: DropoutRatios,
    /// The parts that are not trained.
    pub freeze: Freeze,
    /// Train only what stands above a layer, from its hidden states, which are given: the lower part is not run. Layers
    /// count as features do, 0 being the embeddings' output and 1 that of the first layer.
    pub from_layer: Option<usize>,
    /// Steps between two evaluations, if there is something to evaluate on; `None` for one at the end of every epoch.
    pub evaluate_every: Option<usize>,
    /// Evaluations without a better score after which the run ends early.
    #[serde(skip)]
    pub patience: Option<usize>,
    /// Steps between two checkpoints, beside those at evaluations, where there is a folder for them; `None` for one every ten
    /// minutes.
    #[serde(skip)]
    pub save_every: Option<usize>,
    /// Stop a run with [`TuneError::Collapsed`] once its logits have become the same for every text. Looked for where the
    /// loss is not below that of guessing: every twentieth of the steps, and at least fifty steps, after the warm-up.
    #[serde(skip)]
    pub stop_on_collapse: bool,
    /// Go on from the folder's last checkpoint, if it has one.
    #[serde(skip)]
    pub resume: bool,
    /// The device of the graphs, and of parameters and optimizer unless it is the CPU.
    #[serde(skip)]
    pub device: Device,
    /// The precision of training's matrix products; evaluations are float32. On the CPU bfloat16 is that of linear layers and attention
    /// ([`ProductForm::Operators`](larder_graphs::ProductForm::Operators)), where the processor has instructions for it, else
    /// float32; and float16 products are float32 ones of rounded operands: a device's numbers, in more time than float32 takes.
    pub precision: Precision,
    /// The initial loss scale with [`Precision::F16`], a power of two. It is halved when a gradient overflows, whose step is
    /// skipped, and doubled after 2,000 steps without overflow.
    pub loss_scale: f64,
    /// Threads; 0 means one per core.
    #[serde(skip)]
    pub threads: usize,
}

impl TuneSettings {
    /// The recipe of the family's publication, for a head on the pooler where the family has one, else on the first token, and
    /// one class a text.
    pub fn of(family: Family, classes: usize) -> Self {
        Self::from_preset(&Preset::of(family), classes)
    }

    /// As [`TuneSettings::of`], by any recipe.
    pub fn from_preset(preset: &Preset, classes: usize) -> Self {
        Self {
            input: HeadInput::Pooled(if preset.has_pooler { Pool::Pooler } else { Pool::Cls }),
            classes,
            loss: Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 },
            head: HeadStart::Random,
            length: Length::Epochs(preset.epochs),
            batch: BatchSize::Rows(preset.rows),
            accumulation: 1,
            order: Order::ByLength,
            seed: DEFAULT_SEED,
            schedule: Schedule::Linear,
            warmup: preset.warmup,
            learning_rate: preset.learning_rate,
            head_learning_rate: None,
            layer_decay: preset.layer_decay,
            adam: AdamW::default(),
            weight_decay: preset.weight_decay,
            clip: Some(DEFAULT_CLIP),
            dropout: preset.dropout,
            freeze: Freeze::default(),
            from_layer: None,
            evaluate_every: None,
            patience: None,
            save_every: None,
            stop_on_collapse: true,
            resume: false,
            device: Device::Cpu,
            precision: Precision::F32,
            loss_scale: DEFAULT_LOSS_SCALE,
            threads: 0,
        }
    }

    /// The same for a head on every token.
    pub fn tagging(family: Family, classes: usize) -> Self {
        Self { input: HeadInput::Tokens, ..Self::from_preset(&Preset::of(family).tagging(), classes) }
    }

    /// The settings that decide whether a run on an encoder of that family diverges.
    pub fn knobs(&self, family: Family) -> Knobs {
        Knobs { rate: self.learning_rate, warmup: self.warmup, clip: self.clip, family }
    }

    /// # Errors
    /// [`TuneError::Setting`]; [`TuneError::Graphs`] for a head on tokens with another loss than cross-entropy.
    pub(crate) fn check(&self) -> Result<(), TuneError> {
        let wrong = |setting, found: String, expected| Err(TuneError::Setting { setting, found, expected });
        let least_classes = if matches!(self.loss, Loss::CrossEntropy { .. }) { 2 } else { 1 };
        let counts = [
            ("classes", self.classes, least_classes),
            ("accumulation", self.accumulation, 1),
            (
                "the length",
                match self.length {
                    Length::Epochs(n) | Length::Steps(n) => n,
                },
                1,
            ),
            (
                "the batch size",
                match self.batch {
                    BatchSize::Rows(n) | BatchSize::Tokens(n) => n,
                },
                1,
            ),
            ("evaluate_every", self.evaluate_every.unwrap_or(1), 1),
            ("save_every", self.save_every.unwrap_or(1), 1),
            ("patience", self.patience.unwrap_or(1), 1),
        ];
        for (setting, found, least) in counts {
            if found < least {
                let expected = if least == 2 { "two at least" } else { "one at least" };
                return wrong(setting, found.to_string(), expected);
            }
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let numbers = [
            ("learning_rate", self.learning_rate),
            ("head_learning_rate", self.head_learning_rate.unwrap_or(1.0)),
            ("layer_decay", self.layer_decay),
            ("clip", self.clip.unwrap_or(1.0)),
            ("epsilon", self.adam.epsilon),
        ];
        if let Some((setting, value)) = numbers.into_iter().find(|(_, value)| !positive(*value)) {
            return wrong(setting, value.to_string(), "more than 0, and finite");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return wrong("weight_decay", self.weight_decay.to_string(), "0 or more, and finite");
        }
        // A power of two within float32's range.
        if !(1.0..=LARGEST_LOSS_SCALE).contains(&self.loss_scale) || self.loss_scale.log2().fract() != 0.0 {
            return wrong("loss_scale", self.loss_scale.to_string(), "a power of two, from 1 to 2^100");
        }
        let DropoutRatios { hidden, attention, head } = self.dropout;
        let shares = [
            ("warmup", self.warmup),
            ("dropout", f64::from(hidden)),
            ("attention dropout", f64::from(attention)),
            ("head dropout", f64::from(head)),
            ("beta1", self.adam.beta1),
            ("beta2", self.adam.beta2),
        ];
        if let Some((setting, value)) = shares.into_iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            return wrong(setting, value.to_string(), "from 0 to below 1");
        }
        self.check_loss()
    }

    fn check_loss(&self) -> Result<(), TuneError> {
        let wrong = |setting, found: String, expected| Err(TuneError::Setting { setting, found, expected });
        let positive = |value: f32| value.is_finite() && value > 0.0;
        match &self.loss {
            Loss::CrossEntropy { label_smoothing, .. } if !(0.0..1.0).contains(label_smoothing) => {
                wrong("label_smoothing", label_smoothing.to_string(), "from 0 to below 1")
            }
            Loss::CrossEntropy { class_weights: Some(weights), .. } if weights.len() != self.classes => {
                wrong("class_weights", format!("{} weights", weights.len()), "one a class")
            }
            Loss::CrossEntropy { class_weights: Some(weights), .. }
                if !weights.iter().all(|&weight| positive(weight)) =>
            {
                wrong("class_weights", format!("{weights:?}"), "each more than 0, and finite")
            }
            Loss::CrossEntropy { .. } => Ok(()),
            _ if self.input == HeadInput::Tokens => Err(GraphsError::TokenLoss.into()),
            Loss::BinaryCrossEntropy { positive_weight } if !positive(*positive_weight) => {
                wrong("positive_weight", positive_weight.to_string(), "more than 0, and finite")
            }
            Loss::BinaryCrossEntropy { .. } | Loss::MeanSquaredError => Ok(()),
        }
    }
}
