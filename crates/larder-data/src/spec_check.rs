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
use crate::tag_style::{MarkPlace, TagStyle};
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
    check_task_format(task, format, &columns)?;
    let has_header = is_delimited(format) || format == Format::Conll;
    check_unused("header", file.header.is_some(), format, has_header, "only csv, tsv and conll have it")?;
    check_unused("quoting", file.quoting.is_some(), format, is_delimited(format), "only csv and tsv have it")?;
    let has_separator = matches!(format, Format::Csv | Format::Conll);
    let remedy = "only csv and conll have it; a tsv file with another separator is a csv file";
    check_unused("separator", file.separator.is_some(), format, has_separator, remedy)?;
    let is_text = format != Format::Parquet;
    check_unused("encoding", file.encoding.is_some(), format, is_text, "its texts are always UTF-8")?;
    for (key, given) in [
        ("scheme", file.scheme.is_some()),
        ("tags", file.tags.is_some()),
        ("illegal_tags", file.illegal_tags.is_some()),
    ] {
        if given && !task.files().has_tags {
            return Err(unused(key, format!("the task {task}"), "only tagging has it"));
        }
    }
    let tag_style = file.tags.unwrap_or_default();
    check_tag_style(&tag_style, file.scheme)?;
    let is_split = task.files().has_words && columns.text.is_some();
    if file.split_text.is_some() && !is_split {
        return Err(unused("split_text", "these columns".to_owned(), "it goes with tagging and `columns.text`"));
    }
    for (key, given) in [("scheme", file.scheme.is_some()), ("tags", !tag_style.is_plain())] {
        if given && is_split {
            return Err(unused(key, "`columns.spans`".to_owned(), "spans have labels, no tags"));
        }
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
    check_columns(task, format, file.header, &columns)?;
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
        delimiter: match file.separator.filter(|_| format == Format::Csv) {
            Some(separator) => separator.of_csv()?,
            None => default_delimiter(format),
        },
        encoding: file.encoding.filter(|encoding| !encoding.is_utf8()),
        scheme: match tag_style.mark {
            // Neighbours of one type are one entity.
            MarkPlace::None => Scheme::Iob1,
            _ => file.scheme.unwrap_or(DEFAULT_SCHEME),
        },
        tag_style,
        split_text: is_split.then(|| file.split_text.unwrap_or_default()),
        separator: match file.separator.filter(|_| format == Format::Conll) {
            Some(separator) => separator.of_conll()?,
            None => DEFAULT_SEPARATOR,
        },
        max_tokens: file.max_tokens.map(std::num::NonZeroUsize::get),
        on_bad_row: file.on_bad_row,
        illegal_tags: file.illegal_tags,
        columns,
        target,
        labels: file.labels.map(|table| resolve_labels(table, task)).transpose()?.flatten(),
        splits: file.splits,
    })
}

/// Returns the character between the columns of a csv or tsv file where the description says none.
pub(crate) fn default_delimiter(format: Format) -> u8 {
    if format == Format::Csv { b',' } else { b'\t' }
}

/// Checks the table `[tags]` alone and with the scheme.
fn check_tag_style(style: &TagStyle, scheme: Option<Scheme>) -> Result<(), SpecProblem> {
    let empty = |key: &str| Err(SpecProblem::EmptyValue { key: format!("tags.{key}") });
    let is_none = style.mark == MarkPlace::None;
    let tags_are_types = || "`tags.mark = \"none\"`".to_owned();
    match style {
        _ if is_none && scheme.is_some_and(|scheme| scheme != Scheme::Iob1) => {
            Err(unused("scheme", tags_are_types(), "without marks there is nothing to read by it"))
        }
        _ if is_none && style.separator.is_some() => {
            Err(unused("tags.separator", tags_are_types(), "there is nothing to separate"))
        }
        _ if is_none && style.entity_type.is_some() => {
            Err(unused("tags.type", tags_are_types(), "every tag is a type itself"))
        }
        TagStyle { entity_type: Some(name), .. } if name.trim().is_empty() => empty("type"),
        TagStyle { separator: Some(text), .. } if text.is_empty() => empty("separator"),
        TagStyle { outside, .. } if outside.iter().any(String::is_empty) => empty("outside"),
        TagStyle { names, .. } if names.iter().any(String::is_empty) => empty("names"),
        _ => Ok(()),
    }
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

fn check_task_format(task: Task, format: Format, columns: &Columns) -> Result<(), SpecProblem> {
    let fitting = task.files().formats;
    // A word a row, if a column tells sentences apart.
    let has_sentences = task.files().has_words && is_delimited(format) && columns.sentence.is_some();
    if has_sentences || fitting.contains(&format) {
        return Ok(());
    }
    Err(SpecProblem::TaskFormat {
        task: task.to_string(),
        format: format.to_string(),
        known: Names::new(fitting.iter().map(|format| format.as_str())),
    })
}

fn check_columns(task: Task, format: Format, header: Option<bool>, columns: &Columns) -> Result<(), SpecProblem> {
    let files = task.files();
    check_words(task, format, columns)?;
    let has_text = files.has_words && columns.text.is_some();
    if !has_text && !columns.given().any(|(given, _)| given == files.input) {
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
            (Format::Conll, ColumnRef::Name(_)) if header != Some(true) => {
                "CoNLL columns have no names, unless `header = true` says that the first line has them; give the \
                 zero-based position"
            }
            (Format::Jsonl, ColumnRef::Position(_)) => "JSON fields have no order; give the field's name",
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

/// Checks what words and tags are made of: lists, rows, or texts with spans.
fn check_words(task: Task, format: Format, columns: &Columns) -> Result<(), SpecProblem> {
    if !task.files().has_words {
        return Ok(());
    }
    let missing = |reason: &str, key: &str| {
        Err(SpecProblem::Missing { reason: reason.to_owned(), key: format!("columns.{key}") })
    };
    let with_text = || "`columns.text`".to_owned();
    match columns {
        Columns { text: Some(_), .. } if format != Format::Jsonl => Err(unused(
            "text",
            format!("tagging in {format}"),
            "only jsonl has texts with spans: name the column of the `words`",
        )),
        Columns { text: Some(_), words: Some(_), .. } => {
            Err(unused("words", with_text(), "words are made of the text, or given, but not both"))
        }
        Columns { text: Some(_), tags: Some(_), .. } => Err(unused(
            "tags",
            with_text(),
            "tags are made of the column `spans`; with `tags` name the column of the `words`",
        )),
        Columns { spans: Some(_), text: None, .. } => missing("`columns.spans`", "text"),
        Columns { sentence: Some(_), .. } if !is_delimited(format) => Err(unused(
            "sentence",
            format!("the format {format}"),
            "only csv and tsv have a word a row with its sentence",
        )),
        Columns { sentence: Some(_), id: Some(_), .. } => {
            Err(unused("id", "`columns.sentence`".to_owned(), "sentences are identified by their number"))
        }
        _ => Ok(()),
    }
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
    if !is_delimited(format) && format != Format::Conll {
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
        (None, None) if format == Format::Conll => Ok(false),
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
