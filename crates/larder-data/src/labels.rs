//! Labels and their numbers.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

use crate::choice::OnBadRow;
use crate::error::DataError;
use crate::example::Target;
use crate::names::Names;
use crate::reader::ExampleReader;
use crate::spec::DatasetSpec;
use crate::spec_check::check_label_names;

/// Most labels collected from a file: real classifiers stay far below, a text column taken for the label does not.
pub const MAX_LABELS: usize = 10_000;

/// The split that labels are collected from.
const TRAIN: &str = "train";

/// The labels of a dataset (tags, for tagging), in the order that numbers them. As JSON: `{"names": […], "display": […]}`.
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

    /// The labels the description lists, else those of the split `train`: sorted, as numbers if all are integers.
    ///
    /// Bad rows are passed over here; the stage that reads the rows for good reports them by its own policy.
    ///
    /// # Errors
    /// [`DataError::NoLabelColumn`], [`DataError::TooManyLabels`], and those of reading the split.
    pub fn resolve(spec: &DatasetSpec) -> Result<Self, DataError> {
        if let Some(labels) = &spec.labels {
            return Self::new(labels.names.clone(), labels.display.clone());
        }
        if !spec.has_targets() {
            return Err(DataError::NoLabelColumn { spec: spec.path.clone() });
        }
        let mut found = BTreeSet::new();
        let reader = ExampleReader::open(spec, TRAIN, OnBadRow::Skip)?;
        let path = reader.path().to_owned();
        for example in reader {
            match example?.target {
                Some(Target::Label(label)) => insert(&mut found, label),
                Some(Target::Tags(tags)) => tags.into_iter().for_each(|tag| insert(&mut found, tag)),
                None => {}
            }
            if found.len() > MAX_LABELS {
                return Err(DataError::TooManyLabels { spec: spec.path.clone(), path, limit: MAX_LABELS });
            }
        }
        let mut names: Vec<String> = found.into_iter().collect();
        let numbers: Option<Vec<i64>> = names.iter().map(|name| name.parse().ok()).collect();
        if let Some(numbers) = numbers {
            let mut numbered: Vec<(i64, String)> = numbers.into_iter().zip(names).collect();
            numbered.sort();
            names = numbered.into_iter().map(|(_, name)| name).collect();
        }
        Self::new(names.clone(), names)
    }

    /// The labels as the files write them.
    pub fn names(&self) -> &[String] {
        self.names.as_slice()
    }

    /// The labels as people should read them.
    pub fn display(&self) -> &[String] {
        &self.display
    }

    /// How many labels there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.display.len()
    }

    /// The number of a label.
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

/// Adds a label, dropping it at once where it is known: a file has far more rows than labels.
fn insert(found: &mut BTreeSet<String>, label: String) {
    if !found.contains(&label) {
        found.insert(label);
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
