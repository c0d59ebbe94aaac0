//! The check of a whole dataset description: defaults, and keys that need or exclude one another.

use larder_errors::Names;
use larder_tags::Scheme;
use std::path::Path;

use crate::choice::{Format, Separator};
use crate::column_ref::{ColumnRef, ColumnRefs};
use crate::spec::{Columns, DatasetSpec, LabelNames, TargetRange};
use crate::spec_file::{LabelText, LabelsTable, SpecFile};
use crate::spec_problem::SpecProblem;
use crate::split_files::SplitFiles;
use crate::target::TargetKind;
use crate::task::Task;

/// Scheme of tags when the description names none: the commonest by far, and the one larder writes.
pub(crate) const DEFAULT_SCHEME: Scheme = Scheme::Iob2;
/// Separator of CoNLL columns when the description names none: right for tabs and for spaces alike, as long as no word
/// holds a space.
pub(crate) const DEFAULT_SEPARATOR: Separator = Separator::Whitespace;

/// Applies defaults and checks `file`, read from `path`.
pub(crate) fn resolve(file: SpecFile, path: &Path) -> Result<DatasetSpec, SpecProblem> {
    let missing = |key: &str| SpecProblem::Missing { reason: "a dataset".to_owned(), key: key.to_owned() };
    let name = file.name.ok_or_else(|| missing("name"))?;
    let task = file.task.ok_or_else(|| missing("task"))?;
    let format = file.format.ok_or_else(|| missing("format"))?;
    let columns = file.columns;

    check_file_name("the dataset name", &name)?;
    check_task_format(task, format)?;
    check_unused("header", file.header.is_some(), format, is_delimited(format), "only csv and tsv have it")?;
    check_unused("quoting", file.quoting.is_some(), format, is_delimited(format), "only csv and tsv have it")?;
    check_unused("separator", file.separator.is_some(), format, format == Format::Conll, "only conll has it")?;
    if file.scheme.is_some() && !task.files().has_tags {
        return Err(unused("scheme", format!("the task {task}"), "only tagging has it"));
    }
    let has_labels = task.files().kind != TargetKind::Number;
    if file.labels.is_some() && !has_labels {
        return Err(unused(
            "labels",
            format!("the task {task}"),
            "its targets are numbers: say their range in `[target]`",
        ));
    }
    if file.target.is_some() && has_labels {
        return Err(unused("target", format!("the task {task}"), "only regression has it"));
    }
    check_columns(task, format, &columns)?;
    check_label_columns(format, &columns, file.labels.as_ref())?;
    let target = file.target.unwrap_or_default();
    check_range(&target)?;
    let header = resolve_header(format, file.header, &columns)?;
    check_splits(&file.splits)?;

    Ok(DatasetSpec {
        path: path.to_owned(),
        name,
        task,
        format,
        header,
        quoting: file.quoting.unwrap_or(format == Format::Csv),
        scheme: file.scheme.unwrap_or(DEFAULT_SCHEME),
        separator: file.separator.unwrap_or(DEFAULT_SEPARATOR),
        columns,
        target,
        labels: file.labels.map(|table| resolve_labels(table, task)).transpose()?.flatten(),
        splits: file.splits,
    })
}

fn is_delimited(format: Format) -> bool {
    matches!(format, Format::Tsv | Format::Csv)
}

fn unused(key: &'static str, reason: String, remedy: &'static str) -> SpecProblem {
    SpecProblem::Unused { key, reason, remedy }
}

fn check_unused(
    key: &'static str,
    given: bool,
    format: Format,
    meaningful: bool,
    remedy: &'static str,
) -> Result<(), SpecProblem> {
    if given && !meaningful {
        return Err(unused(key, format!("the format {format}"), remedy));
    }
    Ok(())
}

fn check_task_format(task: Task, format: Format) -> Result<(), SpecProblem> {
    let fitting = task.files().formats;
    if fitting.contains(&format) {
        return Ok(());
    }
    Err(SpecProblem::TaskFormat {
        task: task.to_string(),
        format: format.to_string(),
        known: Names::new(fitting.iter().map(|format| format.as_str())),
    })
}

fn check_columns(task: Task, format: Format, columns: &Columns) -> Result<(), SpecProblem> {
    let files = task.files();
    if !columns.given().any(|(given, _)| given == files.input) {
        return Err(SpecProblem::Missing {
            reason: format!("the task {task}"),
            key: format!("columns.{}", files.input),
        });
    }
    if let Some((key, _)) = columns.given().find(|(key, _)| files.foreign_columns.contains(key)) {
        return Err(unused(key, format!("the task {task}"), files.columns));
    }
    if format == Format::Conll && columns.id.is_some() {
        return Err(unused("id", "the format conll".to_owned(), "sentences are identified by their number"));
    }
    for (key, column) in columns.given() {
        let reason = match (format, column) {
            (Format::Jsonl, ColumnRef::Position(_)) => "JSON fields have no order; give the field's name",
            (Format::Conll, ColumnRef::Name(_)) => "CoNLL columns have no names; give the zero-based position",
            _ => continue,
        };
        let found = match column {
            ColumnRef::Name(name) => format!("the name \"{name}\""),
            ColumnRef::Position(position) => format!("the position {position}"),
        };
        return Err(SpecProblem::ColumnKind { key, found, reason });
    }
    let given: Vec<_> = columns.given().collect();
    for (position, (first, column)) in given.iter().enumerate() {
        if let Some((second, _)) = given[position + 1..].iter().find(|(_, other)| other == column) {
            return Err(SpecProblem::SameColumn { first, second, column: column.to_string() });
        }
    }
    Ok(())
}

/// Checks the columns of a list of labels with the names of the labels.
fn check_label_columns(format: Format, columns: &Columns, labels: Option<&LabelsTable>) -> Result<(), SpecProblem> {
    match (&columns.labels, &columns.label_separator) {
        (Some(ColumnRefs::One(_)), Some(separator)) if separator.trim().is_empty() && separator != " " => {
            Err(SpecProblem::EmptyValue { key: "columns.label_separator".to_owned() })
        }
        (Some(ColumnRefs::One(_)), None) if is_delimited(format) => Err(SpecProblem::Missing {
            reason: format!("`columns.labels` in {format}, whose columns are texts,"),
            key: "columns.label_separator".to_owned(),
        }),
        (Some(ColumnRefs::Several(_)) | None, Some(_)) => Err(unused(
            "label_separator",
            "these columns".to_owned(),
            "it goes with `labels` where that is one column of texts",
        )),
        (Some(ColumnRefs::Several(several)), None) => {
            if several.is_empty() {
                return Err(SpecProblem::EmptyValue { key: "columns.labels".to_owned() });
            }
            match labels.and_then(|labels| labels.names.as_ref()).map(Vec::len) {
                Some(names) if names != several.len() => {
                    Err(SpecProblem::LabelColumns { names, columns: several.len() })
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn check_range(range: &TargetRange) -> Result<(), SpecProblem> {
    for (key, bound) in [("minimum", range.minimum), ("maximum", range.maximum)] {
        if let Some(bound) = bound.filter(|bound| !bound.is_finite()) {
            return Err(SpecProblem::Bound { key, bound });
        }
    }
    match (range.minimum, range.maximum) {
        (Some(minimum), Some(maximum)) if minimum >= maximum => Err(SpecProblem::EmptyRange { minimum, maximum }),
        _ => Ok(()),
    }
}

/// Returns true if the first row names the columns. A wrong guess would silently eat a row or make one of the header,
/// so where the columns do not say it the description must.
fn resolve_header(format: Format, header: Option<bool>, columns: &Columns) -> Result<bool, SpecProblem> {
    if !is_delimited(format) {
        return Ok(false);
    }
    let named = columns.given().find(|(_, column)| matches!(column, ColumnRef::Name(_)));
    match (header, named) {
        (Some(false), Some((key, column))) => Err(SpecProblem::ColumnKind {
            key,
            found: format!("the name \"{column}\""),
            reason: "without a header columns have no names; give the zero-based position, or set `header = true`",
        }),
        (Some(header), _) => Ok(header),
        (None, Some(_)) => Ok(true),
        (None, None) => Err(SpecProblem::HeaderUnsaid),
    }
}

fn check_splits(splits: &[(String, SplitFiles)]) -> Result<(), SpecProblem> {
    if splits.is_empty() {
        return Err(SpecProblem::NoSplits);
    }
    for (name, files) in splits {
        check_file_name("the split name", name)?;
        if files.templates().is_empty() || files.templates().iter().any(String::is_empty) {
            return Err(SpecProblem::EmptyValue { key: format!("splits.{name}") });
        }
    }
    Ok(())
}

/// Names of datasets and splits become names of files and folders.
fn check_file_name(what: &'static str, name: &str) -> Result<(), SpecProblem> {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(SpecProblem::Name { what, found: name.to_owned() });
    }
    Ok(())
}

fn resolve_labels(table: LabelsTable, task: Task) -> Result<Option<LabelNames>, SpecProblem> {
    let texts = |list: Vec<LabelText>| list.into_iter().map(|label| label.0).collect::<Vec<_>>();
    let (names, display) = match (table.names.map(texts), table.display.map(texts)) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(SpecProblem::DisplayAlone),
        (Some(names), None) => (names.clone(), names),
        (Some(names), Some(display)) => (names, display),
    };
    check_label_names(&names, &display)?;
    if task.files().has_tags && names.iter().any(|name| name == "O") {
        return Err(SpecProblem::TagsForTypes);
    }
    Ok(Some(LabelNames { names, display }))
}

/// Label names must be there, distinct and not empty, with one display name each.
pub(crate) fn check_label_names(names: &[String], display: &[String]) -> Result<(), SpecProblem> {
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(SpecProblem::EmptyValue { key: "labels.names".to_owned() });
    }
    if display.len() != names.len() {
        return Err(SpecProblem::DisplayLength { names: names.len(), display: display.len() });
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SpecProblem::DoubledLabel { name: pair[0].clone() }),
        None => Ok(()),
    }
}
