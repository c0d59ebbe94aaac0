//! The verdict on a predictor beside the constant answer, train's most frequent class.

use std::fmt;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Bootstrap, Interval, PairedDifference};
use crate::classification::{ConfusionMatrix, Metric, PairedConfusion};
use crate::error::MetricsError;

spelled_enum! {
    /// A predictor's score beside that of a constant answer, by the interval of their difference.
    pub enum BaselineVerdict {
        /// The whole interval lies above 0. By [`compare_with_majority`]: that of the accuracy difference, and so does the
        /// interval of MCC.
        Above = "above",
        /// Neither above nor below: the rows do not show a difference.
        At = "at",
        /// The whole interval lies below 0. By [`compare_with_majority`]: that of the accuracy difference.
        Below = "below",
    }
}

impl BaselineVerdict {
    /// Compares an interval with 0.
    pub(crate) fn of(interval: &Interval) -> Self {
        if interval.low > 0.0 {
            Self::Above
        } else if interval.high < 0.0 {
            Self::Below
        } else {
            Self::At
        }
    }
}

/// A predictor beside the constant answer, on the same rows.
///
/// The verdict is about accuracy, which the constant answer maximises among all answers that ignore the text. A
/// predictor can be [`At`](BaselineVerdict::At) or [`Below`](BaselineVerdict::Below) there and still tell the
/// classes apart, for one fitted with balanced class weights on purpose: then `mcc_above_zero` is true.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BaselineComparison {
    /// The short answer.
    pub verdict: BaselineVerdict,
    /// The constant answer compared with.
    pub majority_class: usize,
    /// Accuracy of the predictor minus accuracy of the constant answer.
    pub accuracy_difference: PairedDifference,
    /// Interval of the predictor's MCC; the constant answer's is 0.
    pub mcc: Interval,
    /// True if the whole interval of MCC lies above 0.
    pub mcc_above_zero: bool,
}

impl BaselineComparison {
    /// Compares accuracy with that of the constant answer, by the interval of their difference.
    pub fn accuracy_verdict(&self) -> BaselineVerdict {
        BaselineVerdict::of(&self.accuracy_difference.interval)
    }

    /// Compares MCC with 0, which every constant answer has, by its interval.
    pub fn mcc_verdict(&self) -> BaselineVerdict {
        BaselineVerdict::of(&self.mcc)
    }

    /// Returns both verdicts for a table's cell, each with its score: `above` where both are, else
    /// `accuracy BELOW, MCC above 0`.
    pub fn in_words(&self) -> String {
        let loud = |verdict| match verdict {
            BaselineVerdict::Above => "above",
            BaselineVerdict::At => "AT",
            BaselineVerdict::Below => "BELOW",
        };
        match (self.accuracy_verdict(), self.mcc_verdict()) {
            (BaselineVerdict::Above, BaselineVerdict::Above) => "above".to_owned(),
            (accuracy, mcc) => format!("accuracy {}, MCC {} 0", loud(accuracy), loud(mcc)),
        }
    }
}

impl fmt::Display for BaselineComparison {
    /// One sentence, for example `accuracy at the majority baseline: -0.008 (95 % interval -0.023 to +0.006) against always
    /// answering the majority class; MCC above 0: 95 % interval 0.023 to 0.190`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PairedDifference { difference, interval, .. } = self.accuracy_difference;
        let percent = |interval: &Interval| (interval.level * 1e4).round() / 1e2;
        write!(
            f,
            "accuracy {} the majority baseline: {difference:+.3} ({} % interval {:+.3} to {:+.3}) against always \
             answering the majority class; MCC {} 0: {} % interval {:.3} to {:.3}",
            self.accuracy_verdict(),
            percent(&interval),
            interval.low,
            interval.high,
            self.mcc_verdict(),
            percent(&self.mcc),
            self.mcc.low,
            self.mcc.high,
        )
    }
}

/// Compares `predicted` with always answering `majority_class` (of *train*) on the rows of `gold`; both slices
/// `[rows]`. Paired: the same resampled rows judge both. See [`BaselineVerdict`] for the exact rule.
///
/// # Errors
/// [`MetricsError::UnknownMajority`], those of [`ConfusionMatrix::from_classes`] and of [`Bootstrap::interval`].
pub fn compare_with_majority(
    gold: &[usize],
    predicted: &[usize],
    majority_class: usize,
    classes: usize,
    bootstrap: &Bootstrap,
) -> Result<BaselineComparison, MetricsError> {
    if majority_class >= classes {
        return Err(MetricsError::UnknownMajority { class: majority_class, classes });
    }
    let constant = vec![majority_class; gold.len()];
    let paired = PairedConfusion::from_classes(gold, predicted, &constant, classes)?;
    let accuracy_difference = bootstrap.paired_difference(&paired, Metric::Accuracy)?;
    let mcc = bootstrap.interval(&ConfusionMatrix::from_classes(gold, predicted, classes)?, Metric::Mcc)?;
    let mcc_above_zero = mcc.low > 0.0;
    let verdict = match BaselineVerdict::of(&accuracy_difference.interval) {
        BaselineVerdict::Above if !mcc_above_zero => BaselineVerdict::At,
        verdict => verdict,
    };
    Ok(BaselineComparison { verdict, majority_class, accuracy_difference, mcc, mcc_above_zero })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[rows]` of gold and predicted from a matrix of counts.
    fn rows(counts: [[usize; 2]; 2]) -> (Vec<usize>, Vec<usize>) {
        let cells = (0..2).flat_map(|gold| (0..2).map(move |predicted| (gold, predicted)));
        cells.flat_map(|(gold, predicted)| vec![(gold, predicted); counts[gold][predicted]]).unzip()
    }

    fn verdict(counts: [[usize; 2]; 2]) -> BaselineComparison {
        let (gold, predicted) = rows(counts);
        compare_with_majority(&gold, &predicted, 1, 2, &Bootstrap::default()).unwrap()
    }

    #[test]
    fn a_good_predictor_is_above() {
        let found = verdict([[120, 30], [20, 330]]);
        assert_eq!((found.verdict, found.in_words().as_str()), (BaselineVerdict::Above, "above"));
        assert!(found.mcc_above_zero && found.accuracy_difference.share_at_or_below_zero == 0.0);
        assert!((found.accuracy_difference.difference - 0.2).abs() < 1e-12);
    }

    #[test]
    fn the_constant_answer_is_at_itself() {
        let found = verdict([[0, 150], [0, 350]]);
        assert_eq!(found.verdict, BaselineVerdict::At);
        assert!(!found.mcc_above_zero);
        assert_eq!(found.in_words(), "accuracy AT, MCC AT 0");
        assert_eq!(found.accuracy_difference.difference, 0.0);
        assert_eq!(found.accuracy_difference.share_at_or_below_zero, 1.0);
    }

    #[test]
    fn a_little_mcc_without_accuracy_is_at() {
        // The shape of frozen last-layer features on acceptability: accuracy 0.685 against 0.693, MCC 0.11.
        let found = verdict([[28, 134], [32, 333]]);
        assert_eq!(found.verdict, BaselineVerdict::At);
        assert!(found.to_string().starts_with("accuracy at the majority baseline: -0.008 (95 % interval"), "{found}");
        assert!(found.to_string().contains("majority class; MCC above 0: 95 % interval 0.0"), "{found}");
        assert_eq!(found.in_words(), "accuracy AT, MCC above 0");
    }

    #[test]
    fn balanced_answers_are_below_in_accuracy_and_know_something() {
        let found = verdict([[30, 20], [150, 800]]);
        assert_eq!(found.verdict, BaselineVerdict::Below);
        assert!(found.mcc_above_zero);
        // Each verdict says which score it is about: the two do not contradict each other.
        assert_eq!(found.in_words(), "accuracy BELOW, MCC above 0");
        assert!(found.to_string().starts_with("accuracy below the majority baseline: -0.120"), "{found}");
    }

    #[test]
    fn answers_that_are_wrong_on_purpose_are_below_in_both() {
        assert_eq!(verdict([[20, 230], [230, 20]]).in_words(), "accuracy BELOW, MCC BELOW 0");
    }

    #[test]
    fn an_unknown_majority_is_refused() {
        let error = compare_with_majority(&[0], &[0], 2, 2, &Bootstrap::default()).unwrap_err();
        assert_eq!(error, MetricsError::UnknownMajority { class: 2, classes: 2 });
    }
}
