//! Texts with spans of characters, as annotation tools write them: words, and a tag for each.

use std::ops::Range;

use larder_errors::spelled_enum;
use larder_tags::{Entity, Scheme, encode};
use serde_json::Value;

use crate::row_problem::RowProblem;
use crate::split_words::split_words;

spelled_enum! {
    /// The words that a text is split into.
    #[derive(Default)]
    pub enum TextUnits {
        /// Words, as [`split_words`](crate::split_words()) tells them.
        #[default]
        Words = "words",
        /// Characters, for texts without blanks between words. Runs of ASCII letters and digits stay whole.
        Characters = "characters",
    } else "unknown units of text `{found}` ({hint})"
}

impl TextUnits {
    /// Splits a text into words; ranges count characters (Unicode scalar values).
    pub(crate) fn split(self, text: &str) -> Vec<(Range<usize>, &str)> {
        match self {
            Self::Words => split_words(text),
            Self::Characters => split_characters(text),
        }
    }
}

fn split_characters(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut words: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut in_run = false;
    for (at, (byte, character)) in text.char_indices().enumerate() {
        let joins = character.is_ascii_alphanumeric();
        let end = byte + character.len_utf8();
        match words.last_mut() {
            Some((range, bytes)) if joins && in_run => (range.end, bytes.end) = (at + 1, end),
            _ if character.is_whitespace() => {}
            _ => words.push((at..at + 1, byte..end)),
        }
        in_run = joins;
    }
    words.into_iter().map(|(range, bytes)| (range, &text[bytes])).collect()
}

/// A span of a text, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
    entity_type: String,
}

/// The tags of the words of a text.
pub(crate) struct SpanTags {
    /// In IOB2.
    pub tags: Vec<String>,
    /// The first span that begins or ends inside of a word, whose tag is that of the whole word.
    pub inside_word: Option<RowProblem>,
}

/// Reads the spans of a row: a list of `[start, end, label]`, or of objects that name these.
pub(crate) fn spans_of(column: &str, value: &Value) -> Result<Vec<Span>, RowProblem> {
    let not_spans = |at: Option<usize>| RowProblem::NotASpan {
        column: at.map_or_else(|| column.to_owned(), |at| format!("{column}[{at}]")),
    };
    let items = value.as_array().ok_or_else(|| not_spans(None))?;
    let span = |(at, item): (usize, &Value)| {
        let field = |names: &[&str]| names.iter().find_map(|name| item.get(name));
        let (start, end, label) = match item {
            Value::Array(parts) => (parts.first(), parts.get(1), parts.get(2)),
            _ => {
                let label = field(&["label", "labels", "entity_type", "type", "tag"]);
                (field(&["start", "start_offset"]), field(&["end", "end_offset"]), label)
            }
        };
        let offset =
            |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|offset| usize::try_from(offset).ok());
        // Label Studio has a list of one label.
        let label = match label {
            Some(Value::Array(labels)) if labels.len() == 1 => labels.first(),
            other => other,
        };
        match (offset(start), offset(end), label.and_then(Value::as_str).map(str::trim)) {
            (Some(start), Some(end), Some(label)) if !label.is_empty() => {
                Ok(Span { start, end, entity_type: label.to_owned() })
            }
            _ => Err(not_spans(Some(at))),
        }
    };
    items.iter().enumerate().map(span).collect()
}

/// Returns the tags of `words`, which are all of `text` but blanks. A word that a span holds a part of belongs to it.
///
/// # Errors
/// [`RowProblem::SpanRange`], [`RowProblem::SpansOverlap`].
pub(crate) fn tags_of(
    text: &str,
    words: &[(Range<usize>, &str)],
    mut spans: Vec<Span>,
) -> Result<SpanTags, RowProblem> {
    let characters = text.chars().count();
    let part =
        |span: &Span| text.chars().skip(span.start).take(span.end.saturating_sub(span.start)).collect::<String>();
    spans.sort_by_key(|span| (span.start, span.end));
    spans.dedup();
    let mut entities: Vec<Entity> = Vec::with_capacity(spans.len());
    let mut inside_word = None;
    for span in &spans {
        let first = words.partition_point(|(range, _)| range.end <= span.start);
        let end = words.partition_point(|(range, _)| range.start < span.end);
        if span.end > characters || first >= end {
            return Err(RowProblem::SpanRange { start: span.start, end: span.end, characters });
        }
        if let Some(before) = entities.last().filter(|before| before.end > first) {
            let (first, second) = (before.entity_type.clone(), span.entity_type.clone());
            return Err(RowProblem::SpansOverlap { start: span.start, end: span.end, first, second });
        }
        // Blanks at the ends of a span belong to no word.
        let cuts = |(range, word): &(Range<usize>, &str), at: usize| {
            (range.start < at && at < range.end).then(|| (*word).to_owned())
        };
        let cut = cuts(&words[first], span.start).or_else(|| cuts(&words[end - 1], span.end));
        if let Some(word) = cut {
            inside_word.get_or_insert(RowProblem::SpanInWord {
                start: span.start,
                end: span.end,
                text: part(span),
                word,
            });
        }
        entities.push(Entity { start: first, end, entity_type: span.entity_type.clone() });
    }
    Ok(SpanTags { tags: encode(&entities, words.len(), Scheme::Iob2), inside_word })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str, units: TextUnits, spans: &str) -> Result<(String, Option<String>), String> {
        let spans = spans_of("label", &serde_json::from_str(spans).unwrap()).map_err(|problem| problem.to_string())?;
        let found = tags_of(text, &units.split(text), spans).map_err(|problem| problem.to_string())?;
        Ok((found.tags.join(" "), found.inside_word.map(|problem| problem.to_string())))
    }

    fn sound(text: &str, spans: &str) -> String {
        let (tags, inside) = tags(text, TextUnits::Words, spans).unwrap();
        assert_eq!(inside, None);
        tags
    }

    #[test]
    fn spans_of_every_tool_become_tags() {
        let text = "\u{1f600} Ada Lovelace met Charles.";
        let expected = "O B-PER I-PER O B-PER O";
        for spans in [
            "[[2, 14, \"PER\"], [19, 26, \"PER\"]]",
            "[{\"start\": 19, \"end\": 26, \"label\": \"PER\"}, {\"start\": 2, \"end\": 14, \"label\": \"PER\", \"token_start\": 1}]",
            "[{\"start_offset\": 2, \"end_offset\": 14, \"label\": \"PER\", \"id\": 7}, [19, 26, \"PER\"]]",
            "[{\"start\": 2, \"end\": 14, \"text\": \"Ada Lovelace\", \"labels\": [\"PER\"]}, [19, 26, \"PER\"], [19, 26, \"PER\"]]",
        ] {
            assert_eq!(sound(text, spans), expected, "{spans}");
        }
        assert_eq!(sound(text, "[]"), "O O O O O O");
        assert_eq!(sound("a  b", "[[1, 4, \"X\"]]"), "O B-X", "blanks at the ends belong to no word");
        assert_eq!(sound("a b", "[[0, 1, \"X\"], [2, 3, \"X\"]]"), "B-X B-X");
    }

    #[test]
    fn texts_without_blanks_are_split_into_characters() {
        let (found, inside) =
            tags("林大明用iPhone12。", TextUnits::Characters, "[[0, 3, \"PER\"], [4, 12, \"OBJ\"]]").unwrap();
        assert_eq!((found.as_str(), inside), ("B-PER I-PER I-PER O B-OBJ O", None));
        assert!(tags("林大明用笔。", TextUnits::Words, "[[0, 3, \"PER\"]]").unwrap().1.is_some());
    }

    #[test]
    fn a_span_that_cuts_a_word_has_all_of_it_and_says_so() {
        let (found, inside) = tags("the Londoners met", TextUnits::Words, "[[4, 10, \"LOC\"]]").unwrap();
        assert_eq!(found, "O B-LOC O");
        assert_eq!(inside.unwrap(), "the span 4 to 10, `London`, begins or ends inside of the word `Londoners`");
    }

    #[test]
    fn spans_that_are_none_are_refused() {
        let refused = |spans| tags("Ada met Jo", TextUnits::Words, spans).unwrap_err();
        assert!(refused("[[0, 99, \"X\"]]").contains("0 to 99"));
        assert!(refused("[[3, 3, \"X\"]]").contains("3 to 3"));
        assert!(refused("[[3, 4, \"X\"]]").contains("3 to 4"), "a blank alone");
        assert!(refused("[[0, 7, \"X\"], [4, 10, \"Y\"]]").contains("overlap"));
        for other in [
            "{}",
            "[[0, 3]]",
            "[{\"start\": 0, \"end\": 3}]",
            "[{\"start\": 0, \"end\": 3, \"labels\": [\"A\", \"B\"]}]",
            "[[0, -3, \"X\"]]",
        ] {
            assert!(refused(other).contains("`label"), "{other}");
        }
    }
}
