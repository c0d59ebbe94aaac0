//! An Indexed Job of Kubernetes.

use super::{Submission, Takes, Workload, fill};
use crate::ScaleError;

const MANIFEST: &str = include_str!("kubernetes.yaml");

/// Most indexes of a Job that counts its retries by index.
const MAX_COMPLETIONS: usize = 100_000;

/// Settings of Kubernetes alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesOptions {
    /// The image with larder and ONNX Runtime.
    pub image: String,
    /// The secret whose keys become environment variables, such as `AWS_ACCESS_KEY_ID`; it may be missing.
    pub secret: String,
}

impl Workload {
    /// Returns the manifest of an Indexed Job, and `kubectl`, which takes it. Its indexes are all shards of the plan: those that are
    /// done end at once.
    ///
    /// # Errors
    /// [`ScaleError::TooManyShards`].
    pub fn kubernetes(&self, options: &KubernetesOptions) -> Result<Submission, ScaleError> {
        if self.shards > MAX_COMPLETIONS {
            let (plan, shards, most) = (self.plan.clone(), self.shards, MAX_COMPLETIONS);
            return Err(ScaleError::TooManyShards { plan, shards, most, engine: "a Job of Kubernetes" });
        }
        let parallelism = self.workers.unwrap_or(self.missing.len()).clamp(1, self.shards.max(1));
        let mut command = vec![self.larder.clone(), "work".to_owned(), self.plan.clone()];
        command.extend(self.options());
        command.extend(["--scratch", "/scratch"].map(str::to_owned));
        let text = fill(
            MANIFEST,
            &[
                ("name", self.name()),
                ("shards", self.shards.to_string()),
                ("parallelism", parallelism.to_string()),
                ("retries", self.retries.to_string()),
                ("image", quoted(&options.image)),
                ("command", command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ")),
                ("threads", self.threads.to_string()),
                ("memory", self.memory_gib.to_string()),
                ("gpus", self.gpus.to_string()),
                ("secret", quoted(&options.secret)),
            ],
        );
        let command = ["kubectl", "apply", "-f", "-"].map(str::to_owned).to_vec();
        Ok(Submission { text, command, takes: Takes::StandardInput })
    }
}

/// Returns a text as a JSON string, which is one of YAML too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
