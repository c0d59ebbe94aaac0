//! The source of a dataset's labels: its description, or its training rows.

use std::collections::BTreeSet;

use crate::choice::{Format, OnBadRow, OnIllegalTags};
use crate::error::DataError;
use crate::labels::LabelMap;
use crate::reader::ExampleReader;
use crate::spec::DatasetSpec;
use crate::target::{Target, TargetKind};
use crate::target_columns::TargetColumns;
use crate::task::TaskFiles;

/// Most labels collected from a file: real classifiers stay far below, a text column taken for the label does not.
pub const MAX_LABELS: usize = 10_000;

/// The split that labels are collected from.
const TRAIN: &str = "train";

impl LabelMap {
    /// Takes the labels that are known without reading rows: those that the description or the Parquet schema of the split
    /// `train` lists, one for each column of yes and no, the name of a number's column. `None` where [`LabelMap::resolve`] reads the split `train`.
    ///
    /// # Errors
    /// As [`LabelMap::resolve`].
    pub fn declared(spec: &DatasetSpec) -> Result<Option<Self>, DataError> {
        if let Some(labels) = &spec.labels {
            let (names, display) = (labels.names.clone(), labels.display.clone());
            let has_tags = spec.task.files().has_tags;
            return if has_tags { Self::of_types(names, display) } else { Self::new(names, display) }.map(Some);
        }
        let TaskFiles { target: key, kind, .. } = *spec.task.files();
        // A number has one name, that of its column.
        if kind == TargetKind::Number {
            let name = spec.columns.target.as_ref().map_or_else(|| key.to_owned(), ToString::to_string);
            return Self::new(vec![name.clone()], vec![name]).map(Some);
        }
        if !spec.has_targets() {
            return Err(DataError::NoLabelColumn { spec: spec.path.clone(), key });
        }
        if let Some(names) = spec.target_columns().as_ref().and_then(TargetColumns::labels) {
            return Self::new(names.to_vec(), names.to_vec()).map(Some);
        }
        if spec.format != Format::Parquet || kind == TargetKind::Tags {
            return Ok(None);
        }
        match ExampleReader::open(spec, TRAIN, OnBadRow::Skip)?.class_names() {
            [] => Ok(None),
            names => Self::new(names.to_vec(), names.to_vec()).map(Some),
        }
    }

    /// Takes the labels that the description lists, else those of the split `train`: the classes that its Parquet schema
    /// lists, one for each column of yes and no, or those of its rows, sorted, as numbers if all are integers. A number has
    /// one label, the name of its column.
    ///
    /// For tagging, these are the entity types, and the labels are the tags [`of_types`](Self::of_types).
    ///
    /// Bad rows are passed over here, and illegal tags repaired; the stage that reads the rows for good reports them by
    /// its own policy.
    ///
    /// # Errors
    /// [`DataError::NoLabelColumn`], [`DataError::TooManyLabels`], and those of reading the split.
    pub fn resolve(spec: &DatasetSpec) -> Result<Self, DataError> {
        if let Some(declared) = Self::declared(spec)? {
            return Ok(declared);
        }
        let key = spec.task.files().target;
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
