//! The separator of columns, as a description writes it: a word or one character.

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::choice::Separator;
use crate::spec_problem::SpecProblem;

/// The separator of columns as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeparatorText {
    /// `tab`, `space` or `whitespace`.
    Word(Separator),
    /// One ASCII character.
    Character(u8),
}

impl SeparatorText {
    /// Returns the separator of the columns of a CoNLL line.
    pub fn of_conll(self) -> Result<Separator, SpecProblem> {
        match self {
            Self::Word(word) => Ok(word),
            Self::Character(b'\t') => Ok(Separator::Tab),
            Self::Character(b' ') => Ok(Separator::Space),
            Self::Character(_) => Err(self.refused("conll", "`tab`, `space` or `whitespace`")),
        }
    }

    /// Returns the character between the fields of a CSV file.
    pub fn of_csv(self) -> Result<u8, SpecProblem> {
        match self {
            Self::Word(Separator::Tab) => Ok(b'\t'),
            Self::Word(Separator::Space) => Ok(b' '),
            Self::Word(Separator::Whitespace) | Self::Character(b'"' | b'\r' | b'\n') => {
                Err(self.refused("csv", "one character, such as `;`"))
            }
            Self::Character(character) => Ok(character),
        }
    }

    fn refused(self, format: &'static str, known: &'static str) -> SpecProblem {
        let found = match self {
            Self::Word(word) => word.to_string(),
            Self::Character(character) => char::from(character).escape_default().to_string(),
        };
        SpecProblem::Separator { found, format, known }
    }
}

impl<'de> Deserialize<'de> for SeparatorText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = SeparatorText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`tab`, `space`, `whitespace` or one character")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SeparatorText, E> {
                match text.as_bytes() {
                    [character] if character.is_ascii() => Ok(SeparatorText::Character(*character)),
                    _ => text.parse().map(SeparatorText::Word).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
