//! The outcomes of comparing graphs with the one that was added, kept beside the encoder.
//!
//! A comparison runs both graphs on the probe texts, which takes longer than many a command. It is made once for the model, this larder,
//! this ONNX Runtime and this processor's instructions.

use std::path::PathBuf;

use larder_files::{read_json, write_json};
use larder_onnx::OperatorForm;
use larder_runtime::{Runtime, operator_kernels};
use serde::{Deserialize, Serialize};

use crate::encoder::Encoder;

/// The outcomes, in the encoder's folder. Without the file, or with one that cannot be read or written, graphs are compared again.
pub const COMPARISONS_FILE: &str = "comparisons.json";

/// The most outcomes that are kept: the oldest go first.
const MOST_OUTCOMES: usize = 16;

#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptComparisons {
    comparisons: Vec<KeptComparison>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptComparison {
    #[serde(flatten)]
    key: ComparisonKey,
    #[serde(flatten)]
    outcome: Outcome,
}

/// The graph that was compared, and all that the outcome depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ComparisonKey {
    /// The form's name.
    graph: String,
    /// The digest of the model that was added.
    model: String,
    larder: String,
    onnxruntime: String,
    kernels: String,
    tolerance: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    /// The same but for rounding.
    Agrees { deviation: f64 },
    /// Something else, or it could not be run.
    Differs { reason: String },
}

/// A graph to be compared, or that was.
pub(crate) struct ComparedGraph {
    path: PathBuf,
    key: ComparisonKey,
}

impl ComparedGraph {
    pub fn new(encoder: &Encoder, runtime: &Runtime, form: OperatorForm, tolerance: f64) -> Self {
        let key = ComparisonKey {
            graph: form.name().to_owned(),
            model: encoder.manifest().digest.clone(),
            larder: env!("CARGO_PKG_VERSION").to_owned(),
            onnxruntime: runtime.version().to_owned(),
            kernels: operator_kernels(),
            tolerance,
        };
        Self { path: encoder.folder().join(COMPARISONS_FILE), key }
    }

    /// The outcome of this comparison, if it was made: the deviation, or why the graph does not run.
    pub fn outcome(&self) -> Option<Result<f64, String>> {
        let found = self.read().comparisons.into_iter().find(|compared| compared.key == self.key)?;
        Some(match found.outcome {
            Outcome::Agrees { deviation } => Ok(deviation),
            Outcome::Differs { reason } => {
                Err(format!("{reason} (as compared before; without {} it is compared again)", self.path.display()))
            }
        })
    }

    /// Keeps an outcome. Where the folder cannot be written the next command compares again.
    pub fn keep(&self, found: Result<f64, &str>) {
        let outcome = match found {
            Ok(deviation) => Outcome::Agrees { deviation },
            Err(reason) => Outcome::Differs { reason: reason.to_owned() },
        };
        let mut kept = self.read();
        kept.comparisons.retain(|compared| compared.key != self.key);
        let excess = (kept.comparisons.len() + 1).saturating_sub(MOST_OUTCOMES);
        kept.comparisons.drain(..excess);
        kept.comparisons.push(KeptComparison { key: self.key.clone(), outcome });
        let _ = write_json(&self.path, &kept);
    }

    fn read(&self) -> KeptComparisons {
        read_json(&self.path).ok().flatten().unwrap_or_default()
    }
}
