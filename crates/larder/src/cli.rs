//! The command line as typed. Nothing here touches a file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use larder_data::OnBadRow;
use larder_encode::{EncodeSettings, LayerSelection};
use larder_metrics::Metric;
use larder_onnx::Pool;
use larder_pipeline::{EncodeOptions, TokenizeOptions, TrainOptions};
use larder_runtime::Device;
use larder_store::FeatureDtype;
use larder_train::{ClassWeightChoice, ThresholdChoice, TrainSettings};

/// Run a BERT-family encoder once, keep what it says in Parquet, train heads on it in seconds.
///
/// Stages: encoder add -> tokenize -> encode -> train -> eval -> predict. Each brings its inputs up to date first and does
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
    /// A run's scores beside the majority baseline
    Eval(EvalArgs),
    /// A run's answers to texts: arguments, a file, standard input, or a prompt on a terminal
    Predict(PredictArgs),
    /// The runs there are
    Runs,
}

#[derive(Debug, Subcommand)]
pub enum EncoderCommand {
    /// Take in an ONNX file, or a folder with config.json, model.safetensors and tokenizer.json
    Add {
        /// The file or folder
        source: PathBuf,
        /// The encoder's name; the source's name unless given
        #[arg(long)]
        name: Option<String>,
        /// tokenizer.json; looked for beside the model unless given
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// Replace another encoder of this name
        #[arg(long)]
        replace: bool,
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

/// Which vectors are made.
#[derive(Debug, Args)]
pub struct VectorFlags {
    /// Hidden layers: all, or numbers. 0 embeddings, 1 first layer, -1 last
    #[arg(long, value_name = "LIST", default_value_t, allow_hyphen_values = true)]
    pub layers: LayerSelection,
    /// Poolings: cls, mean, pooler (the last layer's only)
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "mean")]
    pub pool: Vec<Pool>,
    /// f16 halves the file
    #[arg(long, value_name = "f32|f16", default_value = "f32")]
    pub dtype: FeatureDtype,
    /// Tokens a batch, padding included; 512 on CPU, 16384 on CUDA unless given
    #[arg(long, value_name = "N")]
    pub batch_tokens: Option<usize>,
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
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
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
    pub vectors: VectorFlags,
    #[command(flatten)]
    pub head: HeadFlags,
    /// The run's name; the first free DATASET-ENCODER-N unless given
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// How the head is trained and chosen.
#[derive(Debug, Args)]
pub struct HeadFlags {
    /// What layers, strength, class weight and threshold are chosen by
    #[arg(long, value_name = "mcc|macro_f1|accuracy", default_value = "mcc")]
    pub metric: Metric,
    /// Folds of the cross-validation on train
    #[arg(long, value_name = "K", default_value_t = larder_metrics::DEFAULT_FOLDS)]
    pub folds: usize,
    /// Strength C (small is strong regularisation): one value fixes it, several are chosen among
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub c: Vec<f64>,
    /// Class weights: none, balanced, or auto (chosen by cross-validation)
    #[arg(long, value_name = "none|balanced|auto", default_value_t = TrainSettings::default().class_weight)]
    pub class_weight: ClassWeightChoice,
    /// Decision threshold of a two-class head: tuned for the metric on the folds, or half
    #[arg(long, value_name = "tuned|half", default_value_t = TrainSettings::default().threshold)]
    pub threshold: ThresholdChoice,
    /// Take features as they are, without bringing each dimension to mean 0 and deviation 1
    #[arg(long)]
    pub raw_features: bool,
    /// Seed of the folds
    #[arg(long, default_value_t = TrainSettings::default().seed)]
    pub seed: u64,
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
pub struct PredictArgs {
    /// The run
    pub run: String,
    /// Texts; the two of a pair are separated by a tab
    pub text: Vec<String>,
    /// A file with one text a line; `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceFlags,
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
        TokenizeOptions { max_tokens: self.max_tokens, on_bad_row: self.on_bad_row, force }
    }
}

impl VectorFlags {
    pub fn settings(&self) -> EncodeSettings {
        EncodeSettings {
            layers: self.layers.clone(),
            pools: self.pool.clone(),
            dtype: self.dtype,
            device: self.device.device,
            threads: self.device.threads,
            batch_tokens: self.batch_tokens,
        }
    }
}

impl EncodeArgs {
    pub fn options(&self) -> EncodeOptions {
        EncodeOptions {
            tokenize: self.tokenize.options(false),
            settings: self.vectors.settings(),
            force: self.subject.force,
        }
    }
}

impl TrainArgs {
    pub fn options(&self) -> TrainOptions {
        let defaults = TrainSettings::default();
        TrainOptions {
            encode: EncodeOptions {
                tokenize: self.tokenize.options(false),
                settings: self.vectors.settings(),
                force: false,
            },
            settings: TrainSettings {
                metric: self.head.metric,
                folds: self.head.folds,
                grid: if self.head.c.is_empty() { defaults.grid } else { self.head.c.clone() },
                class_weight: self.head.class_weight,
                threshold: self.head.threshold,
                standardise: !self.head.raw_features,
                seed: self.head.seed,
            },
            run: self.run.clone(),
            force: self.subject.force,
        }
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
