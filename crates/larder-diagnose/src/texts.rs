//! Texts as the encoder reads them: cut ones, and words that its tokenizer does not know.

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
}

/// [`TruncatedTexts`](DiagnosisKind::TruncatedTexts) where many texts are longer than what was read of them.
pub fn diagnose_lengths(split: Option<&str>, lengths: &Lengths) -> Option<Diagnosis> {
    let Lengths { rows, cut_rows, tokens, cut_tokens, longest, max_tokens, encoder_tokens } = *lengths;
    if cut_rows == 0 || (cut_rows as f64) < MANY_CUT * rows as f64 {
        return None;
    }
    let remedy = if max_tokens < encoder_tokens {
        format!(
            "`--max-tokens {}` reads more of them (the encoder reads up to {encoder_tokens})",
            longest.min(encoder_tokens)
        )
    } else {
        format!(
            "the encoder reads no more than {encoder_tokens} tokens: put what matters first, cut long texts into rows of their \
             own, or take an encoder that reads more"
        )
    };
    let finding = Diagnosis::new(
        DiagnosisKind::TruncatedTexts,
        format!("texts of {} were cut", split.unwrap_or("train")),
        format!(
            "{cut_rows} of {rows} rows ({:.1} %) have more than {max_tokens} tokens, the longest {longest}; {:.1} % of all tokens \
             were not read",
            100.0 * cut_rows as f64 / rows as f64,
            100.0 * cut_tokens as f64 / (tokens + cut_tokens).max(1) as f64
        ),
        remedy,
    );
    Some(match split {
        Some(split) => finding.on(split),
        None => finding,
    })
}

/// A split's tokens beside its words.
#[derive(Debug, Clone)]
pub struct Spelling {
    /// Tokens, special ones left out.
    pub tokens: u64,
    /// Of these, those that stand for what the vocabulary cannot spell.
    pub unknown: u64,
    /// What they stand for, the most frequent first, with how often.
    pub examples: Vec<(String, u64)>,
    /// Words of letters in scripts that put spaces between words.
    pub words: u64,
    /// Their tokens.
    pub word_tokens: u64,
}

/// [`UnknownTokens`](DiagnosisKind::UnknownTokens) where the tokenizer's vocabulary is not that of the texts.
pub fn diagnose_spelling(split: Option<&str>, spelling: &Spelling) -> Option<Diagnosis> {
    let Spelling { tokens, unknown, examples, words, word_tokens } = spelling;
    let share = *unknown as f64 / (*tokens).max(1) as f64;
    let pieces = *word_tokens as f64 / (*words).max(1) as f64;
    let place = split.unwrap_or("train");
    let (finding, evidence) = if share >= MANY_UNKNOWN {
        let named: Vec<String> = examples.iter().map(|(text, count)| format!("`{text}` ({count})")).collect();
        (
            format!("the tokenizer does not know much of what {place} is written in"),
            format!(
                "{unknown} of {tokens} tokens ({:.1} %) stand for something unknown, most often {}",
                100.0 * share,
                named.join(", ")
            ),
        )
    } else if *words >= ENOUGH_WORDS && pieces >= MANY_PIECES {
        (
            format!("the tokenizer spells the words of {place} letter by letter"),
            format!(
                "{word_tokens} tokens for {words} words, {pieces:.1} a word where a vocabulary of that language has 1 to 2"
            ),
        )
    } else {
        return None;
    };
    let remedy = "take an encoder of the texts' language and script (`--encoder`), and check that `tokenizer.json` is the one that \
                  it was trained with (`larder encoder show`)";
    let finding = Diagnosis::new(DiagnosisKind::UnknownTokens, finding, evidence, remedy);
    Some(match split {
        Some(split) => finding.on(split),
        None => finding,
    })
}

/// [`UnknownTokens`](DiagnosisKind::UnknownTokens) where an encoder has far more vectors than its tokenizer has tokens: it was
/// trained with another.
pub fn diagnose_vocabulary(vectors: usize, vocabulary: usize) -> Option<Diagnosis> {
    let unreached = vectors.saturating_sub(vocabulary);
    if (unreached as f64) < MANY_UNREACHED * vocabulary as f64 {
        return None;
    }
    Some(Diagnosis::new(
        DiagnosisKind::UnknownTokens,
        "the tokenizer may not be the one that the encoder was trained with",
        format!("the encoder has vectors for {vectors} tokens, the tokenizer knows {vocabulary}"),
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
        };
        let found = diagnose_lengths(Some("dev"), &lengths).unwrap();
        assert!(found.evidence.contains("5 of 100 rows (5.0 %)") && found.evidence.contains("10.0 %"), "{found}");
        assert!(found.remedy.contains("--max-tokens 60") && found.split.as_deref() == Some("dev"), "{found}");
        let full = Lengths { max_tokens: 512, longest: 700, ..lengths };
        assert!(!diagnose_lengths(None, &full).unwrap().remedy.contains("--max-tokens"));
        assert_eq!(diagnose_lengths(None, &Lengths { cut_rows: 0, ..lengths }), None);
        assert_eq!(diagnose_lengths(None, &Lengths { rows: 1000, ..lengths }), None);
    }

    #[test]
    fn unknown_tokens_and_spelled_words_are_told_apart() {
        let known = Spelling { tokens: 1000, unknown: 3, examples: Vec::new(), words: 700, word_tokens: 900 };
        assert_eq!(diagnose_spelling(None, &known), None);
        let unknown = Spelling { unknown: 60, examples: vec![("Приве́т".to_owned(), 40)], ..known.clone() };
        let found = diagnose_spelling(None, &unknown).unwrap();
        assert!(found.evidence.contains("6.0 %") && found.evidence.contains("`Приве́т` (40)"), "{found}");
        let spelled = Spelling { words: 200, word_tokens: 900, ..known.clone() };
        assert!(diagnose_spelling(Some("dev"), &spelled).unwrap().evidence.contains("4.5 a word"));
        assert_eq!(diagnose_spelling(None, &Spelling { words: 20, word_tokens: 90, ..known }), None);
    }

    #[test]
    fn a_padded_table_is_no_mismatch_and_another_vocabulary_is() {
        assert_eq!(diagnose_vocabulary(30_528, 30_522), None);
        assert_eq!(diagnose_vocabulary(30_522, 30_522), None);
        assert!(diagnose_vocabulary(119_547, 30_522).unwrap().evidence.contains("119547"));
    }
}
