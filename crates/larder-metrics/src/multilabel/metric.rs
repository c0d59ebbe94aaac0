//! The scores of label sets that something can be chosen by.

use larder_errors::spelled_enum;

use crate::multilabel::MultilabelScores;
use crate::multilabel::tally::LabelTally;

spelled_enum! {
    /// A score of label sets of which more is better; each is defined at its field of [`MultilabelScores`].
    #[derive(Default)]
    pub enum MultilabelMetric {
        /// Mean F1 of the labels. The default: a frequent label counts no more than a rare one.
        #[default]
        MacroF1 = "macro_f1",
        /// F1 of all labels together.
        MicroF1 = "micro_f1",
        /// Mean F1 of the labels, weighted by their support.
        WeightedF1 = "weighted_f1",
        /// Share of rows whose whole set is right.
        SubsetAccuracy = "subset_accuracy",
        /// Label ranking average precision: of the probabilities, whatever the thresholds.
        Lrap = "lrap",
    } else "unknown metric {found:?} of label sets, known are: {known}"
}

impl MultilabelMetric {
    /// Returns the value of this metric in `scores`.
    pub fn of(self, scores: &MultilabelScores) -> f64 {
        match self {
            Self::MacroF1 => scores.macro_avg.f1,
            Self::MicroF1 => scores.micro.f1,
            Self::WeightedF1 => scores.weighted.f1,
            Self::SubsetAccuracy => scores.subset_accuracy,
            Self::Lrap => scores.lrap,
        }
    }

    /// The same value from the counts alone: a resample needs no other scores.
    pub(crate) fn of_tally(self, tally: &LabelTally) -> f64 {
        match self {
            Self::MacroF1 => tally.macro_f1(),
            Self::MicroF1 => tally.micro_f1(),
            Self::WeightedF1 => tally.weighted_f1(),
            Self::SubsetAccuracy => tally.subset_accuracy(),
            Self::Lrap => tally.mean_lrap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &metric in MultilabelMetric::ALL {
            assert_eq!(metric.to_string().parse::<MultilabelMetric>().unwrap(), metric);
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
        }
        let error = "mcc".parse::<MultilabelMetric>().unwrap_err().to_string();
        let known = "macro_f1, micro_f1, weighted_f1, subset_accuracy, lrap";
        assert_eq!(error, format!("unknown metric \"mcc\" of label sets, known are: {known}"));
    }
}
