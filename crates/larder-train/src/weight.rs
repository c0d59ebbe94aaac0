//! Class weights in the loss.

use larder_metrics::Metric;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// The weight of a row in the loss, by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts 1.
    None,
    /// A row of class `c` counts `rows / (classes * rows of c)`: all classes weigh the same together, and the weights
    /// of all rows add up to the number of rows.
    Balanced,
}

larder_files::spelled!(ClassWeight, name, {
    None = "none", Balanced = "balanced",
}, TrainError, |found, known| TrainError::UnknownChoice { what: "class weight", found, known });

impl ClassWeight {
    /// The weight of each class `[classes]`, measured on the rows of `labels` for which `keep` holds; a class without
    /// rows gets 0.
    pub(crate) fn of_classes(self, labels: &[usize], classes: usize, keep: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut counts = vec![0u64; classes];
        for (row, &label) in labels.iter().enumerate() {
            counts[label] += u64::from(keep(row));
        }
        self.of_counts(&counts)
    }

    /// The weight of each class `[classes]`, by the number of its rows; a class without rows gets 0.
    pub fn of_counts(self, counts: &[u64]) -> Vec<f64> {
        let rows: u64 = counts.iter().sum();
        let present = counts.iter().filter(|&&count| count > 0).count();
        counts
            .iter()
            .map(|&count| match (self, count) {
                (_, 0) => 0.0,
                (Self::None, _) => 1.0,
                (Self::Balanced, _) => rows as f64 / (present as f64 * count as f64),
            })
            .collect()
    }
}

/// The class weights that a training run tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeightChoice {
    /// Both, chosen between by cross-validation.
    Auto,
    /// Only [`ClassWeight::None`].
    None,
    /// Only [`ClassWeight::Balanced`].
    Balanced,
}

larder_files::spelled!(ClassWeightChoice, name, {
    Auto = "auto", None = "none", Balanced = "balanced",
}, TrainError, |found, known| TrainError::UnknownChoice { what: "class weight", found, known });

impl ClassWeightChoice {
    /// The class weights to try, the one that suits the metric first: accuracy counts every row alike, the other
    /// metrics want the rare classes found.
    pub fn candidates(self, metric: Metric) -> &'static [ClassWeight] {
        match (self, metric) {
            (Self::Auto, Metric::Accuracy) => &[ClassWeight::None, ClassWeight::Balanced],
            (Self::Auto, Metric::Mcc | Metric::MacroF1) => &[ClassWeight::Balanced, ClassWeight::None],
            (Self::None, _) => &[ClassWeight::None],
            (Self::Balanced, _) => &[ClassWeight::Balanced],
        }
    }
}

impl ClassWeightChoice {
    /// The weight taken where too few rows are there to choose: the one asked for, else none.
    pub fn unchosen(self) -> ClassWeight {
        match self {
            Self::Auto | Self::None => ClassWeight::None,
            Self::Balanced => ClassWeight::Balanced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_those_of_the_formula() {
        let labels = [0, 1, 1, 1, 1, 1, 2, 2];
        let weights = ClassWeight::Balanced.of_classes(&labels, 3, |_| true);
        assert_eq!(weights, [8.0 / 3.0, 8.0 / 15.0, 8.0 / 6.0]);
        let total: f64 = labels.iter().map(|&label| weights[label]).sum();
        assert!((total - 8.0).abs() < 1e-12);
        assert_eq!(ClassWeight::None.of_classes(&labels, 4, |_| true), [1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn rows_left_out_do_not_count() {
        let weights = ClassWeight::Balanced.of_classes(&[0, 1, 1, 0], 2, |row| row < 3);
        assert_eq!(weights, [1.5, 0.75]);
    }

    #[test]
    fn every_spelling_reads_back_and_an_unknown_one_lists_them() {
        for choice in ClassWeightChoice::ALL {
            assert_eq!(choice.to_string().parse::<ClassWeightChoice>().unwrap(), *choice);
            assert_eq!(serde_json::to_string(choice).unwrap(), format!("\"{choice}\""));
        }
        let error = "equal".parse::<ClassWeightChoice>().unwrap_err().to_string();
        assert_eq!(error, "unknown class weight `equal`: expected one of auto, none, balanced");
    }
}
