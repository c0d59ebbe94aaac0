//! Pairing of predicted entities with the gold ones they overlap, where the two are not the same.

use std::cmp::Reverse;

use larder_errors::spelled_enum;
use larder_tags::Entity;

spelled_enum! {
    /// The position of a predicted entity beside the gold one of its type that it overlaps.
    pub enum BoundaryKind {
        /// All its words are gold's, but some are missing.
        TooShort = "too_short",
        /// It has all of gold's words, and more.
        TooLong = "too_long",
        /// It lacks some of gold's words and has others instead.
        Shifted = "shifted",
    }
}

impl BoundaryKind {
    /// Classifies two entities that overlap and do not have the same words.
    pub(crate) fn of(gold: &Entity, predicted: &Entity) -> Self {
        if gold.start <= predicted.start && predicted.end <= gold.end {
            Self::TooShort
        } else if predicted.start <= gold.start && gold.end <= predicted.end {
            Self::TooLong
        } else {
            Self::Shifted
        }
    }
}

/// The entities of a sentence that are not exactly right: each is in one pair, or alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairing<'a> {
    /// Gold and predicted entities that overlap; never equal.
    pub(crate) pairs: Vec<(&'a Entity, &'a Entity)>,
    /// Gold entities left alone.
    pub(crate) missed: Vec<&'a Entity>,
    /// Predicted entities left alone.
    pub(crate) spurious: Vec<&'a Entity>,
}

impl<'a> Pairing<'a> {
    /// Pairs the entities of a sentence, both lists ascending and each without overlap, as
    /// [`EntityErrors`](crate::EntityErrors) tells.
    pub(crate) fn of(gold: &'a [Entity], predicted: &'a [Entity]) -> Self {
        let wrong = |entities: &'a [Entity], others: &[Entity]| -> Vec<&'a Entity> {
            entities.iter().filter(|entity| others.binary_search(entity).is_err()).collect()
        };
        let (gold, predicted) = (wrong(gold, predicted), wrong(predicted, gold));

        let mut candidates = Vec::new();
        let mut first = 0;
        for (g, entity) in gold.iter().enumerate() {
            first += predicted[first..].iter().take_while(|other| other.end <= entity.start).count();
            for (p, other) in predicted.iter().enumerate().skip(first) {
                if other.start >= entity.end {
                    break;
                }
                let overlap = entity.end.min(other.end) - entity.start.max(other.start);
                candidates.push((entity.entity_type != other.entity_type, Reverse(overlap), g, p));
            }
        }
        candidates.sort_unstable();

        let (mut gold_free, mut predicted_free) = (vec![true; gold.len()], vec![true; predicted.len()]);
        let mut chosen = Vec::new();
        for (_, _, g, p) in candidates {
            if gold_free[g] && predicted_free[p] {
                (gold_free[g], predicted_free[p]) = (false, false);
                chosen.push((g, p));
            }
        }
        chosen.sort_unstable();
        let alone = |entities: Vec<&'a Entity>, free: Vec<bool>| {
            entities.into_iter().zip(free).filter_map(|(entity, free)| free.then_some(entity)).collect()
        };
        Self {
            pairs: chosen.into_iter().map(|(g, p)| (gold[g], predicted[p])).collect(),
            missed: alone(gold, gold_free),
            spurious: alone(predicted, predicted_free),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entities from `start-end type` texts.
    fn entities(texts: &[&str]) -> Vec<Entity> {
        let parse = |text: &&str| {
            let (span, entity_type) = text.split_once(' ').unwrap();
            let (start, end) = span.split_once('-').unwrap();
            let [start, end] = [start, end].map(|number| number.parse().unwrap());
            Entity { start, end, entity_type: entity_type.to_owned() }
        };
        texts.iter().map(parse).collect()
    }

    #[track_caller]
    fn check(gold: &[&str], predicted: &[&str], pairs: &[(&str, &str)], missed: &[&str], spurious: &[&str]) {
        let (gold, predicted) = (entities(gold), entities(predicted));
        let found = Pairing::of(&gold, &predicted);
        let write = |entity: &&Entity| format!("{}-{} {}", entity.start, entity.end, entity.entity_type);
        let found_pairs: Vec<_> = found.pairs.iter().map(|(gold, predicted)| (write(gold), write(predicted))).collect();
        let expected: Vec<_> = pairs.iter().map(|(gold, other)| (gold.to_string(), other.to_string())).collect();
        assert_eq!(found_pairs, expected);
        assert_eq!(found.missed.iter().map(write).collect::<Vec<_>>(), missed);
        assert_eq!(found.spurious.iter().map(write).collect::<Vec<_>>(), spurious);
    }

    #[test]
    fn right_ones_are_out_of_it() {
        check(&["0-2 a", "2-3 b", "5-6 b"], &["0-2 a", "2-3 b", "6-7 b"], &[], &["5-6 b"], &["6-7 b"]);
    }

    #[test]
    fn the_same_type_goes_before_the_larger_overlap() {
        check(&["0-5 a"], &["0-4 b", "4-6 a"], &[("0-5 a", "4-6 a")], &[], &["0-4 b"]);
    }

    #[test]
    fn the_larger_overlap_goes_before_the_earlier() {
        check(&["0-4 a"], &["0-1 a", "1-3 a", "3-4 a"], &[("0-4 a", "1-3 a")], &[], &["0-1 a", "3-4 a"]);
    }

    #[test]
    fn of_two_that_were_joined_one_is_missed() {
        check(&["0-2 a", "2-4 a"], &["0-4 a"], &[("0-2 a", "0-4 a")], &["2-4 a"], &[]);
    }

    #[test]
    fn touching_is_not_overlapping() {
        check(&["0-2 a"], &["2-3 a"], &[], &["0-2 a"], &["2-3 a"]);
    }

    #[test]
    fn kinds_of_boundaries() {
        let gold = &entities(&["2-5 a"])[0];
        for (predicted, kind) in [
            ("2-4 a", BoundaryKind::TooShort),
            ("3-4 a", BoundaryKind::TooShort),
            ("3-5 a", BoundaryKind::TooShort),
            ("1-5 a", BoundaryKind::TooLong),
            ("1-6 a", BoundaryKind::TooLong),
            ("1-3 a", BoundaryKind::Shifted),
            ("4-6 a", BoundaryKind::Shifted),
        ] {
            assert_eq!(BoundaryKind::of(gold, &entities(&[predicted])[0]), kind, "{predicted}");
        }
        for kind in BoundaryKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
