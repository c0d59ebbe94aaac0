//! A sentence with highlighted entities.

use std::collections::BTreeSet;

use larder_run::page::{Block, Cell, TaggedSentence};
use larder_tags::Entity;
use maud::{Markup, html};

use crate::charts::SERIES_COLORS;

/// Most words shown of a sentence; entities beyond them are counted elsewhere.
const WORDS: usize = 80;

/// The entity types of a run, each with a colour.
#[derive(Debug, Default)]
pub(super) struct EntityTypes(Vec<String>);

impl EntityTypes {
    /// Returns the types of all sentences in the blocks, in the order of the alphabet.
    pub(super) fn of<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Self {
        let mut types = BTreeSet::new();
        blocks.into_iter().for_each(|block| collect(block, &mut types));
        Self(types.into_iter().map(str::to_owned).collect())
    }

    /// Returns the class of a type's colour. With more types than colours some share one: the name stands beside each.
    fn class(&self, entity_type: &str) -> String {
        let at = self.0.iter().position(|known| known == entity_type).unwrap_or_default();
        format!("t{}", at % SERIES_COLORS)
    }

    /// Returns the types with their colours.
    pub(super) fn legend(&self) -> Markup {
        html! {
            ul.legend.types { @for name in &self.0 { li { mark class=(self.class(name)) data-type=(name) { (name) } } } }
        }
    }
}

fn collect<'a>(block: &'a Block, types: &mut BTreeSet<&'a str>) {
    let mut of_sentence = |sentence: &'a TaggedSentence| {
        types.extend(sentence.gold.iter().chain(&sentence.predicted).map(|entity| entity.entity_type.as_str()));
    };
    match block {
        Block::Sentence(sentence) => of_sentence(sentence),
        Block::Found { entities, .. } => types.extend(entities.iter().map(|entity| entity.entity_type.as_str())),
        Block::Table(table) | Block::Browsed { table, .. } => {
            let sentences = table.rows.iter().flatten().filter_map(|cell| match cell {
                Cell::Sentence(sentence) => sentence.as_ref(),
                _ => None,
            });
            sentences.for_each(of_sentence);
        }
        Block::Columns(columns) => columns.iter().flatten().for_each(|block| collect(block, types)),
        Block::Details { blocks, .. } => blocks.iter().for_each(|block| collect(block, types)),
        _ => {}
    }
}

/// Returns two lines: gold and answer. Entities have the colour of their type; those in both have a tick, others a cross.
pub(super) fn sentence(sentence: &TaggedSentence, types: &EntityTypes) -> Markup {
    html! {
        div.sentence {
            p.gold { span.who { "gold" } (line(&sentence.words, &sentence.gold, &sentence.predicted, types)) }
            p.answered { span.who { "answer" } (line(&sentence.words, &sentence.predicted, &sentence.gold, types)) }
        }
    }
}

/// Returns a line with the entities that were found.
pub(super) fn found(words: &[String], entities: &[Entity], types: &EntityTypes) -> Markup {
    html! {
        p.found {
            @for (start, end, entity) in pieces(words.len(), entities) {
                @let text = words.get(start..end).unwrap_or_default().join(" ");
                @match entity {
                    None => { (text) }
                    Some(entity) => {
                        mark class=(types.class(&entity.entity_type)) data-type=(entity.entity_type) { (text) " " small { (entity.entity_type) } }
                    }
                }
                " "
            }
        }
    }
}

fn line(words: &[String], entities: &[Entity], others: &[Entity], types: &EntityTypes) -> Markup {
    html! {
        @for (start, end, entity) in pieces(words.len().min(WORDS), entities) {
            @let text = words.get(start..end).unwrap_or_default().join(" ");
            @match entity {
                None => { (text) }
                Some(entity) => {
                    @let is_right = others.contains(entity);
                    mark class=(format!("{} {}", types.class(&entity.entity_type), if is_right { "right" } else { "wrong" })) data-type=(entity.entity_type) {
                        (text) " " small { (entity.entity_type) @if is_right { " ✓" } @else { " ✗" } }
                    }
                }
            }
            " "
        }
        @if words.len() > WORDS { "…" }
    }
}

/// Splits the words at entities, in order. Of overlapping entities the earlier one is shown.
fn pieces(words: usize, entities: &[Entity]) -> Vec<(usize, usize, Option<&Entity>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for entity in entities {
        if entity.start < at || entity.end > words || entity.start >= entity.end {
            continue;
        }
        if entity.start > at {
            pieces.push((at, entity.start, None));
        }
        pieces.push((entity.start, entity.end, Some(entity)));
        at = entity.end;
    }
    if at < words {
        pieces.push((at, words, None));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(start: usize, end: usize, entity_type: &str) -> Entity {
        Entity { start, end, entity_type: entity_type.to_owned() }
    }

    #[test]
    fn words_are_cut_at_entities_whatever_these_are() {
        let entities = [entity(1, 3, "person"), entity(2, 4, "place"), entity(4, 9, "place"), entity(3, 3, "place")];
        let cut: Vec<(usize, usize, bool)> =
            pieces(5, &entities).into_iter().map(|(start, end, entity)| (start, end, entity.is_some())).collect();
        assert_eq!(cut, [(0, 1, false), (1, 3, true), (3, 5, false)]);
        assert!(pieces(0, &entities).is_empty());
    }

    #[test]
    fn right_and_wrong_entities_are_told_apart_without_colour() {
        let words = ["Ada", "<b>", "met", "Charles"].map(str::to_owned).to_vec();
        let gold = vec![entity(0, 2, "person"), entity(3, 4, "person")];
        let predicted = vec![entity(0, 1, "person"), entity(3, 4, "person")];
        let shown = TaggedSentence { example_id: "7".into(), words, gold, predicted };
        let types = EntityTypes::of([&Block::Sentence(shown.clone())]);
        let text = sentence(&shown, &types).into_string();
        assert_eq!((text.matches('✓').count(), text.matches('✗').count()), (2, 2));
        assert!(text.contains("Ada &lt;b&gt;") && !text.contains("<b>"));
    }
}
