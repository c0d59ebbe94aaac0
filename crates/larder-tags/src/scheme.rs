//! The tag schemes, each spelled one way in TOML, flags and messages.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

use crate::tag::Mark;

/// The scheme by which tags mark the extent of an entity. The crate's page tells when a sequence is legal in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `I-` marks the words of an entity, `B-` starts one only where it follows another of its type.
    Iob1,
    /// `B-` starts every entity, `I-` continues it; also called BIO.
    Iob2,
    /// `B-`, `I-`, `E-` for the last word, `S-` for an entity of one word; also called BIOES.
    Iobes,
    /// `B-`, `I-`, `L-` for the last word, `U-` for an entity of one word.
    Bilou,
}

/// A word that names no scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scheme `{found}` (known: `IOB1`, `IOB2` or `BIO`, `IOBES` or `BIOES`, `BILOU`)")]
pub struct UnknownScheme {
    /// The word found.
    pub found: String,
}

impl Scheme {
    /// Every scheme, in the order a help text lists them.
    pub const ALL: &[Self] = &[Self::Iob1, Self::Iob2, Self::Iobes, Self::Bilou];

    /// The spelling used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iob1 => "IOB1",
            Self::Iob2 => "IOB2",
            Self::Iobes => "IOBES",
            Self::Bilou => "BILOU",
        }
    }

    /// The letter that writes `mark`; `None` if the scheme lacks the mark.
    pub fn letter(self, mark: Mark) -> Option<char> {
        let letter = match (mark, self) {
            (Mark::Outside, _) => 'O',
            (Mark::Begin, _) => 'B',
            (Mark::Inside, _) => 'I',
            (Mark::End, Self::Iobes) => 'E',
            (Mark::Single, Self::Iobes) => 'S',
            (Mark::End, Self::Bilou) => 'L',
            (Mark::Single, Self::Bilou) => 'U',
            (Mark::End | Mark::Single, Self::Iob1 | Self::Iob2) => return None,
        };
        Some(letter)
    }

    /// The mark that `letter` writes; `None` if the scheme has no such letter.
    pub fn mark(self, letter: char) -> Option<Mark> {
        Mark::ALL.iter().copied().find(|mark| self.letter(*mark) == Some(letter))
    }

    /// Its tags, as a message lists them.
    pub(crate) fn known_tags(self) -> &'static str {
        match self {
            Self::Iob1 | Self::Iob2 => "`O`, `B-…`, `I-…`",
            Self::Iobes => "`O`, `B-…`, `I-…`, `E-…`, `S-…`",
            Self::Bilou => "`O`, `B-…`, `I-…`, `L-…`, `U-…`",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    /// Reads a spelling in any case, `BIO` and `BIOES` too.
    fn from_str(word: &str) -> Result<Self, UnknownScheme> {
        let named = |spelling: &str| spelling.eq_ignore_ascii_case(word);
        match () {
            () if named("BIO") => Ok(Self::Iob2),
            () if named("BIOES") => Ok(Self::Iobes),
            () => Self::ALL
                .iter()
                .copied()
                .find(|scheme| named(scheme.as_str()))
                .ok_or_else(|| UnknownScheme { found: word.to_owned() }),
        }
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_reads_its_own_spelling() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.as_str().to_lowercase().parse(), Ok(*scheme));
            let json = serde_json::to_string(scheme).unwrap();
            assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap(), *scheme);
        }
        assert_eq!("bioes".parse(), Ok(Scheme::Iobes));
        assert_eq!("Bio".parse(), Ok(Scheme::Iob2));
    }

    #[test]
    fn an_unknown_word_lists_the_known_ones() {
        let error = "IOE2".parse::<Scheme>().unwrap_err().to_string();
        assert_eq!(error, "unknown scheme `IOE2` (known: `IOB1`, `IOB2` or `BIO`, `IOBES` or `BIOES`, `BILOU`)");
    }

    #[test]
    fn letters_and_marks_are_inverse() {
        for scheme in Scheme::ALL {
            let marks: Vec<Mark> = Mark::ALL.iter().copied().filter(|mark| scheme.letter(*mark).is_some()).collect();
            assert_eq!(marks.len(), if *scheme < Scheme::Iobes { 3 } else { 5 });
            assert!(marks.iter().all(|mark| scheme.mark(scheme.letter(*mark).unwrap()) == Some(*mark)));
        }
        assert_eq!(Scheme::Bilou.mark('E'), None);
        assert_eq!(Scheme::Iob2.mark('S'), None);
    }
}
