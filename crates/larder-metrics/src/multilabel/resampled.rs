//! The bootstrap over rows of label sets.

use crate::bootstrap::{Bootstrap, Interval, PairedDifference};
use crate::error::MetricsError;
use crate::multilabel::row_entries::RowEntries;
use crate::multilabel::tally::LabelTally;
use crate::multilabel::{LabelSets, MultilabelAnswers, MultilabelMetric};

impl Bootstrap {
    /// Computes the interval of `metric` for `answers` beside `gold`, both `[rows, labels]`. Whole rows are drawn: the
    /// labels of one stand or fall together.
    ///
    /// # Errors
    /// [`MetricsError::NoResamples`], [`MetricsError::InvalidLevel`]; those of
    /// [`score_multilabel`](crate::score_multilabel).
    pub fn multilabel_interval(
        &self,
        gold: &LabelSets,
        answers: &MultilabelAnswers,
        metric: MultilabelMetric,
    ) -> Result<Interval, MetricsError> {
        self.check()?;
        let rows = RowEntries::new(gold, answers, "predicted")?;
        let mut tally = LabelTally::new(rows.labels());
        let scores = self.row_scores(rows.rows(), |counts| {
            rows.tally_drawn(counts, &mut tally);
            metric.of_tally(&tally)
        });
        Ok(self.percentiles(scores))
    }

    /// Computes the interval of the [Hamming loss](crate::MultilabelScores::hamming_loss) of `answers` in the same way.
    ///
    /// # Errors
    /// As [`multilabel_interval`](Self::multilabel_interval).
    pub fn hamming_loss_interval(
        &self,
        gold: &LabelSets,
        answers: &MultilabelAnswers,
    ) -> Result<Interval, MetricsError> {
        self.check()?;
        let rows = RowEntries::new(gold, answers, "predicted")?;
        let mut tally = LabelTally::new(rows.labels());
        let losses = self.row_scores(rows.rows(), |counts| {
            rows.tally_drawn(counts, &mut tally);
            tally.hamming_loss()
        });
        Ok(self.percentiles(losses))
    }

    /// Compares `metric` of two predictors beside `gold`, all `[rows, labels]`: every resample judges both on the same
    /// drawn rows.
    ///
    /// # Errors
    /// As [`multilabel_interval`](Self::multilabel_interval), for either predictor.
    pub fn paired_multilabel(
        &self,
        gold: &LabelSets,
        first: &MultilabelAnswers,
        second: &MultilabelAnswers,
        metric: MultilabelMetric,
    ) -> Result<PairedDifference<MultilabelMetric>, MetricsError> {
        self.check()?;
        let first = RowEntries::new(gold, first, "the first predictor")?;
        let second = RowEntries::new(gold, second, "the second predictor")?;
        let difference = metric.of_tally(&first.tally()) - metric.of_tally(&second.tally());
        let mut tally = LabelTally::new(gold.labels());
        let differences = self.row_scores(gold.rows(), |counts| {
            let mut value = |rows: &RowEntries| {
                rows.tally_drawn(counts, &mut tally);
                metric.of_tally(&tally)
            };
            value(&first) - value(&second)
        });
        Ok(self.difference(metric, difference, differences))
    }
}
