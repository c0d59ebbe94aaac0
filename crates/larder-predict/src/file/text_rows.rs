//! Text output: each row is written as it was read, followed by its answer.

use std::collections::BTreeMap;
use std::path::Path;

use csv::{QuoteStyle, Terminator, WriterBuilder};
use larder_data::{Format, Layout, LineContent, NO_PREDICTION, Record, RecordLine, Scheme, Separator};
use larder_files::write_atomic;
use larder_run::tasks::Answer;
use larder_tags::convert;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::AddedColumns;
use crate::{InputError, PredictError};

/// The field that keeps a line which is no JSON object.
const UNREADABLE: &str = "unreadable_line";

/// Writes a part of JSON lines. A row's bytes are kept, and answers are added as its last fields, null if there is no answer.
pub(super) fn write_jsonl(
    records: &[Record],
    answers: &[Option<Answer>],
    added: &AddedColumns,
    path: &Path,
) -> Result<(), PredictError> {
    let mut text = Vec::new();
    for (record, answer) in records.iter().zip(answers) {
        let Record::Line(line) = record else { unreachable!("JSON lines are read as lines") };
        let values = match answer {
            None => vec![Value::Null; added.names().len()],
            Some(answer) => added.json_values(answer),
        };
        text.extend_from_slice(&own_fields(line));
        for (place, (name, value)) in added.names().iter().zip(values).enumerate() {
            if place > 0 || text.last() != Some(&b'{') {
                text.push(b',');
            }
            text.extend_from_slice(format!("{}:{value}", json!(name)).as_bytes());
        }
        text.extend_from_slice(b"}\n");
    }
    Ok(write_atomic(path, |file| file.write_all(&text))?)
}

/// The name of the column of predicted tags.
const PREDICTION: &str = "prediction";

/// Returns the line up to the end of its last field; a line that is no object is kept whole as one field. Unpaired surrogates
/// (`\ud83d`) are accepted.
fn own_fields(line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii();
    let is_object = line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    match line.strip_suffix(b"}") {
        Some(fields) if is_object => fields.trim_ascii_end().to_vec(),
        _ => format!("{{{}:{}", json!(UNREADABLE), json!(String::from_utf8_lossy(line))).into_bytes(),
    }
}

/// Returns the first of `names` that is a field of a JSON object.
pub(super) fn taken_field(record: &Record, names: &[String]) -> Option<String> {
    let Record::Line(line) = record else { return None };
    let fields: BTreeMap<String, IgnoredAny> = serde_json::from_slice(line).ok()?;
    names.iter().find(|name| fields.contains_key(*name)).cloned()
}

/// Returns an answer that would be read as several cells or rows in a file without quotes.
pub(super) fn unquoted(layout: &Layout, added: &AddedColumns) -> Option<String> {
    let falls_apart = |text: &str| text.contains([char::from(layout.delimiter), '\n', '\r']);
    if layout.quoting {
        return None;
    }
    // Lists are written with commas.
    let list = (added.columns.lists && layout.format == Format::Csv).then(|| "a list".to_owned());
    list.or_else(|| added.columns.texts.iter().find(|text| falls_apart(text)).cloned())
}

/// Writes a part of a csv or tsv file. Fields are quoted when necessary, and never if the layout has no quotes. `header` is
/// given with the first part of a file that has one, the number of `columns` with every part.
pub(super) fn write_delimited(
    layout: &Layout,
    header: Option<&[String]>,
    columns: Option<usize>,
    records: &[Record],
    answers: &[Option<Answer>],
    added: &AddedColumns,
    path: &Path,
) -> Result<(), PredictError> {
    let failed = |error: csv::Error| InputError::Write { path: path.to_path_buf(), source: error.into() };
    let mut writer = WriterBuilder::new()
        .delimiter(layout.delimiter)
        .terminator(Terminator::Any(b'\n'))
        .quote_style(if layout.quoting { QuoteStyle::Necessary } else { QuoteStyle::Never })
        .flexible(true)
        .from_writer(Vec::new());
    let names = added.cell_names();
    if let Some(header) = header {
        writer.write_record(header.iter().chain(&names)).map_err(failed)?;
    }
    // Rows that lack columns are bad; their empty answers are aligned all the same.
    let width = columns.or_else(|| records.iter().map(|record| fields(record).len()).max()).unwrap_or(0);
    for (record, answer) in records.iter().zip(answers) {
        let cells = match answer {
            None => vec![String::new(); names.len()],
            Some(answer) => added.cells(answer),
        };
        let fields = fields(record);
        let missing = std::iter::repeat_n(&[][..], width.saturating_sub(fields.len()));
        let row = fields.iter().map(Vec::as_slice).chain(missing).chain(cells.iter().map(String::as_bytes));
        writer.write_record(row).map_err(failed)?;
    }
    let text = writer.into_inner().map_err(|error| InputError::Write {
        path: path.to_path_buf(),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(write_atomic(path, |file| file.write_all(&text))?)
}

fn fields(record: &Record) -> &[Vec<u8>] {
    match record {
        Record::Fields(fields) => fields,
        _ => unreachable!("csv and tsv are read as fields"),
    }
}

/// Writes a part of a CoNLL file: every line, with a column added for the answered tag in the file's own scheme. Lines without
/// a usable word, and words without an answer, have [`NO_PREDICTION`] there.
pub(super) fn write_conll(
    layout: &Layout,
    records: &[Record],
    answers: &[Option<Answer>],
    path: &Path,
) -> Result<(), PredictError> {
    let mut text = Vec::new();
    // The lines after the last sentence have no answer.
    let answers = answers.iter().chain(std::iter::repeat(&None));
    for (record, answer) in records.iter().zip(answers) {
        let Record::Lines(lines) = record else { unreachable!("CoNLL is read as lines") };
        let tags = answer
            .as_ref()
            .and_then(|answer| answer.row().tags())
            .map_or_else(Vec::new, |tags| convert(tags, Scheme::Iob2, layout.scheme).unwrap_or_else(|_| tags.to_vec()));
        let tags: Vec<String> = tags.iter().map(|tag| layout.tag_style.write(tag)).collect();
        let mut tags = tags.iter().map(String::as_str);
        for line in lines {
            match line.holds {
                LineContent::Word => {
                    add_column(&mut text, line, layout.separator, tags.next().unwrap_or(NO_PREDICTION))
                }
                LineContent::Header => add_column(&mut text, line, layout.separator, PREDICTION),
                LineContent::NoWord => add_column(&mut text, line, layout.separator, NO_PREDICTION),
                LineContent::Other => text.extend_from_slice(&line.bytes),
            }
            text.extend_from_slice(&line.ending);
        }
    }
    Ok(write_atomic(path, |file| file.write_all(&text))?)
}

fn add_column(text: &mut Vec<u8>, line: &RecordLine, separator: Separator, value: &str) {
    let (bytes, between) = match separator {
        Separator::Tab => (line.bytes.as_slice(), '\t'),
        Separator::Space => (line.bytes.trim_ascii_end(), ' '),
        Separator::Whitespace if line.bytes.contains(&b'\t') => (line.bytes.trim_ascii_end(), '\t'),
        Separator::Whitespace => (line.bytes.trim_ascii_end(), ' '),
    };
    text.extend_from_slice(bytes);
    text.extend_from_slice(format!("{between}{value}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_keeps_its_bytes() {
        let own = |line: &str| String::from_utf8(own_fields(line.as_bytes())).unwrap();
        assert_eq!(own("{\"b\": 1.50, \"a\": [1, 2]} "), "{\"b\": 1.50, \"a\": [1, 2]");
        assert_eq!(own("{}"), "{");
        assert_eq!(own(r#"{"text":"hi \ud83d"}"#), r#"{"text":"hi \ud83d""#);
        assert_eq!(own(r#"{"text": "#), r#"{"unreadable_line":"{\"text\":""#);
        assert_eq!(own("[1]"), r#"{"unreadable_line":"[1]""#);
    }
}
