//! The legal transitions between tags, in each scheme.

use std::error::Error;
use std::fmt;

use crate::mark::Mark;
use crate::scheme::Scheme;
use crate::tag::{Tag, TagProblem};

/// The first tag of a sequence that its scheme does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IllegalTag {
    /// The scheme.
    pub scheme: Scheme,
    /// Zero-based position of the word.
    pub word: usize,
    /// The tag before it; `None` at the start of the sentence.
    pub previous: Option<String>,
    /// The tag.
    pub tag: String,
    /// The reason why it is illegal.
    pub why: IllegalReason,
}

/// The reason why a tag is illegal in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IllegalReason {
    /// It is no tag of the scheme at all: nothing that a change of its neighbours could mend.
    Malformed(TagProblem),
    /// It continues an entity that the word before is not in.
    NotBegun,
    /// Its entity must go on, but the next word is not in it.
    Unfinished {
        /// The tag that follows; `None` at the end of the sentence.
        next: Option<String>,
    },
    /// IOB1: a `B-` where no entity of its type precedes it.
    NeedlessBegin,
}

impl IllegalTag {
    /// Returns true if the tag is none of the scheme, false if it stands in the wrong place.
    pub fn is_malformed(&self) -> bool {
        matches!(self.why, IllegalReason::Malformed(_))
    }
}

impl fmt::Display for IllegalTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, tag, previous, .. } = self;
        let entity_type = tag.split_once('-').map_or("", |(_, entity_type)| entity_type);
        let inside = scheme.letter(Mark::Inside).unwrap_or('I');
        if let IllegalReason::Malformed(problem) = &self.why {
            return problem.fmt(f);
        }
        write!(f, "the tag `{tag}` ")?;
        match previous {
            Some(previous) => write!(f, "after `{previous}`")?,
            None => f.write_str("at the start of the sentence")?,
        }
        match &self.why {
            IllegalReason::Malformed(_) => Ok(()),
            IllegalReason::NotBegun => {
                write!(
                    f,
                    " continues no entity; in {scheme} it may only follow `B-{entity_type}` or `{inside}-{entity_type}`"
                )
            }
            IllegalReason::Unfinished { next } => {
                let end = scheme.letter(Mark::End).unwrap_or('I');
                write!(
                    f,
                    " must be followed by `{inside}-{entity_type}` or `{end}-{entity_type}` in {scheme}, not by "
                )?;
                match next {
                    Some(next) => write!(f, "`{next}`"),
                    None => f.write_str("the end of the sentence"),
                }
            }
            IllegalReason::NeedlessBegin => write!(
                f,
                " parts two entities where there is one: in {scheme} a `B-` may only follow an entity of its type; \
                 if `B-` starts every entity, the scheme is IOB2"
            ),
        }
    }
}

impl Error for IllegalTag {}

/// Returns true if `next` may follow `previous`; `None` is the edge of the sentence. A sequence is legal if every pair
/// of neighbours is, its edges included. A mark that the scheme lacks is legal nowhere.
pub fn is_legal(scheme: Scheme, previous: Option<&Tag<'_>>, next: Option<&Tag<'_>>) -> bool {
    if [previous, next].into_iter().flatten().any(|tag| scheme.letter(tag.mark).is_none()) {
        return false;
    }
    let previous_mark = previous.map_or(Mark::Outside, |tag| tag.mark);
    let next_mark = next.map_or(Mark::Outside, |tag| tag.mark);
    let same_type = match (previous, next) {
        (Some(previous), Some(next)) => previous.entity_type == next.entity_type,
        _ => false,
    };
    let in_entity = matches!(previous_mark, Mark::Begin | Mark::Inside);
    match scheme {
        Scheme::Iob1 => next_mark != Mark::Begin || (in_entity && same_type),
        Scheme::Iob2 => next_mark != Mark::Inside || (in_entity && same_type),
        Scheme::Iobes | Scheme::Bilou | Scheme::Bmes => in_entity == next_mark.continues() && (!in_entity || same_type),
    }
}

/// Checks that a sequence of tags is legal.
///
/// # Errors
/// [`IllegalTag`], the first that is malformed or at the wrong place. An entity that is not ended is blamed on its last
/// word.
pub fn check(tags: &[impl AsRef<str>], scheme: Scheme) -> Result<(), IllegalTag> {
    parse_legal(tags, scheme).map(|_| ())
}

/// The tags taken apart, if the sequence is legal.
pub(crate) fn parse_legal<'t>(tags: &'t [impl AsRef<str>], scheme: Scheme) -> Result<Vec<Tag<'t>>, IllegalTag> {
    let text = |word: usize| tags[word].as_ref().to_owned();
    let illegal =
        |word: usize, why| IllegalTag { scheme, word, previous: word.checked_sub(1).map(text), tag: text(word), why };
    let mut parsed: Vec<Tag<'t>> = Vec::with_capacity(tags.len());
    for (word, written) in tags.iter().enumerate() {
        let tag =
            Tag::parse(written.as_ref(), scheme).map_err(|problem| illegal(word, IllegalReason::Malformed(problem)))?;
        if !is_legal(scheme, parsed.last(), Some(&tag)) {
            return Err(match tag.mark {
                mark if mark.continues() => illegal(word, IllegalReason::NotBegun),
                Mark::Begin if scheme == Scheme::Iob1 => illegal(word, IllegalReason::NeedlessBegin),
                // Any other tag may start a sentence, so there is a word before it.
                _ => illegal(word - 1, IllegalReason::Unfinished { next: Some(text(word)) }),
            });
        }
        parsed.push(tag);
    }
    match parsed.last() {
        Some(open) if !is_legal(scheme, Some(open), None) => {
            Err(illegal(tags.len() - 1, IllegalReason::Unfinished { next: None }))
        }
        _ => Ok(parsed),
    }
}
