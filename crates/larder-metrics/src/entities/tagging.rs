//! The numbers that a report of a tagger prints, always together.

use larder_tags::Scheme;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Bootstrap, Interval};
use crate::entities::sentence_entities::{SentenceEntities, add_uncovered, check_lengths, read};
use crate::entities::{EntityErrors, EntityRule, EntityScores, UncoveredEntity};
use crate::error::MetricsError;

/// All scores of one tagger on one split; field names are those of reports and files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingScores {
    /// Sentences scored, empty ones included.
    pub sentences: u64,
    /// Words that have a gold tag.
    pub words: u64,
    /// Entities read by the scheme's grammar.
    pub strict: EntityScores,
    /// Entities read as the evaluation script of the CoNLL shared tasks does.
    pub conlleval: EntityScores,
    /// Bootstrap interval over sentences of the micro F1 of `strict`.
    pub strict_f1_interval: Interval,
    /// Bootstrap interval over sentences of the micro F1 of `conlleval`.
    pub conlleval_f1_interval: Interval,
    /// Share of the words whose tag is exactly gold's; 0 without words. Never to be read alone: most words are `O`.
    pub token_accuracy: f64,
    /// Token accuracy of always answering `O`, which finds no entity at all.
    pub all_outside_accuracy: f64,
    /// The errors, counted on entities read as `strict`.
    pub errors: EntityErrors,
    /// Gold entities without any prediction; they count as missed in every score of entities.
    pub unrepresented: Vec<UncoveredEntity>,
}

/// Scores the tags `predicted` beside `gold`, both `[sentences][words]` in `scheme`; either may hold illegal sequences,
/// see [`EntityRule`]. The interval of `bootstrap` is over sentences.
///
/// `uncovered` lists the gold entities for whose words nothing was predicted. Each counts once, as missed, in one of two
/// ways: the tags of its sentence end before it in `gold` and `predicted`, or they have its words, with `O` predicted.
/// Half of an uncovered entity in the tags is refused: it would be counted beside the whole.
///
/// Without gold and predicted entities, every entity score is 0, as with seqeval's default `zero_division`. Precision, recall,
/// F1 and accuracy equal those of seqeval 1.2.2 to the last digit for up to seven types; with more, it adds the means in
/// another order.
///
/// # Errors
/// [`MetricsError::NoSentences`], [`MetricsError::SentenceCount`], [`MetricsError::SentenceLength`] with the sentence,
/// [`MetricsError::MisplacedUncoveredEntity`]; those of [`Bootstrap::entity_f1_interval`].
pub fn score_tagging<S: AsRef<str>>(
    gold: &[Vec<S>],
    predicted: &[Vec<S>],
    scheme: Scheme,
    bootstrap: &Bootstrap,
    uncovered: &[UncoveredEntity],
) -> Result<TaggingScores, MetricsError> {
    check_lengths(gold, predicted, "predicted")?;
    let words: Vec<usize> = gold.iter().map(Vec::len).collect();
    let mut sentences = [EntityRule::Strict, EntityRule::Conlleval].map(|rule| read(gold, predicted, scheme, rule));
    add_uncovered(&mut sentences, &words, uncovered)?;
    let [strict, conlleval] = sentences;
    let interval = |sentences: &[SentenceEntities]| {
        bootstrap.entity_f1_interval(&sentences.iter().map(SentenceEntities::counts).collect::<Vec<_>>())
    };

    let words: usize = words.iter().sum();
    let share = |words_right: usize| if words == 0 { 0.0 } else { words_right as f64 / words as f64 };
    let pairs = gold.iter().flatten().zip(predicted.iter().flatten());
    Ok(TaggingScores {
        sentences: gold.len() as u64,
        words: words as u64,
        strict_f1_interval: interval(&strict)?,
        conlleval_f1_interval: interval(&conlleval)?,
        token_accuracy: share(pairs.filter(|(gold, predicted)| gold.as_ref() == predicted.as_ref()).count()),
        all_outside_accuracy: share(gold.iter().flatten().filter(|tag| tag.as_ref() == "O").count()),
        errors: EntityErrors::of(&strict),
        strict: EntityScores::of(EntityRule::Strict, &strict),
        conlleval: EntityScores::of(EntityRule::Conlleval, &conlleval),
        unrepresented: uncovered.to_vec(),
    })
}
