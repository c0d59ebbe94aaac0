//! Pairs of texts: read together, or each by itself.

use larder_metrics::Interval;

use crate::evidence::{Evidence, SPLIT};
use crate::{Diagnosis, DiagnosisKind};

/// The score of a run on a split of pairs.
#[derive(Debug, Clone, Copy)]
pub struct PairsJudged<'a> {
    /// The split's name.
    pub split: &'a str,
    /// The score's name: `macro F1`.
    pub score_name: &'a str,
    /// True if the encoder was fine-tuned on such pairs.
    pub is_tuned: bool,
    /// True if each text of a pair was read by itself.
    pub alone: bool,
    /// The score, with its 95 % interval.
    pub score: (f64, Interval),
    /// The best run of the same encoder, fine-tuned or not as this one, that read the pairs in the other way, and its score on the
    /// same rows; `None` if there is none.
    pub other: Option<(&'a str, f64)>,
}

/// Finds [`Pairing`](DiagnosisKind::Pairing): the other way to read pairs gives a score above this one's interval, or pairs were
/// read together by an encoder that was not trained for it, and nothing shows what reading them by themselves gives.
pub fn diagnose_pairs(judged: &PairsJudged<'_>) -> Option<Diagnosis> {
    let PairsJudged { split, score_name, is_tuned, alone, score: (score, interval), other } = *judged;
    let words = ["together", "each by itself"];
    let [here, there] = if alone { [words[1], words[0]] } else { words };
    let evidence = Evidence::new(format!("{score_name} {here}: "))
        .score("score", score)
        .text(" (95 % interval ")
        .score("low", interval.low)
        .text(" to ")
        .score("high", interval.high)
        .text(")");
    let flag = if alone {
        "`--pair-features` is not what this set wants: leave it out"
    } else {
        "`--pair-features` is what this set wants"
    };
    let found = match other {
        Some((run, other)) if other > interval.high => Diagnosis::new(
            DiagnosisKind::Pairing,
            format!("the pairs of {SPLIT} are better answered if their texts are read {there}"),
            evidence.text(format!("; {there}, by run {run}: ")).score("score of the other", other),
            flag,
        ),
        None if !alone && !is_tuned => Diagnosis::new(
            DiagnosisKind::Pairing,
            format!("the pairs of {SPLIT} were read together only, by an encoder that was not trained to compare them"),
            evidence,
            "`--pair-features` reads each text by itself, which likeness of meaning mostly wants; a second run with it shows \
             which is better here",
        ),
        _ => return None,
    };
    Some(found.on(split))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(alone: bool, other: Option<(&'static str, f64)>) -> Option<Diagnosis> {
        diagnose_pairs(&of_run(false, alone, other))
    }

    fn of_run(is_tuned: bool, alone: bool, other: Option<(&'static str, f64)>) -> PairsJudged<'static> {
        let interval = Interval { low: 0.45, high: 0.55, level: 0.95 };
        PairsJudged { split: "dev", score_name: "Pearson", is_tuned, alone, score: (0.5, interval), other }
    }

    #[test]
    fn the_better_pairing_is_named_where_it_is_known() {
        let together = judged(false, Some(("apart", 0.88))).unwrap();
        assert_eq!(together.finding, "the pairs of dev are better answered if their texts are read each by itself");
        assert_eq!(
            together.evidence,
            "Pearson together: 0.500 (95 % interval 0.450 to 0.550); each by itself, by run apart: 0.880"
        );
        assert_eq!(together.remedy, "`--pair-features` is what this set wants");
        let alone = judged(true, Some(("joined", 0.88))).unwrap();
        assert_eq!(alone.finding, "the pairs of dev are better answered if their texts are read together");
        assert_eq!(alone.remedy, "`--pair-features` is not what this set wants: leave it out");
    }

    #[test]
    fn what_cannot_be_told_apart_or_is_worse_is_no_finding() {
        for other in [0.2, 0.5, 0.55] {
            assert_eq!((judged(false, Some(("other", other))), judged(true, Some(("other", other)))), (None, None));
        }
    }

    #[test]
    fn an_untried_pairing_is_a_finding_where_texts_were_read_together() {
        assert!(judged(false, None).unwrap().finding.contains("read together only"));
        assert_eq!(judged(true, None), None);
        assert_eq!(diagnose_pairs(&of_run(true, false, None)), None, "it was trained to compare them");
    }
}
