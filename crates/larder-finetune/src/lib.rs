//! Fine-tuning: an encoder and a head on it, trained together on labelled texts, on the stock ONNX Runtime.
//!
//! - [`TunableEncoder`] is the encoder: one that larder builds, or somebody else's graph as it stands.
//! - [`finetune`] trains an encoder and a head on [`TrainingInputs`], a list of [`Example`]s among them, under
//!   [`TuneSettings`]. Their [`Targets`] are those of the [`Loss`]: classes, sets of labels, or numbers. The [`FinetuneResult`] holds the weights, the head and the [`HistoryRow`] of every step.
//! - [`export`] writes the graphs of such a run as files, for other programs to run.
//! - [`Observer`] hears of every step and scores every evaluation.
//! - [`TuneSettings::from_layer`] trains only the layers above one, from its precomputed [`HiddenStates`].
//! - [`Preset`] is the fine-tuning recipe of a family's publication; [`Freeze`] lists the parts that are not trained.
//! - [`TuneError`] is everything that can go wrong.
//!
//! The graphs are [`larder_graphs::TrainingGraphs`]. On the CPU parameters, moments and the optimizer are here, natively: one
//! fused pass over the parameters takes a fraction of what the same AdamW takes as operators. On a device they stay there, and
//! the optimizer is a graph.
//!
//! ```no_run
//! use larder_finetune::{Example, Length, Quiet, TrainingInputs, TunableEncoder, TuneSettings, finetune};
//! use larder_onnx::{EncoderConfig, Family, Weights};
//! use larder_runtime::Runtime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = EncoderConfig::load("encoder/config.json".as_ref())?;
//! let weights = Weights::load("encoder/model.safetensors".as_ref())?;
//! let encoder = TunableEncoder::built(config, weights);
//! let train = [Example::new(vec![101, 7592, 102], 1), Example::new(vec![101, 2498, 102], 0)];
//!
//! let settings = TuneSettings { length: Length::Epochs(3), ..TuneSettings::of(Family::Bert, 2) };
//! let runtime = Runtime::load(None)?;
//! let inputs = TrainingInputs { encoder: &encoder, train: &train, dev: &[], hidden: None, folder: None };
//! let tuned = finetune(&runtime, &inputs, &settings, &mut Quiet)?;
//! println!("loss {}", tuned.history.last().map_or(f64::NAN, |row| row.loss));
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod batch;
mod checkpoint;
mod collapse;
mod constant_loss;
mod constant_output;
mod encoder;
mod error;
mod evaluate;
mod example;
mod finetune;
mod freeze;
mod graph;
mod hidden;
mod inputs;
mod knobs;
mod learn;
mod note;
mod observer;
mod part;
mod plan;
mod precision;
mod preset;
mod resident;
mod result;
mod run;
mod scale;
mod settings;
mod split;
mod start;
mod state;
mod targets;
mod tells_apart;
mod threads;

pub use checkpoint::{BEST_FILE, LAST_FILE};
pub use constant_loss::TargetStatistics;
pub use constant_output::ConstantOutput;
pub use encoder::{EncoderFacts, TunableEncoder};
pub use error::TuneError;
pub use evaluate::Evaluated;
pub use example::{Example, TextTokens};
pub use finetune::finetune;
pub use freeze::Freeze;
pub use hidden::HiddenStates;
pub use inputs::TrainingInputs;
pub use knobs::Knobs;
pub use larder_graphs::{Loss, Precision, Schedule};
pub use note::Note;
pub use observer::{HistoryRow, Observer, Quiet};
pub use preset::Preset;
pub use result::{FinetuneResult, Score, StopReason};
pub use settings::{BatchSize, DEFAULT_CLIP, DEFAULT_LOSS_SCALE, DEFAULT_SEED, HeadStart, Length, Order, TuneSettings};
pub use split::SplitOf;
pub use start::export;
pub use targets::Targets;
