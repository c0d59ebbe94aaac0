//! The settings of a perceptron's training.

use larder_graphs::{DropoutForm, Loss, MlpSpec, Schedule};
use larder_metrics::Metric;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::settings::{DEFAULT_SEED, ThresholdChoice};
use crate::tagging::DEFAULT_MEMORY_BYTES;
use crate::weight::ClassWeightChoice;

/// One hidden layer of 256: it reads some thousand features of a few layers of an encoder, and a step takes milliseconds.
pub const DEFAULT_MLP_HIDDEN: &[usize] = &[256];

/// As it was first proposed for hidden layers. Encoders' features are many beside the usual few thousand rows: with 0.1 and a rate
/// of 1e-3, CoLA was learnt by heart, and the probabilities of new rows were worse than the classes' shares
/// (`docs/mlp.md`).
pub const DEFAULT_MLP_DROPOUT: f32 = 0.5;

/// Times through the rows at most: early stopping usually ends it before.
pub const DEFAULT_MLP_EPOCHS: usize = 40;

/// Epochs without a better score after which training ends. Scores of a few hundred rows go up and down.
pub const DEFAULT_MLP_PATIENCE: usize = 5;

/// A tenth of AdamW's usual rate, for the same reason.
pub const DEFAULT_MLP_LEARNING_RATE: f64 = 1e-4;

/// The share of the steps in which the rate rises.
pub const DEFAULT_MLP_WARMUP: f64 = 0.1;

/// Rows of a step: the products are quick, and a small dataset still has a hundred steps an epoch.
pub const DEFAULT_MLP_BATCH_ROWS: usize = 64;

/// The largest norm of the gradients, as in fine-tuning.
const DEFAULT_MLP_CLIP: f64 = 1.0;

/// PyTorch's default.
pub const DEFAULT_MLP_WEIGHT_DECAY: f64 = 0.01;

/// The settings of a perceptron's training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpSettings {
    /// Outputs of each hidden layer, from the features on.
    pub hidden: Vec<usize>,
    /// The share of each hidden layer's outputs that is dropped while training, from 0 to below 1.
    pub dropout: f32,
    /// Times through the rows, at most.
    pub epochs: usize,
    /// Epochs without a better score after which training ends.
    pub patience: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// The schedule of the learning rate.
    pub schedule: Schedule,
    /// The share of all steps in which the rate rises from zero.
    pub warmup: f64,
    /// Rows of a step.
    pub batch_rows: usize,
    /// The weight decay, as a share of the learning rate; not for biases.
    pub weight_decay: f64,
    /// The largest norm of all gradients together, `None` for any.
    pub clip: Option<f64>,
    /// The share of every label that is spread over all classes, from 0 to below 1; 0 where rows do not have one class each.
    pub label_smoothing: f32,
    /// The class weights in the loss; `auto` takes those that suit the metric, and tries nothing else. Not `balanced` where rows
    /// do not have one class each.
    pub class_weight: ClassWeightChoice,
    /// The metric that chooses the epoch and the threshold on the held-out rows, where rows have one class each.
    pub metric: Metric,
    /// The decision threshold of a two-class head, and those of labels, of which rows have any number.
    pub threshold: ThresholdChoice,
    /// Standardise features to mean 0 and deviation 1 first.
    pub standardise: bool,
    /// The seed of the held-out rows, the initial weights, the order and the dropout.
    pub seed: u64,
    /// Memory that features may take, in bytes; larger caches are read anew in every epoch, and shuffled within what fits.
    pub memory_bytes: u64,
}

impl Default for MlpSettings {
    fn default() -> Self {
        Self {
            hidden: DEFAULT_MLP_HIDDEN.to_vec(),
            dropout: DEFAULT_MLP_DROPOUT,
            epochs: DEFAULT_MLP_EPOCHS,
            patience: DEFAULT_MLP_PATIENCE,
            learning_rate: DEFAULT_MLP_LEARNING_RATE,
            schedule: Schedule::Linear,
            warmup: DEFAULT_MLP_WARMUP,
            batch_rows: DEFAULT_MLP_BATCH_ROWS,
            weight_decay: DEFAULT_MLP_WEIGHT_DECAY,
            clip: Some(DEFAULT_MLP_CLIP),
            label_smoothing: 0.0,
            class_weight: ClassWeightChoice::Auto,
            metric: Metric::Mcc,
            threshold: ThresholdChoice::Tuned,
            standardise: true,
            seed: DEFAULT_SEED,
            memory_bytes: DEFAULT_MEMORY_BYTES,
        }
    }
}

impl MlpSettings {
    /// Are they within what makes sense?
    ///
    /// # Errors
    /// [`TrainError::Setting`].
    pub fn check(&self) -> Result<(), TrainError> {
        let wrong = |setting, found: String, expected| Err(TrainError::Setting { setting, found, expected });
        if self.hidden.is_empty() || self.hidden.contains(&0) {
            let found = self.hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            return wrong("hidden", format!("`{found}`"), "one hidden layer at least, each of one output at least");
        }
        let counts = [("epochs", self.epochs), ("patience", self.patience), ("batch_rows", self.batch_rows)];
        if let Some((setting, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return wrong(setting, "0".to_owned(), "one at least");
        }
        let positive = [("learning_rate", self.learning_rate), ("clip", self.clip.unwrap_or(1.0))];
        if let Some((setting, value)) = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return wrong(setting, value.to_string(), "more than 0, and finite");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return wrong("weight_decay", self.weight_decay.to_string(), "0 or more, and finite");
        }
        let shares = [
            ("dropout", f64::from(self.dropout)),
            ("warmup", self.warmup),
            ("label_smoothing", f64::from(self.label_smoothing)),
        ];
        match shares.into_iter().find(|(_, share)| !(0.0..1.0).contains(share)) {
            Some((setting, share)) => wrong(setting, share.to_string(), "from 0 to below 1"),
            None => Ok(()),
        }
    }

    /// The graph that is trained.
    pub(super) fn spec(&self, width: usize, classes: usize, loss: Loss) -> MlpSpec {
        MlpSpec {
            width,
            hidden: self.hidden.clone(),
            classes,
            loss,
            dropout: self.dropout,
            dropout_form: DropoutForm::Masks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_named() {
        let usual = MlpSettings::default;
        assert!(usual().check().is_ok());
        for (wrong, expected) in [
            (MlpSettings { hidden: vec![], ..usual() }, "hidden"),
            (MlpSettings { hidden: vec![8, 0], ..usual() }, "`8,0`"),
            (MlpSettings { epochs: 0, ..usual() }, "epochs"),
            (MlpSettings { batch_rows: 0, ..usual() }, "batch_rows"),
            (MlpSettings { learning_rate: f64::NAN, ..usual() }, "learning_rate"),
            (MlpSettings { weight_decay: -1.0, ..usual() }, "weight_decay"),
            (MlpSettings { dropout: 1.0, ..usual() }, "dropout"),
            (MlpSettings { warmup: -0.1, ..usual() }, "warmup"),
        ] {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let text = serde_json::to_string(&usual()).unwrap();
        assert_eq!(serde_json::from_str::<MlpSettings>(&text).unwrap(), usual());
    }
}
