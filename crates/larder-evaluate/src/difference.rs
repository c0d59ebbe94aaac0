//! The paired bootstrap: whether one run is better than another on the same rows, in words.

use std::fmt;

use larder_metrics::{Bootstrap, DEFAULT_LEVEL, Interval, Metric};
use larder_run::{PairedAnswers, SplitAnswers, tasks};
use serde::Serialize;

use crate::EvaluateError;
use crate::named_run::{NamedRun, display_name};

/// Resamples for an interval that holds for several pairs together: its ends lie further out, beyond which only a handful of
/// the usual thousand resamples fall.
const TOGETHER_RESAMPLES: usize = 10_000;

/// The best run on a split compared with another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The split.
    pub split: String,
    /// The score compared.
    pub score: String,
    /// The run with the higher score.
    pub better: String,
    /// The other.
    pub than: String,
    /// The better score minus the other.
    pub difference: f64,
    /// Its bootstrap interval over rows (for taggers, sentences), with the same resamples for both.
    pub interval: Interval,
    /// True if the interval lies above 0.
    pub told_apart: bool,
    /// With several pairs on a split: the interval at the level at which all pairs together have the usual confidence
    /// (Bonferroni correction).
    pub together: Option<Interval>,
    /// True if that interval lies above 0; equals `told_apart` for a single pair.
    pub told_apart_together: bool,
}

impl fmt::Display for Difference {
    /// `a is better than b on dev: MCC +0.031, 95 % interval 0.010 to 0.052`, or `a and b cannot be told apart on dev: ...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { split, score, better, than, difference, interval, .. } = self;
        match self.told_apart {
            true => write!(f, "{better} is better than {than} on {split}")?,
            false => write!(f, "{better} and {than} cannot be told apart on {split}")?,
        }
        let (score, Interval { low, high, .. }) = (display_name(score), interval);
        write!(f, ": {score} {difference:+.3}, {} % interval {low:.3} to {high:.3}", percent(interval))
    }
}

/// Returns a level in per cent: `95`, or `98.33`.
fn percent(interval: &Interval) -> f64 {
    (interval.level * 1e4).round() / 1e2
}

/// Returns the differences between run number `best` and each other on split number `at`.
pub(crate) fn differences(
    runs: &[NamedRun<'_>],
    best: usize,
    at: usize,
    metric: Metric,
    score: &str,
) -> Result<Vec<Difference>, EvaluateError> {
    let first = &runs[best];
    let pairs = runs.len() - 1;
    let usual = Bootstrap::default();
    let level = 1.0 - (1.0 - DEFAULT_LEVEL) / pairs.max(1) as f64;
    let wide = Bootstrap { level, resamples: TOGETHER_RESAMPLES, ..usual };
    let others = runs.iter().enumerate().filter(|(index, _)| *index != best).map(|(_, other)| other);
    others
        .map(|other| {
            let pair = pair(first, other, at)?;
            let (difference, interval) = pair.difference(metric, &usual)?;
            let together = if pairs > 1 { Some(pair.difference(metric, &wide)?.1) } else { None };
            let told_apart = interval.low > 0.0;
            Ok(Difference {
                split: first.answers[at].split.clone(),
                score: score.to_owned(),
                better: first.name.to_owned(),
                than: other.name.to_owned(),
                difference,
                interval,
                told_apart,
                told_apart_together: together.map_or(told_apart, |interval| interval.low > 0.0),
                together,
            })
        })
        .collect()
}

/// Pairs both runs' answers to split number `at`.
fn pair<'a>(
    first: &'a NamedRun<'_>,
    second: &'a NamedRun<'_>,
    at: usize,
) -> Result<Box<dyn PairedAnswers + 'a>, EvaluateError> {
    let (a, b) = (&first.answers[at], &second.answers[at]);
    let differ = |why: String| EvaluateError::NotComparable {
        first: first.name.to_owned(),
        second: second.name.to_owned(),
        why,
    };
    if let Some(why) = other_rows(a, b) {
        return Err(differ(why));
    }
    let pair = tasks::of(first.record.task()).pair(&a.rows, &b.rows)?;
    pair.ok_or_else(|| differ(format!("their gold labels of split `{}` differ", a.split)))
}

/// Returns the reason why two sets of answers are not to the same rows, if so.
fn other_rows(first: &SplitAnswers, second: &SplitAnswers) -> Option<String> {
    let (a, b) = (&first.example_ids, &second.example_ids);
    if a.len() != b.len() {
        return Some(format!("split `{}` has {} rows for one and {} for the other", first.split, a.len(), b.len()));
    }
    if let Some(row) = a.iter().zip(b).position(|(a, b)| a != b) {
        let (split, a, b) = (&first.split, &a[row], &b[row]);
        return Some(format!("row {row} of split `{split}` is example {a} for one and {b} for the other"));
    }
    // Rows without ids are numbered, so those of another file have the same ids.
    (first.data_digest != second.data_digest).then(|| {
        format!(
            "split `{}` is another file for one than for the other\n  `--dataset FILE` judges both on the same",
            first.split
        )
    })
}

#[cfg(test)]
mod tests {
    use larder_run::AnsweredRows;
    use larder_run::tasks::tagging::GoldAndAnswers;

    use super::*;

    fn difference(low: f64) -> Difference {
        Difference {
            split: "dev".to_owned(),
            score: "mcc".to_owned(),
            better: "large".to_owned(),
            than: "small".to_owned(),
            difference: 0.0312,
            interval: Interval { low, high: 0.052, level: 0.95 },
            told_apart: low > 0.0,
            together: None,
            told_apart_together: low > 0.0,
        }
    }

    #[test]
    fn a_difference_is_said_in_words() {
        let said = difference(0.0104).to_string();
        assert_eq!(said, "large is better than small on dev: MCC +0.031, 95 % interval 0.010 to 0.052");
        let said = difference(-0.0104).to_string();
        assert_eq!(said, "large and small cannot be told apart on dev: MCC +0.031, 95 % interval -0.010 to 0.052");
    }

    #[test]
    fn other_rows_are_named() {
        let answers = |ids: &[&str]| SplitAnswers {
            split: "dev".to_owned(),
            data_digest: "0a".to_owned(),
            example_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            rows: AnsweredRows::Tagging(GoldAndAnswers { gold: Vec::new(), predicted: Vec::new() }),
        };
        let dev = answers(&["a", "b"]);
        assert_eq!(other_rows(&dev, &dev.clone()), None);
        let why = |other: SplitAnswers| other_rows(&dev, &other).unwrap();
        assert!(why(answers(&["a"])).contains("has 2 rows for one and 1 for the other"));
        assert!(why(answers(&["a", "c"])).contains("row 1 of split `dev` is example b for one and c"));
        let elsewhere = SplitAnswers { data_digest: "0b".to_owned(), ..dev.clone() };
        assert!(why(elsewhere).contains("split `dev` is another file for one than for the other"));
    }
}
