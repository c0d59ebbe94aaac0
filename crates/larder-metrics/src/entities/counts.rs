//! Entities counted, and the three ratios of the counts.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

use larder_tags::Entity;
use serde::{Deserialize, Serialize};

/// Entities of some sentences, or of one type in them. Counts of different sentences or types add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct EntityCounts {
    /// Predicted entities that are gold ones, with the same words and the same type.
    pub correct: u64,
    /// Predicted entities.
    pub predicted: u64,
    /// Gold entities.
    pub gold: u64,
}

impl EntityCounts {
    /// Share of the predicted entities that are right; 0 if nothing is predicted.
    pub fn precision(&self) -> f64 {
        ratio(self.correct, self.predicted)
    }

    /// Share of the gold entities that are found; 0 if there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.correct, self.gold)
    }

    /// Harmonic mean of precision and recall; 0 where nothing is right, and so also if there is no entity at all,
    /// neither gold nor predicted (seqeval's `zero_division` is 0 unless told otherwise).
    pub fn f1(&self) -> f64 {
        // `2·correct / (predicted + gold)` is the same number; rounded in this order, the last digit is seqeval's.
        let (precision, recall) = (self.precision(), self.recall());
        if self.correct == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
    }

    /// Counts of one sentence; both lists ascending and without equal entries.
    pub(crate) fn of_sentence(gold: &[Entity], predicted: &[Entity]) -> Self {
        let correct = correct(gold, predicted).count() as u64;
        Self { correct, predicted: predicted.len() as u64, gold: gold.len() as u64 }
    }
}

/// The entities that are in both lists; both ascending and without equal entries.
pub(crate) fn correct<'a>(gold: &'a [Entity], predicted: &'a [Entity]) -> impl Iterator<Item = &'a Entity> {
    let (mut gold, mut predicted) = (gold.iter().peekable(), predicted.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            match gold.peek()?.cmp(predicted.peek()?) {
                Ordering::Less => gold.next(),
                Ordering::Greater => predicted.next(),
                Ordering::Equal => {
                    predicted.next();
                    return gold.next();
                }
            };
        }
    })
}

impl Add for EntityCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            correct: self.correct + other.correct,
            predicted: self.predicted + other.predicted,
            gold: self.gold + other.gold,
        }
    }
}

impl AddAssign for EntityCounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for EntityCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// Counts of so many equal sentences.
impl Mul<u64> for EntityCounts {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self { correct: self.correct * times, predicted: self.predicted * times, gold: self.gold * times }
    }
}

/// 0 where there is nothing below the line.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_of_nothing_are_zero() {
        let counts = |correct, predicted, gold| EntityCounts { correct, predicted, gold };
        for counts in [counts(0, 0, 0), counts(0, 3, 0), counts(0, 0, 3), counts(0, 3, 3)] {
            assert_eq!((counts.precision(), counts.recall(), counts.f1()), (0.0, 0.0, 0.0), "{counts:?}");
        }
        let found = counts(2, 4, 8);
        assert_eq!((found.precision(), found.recall()), (0.5, 0.25));
        assert!((found.f1() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn counts_add_up() {
        let one = EntityCounts { correct: 1, predicted: 2, gold: 3 };
        assert_eq!([one, one, one].into_iter().sum::<EntityCounts>(), one * 3);
    }

    #[test]
    fn right_is_the_same_words_and_the_same_type() {
        let entity = |start, end, name: &str| Entity { start, end, entity_type: name.to_owned() };
        let gold = [entity(0, 1, "a"), entity(1, 3, "a"), entity(4, 5, "b"), entity(6, 7, "c")];
        let predicted = [entity(0, 1, "b"), entity(1, 2, "a"), entity(4, 5, "b"), entity(5, 7, "c")];
        assert_eq!(EntityCounts::of_sentence(&gold, &predicted), EntityCounts { correct: 1, predicted: 4, gold: 4 });
    }
}
