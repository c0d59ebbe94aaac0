//! Conversion of tags between schemes, by way of entities, and repair.

use crate::conlleval;
use crate::legality::{IllegalTag, parse_legal};
use crate::mark::Mark;
use crate::scheme::Scheme;
use crate::tag::{Entity, Tag};

/// Writes a legal sequence of one scheme in another. Every set of entities has exactly one legal sequence in each
/// scheme, so that nothing is lost either way.
///
/// # Errors
/// [`IllegalTag`] if the sequence is not legal in `from`.
pub fn convert(tags: &[impl AsRef<str>], from: Scheme, to: Scheme) -> Result<Vec<String>, IllegalTag> {
    Ok(encode(&legal_entities(&parse_legal(tags, from)?), tags.len(), to))
}

/// Returns the legal sequence of `scheme` that holds exactly the entities [`conlleval()`](crate::conlleval()) reads in
/// `tags`.
///
/// Tags that conlleval has no rules for: `L`, `U` and `M` are read as `E`, `S` and `I`, those without a known prefix as `O`. A legal
/// sequence stays as it is.
pub fn repair(tags: &[impl AsRef<str>], scheme: Scheme) -> Vec<String> {
    encode(&conlleval::read(tags.iter().map(|tag| conlleval::known_piece(tag.as_ref()))), tags.len(), scheme)
}

/// Returns the legal sequence of `scheme`, `[words]`, that holds `entities`.
///
/// Entities must not overlap, as none that this crate reads do. Where they do the later in the list wins, which may leave
/// an illegal sequence; words past the sentence's end are dropped.
pub fn encode(entities: &[Entity], words: usize, scheme: Scheme) -> Vec<String> {
    let mut tags = vec![Tag::OUTSIDE; words];
    for entity in entities {
        let entity_type = entity.entity_type.as_str();
        let end = entity.end.min(words);
        let length = end.saturating_sub(entity.start);
        let has_ends = scheme.letter(Mark::End).is_some();
        for word in entity.start..end {
            let before = word.checked_sub(1).map(|before| tags[before]);
            let mark = match word - entity.start {
                0 if has_ends && length == 1 => Mark::Single,
                // The entity before ends just here if its word is tagged with the type at all.
                0 if scheme == Scheme::Iob1 && before.is_none_or(|before| before.entity_type != entity_type) => {
                    Mark::Inside
                }
                0 => Mark::Begin,
                last if has_ends && last + 1 == length => Mark::End,
                _ => Mark::Inside,
            };
            tags[word] = Tag { mark, entity_type };
        }
    }
    let written =
        |tag: Tag<'_>| tag.write(scheme).expect("end and single marks are set only where the scheme has them");
    tags.into_iter().map(written).collect()
}

/// The entities of a legal sequence. In an illegal one, what continues no entity of its type begins one.
pub(crate) fn legal_entities(tags: &[Tag<'_>]) -> Vec<Entity> {
    let mut entities: Vec<Entity> = Vec::new();
    // Whether the entity before may go on.
    let mut open = false;
    for (word, tag) in tags.iter().enumerate() {
        match entities.last_mut() {
            _ if tag.mark == Mark::Outside => {}
            Some(last) if open && tag.mark.continues() && last.entity_type == tag.entity_type => last.end = word + 1,
            _ => entities.push(Entity { start: word, end: word + 1, entity_type: tag.entity_type.to_owned() }),
        }
        open = matches!(tag.mark, Mark::Begin | Mark::Inside);
    }
    entities
}
