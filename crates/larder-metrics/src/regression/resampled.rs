//! The bootstrap over rows of numbers.

use crate::bootstrap::{Bootstrap, Interval, PairedDifference};
use crate::error::MetricsError;
use crate::regression::RegressionMetric;
use crate::regression::rows::{NumberRows, Ranks};

impl Bootstrap {
    /// Computes the interval of `metric` for `predicted` beside `gold`, both `[rows]`. A resample in which gold or the
    /// answers are constant has the scores that [`RegressionScores`](crate::RegressionScores) gives such rows.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`]; those of
    /// [`score_regression`](crate::score_regression).
    pub fn regression_interval(
        &self,
        gold: &[f64],
        predicted: &[f64],
        metric: RegressionMetric,
    ) -> Result<Interval, MetricsError> {
        self.check()?;
        let rows = NumberRows::new(gold, predicted, "predicted")?;
        let mut ranks = Ranks::default();
        let scores = self.row_scores(rows.rows(), |counts| rows.score(metric, counts, &mut ranks));
        Ok(self.percentiles(scores))
    }

    /// Compares `metric` of two predictors beside `gold`, all `[rows]`: every resample judges both on the same drawn
    /// rows. The difference is that of the [gains](RegressionMetric::gain), above 0 where the first is better also
    /// for errors.
    ///
    /// # Errors
    /// As [`regression_interval`](Self::regression_interval), for either predictor.
    pub fn paired_regression(
        &self,
        gold: &[f64],
        first: &[f64],
        second: &[f64],
        metric: RegressionMetric,
    ) -> Result<PairedDifference<RegressionMetric>, MetricsError> {
        self.check()?;
        let first = NumberRows::new(gold, first, "the first predictor")?;
        let second = NumberRows::new(gold, second, "the second predictor")?;
        let mut ranks = Ranks::default();
        let mut difference = |counts: &[u32]| {
            metric.gain(first.score(metric, counts, &mut ranks)) - metric.gain(second.score(metric, counts, &mut ranks))
        };
        let found = difference(&vec![1; gold.len()]);
        let differences = self.row_scores(gold.len(), difference);
        Ok(self.difference(metric, found, differences))
    }
}
