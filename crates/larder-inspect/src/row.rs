//! The text of single rows, for people.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use serde::Serialize;

use crate::InspectError;
use crate::file::{ParquetFile, as_text, spans};

/// The column of example ids.
pub(crate) const EXAMPLE_ID: &str = "example_id";
/// Columns that tell a row though they may hold no text.
const TELLING: [&str; 5] = [EXAMPLE_ID, "position", "word", "words", "tags"];
/// The columns that describe an example in a tokens file and that its features file lacks.
const TEXTS: [&str; 3] = ["text", "text_b", "words"];

/// A row, with what tells it from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RowText {
    /// Zero-based.
    pub row: u64,
    /// Column by column: `example_id`, `label`, `word`, `text` and whatever else is text.
    #[serde(flatten)]
    pub fields: BTreeMap<String, String>,
}

/// Reads what tells these rows, in their order. Of a features file without texts, the tokens file that it was made from is
/// asked for them if it lies where larder puts it.
pub(crate) fn describe(file: &ParquetFile, rows: &[u64]) -> Result<Vec<RowText>, InspectError> {
    let columns: Vec<&str> = file
        .fields()
        .iter()
        .filter(|field| TELLING.contains(&field.name().as_str()) || is_text(field.data_type()))
        .map(|field| field.name().as_str())
        .collect();
    let mut told = fields_of(file, &columns, rows)?;
    if let Some(tokens) = tokens_of(file) {
        let ids: Vec<Option<String>> = rows.iter().map(|row| told.get(row)?.get(EXAMPLE_ID).cloned()).collect();
        let places = places_of(&tokens, &ids)?;
        let texts: Vec<&str> = TEXTS.into_iter().filter(|name| tokens.has(name)).collect();
        let wanted: Vec<u64> = places.values().copied().collect();
        let found = fields_of(&tokens, &texts, &wanted)?;
        for (row, id) in rows.iter().zip(&ids) {
            let Some(fields) = id.as_ref().and_then(|id| found.get(places.get(id)?)) else { continue };
            told.entry(*row).or_default().extend(fields.clone());
        }
    }
    Ok(rows.iter().map(|&row| RowText { row, fields: told.get(&row).cloned().unwrap_or_default() }).collect())
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

type Fields = BTreeMap<String, String>;

/// These columns of these rows, by row. What is null is left out.
fn fields_of(file: &ParquetFile, columns: &[&str], rows: &[u64]) -> Result<HashMap<u64, Fields>, InspectError> {
    let mut rising = rows.to_vec();
    rising.sort_unstable();
    rising.dedup();
    let mut fields: HashMap<u64, Fields> = HashMap::new();
    for column in columns {
        file.each_of(column, &rising, |row, array, at| {
            if let Some(text) = text_at(array, at) {
                fields.entry(row).or_default().insert((*column).to_owned(), text);
            }
        })?;
    }
    Ok(fields)
}

/// One value as text; a list's elements side by side.
fn text_at(array: &ArrayRef, at: usize) -> Option<String> {
    let Some((elements, spans)) = spans(array) else {
        let text = as_text(&array.slice(at, 1))?;
        let text = text.as_string::<i32>();
        return text.is_valid(0).then(|| text.value(0).to_owned());
    };
    let span = spans.get(at)?.clone()?;
    let texts = as_text(&elements.slice(span.start, span.len()))?;
    let texts: Vec<&str> = texts.as_string::<i32>().iter().flatten().collect();
    Some(texts.join(" "))
}

/// The tokens file that a features file was made from, by larder's own layout of folders. One that was made again since, of
/// other data or settings, is not it.
fn tokens_of(file: &ParquetFile) -> Option<ParquetFile> {
    if file.key_value("larder.stage") != Some("encode") || !file.has(EXAMPLE_ID) {
        return None;
    }
    // <root>/features/<dataset>/<encoder>/<kind>/<split>.parquet
    let path = file.path().canonicalize().ok()?;
    let split = path.file_name()?;
    let encoder = path.parent()?.parent()?;
    let dataset = encoder.parent()?;
    let root = dataset.parent().filter(|features| features.ends_with("features"))?.parent()?;
    let tokens: PathBuf = root.join("tokens").join(dataset.file_name()?).join(encoder.file_name()?).join(split);
    let tokens = ParquetFile::open(&tokens).ok().filter(|tokens| tokens.has(EXAMPLE_ID))?;
    let pairs = tokens.metadata().file_metadata().key_value_metadata()?;
    let parts = pairs.iter().filter(|pair| {
        pair.key.starts_with("larder.") && pair.key != "larder.stage" && pair.key != "larder.format_version"
    });
    let same = parts.clone().all(|pair| file.key_value(&pair.key) == pair.value.as_deref());
    (same && parts.count() > 0).then_some(tokens)
}

/// The first row of each of these ids.
fn places_of(file: &ParquetFile, ids: &[Option<String>]) -> Result<HashMap<String, u64>, InspectError> {
    let mut wanted: HashSet<String> = ids.iter().flatten().cloned().collect();
    let (mut places, mut row) = (HashMap::new(), 0);
    file.each_text(EXAMPLE_ID, None, |id| {
        if let Some(id) = id.filter(|id| wanted.remove(*id)) {
            places.insert(id.to_owned(), row);
        }
        row += 1;
    })?;
    Ok(places)
}
