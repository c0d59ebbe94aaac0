//! Targets that are numbers: what they look like, and answers beside those of a constant.

use larder_metrics::{
    BaselineDifference, BaselineVerdict, NumberConstant, RegressionBaseline, RegressionMetric, RegressionScores,
};
use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, SPLIT};
use crate::features::Method;
use crate::{Diagnosis, DiagnosisKind};

/// Kurtosis from which on a few targets decide the squared error: a normal distribution has 3, an exponential one 9.
const HEAVY: f64 = 10.0;

/// Rows below which kurtosis says little: its standard error is about √(24 / rows), 0.5 at 100 rows of a normal distribution.
const ENOUGH_FOR_TAILS: u64 = 100;

/// A share of the targets' deviation below which answers hardly leave the mean. The best answer's deviation is its correlation
/// times that of the targets, so this is a correlation of 0.3: of little use.
const SHRUNK: f64 = 0.3;

/// The least share of a split's rows with targets outside those of train that is worth a finding.
const OUTSIDE: f64 = 0.01;

/// The distribution of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Number of numbers.
    pub rows: u64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the population.
    pub deviation: f64,
    /// The smallest.
    pub smallest: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub largest: f64,
    /// The fourth central moment over the squared variance (Pearson's kurtosis); 0 where all are equal.
    pub kurtosis: f64,
}

impl TargetSummary {
    /// Summarises finite numbers, `[rows]`; all 0 without any.
    pub fn of(numbers: &[f64]) -> Self {
        if numbers.is_empty() {
            return Self::default();
        }
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / count;
        let moment = |power: i32| sorted.iter().map(|number| (number - mean).powi(power)).sum::<f64>() / count;
        let variance = moment(2);
        Self {
            rows: sorted.len() as u64,
            mean,
            deviation: variance.sqrt(),
            smallest: sorted[0],
            median: f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]),
            largest: sorted[sorted.len() - 1],
            kurtosis: if variance > 0.0 { moment(4) / (variance * variance) } else { 0.0 },
        }
    }
}

/// Answers to one split.
#[derive(Debug, Clone, Copy)]
pub struct NumbersJudged<'a> {
    /// The split's name.
    pub split: &'a str,
    /// The scores.
    pub scores: &'a RegressionScores,
    /// Those of the constant answers.
    pub baseline: &'a RegressionBaseline,
    /// The two compared.
    pub comparison: &'a BaselineDifference<RegressionMetric, NumberConstant>,
    /// The right answers.
    pub targets: &'a TargetSummary,
    /// The answers given.
    pub answers: &'a TargetSummary,
    /// The targets of train.
    pub train: &'a TargetSummary,
}

/// Diagnoses the targets of train: [`HeavyTails`](DiagnosisKind::HeavyTails). `held_out` are the scores on rows of train that
/// the head had not seen: where they are no better than a constant's, [`PriorEntropy`](DiagnosisKind::PriorEntropy).
pub fn diagnose_targets(
    train: &TargetSummary,
    held_out: Option<&RegressionScores>,
    method: &Method<'_>,
) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    if train.rows >= ENOUGH_FOR_TAILS && train.kurtosis >= HEAVY {
        let evidence = Evidence::new("kurtosis ")
            .score("kurtosis", train.kurtosis)
            .text(" (a normal distribution has 3); mean ")
            .score("mean", train.mean)
            .text(", deviation ")
            .score("deviation", train.deviation)
            .text(", smallest ")
            .score("smallest", train.smallest)
            .text(", largest ")
            .score("largest", train.largest);
        found.push(Diagnosis::new(
            DiagnosisKind::HeavyTails,
            "a few targets lie far from the others, and squared errors are mostly theirs",
            evidence,
            "look at the rows with extreme targets; if they are meant, train on the logarithm, or on ranks",
        ));
    }
    if let Some(scores) = held_out.filter(|scores| scores.r2 <= 0.0) {
        let evidence = Evidence::new("on rows that the fit had not seen, RMSE is ")
            .score("rmse", scores.rmse)
            .text(", that of always answering the mean ")
            .score("deviation", train.deviation)
            .text("; Pearson ")
            .score("pearson", scores.pearson);
        found.push(Diagnosis::new(
            DiagnosisKind::PriorEntropy,
            "the head learned nothing but the mean of the targets",
            evidence,
            method.any_remedy(),
        ));
    }
    found
}

/// Diagnoses answers to one split: [`OneClass`](DiagnosisKind::OneClass) of constant targets,
/// [`OutsideTrain`](DiagnosisKind::OutsideTrain), [`MajorityBaseline`](DiagnosisKind::MajorityBaseline),
/// [`ShrunkAnswers`](DiagnosisKind::ShrunkAnswers).
pub fn diagnose_numbers(judged: &NumbersJudged<'_>, method: &Method<'_>) -> Vec<Diagnosis> {
    let NumbersJudged { split, scores, baseline, comparison, targets, answers, train } = judged;
    if targets.smallest == targets.largest {
        let evidence = Evidence::new("all ").count("rows", targets.rows).text(" targets are ");
        return vec![
            Diagnosis::new(
                DiagnosisKind::OneClass,
                format!("the targets of {SPLIT} are all the same, and do not show whether texts are told apart"),
                evidence.score("target", targets.mean).text("; correlation is 0 whatever is answered"),
                "judge by a split whose targets differ",
            )
            .on(split),
        ];
    }
    let mut found = Vec::new();
    let (below, above) = (train.smallest - targets.smallest, targets.largest - train.largest);
    let width = (train.largest - train.smallest).max(f64::MIN_POSITIVE);
    if below.max(above) > OUTSIDE * width {
        let evidence = Evidence::new("train has targets from ")
            .score("smallest of train", train.smallest)
            .text(" to ")
            .score("largest of train", train.largest)
            .text(format!(", {SPLIT} from "))
            .score("smallest", targets.smallest)
            .text(" to ")
            .score("largest", targets.largest);
        found.push(Diagnosis::new(
            DiagnosisKind::OutsideTrain,
            format!("some targets of {SPLIT} lie outside those of train, where no answer was learned"),
            evidence,
            "look whether the split has another unit or scale than train, or train on rows of the whole range",
        ));
    }
    let beside = Evidence::new("RMSE ")
        .score("rmse", scores.rmse)
        .text(", always answering the mean of train ")
        .score("constant rmse", baseline.mean.scores.rmse)
        .text("; Pearson ")
        .score("pearson", scores.pearson);
    let spread = answers.deviation / targets.deviation;
    if comparison.verdict != BaselineVerdict::Above {
        let finding = match comparison.verdict {
            BaselineVerdict::Below => format!("on {SPLIT} always answering the mean of train errs less"),
            _ => format!("on {SPLIT} the error cannot be told from that of always answering the mean of train"),
        };
        found.push(Diagnosis::new(DiagnosisKind::MajorityBaseline, finding, beside, method.any_remedy()));
    } else if spread < SHRUNK {
        let evidence = Evidence::new("the answers' deviation is ")
            .score("deviation of answers", answers.deviation)
            .text(", that of the targets ")
            .score("deviation", targets.deviation)
            .text("; ")
            .and(beside);
        found.push(Diagnosis::new(
            DiagnosisKind::ShrunkAnswers,
            format!("on {SPLIT} the answers hardly leave the mean"),
            evidence,
            method.any_remedy(),
        ));
    }
    found.into_iter().map(|finding| finding.on(split)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_that_of_its_numbers() {
        let found = TargetSummary::of(&[4.0, 1.0, 2.0, 9.0]);
        assert_eq!((found.rows, found.mean, found.smallest, found.median, found.largest), (4, 4.0, 1.0, 3.0, 9.0));
        // Deviations 0, -3, -2, 5: squares sum to 38, fourth powers to 722.
        assert!((found.deviation - 9.5_f64.sqrt()).abs() < 1e-12);
        assert!((found.kurtosis - 722.0 / 4.0 / (9.5 * 9.5)).abs() < 1e-12);
        assert_eq!(TargetSummary::of(&[3.0; 5]).kurtosis, 0.0);
        assert_eq!(TargetSummary::of(&[]), TargetSummary::default());
    }
}
