//! The command line as typed. Nothing here touches a file.

mod compare;
mod doctor;
mod export;
mod finetune;
mod hints;
mod inspect;
mod predict;
mod report;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use larder_data::{DEFAULT_ON_ILLEGAL_TAGS, OnBadRow, OnIllegalTags, Separator, Task};
use larder_encode::{Context, EncodeSettings, GraphChoice, LayerSelection};
use larder_finetune::MlpSettings;
use larder_metrics::Metric;
use larder_onnx::{Pool, WordPool};
use larder_pipeline::{EncodeOptions, TokenizeOptions, TrainOptions};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};
use larder_tags::Scheme;
use larder_train::{
    ClassWeightChoice, ColumnUse, TaggerKind, TaggerSolver, TaggingSettings, ThresholdChoice, TrainSettings,
};

pub use compare::{CompareArgs, Compared};
pub use doctor::DoctorArgs;
pub use export::ExportArgs;
pub use finetune::{FinetuneArgs, GraphsArgs};
pub use hints::{HintFlags, flag_of};
pub use inspect::{InspectArgs, RowChoice};
pub use predict::{InputFormat, PredictArgs};
pub use report::ReportArgs;
pub use verify::VerifyArgs;

use crate::failure::Failure;
use crate::size::Size;

/// Run a BERT-family encoder once, keep what it says in Parquet, train heads on it in seconds.
///
/// Stages: encoder add -> tokenize -> encode -> train -> eval -> predict; finetune in place of encode and train. Each brings its inputs up to date first and does
/// nothing when its own result is; `larder run` does them all.
///
/// Exit codes: 0 done, 1 a bug, 2 usage, 3 bad input, 4 something missing (runtime, encoder, run, GPU), 5 training failed.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Cli {
    /// Folder of all artifacts
    #[arg(long, global = true, value_name = "DIR", env = "LARDER_HOME", default_value = "artifacts")]
    pub home: PathBuf,
    /// ONNX Runtime's shared library; found through ORT_DYLIB_PATH, ./.larder or the system otherwise
    #[arg(long, global = true, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Print JSON on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take in encoders, list them, look at one, check one
    #[command(subcommand)]
    Encoder(EncoderCommand),
    /// Vectors of loose texts: JSON lines on standard output
    Embed(EmbedArgs),
    /// Texts to token ids
    Tokenize(TokenizeArgs),
    /// Token ids to cached vectors: the encoder runs here, once
    Encode(EncodeArgs),
    /// Cached vectors to a head
    Train(TrainArgs),
    /// Tokenize, encode, train and evaluate; what is up to date is skipped
    Run(TrainArgs),
    /// Train the encoder itself with a head, on its own training graphs, then evaluate
    Finetune(FinetuneArgs),
    /// Write the training graphs of an encoder and a dataset, for any ONNX Runtime
    Graphs(GraphsArgs),
    /// A run's scores beside the majority baseline
    Eval(EvalArgs),
    /// A run's answers to texts: arguments, a file, standard input, or a prompt on a terminal
    Predict(PredictArgs),
    /// Entity scores of a CoNLL file with a gold and a predicted column, whoever wrote it
    Score(ScoreArgs),
    /// Encoders on one dataset, or runs that are there, side by side, and which differences are real
    Compare(CompareArgs),
    /// Runs on one HTML page that needs no network
    Report(ReportArgs),
    /// What a Parquet file holds and what its vectors are like, or the rows nearest to a row or a text
    Inspect(InspectArgs),
    /// Texts of a features file encoded again and compared
    Verify(VerifyArgs),
    /// A run as one ONNX file with tokenizer, configuration and model card, checked against the run
    Export(ExportArgs),
    /// What this machine has: runtime, devices that really run, encoders, memory, disk, and how fast an encoder runs here
    Doctor(DoctorArgs),
    /// The runs there are
    Runs,
}

#[derive(Debug, Subcommand)]
pub enum EncoderCommand {
    /// Take in an ONNX file, a folder with config.json, model.safetensors and tokenizer.json, or a model on a hub
    Add {
        /// The file or folder, or hf:ORG/MODEL, hf:ORG/MODEL@REVISION
        source: PathBuf,
        /// Of a model on a hub: use only what was fetched before (HF_HUB_OFFLINE=1 does the same)
        #[arg(long)]
        offline: bool,
        /// The encoder's name; the source's name unless given
        #[arg(long)]
        name: Option<String>,
        /// tokenizer.json; looked for beside the model unless given
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// Replace another encoder of this name
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        hints: HintFlags,
    },
    /// Make an encoder with random weights, of any size
    Init {
        /// config.json: sizes and settings in transformers' form
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Seed of the weights
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The encoder's name
        #[arg(long)]
        name: String,
        /// tokenizer.json; a small one is made unless given or beside the configuration
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// Replace another encoder of this name
        #[arg(long)]
        replace: bool,
    },
    /// Make a second encoder of one, with its products in 8-bit integers: faster on CPUs, and not quite the same vectors
    Quantise {
        /// The encoder
        encoder: String,
        /// The new encoder's name; the old one's with -int8 unless given
        #[arg(long)]
        name: Option<String>,
        /// Replace another encoder of this name
        #[arg(long)]
        replace: bool,
    },
    /// All that is known of an encoder
    Show {
        /// The encoder
        name: String,
    },
    /// The encoders there are
    List,
    /// Hash an encoder's files again and repeat the probe runs
    Verify {
        /// The encoder
        name: String,
    },
}

/// A dataset and an encoder.
#[derive(Debug, Args)]
pub struct Subject {
    /// The dataset's TOML description
    pub dataset: PathBuf,
    /// The encoder's name
    #[arg(long, short)]
    pub encoder: String,
    /// Work even when the result is up to date
    #[arg(long)]
    pub force: bool,
}

/// How texts become tokens.
#[derive(Debug, Args)]
pub struct TokenizeFlags {
    /// Tokens a text may have, special tokens included; longer texts are cut and counted. What the encoder reads unless given
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// A row that cannot be used: stop, or skip (counted and listed)
    #[arg(long, value_name = "stop|skip", default_value = "stop")]
    pub on_bad_row: OnBadRow,
    /// Tagging: tags that their scheme forbids: refuse (a bad row), or repair (read as conlleval does, and counted)
    /// [default: refuse]
    #[arg(long, value_name = "refuse|repair")]
    pub illegal_tags: Option<OnIllegalTags>,
}

/// Where the encoder runs.
#[derive(Debug, Args)]
pub struct DeviceFlags {
    /// auto takes CUDA where it really works; cuda without a working GPU is an error
    #[arg(long, value_name = "auto|cpu|cuda", default_value_t)]
    pub device: Device,
    /// CPU threads; 0 is one per core
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub threads: usize,
}

/// What one row of the features is.
#[derive(Debug, Args)]
pub struct LevelFlags {
    /// One row a sentence, word or token; word for tagging, sentence otherwise, unless given
    #[arg(long, value_name = "sentence|word|token")]
    pub level: Option<Level>,
    /// Of words: which of a word's tokens stand for it [default: first]
    #[arg(long, value_name = "first|mean|last|first-last")]
    pub word_pool: Option<WordPool>,
    /// Of words and tokens: tokens from one window of a long sentence to the next; half a window unless given
    #[arg(long, value_name = "N")]
    pub stride: Option<usize>,
    /// Of words and tokens: document reads neighbouring sentences of the same document along where a window has room
    /// [default: none]
    #[arg(long, value_name = "none|document")]
    pub context: Option<Context>,
    /// Of tokens: special tokens are rows too, those of every window
    #[arg(long)]
    pub special_tokens: bool,
}

/// Which vectors are made.
#[derive(Debug, Args)]
pub struct VectorFlags {
    /// Hidden layers: all, or numbers. 0 embeddings, 1 first layer, -1 last
    #[arg(long, value_name = "LIST", default_value_t, allow_hyphen_values = true)]
    pub layers: LayerSelection,
    /// Of sentences: poolings, cls, mean, pooler (the last layer's only) [default: mean; pooler for an encoder that gives
    /// sentence vectors alone]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub pool: Vec<Pool>,
    /// f16 halves the file
    #[arg(long, value_name = "f32|f16", default_value = "f32")]
    pub dtype: FeatureDtype,
    /// Tokens a batch, padding included; 512 on CPU, 16384 on CUDA unless given
    #[arg(long, value_name = "N")]
    pub batch_tokens: Option<usize>,
    /// The encoder's graph: auto, larder's own where it gives the same; given, as it was added; half, on CUDA in float16 and
    /// without padding inside, if it gives the same
    #[arg(long, value_name = "auto|given|half", default_value_t)]
    pub graph: GraphChoice,
    #[command(flatten)]
    pub device: DeviceFlags,
}

#[derive(Debug, Args)]
pub struct TokenizeArgs {
    #[command(flatten)]
    pub subject: Subject,
    /// Only these splits
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
}

#[derive(Debug, Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    pub subject: Subject,
    /// Only these splits
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    /// Say what would be done and how long it would take: tokenizes, runs the encoder for two seconds, writes no vectors
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub level: LevelFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub level: LevelFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
    #[command(flatten)]
    pub head: HeadFlags,
    /// The run's name; the first free DATASET-ENCODER-N unless given
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// How the head is trained and chosen. What is not given is the task's own default.
#[derive(Debug, Args)]
pub struct HeadFlags {
    /// The head [default: logistic]
    #[arg(long, value_enum, value_name = "KIND")]
    pub head: Option<HeadKind>,
    /// Classification: what layers, strength, class weight and threshold are chosen by; mcc unless given. Tagging is chosen
    /// by strict entity F1
    #[arg(long, value_name = "mcc|macro_f1|accuracy")]
    pub metric: Option<Metric>,
    /// Folds of the cross-validation on train: 5 for classification; 1 for tagging, which holds one fifth out once
    #[arg(long, value_name = "K")]
    pub folds: Option<usize>,
    /// Strength C (small is strong regularisation): one value fixes it, several are chosen among
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub c: Vec<f64>,
    /// Class weights: none, balanced, or auto (chosen on held-out rows); auto for classification, none for tagging
    #[arg(long, value_name = "none|balanced|auto")]
    pub class_weight: Option<ClassWeightChoice>,
    /// tuned: the decision threshold of a two-class head, or what is added to the score of O in tagging, is chosen on
    /// held-out rows of train; half: 0.5, or nothing [default: tuned]
    #[arg(long, value_name = "tuned|half")]
    pub threshold: Option<ThresholdChoice>,
    /// Take features as they are, without bringing each dimension to mean 0 and deviation 1
    #[arg(long)]
    pub raw_features: bool,
    /// Seed of what is held out, and of the order of streamed training [default: 0]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Several seeds, one run each: prints mean and deviation
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "seed")]
    pub seeds: Vec<u64>,
    /// Tagging: several layers side by side, or the best of each alone and all together [default: concatenate]
    #[arg(long = "use", value_name = "concatenate|choose")]
    pub columns: Option<ColumnUse>,
    /// Tagging: lbfgs holds all features in memory, adam streams them; auto takes lbfgs where --memory allows [default: auto]
    #[arg(long, value_name = "auto|lbfgs|adam")]
    pub solver: Option<TaggerSolver>,
    /// Tagging, mlp: memory that features may take, such as 512MiB; larger caches are streamed [default: 2GiB]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Size>,
    /// Tagging, streamed: times the features are read; mlp: the most [default: 40]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Tagging, streamed: the first and largest step; mlp: the largest [default: 1e-4]
    #[arg(long, value_name = "X")]
    pub learning_rate: Option<f64>,
    /// mlp: outputs of each hidden layer [default: 256]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub hidden: Vec<usize>,
    /// mlp: the share of each hidden layer that is dropped while training [default: 0.5]
    #[arg(long, value_name = "X")]
    pub dropout: Option<f32>,
    /// mlp: rows of a step [default: 64]
    #[arg(long, value_name = "N")]
    pub batch_rows: Option<usize>,
    /// mlp: how fast weights shrink [default: 0.01]
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
}

/// What kind of head is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum HeadKind {
    /// Linear: logistic regression
    Logistic,
    /// Tagging: a linear-chain conditional random field
    Crf,
    /// Classification: a multi-layer perceptron on all columns side by side, stopped early on a held-out fifth of train
    Mlp,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The run
    pub run: String,
    /// Only these splits; all but train unless given
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    #[command(flatten)]
    pub device: DeviceFlags,
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The CoNLL file: a word a line with its columns, blank lines between sentences
    pub file: PathBuf,
    /// Zero-based column of the gold tags; the last but one unless given
    #[arg(long, value_name = "N", requires = "predicted")]
    pub gold: Option<usize>,
    /// Zero-based column of the predicted tags; the last unless given
    #[arg(long, value_name = "N", requires = "gold")]
    pub predicted: Option<usize>,
    /// What separates columns
    #[arg(long, value_name = "tab|space|whitespace", default_value = "whitespace")]
    pub separator: Separator,
    /// The scheme of both columns, which `strict` reads by
    #[arg(long, value_name = "IOB1|IOB2|IOBES|BILOU", default_value = "IOB2")]
    pub scheme: Scheme,
}

#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The encoder's name
    #[arg(long, short)]
    pub encoder: String,
    /// Texts
    pub text: Vec<String>,
    /// A file with one text a line; `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub vectors: VectorFlags,
}

impl TokenizeFlags {
    pub fn options(&self, force: bool) -> TokenizeOptions {
        TokenizeOptions {
            max_tokens: self.max_tokens,
            on_bad_row: self.on_bad_row,
            on_illegal_tags: self.illegal_tags.unwrap_or(DEFAULT_ON_ILLEGAL_TAGS),
            force,
        }
    }

    pub fn check(&self, task: Task) -> Result<(), Failure> {
        let useless = task == Task::Sequence && self.illegal_tags.is_some();
        refuse(&[("--illegal-tags", useless)], &format!("a {task} task"))
    }
}

impl VectorFlags {
    /// Settings for sentences, pooled as the encoder's texts usually are unless said.
    pub fn settings(&self, usual: Pool) -> EncodeSettings {
        let defaults = EncodeSettings::default();
        EncodeSettings {
            layers: self.layers.clone(),
            pools: if self.pool.is_empty() { vec![usual] } else { self.pool.clone() },
            dtype: self.dtype,
            device: self.device.device,
            threads: self.device.threads,
            batch_tokens: self.batch_tokens,
            graph: self.graph,
            ..defaults
        }
    }

    /// Settings for the level asked for, or the one that `task` trains on.
    ///
    /// # Errors
    /// A usage failure for a flag that the level has no use for.
    fn settings_for(&self, flags: &LevelFlags, task: Task, pool: Pool) -> Result<EncodeSettings, Failure> {
        let usual = match task {
            Task::Sequence => Level::Sentence,
            Task::Tagging => Level::Word,
        };
        let level = flags.level.unwrap_or(usual);
        let useless = [
            ("--pool", level != Level::Sentence && !self.pool.is_empty()),
            ("--word-pool", level != Level::Word && flags.word_pool.is_some()),
            ("--stride", level == Level::Sentence && flags.stride.is_some()),
            ("--context", level == Level::Sentence && flags.context.is_some()),
            ("--special-tokens", level != Level::Token && flags.special_tokens),
        ];
        refuse(&useless, &format!("vectors of {level}s"))?;
        let defaults = self.settings(pool);
        Ok(EncodeSettings {
            level,
            word_pool: flags.word_pool.unwrap_or(defaults.word_pool),
            stride: flags.stride,
            special_tokens: flags.special_tokens,
            context: flags.context.unwrap_or(defaults.context),
            ..defaults
        })
    }
}

impl EncodeArgs {
    /// # Errors
    /// A usage failure for a flag that the task or the level has no use for.
    pub fn options(&self, task: Task, pool: Pool) -> Result<EncodeOptions, Failure> {
        self.tokenize.check(task)?;
        Ok(EncodeOptions {
            tokenize: self.tokenize.options(false),
            settings: self.vectors.settings_for(&self.level, task, pool)?,
            force: self.subject.force,
        })
    }
}

impl TrainArgs {
    /// # Errors
    /// A usage failure for a flag that the task has no use for: taking no notice of it would answer another question.
    pub fn options(&self, task: Task, pool: Pool) -> Result<TrainOptions, Failure> {
        Ok(TrainOptions {
            run: self.run.clone(),
            force: self.subject.force,
            ..train_options(&self.tokenize, &self.level, &self.vectors, &self.head, task, pool)?
        })
    }
}

/// Options of a training whose run is named by nobody.
fn train_options(
    tokenize: &TokenizeFlags,
    level: &LevelFlags,
    vectors: &VectorFlags,
    head: &HeadFlags,
    task: Task,
    pool: Pool,
) -> Result<TrainOptions, Failure> {
    head.check(task)?;
    tokenize.check(task)?;
    Ok(TrainOptions {
        encode: EncodeOptions {
            tokenize: tokenize.options(false),
            settings: vectors.settings_for(level, task, pool)?,
            force: false,
        },
        sequence: head.sequence(),
        mlp: head.mlp(),
        tagging: head.tagging(),
        run: None,
        force: false,
    })
}

impl HeadFlags {
    fn check(&self, task: Task) -> Result<(), Failure> {
        let is_mlp = self.head == Some(HeadKind::Mlp);
        if is_mlp && task == Task::Tagging {
            return Err(Failure::Usage(
                "--head mlp is for classification; for tagging take logistic or crf".to_owned(),
            ));
        }
        let useless: &[(&str, bool)] = match task {
            Task::Sequence => &[
                ("--head crf", self.head == Some(HeadKind::Crf)),
                ("--use", self.columns.is_some()),
                ("--solver", self.solver.is_some()),
                ("--memory", !is_mlp && self.memory.is_some()),
                ("--epochs", !is_mlp && self.epochs.is_some()),
                ("--learning-rate", !is_mlp && self.learning_rate.is_some()),
            ],
            Task::Tagging => &[("--metric", self.metric.is_some())],
        };
        refuse(useless, &format!("a {task} task"))?;
        let of_mlp = [
            ("--hidden", !self.hidden.is_empty()),
            ("--dropout", self.dropout.is_some()),
            ("--batch-rows", self.batch_rows.is_some()),
            ("--weight-decay", self.weight_decay.is_some()),
        ];
        match is_mlp {
            true => refuse(&[("--c", !self.c.is_empty()), ("--folds", self.folds.is_some())], "the head mlp")?,
            false => refuse(&of_mlp, "another head than mlp")?,
        }
        let weighted = self.class_weight.is_some_and(|choice| choice != ClassWeightChoice::None);
        refuse(&[("--class-weight", weighted && self.head == Some(HeadKind::Crf))], "the head crf")?;
        let lbfgs = self.solver == Some(TaggerSolver::Lbfgs);
        let streamed =
            [("--epochs", lbfgs && self.epochs.is_some()), ("--learning-rate", lbfgs && self.learning_rate.is_some())];
        refuse(&streamed, "the solver lbfgs")
    }

    fn sequence(&self) -> TrainSettings {
        let defaults = TrainSettings::default();
        TrainSettings {
            metric: self.metric.unwrap_or(defaults.metric),
            folds: self.folds.unwrap_or(defaults.folds),
            grid: if self.c.is_empty() { defaults.grid } else { self.c.clone() },
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            threshold: self.threshold.unwrap_or(defaults.threshold),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
        }
    }

    /// If that is the head asked for.
    fn mlp(&self) -> Option<MlpSettings> {
        if self.head != Some(HeadKind::Mlp) {
            return None;
        }
        let defaults = MlpSettings::default();
        Some(MlpSettings {
            hidden: if self.hidden.is_empty() { defaults.hidden } else { self.hidden.clone() },
            dropout: self.dropout.unwrap_or(defaults.dropout),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            batch_rows: self.batch_rows.unwrap_or(defaults.batch_rows),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            metric: self.metric.unwrap_or(defaults.metric),
            threshold: self.threshold.unwrap_or(defaults.threshold),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
            memory_bytes: self.memory.map_or(defaults.memory_bytes, |size| size.0),
            ..defaults
        })
    }

    fn tagging(&self) -> TaggingSettings {
        let defaults = TaggingSettings::default();
        TaggingSettings {
            kind: match self.head {
                Some(HeadKind::Crf) => TaggerKind::Crf,
                Some(HeadKind::Logistic) => TaggerKind::Logistic,
                Some(HeadKind::Mlp) | None => defaults.kind,
            },
            grid: if self.c.is_empty() { defaults.grid } else { self.c.clone() },
            folds: self.folds.unwrap_or(defaults.folds),
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            columns: self.columns.unwrap_or(defaults.columns),
            bias: self.threshold.unwrap_or(defaults.bias),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
            solver: self.solver.unwrap_or(defaults.solver),
            memory_bytes: self.memory.map_or(defaults.memory_bytes, |size| size.0),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
        }
    }
}

/// The first flag that was given and has nothing to say to `what`. Taking no notice of it would answer another question.
fn refuse(useless: &[(&str, bool)], what: &str) -> Result<(), Failure> {
    match useless.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::Usage(format!("{flag} means nothing for {what}; leave it out"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn negative_layers_are_no_flags() {
        let cli = Cli::try_parse_from(["larder", "encode", "d.toml", "-e", "m", "--layers", "-1,-2"]).unwrap();
        let Command::Encode(args) = cli.command else { panic!() };
        assert_eq!(args.vectors.layers, LayerSelection::Numbers(vec![-1, -2]));
    }
}
