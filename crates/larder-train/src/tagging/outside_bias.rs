//! The outside bias, added to the score of `O` when decoding: the best on held-out sentences, if it gains more than chance.
//!
//! F1 with it is measured on sentences that did not choose it: each part of them is decoded with the bias that is best on
//! the others.

use larder_metrics::stratified_folds;

use super::scores::SentenceCounts;
use crate::error::TrainError;
use crate::threshold::TuningGain;

/// Biases tried on either side of 0, and how far apart.
const BIASES: i32 = 16;
const BIAS_STEP: f64 = 0.25;

/// Parts of the held-out sentences: each is judged with the bias that is best on the others.
const PARTS: usize = 5;

/// The best bias, and what it gains.
pub(crate) struct TunedBias {
    /// The best on all held-out sentences, the smallest of several.
    pub(crate) bias: f64,
    /// Each sentence decoded with the bias that is best on the other parts.
    pub(crate) counts: Vec<SentenceCounts>,
    /// Of the best on all held-out sentences, beside none. It decides alone: what is left of it on the other parts is too noisy
    /// to, and cost WNUT-17 0.019 of F1 (`docs/tagging.md`).
    pub(crate) gain: TuningGain,
}

/// Tunes the bias on held-out sentences, which `count` decodes with a bias; `plain` are their counts without. `None` of a
/// single sentence, which has no others to choose by.
pub(crate) fn tune_outside_bias(
    plain: Vec<SentenceCounts>,
    count: impl Fn(f64) -> Vec<SentenceCounts>,
    seed: u64,
) -> Result<Option<TunedBias>, TrainError> {
    let parts = PARTS.min(plain.len());
    if parts < 2 {
        return Ok(None);
    }
    let kinds: Vec<usize> = plain.iter().map(|sentence| usize::from(sentence.has_entities())).collect();
    let part_of = stratified_folds(&kinds, parts, seed)?;
    // From 0 outwards, so that the first of equal ones is the smallest.
    let mut tried = vec![(0.0, plain)];
    for step in 1..=BIASES {
        for sign in [-1.0, 1.0] {
            let bias = sign * f64::from(step) * BIAS_STEP;
            tried.push((bias, count(bias)));
        }
    }
    let best_without = |part: Option<usize>| {
        let f1_of = |counts: &[SentenceCounts]| {
            let kept = counts.iter().zip(&part_of).filter(|(_, of)| Some(**of) != part);
            f1(kept.map(|(sentence, _)| sentence)).0
        };
        let scores: Vec<f64> = tried.iter().map(|(_, counts)| f1_of(counts)).collect();
        (0..scores.len()).fold(0, |best, at| if scores[at] > scores[best] { at } else { best })
    };
    let best: Vec<usize> = (0..parts).map(|part| best_without(Some(part))).collect();
    let counts: Vec<SentenceCounts> =
        part_of.iter().enumerate().map(|(sentence, &part)| tried[best[part]].1[sentence]).collect();
    let (bias, of_best) = &tried[best_without(None)];
    Ok(Some(TunedBias { bias: *bias, counts, gain: gain(of_best, &tried[0].1) }))
}

/// Micro F1, and all entities of gold and answers; 0 of none.
fn f1<'a>(sentences: impl Iterator<Item = &'a SentenceCounts>) -> (f64, f64) {
    let [right, size] = sentences.fold([0.0, 0.0], |sum, sentence| {
        let parts = sentence.parts();
        [sum[0] + parts[0], sum[1] + parts[1]]
    });
    (if size > 0.0 { right / size } else { 0.0 }, size)
}

/// The difference of F1 of two decodings of the same sentences, and its standard error: F1 is a ratio of two sums, and to
/// first order the difference of two is a sum over the sentences.
fn gain(first: &[SentenceCounts], second: &[SentenceCounts]) -> TuningGain {
    let (of_first, of_second) = (f1(first.iter()), f1(second.iter()));
    let part = |(f1, size): (f64, f64), sentence: &SentenceCounts| {
        let [right, of_sentence] = sentence.parts();
        (right - f1 * of_sentence) / size.max(1.0)
    };
    let squares: f64 = first.iter().zip(second).map(|(a, b)| (part(of_first, a) - part(of_second, b)).powi(2)).sum();
    TuningGain { gain: of_first.0 - of_second.0, standard_error: squares.sqrt() }
}

#[cfg(test)]
mod tests {
    use larder_tags::TagSet;

    use super::*;

    /// The counts of a sentence of one entity: found, missed, or found beside a wrong one.
    fn sentence(gold: bool, found: bool, more: bool) -> SentenceCounts {
        let tags = TagSet::new(["x".to_owned()]);
        let classes = |first: bool, second: bool| tags.entities(&[usize::from(first), 0, usize::from(second)]);
        SentenceCounts::of(&classes(gold, false), &classes(found, more))
    }

    /// Sentences whose entity is found from a bias below 0 on, as `found` says, and that answer another one too where `more`
    /// says so.
    fn tuned(count: usize, found: impl Fn(usize, f64) -> bool, more: impl Fn(usize, f64) -> bool) -> TunedBias {
        let of = |bias: f64| {
            (0..count).map(|at| sentence(at % 2 == 0, at % 2 == 0 && found(at, bias), more(at, bias))).collect()
        };
        tune_outside_bias(of(0.0), of, 0).unwrap().unwrap()
    }

    #[test]
    fn a_bias_that_finds_more_entities_is_taken() {
        // At 0 a third of the entities are found, at -1 all of them; from -1.5 on every sentence has one too many.
        let best = tuned(200, |at, bias| at % 3 == 0 || bias <= -1.0, |_, bias| bias <= -1.5);
        assert_eq!(best.bias, -1.0);
        assert!(best.gain.is_taken() && best.gain.gain > 0.4, "{:?}", best.gain);
        assert_eq!(best.counts, (0..200).map(|at| sentence(at % 2 == 0, at % 2 == 0, false)).collect::<Vec<_>>());
    }

    #[test]
    fn what_a_bias_gains_by_chance_is_not_taken() {
        // From -1 on three more entities are found and four others answered wrongly, in different sentences.
        let best = tuned(
            120,
            |at, bias| at % 4 == 0 || bias <= -1.0 && [2, 22, 42].contains(&at),
            |at, bias| bias <= -1.0 && [1, 31, 61, 91].contains(&at),
        );
        assert!(best.bias != 0.0 && best.gain.gain > 0.0, "on the sentences themselves it gains: {:?}", best.gain);
        assert!(!best.gain.is_taken(), "{:?}", best.gain);
    }

    #[test]
    fn the_standard_error_is_that_of_many_draws() {
        // 300 sentences: of two decodings both find, the first alone, the second alone, or neither and the second one too many.
        let kinds = [(true, true, false), (true, false, false), (false, true, false), (false, false, true)];
        let pair = |kind: usize| {
            let (first, second, more) = kinds[kind];
            (sentence(true, first, false), sentence(true, second, more))
        };
        let of = |kinds: &[usize]| {
            let (first, second): (Vec<_>, Vec<_>) = kinds.iter().map(|&kind| pair(kind)).unzip();
            gain(&first, &second)
        };
        let all: Vec<usize> = (0..300).map(|at| [0, 0, 1, 1, 1, 2, 3][at % 7]).collect();
        let found = of(&all);
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all[(state >> 33) as usize % 300]
        };
        let draws: Vec<f64> = (0..4_000).map(|_| of(&(0..300).map(|_| draw()).collect::<Vec<_>>()).gain).collect();
        let mean = draws.iter().sum::<f64>() / 4_000.0;
        let deviation = (draws.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / 4_000.0).sqrt();
        // The deviation of 4,000 draws is known to 1.1 %; the first-order formula adds about as much again.
        assert!((found.standard_error / deviation - 1.0).abs() < 0.05, "{found:?} {deviation}");
    }

    #[test]
    fn one_sentence_has_no_others_to_choose_by() {
        assert!(tune_outside_bias(vec![SentenceCounts::default()], |_| Vec::new(), 0).unwrap().is_none());
    }
}
