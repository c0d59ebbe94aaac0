//! Scores of a classifier beside those of the constant answer.

use larder_metrics::{BaselineComparison, BaselineVerdict, ClassificationScores, MajorityBaseline, Metric};

use crate::evidence::{Evidence, SPLIT};
use crate::features::Method;
use crate::{Diagnosis, DiagnosisKind};

/// The share of the answers from which on one class is (almost) all that is answered: of a hundred texts at most three
/// get another answer.
pub const ALMOST_ALL: f64 = 0.97;

/// The least difference between a class's share of the answers and of gold: where gold has nearly as many rows of the
/// class, answering it that often is no fault.
const SHARE_MARGIN: f64 = 0.03;

/// An MCC from which on answers are of use, whatever accuracy says: with rare classes accuracy hardly shows it. Below, classes
/// are told apart a little.
const OF_USE: f64 = 0.3;

/// Rows of a split below which one answer more or less moves accuracy by more than 0.05.
const ENOUGH_ROWS: u64 = 20;

/// Scores of a classifier on one split.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The split's name: `dev`.
    pub split: &'a str,
    /// The classes' names.
    pub classes: &'a [String],
    /// The scores.
    pub scores: &'a ClassificationScores,
    /// The number of rows answered with each class, `[classes]`.
    pub answered: &'a [u64],
    /// The scores of always answering train's most frequent class.
    pub baseline: &'a MajorityBaseline,
    /// The two compared.
    pub comparison: &'a BaselineComparison,
}

/// Diagnoses the scores of one split: [`OneClass`](DiagnosisKind::OneClass), [`OneAnswer`](DiagnosisKind::OneAnswer),
/// [`MajorityBaseline`](DiagnosisKind::MajorityBaseline), [`FewRows`](DiagnosisKind::FewRows), or nothing.
pub fn diagnose_scores(judged: &Judged<'_>, method: &Method<'_>) -> Vec<Diagnosis> {
    let Judged { split, scores, .. } = judged;
    if scores.rows == 0 {
        return Vec::new();
    }
    if let Some(class) = only_class(judged) {
        let mut found = vec![one_class(judged, class)];
        // Answering that class throughout is right there; another is not.
        if let Some((answer, share)) = one_answer(judged).filter(|(answer, _)| *answer != class) {
            found.push(always(judged, method, answer, share));
        }
        return found;
    }
    let found = beside_the_baseline(judged, method).or_else(|| few_rows(judged));
    found.into_iter().map(|finding| finding.on(split)).collect()
}

/// The class that every row has, where there is only one.
fn only_class(judged: &Judged<'_>) -> Option<usize> {
    judged.scores.per_class.iter().position(|class| class.support == judged.scores.rows)
}

fn name<'a>(judged: &Judged<'a>, class: usize) -> &'a str {
    judged.classes.get(class).map_or("?", String::as_str)
}

fn one_class(judged: &Judged<'_>, class: usize) -> Diagnosis {
    let class = name(judged, class);
    let evidence = Evidence::new("all ").count("rows", judged.scores.rows);
    let evidence = evidence
        .text(format!(" rows are labelled `{class}`, so that always answering it is right throughout and MCC is "));
    let evidence =
        evidence.count("mcc", 0_u64).text(" whatever is answered; accuracy ").score("accuracy", judged.scores.accuracy);
    Diagnosis::new(
        DiagnosisKind::OneClass,
        format!("rows of {SPLIT} are of one class only, and do not show whether classes are told apart"),
        evidence,
        "judge by a split that has rows of every class",
    )
    .on(judged.split)
}

fn always(judged: &Judged<'_>, method: &Method<'_>, class: usize, share: f64) -> Diagnosis {
    let finding = Evidence::new(format!("on {SPLIT} `{}` is the answer to ", name(judged, class)));
    let finding = match share {
        1.0 => finding.text("every row"),
        share => finding.percent("share", share).text(" of the rows"),
    };
    let remedy = method.any_remedy();
    Diagnosis::new(DiagnosisKind::OneAnswer, finding, beside(judged, method), remedy).on(judged.split)
}

/// The scores in words, each beside that of the constant answer.
fn beside(judged: &Judged<'_>, method: &Method<'_>) -> Evidence {
    let Judged { scores, baseline, comparison, .. } = judged;
    let evidence = Evidence::new("accuracy ")
        .score("accuracy", scores.accuracy)
        .text(format!(", always answering `{}` scores ", name(judged, baseline.class)))
        .score("majority accuracy", baseline.scores.accuracy)
        .text("; MCC ")
        .score("mcc", scores.mcc)
        .text(" (")
        .whole_percent("level", comparison.mcc.level)
        .text(" interval ")
        .bound("mcc low", comparison.mcc.low)
        .text(" to ")
        .bound("mcc high", comparison.mcc.high)
        .text("), where ")
        .count("constant mcc", 0_u64)
        .text(" is what any constant answer gets");
    match method {
        Method::Tuned(tuning) => evidence.text("; ").and(tuning.losses.told()),
        Method::Frozen(_) => evidence,
    }
}

/// Compares the scores with the constant answer's, and returns a finding if they are not above.
fn beside_the_baseline(judged: &Judged<'_>, method: &Method<'_>) -> Option<Diagnosis> {
    let Judged { scores, baseline, comparison, .. } = judged;
    if comparison.verdict == BaselineVerdict::Above {
        return None;
    }
    if let Some((class, share)) = one_answer(judged) {
        return Some(always(judged, method, class, share));
    }
    let found =
        |kind, finding: String, remedy: String| Some(Diagnosis::new(kind, finding, beside(judged, method), remedy));
    let kind = DiagnosisKind::MajorityBaseline;
    match comparison.mcc_verdict() {
        BaselineVerdict::Below => found(
            kind,
            format!("on {SPLIT} the answers contradict the labels: MCC is below that of any constant answer"),
            "look whether the split spells or orders its labels otherwise than train, or has other labels than train for the \
             same texts"
                .to_owned(),
        ),
        BaselineVerdict::At if scores.mcc >= OF_USE => {
            let others = scores.rows - scores.per_class.iter().map(|class| class.support).max().unwrap_or(0);
            let evidence = Evidence::default().count("rows", scores.rows).text(" rows, ").count("other rows", others);
            let evidence = evidence.text(" of them not of the most frequent class; ").and(beside(judged, method));
            Some(Diagnosis::new(
                DiagnosisKind::FewRows,
                format!("on {SPLIT} the rows are too few to tell MCC from that of a constant answer"),
                evidence,
                "judge by more rows, above all of the rarer classes",
            ))
        }
        BaselineVerdict::At if comparison.accuracy_verdict() != BaselineVerdict::At => {
            let (place, but) = match comparison.accuracy_verdict() {
                BaselineVerdict::Below => ("below", "and"),
                _ => ("above", "but"),
            };
            let finding = format!(
                "on {SPLIT} accuracy is {place} the majority baseline, {but} MCC cannot be told from that of a constant answer"
            );
            found(kind, finding, method.any_remedy())
        }
        BaselineVerdict::At if scores.accuracy <= baseline.scores.accuracy && scores.mcc <= 0.0 => found(
            kind,
            format!("on {SPLIT} these scores are no better than the majority baseline's"),
            method.any_remedy(),
        ),
        BaselineVerdict::At => found(
            kind,
            format!("on {SPLIT} these scores cannot be told from the majority baseline's"),
            method.any_remedy(),
        ),
        BaselineVerdict::Above => {
            // The classes are told apart, and accuracy is no better than the constant answer's.
            let place = match comparison.accuracy_verdict() {
                BaselineVerdict::Below => "below",
                _ if scores.mcc >= OF_USE => return None,
                _ => "at",
            };
            let little = if scores.mcc < OF_USE { " a little" } else { "" };
            let finding = format!(
                "on {SPLIT} accuracy is {place} the majority baseline, though the classes are told apart{little}"
            );
            let remedy = match method {
                Method::Tuned(_) => method.any_remedy(),
                Method::Frozen(tried) => {
                    let chosen = tried.chosen_in_words().filter(|_| tried.metric != Metric::Accuracy.as_str());
                    let chosen = chosen.map(|chosen| {
                        format!(
                            "; {chosen}, which gives up accuracy for the rarer classes (`--metric accuracy` chooses for accuracy)"
                        )
                    });
                    format!("{}{}", tried.better_features(), chosen.unwrap_or_default())
                }
            };
            found(kind, finding, remedy)
        }
    }
}

/// [`FewRows`](DiagnosisKind::FewRows) of a split whose scores are above the baseline and rest on hardly any rows.
fn few_rows(judged: &Judged<'_>) -> Option<Diagnosis> {
    let Judged { scores, comparison, .. } = judged;
    (scores.rows < ENOUGH_ROWS).then(|| {
        let evidence = Evidence::default().count("rows", scores.rows).text(" rows; MCC ").score("mcc", scores.mcc);
        let evidence = evidence.text(", ").whole_percent("level", comparison.mcc.level).text(" interval ");
        let evidence =
            evidence.bound("mcc low", comparison.mcc.low).text(" to ").bound("mcc high", comparison.mcc.high);
        Diagnosis::new(
            DiagnosisKind::FewRows,
            format!("rows of {SPLIT} are few, and every one of them moves the scores"),
            evidence,
            "judge by more rows",
        )
    })
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
