//! Sums over all legal sequences of classes of a sentence: forward and backward.
//!
//! The score of a sequence `y` of `T` words is `start[y₀] + Σₜ emissions[t, yₜ] + Σₜ transitions[yₜ₋₁, yₜ]`, and minus
//! infinity if the sequence is illegal; its probability is the exponential of that, divided by the sum over all
//! sequences (Lafferty, McCallum and Pereira 2001, *Conditional Random Fields*).
//!
//! # Why this is exact
//! Everything is kept as logarithms, each word's row shifted so that its largest is 0. A step adds up
//! `Σᵢ exp(αᵢ) · exp(Tᵢⱼ - max T)`, with the second factor computed once for all words: terms are at most 1, so nothing
//! overflows, and a term that underflows is wrong by less than 1e-320. Where the sum is above [`SAFE`] that is far below
//! rounding; where it is not (a class that only words of minute probability lead to), the step is done again with the
//! sum's own largest term taken out. Marginals are normalised at their word, so they do not lose digits in long
//! sentences.

use super::rules::Rules;

/// A sum of terms of at most 1 that is above this has lost nothing to underflow: what is lost is below 1e-320 a term.
const SAFE: f64 = 1e-280;

/// The part of the scores that is the same at every word.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    classes: usize,
    /// `[classes, classes]`, minus infinity where illegal.
    transitions: Vec<f64>,
    /// `[classes]`, minus infinity where no sentence may start.
    start: Vec<f64>,
    /// The largest transition.
    shift: f64,
    /// `exp(transitions - shift)`.
    factors: Vec<f64>,
    /// The same, next class first.
    turned: Vec<f64>,
}

/// The intermediate sums of one sentence; the memory is reused for the next one.
#[derive(Debug, Default)]
pub(crate) struct Lattice {
    words: usize,
    classes: usize,
    /// `[words, classes]`: logarithms of the sums over all beginnings, each row's largest 0.
    alpha: Vec<f64>,
    /// `exp(alpha)`.
    begun: Vec<f64>,
    /// `[words, classes]`: what reaches a class before its own emission, up to a factor for each row.
    reach: Vec<f64>,
    /// `[words, classes]`: logarithms of the sums over all ends, each row's largest 0.
    beta: Vec<f64>,
    /// Logarithm of the sum over all sequences.
    log_sum: f64,
}

/// Expected numbers of transitions, `[classes, classes]`, over many sentences of one chain.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// Still to be multiplied by the factors.
    scaled: Vec<f64>,
    exact: Vec<f64>,
}

impl Pairs {
    pub(crate) fn new(classes: usize) -> Self {
        Self { scaled: vec![0.0; classes * classes], exact: vec![0.0; classes * classes] }
    }

    /// Adds the expected numbers to `target`.
    pub(crate) fn add_to(&self, chain: &Chain, target: &mut [f64]) {
        for (((target, exact), scaled), factor) in
            target.iter_mut().zip(&self.exact).zip(&self.scaled).zip(&chain.factors)
        {
            *target += exact + if *factor > 0.0 { scaled * factor } else { 0.0 };
        }
    }
}

impl Chain {
    /// Transitions `[classes, classes]` and start scores `[classes]` under the rules: what they forbid is forbidden,
    /// whatever stands there.
    pub(crate) fn new(rules: &Rules, transitions: &[f64], start: &[f64]) -> Self {
        let classes = rules.classes();
        let pair = |at: usize| (at / classes, at % classes);
        let transitions: Vec<f64> = (0..classes * classes)
            .map(|at| if rules.may_follow(pair(at).0, pair(at).1) { transitions[at] } else { f64::NEG_INFINITY })
            .collect();
        let start = (0..classes).map(|at| if rules.may_start(at) { start[at] } else { f64::NEG_INFINITY }).collect();
        let shift = transitions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let factors: Vec<f64> = transitions.iter().map(|score| (score - shift).exp()).collect();
        let turned = (0..classes * classes).map(|at| factors[pair(at).1 * classes + pair(at).0]).collect();
        Self { classes, transitions, start, shift, factors, turned }
    }

    /// A chain without scores of its own: only the rules.
    pub(crate) fn of_rules(rules: &Rules) -> Self {
        let classes = rules.classes();
        Self::new(rules, &vec![0.0; classes * classes], &vec![0.0; classes])
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    pub(crate) fn start(&self, class: usize) -> f64 {
        self.start[class]
    }

    /// The score of `next` after `previous`.
    pub(crate) fn transition(&self, previous: usize, next: usize) -> f64 {
        self.transitions[previous * self.classes + next]
    }

    /// The score of one sequence under `emissions` `[words, classes]`.
    pub(crate) fn score(&self, emissions: &[f64], sequence: &[usize]) -> f64 {
        let mut score = 0.0;
        for (word, &class) in sequence.iter().enumerate() {
            score += emissions[word * self.classes + class];
            score += match word.checked_sub(1) {
                None => self.start[class],
                Some(before) => self.transition(sequence[before], class),
            };
        }
        score
    }

    /// The sums over all beginnings; returns the logarithm of the sum over all sequences. `emissions` are finite,
    /// `[words, classes]`, of one word at least.
    pub(crate) fn forward(&self, emissions: &[f64], lattice: &mut Lattice) -> f64 {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been found to have AVX2.
            return unsafe { self.forward_avx2(emissions, lattice) };
        }
        self.forward_any(emissions, lattice)
    }

    /// The sums over all ends, after [`forward`](Self::forward).
    ///
    /// Writes the probability of each class at each word into `marginals` `[words, classes]`, and adds the expected
    /// numbers of transitions to `pairs`.
    pub(crate) fn backward(
        &self,
        emissions: &[f64],
        lattice: &mut Lattice,
        marginals: &mut [f64],
        pairs: Option<&mut Pairs>,
    ) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been found to have AVX2.
            return unsafe { self.backward_avx2(emissions, lattice, marginals, pairs) };
        }
        self.backward_any(emissions, lattice, marginals, pairs);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn forward_avx2(&self, emissions: &[f64], lattice: &mut Lattice) -> f64 {
        self.forward_any(emissions, lattice)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn backward_avx2(
        &self,
        emissions: &[f64],
        lattice: &mut Lattice,
        marginals: &mut [f64],
        pairs: Option<&mut Pairs>,
    ) {
        self.backward_any(emissions, lattice, marginals, pairs);
    }

    #[inline(always)]
    fn forward_any(&self, emissions: &[f64], lattice: &mut Lattice) -> f64 {
        let classes = self.classes;
        lattice.prepare(emissions.len() / classes, classes);
        let Lattice { alpha, begun, reach, .. } = lattice;
        let mut log_sum = 0.0;
        for (word, emissions) in emissions.chunks_exact(classes).enumerate() {
            let from = word * classes;
            let (earlier, row) = alpha[..from + classes].split_at_mut(from);
            let reached = &mut reach[from..from + classes];
            match from.checked_sub(classes) {
                None => {
                    let largest = largest(&self.start);
                    log_sum += largest;
                    for (((row, reached), start), emission) in
                        row.iter_mut().zip(reached).zip(&self.start).zip(emissions)
                    {
                        *row = start - largest + emission;
                        *reached = (start - largest).exp();
                    }
                }
                Some(previous) => {
                    let before = &begun[previous..from];
                    reached.fill(0.0);
                    for (before, factors) in before.iter().zip(self.factors.chunks_exact(classes)) {
                        for (reached, factor) in reached.iter_mut().zip(factors) {
                            *reached += before * factor;
                        }
                    }
                    log_sum += self.shift;
                    for (next, ((row, &reached), emission)) in row.iter_mut().zip(&*reached).zip(emissions).enumerate()
                    {
                        let log = if reached > SAFE {
                            reached.ln()
                        } else {
                            let before = &earlier[previous..];
                            log_sum_exp((0..classes).map(|class| before[class] + self.transition(class, next)))
                                - self.shift
                        };
                        *row = log + emission;
                    }
                }
            }
            let largest = largest(row);
            log_sum += largest;
            for (row, begun) in row.iter_mut().zip(&mut begun[from..from + classes]) {
                *row -= largest;
                *begun = row.exp();
            }
        }
        log_sum += lattice.begun[lattice.begun.len() - classes..].iter().sum::<f64>().ln();
        lattice.log_sum = log_sum;
        log_sum
    }

    #[inline(always)]
    fn backward_any(
        &self,
        emissions: &[f64],
        lattice: &mut Lattice,
        marginals: &mut [f64],
        mut pairs: Option<&mut Pairs>,
    ) {
        let classes = self.classes;
        let words = lattice.words;
        let mut ahead = vec![0.0; classes];
        let mut ends = vec![0.0; classes];
        lattice.beta[(words - 1) * classes..].fill(0.0);
        for word in (0..words).rev() {
            let from = word * classes;
            let emissions = &emissions[from..from + classes];
            let (earlier, beta) = lattice.beta[..from + classes].split_at_mut(from);
            let alpha = &lattice.alpha[from..from + classes];
            // What follows a class, its own emission included.
            for ((ahead, beta), emission) in ahead.iter_mut().zip(&*beta).zip(emissions) {
                *ahead = beta + emission;
            }
            let largest_ahead = largest(&ahead);
            for (ends, ahead) in ends.iter_mut().zip(&ahead) {
                *ends = (ahead - largest_ahead).exp();
            }
            let marginals = &mut marginals[from..from + classes];
            let mut total = 0.0;
            for ((marginal, reach), ends) in marginals.iter_mut().zip(&lattice.reach[from..]).zip(&ends) {
                *marginal = reach * ends;
                total += *marginal;
            }
            let safe = total > SAFE;
            if safe {
                marginals.iter_mut().for_each(|marginal| *marginal /= total);
            } else {
                let log = log_sum_exp(alpha.iter().zip(&*beta).map(|(alpha, beta)| alpha + beta));
                for ((marginal, alpha), beta) in marginals.iter_mut().zip(alpha).zip(&*beta) {
                    *marginal = (alpha + beta - log).exp();
                }
            }
            let Some(previous) = from.checked_sub(classes) else { return };
            if let Some(pairs) = pairs.as_deref_mut() {
                if safe {
                    let begun = &lattice.begun[previous..from];
                    for (begun, pairs) in begun.iter().zip(pairs.scaled.chunks_exact_mut(classes)) {
                        let share = begun / total;
                        for (pair, ends) in pairs.iter_mut().zip(&ends) {
                            *pair += share * ends;
                        }
                    }
                } else {
                    let before = &lattice.alpha[previous..from];
                    let score = |at: usize| before[at / classes] + self.transitions[at] + ahead[at % classes];
                    let log = log_sum_exp((0..classes * classes).map(score));
                    for (at, pair) in pairs.exact.iter_mut().enumerate() {
                        *pair += (score(at) - log).exp();
                    }
                }
            }
            let before = &mut earlier[previous..];
            before.fill(0.0);
            for (ends, factors) in ends.iter().zip(self.turned.chunks_exact(classes)) {
                for (before, factor) in before.iter_mut().zip(factors) {
                    *before += ends * factor;
                }
            }
            for (class, before) in before.iter_mut().enumerate() {
                *before = if *before > SAFE {
                    before.ln()
                } else {
                    log_sum_exp((0..classes).map(|next| self.transition(class, next) + ahead[next] - largest_ahead))
                        - self.shift
                };
            }
            let most = largest(before);
            before.iter_mut().for_each(|before| *before -= most);
        }
    }
}

impl Lattice {
    fn prepare(&mut self, words: usize, classes: usize) {
        (self.words, self.classes) = (words, classes);
        for rows in [&mut self.alpha, &mut self.begun, &mut self.reach, &mut self.beta] {
            rows.resize(words * classes, 0.0);
        }
    }

    /// After both passes: the logarithm of the sum over all ends of the sentence after `word`, if `word` has class
    /// `class`; up to a constant of that word.
    pub(crate) fn beta(&self, word: usize, class: usize) -> f64 {
        self.beta[word * self.classes + class]
    }
}

/// The logarithm of a sum of exponentials, its largest term taken out first.
pub(crate) fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::enumeration::{Small, noise};
    use super::super::scaled::{ScaledChain, Workspace};
    use super::*;

    /// Sums, marginals and expected transitions by both ways of summing, where both work.
    fn check(small: &Small, expect_scaled: bool) {
        let classes = small.tags.len();
        let words = small.emissions.len() / classes;
        let (sequences, log_sum) = small.sequences();
        let mut expected_marginals = vec![0.0; words * classes];
        let mut expected_pairs = vec![0.0; classes * classes];
        for (sequence, probability) in &sequences {
            for (word, class) in sequence.iter().enumerate() {
                expected_marginals[word * classes + class] += probability;
            }
            for pair in sequence.windows(2) {
                expected_pairs[pair[0] * classes + pair[1]] += probability;
            }
        }
        // A few dozen additions and exponentials of float64 in another order.
        let near = |found: &[f64], expected: &[f64], what: &str| {
            for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!((found - expected).abs() < 1e-12, "{what} {at}: {found} for {expected}");
            }
        };
        let mut marginals = vec![f64::NAN; words * classes];
        let mut pairs = Pairs::new(classes);
        let mut lattice = Lattice::default();
        let found = small.chain.forward(&small.emissions, &mut lattice);
        assert!((found - log_sum).abs() < 1e-12 * log_sum.abs().max(1.0), "{found} for {log_sum}");
        small.chain.backward(&small.emissions, &mut lattice, &mut marginals, Some(&mut pairs));
        near(&marginals, &expected_marginals, "marginal");
        let mut counted = vec![0.0; classes * classes];
        pairs.add_to(&small.chain, &mut counted);
        near(&counted, &expected_pairs, "pair");

        let scaled = ScaledChain::new(&small.chain, &small.rules);
        let mut pairs = scaled.pairs();
        marginals.fill(f64::NAN);
        let found = scaled.sums(&small.emissions, &mut Workspace::default(), &mut marginals, &mut pairs);
        let mut counted = vec![0.0; classes * classes];
        pairs.add_to(&scaled, &mut counted);
        assert_eq!(found.is_some(), expect_scaled);
        match found {
            Some(found) => {
                assert!((found - log_sum).abs() < 1e-12 * log_sum.abs().max(1.0), "{found} for {log_sum}");
                near(&marginals, &expected_marginals, "scaled marginal");
                near(&counted, &expected_pairs, "scaled pair");
            }
            None => assert!(counted.iter().all(|&count| count == 0.0)),
        }
    }

    #[test]
    fn sums_are_those_over_all_sequences() {
        for words in 1..=6 {
            for (seed, spread) in [(1, 1.0), (2, 6.0), (3, 40.0)] {
                check(&Small::new(seed * 100 + words as u64, words, spread), true);
            }
        }
    }

    #[test]
    fn scores_beyond_the_range_of_numbers_lose_nothing() {
        // Differences of thousands: exponentials of them are 0 or infinite, and the sums still agree.
        for words in 2..=5 {
            for seed in 0..10 {
                check(&Small::new(seed * 100 + words as u64, words, 4000.0), false);
            }
        }
    }

    #[test]
    fn a_class_that_only_improbable_ones_lead_to_is_not_lost() {
        // At every word `O` is better by 900, but the third word must be `I-x`: 3,000 better than the rest.
        let mut small = Small::new(5, 4, 1.0);
        for word in 0..4 {
            small.emissions[word * 5] += 900.0;
        }
        small.emissions[2 * 5 + 2] += 3000.0;
        check(&small, false);
        let mut lattice = Lattice::default();
        small.chain.forward(&small.emissions, &mut lattice);
        let mut marginals = vec![0.0; 20];
        small.chain.backward(&small.emissions, &mut lattice, &mut marginals, None);
        assert!(marginals[2 * 5 + 2] > 0.999 && marginals[5 + 1] + marginals[5 + 2] > 0.999, "{marginals:?}");
    }

    #[test]
    fn a_hundred_thousand_words_keep_their_digits() {
        let words = 100_000;
        let small = Small::new(9, words, 8.0);
        let classes = small.tags.len();
        let mut lattice = Lattice::default();
        let mut marginals = vec![0.0; words * classes];
        let log_sum = small.chain.forward(&small.emissions, &mut lattice);
        small.chain.backward(&small.emissions, &mut lattice, &mut marginals, None);
        let scaled = ScaledChain::new(&small.chain, &small.rules);
        let mut others = vec![0.0; words * classes];
        let mut pairs = scaled.pairs();
        let other = scaled.sums(&small.emissions, &mut Workspace::default(), &mut others, &mut pairs).unwrap();
        // Rounding of 100,000 additions.
        assert!((log_sum - other).abs() < 1e-10 * log_sum.abs(), "{log_sum} {other}");
        for word in 0..words {
            let row = word * classes..(word + 1) * classes;
            assert!((marginals[row.clone()].iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (one, other) in marginals[row.clone()].iter().zip(&others[row]) {
                assert!((one - other).abs() < 1e-11, "word {word}: {one} {other}");
            }
        }
        // As many transitions as there are neighbours.
        let mut counted = vec![0.0; classes * classes];
        pairs.add_to(&scaled, &mut counted);
        assert!((counted.iter().sum::<f64>() - (words - 1) as f64).abs() < 1e-6);
    }

    #[test]
    fn many_classes_fill_several_panels() {
        // 12 types, 25 classes: against the other way of summing, which knows no panels.
        let tags = larder_tags::TagSet::new((0..12).map(|number| format!("t{number}")));
        let classes = tags.len();
        let rules = Rules::new(&tags, vec![true; classes]);
        let draw = |seed, count: usize| -> Vec<f64> { (0..count).map(|at| 4.0 * noise(seed, at)).collect() };
        let chain = Chain::new(&rules, &draw(1, classes * classes), &draw(2, classes));
        let emissions = draw(3, 30 * classes);
        let (mut one, mut other) = (vec![0.0; 30 * classes], vec![0.0; 30 * classes]);
        let (mut lattice, mut pairs) = (Lattice::default(), Pairs::new(classes));
        let log_sum = chain.forward(&emissions, &mut lattice);
        chain.backward(&emissions, &mut lattice, &mut one, Some(&mut pairs));
        let scaled = ScaledChain::new(&chain, &rules);
        let mut scaled_pairs = scaled.pairs();
        let found = scaled.sums(&emissions, &mut Workspace::default(), &mut other, &mut scaled_pairs).unwrap();
        assert!((log_sum - found).abs() < 1e-10);
        let mut counted = vec![vec![0.0; classes * classes]; 2];
        pairs.add_to(&chain, &mut counted[0]);
        scaled_pairs.add_to(&scaled, &mut counted[1]);
        for (one, other) in one.iter().zip(&other).chain(counted[0].iter().zip(&counted[1])) {
            assert!((one - other).abs() < 1e-11, "{one} {other}");
        }
    }
}
