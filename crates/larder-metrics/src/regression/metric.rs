//! The scores of numbers that something can be chosen by.

use larder_errors::spelled_enum;

spelled_enum! {
    /// A score of predicted numbers; each is defined at the field of the same name of
    /// [`RegressionScores`](crate::RegressionScores).
    #[derive(Default)]
    pub enum RegressionMetric {
        /// Pearson's correlation. The default: 0 for every constant answer, whatever the unit of gold.
        #[default]
        Pearson = "pearson",
        /// Spearman's correlation.
        Spearman = "spearman",
        /// Coefficient of determination.
        R2 = "r2",
        /// Mean absolute error: less is better.
        Mae = "mae",
        /// Root of the mean squared error: less is better.
        Rmse = "rmse",
    } else "unknown metric {found:?} of numbers, known are: {known}"
}

impl RegressionMetric {
    /// Returns true if a higher value is a better one; false for errors.
    pub fn higher_is_better(self) -> bool {
        match self {
            Self::Pearson | Self::Spearman | Self::R2 => true,
            Self::Mae | Self::Rmse => false,
        }
    }

    /// Turns the sign of an error, so that more is better: gains of all metrics can be compared and subtracted alike.
    pub fn gain(self, value: f64) -> f64 {
        // Not `-value`: no error is 0, not -0.
        if self.higher_is_better() { value } else { 0.0 - value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &metric in RegressionMetric::ALL {
            assert_eq!(metric.to_string().parse::<RegressionMetric>().unwrap(), metric);
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
        }
        let error = "mse".parse::<RegressionMetric>().unwrap_err().to_string();
        assert_eq!(error, "unknown metric \"mse\" of numbers, known are: pearson, spearman, r2, mae, rmse");
    }

    #[test]
    fn less_error_is_more_gain() {
        assert!(RegressionMetric::Rmse.gain(0.2) > RegressionMetric::Rmse.gain(0.3));
        assert!(RegressionMetric::R2.gain(0.2) < RegressionMetric::R2.gain(0.3));
    }
}
