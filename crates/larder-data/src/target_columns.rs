//! The columns of the targets in files, and the target that the cells of a row make.

use std::collections::BTreeMap;

use larder_errors::Names;
use serde_json::Value;

use crate::class_labels::named;
use crate::column_ref::{ColumnRef, ColumnRefs};
use crate::row_problem::RowProblem;
use crate::spec::{Columns, DatasetSpec, TargetRange};
use crate::target::{Target, TargetKind};

/// The content of one cell.
pub(crate) enum Cell {
    /// A text; numbers and booleans are written out.
    Text(String),
    /// A list of such texts.
    List(Vec<String>),
    /// Such texts by name.
    Named(BTreeMap<String, String>),
}

/// The target that a row's cells make.
pub(crate) enum RowTarget {
    /// The target to predict, or one that somebody predicted.
    Target(Target),
    /// A predicted probability of each label, `[labels]`.
    Probabilities(Vec<f64>),
}

impl RowTarget {
    /// Returns the target; `None` for probabilities.
    pub(crate) fn into_target(self) -> Option<Target> {
        match self {
            Self::Target(target) => Some(target),
            Self::Probabilities(_) => None,
        }
    }
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
    /// Lists of numbers, or numbers by name.
    Numbers,
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
    /// A label; an integer that is no name is a position in the names, unless they are integers.
    Label,
    Tags,
    /// A list of labels; integers that are no names are positions in the names.
    List,
    /// The same as a text, with a separator between labels.
    Separated {
        separator: String,
    },
    /// The same as a text that holds a list in JSON.
    JsonList,
    /// A column a label, 1 where the row has it. `labels` are those of the columns.
    Indicators {
        labels: Vec<String>,
    },
    Number(TargetRange),
    /// A probability for each of `labels`: a column a label, or one with all of them, in the order of `labels` where
    /// `in_order` says that it is known, else by name.
    Probabilities {
        labels: Vec<String>,
        in_order: bool,
    },
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
                let separator = columns.label_separator.as_deref();
                Some(TargetColumns::of_labels(columns.labels.as_ref()?, separator, false, &names()))
            }
        }
    }
}

impl TargetColumns {
    /// Makes those of any number of labels a row, as the keys of the same names in a description do; `names` may be empty.
    /// Without a separator, a text holds a list in JSON.
    pub(crate) fn of_labels(columns: &ColumnRefs, separator: Option<&str>, texts: bool, names: &[String]) -> Self {
        let names = names.to_vec();
        let form = match (columns, separator) {
            (ColumnRefs::Several(columns), _) if names.is_empty() => {
                Form::Indicators { labels: columns.iter().map(ToString::to_string).collect() }
            }
            (ColumnRefs::Several(_), _) => Form::Indicators { labels: names.clone() },
            (ColumnRefs::One(_), Some(separator)) => Form::Separated { separator: separator.to_owned() },
            (ColumnRefs::One(_), None) if texts => Form::JsonList,
            (ColumnRefs::One(_), None) => Form::List,
        };
        Self { key: "labels", columns: columns.columns().to_vec(), names, form }
    }

    /// Makes that of a number a row.
    pub(crate) fn of_numbers(column: ColumnRef) -> Self {
        let form = Form::Number(TargetRange::default());
        Self { key: "target", columns: vec![column], names: Vec::new(), form }
    }

    /// Makes those of a probability for each of `labels`; see [`Form::Probabilities`].
    pub(crate) fn of_probabilities(columns: &ColumnRefs, labels: &[String], in_order: bool) -> Self {
        let form = Form::Probabilities { labels: labels.to_vec(), in_order };
        Self { key: "labels", columns: columns.columns().to_vec(), names: Vec::new(), form }
    }

    /// Returns the columns of a file that has these and no others that are asked for.
    pub(crate) fn alone(&self) -> Columns {
        match self.form {
            Form::Number(_) => Columns { target: self.columns.first().cloned(), ..Columns::default() },
            _ => Columns { labels: Some(ColumnRefs::Several(self.columns.clone())), ..Columns::default() },
        }
    }

    /// Returns the kind of cells that its columns have.
    pub(crate) fn cells(&self) -> CellKind {
        match &self.form {
            Form::Label | Form::Separated { .. } | Form::JsonList => CellKind::Scalar,
            Form::Tags | Form::List => CellKind::List,
            Form::Indicators { .. } => CellKind::Indicator,
            Form::Number(_) => CellKind::Number,
            Form::Probabilities { .. } if self.columns.len() > 1 => CellKind::Number,
            Form::Probabilities { .. } => CellKind::Numbers,
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
            Form::Label if !self.names.is_empty() && !self.are_numbers() => {
                add("label_names", serde_json::json!(self.names).to_string());
            }
            Form::Label | Form::Tags => {}
            Form::List | Form::JsonList | Form::Indicators { .. } => {
                add("label_names", serde_json::json!(self.names).to_string());
            }
            Form::Separated { separator } => {
                add("label_separator", separator.clone());
                add("label_names", serde_json::json!(self.names).to_string());
            }
            Form::Number(TargetRange { minimum, maximum }) => {
                for (key, bound) in [("target.minimum", minimum), ("target.maximum", maximum)] {
                    bound.map(|bound| add(key, bound.to_string()));
                }
            }
            // Nothing is made of them that is kept.
            Form::Probabilities { .. } => {}
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
    /// Those of `cell`; [`RowProblem::NotANumber`], [`RowProblem::OutOfRange`], [`RowProblem::NotYesOrNo`],
    /// [`RowProblem::NotALabelList`]; those of probabilities.
    pub(crate) fn read(
        &self,
        cell: impl Fn(usize) -> Result<Cell, RowProblem>,
        name: impl Fn(usize) -> String,
    ) -> Result<RowTarget, RowProblem> {
        let column = || name(0);
        Ok(RowTarget::Target(match (&self.form, cell(0)?) {
            (Form::Label, Cell::Text(label)) if self.are_numbers() => Target::Label(label),
            (Form::Label, Cell::Text(label)) => Target::Label(name_of(label, &self.names)),
            (Form::Tags, Cell::List(tags)) => Target::Tags(tags),
            (Form::List, Cell::List(labels)) => each_once(labels, &self.names),
            (Form::Separated { separator }, Cell::Text(labels)) => {
                let labels = labels.split(separator.as_str()).map(str::trim).filter(|label| !label.is_empty());
                each_once(labels.map(str::to_owned).collect(), &self.names)
            }
            (Form::JsonList, Cell::Text(text)) => each_once(json_list(&text, column)?, &self.names),
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
            (Form::Probabilities { labels, in_order }, first) => {
                let texts = match first {
                    Cell::Text(first) => {
                        let rest = (1..self.columns.len()).map(|at| match cell(at)? {
                            Cell::Text(text) => Ok(text),
                            _ => Err(RowProblem::MissingValue { column: name(at) }),
                        });
                        std::iter::once(Ok(first)).chain(rest).collect::<Result<Vec<_>, _>>()?
                    }
                    Cell::List(_) if !in_order => return Err(RowProblem::NoLabelOrder { column: column() }),
                    Cell::List(texts) => texts,
                    Cell::Named(mut texts) => {
                        let missing =
                            |label: &str| RowProblem::MissingValue { column: format!("{}.{label}", column()) };
                        let of = |label: &String| texts.remove(label).ok_or_else(|| missing(label));
                        labels.iter().map(of).collect::<Result<_, _>>()?
                    }
                };
                if texts.len() != labels.len() {
                    let (found, labels) = (texts.len(), Names::new(labels.iter().cloned()));
                    return Err(RowProblem::ProbabilityCount { column: column(), found, labels });
                }
                let at = |at: usize| name(if self.columns.len() > 1 { at } else { 0 });
                let shares = texts.iter().enumerate().map(|(place, text)| probability(text, || at(place)));
                return Ok(RowTarget::Probabilities(shares.collect::<Result<_, _>>()?));
            }
            // Readers give the cells asked for.
            (_, Cell::Text(_) | Cell::List(_) | Cell::Named(_)) => {
                return Err(RowProblem::MissingValue { column: column() });
            }
        }))
    }
}

/// Returns the name that an integer stands for which is no name itself; any other label as it is.
fn name_of(label: String, names: &[String]) -> String {
    if names.contains(&label) { label } else { named(label, names) }
}

/// Makes labels of which each is there once; integers that are none of `names` are positions in them.
fn each_once(labels: Vec<String>, names: &[String]) -> Target {
    let mut found: Vec<String> = Vec::with_capacity(labels.len());
    for label in labels {
        let label = name_of(label, names);
        if !found.contains(&label) {
            found.push(label);
        }
    }
    Target::Labels(found)
}

/// Reads the labels of a text that is a list in JSON, as larder writes lists into CSV and TSV.
fn json_list(text: &str, column: impl Fn() -> String) -> Result<Vec<String>, RowProblem> {
    let not_a_list = || RowProblem::NotALabelList { column: column(), text: text.to_owned() };
    let items: Vec<Value> = serde_json::from_str(text).map_err(|_| not_a_list())?;
    let label = |item: Value| match item {
        Value::String(label) => Ok(label),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        _ => Err(not_a_list()),
    };
    items.into_iter().map(label).collect()
}

fn probability(text: &str, column: impl Fn() -> String) -> Result<f64, RowProblem> {
    let probability = text.trim().parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
    probability.ok_or_else(|| RowProblem::NotAProbability { column: column(), text: text.to_owned() })
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
