//! `finetune` and `graphs` as typed.

use std::path::PathBuf;

use clap::Args;
use larder_data::{DatasetSpec, Task};
use larder_finetune::{BatchSize, Freeze, Length, Loss, Order, Precision, Schedule};
use larder_metrics::Metric;
use larder_onnx::Pool;
use larder_pipeline::{FinetuneOptions, Recipe, TuneChoices};
use larder_run::tasks;
use larder_runtime::Device;
use larder_store::Level;
use larder_train::ClassWeight;

use super::{SeedList, StageInputs, TokenizeFlags, refuse, refuse_foreign};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct FinetuneArgs {
    #[command(flatten)]
    pub inputs: StageInputs,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub tune: TuneFlags,
    #[command(flatten)]
    pub course: CourseFlags,
    /// The run's name; the first free DATASET-ENCODER-N unless given
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Go on from the last checkpoint of an interrupted run
    #[arg(long)]
    pub resume: bool,
    /// Keep the checkpoints when the run is done
    #[arg(long)]
    pub keep_checkpoints: bool,
    /// Several learning rates, one run each: prints mean and deviation over the seeds
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["learning_rate", "resume"])]
    pub sweep: Vec<f64>,
    /// Several seeds, one run each: prints mean and deviation. 0..9 is ten of them
    #[arg(long, value_name = "LIST", conflicts_with_all = ["seed", "resume"])]
    pub seeds: Option<SeedList>,
    /// The device of training: auto takes the first GPU where it really works; cuda is the first GPU, cuda:1 the second; one that does not
    /// work is an error
    #[arg(long, value_name = "auto|cpu|cuda|cuda:N", default_value = "cpu", value_parser = one_device)]
    pub device: Device,
    /// Precision of matrix products in training, with float32 parameters and sums: bf16 is faster on GPUs and on CPUs that have
    /// AVX512_BF16, and any other CPU computes in f32 and says so. f16 scales the loss and skips steps that overflow; on the CPU
    /// numbers are only rounded so, which gives a GPU's results and takes longer
    #[arg(long, value_name = "f32|f16|bf16", default_value_t)]
    pub precision: Precision,
    /// CPU threads; 0 is one per core
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub threads: usize,
}

#[derive(Debug, Args)]
pub struct GraphsArgs {
    #[command(flatten)]
    pub inputs: StageInputs,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub tune: TuneFlags,
    /// The folder's name under `graphs`; DATASET-ENCODER unless given
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Flags of what is trained, and by which recipe.
#[derive(Debug, Args)]
pub struct TuneFlags {
    /// The source of settings that are not given: family, the publication of the encoder's family; stable, low rate and many
    /// epochs for small datasets (Mosbach et al., 2021)
    #[arg(long, value_name = "family|stable", default_value_t)]
    pub recipe: Recipe,
    /// Pairs of texts: the encoder reads each by itself, and the head reads both vectors, their difference and their product
    #[arg(long, conflicts_with = "from_layer")]
    pub pair_features: bool,
    /// Classification: the vector that the head reads, a pooling of the tokens as of encode, or pooler [default: pooler where the
    /// family has one, else cls; mean with --pair-features]
    #[arg(long, value_name = "cls|mean|pooler|max|...")]
    pub pool: Option<Pool>,
    /// Seed of the head, the order and the dropout
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Dropout, everywhere alike; 0 for none
    #[arg(long, value_name = "SHARE")]
    pub dropout: Option<f32>,
    /// Class weights: none, or balanced, which makes all classes weigh the same [default: none]
    #[arg(long, value_name = "none|balanced")]
    pub class_weight: Option<ClassWeight>,
    /// The share of every label that is spread over all classes
    #[arg(long, value_name = "SHARE")]
    pub label_smoothing: Option<f32>,
    /// Parts that are not trained, such as embeddings,layers:0-5; layers count from 0
    #[arg(long, value_name = "LIST")]
    pub freeze: Option<Freeze>,
    /// Train only what is above hidden layer K, from its cached states: what is below is run once, by encode. 0 is the
    /// embeddings
    #[arg(long, value_name = "K")]
    pub from_layer: Option<usize>,
    /// Start from this head: classifier.weight, a row of hidden size a class (four times that with --pair-features), and
    /// classifier.bias, one a class
    #[arg(long, value_name = "FILE.safetensors")]
    pub init_head: Option<PathBuf>,
    /// Tagging: tokens from one window of a long sentence to the next; half a window unless given
    #[arg(long, value_name = "N")]
    pub stride: Option<usize>,
}

/// Flags of a run's course.
#[derive(Debug, Args)]
pub struct CourseFlags {
    /// The encoder's learning rate
    #[arg(long = "lr", visible_alias = "learning-rate", id = "learning_rate", value_name = "X")]
    pub learning_rate: Option<f64>,
    /// The head's learning rate; the encoder's unless given
    #[arg(long = "head-lr", visible_alias = "head-learning-rate", value_name = "X")]
    pub head_learning_rate: Option<f64>,
    /// Each layer's rate as a share of the one above it; 1 is one rate for all
    #[arg(long, value_name = "SHARE")]
    pub layer_decay: Option<f64>,
    /// Times through the training texts
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Steps, in place of epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    pub steps: Option<usize>,
    /// Texts a batch
    #[arg(long, value_name = "N")]
    pub batch_rows: Option<usize>,
    /// Tokens a batch, padding included, in place of texts
    #[arg(long, value_name = "N", conflicts_with = "batch_rows")]
    pub batch_tokens: Option<usize>,
    /// Batches a step: the same, within rounding, as one large batch, and takes no more memory than one of them
    #[arg(long, value_name = "N")]
    pub accumulate: Option<usize>,
    /// The order: random, by the seed; by-length, the same with texts of like length in a batch; none, as the file has them
    #[arg(long, value_name = "random|by-length|none")]
    pub shuffle: Option<Order>,
    /// The learning rates after the warm-up
    #[arg(long, value_name = "linear|constant|cosine")]
    pub schedule: Option<Schedule>,
    /// The share of all steps in which the learning rates rise from zero
    #[arg(long, value_name = "SHARE")]
    pub warmup: Option<f64>,
    /// AdamW's decay, of all parameters but biases and normalisations
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
    /// The largest norm of all gradients together; 0 for any
    #[arg(long, value_name = "X")]
    pub clip: Option<f64>,
    /// Classification: what the best parameters are told by; entities are judged by strict F1 [default: mcc]
    #[arg(long, value_name = "mcc|macro_f1|accuracy")]
    pub metric: Option<Metric>,
    /// The split that evaluations judge by; dev, or one called like it, unless given
    #[arg(long, value_name = "SPLIT")]
    pub dev: Option<String>,
    /// Steps between two evaluations; one an epoch unless given
    #[arg(long, value_name = "N")]
    pub evaluate_every: Option<usize>,
    /// Stop after that many evaluations without a better score
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Steps between two checkpoints, beside those at evaluations; one every ten minutes unless given
    #[arg(long, value_name = "N")]
    pub save_every: Option<usize>,
    /// Go on when the run has collapsed to one answer
    #[arg(long)]
    pub keep_going: bool,
}

/// Reads a device of which there is one.
fn one_device(text: &str) -> Result<Device, String> {
    match text.parse::<Device>() {
        Ok(several) if several.are_several() => {
            Err("one model is trained on one device: start a command a GPU, with a run's name each".to_owned())
        }
        device => device.map_err(|error| error.to_string()),
    }
}

impl TuneFlags {
    fn check(&self, task: Task) -> Result<(), Failure> {
        let rules = tasks::of(task);
        if !matches!(rules.loss(None, 0.0), Loss::CrossEntropy { .. }) {
            let of_classes = [
                ("--class-weight", self.class_weight.is_some()),
                ("--label-smoothing", self.label_smoothing.is_some()),
            ];
            refuse(&of_classes, rules.facts().in_words)?;
        }
        let level = rules.facts().level;
        refuse(
            &[("--pair-features", level != Level::Sentence && self.pair_features)],
            &format!("vectors of {level}s"),
        )?;
        refuse_foreign(&[("--stride", self.stride.is_some()), ("--pool", self.pool.is_some())], task, None)
    }

    fn choices(&self) -> TuneChoices {
        TuneChoices {
            recipe: self.recipe,
            pool: self.pool,
            pair_features: self.pair_features,
            seed: self.seed,
            dropout: self.dropout,
            label_smoothing: self.label_smoothing,
            class_weight: self.class_weight,
            freeze: self.freeze.clone().unwrap_or_default(),
            from_layer: self.from_layer,
            init_head: self.init_head.clone(),
            ..TuneChoices::default()
        }
    }
}

impl FinetuneArgs {
    /// # Errors
    /// A usage failure for a flag that does not apply to the task.
    pub fn options(&self, spec: &DatasetSpec) -> Result<FinetuneOptions, Failure> {
        let task = spec.task;
        self.tokenize.check(task)?;
        self.tokenize.check_tuning()?;
        self.tune.check(task)?;
        let course = &self.course;
        refuse_foreign(&[("--metric", course.metric.is_some())], task, None)?;
        let choices = TuneChoices {
            learning_rate: course.learning_rate,
            head_learning_rate: course.head_learning_rate,
            layer_decay: course.layer_decay,
            length: course.epochs.map(Length::Epochs).or(course.steps.map(Length::Steps)),
            batch: course.batch_rows.map(BatchSize::Rows).or(course.batch_tokens.map(BatchSize::Tokens)),
            accumulation: course.accumulate,
            order: course.shuffle,
            schedule: course.schedule,
            warmup: course.warmup,
            weight_decay: course.weight_decay,
            clip: course.clip,
            evaluate_every: course.evaluate_every,
            patience: course.patience,
            save_every: course.save_every,
            keep_going: course.keep_going,
            device: self.device,
            precision: self.precision,
            ..self.tune.choices()
        };
        Ok(FinetuneOptions {
            tokenize: self.tokenize.options(spec, false),
            choices,
            metric: course.metric.unwrap_or_default(),
            dev: course.dev.clone(),
            stride: self.tune.stride,
            run: self.run.clone(),
            force: self.inputs.force,
            resume: self.resume,
            keep_checkpoints: self.keep_checkpoints,
            threads: self.threads,
        })
    }
}

impl GraphsArgs {
    /// # Errors
    /// A usage failure for a flag that does not apply to the task.
    pub fn options(&self, spec: &DatasetSpec) -> Result<FinetuneOptions, Failure> {
        let task = spec.task;
        self.tokenize.check(task)?;
        self.tokenize.check_tuning()?;
        self.tune.check(task)?;
        Ok(FinetuneOptions {
            tokenize: self.tokenize.options(spec, false),
            choices: self.tune.choices(),
            stride: self.tune.stride,
            ..FinetuneOptions::default()
        })
    }
}
