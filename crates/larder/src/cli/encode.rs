//! `tokenize`, `encode` and `embed` as typed, and flags that other commands share.

use std::path::PathBuf;

use clap::Args;
use larder_data::{DEFAULT_ON_ILLEGAL_TAGS, DatasetSpec, OnBadRow, OnIllegalTags, Task};
use larder_encode::{Context, EncodeSettings, GraphChoice, LayerSelection, LongTexts};
use larder_onnx::{Pool, WordPool};
use larder_run::{EncodeOptions, TokenizeOptions, tasks};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};

use super::{LayoutFlags, StageInputs, refuse};
use crate::failure::Failure;

/// Flags of the tokenize stage.
#[derive(Debug, Args)]
pub struct TokenizeFlags {
    /// Tokens a text may have, special tokens included; longer texts are cut and counted. What the description
    /// says unless given, else what the encoder reads
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// Texts: what is done with one of more tokens: cut leaves its last ones out; windows reads it in several windows of one length,
    /// whose vectors are pooled into one: mean, max, mean_sqrt_len_tokens and weightedmean over the tokens of all windows,
    /// lasttoken of the last; of cls, pooler and published the mean, by their tokens, of the windows' vectors (at unit length
    /// where the publisher's are)
    #[arg(long, value_name = "cut|windows", default_value_t)]
    pub long: LongTexts,
    /// A row that cannot be used: stop, or skip (counted and listed) [default: what the description says, else stop]
    #[arg(long, value_name = "stop|skip")]
    pub on_bad_row: Option<OnBadRow>,
    /// Tagging: tags that their scheme forbids: refuse (a bad row), or repair (read as conlleval does, and counted)
    /// [default: what the description says, else refuse]
    #[arg(long, value_name = "refuse|repair")]
    pub illegal_tags: Option<OnIllegalTags>,
}

/// Flags of the device.
#[derive(Debug, Args)]
pub struct DeviceFlags {
    /// auto: the first GPU that works, or the CPU. cuda is the first GPU, cuda:1 the second, cuda:0,cuda:1 both, cuda:all each that
    /// CUDA_VISIBLE_DEVICES leaves; one that does not work is an error
    #[arg(long, value_name = "auto|cpu|cuda|cuda:N", default_value_t)]
    pub device: Device,
    /// CPU threads; 0 is one per core
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub threads: usize,
}

/// Flags of the features' level.
#[derive(Debug, Args)]
pub struct LevelFlags {
    /// One row a sentence, word or token; word for tagging, sentence otherwise, unless given
    #[arg(long, value_name = "sentence|word|token")]
    pub level: Option<Level>,
    /// Pairs of texts: each is read by itself; a row has both vectors, their difference and their product, in place of one
    /// vector of both texts together
    #[arg(long)]
    pub pair_features: bool,
    /// Words: the tokens that stand for a word [default: first]
    #[arg(long, value_name = "first|mean|last|first-last")]
    pub word_pool: Option<WordPool>,
    /// Words and tokens: tokens from one window of a long sentence to the next; half a window unless given
    #[arg(long, value_name = "N")]
    pub stride: Option<usize>,
    /// Words and tokens: document reads neighbouring sentences of the same document along where a window has room
    /// [default: none]
    #[arg(long, value_name = "none|document")]
    pub context: Option<Context>,
    /// Tokens: special tokens are rows too, those of every window
    #[arg(long)]
    pub special_tokens: bool,
}

/// Flags of the vectors.
#[derive(Debug, Args)]
pub struct VectorFlags {
    /// Hidden layers: all, or numbers. 0 embeddings, 1 first layer, -1 last [default: -1; all for a classifier with fewer than 500 rows
    /// to train on]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub layers: Option<LayerSelection>,
    /// Sentences: poolings of a layer's tokens, cls, mean, max, mean_sqrt_len_tokens, weightedmean, lasttoken; of the last layer
    /// only, pooler, the encoder's own, and published, the publisher's own vector [default: mean, which heads learn from best;
    /// embed: published where the publisher says how; pooler for an encoder that gives sentence vectors alone]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub pool: Vec<Pool>,
    /// Sentences: bring vectors to unit length
    #[arg(long, visible_alias = "normalize")]
    pub normalise: bool,
    /// f16 halves the file, i8 leaves a third of it, in integers with a scale a row; both are made of float32 that is cached, without the encoder
    #[arg(long, value_name = "f32|f16|i8", default_value = "f32")]
    pub dtype: FeatureDtype,
    /// Tokens a batch, padding included; 512 on CPU, 16384 on CUDA unless given
    #[arg(long, value_name = "N")]
    pub batch_tokens: Option<usize>,
    /// The encoder's graph: auto, larder's own in float32 where it gives the same, and of an encoder that larder quantised the same 8-bit
    /// products by larder's own operators, on CPUs that have instructions for them, compared once; given, as it was added; bfloat16, on CPUs that
    /// multiply in it faster than auto, if it gives the same but for that rounding; half, on CUDA in float16 and
    /// without padding inside, if it gives the same; half-padded, the same with padding
    #[arg(long, value_name = "auto|given|bfloat16|half|half-padded", default_value_t)]
    pub graph: GraphChoice,
    #[command(flatten)]
    pub device: DeviceFlags,
}

#[derive(Debug, Args)]
pub struct TokenizeArgs {
    #[command(flatten)]
    pub inputs: StageInputs,
    /// Only these splits
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub split: Vec<String>,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
}

#[derive(Debug, Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    pub inputs: StageInputs,
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
pub struct EmbedArgs {
    /// The encoder's name
    #[arg(long, short)]
    pub encoder: String,
    /// Texts
    pub text: Vec<String>,
    /// A file: plain text, a text a line, or CSV, TSV, JSON lines or Parquet with a column of texts. `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    /// Write the vectors to a file in place of standard output: .parquet with the texts; .jsonl; .npy, one array without the texts. In
    /// constant memory; the file is there when it is whole
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the output if it is there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Put the publisher's text of that name before each
    #[arg(long, value_name = "NAME")]
    pub prompt: Option<String>,
    /// What is done with a text of more tokens than the encoder reads (of published, than the publisher does): cut leaves its last
    /// ones out, windows reads it in several windows, each behind the prompt, whose vectors are pooled as `encode` does
    #[arg(long, value_name = "cut|windows", default_value_t)]
    pub long: LongTexts,
    #[command(flatten)]
    pub layout: LayoutFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
}

impl TokenizeFlags {
    /// Returns the options for a data set: those given, else those that its description says.
    pub fn options(&self, spec: &DatasetSpec, force: bool) -> TokenizeOptions {
        TokenizeOptions {
            max_tokens: self.max_tokens.or(spec.max_tokens),
            long: self.long,
            on_bad_row: self.on_bad_row.or(spec.on_bad_row).unwrap_or(OnBadRow::Stop),
            on_illegal_tags: self.illegal_tags.or(spec.illegal_tags).unwrap_or(DEFAULT_ON_ILLEGAL_TAGS),
            force,
        }
    }

    pub fn check(&self, task: Task) -> Result<(), Failure> {
        let useless = !task.files().has_tags && self.illegal_tags.is_some();
        refuse(&[("--illegal-tags", useless)], &format!("a {task} task"))?;
        let words = task.files().has_words && self.long == LongTexts::Windows;
        refuse(&[("--long windows", words)], &format!("a {task} task, whose sentences are read in windows as it is"))
    }

    /// # Errors
    /// A usage failure where vectors are not those of texts.
    pub fn check_level(&self, level: Level) -> Result<(), Failure> {
        let useless = level != Level::Sentence && self.long == LongTexts::Windows;
        refuse(&[("--long windows", useless)], &format!("vectors of {level}s"))
    }

    /// # Errors
    /// A usage failure where texts are to be read in windows.
    pub fn check_tuning(&self) -> Result<(), Failure> {
        refuse(&[("--long windows", self.long == LongTexts::Windows)], "fine-tuning, which reads one window of a text")
    }
}

impl VectorFlags {
    /// Returns the settings for sentences, with the encoder's usual pooling unless given.
    pub fn settings(&self, usual: Pool) -> EncodeSettings {
        let defaults = EncodeSettings::default();
        EncodeSettings {
            layers: self.layers.clone().unwrap_or_default(),
            pools: if self.pool.is_empty() { vec![usual] } else { self.pool.clone() },
            normalise: self.normalise,
            dtype: self.dtype,
            device: self.device.device,
            threads: self.device.threads,
            batch_tokens: self.batch_tokens,
            graph: self.graph,
            ..defaults
        }
    }

    /// Returns the settings for the level asked for, or the level of the task.
    ///
    /// # Errors
    /// A usage failure for a flag that does not apply to the level.
    pub fn settings_for(&self, flags: &LevelFlags, task: Task, pool: Pool) -> Result<EncodeSettings, Failure> {
        let level = flags.level.unwrap_or_else(|| tasks::of(task).facts().level);
        let useless = [
            ("--pool", level != Level::Sentence && !self.pool.is_empty()),
            ("--normalise", level != Level::Sentence && self.normalise),
            ("--pair-features", level != Level::Sentence && flags.pair_features),
            ("--word-pool", level != Level::Word && flags.word_pool.is_some()),
            ("--stride", level == Level::Sentence && flags.stride.is_some()),
            ("--context", level == Level::Sentence && flags.context.is_some()),
            ("--special-tokens", level != Level::Token && flags.special_tokens),
        ];
        refuse(&useless, &format!("vectors of {level}s"))?;
        let defaults = self.settings(pool);
        Ok(EncodeSettings {
            level,
            pair_features: flags.pair_features,
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
    /// A usage failure for a flag that does not apply to the task or level.
    pub fn options(&self, spec: &DatasetSpec, pool: Pool) -> Result<EncodeOptions, Failure> {
        self.tokenize.check(spec.task)?;
        let settings = self.vectors.settings_for(&self.level, spec.task, pool)?;
        self.tokenize.check_level(settings.level)?;
        Ok(EncodeOptions { tokenize: self.tokenize.options(spec, false), settings, force: self.inputs.force })
    }
}
