//! The fit of a linear head, and how it was chosen.

use larder_metrics::Metric;

use crate::features::Tried;
use crate::{Diagnosis, DiagnosisKind};

/// A loss of this share of that of guessing, or more, sits at guessing: the features took less than a fiftieth off what the
/// classes' shares alone leave open.
pub const AT_GUESSING: f64 = 0.98;

/// Training rows are answered far better than held-out ones from this difference of scores on. A linear head on a few hundred
/// dimensions always knows its own rows somewhat better; at 0.1 to 0.25 stronger regularisation no longer helps.
pub const OVER_FITTED: f64 = 0.3;

/// How well a fit solves its problem.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// Steps that were taken.
    pub iterations: usize,
    /// The gradient's norm, relative to that at zero weights.
    pub relative_gradient: f64,
    /// The norm that was to be reached.
    pub expected: f64,
    /// Whether the features were streamed, in mini-batches.
    pub streamed: bool,
}

/// Gradient norm of a streamed fit, relative to that at zero weights, up to which nothing is said: mini-batches do not
/// reach what is expected of others, the objective is then within one or two hundredths of the smallest, and answers are
/// nearly the same (`larder-train`'s `docs/tagging.md`).
const STREAMED_TOLERANCE: f64 = 2e-2;

/// [`UnderTrained`](DiagnosisKind::UnderTrained) where the weights are not the best ones.
pub fn diagnose_fit(fit: &Fit) -> Option<Diagnosis> {
    let limit = if fit.streamed { fit.expected.max(STREAMED_TOLERANCE) } else { fit.expected };
    if fit.relative_gradient <= limit {
        return None;
    }
    let evidence = format!(
        "after {} steps the gradient is {:.1e} of what it was at zero weights, expected {:.0e}",
        fit.iterations, fit.relative_gradient, fit.expected
    );
    let remedy = match fit.streamed {
        false => "take stronger regularisation (a smaller `--c`), or leave `--raw-features` out",
        true => "give a streamed fit more `--epochs`, or more `--memory` so that it need not be streamed",
    };
    let finding = "the head's weights are not the best ones for its problem";
    Some(Diagnosis::new(DiagnosisKind::UnderTrained, finding, evidence, remedy))
}

/// What cross-validation on train chose.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The chosen columns' name.
    pub candidate: &'a str,
    /// The chosen strength.
    pub c: f64,
    /// All strengths that were tried.
    pub grid: &'a [f64],
    /// What was chosen by.
    pub metric: Metric,
    /// The chosen one's mean score over the folds.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Folds.
    pub folds: usize,
}

/// [`EdgeOfRange`](DiagnosisKind::EdgeOfRange) where the best strength may lie beyond those that were tried.
pub fn diagnose_edge(choice: &Choice<'_>) -> Option<Diagnosis> {
    let (least, greatest) = choice
        .grid
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), &c| (least.min(c), greatest.max(c)));
    if least >= greatest || (choice.c != least && choice.c != greatest) {
        return None;
    }
    let (edge, beyond) = if choice.c == least { ("smallest", "smaller") } else { ("largest", "larger") };
    Some(Diagnosis::new(
        DiagnosisKind::EdgeOfRange,
        format!("the chosen C is the {edge} that was tried"),
        format!("C = {}, {} {:.3} over {} folds", choice.c, choice.metric, choice.mean, choice.folds),
        format!("try {beyond} ones with `--c`"),
    ))
}

/// A loss of rows that the head had not seen, beside that of guessing.
#[derive(Debug, Clone, Copy)]
pub struct HeldOutLoss {
    /// Mean log-loss in nats, rows weighed as in the fit.
    pub loss: f64,
    /// Entropy of the classes' shares, weighed in the same way.
    pub guessing: f64,
}

/// [`PriorEntropy`](DiagnosisKind::PriorEntropy) where held-out rows of train are answered no better than by the classes'
/// shares; [`MajorityBaseline`](DiagnosisKind::MajorityBaseline) where only the score says so.
pub fn diagnose_nothing_found(
    choice: Option<&Choice<'_>>,
    held_out: Option<&HeldOutLoss>,
    tried: &Tried<'_>,
) -> Option<Diagnosis> {
    let score = choice.map(|choice| {
        format!(
            "the best candidate, {}, has {} {:.3} with a standard error of {:.3}",
            choice.candidate, choice.metric, choice.mean, choice.standard_error
        )
    });
    if let Some(HeldOutLoss { loss, guessing }) = held_out
        && *loss >= AT_GUESSING * guessing
        && choice.is_none_or(|choice| choice.metric == Metric::Accuracy || choice.mean <= 3.0 * choice.standard_error)
    {
        let mut evidence = format!(
            "their loss is {loss:.3}, and {guessing:.3} is what guessing by the labels' shares gives (its entropy)"
        );
        if let Some(score) = score {
            evidence = format!("{evidence}; {score}");
        }
        let finding = "held-out rows of train are answered no better than by the labels' shares";
        return Some(Diagnosis::new(DiagnosisKind::PriorEntropy, finding, evidence, tried.any_features()));
    }
    choice.filter(|choice| choice.metric != Metric::Accuracy && choice.mean <= choice.standard_error)?;
    let finding = "cross-validation on train finds nothing to choose by";
    Some(Diagnosis::new(DiagnosisKind::MajorityBaseline, finding, score.unwrap_or_default(), tried.any_features()))
}

/// Scores of a head on its own rows, and on rows of train that it had not seen.
#[derive(Debug, Clone, Copy)]
pub struct Gap<'a> {
    /// What the scores are: `mcc`.
    pub score: &'a str,
    /// On the rows that it was fitted on.
    pub own: f64,
    /// On rows that it had not seen.
    pub held_out: f64,
    /// What to turn, as this head has it.
    pub remedy: &'a str,
}

/// [`OverFitted`](DiagnosisKind::OverFitted) where a head knows its own rows far better than others.
pub fn diagnose_gap(gap: &Gap<'_>) -> Option<Diagnosis> {
    let Gap { score, own, held_out, remedy } = *gap;
    (own - held_out >= OVER_FITTED).then(|| {
        Diagnosis::new(
            DiagnosisKind::OverFitted,
            "the head knows its own rows far better than others",
            format!(
                "{score} {own:.3} on the rows that it was fitted on, {held_out:.3} on rows of train it had not seen"
            ),
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
    };

    fn tried() -> Tried<'static> {
        Tried { columns: &[], metric: Metric::Mcc, chosen: "the strength" }
    }

    #[test]
    fn an_unfinished_fit_is_named_and_a_finished_one_is_not() {
        let fit = Fit { iterations: 5000, relative_gradient: 1e-3, expected: 1e-7, streamed: false };
        let found = diagnose_fit(&fit).unwrap();
        assert!(found.evidence.contains("5000 steps") && found.evidence.contains("1.0e-3"), "{found}");
        assert!(diagnose_fit(&Fit { relative_gradient: 1e-8, ..fit }).is_none());
    }

    #[test]
    fn a_streamed_fit_is_told_only_when_it_is_far_off() {
        let fit = Fit { iterations: 70, relative_gradient: 0.01, expected: 1e-4, streamed: true };
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
    }

    #[test]
    fn a_loss_at_the_entropy_of_the_shares_is_named_once() {
        let kind = |choice: &Choice<'_>, loss: f64| {
            diagnose_nothing_found(Some(choice), Some(&HeldOutLoss { loss, guessing: 0.693 }), &tried())
                .map(|found| found.kind)
        };
        let nothing = Choice { mean: 0.01, ..CHOICE };
        assert_eq!(kind(&nothing, 0.70), Some(DiagnosisKind::PriorEntropy));
        assert_eq!(kind(&nothing, 0.5), Some(DiagnosisKind::MajorityBaseline));
        // Probabilities that are far too sure make a large loss of good answers.
        assert_eq!(kind(&CHOICE, 0.70), None);
        assert_eq!(kind(&CHOICE, 0.5), None);
    }

    #[test]
    fn a_head_that_learns_by_heart_is_told_of() {
        let gap = Gap { score: "mcc", own: 1.0, held_out: 0.5, remedy: "a smaller `--c`" };
        let found = diagnose_gap(&gap).unwrap();
        assert!(found.kind == DiagnosisKind::OverFitted && found.evidence.contains("0.500"), "{found}");
        assert!(diagnose_gap(&Gap { held_out: 0.8, ..gap }).is_none());
    }
}
