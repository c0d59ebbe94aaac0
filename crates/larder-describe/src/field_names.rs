//! The names of fields in rows that are written as JSON lines.

use larder_data::{ColumnRef, ColumnRefs, Columns};

/// The field of each key of a description: the column's own name where it has one, so that files like the first one can be answered.
pub(crate) struct FieldNames {
    pub id: String,
    pub text: String,
    pub text_b: String,
    pub label: String,
    pub labels: String,
    pub target: String,
    pub words: String,
    pub tags: String,
}

impl FieldNames {
    pub fn of(columns: &Columns) -> Self {
        let name = |column: Option<&ColumnRef>, own: &str| match column {
            Some(ColumnRef::Name(name)) => name.clone(),
            _ => own.to_owned(),
        };
        let labels = columns.labels.as_ref().and_then(|labels| match labels {
            ColumnRefs::One(one) => Some(one),
            ColumnRefs::Several(_) => None,
        });
        let text = columns.text.as_ref();
        let taken = |name: &str| columns.given().any(|(_, column)| column.to_string() == name);
        Self {
            id: if taken("id") { "row_id" } else { "id" }.to_owned(),
            text: name(text, "text"),
            text_b: name(columns.text_b.as_ref(), "text_b"),
            label: name(columns.label.as_ref(), "label"),
            labels: name(labels, "labels"),
            target: name(columns.target.as_ref(), "target"),
            words: name(columns.words.as_ref(), "words"),
            tags: name(columns.tags.as_ref(), "tags"),
        }
    }
}
