//! Scores of a tagger on one split.

use larder_metrics::TaggingScores;

use crate::features::{Losses, TRAIN_MORE};
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

/// How far the held-out part of train is above the interval of a split that is like train.
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

/// What a head on frozen word features was offered.
#[derive(Debug, Clone, Copy)]
pub struct TriedTagger<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// Whether the head looks at one word at a time.
    pub word_by_word: bool,
    /// Whether the score of `O` was tuned on held-out sentences.
    pub tuned_outside: bool,
    /// Strict F1 on sentences of train that the head had not seen.
    pub held_out_f1: Option<f64>,
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

/// What the scores of a tagger on frozen features show.
pub fn diagnose_tagging(judged: &JudgedTagger<'_>, tried: &TriedTagger<'_>) -> Vec<Diagnosis> {
    let JudgedTagger { split, scores } = *judged;
    let strict = &scores.strict.micro;
    if strict.support < ENOUGH_ENTITIES {
        return Vec::new();
    }
    let answered: u64 = scores.strict.per_type.iter().map(|entry| entry.predicted).sum();
    if (answered as f64) < FEW_ANSWERS * strict.support as f64 {
        let bias = match tried.tuned_outside {
            false => "`--threshold tuned` lowers the score of `O` as held-out sentences suggest; ",
            true => "",
        };
        let finding = format!("on {split} the head answers almost no entity");
        let evidence = format!(
            "{answered} answered where gold has {}; the token accuracy of {:.3} is no more than that of always answering \
             `O`, {:.3}",
            strict.support, scores.token_accuracy, scores.all_outside_accuracy
        );
        let remedy = format!("{bias}{}", tried.better_features());
        return vec![Diagnosis::new(DiagnosisKind::OneAnswer, finding, evidence, remedy).on(split)];
    }
    let mut found = Vec::new();
    let mut add = |kind, finding: String, evidence: String, remedy: String| {
        found.push(Diagnosis::new(kind, finding, evidence, remedy).on(split));
    };
    if let Some(held_out) = tried.held_out_f1
        && held_out > scores.strict_f1_interval.high + UNLIKE_TRAIN
    {
        add(
            DiagnosisKind::UnlikeTrain,
            format!("the split {split} is unlike train"),
            format!(
                "strict F1 is {:.3} (up to {:.3}) on {split} and {held_out:.3} on sentences of train that the head had not \
                 seen",
                strict.f1, scores.strict_f1_interval.high
            ),
            format!(
                "training sentences like those of {split} help most; stronger regularisation (a smaller `--c`) learns less \
                 of train by heart"
            ),
        );
    }
    if tried.only_last_layer() && strict.f1 < GOOD_F1 {
        add(
            DiagnosisKind::FewLayers,
            format!("on {split} entities are missed, and only the last layer was read"),
            format!("strict F1 {:.3}", strict.f1),
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
            format!("on {split} many entities are found with the wrong edges"),
            format!("{boundaries} of {answered} answers have the right type and not exactly the right words"),
            "try `--head crf`, which learns which tag follows which".to_owned(),
        );
    }
    found
}

/// What the scores of a fine-tuned tagger show.
pub fn diagnose_tuned_tagging(judged: &JudgedTagger<'_>, losses: &Losses) -> Vec<Diagnosis> {
    let JudgedTagger { split, scores } = *judged;
    let strict = &scores.strict.micro;
    if strict.support == 0 || strict.recall >= LOW_RECALL {
        return Vec::new();
    }
    let finding = format!("on {split} almost no entity is found");
    let evidence = format!("a share of {:.3} of {}; {}", strict.recall, strict.support, losses.told());
    let remedy = format!("{TRAIN_MORE}: taggers answer O alone at first");
    vec![Diagnosis::new(DiagnosisKind::OneAnswer, finding, evidence, remedy).on(split)]
}

#[cfg(test)]
mod tests {
    use larder_metrics::{Bootstrap, score_tagging};
    use larder_tags::Scheme;

    use super::*;

    const TRIED: TriedTagger<'static> =
        TriedTagger { columns: &[], word_by_word: true, tuned_outside: true, held_out_f1: None };

    fn scores(gold: &str, predicted: &str) -> TaggingScores {
        let sentences = |text: &str| -> Vec<Vec<String>> {
            std::iter::repeat_n(text.split(' ').map(str::to_owned).collect(), 30).collect()
        };
        let bootstrap = Bootstrap { resamples: 50, ..Bootstrap::default() };
        score_tagging(&sentences(gold), &sentences(predicted), Scheme::Iob2, &bootstrap, &[]).unwrap()
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
        let losses = Losses { first: 0.7, last: 0.6, guessing: 0.6 };
        let tuned = diagnose_tuned_tagging(&JudgedTagger { split: "dev", scores: &silent }, &losses);
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
        let losses = Losses { first: 0.7, last: 0.1, guessing: 0.6 };
        assert!(diagnose_tuned_tagging(&JudgedTagger { split: "dev", scores: &right }, &losses).is_empty());
    }
}
