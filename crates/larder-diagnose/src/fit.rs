//! The fit of a linear head, and how it was chosen.

use larder_metrics::Metric;

use crate::evidence::Evidence;
use crate::features::Tried;
use crate::losses::{AT_MOST, Guessing};
use crate::{Diagnosis, DiagnosisKind};

/// A loss of this share of that of guessing, or more, sits at guessing: the features took less than a fiftieth off what the
/// classes' shares alone leave open.
pub const AT_GUESSING: f64 = 0.98;

/// Standard errors of an MCC of 0, up to which an MCC cannot be told from it.
const NO_SIGNAL_ERRORS: f64 = 2.0;

/// Returns true if an MCC of so many rows cannot be told from 0: the correlation of answers that ignore the labels
/// scatters by `1/√rows`.
pub(crate) fn is_no_signal(mcc: f64, rows: usize) -> bool {
    mcc <= NO_SIGNAL_ERRORS / (rows.max(1) as f64).sqrt()
}

/// Training rows are answered far better than held-out ones from this difference of scores on. A linear head on a few hundred
/// dimensions always knows its own rows somewhat better; at 0.1 to 0.25 stronger regularisation no longer helps.
pub const OVER_FITTED: f64 = 0.3;

/// The quality of a fit as the solution of its problem.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// Steps that were taken.
    pub iterations: usize,
    /// The gradient's norm, relative to that at zero weights.
    pub relative_gradient: f64,
    /// The norm that was to be reached.
    pub expected: f64,
    /// True if the features were streamed, in mini-batches.
    pub streamed: bool,
    /// True if the features were brought to one scale first.
    pub standardised: bool,
}

/// Gradient norm of a streamed fit, relative to that at zero weights, up to which nothing is said: mini-batches do not
/// reach what is expected of others, the objective is then within one or two hundredths of the smallest, and answers are
/// nearly the same (`larder-train`'s `docs/tagging.md`).
const STREAMED_TOLERANCE: f64 = 2e-2;

/// Diagnoses [`UnderTrained`](DiagnosisKind::UnderTrained) if the weights are not the best ones.
pub fn diagnose_fit(fit: &Fit) -> Option<Diagnosis> {
    let limit = if fit.streamed { fit.expected.max(STREAMED_TOLERANCE) } else { fit.expected };
    if fit.relative_gradient <= limit {
        return None;
    }
    let evidence = Evidence::new("after ").count("steps", fit.iterations).text(" steps the gradient is ");
    let gradient = fit.relative_gradient;
    let evidence = evidence
        .spelled("gradient", gradient, format!("{gradient:.1e}"))
        .text(" of what it was at zero weights, expected ");
    let evidence = evidence.spelled("expected", fit.expected, format!("{:.0e}", fit.expected));
    let remedy = match (fit.streamed, fit.standardised) {
        (false, true) => "take stronger regularisation (a smaller `--c`)",
        (false, false) => "take stronger regularisation (a smaller `--c`), or leave `--raw-features` out",
        (true, _) => "give a streamed fit more `--epochs`, or more `--memory` so that it need not be streamed",
    };
    let finding = "the head's weights are not the best ones for its problem";
    Some(Diagnosis::new(DiagnosisKind::UnderTrained, finding, evidence, remedy))
}

/// The choice of cross-validation on train.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The chosen columns' name.
    pub candidate: &'a str,
    /// The chosen strength.
    pub c: f64,
    /// All strengths that were tried.
    pub grid: &'a [f64],
    /// The metric of the choice.
    pub metric: Metric,
    /// The chosen one's mean score over the folds.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Folds.
    pub folds: usize,
    /// The mean of the same candidate at the strength next to the chosen one, away from the edge where that is at one.
    pub next: Option<f64>,
}

/// Diagnoses [`EdgeOfRange`](DiagnosisKind::EdgeOfRange) if the best strength may lie beyond those that were tried: the
/// score rises towards the edge by more than its standard error.
pub fn diagnose_edge(choice: &Choice<'_>) -> Option<Diagnosis> {
    let (least, greatest) = choice
        .grid
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), &c| (least.min(c), greatest.max(c)));
    if least >= greatest || (choice.c != least && choice.c != greatest) {
        return None;
    }
    let next = choice.next.filter(|next| choice.mean - next > choice.standard_error)?;
    let (edge, beyond) = if choice.c == least { ("smallest", "smaller") } else { ("largest", "larger") };
    let evidence = Evidence::new("C = ").spelled("c", choice.c, choice.c.to_string());
    let evidence = evidence.text(format!(", {} ", choice.metric)).score("mean", choice.mean).text(" over ");
    let evidence = evidence.count("folds", choice.folds).text(" folds, ").score("next mean", next);
    let evidence =
        evidence.text(" at the one next to it (standard error ").score("standard error", choice.standard_error);
    Some(Diagnosis::new(
        DiagnosisKind::EdgeOfRange,
        format!("the chosen C is the {edge} that was tried, and the score still rises towards it"),
        evidence.text(")"),
        format!("try {beyond} ones with `--c`"),
    ))
}

/// Answers to rows of train by heads that had not seen them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutLoss {
    /// Mean log-loss in nats, rows weighed as in the fit.
    pub loss: f64,
    /// The loss of the best constant answer, rows weighed in the same way.
    pub guessing: Guessing,
    /// MCC of the answers.
    pub mcc: f64,
    /// Rows.
    pub rows: usize,
}

/// Diagnoses [`PriorEntropy`](DiagnosisKind::PriorEntropy) if held-out rows of train are answered no better than by the
/// classes' shares; [`MajorityBaseline`](DiagnosisKind::MajorityBaseline) if only the score says so, or the loss is
/// above that.
pub fn diagnose_nothing_found(
    choice: Option<&Choice<'_>>,
    held_out: Option<&HeldOutLoss>,
    tried: &Tried<'_>,
) -> Option<Diagnosis> {
    let held_out = held_out.filter(|held_out| is_no_signal(held_out.mcc, held_out.rows))?;
    let evidence = Evidence::new("their loss is ").score("held-out loss", held_out.loss).text(", ");
    let evidence = evidence.and(held_out.guessing.told()).text("; MCC of the answers ").score("mcc", held_out.mcc);
    let evidence = evidence.text(" on ").count("rows", held_out.rows).text(" rows");
    let evidence = match choice {
        None => evidence,
        Some(choice) => evidence
            .text(format!("; the best candidate, `{}`, has {} ", choice.candidate, choice.metric))
            .score("mean", choice.mean)
            .text(" with a standard error of ")
            .score("standard error", choice.standard_error),
    };
    let share = held_out.loss / held_out.guessing.loss.max(f64::MIN_POSITIVE);
    let (kind, finding) = if (AT_GUESSING..=AT_MOST).contains(&share) {
        (DiagnosisKind::PriorEntropy, "held-out rows of train are answered no better than by the labels' shares")
    } else {
        (DiagnosisKind::MajorityBaseline, "answers to held-out rows of train cannot be told from a constant answer")
    };
    Some(Diagnosis::new(kind, finding, evidence, tried.any_features()))
}

/// Scores of a head on its own rows, and on rows of train that it had not seen.
#[derive(Debug, Clone, Copy)]
pub struct Gap<'a> {
    /// The name of the score: `mcc`.
    pub score: &'a str,
    /// The score on the rows that it was fitted on.
    pub own: f64,
    /// The score on rows that it had not seen.
    pub held_out: f64,
    /// The setting to change, as this head has it.
    pub remedy: &'a str,
}

/// Diagnoses [`OverFitted`](DiagnosisKind::OverFitted) if a head knows its own rows far better than others.
pub fn diagnose_gap(gap: &Gap<'_>) -> Option<Diagnosis> {
    let Gap { score, own, held_out, remedy } = *gap;
    (own - held_out >= OVER_FITTED).then(|| {
        Diagnosis::new(
            DiagnosisKind::OverFitted,
            "the head knows its own rows far better than others",
            Evidence::new(format!("{score} "))
                .score("own", own)
                .text(" on the rows that it was fitted on, ")
                .score("held-out", held_out)
                .text(" on rows of train it had not seen"),
            remedy,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICE: Choice<'static> = Choice {
        candidate: "mean",
        c: 0.1,
        grid: &[0.01, 0.1, 1.0],
        metric: Metric::Mcc,
        mean: 0.5,
        standard_error: 0.02,
        folds: 5,
        next: Some(0.4),
    };

    fn tried() -> Tried<'static> {
        Tried { columns: &[], metric: "mcc", chosen: &["the strength"] }
    }

    #[test]
    fn an_unfinished_fit_is_named_and_a_finished_one_is_not() {
        let fit =
            Fit { iterations: 5000, relative_gradient: 1e-3, expected: 1e-7, streamed: false, standardised: true };
        let found = diagnose_fit(&fit).unwrap();
        assert!(found.evidence.contains("5000 steps") && found.evidence.contains("1.0e-3"), "{found}");
        assert!(diagnose_fit(&Fit { relative_gradient: 1e-8, ..fit }).is_none());
    }

    #[test]
    fn a_streamed_fit_is_told_only_when_it_is_far_off() {
        let fit = Fit { iterations: 70, relative_gradient: 0.01, expected: 1e-4, streamed: true, standardised: true };
        assert!(diagnose_fit(&fit).is_none());
        assert!(diagnose_fit(&Fit { relative_gradient: 0.1, ..fit }).unwrap().remedy.contains("--epochs"));
        assert!(diagnose_fit(&Fit { streamed: false, ..fit }).unwrap().remedy.contains("--c"));
    }

    #[test]
    fn the_edge_of_the_grid_is_told_unless_it_is_one_value() {
        assert!(diagnose_edge(&CHOICE).is_none());
        assert!(diagnose_edge(&Choice { c: 1.0, ..CHOICE }).unwrap().remedy.contains("larger"));
        assert!(diagnose_edge(&Choice { c: 0.01, ..CHOICE }).unwrap().remedy.contains("smaller"));
        assert!(diagnose_edge(&Choice { c: 1.0, grid: &[1.0], ..CHOICE }).is_none());
        // A plateau goes on beyond the edge: nothing is to be gained there.
        assert!(diagnose_edge(&Choice { c: 1.0, next: Some(0.49), ..CHOICE }).is_none());
    }

    #[test]
    fn a_loss_at_the_entropy_of_the_shares_is_named_once() {
        let found = |mcc: f64, loss: f64| {
            let held_out = HeldOutLoss { loss, guessing: Guessing::plain(0.693), mcc, rows: 400 };
            diagnose_nothing_found(Some(&CHOICE), Some(&held_out), &tried())
        };
        let kind = |mcc, loss| found(mcc, loss).map(|found| found.kind);
        assert_eq!(kind(0.05, 0.70), Some(DiagnosisKind::PriorEntropy));
        // Twice that of guessing is not at it.
        assert_eq!(kind(0.05, 1.4), Some(DiagnosisKind::MajorityBaseline));
        assert_eq!(kind(0.05, 0.5), Some(DiagnosisKind::MajorityBaseline));
        // Probabilities that are far too sure make a large loss of good answers.
        assert_eq!(kind(0.5, 0.70), None);
        assert_eq!(kind(0.5, 0.5), None);
        // What 0.693 is depends on the loss.
        let weighted = Guessing { loss: 0.693, weighted: true, smoothed: false };
        let held_out = HeldOutLoss { loss: 0.7, guessing: weighted, mcc: 0.0, rows: 340 };
        let said = diagnose_nothing_found(None, Some(&held_out), &tried()).unwrap();
        assert!(
            said.evidence.contains("best constant answer, with the loss's class weights")
                && !said.evidence.contains("entropy")
        );
        assert!(
            found(0.05, 0.7).unwrap().evidence.contains("0.693 for guessing by the labels' shares (their entropy)")
        );
    }

    #[test]
    fn a_head_that_learns_by_heart_is_told_of() {
        let gap = Gap { score: "mcc", own: 1.0, held_out: 0.5, remedy: "a smaller `--c`" };
        let found = diagnose_gap(&gap).unwrap();
        assert!(found.kind == DiagnosisKind::OverFitted && found.evidence.contains("0.500"), "{found}");
        assert!(diagnose_gap(&Gap { held_out: 0.8, ..gap }).is_none());
    }
}
