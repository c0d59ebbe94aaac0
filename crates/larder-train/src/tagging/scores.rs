//! Entities found, counted strictly.

use larder_tags::{Entity, TagSet};
use serde::{Deserialize, Serialize};

/// Strict scores over all entities (micro): an answer counts if start, end and type are those of a gold entity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TaggingScores {
    /// Entities in gold.
    pub gold: u64,
    /// Entities answered.
    pub answered: u64,
    /// Entities answered that are in gold.
    pub correct: u64,
    /// `correct / answered`; 0 when nothing was answered.
    pub precision: f64,
    /// `correct / gold`; 0 when there is none.
    pub recall: f64,
    /// The harmonic mean of both: `2 correct / (gold + answered)`; 0 when there are none.
    pub f1: f64,
    /// Standard error of `f1` over the sentences, each taken as drawn by chance (the error of a ratio of two sums, to first
    /// order).
    pub f1_standard_error: f64,
}

/// The entities of one sentence, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SentenceCounts {
    gold: u64,
    answered: u64,
    correct: u64,
}

impl SentenceCounts {
    /// Compares one sentence's answers with gold.
    pub(crate) fn of(gold: &[Entity], answered: &[Entity]) -> Self {
        let mut correct = 0;
        // Both are in the order of the words, and entities do not overlap.
        let mut others = gold.iter().peekable();
        for entity in answered {
            while others.next_if(|other| other.start < entity.start).is_some() {}
            correct += u64::from(others.peek() == Some(&entity));
        }
        Self { gold: gold.len() as u64, answered: answered.len() as u64, correct }
    }

    /// Has gold an entity?
    pub(crate) fn has_entities(&self) -> bool {
        self.gold > 0
    }

    /// The terms of F1: twice the right answers, and all entities of gold and answers.
    pub(crate) fn parts(&self) -> [f64; 2] {
        [2.0 * self.correct as f64, (self.gold + self.answered) as f64]
    }
}

/// The counts that scores are made of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    gold: u64,
    answered: u64,
    correct: u64,
    /// Over the sentences, of `correct` and of `gold + answered`: squares and products, summed.
    correct_squares: u64,
    sizes_squares: u64,
    products: u64,
}

impl<'a> std::iter::Sum<&'a SentenceCounts> for Counts {
    fn sum<I: Iterator<Item = &'a SentenceCounts>>(sentences: I) -> Self {
        sentences.fold(Self::default(), |mut sum, &SentenceCounts { gold, answered, correct }| {
            let size = gold + answered;
            sum.gold += gold;
            sum.answered += answered;
            sum.correct += correct;
            sum.correct_squares += correct * correct;
            sum.sizes_squares += size * size;
            sum.products += correct * size;
            sum
        })
    }
}

impl Counts {
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            gold: self.gold + other.gold,
            answered: self.answered + other.answered,
            correct: self.correct + other.correct,
            correct_squares: self.correct_squares + other.correct_squares,
            sizes_squares: self.sizes_squares + other.sizes_squares,
            products: self.products + other.products,
        }
    }

    pub(crate) fn scores(self) -> TaggingScores {
        let Self { gold, answered, correct, .. } = self;
        let share = |of: u64| if of == 0 { 0.0 } else { correct as f64 / of as f64 };
        let f1 = 2.0 * share(gold + answered);
        // F1 is 2 Σ correct / Σ size; its variance is that of Σ (2 correct - F1 size), over (Σ size)².
        let [cc, ss, cs] = [self.correct_squares, self.sizes_squares, self.products].map(|sum| sum as f64);
        let variance = (4.0 * cc - 4.0 * f1 * cs + f1 * f1 * ss).max(0.0);
        TaggingScores {
            gold,
            answered,
            correct,
            precision: share(answered),
            recall: share(gold),
            f1,
            f1_standard_error: variance.sqrt() / ((gold + answered).max(1) as f64),
        }
    }
}

/// The entities of each sentence, by its classes.
pub(crate) fn entities<'a>(tags: &TagSet, sentences: impl Iterator<Item = &'a [usize]>) -> Vec<Vec<Entity>> {
    sentences.map(|classes| tags.entities(classes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_many_draws() {
        // 400 sentences, each right, half right or wrong: drawn again 4,000 times from a fixed generator.
        let tags = TagSet::new(["x".to_owned()]);
        let kinds = [([1, 0, 1], [1, 0, 1]), ([1, 0, 1], [1, 0, 0]), ([1, 0, 0], [0, 0, 1]), ([0, 0, 0], [0, 1, 0])];
        let one = |kind: usize| {
            let (gold, answered) = kinds[kind];
            SentenceCounts::of(&tags.entities(&gold), &tags.entities(&answered))
        };
        let all = (0..400).map(|at| one(at % 4)).collect::<Vec<_>>().iter().sum::<Counts>().scores();
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % 4
        };
        let draws: Vec<f64> = (0..4_000)
            .map(|_| (0..400).map(|_| one(draw())).collect::<Vec<_>>().iter().sum::<Counts>().scores().f1)
            .collect();
        let mean = draws.iter().sum::<f64>() / 4_000.0;
        let deviation = (draws.iter().map(|f1| (f1 - mean).powi(2)).sum::<f64>() / 4_000.0).sqrt();
        // The deviation of 4,000 draws is known to 1.1 %; the first-order formula adds about as much again.
        assert!((all.f1_standard_error / deviation - 1.0).abs() < 0.05, "{} {deviation}", all.f1_standard_error);
    }

    #[test]
    fn only_the_same_span_of_the_same_type_counts() {
        let tags = TagSet::new(["x".to_owned(), "y".to_owned()]);
        // Gold: x 0..2, y 2..3, x 5..6. Answered: x 0..2 (right), x 2..3 (type), x 4..6 (start).
        let sentences = [
            SentenceCounts::of(&tags.entities(&[1, 2, 3, 0, 0, 1]), &tags.entities(&[1, 2, 1, 0, 1, 2])),
            SentenceCounts::of(&[], &tags.entities(&[3])),
        ];
        let scores = sentences.iter().sum::<Counts>().scores();
        assert_eq!((scores.gold, scores.answered, scores.correct), (3, 4, 1));
        assert_eq!((scores.precision, scores.f1), (0.25, 2.0 / 7.0));
        assert_eq!(Counts::default().scores().f1, 0.0);
    }
}
