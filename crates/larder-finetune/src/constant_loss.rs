//! The loss of the best answer that ignores the text: a run whose loss stays there has learned nothing.

use larder_graphs::Loss;
use larder_metrics::ConstantAnswer;

use crate::settings::TuneSettings;
use crate::{Example, Targets};

/// The targets of a split, as far as answers that ignore the text depend on them.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetStatistics {
    /// The number of rows of each class, `[classes]`; of tagging, of labels that count.
    Classes(Vec<u64>),
    /// Targets that are numbers: mean and variance (divided by the number of examples) of each column, `[classes]` each.
    Values {
        /// The means. Of a label that texts have or lack: the share of those that have it.
        means: Vec<f64>,
        /// The variances.
        variances: Vec<f64>,
    },
}

impl TargetStatistics {
    /// Measures the targets of `examples`, for a head of `classes` outputs. Without examples counts, means and variances are 0.
    pub fn of(examples: &[Example], classes: usize) -> Self {
        let values = |example| match example {
            &Example { targets: Targets::Values(ref values), .. } => Some(values),
            _ => None,
        };
        if examples.first().and_then(values).is_none() {
            let mut counts = vec![0; classes];
            for (_, class) in examples.iter().flat_map(|example| example.targets.counted()) {
                // A label that is no class is an error of the run.
                counts.iter_mut().skip(class).take(1).for_each(|count| *count += 1);
            }
            return Self::Classes(counts);
        }
        let column = |column: usize| {
            let numbers = || examples.iter().filter_map(|e| values(e)?.get(column)).map(|&value| f64::from(value));
            let rows = numbers().count().max(1) as f64;
            let mean = numbers().sum::<f64>() / rows;
            (mean, numbers().map(|value| (value - mean).powi(2)).sum::<f64>() / rows)
        };
        let (means, variances) = (0..classes).map(column).unzip();
        Self::Values { means, variances }
    }

    /// Is there anything to tell apart: two classes, or a column of more than one number?
    pub(crate) fn varies(&self) -> bool {
        match self {
            Self::Classes(counts) => counts.iter().filter(|&&count| count > 0).count() > 1,
            Self::Values { variances, .. } => variances.iter().any(|&variance| variance > 0.0),
        }
    }
}

impl TuneSettings {
    /// Computes the loss on targets of `judged` of the answer that ignores the text and is best for those of `train`; 0 without
    /// rows.
    ///
    /// - Cross-entropy: that of [`ConstantAnswer`], with class weights and label smoothing; without them, and on the same
    ///   split, the entropy of the classes' shares.
    /// - Binary cross-entropy: the mean over the labels; on the same split, the mean of the entropies of their shares.
    /// - Squared error: the mean over the columns of the variance in `judged`, and the square of the distance of the two means.
    ///
    /// NaN where one of the two is not of the loss's kind.
    pub fn constant_loss(&self, train: &TargetStatistics, judged: &TargetStatistics) -> f64 {
        use TargetStatistics::{Classes, Values};
        match (&self.loss, train, judged) {
            (Loss::CrossEntropy { class_weights, label_smoothing }, Classes(train), Classes(judged)) => {
                let weights = class_weights.as_ref();
                let weights: Option<Vec<f64>> =
                    weights.map(|weights| weights.iter().map(|&weight| f64::from(weight)).collect());
                ConstantAnswer::best(train, weights.as_deref(), f64::from(*label_smoothing)).loss_on(judged)
            }
            (
                Loss::BinaryCrossEntropy { positive_weight },
                Values { means: train, .. },
                Values { means: judged, .. },
            ) => {
                let weight = f64::from(*positive_weight);
                mean(train.iter().zip(judged).map(|(&train, &judged)| binary(train, judged, weight)))
            }
            (Loss::MeanSquaredError, Values { means: train, .. }, Values { means: judged, variances }) => {
                let each = train.iter().zip(judged).zip(variances);
                mean(each.map(|((train, judged), variance)| variance + (judged - train).powi(2)))
            }
            _ => f64::NAN,
        }
    }
}

/// The loss of a label that a share `judged` of the texts has, answered as is best for a share `train`; a yes weighs `weight`.
fn binary(train: f64, judged: f64, weight: f64) -> f64 {
    let (yes, no) = (weight * train, 1.0 - train);
    // Kept off 0 and 1 as scikit-learn's `log_loss` does: a label that train does not know costs 36 nats, not infinity.
    let answer = (yes / (yes + no)).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    let terms = [(weight * judged, answer), (1.0 - judged, 1.0 - answer)];
    // Not `-sum`: what costs nothing is 0, not -0.
    0.0 - terms.iter().filter(|(share, _)| *share > 0.0).map(|(share, answer)| share * answer.ln()).sum::<f64>()
}

fn mean(losses: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = losses.len().max(1) as f64;
    losses.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use larder_onnx::Family;

    use super::*;

    fn settings(loss: Loss, classes: usize) -> TuneSettings {
        TuneSettings { loss, ..TuneSettings::of(Family::Bert, classes) }
    }

    fn valued(rows: &[&[f32]]) -> TargetStatistics {
        let examples: Vec<Example> = rows.iter().map(|values| Example::valued(vec![1], values.to_vec())).collect();
        TargetStatistics::of(&examples, rows[0].len())
    }

    /// The lowest loss of a constant answer for one column, by trying many.
    fn lowest(of: impl Fn(f64) -> f64) -> f64 {
        (-4000..4000).map(|step| of(f64::from(step) / 1000.0)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn of_labels_it_is_the_mean_of_the_entropies_of_their_shares() {
        let train = valued(&[&[1.0, 0.0, 0.0], &[1.0, 0.0, 1.0], &[0.0, 0.0, 0.0], &[1.0, 0.0, 0.0]]);
        let TargetStatistics::Values { means, .. } = &train else { panic!("{train:?}") };
        assert_eq!(*means, [0.75, 0.0, 0.25]);
        let plain = settings(Loss::BinaryCrossEntropy { positive_weight: 1.0 }, 3);
        let entropy = 0.562_335_144_618_808_4;
        assert!((plain.constant_loss(&train, &train) - 2.0 * entropy / 3.0).abs() < 1e-12);
        // A label that train never has costs what is lost at the smallest probability.
        let dev = valued(&[&[1.0, 1.0, 0.0]]);
        let unknown = -(f64::EPSILON).ln() - 2.0 * (0.75_f64).ln();
        assert!((plain.constant_loss(&train, &dev) - unknown / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_yes_that_weighs_more_changes_the_best_answer() {
        for (weight, share) in [(1.0, 0.25), (3.0, 0.25), (0.5, 0.8)] {
            let softplus = |x: f64| (1.0 + x.exp()).ln();
            let found = lowest(|x| weight * share * softplus(-x) + (1.0 - share) * softplus(x));
            let best = binary(share, share, weight);
            // Steps of 0.001 are within 1e-6 of the lowest.
            assert!(best <= found && found < best + 1e-6, "{best} {found}");
        }
    }

    #[test]
    fn of_numbers_it_is_the_variance_and_elsewhere_the_distance_too() {
        let settings = settings(Loss::MeanSquaredError, 1);
        let train = valued(&[&[1.0], &[2.0], &[6.0]]);
        assert!((settings.constant_loss(&train, &train) - 14.0 / 3.0).abs() < 1e-12);
        let found = lowest(|x| [1.0, 2.0, 6.0].iter().map(|y| (y - x).powi(2)).sum::<f64>() / 3.0);
        assert!((found - 14.0 / 3.0).abs() < 1e-6);
        assert_eq!(settings.constant_loss(&train, &valued(&[&[5.0], &[3.0]])), 1.0 + 1.0);
        assert!(settings.constant_loss(&TargetStatistics::Classes(vec![1, 2]), &train).is_nan());
    }

    #[test]
    fn only_targets_that_differ_vary() {
        assert!(!valued(&[&[1.0, 0.0], &[1.0, 0.0]]).varies() && valued(&[&[1.0, 0.0], &[1.0, 1.0]]).varies());
        let classes = |labels: &[i64]| {
            let examples: Vec<Example> = labels.iter().map(|&label| Example::new(vec![1], label)).collect();
            TargetStatistics::of(&examples, 3)
        };
        assert_eq!(classes(&[0, 2, 2]), TargetStatistics::Classes(vec![1, 0, 2]));
        assert!(classes(&[0, 2]).varies() && !classes(&[1, 1]).varies() && !classes(&[]).varies());
    }
}
