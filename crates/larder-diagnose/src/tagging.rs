//! Scores of a tagger on one split.

use larder_metrics::TaggingScores;

use crate::evidence::{Evidence, SPLIT};
use crate::features::{only_last_layer, several_layers};
use crate::losses::Tuning;
use crate::{Diagnosis, DiagnosisKind};

/// A head that answers fewer entities than this share of gold's finds almost none.
const FEW_ANSWERS: f64 = 0.1;

/// A fine-tuned tagger that finds less than this share of the entities finds almost none.
const LOW_RECALL: f64 = 0.05;

/// Strict F1 from which on nobody needs to be told of further layers.
const GOOD_F1: f64 = 0.9;

/// Share of the answers that overlap a gold entity of their type and miss its edges, from which on a head that looks at one
/// word at a time is worth exchanging for one that looks at sequences.
const MANY_BOUNDARIES: f64 = 0.15;

/// The distance of the held-out part of train above the interval of a split that is like train.
const UNLIKE_TRAIN: f64 = 0.05;

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

/// The options that a head on frozen word features was offered.
#[derive(Debug, Clone, Copy)]
pub struct TriedTagger<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// True if the head looks at one word at a time.
    pub word_by_word: bool,
    /// True if the score of `O` was tuned on held-out sentences.
    pub tuned_outside: bool,
    /// Strict F1 on sentences of train that the head had not seen.
    pub held_out_f1: Option<f64>,
}

impl TriedTagger<'_> {
    fn better_features(&self) -> &'static str {
        if several_layers(self.columns) {
            "several layers were read: another encoder may know more (`--encoder`)"
        } else {
            "try `--layers -1,-2,-3,-4`, which reads the last four layers in the same pass over the encoder"
        }
    }
}

/// [`OneClass`](DiagnosisKind::OneClass) or [`FewRows`](DiagnosisKind::FewRows) of a split with no entity, or so few that its
/// scores say nothing.
fn few_entities(judged: &JudgedTagger<'_>) -> Option<Diagnosis> {
    let JudgedTagger { split, scores } = *judged;
    let support = scores.strict.micro.support;
    if scores.sentences == 0 || support >= ENOUGH_ENTITIES {
        return None;
    }
    let sentences = |evidence: Evidence| evidence.count("sentences", scores.sentences).text(" sentences");
    let (kind, finding, evidence) = if support == 0 {
        let finding = format!("rows of {SPLIT} have no entity, and do not show whether entities are found");
        (DiagnosisKind::OneClass, finding, sentences(Evidence::new("every word is tagged `O`, in ")))
    } else {
        let finding = format!("rows of {SPLIT} have few entities, and every one of them moves the scores");
        let evidence = Evidence::default().count("entities", support).text(" entities in ");
        (DiagnosisKind::FewRows, finding, sentences(evidence))
    };
    Some(Diagnosis::new(kind, finding, evidence, "judge by more sentences that have entities").on(split))
}

/// Diagnoses the scores of a tagger on frozen features.
pub fn diagnose_tagging(judged: &JudgedTagger<'_>, tried: &TriedTagger<'_>) -> Vec<Diagnosis> {
    let JudgedTagger { split, scores } = *judged;
    let strict = &scores.strict.micro;
    if let Some(few) = few_entities(judged) {
        return vec![few];
    }
    if strict.support == 0 {
        return Vec::new();
    }
    let answered: u64 = scores.strict.per_type.iter().map(|entry| entry.predicted).sum();
    if (answered as f64) < FEW_ANSWERS * strict.support as f64 {
        let bias = match tried.tuned_outside {
            false => "`--threshold tuned` lowers the score of `O` where held-out sentences suggest it; ",
            true => "",
        };
        let finding = format!("on {SPLIT} the head answers almost no entity");
        let evidence = Evidence::default().count("answered", answered).text(" answered where gold has ");
        let evidence = evidence.count("gold", strict.support).text("; the token accuracy is ");
        let evidence = evidence.score("token accuracy", scores.token_accuracy).text(", that of always answering `O` ");
        let evidence = evidence.score("outside accuracy", scores.all_outside_accuracy);
        let remedy = format!("{bias}{}", tried.better_features());
        return vec![Diagnosis::new(DiagnosisKind::OneAnswer, finding, evidence, remedy).on(split)];
    }
    let mut found = Vec::new();
    let mut add = |kind, finding: String, evidence: Evidence, remedy: String| {
        found.push(Diagnosis::new(kind, finding, evidence, remedy).on(split));
    };
    if let Some(held_out) = tried.held_out_f1
        && held_out > scores.strict_f1_interval.high + UNLIKE_TRAIN
    {
        add(
            DiagnosisKind::UnlikeTrain,
            format!("the split {SPLIT} is unlike train: its entities are found far less often"),
            Evidence::new("strict F1 is ")
                .score("f1", strict.f1)
                .text(" (up to ")
                .score("f1 high", scores.strict_f1_interval.high)
                .text(format!(") on {SPLIT} and "))
                .score("held-out f1", held_out)
                .text(" on sentences of train that the head had not seen"),
            format!(
                "training sentences like those of {SPLIT} help most; stronger regularisation (a smaller `--c`) learns less \
                 of train by heart"
            ),
        );
    }
    if only_last_layer(tried.columns) && strict.f1 < GOOD_F1 && strict.recall < GOOD_F1 {
        add(
            DiagnosisKind::FewLayers,
            format!("on {SPLIT} entities are missed, and only the last layer was read"),
            Evidence::new("strict F1 ")
                .score("f1", strict.f1)
                .text(", a share of ")
                .score("recall", strict.recall)
                .text(" of the entities found"),
            format!(
                "{}; what words are is often clearer below the last layer (Devlin et al. 2019, table 7)",
                tried.better_features()
            ),
        );
    }
    let boundaries: u64 = scores.errors.boundary.iter().map(|entry| entry.count).sum();
    if tried.word_by_word && boundaries as f64 > MANY_BOUNDARIES * answered as f64 {
        add(
            DiagnosisKind::WrongEdges,
            format!("on {SPLIT} many entities are found with the wrong edges"),
            Evidence::default()
                .count("boundaries", boundaries)
                .text(" of ")
                .count("answered", answered)
                .text(" answers have the right type and not exactly the right words"),
            "try `--head crf`, which learns which tag follows which".to_owned(),
        );
    }
    found
}

/// Diagnoses the scores of a fine-tuned tagger.
pub fn diagnose_tuned_tagging(judged: &JudgedTagger<'_>, tuning: &Tuning<'_>) -> Vec<Diagnosis> {
    let JudgedTagger { split, scores } = *judged;
    let strict = &scores.strict.micro;
    if let Some(few) = few_entities(judged) {
        return vec![few];
    }
    if strict.support == 0 || strict.recall >= LOW_RECALL {
        return Vec::new();
    }
    let finding = format!("on {SPLIT} almost no entity is found");
    let evidence =
        Evidence::new("a share of ").score("recall", strict.recall).text(" of ").count("gold", strict.support);
    let evidence = evidence.text("; ").and(tuning.losses.told());
    let remedy = format!("{} (taggers answer `O` alone at first)", tuning.better_training());
    vec![Diagnosis::new(DiagnosisKind::OneAnswer, finding, evidence, remedy).on(split)]
}

#[cfg(test)]
mod tests {
    use larder_metrics::{Bootstrap, score_tagging};
    use larder_tags::Scheme;

    use super::*;
    use crate::losses::{Guessing, Losses, Rate};

    const TRIED: TriedTagger<'static> =
        TriedTagger { columns: &[], word_by_word: true, tuned_outside: true, held_out_f1: None };

    fn scores(gold: &str, predicted: &str) -> TaggingScores {
        let sentences = |text: &str| -> Vec<Vec<String>> {
            std::iter::repeat_n(text.split(' ').map(str::to_owned).collect(), 30).collect()
        };
        let bootstrap = Bootstrap { resamples: 50, ..Bootstrap::default() };
        score_tagging(&sentences(gold), &sentences(predicted), Scheme::Iob2, &bootstrap, &[]).unwrap()
    }

    fn tuning(last: f64) -> Tuning<'static> {
        let losses = Losses { first: 0.7, last, guessing: Guessing::plain(0.6) };
        Tuning { losses, rate: Rate { rate: 3e-5, family: "bert", recipe: (2e-5, 5e-5) } }
    }

    #[test]
    fn few_entities_and_none_are_told_apart_from_silence() {
        let columns = ["embedding".to_owned()];
        let tried = TriedTagger { columns: &columns, ..TRIED };
        let kind = |gold: &str, predicted: &str, times: usize| {
            let many = |text: &str| -> Vec<Vec<String>> { vec![text.split(' ').map(str::to_owned).collect(); times] };
            let bootstrap = Bootstrap { resamples: 50, ..Bootstrap::default() };
            let scores = score_tagging(&many(gold), &many(predicted), Scheme::Iob2, &bootstrap, &[]).unwrap();
            diagnose_tagging(&JudgedTagger { split: "dev", scores: &scores }, &tried)[0].kind
        };
        assert_eq!(kind("O O", "O O", 30), DiagnosisKind::OneClass);
        assert_eq!(kind("B-x O", "B-x O", 19), DiagnosisKind::FewRows);
        assert_eq!(kind("B-x O", "O O", 20), DiagnosisKind::OneAnswer);
    }

    fn said(scores: &TaggingScores, columns: &[&str], tried: TriedTagger<'_>) -> Vec<String> {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let tried = TriedTagger { columns: &columns, ..tried };
        let found = diagnose_tagging(&JudgedTagger { split: "dev", scores }, &tried);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn silence_is_told_with_the_baseline_beside_it() {
        let silent = scores("B-x I-x O O", "O O O O");
        let found = said(&silent, &["embedding"], TRIED);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("almost no entity") && found[0].contains("0.500") && found[0].contains("--layers"));
        let half = TriedTagger { tuned_outside: false, ..TRIED };
        assert!(said(&silent, &["embedding"], half)[0].contains("--threshold tuned"));
        let tuned = diagnose_tuned_tagging(&JudgedTagger { split: "dev", scores: &silent }, &tuning(0.6));
        assert_eq!((tuned.len(), tuned[0].kind), (1, DiagnosisKind::OneAnswer));
    }

    #[test]
    fn wrong_edges_ask_for_a_chain_unless_there_is_one() {
        let edges = scores("B-x I-x O B-x", "B-x O O B-x");
        let columns = ["embedding", "embedding_l5"];
        let found = said(&edges, &columns, TRIED);
        assert!(found.len() == 1 && found[0].contains("--head crf"), "{found:?}");
        assert!(said(&edges, &columns, TriedTagger { word_by_word: false, ..TRIED }).is_empty());
    }

    #[test]
    fn a_split_far_below_held_out_sentences_is_unlike_train() {
        let half = scores("B-x O B-y O", "B-x O O B-y");
        let columns = ["embedding", "embedding_l5"];
        let found = said(&half, &columns, TriedTagger { held_out_f1: Some(0.9), ..TRIED });
        assert!(found.len() == 1 && found[0].starts_with("The split dev is unlike train"), "{found:?}");
        assert!(said(&half, &columns, TriedTagger { held_out_f1: Some(0.5), ..TRIED }).is_empty());
    }

    #[test]
    fn a_healthy_tagger_hears_nothing() {
        let right = scores("B-x I-x O B-y", "B-x I-x O B-y");
        assert!(said(&right, &["embedding"], TRIED).is_empty());
        assert!(diagnose_tuned_tagging(&JudgedTagger { split: "dev", scores: &right }, &tuning(0.1)).is_empty());
    }
}
