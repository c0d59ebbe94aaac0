//! Windows of sentences as examples of fine-tuning, and the evaluation of their logits.

use larder_data::LabelMap;
use larder_finetune::Example;
use larder_graphs::IGNORED_LABEL;
use larder_metrics::Metric;
use larder_tags::{Entity, TagSet};
use larder_tokens::windows;
use larder_train::{Classifier, FeatureColumn, TaggingHead, WordsInMemory};
use ndarray::Array2;

use crate::RunError;
use crate::examples::{ExampleSettings, GoldRows, LogitsJudge, TokenizedRow, as_label};

/// The column of the head that decodes scores.
pub(super) const SCORES: &str = "logits";

/// The gold tags of words.
#[derive(Debug, Default)]
pub(super) struct GoldTags {
    /// The class of each word, by sentence.
    sentences: Vec<Vec<usize>>,
    /// Sentence and word of each counted label, in the order of examples and tokens.
    words: Vec<(usize, usize)>,
}

impl GoldRows for GoldTags {
    fn is_unseen(&self, row: &TokenizedRow<'_>, labels: &LabelMap) -> bool {
        row.batch.tags(row.row).is_some_and(|mut tags| tags.any(|tag| labels.index(tag).is_err()))
    }

    fn push(
        &mut self,
        row: &TokenizedRow<'_>,
        settings: &ExampleSettings<'_>,
        examples: &mut Vec<Example>,
    ) -> Result<(), RunError> {
        let (batch, ids) = (row.batch, row.batch.input_ids(row.row));
        let tags = batch.tags(row.row).ok_or_else(|| row.no_label())?;
        let classes = tags.map(|tag| row.class(tag, settings.labels)).collect::<Result<Vec<_>, _>>()?;
        for window in windows(batch.word_ids(row.row), settings.max_tokens, settings.stride)? {
            let mut labels = vec![IGNORED_LABEL; window.len()];
            for assigned in &window.assigned {
                // Word ids are valid indices of the sentence's words.
                let word = usize::try_from(assigned.word).unwrap_or(0);
                let class = classes.get(word).copied().ok_or_else(|| row.no_label())?;
                labels[window.place(assigned.tokens.start)] = as_label(class);
                self.words.push((self.sentences.len(), word));
            }
            let input_ids = window.input_ids(ids).into_iter().map(i64::from).collect();
            let types = batch.type_ids(row.row).map(|types| window.type_ids(types).into_iter().map(i64::from));
            let token_type_ids = types.map(Iterator::collect).unwrap_or_default();
            examples.push(Example { token_type_ids, ..Example::tagged(input_ids, labels) });
        }
        self.sentences.push(classes);
        Ok(())
    }

    fn counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        self.sentences.iter().flatten().for_each(|&class| counts[class] += 1);
        counts
    }

    fn judge<'a>(&'a self, labels: &LabelMap, _: Metric, seen: &[bool]) -> Box<dyn LogitsJudge + 'a> {
        let tags = labels.tag_set().expect("the labels of a tagging dataset are those of a tag set");
        let decoder = score_reader(&tags, seen.to_vec());
        Box::new(EntityJudge { gold: self, tags, decoder })
    }
}

/// Returns a head whose features are the tags' scores: it only decodes.
pub(super) fn score_reader(tags: &TagSet, seen: Vec<bool>) -> TaggingHead {
    let identity: Vec<f32> = Array2::eye(tags.len()).iter().copied().collect();
    let classifier = Classifier { column: SCORES, weights: &identity, bias: &vec![0.0; tags.len()] };
    classifier.into_tagger(tags, seen)
}

/// Judges tags by their entities.
struct EntityJudge<'a> {
    gold: &'a GoldTags,
    tags: TagSet,
    decoder: TaggingHead,
}

impl LogitsJudge for EntityJudge<'_> {
    fn score(&self, logits: &[f32]) -> f64 {
        entity_f1(logits, self.gold, &self.tags, &self.decoder).unwrap_or(f64::NAN)
    }
}

/// Returns the strict entity F1 of the best legal tags. Words without a token have no logits: all classes score alike.
fn entity_f1(
    logits: &[f32],
    GoldTags { sentences, words }: &GoldTags,
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
    let source = WordsInMemory::new(vec![FeatureColumn::new(SCORES, scores)], lengths, Vec::new()).ok()?;
    let (mut found, mut gold, mut correct) = (0, 0, 0);
    for (tagged, classes) in decoder.tag(&source).ok()?.iter().zip(sentences) {
        let (answers, entities): (Vec<Entity>, Vec<Entity>) = (tags.entities(&tagged.classes), tags.entities(classes));
        correct += answers.iter().filter(|entity| entities.contains(entity)).count();
        (found, gold) = (found + answers.len(), gold + entities.len());
    }
    Some(if found + gold == 0 { 0.0 } else { 2.0 * correct as f64 / (found + gold) as f64 })
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
        let gold = GoldTags { sentences, words };
        let judge = gold.judge(&labels, Metric::Mcc, &[true; 3]);
        let right = [5.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0];
        assert_eq!(judge.score(&right), 1.0);
        // The second sentence's entity is missed: one of two, and one answered.
        let mut half = right;
        half[3..6].copy_from_slice(&[5.0, 0.0, 0.0]);
        assert!((judge.score(&half) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(judge.score(&[1.0, 0.0, 0.0].repeat(4)), 0.0);
    }
}
