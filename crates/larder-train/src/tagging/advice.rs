//! What a tagger's result says and does not say, in plain sentences, and what would help.
//!
//! Only what the numbers of this run support is said, with the numbers; a healthy result gets no advice.

use larder_metrics::TaggingScores;

use super::kind::TaggerKind;
use super::selection::TaggingSelection;
use super::settings::TaggingSettings;
use crate::advice::Advice;
use crate::logistic::{Convergence, Solver};
use crate::settings::ThresholdChoice;

/// A head that answers fewer entities than this share of gold's finds almost none.
const FEW_ANSWERS: f64 = 0.1;

/// Strict F1 from which on nobody needs to be told of further layers.
const GOOD_F1: f64 = 0.9;

/// Share of the answers that overlap a gold entity of their type and miss its edges, from which on a head that looks at one
/// word at a time is worth exchanging for one that looks at sequences.
const MANY_BOUNDARIES: f64 = 0.15;

/// How far the held-out part of train is above the interval of a split that is like train.
const UNLIKE_TRAIN: f64 = 0.05;

/// Gradient norm of a streamed fit, relative to that at zero weights, up to which nothing is said: mini-batches do not
/// reach [`TAGGER_TOLERANCE`](crate::TAGGER_TOLERANCE), the objective is then within one or two hundredths of the
/// smallest, and answers are nearly the same (`docs/tagging.md`).
const STREAMED_TOLERANCE: f64 = 2e-2;

/// Entities below which a split says nothing about a tagger.
const ENOUGH_ENTITIES: u64 = 20;

/// Scores of a tagger on one split.
#[derive(Debug, Clone, Copy)]
pub struct JudgedTagger<'a> {
    /// The split's name: `dev`.
    pub split: &'a str,
    /// The head's scores.
    pub scores: &'a TaggingScores,
}

/// What was tried: the columns that were offered, and the settings.
#[derive(Debug, Clone, Copy)]
pub struct TriedTagger<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// The settings of the training run.
    pub settings: &'a TaggingSettings,
    /// The selection table, if there was one.
    pub selection: Option<&'a TaggingSelection>,
}

impl TriedTagger<'_> {
    /// Whether the last layer alone was read.
    fn only_last_layer(&self) -> bool {
        matches!(self.columns, [only] if !only.contains("_l"))
    }

    fn better_features(&self) -> &'static str {
        if self.only_last_layer() {
            "try `--layers -1,-2,-3,-4`, which reads the last four layers in the same pass over the encoder"
        } else {
            "several layers were read: another encoder may know more (`--encoder`)"
        }
    }
}

/// Advice on the scores of one split.
pub fn advise_on_tagging(judged: &JudgedTagger<'_>, tried: &TriedTagger<'_>) -> Vec<Advice> {
    let JudgedTagger { split, scores } = *judged;
    let strict = &scores.strict.micro;
    if strict.support < ENOUGH_ENTITIES {
        return Vec::new();
    }
    let answered: u64 = scores.strict.per_type.iter().map(|entry| entry.predicted).sum();
    if (answered as f64) < FEW_ANSWERS * strict.support as f64 {
        let bias = match tried.settings.bias {
            ThresholdChoice::Half => "`--threshold tuned` lowers the score of `O` as held-out sentences suggest; ",
            ThresholdChoice::Tuned => "",
        };
        return vec![Advice {
            finding: format!("on {split} the head answers almost no entity"),
            evidence: format!(
                "{answered} answered where gold has {}; the token accuracy of {:.3} is no more than that of always \
                 answering `O`, {:.3}",
                strict.support, scores.token_accuracy, scores.all_outside_accuracy
            ),
            remedy: format!("{bias}{}", tried.better_features()),
        }];
    }
    let mut found = Vec::new();
    if let Some(selection) = tried.selection {
        let held_out = selection.best().scores.f1;
        if held_out > scores.strict_f1_interval.high + UNLIKE_TRAIN {
            found.push(Advice {
                finding: format!("{split} is unlike train"),
                evidence: format!(
                    "strict F1 is {:.3} (up to {:.3}) on {split} and {held_out:.3} on sentences of train that the head \
                     had not seen",
                    strict.f1, scores.strict_f1_interval.high
                ),
                remedy: format!(
                    "training sentences like those of {split} help most; stronger regularisation (a smaller `--c`) \
                     learns less of train by heart"
                ),
            });
        }
    }
    if tried.only_last_layer() && strict.f1 < GOOD_F1 {
        found.push(Advice {
            finding: format!("on {split} entities are missed, and only the last layer was read"),
            evidence: format!("strict F1 {:.3}", strict.f1),
            remedy: format!(
                "{}; what words are is often clearer below the last layer (Devlin et al. 2019, table 7)",
                tried.better_features()
            ),
        });
    }
    let boundaries: u64 = scores.errors.boundary.iter().map(|entry| entry.count).sum();
    if tried.settings.kind == TaggerKind::Logistic && boundaries as f64 > MANY_BOUNDARIES * answered as f64 {
        found.push(Advice {
            finding: format!("on {split} many entities are found with the wrong edges"),
            evidence: format!("{boundaries} of {answered} answers have the right type and not exactly the right words"),
            remedy: "try `--head crf`, which learns which tag follows which".to_owned(),
        });
    }
    found
}

/// Advice on the training of a tagger itself.
pub fn advise_on_tagger_training(convergence: &Convergence, _tried: &TriedTagger<'_>) -> Vec<Advice> {
    let mut found = Vec::new();
    let streamed = convergence.solvers.contains(&Solver::Adam);
    let near = streamed && convergence.relative_gradient_norm <= STREAMED_TOLERANCE;
    if !convergence.converged && !near {
        found.push(Advice {
            finding: "the head's weights are not the best ones for its problem".to_owned(),
            evidence: format!(
                "after {} steps the gradient is {:.1e} of what it was at zero weights",
                convergence.iterations, convergence.relative_gradient_norm
            ),
            remedy: match streamed {
                false => "take stronger regularisation (a smaller `--c`)".to_owned(),
                true => {
                    "give a streamed fit more `--epochs`, or more `--memory` so that it need not be streamed".to_owned()
                }
            },
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use larder_metrics::{Bootstrap, score_tagging};
    use larder_tags::Scheme;

    use super::*;

    fn scores(gold: &str, predicted: &str) -> TaggingScores {
        let sentences = |text: &str| -> Vec<Vec<String>> {
            std::iter::repeat_n(text.split(' ').map(str::to_owned).collect(), 30).collect()
        };
        let bootstrap = Bootstrap { resamples: 50, ..Bootstrap::default() };
        score_tagging(&sentences(gold), &sentences(predicted), Scheme::Iob2, &bootstrap, &[]).unwrap()
    }

    fn advise(scores: &TaggingScores, columns: &[&str], settings: &TaggingSettings) -> Vec<String> {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let tried = TriedTagger { columns: &columns, settings, selection: None };
        let advice = advise_on_tagging(&JudgedTagger { split: "dev", scores }, &tried);
        advice.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn silence_is_told_with_the_baseline_beside_it() {
        let silent = scores("B-x I-x O O", "O O O O");
        let said = advise(&silent, &["embedding"], &TaggingSettings::default());
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("almost no entity") && said[0].contains("0.500") && said[0].contains("--layers"));
        let half = TaggingSettings { bias: ThresholdChoice::Half, ..TaggingSettings::default() };
        assert!(advise(&silent, &["embedding"], &half)[0].contains("--threshold tuned"));
    }

    #[test]
    fn wrong_edges_ask_for_a_chain_unless_there_is_one() {
        let edges = scores("B-x I-x O B-x", "B-x O O B-x");
        let columns = ["embedding", "embedding_l5"];
        let said = advise(&edges, &columns, &TaggingSettings::default());
        assert!(said.len() == 1 && said[0].contains("--head crf"), "{said:?}");
        let crf = TaggingSettings { kind: TaggerKind::Crf, ..TaggingSettings::default() };
        assert!(advise(&edges, &columns, &crf).is_empty());
    }

    #[test]
    fn a_streamed_fit_is_told_only_when_it_is_far_off() {
        let settings = TaggingSettings::default();
        let tried = TriedTagger { columns: &[], settings: &settings, selection: None };
        let said = |solver, relative_gradient_norm| {
            let convergence = Convergence {
                solvers: vec![solver],
                iterations: 70,
                objective: 10.0,
                gradient_norm: 1.0,
                relative_gradient_norm,
                converged: false,
            };
            advise_on_tagger_training(&convergence, &tried).iter().map(ToString::to_string).collect::<String>()
        };
        assert!(said(Solver::Adam, 0.01).is_empty());
        assert!(said(Solver::Adam, 0.1).contains("--epochs"));
        assert!(said(Solver::Lbfgs, 0.01).contains("--c"));
    }

    #[test]
    fn a_healthy_tagger_hears_nothing() {
        let right = scores("B-x I-x O B-y", "B-x I-x O B-y");
        assert!(advise(&right, &["embedding"], &TaggingSettings::default()).is_empty());
    }
}
