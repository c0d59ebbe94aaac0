//! The best legal sequence (Viterbi 1967).

use super::chain::Chain;

/// The legal sequence with the highest score under `emissions` `[words, classes]`, `outside_bias` being added to those of
/// class 0, `O`; of equal ones, the one with the lower class at the last word where they differ.
pub(crate) fn viterbi(chain: &Chain, emissions: &[f64], outside_bias: f64) -> Vec<usize> {
    let classes = chain.classes();
    let words = emissions.len() / classes;
    if words == 0 {
        return Vec::new();
    }
    let mut best: Vec<f64> = (0..classes).map(|class| chain.start(class) + emissions[class]).collect();
    best[0] += outside_bias;
    let mut next_best = vec![0.0; classes];
    let mut back = vec![0u32; words * classes];
    for word in 1..words {
        let from = word * classes;
        let back = &mut back[from..from + classes];
        next_best.fill(f64::NEG_INFINITY);
        for (previous, &score) in best.iter().enumerate() {
            if score == f64::NEG_INFINITY {
                continue;
            }
            for (next, (found, back)) in next_best.iter_mut().zip(back.iter_mut()).enumerate() {
                let score = score + chain.transition(previous, next);
                if score > *found {
                    *found = score;
                    *back = previous as u32;
                }
            }
        }
        for (found, emission) in next_best.iter_mut().zip(&emissions[from..]) {
            *found += emission;
        }
        next_best[0] += outside_bias;
        std::mem::swap(&mut best, &mut next_best);
    }
    let mut class = 0;
    for (other, score) in best.iter().enumerate() {
        if *score > best[class] {
            class = other;
        }
    }
    let mut sequence = vec![class; words];
    for word in (1..words).rev() {
        class = back[word * classes + class] as usize;
        sequence[word - 1] = class;
    }
    sequence
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::enumeration::Small;
    use super::*;

    #[test]
    fn the_answer_is_the_most_probable_of_all_sequences() {
        for words in 1..=6 {
            for seed in 0..20 {
                let mut small = Small::new(seed * 100 + words as u64, words, 5.0);
                let found = viterbi(&small.chain, &small.emissions, -0.7);
                small.emissions.iter_mut().step_by(small.tags.len()).for_each(|outside| *outside -= 0.7);
                let (sequences, _) = small.sequences();
                let best = sequences.iter().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
                assert_eq!(found, best.0);
            }
        }
    }

    #[test]
    fn no_words_have_no_classes() {
        assert!(viterbi(&Small::new(1, 1, 1.0).chain, &[], 0.0).is_empty());
    }

    proptest! {
        #[test]
        fn an_answer_is_always_legal(
            seed in any::<u64>(),
            emissions in prop::collection::vec(-1e6..1e6_f64, 5..200),
            bias in -100.0..100.0_f64,
        ) {
            let small = Small::new(seed, 1, 20.0);
            let words = emissions.len() / 5;
            let found = viterbi(&small.chain, &emissions[..words * 5], bias);
            prop_assert_eq!(found.len(), words);
            let mut previous = None;
            for &class in &found {
                prop_assert!(small.tags.allowed(previous, class) && small.rules.answerable[class]);
                previous = Some(class);
            }
        }
    }
}
