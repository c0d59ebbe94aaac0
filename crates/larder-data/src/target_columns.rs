//! The columns of the targets in files, and the target that the cells of a row make.

use std::collections::BTreeMap;

use crate::class_labels::named;
use crate::column_ref::{ColumnRef, ColumnRefs};
use crate::row_problem::RowProblem;
use crate::spec::{DatasetSpec, TargetRange};
use crate::target::{Target, TargetKind};

/// The content of one cell.
pub(crate) enum Cell {
    /// A text; numbers and booleans are written out.
    Text(String),
    /// A list of such texts.
    List(Vec<String>),
}

/// The cells that a column of targets may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// Strings, integers and booleans.
    Scalar,
    /// Lists of strings, integers and booleans.
    List,
    /// Numbers.
    Number,
    /// Numbers and booleans that say yes or no.
    Indicator,
}

/// The columns of the targets, in the order of the description.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetColumns {
    /// The key in `[columns]`.
    pub(crate) key: &'static str,
    /// One column, or of yes and no one a label.
    pub(crate) columns: Vec<ColumnRef>,
    /// Label names of the description; empty without them.
    names: Vec<String>,
    form: Form,
}

/// The way that cells spell a target.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Label,
    Tags,
    /// A list of labels; integers that are no names are positions in the names.
    List,
    /// The same as a text, with a separator between labels.
    Separated {
        separator: String,
    },
    /// A column a label, 1 where the row has it. `labels` are those of the columns.
    Indicators {
        labels: Vec<String>,
    },
    Number(TargetRange),
}

impl DatasetSpec {
    /// Returns the columns of the targets; `None` if none is named.
    pub(crate) fn target_columns(&self) -> Option<TargetColumns> {
        let columns = &self.columns;
        let names = || self.labels.as_ref().map(|labels| labels.names.clone()).unwrap_or_default();
        let one = |key, column: &Option<ColumnRef>, form| {
            column.clone().map(|column| TargetColumns { key, columns: vec![column], names: names(), form })
        };
        match self.task.files().kind {
            TargetKind::Label => one("label", &columns.label, Form::Label),
            TargetKind::Tags => one("tags", &columns.tags, Form::Tags),
            TargetKind::Number => one("target", &columns.target, Form::Number(self.target)),
            TargetKind::Labels => {
                let given = columns.labels.as_ref()?;
                let form = match (given, &columns.label_separator) {
                    (ColumnRefs::One(_), Some(separator)) => Form::Separated { separator: separator.clone() },
                    (ColumnRefs::One(_), None) => Form::List,
                    (ColumnRefs::Several(columns), _) if self.labels.is_none() => {
                        Form::Indicators { labels: columns.iter().map(ToString::to_string).collect() }
                    }
                    (ColumnRefs::Several(_), _) => Form::Indicators { labels: names() },
                };
                Some(TargetColumns { key: "labels", columns: given.columns().to_vec(), names: names(), form })
            }
        }
    }
}

impl TargetColumns {
    /// Returns the kind of cells that its columns have.
    pub(crate) fn cells(&self) -> CellKind {
        match &self.form {
            Form::Label | Form::Separated { .. } => CellKind::Scalar,
            Form::Tags | Form::List => CellKind::List,
            Form::Indicators { .. } => CellKind::Indicator,
            Form::Number(_) => CellKind::Number,
        }
    }

    /// Returns the labels of the columns, where each label has one.
    pub(crate) fn labels(&self) -> Option<&[String]> {
        match &self.form {
            Form::Indicators { labels } => Some(labels),
            _ => None,
        }
    }

    /// Returns every setting, besides the columns, that changes the targets, as text.
    pub(crate) fn parts(&self) -> BTreeMap<String, String> {
        let mut parts = BTreeMap::new();
        let mut add = |key: &str, value: String| parts.insert(format!("data.{key}"), value);
        match &self.form {
            Form::Label | Form::Tags => {}
            Form::List | Form::Indicators { .. } => {
                add("label_names", format!("{:?}", self.names));
            }
            Form::Separated { separator } => {
                add("label_separator", separator.clone());
                add("label_names", format!("{:?}", self.names));
            }
            Form::Number(TargetRange { minimum, maximum }) => {
                for (key, bound) in [("target.minimum", minimum), ("target.maximum", maximum)] {
                    bound.map(|bound| add(key, bound.to_string()));
                }
            }
        }
        parts
    }

    /// Returns true if the description's label names are numbers, which classes are then called by.
    pub(crate) fn are_numbers(&self) -> bool {
        !self.names.is_empty() && self.names.iter().all(|name| name.parse::<i64>().is_ok())
    }

    /// Makes the target of a row. `cell` gives the cell of each column, `[columns]`, and `name` the column's name for messages.
    ///
    /// # Errors
    /// Those of `cell`; [`RowProblem::NotANumber`], [`RowProblem::OutOfRange`], [`RowProblem::NotYesOrNo`].
    pub(crate) fn read(
        &self,
        cell: impl Fn(usize) -> Result<Cell, RowProblem>,
        name: impl Fn(usize) -> String,
    ) -> Result<Target, RowProblem> {
        let column = || name(0);
        Ok(match (&self.form, cell(0)?) {
            (Form::Label, Cell::Text(label)) => Target::Label(label),
            (Form::Tags, Cell::List(tags)) => Target::Tags(tags),
            (Form::List, Cell::List(labels)) => each_once(labels, &self.names),
            (Form::Separated { separator }, Cell::Text(labels)) => {
                let labels = labels.split(separator.as_str()).map(str::trim).filter(|label| !label.is_empty());
                each_once(labels.map(str::to_owned).collect(), &self.names)
            }
            (Form::Indicators { labels }, first) => {
                let mut found = Vec::new();
                let mut next = Some(first);
                for (at, label) in labels.iter().enumerate() {
                    let content = match next.take() {
                        Some(first) => first,
                        None => cell(at)?,
                    };
                    if is_yes(&content, || name(at))? {
                        found.push(label.clone());
                    }
                }
                Target::Labels(found)
            }
            (Form::Number(range), Cell::Text(text)) => Target::Number(number(&text, range, column)?),
            // Readers give the cells asked for.
            (_, Cell::Text(_) | Cell::List(_)) => return Err(RowProblem::MissingValue { column: column() }),
        })
    }
}

/// Makes labels of which each is there once; integers that are none of `names` are positions in them.
fn each_once(labels: Vec<String>, names: &[String]) -> Target {
    let mut found: Vec<String> = Vec::with_capacity(labels.len());
    for label in labels {
        let label = if names.contains(&label) { label } else { named(label, names) };
        if !found.contains(&label) {
            found.push(label);
        }
    }
    Target::Labels(found)
}

/// Returns true if the cell says that the row has the label: 1 or true; false for 0 or false.
fn is_yes(cell: &Cell, column: impl Fn() -> String) -> Result<bool, RowProblem> {
    let Cell::Text(text) = cell else { return Err(RowProblem::MissingValue { column: column() }) };
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" => Ok(true),
        "0" | "0.0" | "false" => Ok(false),
        "" => Err(RowProblem::Empty { column: column() }),
        _ => Err(RowProblem::NotYesOrNo { column: column(), text: text.to_owned() }),
    }
}

fn number(text: &str, range: &TargetRange, column: impl Fn() -> String) -> Result<f64, RowProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RowProblem::Empty { column: column() });
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| RowProblem::NotANumber { column: column(), text: text.to_owned() })?;
    match range.bound_broken_by(number) {
        Some(bound) => Err(RowProblem::OutOfRange { column: column(), number: text.to_owned(), bound }),
        None => Ok(number),
    }
}
