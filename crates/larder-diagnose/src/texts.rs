//! Texts as the encoder reads them: cut ones, and words that its tokenizer does not know.

use crate::evidence::{Evidence, SPLIT};
use crate::{Diagnosis, DiagnosisKind};

/// Cut texts below this share decide nothing.
const MANY_CUT: f64 = 0.01;

/// Unknown tokens from this share on: in plain English a cased or uncased vocabulary of 30,000 has below 0.1 %, in posts full
/// of emoji below 1 %.
const MANY_UNKNOWN: f64 = 0.02;

/// Tokens a word from which on the vocabulary spells rather than knows: English has 1.1 to 1.6 in English vocabularies, German
/// in a multilingual one about 1.7, and Russian in an English one about 5.
const MANY_PIECES: f64 = 4.0;

/// Words below which a mean says nothing.
const ENOUGH_WORDS: u64 = 100;

/// Vectors of the encoder that no token of the tokenizer reaches, as a share of the tokens there are: tables are padded to a
/// round number of rows, by less than this.
const MANY_UNREACHED: f64 = 0.1;

/// Lengths of a split's texts.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    /// Rows.
    pub rows: usize,
    /// Rows that were cut.
    pub cut_rows: usize,
    /// Tokens that were kept.
    pub tokens: u64,
    /// Tokens that were cut off.
    pub cut_tokens: u64,
    /// The longest text, in tokens, had it not been cut.
    pub longest: usize,
    /// Tokens that a text might have.
    pub max_tokens: usize,
    /// Tokens that the encoder can read.
    pub encoder_tokens: usize,
    /// True if texts could have been read in windows.
    pub could_be_windows: bool,
}

/// Diagnoses [`TruncatedTexts`](DiagnosisKind::TruncatedTexts) if many texts are longer than what was read of them.
pub fn diagnose_lengths(split: Option<&str>, lengths: &Lengths) -> Option<Diagnosis> {
    let Lengths { rows, cut_rows, tokens, cut_tokens, longest, max_tokens, encoder_tokens, could_be_windows } =
        *lengths;
    if cut_rows == 0 || (cut_rows as f64) < MANY_CUT * rows as f64 {
        return None;
    }
    let remedy = if max_tokens < encoder_tokens {
        format!(
            "`--max-tokens {}` reads more of them (the encoder reads up to {encoder_tokens})",
            longest.min(encoder_tokens)
        )
    } else if could_be_windows {
        format!(
            "the encoder reads no more than {encoder_tokens} tokens: `--long windows` reads all of a text, in windows whose vectors \
             are pooled into one; or take an encoder that reads more"
        )
    } else {
        format!(
            "the encoder reads no more than {encoder_tokens} tokens: put what matters first, cut long texts into rows of their \
             own, or take an encoder that reads more"
        )
    };
    let finding = Diagnosis::new(
        DiagnosisKind::TruncatedTexts,
        format!("texts of {SPLIT} were cut"),
        Evidence::default()
            .count("cut rows", cut_rows)
            .text(" of ")
            .count("rows", rows)
            .text(" rows (")
            .percent("share", cut_rows as f64 / rows as f64)
            .text(") have more than ")
            .count("max tokens", max_tokens)
            .text(" tokens, the longest ")
            .count("longest", longest)
            .text("; ")
            .percent("share of tokens", cut_tokens as f64 / (tokens + cut_tokens).max(1) as f64)
            .text(" of all tokens were not read"),
        remedy,
    );
    Some(match split {
        Some(split) => finding.on(split),
        None => finding,
    })
}

/// A split's tokens beside its words.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    /// Tokens, special ones left out.
    pub tokens: u64,
    /// The tokens among these for pieces that the vocabulary cannot spell.
    pub unknown: u64,
    /// The tokens among `unknown` for words without a sign ([`has_sign`]).
    pub unknown_words: u64,
    /// The pieces that they stand for, the most frequent first, with their counts.
    pub examples: Vec<(String, u64)>,
    /// Words of letters in scripts that put spaces between words.
    pub words: u64,
    /// Their tokens.
    pub word_tokens: u64,
    /// Letters of scripts that put no spaces between words, or are read sign by sign.
    pub letters: u64,
    /// Their tokens.
    pub letter_tokens: u64,
}

/// Tokens a letter from which on the vocabulary spells Chinese, Japanese, Korean or Thai in bytes: one that knows the script has
/// one token a letter at most, bytes are three.
const BYTES_A_LETTER: f64 = 1.5;

/// Returns true if `text` has an emoji or a like sign, which no language's vocabulary needs to have.
pub fn has_sign(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{e000}'..='\u{f8ff}' | '\u{20e3}' | '\u{fe0f}')
    }) || (!text.is_empty() && !text.chars().any(char::is_alphabetic))
}

/// Diagnoses [`UnknownTokens`](DiagnosisKind::UnknownTokens) if the tokenizer's vocabulary is not that of the texts.
pub fn diagnose_spelling(split: Option<&str>, spelling: &Spelling) -> Option<Diagnosis> {
    let Spelling { tokens, unknown, unknown_words, examples, words, word_tokens, letters, letter_tokens } = spelling;
    let share = *unknown as f64 / (*tokens).max(1) as f64;
    let pieces = *word_tokens as f64 / (*words).max(1) as f64;
    let bytes = *letter_tokens as f64 / (*letters).max(1) as f64;
    let of_the_language = "take an encoder of the texts' language and script (`--encoder`), and check that `tokenizer.json` is the \
                           one that it was trained with (`larder encoder show`)";
    let (finding, evidence, remedy) = if share >= MANY_UNKNOWN {
        let mut evidence = Evidence::default().count("unknown", *unknown).text(" of ").count("tokens", *tokens);
        evidence = evidence.text(" tokens (").percent("share", share).text(") stand for something unknown");
        for (at, (text, count)) in examples.iter().enumerate() {
            let before = if at == 0 { ", most often " } else { ", " };
            evidence = evidence.text(format!("{before}`{text}` (")).count("times", *count).text(")");
        }
        if 2 * unknown_words >= *unknown {
            (format!("the tokenizer does not know much of what {SPLIT} is written in"), evidence, of_the_language)
        } else {
            let finding = format!("the tokenizer does not know emoji or signs that {SPLIT} is full of");
            let remedy = "if they matter, put words in their place, or take an encoder that was trained on such texts or whose \
                          tokenizer spells what it does not know in bytes (`--encoder`)";
            (finding, evidence, remedy)
        }
    } else if *words >= ENOUGH_WORDS && pieces >= MANY_PIECES {
        let evidence =
            Evidence::default().count("word tokens", *word_tokens).text(" tokens for ").count("words", *words);
        let evidence = evidence.text(" words, ").spelled("pieces", pieces, format!("{pieces:.1}"));
        let evidence = evidence.text(" a word, where a vocabulary of their language has one or two");
        (format!("the tokenizer cuts the words of {SPLIT} into many pieces"), evidence, of_the_language)
    } else if *letters >= ENOUGH_WORDS && bytes >= BYTES_A_LETTER {
        let evidence = Evidence::default().count("letter tokens", *letter_tokens).text(" tokens for ");
        let evidence = evidence.count("letters", *letters).text(" letters of scripts without spaces, ");
        let evidence = evidence.spelled("bytes", bytes, format!("{bytes:.1}"));
        let evidence = evidence.text(" a letter, where a vocabulary of their language has one at most");
        (format!("the tokenizer spells the letters of {SPLIT} in bytes"), evidence, of_the_language)
    } else {
        return None;
    };
    let finding = Diagnosis::new(DiagnosisKind::UnknownTokens, finding, evidence, remedy);
    Some(match split {
        Some(split) => finding.on(split),
        None => finding,
    })
}

/// Diagnoses [`UnknownTokens`](DiagnosisKind::UnknownTokens) if an encoder has far more vectors than its tokenizer has
/// tokens: it was trained with another.
pub fn diagnose_vocabulary(vectors: usize, vocabulary: usize) -> Option<Diagnosis> {
    let unreached = vectors.saturating_sub(vocabulary);
    if (unreached as f64) < MANY_UNREACHED * vocabulary as f64 {
        return None;
    }
    Some(Diagnosis::new(
        DiagnosisKind::UnknownTokens,
        "the tokenizer may not be the one that the encoder was trained with",
        Evidence::new("the encoder has vectors for ")
            .count("vectors", vectors)
            .text(" tokens, the tokenizer knows ")
            .count("vocabulary", vocabulary),
        "add the encoder with its own `tokenizer.json` (`larder encoder add MODEL --tokenizer FILE`)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_texts_are_told_with_the_flag_or_the_encoders_limit() {
        let lengths = Lengths {
            rows: 100,
            cut_rows: 5,
            tokens: 900,
            cut_tokens: 100,
            longest: 60,
            max_tokens: 16,
            encoder_tokens: 512,
            could_be_windows: false,
        };
        let found = diagnose_lengths(Some("dev"), &lengths).unwrap();
        assert!(found.evidence.contains("5 of 100 rows (5.0 %)") && found.evidence.contains("10.0 %"), "{found}");
        assert!(found.remedy.contains("--max-tokens 60") && found.split.as_deref() == Some("dev"), "{found}");
        let full = Lengths { max_tokens: 512, longest: 700, ..lengths };
        assert!(!diagnose_lengths(None, &full).unwrap().remedy.contains("--"));
        let full = Lengths { could_be_windows: true, ..full };
        assert!(diagnose_lengths(None, &full).unwrap().remedy.contains("`--long windows`"));
        assert_eq!(diagnose_lengths(None, &Lengths { cut_rows: 0, ..lengths }), None);
        assert_eq!(diagnose_lengths(None, &Lengths { rows: 1000, ..lengths }), None);
    }

    #[test]
    fn unknown_tokens_and_spelled_words_are_told_apart() {
        let known = Spelling { tokens: 1000, unknown: 3, words: 700, word_tokens: 900, ..Spelling::default() };
        assert_eq!(diagnose_spelling(None, &known), None);
        let unknown =
            Spelling {
                unknown: 60, unknown_words: 60, examples: vec![("Приве́т".to_owned(), 40)], ..known.clone()
            };
        let found = diagnose_spelling(None, &unknown).unwrap();
        assert!(found.evidence.contains("6.0 %") && found.evidence.contains("`Приве́т` (40)"), "{found}");
        let spelled = Spelling { words: 200, word_tokens: 900, ..known.clone() };
        assert!(diagnose_spelling(Some("dev"), &spelled).unwrap().evidence.contains("4.5 a word"));
        assert!(found.remedy.contains("language"), "{found}");
        assert_eq!(diagnose_spelling(None, &Spelling { words: 20, word_tokens: 90, ..known.clone() }), None);
        let bytes = Spelling { letters: 300, letter_tokens: 750, ..known };
        assert!(diagnose_spelling(Some("dev"), &bytes).unwrap().evidence.contains("2.5 a letter"));
    }

    #[test]
    fn emoji_are_no_language() {
        let examples = vec![("😀".to_owned(), 60)];
        let posts =
            Spelling { tokens: 1000, unknown: 60, examples, words: 700, word_tokens: 900, ..Spelling::default() };
        let found = diagnose_spelling(Some("dev"), &posts).unwrap();
        assert!(found.finding.contains("emoji or signs that dev") && !found.remedy.contains("language"), "{found}");
        let signs = ["😀", "so😀", "☂️", "→", "12€", "\u{200b}", "❤", "🏳️‍🌈"];
        assert!(signs.iter().all(|text| has_sign(text)));
        assert!(["Приве́т", "猫", "naïve", "नमस्ते", "أهلا", "x₂"].iter().all(|text| !has_sign(text)));
    }

    #[test]
    fn a_padded_table_is_no_mismatch_and_another_vocabulary_is() {
        assert_eq!(diagnose_vocabulary(30_528, 30_522), None);
        assert_eq!(diagnose_vocabulary(30_522, 30_522), None);
        assert!(diagnose_vocabulary(119_547, 30_522).unwrap().evidence.contains("119547"));
    }
}
