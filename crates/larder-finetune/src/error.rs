//! Everything that can go wrong while an encoder is fine-tuned.

use std::path::PathBuf;

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_graphs::{GraphsError, Precision};
use larder_onnx::{Family, OnnxError};
use larder_runtime::RuntimeError;

use crate::constant_output::ConstantOutput;
use crate::knobs::Knobs;
use crate::split::SplitOf;

/// An error of this crate: what failed, where, what was expected, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// The encoder, or the head that was given, is wrong.
    #[error("the encoder cannot be fine-tuned")]
    Model(#[from] OnnxError),
    /// No training graph can be made of the encoder or the head.
    #[error("no training graph can be made")]
    Graphs(#[from] GraphsError),
    /// A graph does not run.
    #[error("the {graph} does not run")]
    Run {
        /// The graph.
        graph: &'static str,
        /// ONNX Runtime's error.
        #[source]
        source: Box<RuntimeError>,
    },
    /// The device that was asked for does not work.
    #[error(transparent)]
    Device(Box<RuntimeError>),
    /// The state of training does not fit into memory.
    #[error(transparent)]
    Memory(Box<RuntimeError>),
    /// A device without kernels for products in half precision.
    #[error("{device} cannot multiply matrices in {precision}: choose another precision, f32 for one")]
    Precision {
        /// The precision asked for.
        precision: Precision,
        /// The device.
        device: String,
        /// ONNX Runtime's error; `None` if the product ran and was wrong.
        #[source]
        source: Option<Box<RuntimeError>>,
    },
    /// A checkpoint cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A checkpoint that cannot be read.
    #[error("{}: no checkpoint of larder: {problem}; start anew with `--force`, or put a copy in its place", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The problem, in words.
        problem: String,
    },
    /// A checkpoint of other examples or settings.
    #[error(
        "{}: the checkpoint is of a run with other examples or settings: take up that run with what it was started with, \
         or start anew with `--force`",
        path.display()
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
    },
    /// Nothing to train on.
    #[error("there are no examples to train on")]
    NoExamples,
    /// Somebody asked for an end.
    #[error(
        "fine-tuning ended at step {step} of {total}, as asked; its checkpoint is kept, and the same command goes on from there"
    )]
    Ended {
        /// The last step done, from 1.
        step: usize,
        /// Steps of the whole run.
        total: usize,
    },
    /// An example that the encoder or the head cannot take.
    #[error("example {row} (from 0) {problem}")]
    Example {
        /// Its place, from 0.
        row: usize,
        /// The problem, in words.
        problem: String,
    },
    /// A setting outside what makes sense.
    #[error("{setting} is {found}: {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A part to freeze that is not known.
    #[error(
        "cannot freeze {found:?}: known are embeddings, layers:FIRST-LAST (from 0) and layers:NUMBER, with commas between"
    )]
    UnknownFreeze {
        /// The text given.
        found: String,
    },
    /// Layers to freeze that the encoder does not have, or that share parameters with one that is trained.
    #[error("cannot freeze layers {first} to {last} (from 0): {problem}")]
    FreezeLayers {
        /// The first of them.
        first: usize,
        /// The last of them.
        last: usize,
        /// Why not.
        problem: String,
    },
    /// A layer that cannot be trained from.
    #[error("cannot train from layer {layer}: {problem}")]
    Cut {
        /// The layer, from 0 for the embeddings' output.
        layer: usize,
        /// Why not.
        problem: String,
    },
    /// Training from a layer without its hidden states.
    #[error(
        "training from layer {layer} reads that layer's hidden states, and none are given: encode the examples with it"
    )]
    NoHiddenStates {
        /// The layer.
        layer: usize,
    },
    /// Hidden states that nothing would read.
    #[error(
        "hidden states are given, and the run starts from the tokens: say of which layer they are, or leave them out"
    )]
    UnusedHiddenStates,
    /// Hidden states that are not those of the example's tokens.
    #[error(
        "the hidden states of example {row} (from 0) of {split} are {found} numbers: {tokens} tokens of {hidden} features \
         each are expected; encode the examples as they are tokenised now"
    )]
    HiddenStates {
        /// The split of the example.
        split: SplitOf,
        /// The example, from 0.
        row: usize,
        /// Its tokens.
        tokens: usize,
        /// The encoder's width.
        hidden: usize,
        /// The number of values read.
        found: usize,
    },
    /// Hidden states that cannot be read.
    #[error("the hidden states of example {row} (from 0) of {split} cannot be read")]
    HiddenStatesRead {
        /// The split of the example.
        split: SplitOf,
        /// The example, from 0.
        row: usize,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An encoder without a pooler, and a head that reads one.
    #[error("the encoder has no pooler for the head to read: choose cls or mean")]
    NoPooler,
    /// The encoder says the same of everything.
    #[error(
        "at step {step} the run has collapsed: all {rows} answers probed are {answer}, with logits that differ \
         by {spread:.1e} from one to another, and the loss of the last {steps} steps, {loss:.4}, is not clearly below that of \
         the best single answer to everything, {constant_loss:.4}; {knobs}"
    )]
    Collapsed {
        /// The step, from 1.
        step: usize,
        /// The one answer.
        answer: Box<ConstantOutput>,
        /// Texts, or tokens with labels, that were probed.
        rows: usize,
        /// The largest standard deviation of a column's logits over them; of classes, each beside the mean of its row.
        spread: f64,
        /// Steps that the loss is a mean over.
        steps: usize,
        /// The training loss of those steps.
        loss: f64,
        /// The lowest training loss that one answer to everything can have:
        /// [`TuneSettings::constant_loss`](crate::TuneSettings::constant_loss).
        constant_loss: f64,
        /// The settings to change.
        knobs: Knobs,
    },
    /// At its end the run's encoder says the same of everything.
    #[error(
        "after step {step}, its last, the run has collapsed: what the head reads of {texts} different texts differs by \
         {spread:.1e} of its scale, so that all get one answer; {knobs}"
    )]
    CollapsedAtEnd {
        /// The last step.
        step: usize,
        /// Texts that were compared.
        texts: usize,
        /// The largest difference of a dimension between two of them, over the root mean square of all.
        spread: f64,
        /// The settings to change.
        knobs: Knobs,
    },
    /// The encoder that came out does not work.
    #[error("after {steps} steps the encoder that came out {problem}: the run has diverged; {knobs}")]
    Unusable {
        /// Steps that were done.
        steps: usize,
        /// The problem, in words.
        problem: String,
        /// The settings to change.
        knobs: Knobs,
    },
    /// Numbers got out of hand.
    #[error(
        "at step {step} the {what} is {value}: lower the learning rate ({rate:e}; {family} is fine-tuned at {least:e} to \
         {most:e}), lengthen the warm-up, or clip gradients"
    )]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// The loss, or the norm of the gradients.
        what: &'static str,
        /// NaN or an infinity.
        value: f64,
        /// The encoder's learning rate in that step.
        rate: f64,
        /// The family.
        family: Family,
        /// The lowest of its recipe's rates.
        least: f64,
        /// The highest of its recipe's rates.
        most: f64,
    },
}

impl TuneError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotFinite { .. } | Self::Collapsed { .. } | Self::CollapsedAtEnd { .. } | Self::Unusable { .. } => {
                ErrorClass::Training
            }
            Self::Setting { .. } | Self::UnknownFreeze { .. } | Self::FreezeLayers { .. } => ErrorClass::Usage,
            Self::Run { source, .. } => source.class(),
            Self::Device(source) | Self::Memory(source) => source.class(),
            Self::Precision { .. } => ErrorClass::Missing,
            Self::Ended { .. } => ErrorClass::TryAgain,
            _ => ErrorClass::Input,
        }
    }

    pub(crate) fn run(graph: &'static str) -> impl Fn(RuntimeError) -> Self {
        move |source| Self::Run { graph, source: Box::new(source) }
    }
}
