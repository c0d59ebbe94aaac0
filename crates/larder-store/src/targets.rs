//! The column of the targets of texts: `label`, `labels` or `target`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use larder_data::{Target, TargetKind};

use crate::StoreError;
use crate::schema::{list_of, string_lists, wrong_type};

/// The column of gold labels, of texts with one label.
pub const LABEL: &str = "label";
/// The column of gold labels, of texts with any number of labels.
pub const LABELS: &str = "labels";
/// The column of gold numbers, of texts.
pub const TARGET: &str = "target";

/// The targets of texts, `[rows]`; `None` where the data has none.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTargets {
    /// One label a row.
    Label(Vec<Option<String>>),
    /// Any number of labels a row.
    Labels(Vec<Option<Vec<String>>>),
    /// A number a row.
    Number(Vec<Option<f64>>),
}

impl TextTargets {
    /// Returns no targets of a kind; those of words count as labels.
    pub fn empty(kind: TargetKind) -> Self {
        match kind {
            TargetKind::Label | TargetKind::Tags => Self::Label(Vec::new()),
            TargetKind::Labels => Self::Labels(Vec::new()),
            TargetKind::Number => Self::Number(Vec::new()),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Label(_) => TargetKind::Label,
            Self::Labels(_) => TargetKind::Labels,
            Self::Number(_) => TargetKind::Number,
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Label(targets) => targets.len(),
            Self::Labels(targets) => targets.len(),
            Self::Number(targets) => targets.len(),
        }
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row; a target of another kind counts as none.
    pub fn push(&mut self, target: Option<Target>) {
        match (self, target) {
            (Self::Label(targets), Some(Target::Label(label))) => targets.push(Some(label)),
            (Self::Label(targets), _) => targets.push(None),
            (Self::Labels(targets), Some(Target::Labels(labels))) => targets.push(Some(labels)),
            (Self::Labels(targets), _) => targets.push(None),
            (Self::Number(targets), Some(Target::Number(number))) => targets.push(Some(number)),
            (Self::Number(targets), _) => targets.push(None),
        }
    }

    /// Returns the target of a row.
    pub fn get(&self, row: usize) -> Option<Target> {
        match self {
            Self::Label(targets) => targets.get(row)?.clone().map(Target::Label),
            Self::Labels(targets) => targets.get(row)?.clone().map(Target::Labels),
            Self::Number(targets) => targets.get(row)?.map(Target::Number),
        }
    }

    /// Returns the column.
    pub(crate) fn array(&self) -> ArrayRef {
        match self {
            Self::Label(targets) => Arc::new(targets.iter().map(Option::as_deref).collect::<StringArray>()),
            Self::Labels(targets) => Arc::new(string_lists(targets.iter().map(Option::as_deref))),
            Self::Number(targets) => Arc::new(targets.iter().copied().collect::<Float64Array>()),
        }
    }

    /// Adds the rows of a column, checked.
    pub(crate) fn extend(&mut self, path: &Path, array: &dyn Array) -> Result<(), StoreError> {
        let field = target_field(self.kind());
        let wrong = || wrong_type(path, field.name(), &field.data_type().to_string(), array.data_type());
        match self {
            Self::Label(targets) => {
                let strings = array.as_string_opt::<i32>().ok_or_else(wrong)?;
                targets.extend(strings.iter().map(|label| label.map(str::to_owned)));
            }
            Self::Labels(targets) => {
                let lists = array.as_list_opt::<i32>().ok_or_else(wrong)?;
                lists.values().as_string_opt::<i32>().ok_or_else(wrong)?;
                targets.extend(
                    lists
                        .iter()
                        .map(|row| row.map(|row| row.as_string::<i32>().iter().flatten().map(str::to_owned).collect())),
                );
            }
            Self::Number(targets) => {
                targets.extend(array.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?.iter());
            }
        }
        Ok(())
    }
}

/// Returns the field of a kind of targets of texts.
pub(crate) fn target_field(kind: TargetKind) -> Field {
    match kind {
        TargetKind::Label | TargetKind::Tags => Field::new(LABEL, DataType::Utf8, true),
        TargetKind::Labels => Field::new(LABELS, list_of(DataType::Utf8), true),
        TargetKind::Number => Field::new(TARGET, DataType::Float64, true),
    }
}

/// Returns the kind of the targets of texts that a file has a column for.
pub(crate) fn kind_of(schema: &Schema) -> TargetKind {
    let has = |name: &str| schema.column_with_name(name).is_some();
    match (has(LABELS), has(TARGET)) {
        (true, _) => TargetKind::Labels,
        (false, true) => TargetKind::Number,
        (false, false) => TargetKind::Label,
    }
}
