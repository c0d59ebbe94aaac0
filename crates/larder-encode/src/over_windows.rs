//! Pooling over the windows of a text: one vector from those of its windows.
//!
//! `n` are the tokens of a window, special tokens and a prompt included, `v` is its vector. What can be had exactly is had
//! exactly: the mean, the largest values and the sum over all tokens of all windows. A vector of one token, or what a model or
//! its publisher makes of a text, has no such meaning over windows: of these the mean is taken, in which a window counts as its
//! tokens do.

use larder_intake::Recipe;
use larder_onnx::{FeatureKind, FeatureOutput, Pool, PublishedStep};

/// How the vectors of windows become one, and where those stand among an engine's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverWindows {
    /// The engine's output that is pooled: at its own length, also where the column has unit length.
    pub(crate) output: usize,
    rule: Rule,
    /// Is the pooled vector brought to unit length?
    normalised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `Σ n·v / Σ n`. Of means of tokens: the mean of all tokens.
    Mean,
    /// `Σ √n·v / √Σ n`. Of sums over tokens that are divided by `√n`: the same of all tokens.
    MeanSqrtLen,
    /// `Σ t·v / Σ t` with `t = n(n + 1) / 2`, the sum of the places in a window. Of means weighted by place: the same of all
    /// tokens, each with its place in its window, which is how much of the text it was read with.
    WeightedMean,
    /// The largest value of each feature.
    Max,
    /// The last window's.
    Last,
}

impl OverWindows {
    /// Returns the pooling of a column. `output` is the place of the feature at its own length; `recipe` is the publisher's.
    pub(crate) fn of(feature: &FeatureOutput, output: usize, recipe: Option<&Recipe>) -> Self {
        let rule = match feature.kind {
            FeatureKind::Pooled(Pool::MeanSqrtLen) => Rule::MeanSqrtLen,
            FeatureKind::Pooled(Pool::WeightedMean) => Rule::WeightedMean,
            FeatureKind::Pooled(Pool::Max) => Rule::Max,
            FeatureKind::Pooled(Pool::LastToken) => Rule::Last,
            FeatureKind::Pooled(Pool::Mean | Pool::Cls | Pool::Pooler | Pool::Published) | FeatureKind::Tokens => {
                Rule::Mean
            }
        };
        let steps = recipe.map(|recipe| recipe.vector.steps.as_slice()).unwrap_or_default();
        let published = feature.kind == FeatureKind::Pooled(Pool::Published);
        let normalised = feature.normalised || published && matches!(steps.last(), Some(PublishedStep::Normalize));
        Self { output, rule, normalised }
    }

    /// Pools `windows`, each its vector `[width]` and its tokens, in their order, into `vector`.
    pub(crate) fn pool<'a>(&self, windows: impl Iterator<Item = (&'a [f32], usize)>, vector: &mut [f32]) {
        // float64: the sums of a million tokens stay exact to float32.
        let mut sums = vec![0.0_f64; vector.len()];
        let mut total = 0.0;
        for (at, (window, tokens)) in windows.enumerate() {
            let tokens = tokens as f64;
            let weight = match self.rule {
                Rule::Mean => tokens,
                Rule::MeanSqrtLen => tokens.sqrt(),
                Rule::WeightedMean => tokens * (tokens + 1.0) / 2.0,
                Rule::Max | Rule::Last => 1.0,
            };
            total += if self.rule == Rule::MeanSqrtLen { tokens } else { weight };
            for (sum, &value) in sums.iter_mut().zip(window) {
                let value = f64::from(value);
                *sum = match self.rule {
                    Rule::Last => value,
                    Rule::Max if at > 0 => sum.max(value),
                    _ => *sum + weight * value,
                };
            }
        }
        let divisor = match self.rule {
            Rule::Mean | Rule::WeightedMean => total,
            Rule::MeanSqrtLen => total.sqrt(),
            Rule::Max | Rule::Last => 1.0,
        };
        let norm = match self.normalised {
            true => (sums.iter().map(|sum| (sum / divisor).powi(2)).sum::<f64>()).sqrt().max(LEAST_NORM),
            false => 1.0,
        };
        vector.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum / divisor / norm) as f32);
    }
}

/// The least length that a vector is divided by, as in the graph.
const LEAST_NORM: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(pool: Pool, normalised: bool, windows: &[(&[f32], usize)]) -> Vec<f32> {
        let feature = FeatureOutput::new(6, pool).normalised_if(normalised);
        let mut vector = vec![9.0; windows[0].0.len()];
        OverWindows::of(&feature, 0, None).pool(windows.iter().copied(), &mut vector);
        vector
    }

    /// Pools two windows of one feature, and all their tokens at once by the formulas of the graph.
    #[test]
    fn sums_over_windows_are_sums_over_their_tokens() {
        let (first, second) = ([1.0_f32, 4.0, -2.0], [6.0_f32]);
        let sum = |tokens: &[f32]| tokens.iter().sum::<f32>();
        let places = |tokens: &[f32]| (1..).zip(tokens).map(|(place, value)| place as f32 * value).sum::<f32>();
        let root = 3.0_f32.sqrt();
        let of = |pool, a: f32, b: f32| pooled(pool, false, &[(&[a], 3), (&[b], 1)])[0];
        assert!((of(Pool::Mean, sum(&first) / 3.0, 6.0) - 9.0 / 4.0).abs() < 1e-6);
        assert!((of(Pool::MeanSqrtLen, sum(&first) / root, 6.0) - 9.0 / 2.0).abs() < 1e-6);
        assert!(
            (of(Pool::WeightedMean, places(&first) / 6.0, 6.0) - (places(&first) + places(&second)) / 7.0).abs() < 1e-6
        );
        assert_eq!(of(Pool::Max, 4.0, 6.0), 6.0);
        assert_eq!(of(Pool::Max, -4.0, -6.0), -4.0);
        assert_eq!(of(Pool::LastToken, -2.0, 6.0), 6.0);
        for pool in [Pool::Cls, Pool::Pooler, Pool::Published] {
            assert_eq!(of(pool, 1.0, 6.0), 9.0 / 4.0);
        }
    }

    #[test]
    fn unit_length_comes_last() {
        let windows: [(&[f32], usize); 2] = [(&[3.0, 0.0], 2), (&[0.0, 4.0], 2)];
        assert_eq!(pooled(Pool::Mean, false, &windows), [1.5, 2.0]);
        assert_eq!(pooled(Pool::Mean, true, &windows), [0.6, 0.8]);
        assert_eq!(pooled(Pool::Mean, true, &[(&[0.0, 0.0], 2)]), [0.0, 0.0]);
    }
}
