//! A sentence with highlighted entities.

use larder_run::page::TaggedSentence;
use larder_tags::Entity;
use maud::{Markup, html};

/// Most words shown of a sentence; entities beyond them are counted elsewhere.
const WORDS: usize = 80;

/// Returns two lines: gold and answer. Entities in both have a tick, others a cross.
pub(super) fn sentence(sentence: &TaggedSentence) -> Markup {
    html! {
        div.sentence {
            p.gold { span.who { "gold" } (line(&sentence.words, &sentence.gold, &sentence.predicted)) }
            p.answered { span.who { "answer" } (line(&sentence.words, &sentence.predicted, &sentence.gold)) }
        }
    }
}

fn line(words: &[String], entities: &[Entity], others: &[Entity]) -> Markup {
    html! {
        @for (start, end, entity) in pieces(words.len().min(WORDS), entities) {
            @let text = words.get(start..end).unwrap_or_default().join(" ");
            @match entity {
                None => { (text) }
                Some(entity) => {
                    mark.right[others.contains(entity)].wrong[!others.contains(entity)] {
                        (text) " " small { (entity.entity_type) @if others.contains(entity) { " ✓" } @else { " ✗" } }
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
        let text = sentence(&TaggedSentence { example_id: "7".into(), words, gold, predicted }).into_string();
        assert_eq!((text.matches('✓').count(), text.matches('✗').count()), (2, 2));
        assert!(text.contains("Ada &lt;b&gt;") && !text.contains("<b>"));
    }
}
