//! Entities as a scheme's grammar reads them: what does not follow it is no entity.

use crate::conlleval::NO_TYPE;
use crate::mark::Mark;
use crate::scheme::Scheme;
use crate::tag::Entity;

/// Entities in `tags` as seqeval 1.2.2 reads them with `mode="strict"` and `scheme=…`: only pieces that follow the
/// scheme are entities. Where the sequence is legal, these are its entities.
///
/// An `I-` that continues nothing is none (IOB1 apart), a `B-` without its `E-` is none in IOBES, and in IOB1 a `B-` that
/// follows no entity of its type is none.
///
/// As there, the type is what follows the mark without the hyphens at either end, or `_` if that is nothing. Where seqeval
/// ends with an error, at a mark that the scheme lacks or an empty tag, that tag is read as `O`.
pub fn strict(tags: &[impl AsRef<str>], scheme: Scheme) -> Vec<Entity> {
    let pieces: Vec<Piece<'_>> = tags.iter().map(|tag| Piece::of(tag.as_ref(), scheme)).collect();
    let at = |word: usize| pieces.get(word).copied().unwrap_or(Piece::OUTSIDE);

    let mut entities = Vec::new();
    let mut previous = Piece::OUTSIDE;
    let mut word = 0;
    while word < pieces.len() {
        let first = at(word);
        let start = word;
        word += 1;
        if !starts(scheme, previous, first) {
            previous = first;
            continue;
        }
        let mut last = first;
        while continues(last, at(word)) {
            last = at(word);
            word += 1;
        }
        if ends(scheme, last, at(word)) {
            entities.push(Entity { start, end: word, entity_type: first.entity_type.to_owned() });
        }
        previous = last;
    }
    entities
}

/// A tag as this reader sees it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    mark: Mark,
    entity_type: &'a str,
}

impl<'a> Piece<'a> {
    const OUTSIDE: Self = Self { mark: Mark::Outside, entity_type: NO_TYPE };

    fn of(tag: &'a str, scheme: Scheme) -> Self {
        let mut characters = tag.chars();
        let Some(mark) = characters.next().and_then(|letter| scheme.mark(letter)) else { return Self::OUTSIDE };
        let entity_type = characters.as_str().trim_matches('-');
        Self { mark, entity_type: if entity_type.is_empty() { NO_TYPE } else { entity_type } }
    }
}

/// Returns true if an entity starts at the second of two words.
fn starts(scheme: Scheme, previous: Piece<'_>, next: Piece<'_>) -> bool {
    let same_type = previous.entity_type == next.entity_type;
    match (scheme, next.mark) {
        (_, Mark::Outside | Mark::End) => false,
        (Scheme::Iob1, Mark::Inside) => previous.mark != Mark::Inside || !same_type,
        (Scheme::Iob1, Mark::Begin) => previous.mark != Mark::Outside && same_type,
        (_, Mark::Inside) => false,
        (_, Mark::Begin | Mark::Single) => true,
    }
}

/// Returns true if the second of two words belongs to the entity that the first is in.
fn continues(previous: Piece<'_>, next: Piece<'_>) -> bool {
    matches!(previous.mark, Mark::Begin | Mark::Inside)
        && next.mark.continues()
        && previous.entity_type == next.entity_type
}

/// Returns true if the entity whose last word is `last` is whole, `next` being the word after it.
fn ends(scheme: Scheme, last: Piece<'_>, next: Piece<'_>) -> bool {
    match scheme {
        // An entity of one `B-` is taken back if a `B-` of another type follows, which parts it from nothing.
        Scheme::Iob1 => last.mark != Mark::Begin || next.mark != Mark::Begin || last.entity_type == next.entity_type,
        Scheme::Iob2 => true,
        Scheme::Iobes | Scheme::Bilou | Scheme::Bmes => matches!(last.mark, Mark::End | Mark::Single),
    }
}
