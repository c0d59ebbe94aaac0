//! Entropy sampling: rows whose probabilities are even.

/// Returns the entropy of `probabilities`, `[classes]`, as a share of the largest there can be: 0 is certain, 1 is undecided.
pub fn entropy(probabilities: &[f32]) -> f32 {
    let nats: f32 = probabilities.iter().filter(|probability| **probability > 0.0).map(|p| -p * p.ln()).sum();
    nats / (probabilities.len().max(2) as f32).ln()
}
