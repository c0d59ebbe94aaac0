//! Scores of a classifier beside those of the constant answer.

use larder_metrics::{BaselineComparison, BaselineVerdict, ClassificationScores, MajorityBaseline, Metric};

use crate::features::Method;
use crate::{Diagnosis, DiagnosisKind};

/// From this share of the answers on, one class is (almost) all that is answered: of a hundred texts at most three get
/// another answer.
pub const ALMOST_ALL: f64 = 0.97;

/// Where gold has nearly as many rows of that class, answering it that often is no fault: the shares must differ by this.
const SHARE_MARGIN: f64 = 0.03;

/// Scores of a classifier on one split.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The split's name: `dev`.
    pub split: &'a str,
    /// The classes' names.
    pub classes: &'a [String],
    /// The scores.
    pub scores: &'a ClassificationScores,
    /// How often each class was answered, `[classes]`.
    pub answered: &'a [u64],
    /// The scores of always answering train's most frequent class.
    pub baseline: &'a MajorityBaseline,
    /// The two compared.
    pub comparison: &'a BaselineComparison,
}

/// What the scores of one split show: [`OneAnswer`](DiagnosisKind::OneAnswer),
/// [`MajorityBaseline`](DiagnosisKind::MajorityBaseline), or nothing.
pub fn diagnose_scores(judged: &Judged<'_>, method: &Method<'_>) -> Vec<Diagnosis> {
    let Judged { split, classes, scores, baseline, comparison, .. } = judged;
    if comparison.verdict == BaselineVerdict::Above {
        return Vec::new();
    }
    let majority = classes.get(baseline.class).map_or("?", String::as_str);
    let mut evidence = format!(
        "accuracy {:.3}, always answering `{majority}` scores {:.3}; MCC {:.3} ({:.0} % interval {:.2} to {:.2}), where 0 is \
         what any constant answer gets",
        scores.accuracy,
        baseline.scores.accuracy,
        scores.mcc,
        comparison.mcc.level * 100.0,
        comparison.mcc.low,
        comparison.mcc.high,
    );
    if let Method::Tuned(losses) = method {
        evidence.push_str(&format!("; {}", losses.told()));
    }
    let any_remedy = || match method {
        Method::Frozen(tried) => tried.any_features(),
        Method::Tuned(losses) => losses.better_training().to_owned(),
    };
    if let Some((class, share)) = one_answer(judged) {
        let class = classes.get(class).map_or("?", String::as_str);
        let rows = match share {
            1.0 => "every row".to_owned(),
            share => format!("{:.1} % of the rows", 100.0 * share),
        };
        let finding = format!("on {split} `{class}` is the answer to {rows}");
        return vec![Diagnosis::new(DiagnosisKind::OneAnswer, finding, evidence, any_remedy()).on(split)];
    }
    let kind = DiagnosisKind::MajorityBaseline;
    if !comparison.mcc_above_zero {
        let finding = format!("on {split} these scores are no better than the majority baseline's");
        return vec![Diagnosis::new(kind, finding, evidence, any_remedy()).on(split)];
    }
    // The classes are told apart a little, and accuracy is no better than the constant answer's.
    let place = match comparison.verdict {
        BaselineVerdict::Below => "below",
        _ => "at",
    };
    let finding =
        format!("on {split} accuracy is {place} the majority baseline, though the classes are told apart a little");
    let remedy = match method {
        Method::Tuned(_) => any_remedy(),
        Method::Frozen(tried) => {
            let mut remedy = tried.better_features();
            if tried.metric != Metric::Accuracy {
                remedy.push_str(&format!(
                    "; {} were chosen for {}, which gives up accuracy for the rarer classes (`--metric accuracy` chooses \
                     for accuracy)",
                    tried.chosen, tried.metric
                ));
            }
            remedy
        }
    };
    vec![Diagnosis::new(kind, finding, evidence, remedy).on(split)]
}

/// The class that (almost) every row was answered with, and the share of those rows.
fn one_answer(judged: &Judged<'_>) -> Option<(usize, f64)> {
    let rows: u64 = judged.answered.iter().sum();
    let (class, &most) = judged.answered.iter().enumerate().max_by_key(|(_, count)| **count)?;
    let share = most as f64 / rows.max(1) as f64;
    let gold = judged.scores.per_class.get(class)?.support as f64 / judged.scores.rows.max(1) as f64;
    let is_one = most == rows || (share >= ALMOST_ALL && share > gold + SHARE_MARGIN);
    (rows > 0 && is_one).then_some((class, share))
}
