//! Words of texts compared.

use std::collections::BTreeSet;

use serde::Serialize;

use super::LEVEL;
use super::texts::WordCounts;

/// Texts of both files that must have a word: of rarer ones no difference can be shown.
const FEWEST: u64 = 10;

/// Words that are told.
const TOLD: usize = 12;

/// The words that are in a larger share of one file's texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WordDifferences {
    /// Words that were compared: those that ten texts or more have.
    pub compared: usize,
    /// Words that differ.
    pub different: usize,
    /// The most different of them.
    pub words: Vec<WordDifference>,
}

/// A word that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WordDifference {
    /// The word, in lower case.
    pub word: String,
    /// The share of each file's texts that have it.
    pub shares: [f64; 2],
    /// The probability of a difference so large in any of the words compared, if all had one distribution (likelihood ratio, with
    /// Bonferroni's correction).
    pub p_value: f64,
}

impl WordDifferences {
    pub(super) fn of(first: &WordCounts, second: &WordCounts) -> Self {
        let words: BTreeSet<&String> = first.with.keys().chain(second.with.keys()).collect();
        let count = |of: &WordCounts, word: &String| of.with.get(word).copied().unwrap_or(0);
        let compared: Vec<(&String, [u64; 2])> = words
            .into_iter()
            .map(|word| (word, [count(first, word), count(second, word)]))
            .filter(|(_, counts)| counts.iter().sum::<u64>() >= FEWEST)
            .collect();
        let texts = [first.texts, second.texts];
        let difference = |&(word, counts): &(&String, [u64; 2])| {
            let statistic = likelihood_ratio(counts, texts);
            // Chi-squared with one degree of freedom.
            let p_value = (libm::erfc((statistic / 2.0).sqrt()) * compared.len() as f64).min(1.0);
            let shares = [0, 1].map(|at| counts[at] as f64 / texts[at].max(1) as f64);
            (statistic, WordDifference { word: word.clone(), shares, p_value })
        };
        let mut different: Vec<(f64, WordDifference)> =
            compared.iter().map(difference).filter(|(_, word)| word.p_value < LEVEL).collect();
        different.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let words = different.iter().take(TOLD).map(|(_, word)| word.clone()).collect();
        Self { compared: compared.len(), different: different.len(), words }
    }
}

/// Returns twice the log-likelihood that two shares have over that of one for both (Dunning 1993).
fn likelihood_ratio(with: [u64; 2], texts: [u64; 2]) -> f64 {
    let (all_with, all) = (with.iter().sum::<u64>() as f64, texts.iter().sum::<u64>() as f64);
    let term = |observed: f64, expected: f64| if observed > 0.0 { observed * (observed / expected).ln() } else { 0.0 };
    let of = |at: usize| {
        let (with, texts) = (with[at] as f64, texts[at] as f64);
        let expected = texts * all_with / all.max(1.0);
        term(with, expected) + term(texts - with, texts - expected)
    };
    (2.0 * (of(0) + of(1))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(texts: &[&str]) -> WordCounts {
        let mut counts = WordCounts::default();
        texts.iter().for_each(|text| counts.add([*text].into_iter()));
        counts
    }

    #[test]
    fn the_statistic_is_that_of_a_table_of_four() {
        // scipy.stats.chi2_contingency([[30, 70], [10, 90]], correction=False, lambda_="log-likelihood") of scipy 1.17.1.
        assert!((likelihood_ratio([30, 10], [100, 100]) - 12.97151432600681).abs() < 1e-9);
        assert_eq!(likelihood_ratio([0, 0], [5, 5]), 0.0);
    }

    #[test]
    fn words_that_differ_are_told_and_common_ones_are_not() {
        let mut one = vec!["Play the song, please."; 60];
        one.extend(["the weather"; 40]);
        let other = vec!["The weather in Rome"; 100];
        let found = WordDifferences::of(&counts(&one), &counts(&other));
        let words: Vec<&str> = found.words.iter().map(|word| word.word.as_str()).collect();
        assert!(words.contains(&"rome") && words.contains(&"play") && !words.contains(&"the"), "{words:?}");
        assert_eq!((found.compared, found.different), (7, 6), "the, play, song, please, weather, in, rome");
        let play = found.words.iter().find(|word| word.word == "play").unwrap();
        assert_eq!(play.shares, [0.6, 0.0]);
        assert!(WordDifferences::of(&counts(&one), &counts(&one)).words.is_empty());
    }
}
