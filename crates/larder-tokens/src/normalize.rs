//! Texts that mean the same to most readers, made the same.

use tokenizers::normalizers::unicode::NFKC;
use tokenizers::{NormalizedString, Normalizer};

/// Normalises `text` for comparison: Unicode's compatibility forms (NFKC), case and runs of white space. Texts that
/// become equal are one to a reader.
pub fn normalize_for_comparison(text: &str) -> String {
    let mut normalised = NormalizedString::from(text);
    // Composing characters cannot fail; if it did, the text as it is would be compared.
    let composed = match NFKC.normalize(&mut normalised) {
        Ok(()) => normalised.get(),
        Err(_) => text,
    };
    composed.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_case_and_spaces_do_not_tell_texts_apart_and_letters_do() {
        // A ligature, full-width letters, a letter with its accent apart, a no-break space.
        assert_eq!(normalize_for_comparison("ﬁne  ＴＥＸＴ\n"), normalize_for_comparison("fine text"));
        assert_eq!(normalize_for_comparison("cafe\u{301} X"), normalize_for_comparison("CAFÉ\u{a0}x "));
        assert_ne!(normalize_for_comparison("cafe"), normalize_for_comparison("café"));
        assert_eq!(normalize_for_comparison("  "), "");
    }
}
