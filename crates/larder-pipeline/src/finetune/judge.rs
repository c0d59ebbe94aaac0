//! The run's observer: evaluations become scores, and everything is told on.

use std::ops::ControlFlow;

use larder_data::LabelMap;
use larder_finetune::{Evaluated, HistoryRow, Note};
use larder_metrics::{ConfusionMatrix, Metric};
use larder_tags::{Entity, TagSet};
use larder_train::{Classifier, FeatureColumn, TaggingHead, WordsInMemory};
use ndarray::Array2;

use super::examples::Gold;
use crate::{Event, Observer};

/// What entities of a tagging run are judged by while it goes on.
pub(super) const TAGGING_SCORE: &str = "strict_f1";

/// Judges evaluations, and tells the pipeline's observer.
pub(super) struct Judge<'a> {
    pub observer: &'a mut dyn Observer,
    rule: Rule<'a>,
    /// Evaluations: step, score, loss.
    pub judged: Vec<(usize, f64, f64)>,
}

/// How logits become a score.
enum Rule<'a> {
    Classes { gold: &'a [usize], classes: usize, metric: Metric },
    Tags { sentences: &'a [Vec<usize>], words: &'a [(usize, usize)], tags: TagSet, decoder: Box<TaggingHead> },
}

impl<'a> Judge<'a> {
    /// `answered` are the tags that had training words.
    pub fn new(
        observer: &'a mut dyn Observer,
        gold: &'a Gold,
        labels: &LabelMap,
        metric: Metric,
        answered: &[bool],
    ) -> Self {
        let rule = match gold {
            Gold::Classes(gold) => Rule::Classes { gold, classes: labels.len(), metric },
            Gold::Tags { sentences, words } => {
                let tags = labels.tag_set().expect("the labels of a tagging dataset are those of a tag set");
                let classes = tags.len();
                // A head whose features are the logits: decoding is its own.
                let identity: Vec<f32> = Array2::eye(classes).iter().copied().collect();
                let bias = vec![0.0; classes];
                let decoder = Classifier { column: LOGITS, weights: &identity, bias: &bias };
                let decoder = Box::new(decoder.into_tagger(&tags, answered.to_vec()));
                Rule::Tags { sentences, words, tags, decoder }
            }
        };
        Self { observer, rule, judged: Vec::new() }
    }

    /// What scores are called.
    pub fn score_name(&self) -> &'static str {
        match &self.rule {
            Rule::Classes { metric, .. } => metric.as_str(),
            Rule::Tags { .. } => TAGGING_SCORE,
        }
    }
}

const LOGITS: &str = "logits";

impl Rule<'_> {
    /// NaN where nothing can be judged, which is better than no score.
    fn score(&self, logits: &[f32]) -> f64 {
        match self {
            Self::Classes { gold, classes, metric } => {
                let answers: Vec<usize> = logits.chunks(*classes).map(largest).collect();
                ConfusionMatrix::from_classes(gold, &answers, *classes).map_or(f64::NAN, |matrix| metric.of(&matrix))
            }
            Self::Tags { sentences, words, tags, decoder } => {
                entity_f1(logits, sentences, words, tags, decoder).unwrap_or(f64::NAN)
            }
        }
    }
}

/// The first of the largest.
fn largest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

/// Strict entity F1 of the best legal tags. Words without a token have no logits, and count as all classes alike.
fn entity_f1(
    logits: &[f32],
    sentences: &[Vec<usize>],
    words: &[(usize, usize)],
    tags: &TagSet,
    decoder: &TaggingHead,
) -> Option<f64> {
    let classes = tags.len();
    let starts: Vec<usize> = sentences
        .iter()
        .scan(0, |start, sentence| {
            let at = *start;
            *start += sentence.len();
            Some(at)
        })
        .collect();
    let rows: usize = sentences.iter().map(Vec::len).sum();
    let mut scores = Array2::<f32>::zeros((rows, classes));
    for (&(sentence, word), logits) in words.iter().zip(logits.chunks(classes)) {
        scores.row_mut(starts[sentence] + word).iter_mut().zip(logits).for_each(|(score, logit)| *score = *logit);
    }
    let lengths = sentences.iter().map(Vec::len).collect();
    let source = WordsInMemory::new(vec![FeatureColumn::new(LOGITS, scores)], lengths, Vec::new()).ok()?;
    let (mut found, mut gold, mut correct) = (0, 0, 0);
    for (tagged, classes) in decoder.tag(&source).ok()?.iter().zip(sentences) {
        let (answers, entities): (Vec<Entity>, Vec<Entity>) = (tags.entities(&tagged.classes), tags.entities(classes));
        correct += answers.iter().filter(|entity| entities.contains(entity)).count();
        (found, gold) = (found + answers.len(), gold + entities.len());
    }
    Some(if found + gold == 0 { 0.0 } else { 2.0 * correct as f64 / (found + gold) as f64 })
}

impl larder_finetune::Observer for Judge<'_> {
    fn note(&mut self, note: &Note) {
        self.observer.event(Event::Note(&note.to_string()));
    }

    fn step(&mut self, row: &HistoryRow, total: usize) -> ControlFlow<()> {
        self.observer.event(Event::Tuning { row, total });
        ControlFlow::Continue(())
    }

    fn score(&mut self, step: usize, evaluated: &Evaluated) -> f64 {
        let score = self.rule.score(&evaluated.logits);
        self.judged.push((step, score, evaluated.loss));
        self.observer.event(Event::Judged { step, name: self.score_name(), score, loss: evaluated.loss });
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_from_logits_in_any_order() {
        let labels = LabelMap::of_types(vec!["per".to_owned()], vec!["per".to_owned()]).unwrap();
        let sentences = vec![vec![1, 2, 0], vec![0, 1]];
        // The last sentence's words come first, and the first sentence's last word has no token.
        let words = vec![(1, 0), (1, 1), (0, 0), (0, 1)];
        let gold = Gold::Tags { sentences, words };
        let mut silent = crate::Silent;
        let judge = Judge::new(&mut silent, &gold, &labels, Metric::Mcc, &[true; 3]);
        let right = [5.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0];
        assert_eq!(judge.rule.score(&right), 1.0);
        // The second sentence's entity is missed: one of two, and one answered.
        let mut half = right;
        half[3..6].copy_from_slice(&[5.0, 0.0, 0.0]);
        assert!((judge.rule.score(&half) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(judge.rule.score(&[1.0, 0.0, 0.0].repeat(4)), 0.0);
    }
}
