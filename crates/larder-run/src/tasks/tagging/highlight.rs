//! A text with its entities marked.

use super::TaggedText;

/// ANSI colours of entity types, legible on dark and light: blue, green, magenta, cyan, yellow, red.
const COLOURS: [u8; 6] = [34, 32, 35, 36, 33, 31];

/// Returns the text with `[entity](type 0.93)`; in colour, the entity is coloured instead of bracketed.
pub(super) fn highlight_entities(tagged: &TaggedText, colour: bool) -> String {
    let characters: Vec<char> = tagged.text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    for entity in &tagged.entities {
        out.extend(&characters[at..entity.start]);
        let label = format!("{} {:.2}", entity.entity_type, entity.confidence);
        if colour {
            let code = COLOURS[colour_of(&entity.entity_type)];
            out.push_str(&format!("\u{1b}[1;{code}m{}\u{1b}[0m\u{1b}[{code}m({label})\u{1b}[0m", entity.text));
        } else {
            out.push_str(&format!("[{}]({label})", entity.text));
        }
        at = entity.end;
    }
    out.extend(&characters[at..]);
    out
}

/// Returns the colour of a type, the same in every line and session.
fn colour_of(entity_type: &str) -> usize {
    let sum = entity_type.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    sum % COLOURS.len()
}

#[cfg(test)]
mod tests {
    use super::super::EntityPrediction;
    use super::*;

    fn tagged() -> TaggedText {
        let text = "né Zoë in Nîmes.".to_owned();
        let entity = |start: usize, end: usize, entity_type: &str| EntityPrediction {
            start,
            end,
            text: text.chars().skip(start).take(end - start).collect(),
            entity_type: entity_type.to_owned(),
            confidence: 0.925,
            first_word: 0,
            end_word: 1,
        };
        let entities = vec![entity(3, 6, "person"), entity(10, 15, "place")];
        TaggedText { entities, text, words: Vec::new(), tags: Vec::new() }
    }

    #[test]
    fn entities_are_bracketed_where_they_stand() {
        assert_eq!(highlight_entities(&tagged(), false), "né [Zoë](person 0.93) in [Nîmes](place 0.93).");
    }

    #[test]
    fn colours_are_closed_and_belong_to_the_type() {
        let text = highlight_entities(&tagged(), true);
        assert_eq!(text.matches("\u{1b}[0m").count(), 4, "{text:?}");
        assert_ne!(colour_of("person"), colour_of("location"));
    }
}
