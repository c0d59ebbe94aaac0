//! Confidence of answers: exact marginal probabilities of spans.

use larder_tags::{Entity, TagSet};

use super::chain::{Chain, Lattice, log_sum_exp};

/// The probability that exactly this entity stands there: its first word is `B-x`, the others are `I-x`, and the word
/// after it is not `I-x`; everything else is summed over.
///
/// A chain seen from its first word on is a Markov chain whose transition probabilities the backward sums give, so the
/// probability is the marginal of the first class times one conditional probability a word: products of numbers between
/// 0 and 1, as exact in a long sentence as in a short one. It equals the quotient of the constrained and the full sum.
pub(crate) fn span_probability(
    chain: &Chain,
    tags: &TagSet,
    emissions: &[f64],
    lattice: &Lattice,
    marginals: &[f64],
    entity: &Entity,
) -> f64 {
    let classes = chain.classes();
    let words = emissions.len() / classes;
    let class = |mark: &str| tags.class(&format!("{mark}-{}", entity.entity_type)).expect("an entity of the tag set");
    let (begin, inside) = (class("B"), class("I"));
    let mut probability = marginals[entity.start * classes + begin];
    let mut current = begin;
    for word in entity.start + 1..(entity.end + 1).min(words) {
        let ways = (0..classes)
            .map(|next| chain.transition(current, next) + emissions[word * classes + next] + lattice.beta(word, next));
        let all = log_sum_exp(ways.clone());
        probability *= if word < entity.end {
            let on = ways.clone().nth(inside).expect("every class is a way");
            (on - all).exp()
        } else {
            // Summed, not taken from 1: the answer may be that the entity hardly ends here.
            let off = ways.enumerate().map(|(next, way)| if next == inside { f64::NEG_INFINITY } else { way });
            (log_sum_exp(off) - all).exp()
        };
        current = inside;
    }
    probability
}

#[cfg(test)]
mod tests {
    use super::super::enumeration::Small;
    use super::*;

    #[test]
    fn a_span_is_as_probable_as_the_sequences_that_have_it() {
        for words in 1..=6 {
            for (seed, spread) in [(1, 2.0), (2, 10.0), (3, 3000.0)] {
                let small = Small::new(seed * 100 + words as u64, words, spread);
                let (sequences, _) = small.sequences();
                let mut lattice = Lattice::default();
                let mut marginals = vec![0.0; small.emissions.len()];
                small.chain.forward(&small.emissions, &mut lattice);
                small.chain.backward(&small.emissions, &mut lattice, &mut marginals, None);
                for start in 0..words {
                    for end in start + 1..=words {
                        let entity = Entity { start, end, entity_type: "x".to_owned() };
                        let having =
                            sequences.iter().filter(|(classes, _)| small.tags.entities(classes).contains(&entity));
                        let expected: f64 = having.map(|(_, probability)| probability).sum();
                        let found = span_probability(
                            &small.chain,
                            &small.tags,
                            &small.emissions,
                            &lattice,
                            &marginals,
                            &entity,
                        );
                        assert!((found - expected).abs() < 1e-12, "{start}..{end}: {found} for {expected}");
                    }
                }
            }
        }
    }
}
