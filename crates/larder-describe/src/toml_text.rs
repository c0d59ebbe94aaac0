//! Text of TOML.

use larder_data::{ColumnRef, ColumnRefs};

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A column's name in quotes, or its position.
pub(crate) fn column(column: &ColumnRef) -> String {
    match column {
        ColumnRef::Name(name) => quoted(name),
        ColumnRef::Position(position) => position.to_string(),
    }
}

/// A column, or a list of columns.
pub(crate) fn columns(refs: &ColumnRefs) -> String {
    match refs {
        ColumnRefs::One(one) => column(one),
        ColumnRefs::Several(several) => list(several.iter().map(column)),
    }
}

/// A list of values.
pub(crate) fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}
