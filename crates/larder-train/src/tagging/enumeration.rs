//! Reference sums by enumeration of all sequences, for tests.

use larder_tags::TagSet;

use super::chain::Chain;
use super::rules::Rules;

/// A reproducible number in -0.5..0.5 that looks random: a multiplicative hash (Knuth).
pub(crate) fn noise(seed: u64, index: usize) -> f64 {
    let mixed =
        (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03));
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// A small problem: two types, of which the second has no `I-` word.
pub(crate) struct Small {
    pub(crate) tags: TagSet,
    pub(crate) rules: Rules,
    pub(crate) chain: Chain,
    /// `[words, classes]`.
    pub(crate) emissions: Vec<f64>,
}

impl Small {
    /// Scores in `-spread / 2..spread / 2`.
    pub(crate) fn new(seed: u64, words: usize, spread: f64) -> Self {
        let tags = TagSet::new(["x".to_owned(), "y".to_owned()]);
        let rules = Rules::new(&tags, vec![true, true, true, true, false]);
        let classes = tags.len();
        let draw = |seed, count: usize| -> Vec<f64> { (0..count).map(|at| spread * noise(seed, at)).collect() };
        let chain = Chain::new(&rules, &draw(seed, classes * classes), &draw(seed + 1, classes));
        Self { rules, chain, emissions: draw(seed + 2, words * classes), tags }
    }

    /// All legal sequences with their probabilities, and the logarithm of the sum over their scores' exponentials.
    pub(crate) fn sequences(&self) -> (Vec<(Vec<usize>, f64)>, f64) {
        let classes = self.tags.len();
        let words = self.emissions.len() / classes;
        let mut found: Vec<(Vec<usize>, f64)> = (0..classes.pow(words as u32))
            .map(|number| (0..words).map(|word| number / classes.pow(word as u32) % classes).collect::<Vec<usize>>())
            .filter(|sequence| {
                sequence.iter().all(|&class| self.rules.answerable[class])
                    && (0..words).all(|word| {
                        self.tags.allowed(word.checked_sub(1).map(|before| sequence[before]), sequence[word])
                    })
            })
            .map(|sequence| {
                let score = self.chain.score(&self.emissions, &sequence);
                (sequence, score)
            })
            .collect();
        let largest = found.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        let log_sum = largest + found.iter().map(|(_, score)| (score - largest).exp()).sum::<f64>().ln();
        found.iter_mut().for_each(|(_, score)| *score = (*score - log_sum).exp());
        (found, log_sum)
    }
}
