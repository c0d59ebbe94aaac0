//! The scores that something can be chosen by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::classification::{ConfusionMatrix, Margins};
use crate::error::MetricsError;

/// A score of which more is better; each is defined at the field of the same name of
/// [`ClassificationScores`](crate::ClassificationScores).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Matthews' correlation coefficient. The default: 0 for every constant answer, whatever the classes' shares.
    #[default]
    Mcc,
    /// Mean F1 of the classes.
    MacroF1,
    /// Share of right answers.
    Accuracy,
}

impl Metric {
    /// Every metric.
    pub const ALL: &[Self] = &[Self::Mcc, Self::MacroF1, Self::Accuracy];

    /// The value of this metric for the answers counted in `matrix`.
    pub fn of(self, matrix: &ConfusionMatrix) -> f64 {
        self.of_margins(&matrix.margins())
    }

    pub(crate) fn of_margins(self, margins: &Margins) -> f64 {
        match self {
            Self::Mcc => margins.mcc(),
            Self::MacroF1 => margins.macro_f1(),
            Self::Accuracy => margins.accuracy(),
        }
    }

    /// The one spelling: field of reports, flag, file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcc => "mcc",
            Self::MacroF1 => "macro_f1",
            Self::Accuracy => "accuracy",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = MetricsError;

    fn from_str(text: &str) -> Result<Self, MetricsError> {
        Self::ALL.iter().copied().find(|metric| metric.name() == text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|metric| metric.name()).collect::<Vec<_>>().join(", ");
            MetricsError::UnknownMetric { found: text.to_owned(), known }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &metric in Metric::ALL {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
        }
        let error = "f1".parse::<Metric>().unwrap_err().to_string();
        assert_eq!(error, "unknown metric \"f1\", known are: mcc, macro_f1, accuracy");
    }
}
