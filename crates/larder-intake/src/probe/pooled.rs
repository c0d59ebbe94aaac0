//! Identifying pooled outputs by comparing them with pooling rules that have no parameters.

use larder_errors::spelled_enum;
use larder_onnx::Model;
use serde::{Deserialize, Serialize};

use super::model::{Outputs, ProbeModel};
use super::statistics::{largest, mean, rms};

/// A pooled output is put down to a rule when it agrees with it to this share of its scale: beyond what float16 rounds,
/// and far below the difference between any two rules.
pub const POOLED_TOLERANCE: f64 = 5e-3;

/// A pooled output and the pooling rule that it follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PooledRecord {
    /// The model's name for it.
    pub name: String,
    /// The rule that it agrees with.
    pub kind: PooledKind,
    /// The deviation from the nearest rule; 0 for [`PooledKind::Given`] and [`PooledKind::OtherWidth`].
    pub deviation: f64,
}

spelled_enum! {
    /// The rule that derives a pooled output from the token output.
    pub enum PooledKind {
        /// The first token's vector.
        Cls = "cls",
        /// The first token's vector, scaled to length 1.
        ClsNormalized = "cls_normalized",
        /// The mean over the tokens.
        Mean = "mean",
        /// The mean over the tokens, scaled to length 1.
        MeanNormalized = "mean_normalized",
        /// None of these, and what a `Tanh` gives: BERT's pooler.
        Tanh = "tanh",
        /// Something else.
        Unknown = "unknown",
        /// Something of another width than the tokens' vectors, as a projection of them.
        OtherWidth = "other_width",
        /// The model gives no tokens' vectors to compare with: a sentence embedding as given.
        Given = "given",
    }
}

fn normalized(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    vector.iter().map(|value| (f64::from(*value) / length) as f32).collect()
}

/// From a text's token vectors to one vector, `[hidden]`.
type Rule<'a> = dyn Fn(&Outputs) -> Vec<f32> + 'a;

/// Compares each pooled output with the rules that need no parameters.
pub(crate) fn pooled_records(subject: &ProbeModel<'_>, singles: &[Outputs], model: &Model) -> Vec<PooledRecord> {
    let hidden = subject.hidden_size();
    let cls = |outputs: &Outputs| outputs.token.get(..hidden).unwrap_or_default().to_vec();
    let rules: [(PooledKind, &Rule<'_>); 4] = [
        (PooledKind::Cls, &cls),
        (PooledKind::ClsNormalized, &|outputs| normalized(&cls(outputs))),
        (PooledKind::Mean, &|outputs| mean(&outputs.token, hidden)),
        (PooledKind::MeanNormalized, &|outputs| normalized(&mean(&outputs.token, hidden))),
    ];
    let record = |(index, name): (usize, &str)| {
        if !subject.has_tokens() {
            return PooledRecord { name: name.to_owned(), kind: PooledKind::Given, deviation: 0.0 };
        }
        if subject.interface().pooled_size.is_some() {
            return PooledRecord { name: name.to_owned(), kind: PooledKind::OtherWidth, deviation: 0.0 };
        }
        let scale = rms(singles.iter().flat_map(|outputs| &outputs.pooled[index]));
        let distance = |rule: &Rule<'_>| {
            let pairs = singles.iter().flat_map(|outputs| rule(outputs).into_iter().zip(&outputs.pooled[index]));
            largest(pairs.map(|(a, b)| f64::from((a - b).abs()))) / scale
        };
        // The outputs are finite, but a vector of zeros has no length to be scaled to.
        let nearest = rules
            .iter()
            .map(|(kind, rule)| (*kind, distance(rule)))
            .filter(|(_, deviation)| deviation.is_finite())
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let (nearest, deviation) = nearest.unwrap_or((PooledKind::Unknown, f64::MAX));
        let kind = match nearest {
            nearest if deviation <= POOLED_TOLERANCE => nearest,
            _ if comes_from_tanh(model, name) => PooledKind::Tanh,
            _ => PooledKind::Unknown,
        };
        PooledRecord { name: name.to_owned(), kind, deviation }
    };
    subject.pooled_outputs().enumerate().map(record).collect()
}

/// Is a `Tanh` the last thing that is computed, but for changes of type?
fn comes_from_tanh(model: &Model, output: &str) -> bool {
    let nodes = &model.graph().node;
    let mut name = output;
    // A chain without a cycle is no longer than the graph.
    for _ in 0..nodes.len() {
        let Some(node) = nodes.iter().find(|node| node.output.iter().any(|output| output == name)) else { break };
        match (node.op_type(), node.input.first()) {
            ("Tanh", _) => return true,
            // ONNX Runtime's product with the function that follows it.
            ("FusedGemm", _) => {
                let activation = node.find_attribute("activation").and_then(|attribute| attribute.s.as_deref());
                return activation == Some(b"Tanh");
            }
            ("Cast" | "Identity", Some(input)) => name = input,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scaled_to_length_one() {
        assert_eq!(normalized(&[3.0, 4.0]), [0.6, 0.8]);
    }

    #[test]
    fn every_kind_is_spelled_one_way() {
        for kind in PooledKind::ALL {
            assert_eq!(serde_json::to_string(kind).expect("can be written"), format!("\"{kind}\""));
        }
    }
}
