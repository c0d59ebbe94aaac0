//! Entities as the CoNLL evaluation script reads them, from legal and illegal sequences alike.

use crate::tag::Entity;

/// Entities in `tags` as the script of the CoNLL-2000 shared task reads them, and seqeval 1.2.2 unless told otherwise
/// (`get_entities`): leniently, whatever the scheme.
///
/// The reading differs from [`strict`](crate::strict()) where the sequence is illegal: an `I-` after `O`, after another
/// type, or at the start begins an entity; an entity without its `E-` ends where the tags stop.
///
/// The first character of a tag is its mark; the type is what follows the first hyphen after it, or without hyphen all
/// that follows, or `_` if that is nothing. `L`, `U` and `M` have no rules of their own: neighbours of one type are joined
/// by them. An empty tag is read as `O`.
///
/// Source: Tjong Kim Sang and Buchholz (2000), *Introduction to the CoNLL-2000 Shared Task: Chunking*, `conlleval`.
pub fn conlleval(tags: &[impl AsRef<str>]) -> Vec<Entity> {
    read(tags.iter().map(|tag| Piece::of(tag.as_ref())))
}

/// A tag as this reader sees it.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    mark: char,
    entity_type: &'a str,
}

impl<'a> Piece<'a> {
    const OUTSIDE: Self = Self { mark: 'O', entity_type: NO_TYPE };

    fn of(tag: &'a str) -> Self {
        let mut characters = tag.chars();
        let Some(mark) = characters.next() else { return Self::OUTSIDE };
        let rest = characters.as_str();
        let entity_type = rest.split_once('-').map_or(rest, |(_, entity_type)| entity_type);
        Self { mark, entity_type: if entity_type.is_empty() { NO_TYPE } else { entity_type } }
    }
}

/// The type of a tag that has none.
pub(crate) const NO_TYPE: &str = "_";

/// The tag as a piece with one of the marks that have rules: `O`, `B`, `I`, `E`, `S`.
pub(crate) fn known_piece(tag: &str) -> Piece<'_> {
    let piece = Piece::of(tag);
    let mark = match piece.mark {
        'B' | 'I' | 'E' | 'S' => piece.mark,
        'M' => 'I',
        'L' => 'E',
        'U' => 'S',
        _ => return Piece::OUTSIDE,
    };
    Piece { mark, ..piece }
}

pub(crate) fn read<'a>(pieces: impl Iterator<Item = Piece<'a>>) -> Vec<Entity> {
    let mut entities = Vec::new();
    // The type before the first word is no type at all, not even that of `O`.
    let mut previous = Piece { mark: 'O', entity_type: "" };
    let mut start = 0;
    for (word, piece) in pieces.chain([Piece::OUTSIDE]).enumerate() {
        if ends(previous, piece) {
            entities.push(Entity { start, end: word, entity_type: previous.entity_type.to_owned() });
        }
        if starts(previous, piece) {
            start = word;
        }
        previous = piece;
    }
    entities
}

/// Returns true if an entity ends between two words.
fn ends(previous: Piece<'_>, next: Piece<'_>) -> bool {
    match (previous.mark, next.mark) {
        ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O') => true,
        // The script's `.` is an outside mark of older files.
        ('O' | '.', _) => false,
        _ => previous.entity_type != next.entity_type,
    }
}

/// Returns true if an entity starts at the second of two words.
fn starts(previous: Piece<'_>, next: Piece<'_>) -> bool {
    match (previous.mark, next.mark) {
        (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I') => true,
        (_, 'O' | '.') => false,
        _ => previous.entity_type != next.entity_type,
    }
}
