//! Answers of any number of labels, beside those of a constant set.

use larder_metrics::{
    BaselineDifference, BaselineVerdict, LabelConstant, MultilabelBaseline, MultilabelMetric, MultilabelScores,
};

use crate::evidence::{Evidence, SPLIT};
use crate::features::{Method, list};
use crate::{Diagnosis, DiagnosisKind};

/// Labels named in a finding.
const NAMED: usize = 8;

/// Rows of a label below which that it is never answered, or always with another, may be chance.
const ENOUGH_ROWS: u64 = 20;

/// Answers to one split.
#[derive(Debug, Clone, Copy)]
pub struct LabelsJudged<'a> {
    /// The split's name.
    pub split: &'a str,
    /// The labels' names, `[labels]`.
    pub labels: &'a [String],
    /// The scores.
    pub scores: &'a MultilabelScores,
    /// Those of constant sets.
    pub baseline: &'a MultilabelBaseline,
    /// The two compared.
    pub comparison: &'a BaselineDifference<MultilabelMetric, LabelConstant>,
    /// Rows of the split that have both labels, `[labels, labels]`.
    pub together: &'a [Vec<u64>],
}

/// Thresholds up to this are at their lower bound, and from one less it on at their upper: the first and the last that labels
/// may share.
const BOUND: f64 = 0.01;

/// Diagnoses [`EdgeOfRange`](DiagnosisKind::EdgeOfRange) of thresholds `[labels]` that were chosen at their bounds: the labels are
/// answered to nearly all texts, or to none.
pub fn diagnose_thresholds(labels: &[String], thresholds: &[f64]) -> Option<Diagnosis> {
    let at_bound = |threshold: f64| threshold <= BOUND || threshold >= 1.0 - BOUND;
    let at: Vec<usize> = (0..thresholds.len()).filter(|&label| at_bound(thresholds[label])).collect();
    let first = *at.first()?;
    let named = at.iter().take(NAMED).map(|&label| {
        let name = labels.get(label).map_or("", String::as_str);
        format!("`{name}` from {:.3} on", thresholds[label])
    });
    let mut names: Vec<String> = named.collect();
    if at.len() > NAMED {
        names.push(format!("{} more", at.len() - NAMED));
    }
    Some(Diagnosis::new(
        DiagnosisKind::EdgeOfRange,
        Evidence::new("")
            .count("labels", at.len())
            .text(" labels have a threshold at its bound: they are hardly told from the others"),
        Evidence::new("answered are ").text(names.join(", ")).text("; the first threshold is ").spelled(
            "threshold",
            thresholds[first],
            format!("{:.4}", thresholds[first]),
        ),
        "more rows of these labels help most, or leave them out",
    ))
}

/// Diagnoses answers to one split: [`OneClass`](DiagnosisKind::OneClass) of a split whose rows all have the same labels,
/// [`MajorityBaseline`](DiagnosisKind::MajorityBaseline), [`NeverAnswered`](DiagnosisKind::NeverAnswered),
/// [`AlwaysTogether`](DiagnosisKind::AlwaysTogether).
pub fn diagnose_label_sets(judged: &LabelsJudged<'_>, method: &Method<'_>) -> Vec<Diagnosis> {
    let LabelsJudged { split, labels, scores, baseline, comparison, together } = judged;
    let name = |label: usize| labels.get(label).cloned().unwrap_or_default();
    let supports = || scores.per_label.iter().map(|label| label.support);
    if supports().all(|support| support == 0 || support == scores.rows) {
        let evidence =
            Evidence::new("each label is in every one of ").count("rows", scores.rows).text(" rows or in none");
        return vec![
            Diagnosis::new(
                DiagnosisKind::OneClass,
                format!("rows of {SPLIT} all have the same labels, and do not show whether texts are told apart"),
                evidence,
                "judge by a split whose rows differ",
            )
            .on(split),
        ];
    }
    let mut found = Vec::new();
    let metric = comparison.difference.metric;
    if comparison.verdict != BaselineVerdict::Above {
        let constant = baseline.constant(comparison.baseline);
        let always: Vec<String> = constant.labels.iter().map(|&label| name(label)).collect();
        let always = if always.is_empty() { "no label".to_owned() } else { list(&always) };
        let evidence = Evidence::new("macro F1 ")
            .score("macro f1", metric.of(scores))
            .text(format!(", always answering {always} "))
            .score("constant macro f1", metric.of(&constant.scores))
            .text("; LRAP ")
            .score("lrap", scores.lrap)
            .text(", ranking by the labels' shares ")
            .score("constant lrap", constant.scores.lrap);
        let finding = match comparison.verdict {
            BaselineVerdict::Below => format!("on {SPLIT} one constant set of labels scores better"),
            _ => format!("on {SPLIT} the scores cannot be told from those of one constant set of labels"),
        };
        found.push(Diagnosis::new(DiagnosisKind::MajorityBaseline, finding, evidence, method.any_remedy()));
    }
    let never: Vec<usize> = (0..scores.per_label.len())
        .filter(|&label| scores.per_label[label].answered == 0 && scores.per_label[label].support >= ENOUGH_ROWS)
        .collect();
    if !never.is_empty() {
        let rows: u64 = never.iter().map(|&label| scores.per_label[label].support).sum();
        let mut names: Vec<String> = never.iter().take(NAMED).map(|&label| format!("`{}`", name(label))).collect();
        if never.len() > NAMED {
            names.push(format!("{} more", never.len() - NAMED));
        }
        let evidence =
            Evidence::new(names.join(", ")).text(" have ").count("rows", rows).text(format!(" rows of {SPLIT}"));
        found.push(Diagnosis::new(
            DiagnosisKind::NeverAnswered,
            Evidence::new(format!("on {SPLIT} "))
                .count("labels", never.len())
                .text(" labels with rows are never answered"),
            evidence,
            "more rows of these labels help most",
        ));
    }
    let pairs = always_together(together, scores);
    if let Some(&(first, second, rows)) = pairs.first() {
        let evidence = Evidence::new(format!("`{}` and `{}` are on the same ", name(first), name(second)))
            .count("rows", rows)
            .text(" rows, and neither is on any other");
        found.push(Diagnosis::new(
            DiagnosisKind::AlwaysTogether,
            Evidence::new(format!("on {SPLIT} "))
                .count("pairs", pairs.len())
                .text(" pairs of labels always come together"),
            evidence,
            "look whether they are one label under two names",
        ));
    }
    found.into_iter().map(|finding| finding.on(split)).collect()
}

/// Pairs of labels that are on the same rows, with how many rows these are, the most first.
fn always_together(together: &[Vec<u64>], scores: &MultilabelScores) -> Vec<(usize, usize, u64)> {
    let mut pairs = Vec::new();
    for (first, row) in together.iter().enumerate() {
        for (second, &rows) in row.iter().enumerate().skip(first + 1) {
            let support = |label: usize| scores.per_label.get(label).map_or(0, |label| label.support);
            if rows >= ENOUGH_ROWS && rows == support(first) && rows == support(second) && rows < scores.rows {
                pairs.push((first, second, rows));
            }
        }
    }
    pairs.sort_by_key(|&(first, second, rows)| (std::cmp::Reverse(rows), first, second));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_at_a_bound_are_named() {
        let labels = ["joy", "grief", "relief"].map(str::to_owned);
        assert_eq!(diagnose_thresholds(&labels, &[0.2, 0.011, 0.98]), None);
        let found = diagnose_thresholds(&labels, &[0.2, 0.004, 0.995]).unwrap();
        assert_eq!(found.finding, "2 labels have a threshold at its bound: they are hardly told from the others");
        assert!(found.evidence.contains("`grief` from 0.004 on, `relief` from 0.995 on"), "{}", found.evidence);
    }
}
