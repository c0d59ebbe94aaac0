//! Spellings of tags other than `B-person`: the table `[tags]` of a description.

use std::borrow::Cow;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

spelled_enum! {
    /// The place of the mark in a tag.
    #[derive(Default)]
    pub enum MarkPlace {
        /// Before the type: `B-person`.
        #[default]
        First = "first",
        /// After it: `person-B`.
        Last = "last",
        /// Nowhere: a tag is a type, and neighbours of one type are one entity.
        None = "none",
    } else "unknown place of the mark `{found}` ({hint})"
}

/// The spellings of a word outside of all entities: one text or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
enum Outside {
    One(String),
    Several(Vec<String>),
}

/// The tags of a file, where they are written otherwise than in a scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TagStyle {
    /// The tags that integers stand for, in the order of their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The type of tags that have none, as `B` and `I`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<String>,
    /// The place of the mark.
    #[serde(skip_serializing_if = "is_default")]
    pub mark: MarkPlace,
    /// The text between mark and type, if not a hyphen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Further spellings of `O`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "outside")]
    pub outside: Vec<String>,
    /// True if marks are small letters: `b-person`, `o`.
    #[serde(skip_serializing_if = "is_default")]
    pub lowercase: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn outside<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Outside::deserialize(deserializer)? {
        Outside::One(text) => vec![text],
        Outside::Several(texts) => texts,
    })
}

/// The tag of a word outside of all entities, in every scheme.
const OUTSIDE: &str = "O";

impl TagStyle {
    /// Returns true if tags are written as their scheme has them.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns a tag of the file as its scheme writes it. What is none stays what it is.
    pub(crate) fn read<'t>(&'t self, tag: &'t str) -> Cow<'t, str> {
        let tag = tag.parse::<usize>().ok().and_then(|number| self.names.get(number)).map_or(tag, String::as_str);
        if tag == OUTSIDE || self.outside.iter().any(|outside| outside == tag) {
            return OUTSIDE.into();
        }
        let separator = self.separator.as_deref().unwrap_or("-");
        let parts = match self.mark {
            MarkPlace::None => return if tag.is_empty() { tag.into() } else { format!("I-{tag}").into() },
            MarkPlace::First => tag.split_once(separator),
            MarkPlace::Last => tag.rsplit_once(separator).map(|(entity_type, mark)| (mark, entity_type)),
        };
        let mark = self.mark_of(parts.map_or(tag, |(mark, _)| mark));
        match (parts.map(|(_, entity_type)| entity_type).filter(|text| !text.is_empty()), &self.entity_type) {
            (Some(entity_type), _) if self.mark != MarkPlace::First || separator != "-" || self.lowercase => {
                format!("{mark}-{entity_type}").into()
            }
            (Some(_), _) => tag.into(),
            (None, _) if mark == OUTSIDE => mark,
            (None, Some(entity_type)) if mark.chars().count() == 1 => format!("{mark}-{entity_type}").into(),
            (None, _) => tag.into(),
        }
    }

    fn mark_of<'t>(&self, mark: &'t str) -> Cow<'t, str> {
        let is_small = self.lowercase && mark.len() == 1;
        if is_small { mark.to_ascii_uppercase().into() } else { mark.into() }
    }

    /// Returns a tag of a scheme as the file writes it: what would be read as that tag.
    pub fn write(&self, tag: &str) -> String {
        let small = |mark: &str| if self.lowercase { mark.to_lowercase() } else { mark.to_owned() };
        if tag == OUTSIDE {
            return self.outside.first().cloned().unwrap_or_else(|| small(tag));
        }
        let Some((mark, entity_type)) = tag.split_once('-') else { return tag.to_owned() };
        let (mark, separator) = (small(mark), self.separator.as_deref().unwrap_or("-"));
        match self.mark {
            MarkPlace::None => entity_type.to_owned(),
            _ if self.entity_type.as_deref() == Some(entity_type) => mark,
            MarkPlace::First => format!("{mark}{separator}{entity_type}"),
            MarkPlace::Last => format!("{entity_type}{separator}{mark}"),
        }
    }

    /// Returns the lines of a description that say so, without the table's name.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut lines = Vec::new();
        if let Some(entity_type) = &self.entity_type {
            lines.push(format!("type = {}", text(entity_type)));
        }
        if self.mark != MarkPlace::default() {
            lines.push(format!("mark = \"{}\"", self.mark));
        }
        lines.extend(self.separator.iter().map(|separator| format!("separator = {}", text(separator))));
        lines.extend(self.outside.iter().map(|outside| format!("outside = {}", text(outside))));
        if self.lowercase {
            lines.push("lowercase = true".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(toml: &str) -> TagStyle {
        toml::from_str(toml).unwrap()
    }

    /// Reads each tag, and writes what was read again.
    #[track_caller]
    fn reads(toml: &str, tags: &[(&str, &str)]) {
        let style = style(toml);
        for (written, expected) in tags {
            assert_eq!(style.read(written), *expected, "{toml}: {written}");
            if style.outside.is_empty() && style.names.is_empty() {
                assert_eq!(style.write(expected), *written, "{toml}: {expected}");
            }
        }
    }

    #[test]
    fn every_way_of_writing_is_read_and_written() {
        reads("", &[("B-a-b", "B-a-b"), ("O", "O"), ("B", "B"), ("b-x", "b-x")]);
        reads("separator = '_'", &[("B_a_b", "B-a_b"), ("O", "O")]);
        reads("mark = 'last'", &[("a-b-B", "B-a-b"), ("a-S", "S-a"), ("O", "O")]);
        reads("mark = 'last'\nseparator = '_'", &[("a_b_I", "I-a_b")]);
        reads("mark = 'none'", &[("PER", "I-PER"), ("B-PER", "I-B-PER"), ("O", "O"), ("", "")]);
        reads("lowercase = true", &[("b-Per", "B-Per"), ("o", "O")]);
        reads("type = 'disease'", &[("B", "B-disease"), ("I", "I-disease"), ("O", "O"), ("B-gene", "B-gene")]);
        reads("type = 'x'\nlowercase = true", &[("b", "B-x"), ("o", "O")]);
    }

    #[test]
    fn integers_and_other_outsides_are_read() {
        reads("outside = '0'", &[("0", "O"), ("O", "O"), ("B-x", "B-x")]);
        reads("outside = ['0', '_']", &[("0", "O"), ("_", "O"), ("o", "o")]);
        reads("names = ['O', 'B-x', 'I-x']", &[("0", "O"), ("2", "I-x"), ("3", "3"), ("B-x", "B-x")]);
        reads("names = ['O', 'x_B']\nmark = 'last'\nseparator = '_'", &[("1", "B-x")]);
        assert_eq!(style("outside = '0'").write("O"), "0");
    }

    #[test]
    fn what_is_no_tag_stays_what_it_is() {
        reads("type = 'x'", &[("NN", "NN"), ("NN-y", "NN-y")]);
        reads("mark = 'last'", &[("person", "person")]);
        assert_eq!(style("type = 'x'").read("B-"), "B-x");
    }

    #[test]
    fn its_lines_say_the_same() {
        for toml in [
            "type = \"x\"",
            "mark = \"none\"",
            "mark = \"last\"\nseparator = \"_\"",
            "outside = \"0\"",
            "lowercase = true",
        ] {
            assert_eq!(style(toml).lines().join("\n"), toml);
        }
    }
}
