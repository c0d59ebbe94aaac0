//! The problems of a dataset description.

use larder_errors::UnknownSpelling;
use larder_errors::{Names, clip};

/// The problem with a dataset description.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecProblem {
    /// Not TOML, a required key is missing, or a value is of the wrong type; the parser's own words.
    #[error("{message}")]
    Toml {
        /// The parser's message.
        message: String,
    },
    /// A key nobody reads.
    #[error("unknown key `{key}` in {table} ({})", known.hint(key))]
    UnknownKey {
        /// The table, as a message names it.
        table: &'static str,
        /// The key found.
        key: String,
        /// The keys known in that table.
        known: Names,
    },
    /// A key whose value must be a table is something else.
    #[error("`{key}` is {found}, expected a table: a line `[{key}]` and below it, for instance, `{example}`")]
    NotATable {
        /// The key.
        key: &'static str,
        /// The kind of its value.
        found: &'static str,
        /// A line of such a table.
        example: &'static str,
    },
    /// A value that is none of the known ones.
    #[error(transparent)]
    Choice(#[from] UnknownSpelling),
    /// A key that the task or the format needs is missing.
    #[error("{reason} needs `{key}`")]
    Missing {
        /// The task, format or key that needs it.
        reason: String,
        /// The key, with its table.
        key: String,
    },
    /// A key that means nothing for this task or format.
    #[error("`{key}` means nothing for {reason}; {remedy}")]
    Unused {
        /// The key, with its table.
        key: &'static str,
        /// The task or format.
        reason: String,
        /// The way out.
        remedy: &'static str,
    },
    /// A task that this format cannot hold.
    #[error("the task {task} cannot be read from {format}; use one of {known}")]
    TaskFormat {
        /// The task.
        task: String,
        /// The format.
        format: String,
        /// Formats that can hold it.
        known: Names,
    },
    /// A column by name where columns have none, or by position where they have no order.
    #[error("`columns.{key}` is {found}, but {reason}")]
    ColumnKind {
        /// The key in `[columns]`.
        key: &'static str,
        /// The name or position found.
        found: String,
        /// The reason why that cannot be, and what can.
        reason: &'static str,
    },
    /// A separator of columns that the format cannot have.
    #[error("`separator` is `{found}`, which {format} cannot have; use {known}")]
    Separator {
        /// The separator found.
        found: String,
        /// The format.
        format: &'static str,
        /// Separators that it can have.
        known: &'static str,
    },
    /// Two keys point at one column.
    #[error("`columns.{first}` and `columns.{second}` are the same column, {column}")]
    SameColumn {
        /// One key in `[columns]`.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// The name or position.
        column: String,
    },
    /// Columns are taken by position, and nothing says whether the first row names them.
    #[error("`header` is missing: say `header = true` if the first row of the files names the columns, else `false`")]
    HeaderUnsaid,
    /// A name that cannot be a file name.
    #[error("{what} `{}` cannot be a file name; use letters, digits, `-`, `_` and `.`, not `.` first", clip(found))]
    Name {
        /// Dataset or split.
        what: &'static str,
        /// The name found.
        found: String,
    },
    /// No split at all.
    #[error("[splits] is empty; name at least one file, such as `train = \"train.tsv\"`")]
    NoSplits,
    /// A list or text that must not be empty is.
    #[error("`{key}` is empty")]
    EmptyValue {
        /// The key, with its table.
        key: String,
    },
    /// A label name occurs twice.
    #[error("`labels.names` holds `{}` twice", clip(name))]
    DoubledLabel {
        /// The name.
        name: String,
    },
    /// Display names that are not as many as label names.
    #[error("`labels.display` has {display} names and `labels.names` has {names}; they go in pairs")]
    DisplayLength {
        /// Label names.
        names: usize,
        /// Display names.
        display: usize,
    },
    /// tagging: `labels.names` lists tags.
    #[error("`labels.names` holds the tag `O`; for tagging it lists the entity types alone, such as `person`")]
    TagsForTypes,
    /// multilabel: label names that are not as many as columns.
    #[error("`labels.names` has {names} names and `columns.labels` has {columns} columns; they go in pairs")]
    LabelColumns {
        /// Label names.
        names: usize,
        /// Columns of labels.
        columns: usize,
    },
    /// regression: a bound that is no number.
    #[error("`target.{key}` is {bound}, expected a finite number; without a bound leave it out")]
    Bound {
        /// The key in `[target]`.
        key: &'static str,
        /// The bound found.
        bound: f64,
    },
    /// regression: no number lies between the bounds.
    #[error("`target.minimum` is {minimum} and `target.maximum` is {maximum}; the minimum must be the smaller")]
    EmptyRange {
        /// The smallest number.
        minimum: f64,
        /// The largest number.
        maximum: f64,
    },
    /// Display names without label names: nothing says which belongs to which.
    #[error("`labels.display` needs `labels.names`, which say the order")]
    DisplayAlone,
}
