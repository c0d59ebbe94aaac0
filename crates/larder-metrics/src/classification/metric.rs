//! The scores that something can be chosen by.

use larder_errors::spelled_enum;

use crate::classification::{ConfusionMatrix, Margins};

spelled_enum! {
    /// A score of which more is better; each is defined at the field of the same name of
    /// [`ClassificationScores`](crate::ClassificationScores).
    #[derive(Default)]
    pub enum Metric {
        /// Matthews' correlation coefficient. The default: 0 for every constant answer, whatever the classes' shares.
        #[default]
        Mcc = "mcc",
        /// Mean F1 of the classes.
        MacroF1 = "macro_f1",
        /// Share of right answers.
        Accuracy = "accuracy",
    } else "unknown metric {found:?}, known are: {known}"
}

impl Metric {
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
