//! Labels and their numbers.

use larder_errors::Names;
use larder_tags::TagSet;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

use crate::error::DataError;
use crate::spec_check::check_label_names;
use crate::tags::types_of;

/// The labels of a dataset in the order that numbers them; for tagging, the IOB2 tags in the order of a [`TagSet`].
/// As JSON: `{"names": […], "display": […]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct LabelMap {
    names: Names,
    display: Vec<String>,
    positions: HashMap<String, usize>,
}

#[derive(Serialize, Deserialize)]
struct Lists {
    names: Vec<String>,
    display: Vec<String>,
}

impl TryFrom<Lists> for LabelMap {
    type Error = DataError;

    fn try_from(lists: Lists) -> Result<Self, DataError> {
        Self::new(lists.names, lists.display)
    }
}

impl From<LabelMap> for Lists {
    fn from(map: LabelMap) -> Self {
        Self { names: map.names.as_slice().to_vec(), display: map.display }
    }
}

impl LabelMap {
    /// Numbers `names` in the order given; `display` says how people should read them.
    ///
    /// # Errors
    /// [`DataError::LabelNames`] if there is no name, one is empty or doubled, or the lists differ in length.
    pub fn new(names: Vec<String>, display: Vec<String>) -> Result<Self, DataError> {
        check_label_names(&names, &display).map_err(|problem| DataError::LabelNames { problem })?;
        let positions = names.iter().cloned().zip(0..).collect();
        Ok(Self { names: Names::new(names), display, positions })
    }

    /// Makes the IOB2 tags of entity types: `O`, then `B-type` and `I-type` for each type in the order given, as in a
    /// [`TagSet`]. There may be no type at all. `display` says how people should read the types.
    ///
    /// # Errors
    /// [`DataError::LabelNames`] if a type is empty or doubled, or the lists differ in length.
    pub fn of_types(types: Vec<String>, display: Vec<String>) -> Result<Self, DataError> {
        if !types.is_empty() {
            check_label_names(&types, &display).map_err(|problem| DataError::LabelNames { problem })?;
        }
        let tags = |types: Vec<String>| {
            let both =
                types.into_iter().flat_map(|entity_type| [format!("B-{entity_type}"), format!("I-{entity_type}")]);
            std::iter::once("O".to_owned()).chain(both).collect::<Vec<_>>()
        };
        Self::new(tags(types), tags(display))
    }

    /// Returns the classes of a tagging head with these labels; `None` if they are not those of a [`TagSet`].
    pub fn tag_set(&self) -> Option<TagSet> {
        let set = TagSet::new(types_of(self.names()).map(str::to_owned));
        (set.names() == self.names()).then_some(set)
    }

    /// The labels as the files write them; for tagging, in IOB2.
    pub fn names(&self) -> &[String] {
        self.names.as_slice()
    }

    /// The labels as people should read them.
    pub fn display(&self) -> &[String] {
        &self.display
    }

    /// Returns the number of labels; at least one.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.display.len()
    }

    /// Returns the number of a label.
    ///
    /// # Errors
    /// [`DataError::UnknownLabel`], which lists the known ones.
    pub fn index(&self, label: &str) -> Result<usize, DataError> {
        self.position(label).ok_or_else(|| DataError::UnknownLabel { label: label.to_owned(), known: self.known() })
    }

    pub(crate) fn position(&self, label: &str) -> Option<usize> {
        self.positions.get(label).copied()
    }

    pub(crate) fn known(&self) -> Names {
        self.names.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(names: &[&str]) -> Result<LabelMap, DataError> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        LabelMap::new(names.clone(), names)
    }

    #[test]
    fn labels_are_numbered_in_order() {
        let labels = map(&["b", "a", "c"]).unwrap();
        assert_eq!(labels.index("b").unwrap(), 0);
        assert_eq!(labels.index("c").unwrap(), 2);
        assert_eq!(labels.index("d").unwrap_err().to_string(), "unknown label `d` (known: `b`, `a`, `c`)");
    }

    #[test]
    fn labels_of_types_are_those_of_a_tag_set() {
        let types = || vec!["per".to_owned(), "creative-work".to_owned()];
        let display = vec!["person".to_owned(), "work".to_owned()];
        let labels = LabelMap::of_types(types(), display).unwrap();
        assert_eq!(labels.names(), ["O", "B-per", "I-per", "B-creative-work", "I-creative-work"]);
        assert_eq!(labels.display(), ["O", "B-person", "I-person", "B-work", "I-work"]);
        assert_eq!(labels.tag_set(), Some(TagSet::new(types())));
        assert_eq!(LabelMap::of_types(Vec::new(), Vec::new()).unwrap().names(), ["O"]);
        assert!(LabelMap::of_types(vec!["a".to_owned(); 2], vec!["a".to_owned(); 2]).is_err());
        for other in [&["B-per", "I-per", "O"][..], &["O", "B-per"], &["0", "1"]] {
            assert_eq!(map(other).unwrap().tag_set(), None, "{other:?}");
        }
    }

    #[test]
    fn doubled_and_empty_names_are_refused() {
        assert!(map(&[]).is_err());
        assert!(map(&["a", ""]).is_err());
        assert!(map(&["a", "b", "a"]).is_err());
    }

    #[test]
    fn json_keeps_the_order() {
        let labels = map(&["b", "a"]).unwrap();
        let json = serde_json::to_string(&labels).unwrap();
        assert_eq!(json, r#"{"names":["b","a"],"display":["b","a"]}"#);
        assert_eq!(serde_json::from_str::<LabelMap>(&json).unwrap(), labels);
        assert!(serde_json::from_str::<LabelMap>(r#"{"names":["a","a"],"display":["a","a"]}"#).is_err());
    }
}
