//! One tag: a mark, and the type of the entity it marks.

use std::fmt;

use crate::mark::Mark;
use crate::scheme::Scheme;

/// A tag taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag<'a> {
    /// The position of the word.
    pub mark: Mark,
    /// The entity's type: all that follows the first hyphen, later ones included. Empty for [`Mark::Outside`].
    pub entity_type: &'a str,
}

/// The reason why a text is no tag of a scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagProblem {
    /// A mark without a type, as `B` or `B-`.
    #[error("the tag `{tag}` has no entity type; write the type after a hyphen, as in `{letter}-person`")]
    NoType {
        /// The tag found.
        tag: String,
        /// Its mark.
        letter: char,
    },
    /// `O` with something after it.
    #[error("the tag `{tag}` begins as `O`, which takes no entity type; write `O` alone")]
    OutsideWithType {
        /// The tag found.
        tag: String,
    },
    /// No mark of the scheme, or nothing that looks like a mark.
    #[error("`{tag}` is no tag of {scheme}; known: {}", scheme.known_tags())]
    UnknownMark {
        /// The tag found.
        tag: String,
        /// The scheme it was read in.
        scheme: Scheme,
    },
}

impl<'a> Tag<'a> {
    /// The tag of a word in no entity.
    pub const OUTSIDE: Self = Self { mark: Mark::Outside, entity_type: "" };

    /// Takes a tag apart at its first hyphen.
    ///
    /// # Errors
    /// [`TagProblem`] if it is not `O` and not a mark of the scheme, a hyphen and a type.
    pub fn parse(tag: &'a str, scheme: Scheme) -> Result<Tag<'a>, TagProblem> {
        if tag == "O" {
            return Ok(Self::OUTSIDE);
        }
        let (letters, entity_type) = tag.split_once('-').unwrap_or((tag, ""));
        let mut characters = letters.chars();
        let mark = match (characters.next(), characters.next()) {
            (Some(letter), None) => scheme.mark(letter).map(|mark| (letter, mark)),
            _ => None,
        };
        match mark {
            None => Err(TagProblem::UnknownMark { tag: tag.to_owned(), scheme }),
            Some((_, Mark::Outside)) => Err(TagProblem::OutsideWithType { tag: tag.to_owned() }),
            Some((letter, _)) if entity_type.is_empty() => Err(TagProblem::NoType { tag: tag.to_owned(), letter }),
            Some((_, mark)) => Ok(Self { mark, entity_type }),
        }
    }

    /// The tag as the scheme writes it; `None` if the scheme lacks the mark.
    pub fn write(&self, scheme: Scheme) -> Option<String> {
        let letter = scheme.letter(self.mark)?;
        Some(match self.mark {
            Mark::Outside => letter.to_string(),
            _ => format!("{letter}-{}", self.entity_type),
        })
    }
}

/// Words `start..end` of a sentence, and what they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Entity {
    /// Zero-based position of the first word.
    pub start: usize,
    /// Zero-based position after the last word.
    pub end: usize,
    /// The type, as the tags name it.
    pub entity_type: String,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}..{}", self.entity_type, self.start, self.end)
    }
}
