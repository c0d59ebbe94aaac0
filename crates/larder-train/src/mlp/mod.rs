//! Multi-layer perceptrons on cached features.
//!
//! [`MlpHead`] answers without a runtime. Training one, [`train_mlp`], runs a graph, and is behind the feature `perceptron`.
//! Design and reasons: `docs/mlp.md`.

mod head;
mod head_file;
mod output;
mod target_scale;

pub use head::{MlpHead, MlpLayer};
pub use output::MlpOutput;
pub use target_scale::TargetScale;

#[cfg(feature = "perceptron")]
mod epoch;
#[cfg(feature = "perceptron")]
mod goals;
#[cfg(feature = "perceptron")]
mod network;
#[cfg(feature = "perceptron")]
mod settings;
#[cfg(feature = "perceptron")]
mod source;
#[cfg(feature = "perceptron")]
mod stream;
#[cfg(feature = "perceptron")]
mod targets;
#[cfg(feature = "perceptron")]
mod train;

#[cfg(feature = "perceptron")]
pub use self::{
    epoch::MlpEpoch,
    settings::{
        DEFAULT_MLP_BATCH_ROWS, DEFAULT_MLP_DROPOUT, DEFAULT_MLP_EPOCHS, DEFAULT_MLP_HIDDEN, DEFAULT_MLP_LEARNING_RATE,
        DEFAULT_MLP_PATIENCE, DEFAULT_MLP_WARMUP, DEFAULT_MLP_WEIGHT_DECAY, MlpSettings,
    },
    source::{FeatureRows, FeaturesInMemory},
    targets::{MlpScores, MlpTargets},
    train::{TrainedMlp, train_mlp},
};
