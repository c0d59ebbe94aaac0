//! The verdict on a predictor beside a constant answer, by one metric.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bootstrap::PairedDifference;
use crate::classification::BaselineVerdict;

/// A predictor beside a constant answer, by one metric on the same rows. `M` is the metric, `B` names the constant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BaselineDifference<M, B> {
    /// Above or below where the whole interval of the difference is; at the baseline where it holds 0.
    pub verdict: BaselineVerdict,
    /// The constant answer compared with.
    pub baseline: B,
    /// The predictor minus the constant answer: above 0 where the predictor is better.
    pub difference: PairedDifference<M>,
}

impl<M, B> BaselineDifference<M, B> {
    pub(crate) fn new(baseline: B, difference: PairedDifference<M>) -> Self {
        Self { verdict: BaselineVerdict::of(&difference.interval), baseline, difference }
    }
}

impl<M: fmt::Display, B: fmt::Display> fmt::Display for BaselineDifference<M, B> {
    /// One sentence, for example `macro_f1 better than the baseline most_frequent_set: +0.310 (95 % interval +0.287 to +0.333)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, baseline, difference: PairedDifference { metric, difference, interval, .. } } = self;
        // Not "above": of an error less is better, and the difference is turned so that more is.
        let verdict = match verdict {
            BaselineVerdict::Above => "better than",
            BaselineVerdict::At => "cannot be told from",
            BaselineVerdict::Below => "worse than",
        };
        let percent = (interval.level * 1e4).round() / 1e2;
        write!(
            f,
            "{metric} {verdict} the baseline {baseline}: {difference:+.3} ({percent} % interval {:+.3} to {:+.3})",
            interval.low, interval.high,
        )
    }
}
