//! What a result says and does not say, in plain sentences, and what would help.
//!
//! Only what the numbers of this run support is said, with the numbers; a healthy result gets no advice.

use larder_metrics::{BaselineComparison, BaselineVerdict, ClassificationScores, MajorityBaseline};
use serde::{Deserialize, Serialize};

use crate::logistic::{CONVERGENCE_TOLERANCE, Convergence};
use crate::selection::Selection;
use crate::settings::TrainSettings;

/// One finding about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// What is the matter, in one clause: `on dev the scores are at the majority baseline`.
    pub finding: String,
    /// The numbers that show it.
    pub evidence: String,
    /// What to try, with the flag that does it.
    pub remedy: String,
}

impl std::fmt::Display for Advice {
    /// `Finding: evidence. Remedy.`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}. {}.", sentence(&self.finding), self.evidence, sentence(&self.remedy))
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Scores of a head on one split, beside the constant answer.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The split's name: `dev`.
    pub split: &'a str,
    /// The classes' names.
    pub classes: &'a [String],
    /// The head's scores.
    pub scores: &'a ClassificationScores,
    /// The scores of always answering train's most frequent class.
    pub baseline: &'a MajorityBaseline,
    /// The two compared.
    pub comparison: &'a BaselineComparison,
}

/// What was tried: the columns that were offered, and the settings.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// The settings of the training run.
    pub settings: &'a TrainSettings,
    /// The selection table, if there was one.
    pub selection: Option<&'a Selection>,
}

impl Tried<'_> {
    /// Whether a layer other than the last was among the columns.
    fn hidden_layers(&self) -> bool {
        self.columns.iter().any(|column| {
            column.rsplit_once("_l").is_some_and(|(pooling, layer)| !pooling.is_empty() && layer.parse::<i64>().is_ok())
        })
    }

    /// What to try next for features that tell the classes apart better.
    fn better_features(&self) -> String {
        if self.hidden_layers() {
            "several layers were tried: another encoder may know more (`--encoder`)".to_owned()
        } else {
            format!(
                "only {} was tried, from the last layer, and what a task needs may be clearer in earlier ones: try \
                 `--layers all`, which reads them in the same pass over the encoder",
                list(self.columns)
            )
        }
    }

    /// What to try next when the features tell nothing about the classes.
    fn any_features(&self) -> String {
        if self.hidden_layers() {
            format!("{}, or the labels may not belong to the texts", self.better_features())
        } else {
            self.better_features()
        }
    }
}

/// Advice on the scores of one split.
pub fn advise_on_scores(judged: &Judged<'_>, tried: &Tried<'_>) -> Vec<Advice> {
    let Judged { split, classes, scores, baseline, comparison } = judged;
    let majority = classes.get(baseline.class).map_or("?", String::as_str);
    let evidence = format!(
        "accuracy {:.3}, always answering `{majority}` scores {:.3}; MCC {:.3} ({:.0} % interval {:.2} to {:.2}), \
         where 0 is what any constant answer gets",
        scores.accuracy,
        baseline.scores.accuracy,
        scores.mcc,
        comparison.mcc.level * 100.0,
        comparison.mcc.low,
        comparison.mcc.high,
    );
    if comparison.verdict == BaselineVerdict::Above {
        return Vec::new();
    }
    if let Some(only) = only_answer(scores) {
        let class = classes.get(only).map_or("?", String::as_str);
        return vec![Advice {
            finding: format!("on {split} the head answers `{class}` to every row"),
            evidence,
            remedy: tried.any_features(),
        }];
    }
    if !comparison.mcc_above_zero {
        return vec![Advice {
            finding: format!("on {split} these scores cannot be told from the majority baseline"),
            evidence,
            remedy: tried.any_features(),
        }];
    }
    // The classes are told apart a little, and accuracy is no better than the constant answer's.
    let place = match comparison.verdict {
        BaselineVerdict::Below => "below",
        _ => "at",
    };
    let mut remedy = tried.better_features();
    if tried.settings.metric != larder_metrics::Metric::Accuracy {
        remedy.push_str(&format!(
            "; the strength and threshold were chosen for {}, which gives up accuracy for the rarer classes \
             (`--metric accuracy` chooses for accuracy)",
            tried.settings.metric
        ));
    }
    vec![Advice {
        finding: format!(
            "on {split} accuracy is {place} the majority baseline, though the head tells the classes apart a little"
        ),
        evidence,
        remedy,
    }]
}

/// The class that every row was answered with, if there is one: it finds all its rows, and its precision is its share.
fn only_answer(scores: &ClassificationScores) -> Option<usize> {
    scores.per_class.iter().position(|class| {
        let share = class.support as f64 / scores.rows as f64;
        class.recall == 1.0 && (class.precision - share).abs() < 1e-12
    })
}

/// Advice on the training itself: the fit, and the edges of what was tried.
pub fn advise_on_training(convergence: &Convergence, tried: &Tried<'_>) -> Vec<Advice> {
    let mut found = Vec::new();
    if !convergence.converged {
        found.push(Advice {
            finding: "the head's weights are not the best ones for its problem".to_owned(),
            evidence: format!(
                "after {} steps the gradient is {:.1e} of what it was at zero weights, expected \
                 {CONVERGENCE_TOLERANCE:.0e}",
                convergence.iterations, convergence.relative_gradient_norm
            ),
            remedy: "take stronger regularisation (a smaller `--c`), or leave `--raw-features` out".to_owned(),
        });
    }
    let Some(selection) = tried.selection else { return found };
    let best = selection.best();
    let (least, greatest) = tried
        .settings
        .grid
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), &c| (least.min(c), greatest.max(c)));
    if least < greatest && (best.c == least || best.c == greatest) {
        let (edge, beyond) = if best.c == least { ("smallest", "smaller") } else { ("largest", "larger") };
        found.push(Advice {
            finding: format!("the chosen C is the {edge} that was tried"),
            evidence: format!("C = {}, {} {:.3} over {} folds", best.c, selection.metric, best.mean, selection.folds),
            remedy: format!("try {beyond} ones with `--c`"),
        });
    }
    if best.mean <= best.standard_error() {
        found.push(Advice {
            finding: "cross-validation on train finds nothing to choose by".to_owned(),
            evidence: format!(
                "the best candidate, {}, has {} {:.3} with a standard error of {:.3}",
                best.candidate,
                selection.metric,
                best.mean,
                best.standard_error()
            ),
            remedy: tried.any_features(),
        });
    }
    found
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
