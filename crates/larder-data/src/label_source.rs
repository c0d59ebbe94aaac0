//! The source of a dataset's labels: its description, or its training rows.

use std::collections::BTreeSet;

use crate::choice::{OnBadRow, OnIllegalTags};
use crate::error::DataError;
use crate::labels::LabelMap;
use crate::reader::ExampleReader;
use crate::spec::DatasetSpec;
use crate::target::Target;

/// Most labels collected from a file: real classifiers stay far below, a text column taken for the label does not.
pub const MAX_LABELS: usize = 10_000;

/// The split that labels are collected from.
const TRAIN: &str = "train";

impl LabelMap {
    /// Takes the labels that the description lists, else those of the split `train`: sorted, as numbers if all are
    /// integers.
    ///
    /// For tagging, these are the entity types, and the labels are the tags [`of_types`](Self::of_types).
    ///
    /// Bad rows are passed over here, and illegal tags repaired; the stage that reads the rows for good reports them by
    /// its own policy.
    ///
    /// # Errors
    /// [`DataError::NoLabelColumn`], [`DataError::TooManyLabels`], and those of reading the split.
    pub fn resolve(spec: &DatasetSpec) -> Result<Self, DataError> {
        if let Some(labels) = &spec.labels {
            let (names, display) = (labels.names.clone(), labels.display.clone());
            return if spec.task.files().has_tags { Self::of_types(names, display) } else { Self::new(names, display) };
        }
        let key = spec.task.files().target;
        if !spec.has_targets() {
            return Err(DataError::NoLabelColumn { spec: spec.path.clone(), key });
        }
        let mut found = BTreeSet::new();
        let reader = ExampleReader::open(spec, TRAIN, OnBadRow::Skip)?.on_illegal_tags(OnIllegalTags::Repair);
        let path = reader.path().to_owned();
        for example in reader {
            let target = example?.target;
            target.iter().flat_map(Target::labels).for_each(|label| insert(&mut found, label));
            if found.len() > MAX_LABELS {
                return Err(DataError::TooManyLabels { spec: spec.path.clone(), path, key, limit: MAX_LABELS });
            }
        }
        let mut names: Vec<String> = found.into_iter().collect();
        if spec.task.files().has_tags {
            return Self::of_types(names.clone(), names);
        }
        let numbers: Option<Vec<i64>> = names.iter().map(|name| name.parse().ok()).collect();
        if let Some(numbers) = numbers {
            let mut numbered: Vec<(i64, String)> = numbers.into_iter().zip(names).collect();
            numbered.sort();
            names = numbered.into_iter().map(|(_, name)| name).collect();
        }
        Self::new(names.clone(), names)
    }
}

/// Adds a label, dropping it at once where it is known: a file has far more rows than labels.
fn insert(found: &mut BTreeSet<String>, label: &str) {
    if !found.contains(label) {
        found.insert(label.to_owned());
    }
}
