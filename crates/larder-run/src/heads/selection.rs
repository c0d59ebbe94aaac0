//! Parts that the records of heads share: selection and convergence.

use larder_diagnose::{Diagnosis, Fit, Weighing, diagnose_fit};
use larder_train::{ClassWeight, Convergence, Solver, TuningGain};

use super::Head;
use crate::page::{Fact, Line, Plot};

/// Rows shown of a selection's table.
pub(super) const SHOWN_CANDIDATES: usize = 12;
/// Candidates whose scores are drawn by strength: the best ones.
const DRAWN_CANDIDATES: usize = 5;
/// The name of train rows that a head has not seen.
pub(super) const HELD_OUT: &str = "held-out rows of train";

/// Strengths as in a provenance.
pub(super) fn strengths(grid: &[f64]) -> String {
    grid.iter().map(|c| format!("{c:e}")).collect::<Vec<_>>().join(",")
}

/// Returns the decision threshold as a fact of the report.
pub(super) fn threshold(head: Option<&Head>) -> Option<Fact> {
    head.and_then(Head::threshold).map(|threshold| Fact::new("threshold", format!("{threshold:.3}")))
}

/// Returns the range of the labels' thresholds as a fact of the report.
pub(super) fn thresholds(head: Option<&Head>) -> Option<Fact> {
    let thresholds = head.and_then(Head::as_label_sets)?.thresholds();
    let least = thresholds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = thresholds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (!thresholds.is_empty()).then(|| Fact::new("thresholds", format!("{least:.3} to {most:.3}")))
}

/// Returns the weighting of rare classes by a class weight.
pub(super) fn weighing(weight: ClassWeight) -> Weighing {
    if weight == ClassWeight::Balanced { Weighing::Balanced } else { Weighing::Alike }
}

/// Returns the finding about a fit that did not converge.
pub(super) fn fit_finding(convergence: &Convergence, expected: f64, standardised: bool) -> Option<Diagnosis> {
    let fit = Fit {
        iterations: convergence.iterations,
        relative_gradient: convergence.relative_gradient_norm,
        expected,
        streamed: convergence.solvers.contains(&Solver::Adam),
        standardised,
    };
    if convergence.converged { None } else { diagnose_fit(&fit) }
}

/// Returns advice for a linear head that overfits.
pub(super) fn stronger(grid: &[f64]) -> &'static str {
    match grid.len() {
        1 => "take stronger regularisation (a smaller `--c`), or several strengths to choose among",
        _ => "the strength is the best on held-out rows already: more rows help, or fewer columns (`--layers`)",
    }
}

/// Returns a selection's rule, one part per line; empty for runs of earlier versions.
pub(super) fn rule(rule: &str) -> String {
    rule.split("; ").filter(|part| !part.is_empty()).map(|part| format!("\n{part}")).collect()
}

/// Returns the gain of tuning with its standard error.
pub(super) fn gain(gain: Option<TuningGain>) -> String {
    gain.map_or_else(String::new, |gain| format!("{:.3} ± {:.3}", gain.gain, gain.standard_error))
}

/// Returns the outcome of tuning a threshold or bias; `plain` is its value without tuning.
pub(super) fn tuning(what: &str, gain: Option<TuningGain>, plain: f64) -> String {
    match gain {
        None => String::new(),
        Some(gain) if gain.is_taken() => {
            format!(", {what} tuned (gains {:.3} ± {:.3})", gain.gain, gain.standard_error)
        }
        Some(gain) => format!(", {what} {plain} (tuning gains {:.3} ± {:.3})", gain.gain, gain.standard_error),
    }
}

/// Returns a sentence about the fit, and one if nothing was chosen.
pub(super) fn sentences(fit: String, unchosen: Option<&str>) -> Vec<String> {
    std::iter::once(fit).chain(unchosen.map(|why| format!("Nothing was chosen: {why}."))).collect()
}

/// Returns the convergence of the final fit.
pub(super) fn convergence(fit: &Convergence) -> String {
    format!(
        "The final fit {} (gradient {:.0e} of that at zero weights)",
        if fit.converged { "converged" } else { "did not come to rest" },
        fit.relative_gradient_norm
    )
}

/// Returns the best score of each candidate at each strength, for the best candidates. Empty if one strength was tried.
pub(super) fn by_strength<'a>(entries: impl Iterator<Item = (&'a str, f64, f64)>, title: &str) -> Vec<Plot> {
    let mut lines: Vec<Line> = Vec::new();
    for (candidate, c, score) in entries {
        let line = match lines.iter_mut().position(|line| line.name == candidate) {
            Some(at) => lines.get_mut(at),
            None => {
                lines.push(Line { name: candidate.to_owned(), points: Vec::new(), marked: true });
                lines.last_mut()
            }
        };
        let Some(line) = line else { continue };
        match line.points.iter_mut().find(|point| point.0 == c) {
            Some(point) => point.1 = point.1.max(score),
            None => line.points.push((c, score)),
        }
    }
    let best = |line: &Line| line.points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    lines.sort_by(|a, b| best(b).total_cmp(&best(a)));
    lines.truncate(DRAWN_CANDIDATES);
    lines.iter_mut().for_each(|line| line.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    if lines.iter().all(|line| line.points.len() < 2) {
        return Vec::new();
    }
    vec![Plot {
        title: title.to_owned(),
        x: "C (small is strong regularisation)".to_owned(),
        lines,
        levels: Vec::new(),
        logarithmic_x: true,
    }]
}
