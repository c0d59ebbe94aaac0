//! The description of files, as a data set's TOML and in sentences.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use larder_data::{ColumnRef, ColumnRefs, Columns, Format, Scheme};
use larder_errors::count;

use crate::DescribeError;
use crate::columns::{Cell, Look};
use crate::field_names::FieldNames;
use crate::files::{NamedFiles, SplitFile};
use crate::look::look_at;
use crate::roles::{NamedRoles, Reason, Roles};
use crate::toml_text::{column, columns, list, quoted};

/// A description of files: their columns, splits and options.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The name of the data set.
    pub name: String,
    /// What the first rows of the training file show.
    pub look: Look,
    /// The task and the columns.
    pub roles: Roles,
    /// The scheme of tags; `None` where there are none.
    pub scheme: Option<Scheme>,
    /// The line of `[tags]` that says how tags are written; `None` where the scheme says it.
    pub tag_style: Option<&'static str>,
    /// The files, `train` first.
    pub splits: Vec<SplitFile>,
}

/// Looks at the first rows of files and describes them.
///
/// # Errors
/// [`DescribeError`].
pub fn describe(files: &NamedFiles, named: &NamedRoles) -> Result<Description, DescribeError> {
    let splits = files.splits()?;
    let first = splits.first().and_then(|split| split.files.first());
    let first = first.ok_or_else(|| DescribeError::EmptyFolder { path: files.input.clone() })?;
    let look = look_at(first)?;
    let roles = Roles::of(&look, named, first)?;
    let (scheme, tag_style) = match roles.columns.tags {
        Some(_) => tags_of(&look, &roles.columns),
        None => (None, None),
    };
    Ok(Description { name: name_of(&files.input), look, roles, scheme, tag_style, splits })
}

/// Names that files of any data set have.
const OF_ANY: &[&str] = &["train", "training", "data", "dataset"];

/// The file's name without its ending, in characters that a folder's name may have; behind that of its folder where any data set
/// may have such a file.
fn name_of(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_compressed = path.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
    let path = if is_compressed { path.with_extension("") } else { path };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).filter(|_| OF_ANY.contains(&stem.to_lowercase().as_str()));
    let stem = folder.map_or_else(|| stem.clone(), |folder| format!("{}-{stem}", folder.to_string_lossy()));
    let fine = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = stem.chars().map(fine).collect();
    let name = name.trim_start_matches('.').to_owned();
    if name.is_empty() { "data".to_owned() } else { name }
}

/// How tags are written: the scheme, and the lines of `[tags]` where they need some.
fn tags_of(look: &Look, roles: &Columns) -> (Option<Scheme>, Option<&'static str>) {
    let column = look.columns.iter().find(|column| Some(&column.column) == roles.tags.as_ref());
    let tags = column.into_iter().flat_map(|column| &column.cells).flat_map(|cell| match cell {
        Cell::Text(tag) => vec![tag.as_str()],
        Cell::List(tags) => tags.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    });
    let tags: BTreeSet<&str> = tags.collect();
    let marks: BTreeSet<char> =
        tags.iter().filter(|tag| tag.chars().nth(1) == Some('-')).filter_map(|tag| tag.chars().next()).collect();
    let has = |mark| marks.contains(&mark);
    let scheme = match () {
        () if has('M') => Scheme::Bmes,
        () if has('E') || has('S') => Scheme::Iobes,
        () if has('L') || has('U') => Scheme::Bilou,
        () if has('I') && !has('B') => Scheme::Iob1,
        () => Scheme::Iob2,
    };
    let others: Vec<&str> = tags.iter().copied().filter(|tag| *tag != "O").collect();
    match () {
        // Integers have their names in the file's schema.
        () if !marks.is_empty() || others.is_empty() || others.iter().all(|tag| tag.parse::<i64>().is_ok()) => {
            (Some(scheme), None)
        }
        () if others.iter().all(|tag| ["B", "I"].contains(tag)) => {
            (Some(scheme), Some("type = \"entity\"   # tags have no type"))
        }
        () => (None, Some("mark = \"none\"   # tags are types: neighbours of one type are one entity")),
    }
}

impl Description {
    /// Returns the description of the same rows as [`split_off`](crate::split_off) writes them.
    #[must_use]
    pub fn parted(&self, splits: Vec<SplitFile>) -> Self {
        let given = &self.roles.columns;
        let names = FieldNames::of(given);
        let field = |is_given: bool, name: String| is_given.then_some(ColumnRef::Name(name));
        // Spans are read as words with tags.
        let spans = given.spans.is_some();
        let columns = Columns {
            text: field(given.text.is_some() && !spans, names.text),
            text_b: field(given.text_b.is_some(), names.text_b),
            label: field(given.label.is_some(), names.label),
            labels: field(given.labels.is_some(), names.labels).map(ColumnRefs::One),
            target: field(given.target.is_some(), names.target),
            id: field(true, names.id),
            words: field(given.words.is_some() || spans, names.words),
            tags: field(given.tags.is_some() || spans, names.tags),
            ..Columns::default()
        };
        let look = Look { format: Format::Jsonl, separator: None, encoding: None, ..self.look.clone() };
        let roles = Roles { columns, reasons: Vec::new(), ..self.roles.clone() };
        let scheme = self.roles.task.files().has_tags.then_some(Scheme::Iob2);
        Self { name: self.name.clone(), look, roles, scheme, tag_style: None, splits }
    }

    /// Returns true if there are rows to judge on.
    pub fn has_dev(&self) -> bool {
        self.splits.len() > 1
    }

    /// Returns the TOML. Files in `folder`, where it will lie, are named by their place there, others by their full path.
    pub fn toml(&self, folder: &Path) -> String {
        let Self { name, look, roles, scheme, tag_style, splits } = self;
        let mut text = format!("name = {}\ntask = \"{}\"\nformat = \"{}\"\n", quoted(name), roles.task, look.format);
        if matches!(look.format, Format::Csv | Format::Tsv) {
            let _ = writeln!(text, "header = {}", look.header);
            if look.quoting != (look.format == Format::Csv) {
                let _ = writeln!(text, "quoting = {}", look.quoting);
            }
        }
        if let Some(separator) = look.separator {
            let _ = writeln!(text, "separator = {}", quoted(&separator.to_string()));
        }
        if let Some(encoding) = &look.encoding {
            let _ = writeln!(text, "encoding = {}", quoted(encoding));
        }
        if let Some(scheme) = scheme {
            let _ = writeln!(text, "scheme = \"{scheme}\"");
        }
        text.push_str("\n[columns]\n");
        let Columns { text: first, text_b, label, labels, label_separator, target, id, words, tags, spans, sentence } =
            &roles.columns;
        let single = [
            ("text", first),
            ("text_b", text_b),
            ("label", label),
            ("target", target),
            ("words", words),
            ("tags", tags),
            ("spans", spans),
            ("sentence", sentence),
            ("id", id),
        ];
        let mut lines: Vec<(&str, String)> =
            single.into_iter().filter_map(|(key, found)| Some((key, column(found.as_ref()?)))).collect();
        lines.extend(labels.as_ref().map(|labels| ("labels", columns(labels))));
        lines.extend(label_separator.as_ref().map(|separator| ("label_separator", quoted(separator))));
        for (key, value) in lines {
            let why = roles.reasons.iter().find(|reason| reason.key == key);
            let why = why.map_or_else(String::new, |reason| format!("   # {}", reason.why.replace(['\n', '\r'], " ")));
            let _ = writeln!(text, "{key} = {value}{why}");
        }
        if let Some(style) = tag_style {
            let _ = writeln!(text, "\n[tags]\n{style}");
        }
        text.push_str("\n[splits]\n");
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let base = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let place = |file: &Path| {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            let inside = file.strip_prefix(&base).unwrap_or(&file).display().to_string();
            quoted(&inside)
        };
        for SplitFile { split, files } in splits {
            let files = match &files[..] {
                [one] => place(one),
                several => list(several.iter().map(|file| place(file))),
            };
            let _ = writeln!(text, "{split} = {files}");
        }
        text
    }

    /// Says what was seen and taken for what, a sentence each.
    pub fn seen(&self) -> Vec<String> {
        let Self { look, roles, splits, .. } = self;
        let first = splits.first().and_then(|split| split.files.first());
        let file = first.map(|file| file.display().to_string()).unwrap_or_default();
        let more = match splits.iter().map(|split| split.files.len()).sum::<usize>() {
            1 => String::new(),
            files => format!(", the first of {} files", count(files as u64)),
        };
        let header = match (look.format, look.header) {
            (Format::Csv | Format::Tsv, true) => ", whose first row names the columns",
            (Format::Csv | Format::Tsv, false) => ", without a header",
            _ => "",
        };
        let rows = if look.format == Format::Conll { "words" } else { "rows" };
        let mut seen =
            vec![format!("{file}{more}: {}{header}; looked at {} {rows}", look.format, count(look.rows() as u64))];
        seen.extend(roles.reasons.iter().map(|Reason { key, column, why }| format!("{key} is `{column}` ({why})")));
        seen.push(format!("so the task is {}", roles.task));
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_any_data_set_has_is_named_with_its_folder() {
        for (path, name) in [
            ("/data/tickets.csv", "tickets"),
            ("/data/intents/train.csv", "intents-train"),
            ("/data/my intents/train.csv.gz", "my-intents-train"),
            ("/data/intents/Training", "intents-Training"),
            ("/train.csv", "train"),
            ("/data/.csv", "csv"),
        ] {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
        }
    }
}
