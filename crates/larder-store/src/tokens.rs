//! The `tokens` file: one row an example, in input order, never padded.
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | the data's own id, or the row's number |
//! | `text`, `text_b` | Utf8 | sequence tasks; `text_b` only for sentence pairs |
//! | `words` | List&lt;Utf8&gt; | tagging, instead of `text` |
//! | `label` / `tags` | Utf8 / List&lt;Utf8&gt;, nullable | as the data spells them |
//! | `input_ids` | List&lt;Int32&gt; | with special tokens, without padding |
//! | `type_ids` | List&lt;Int32&gt; | pairs only |
//! | `offsets` | List&lt;Struct&lt;start, end: Int32&gt;&gt; | characters of the text, `end` excluded; 0, 0 for special tokens |
//! | `word_ids` | List&lt;Int32&gt; | -1 for special tokens |
//! | `truncated_tokens` | Int32 | how many did not fit |

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int32Builder, ListArray, ListBuilder, StringArray, StringBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use larder_data::{Content, Target};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;

use crate::schema::{
    ELEMENT, column, int_lists, int_row, list_of, strings, values_path, writer_properties, wrong_type,
};
use crate::{AtomicFile, Provenance, StoreError};

/// Rows held before they are turned into Arrow.
const BATCH_ROWS: usize = 4096;
/// Rows a row group: bounds the writer's memory; at CoLA's lengths this is about 10 MB.
const ROW_GROUP_ROWS: usize = 65_536;

/// One tokenized example.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRow {
    /// The example's id.
    pub example_id: String,
    /// The text, pair or words that were tokenized.
    pub content: Content,
    /// The gold label or tags, when the data has them.
    pub target: Option<Target>,
    /// Token ids with special tokens, `[seq]`.
    pub input_ids: Vec<i32>,
    /// Segment of each token, `[seq]`; written for pairs only.
    pub type_ids: Vec<i32>,
    /// Character span of each token, `[seq]`.
    pub offsets: Vec<(i32, i32)>,
    /// Word of each token, `[seq]`; -1 for special tokens.
    pub word_ids: Vec<i32>,
    /// Tokens that did not fit.
    pub truncated_tokens: u32,
}

/// Writes a `tokens` file row by row, in constant memory; the file appears in [`TokensWriter::finish`].
pub struct TokensWriter {
    writer: ArrowWriter<AtomicFile>,
    schema: SchemaRef,
    path: PathBuf,
    tagging: bool,
    pair: bool,
    pending: Vec<TokenRow>,
}

impl TokensWriter {
    /// Starts a file. `tagging` chooses `words`/`tags` over `text`/`label`; `pair` adds `text_b` and `type_ids`.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub fn create(path: &Path, tagging: bool, pair: bool, provenance: &Provenance) -> Result<Self, StoreError> {
        let schema = schema(tagging, pair);
        let mut properties = writer_properties(Some(provenance)).set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        for ids in ["input_ids", "type_ids", "word_ids"] {
            // Small integers: zstd over plain values beats a dictionary that half the vocabulary fills.
            properties = properties
                .set_column_dictionary_enabled(values_path(ids), false)
                .set_column_encoding(values_path(ids), Encoding::PLAIN);
        }
        let file = AtomicFile::create(path)?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))
            .map_err(|e| StoreError::writing(path, e))?;
        Ok(Self { writer, schema, path: path.to_path_buf(), tagging, pair, pending: Vec::new() })
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn push(&mut self, row: TokenRow) -> Result<(), StoreError> {
        self.pending.push(row);
        if self.pending.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`StoreError`]; then there is no new file.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.flush()?;
        let path = self.path;
        let file = self.writer.into_inner().map_err(|e| StoreError::writing(&path, e))?;
        file.commit()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.pending);
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.example_id)))];
        if self.tagging {
            columns.push(Arc::new(string_lists(rows.iter().map(|r| match &r.content {
                Content::Words(words) => Some(words.as_slice()),
                Content::Text { .. } => Some(Default::default()),
            }))));
            columns.push(Arc::new(string_lists(rows.iter().map(|r| match &r.target {
                Some(Target::Tags(tags)) => Some(tags.as_slice()),
                _ => None,
            }))));
        } else {
            let text = |r: &TokenRow, second: bool| match (&r.content, second) {
                (Content::Text { text, .. }, false) => Some(text.clone()),
                (Content::Text { text_b, .. }, true) => text_b.clone(),
                (Content::Words(words), _) => Some(words.join(" ")),
            };
            columns.push(Arc::new(rows.iter().map(|r| text(r, false)).collect::<StringArray>()));
            if self.pair {
                columns.push(Arc::new(rows.iter().map(|r| text(r, true)).collect::<StringArray>()));
            }
            columns.push(Arc::new(
                rows.iter()
                    .map(|r| match &r.target {
                        Some(Target::Label(label)) => Some(label.as_str()),
                        _ => None,
                    })
                    .collect::<StringArray>(),
            ));
        }
        columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.input_ids.as_slice()))));
        if self.pair {
            columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.type_ids.as_slice()))));
        }
        columns.push(Arc::new(span_lists(rows.iter().map(|r| r.offsets.as_slice()))));
        columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.word_ids.as_slice()))));
        let truncated = rows.iter().map(|r| i32::try_from(r.truncated_tokens).unwrap_or(i32::MAX));
        columns.push(Arc::new(Int32Array::from_iter_values(truncated)));
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| StoreError::writing(&self.path, e.into()))?;
        self.writer.write(&batch).map_err(|e| StoreError::writing(&self.path, e))
    }
}

/// Which columns a reader loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensProjection {
    /// What encoding needs: `example_id`, `label`, `input_ids`, `type_ids`.
    Encode,
    /// Everything.
    All,
}

/// Reads a `tokens` file batch by batch.
pub struct TokensReader {
    reader: ParquetRecordBatchReader,
    path: PathBuf,
    rows: usize,
    tokens: u64,
    tagging: bool,
    pair: bool,
    provenance: Option<Provenance>,
}

impl TokensReader {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Parquet`] for a cut file, [`StoreError::Column`] for another schema.
    pub fn open(path: &Path, projection: TokensProjection) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| StoreError::reading(path, e))?;
        let schema = builder.schema().clone();
        let has = |name: &str| schema.column_with_name(name).is_some();
        let (tagging, pair) = (has("words"), has("type_ids"));
        let metadata = builder.metadata().clone();
        let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        // `input_ids` is never empty, so the leaf's values are exactly the tokens.
        let tokens = metadata
            .row_groups()
            .iter()
            .flat_map(|group| group.columns())
            .filter(|c| c.column_path() == &values_path("input_ids"))
            .map(|c| u64::try_from(c.num_values()).unwrap_or(0))
            .sum();
        let provenance = Provenance::from_key_values(metadata.file_metadata().key_value_metadata());
        let wanted: Vec<usize> = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| {
                projection == TokensProjection::All
                    || matches!(f.name().as_str(), "example_id" | "label" | "input_ids" | "type_ids")
            })
            .map(|(i, _)| i)
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| StoreError::reading(path, e))?;
        Ok(Self { reader, path: path.to_path_buf(), rows, tokens, tagging, pair, provenance })
    }

    /// Rows in the file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Real tokens in the file, special tokens included, from the footer.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Whether rows hold words and tags rather than a text and a label.
    pub fn is_tagging(&self) -> bool {
        self.tagging
    }

    /// Whether rows are sentence pairs.
    pub fn is_pair(&self) -> bool {
        self.pair
    }

    /// What the file was made from.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }
}

impl Iterator for TokensReader {
    type Item = Result<TokensBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.reader.next()? {
            Ok(batch) => batch,
            Err(e) => return Some(Err(StoreError::reading(&self.path, e.into()))),
        };
        Some(TokensBatch::check(&self.path, batch, self.pair))
    }
}

/// Some rows of a `tokens` file, columns checked.
#[derive(Debug, Clone)]
pub struct TokensBatch {
    batch: RecordBatch,
    example_ids: StringArray,
    labels: Option<StringArray>,
    input_ids: ListArray,
    type_ids: Option<ListArray>,
}

impl TokensBatch {
    fn check(path: &Path, batch: RecordBatch, pair: bool) -> Result<Self, StoreError> {
        let labels = match batch.column_by_name("label") {
            Some(_) => Some(strings(path, &batch, "label")?.clone()),
            None => None,
        };
        let type_ids = if pair { Some(int_lists(path, &batch, "type_ids")?.clone()) } else { None };
        Ok(Self {
            example_ids: strings(path, &batch, "example_id")?.clone(),
            input_ids: int_lists(path, &batch, "input_ids")?.clone(),
            labels,
            type_ids,
            batch,
        })
    }

    /// Rows here.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `row`'s id.
    pub fn example_id(&self, row: usize) -> &str {
        self.example_ids.value(row)
    }

    /// Row `row`'s label, when the data has one.
    pub fn label(&self, row: usize) -> Option<&str> {
        let labels = self.labels.as_ref()?;
        labels.is_valid(row).then(|| labels.value(row))
    }

    /// Row `row`'s token ids, `[seq]`.
    pub fn input_ids(&self, row: usize) -> &[i32] {
        int_row(&self.input_ids, row)
    }

    /// Row `row`'s segments, `[seq]`; `None` unless the file holds pairs.
    pub fn type_ids(&self, row: usize) -> Option<&[i32]> {
        self.type_ids.as_ref().map(|list| int_row(list, row))
    }

    /// Whole rows, for readers that want everything.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the file was opened with a narrower projection.
    pub fn rows(&self, path: &Path) -> Result<Vec<TokenRow>, StoreError> {
        let tagging = self.batch.column_by_name("words").is_some();
        let word_ids = int_lists(path, &self.batch, "word_ids")?;
        let spans = column(path, &self.batch, "offsets")?;
        let spans = spans
            .as_list_opt::<i32>()
            .ok_or_else(|| wrong_type(path, "offsets", "List<Struct<start: Int32, end: Int32>>", spans.data_type()))?;
        let truncated = column(path, &self.batch, "truncated_tokens")?;
        let truncated = truncated
            .as_primitive_opt::<Int32Type>()
            .ok_or_else(|| wrong_type(path, "truncated_tokens", "Int32", truncated.data_type()))?;
        (0..self.len())
            .map(|row| {
                let (content, target) = if tagging {
                    let words = string_row(path, &self.batch, "words", row)?.unwrap_or_default();
                    (Content::Words(words), string_row(path, &self.batch, "tags", row)?.map(Target::Tags))
                } else {
                    let text = strings(path, &self.batch, "text")?.value(row).to_owned();
                    let text_b = match self.batch.column_by_name("text_b") {
                        Some(_) => {
                            let second = strings(path, &self.batch, "text_b")?;
                            second.is_valid(row).then(|| second.value(row).to_owned())
                        }
                        None => None,
                    };
                    (Content::Text { text, text_b }, self.label(row).map(|l| Target::Label(l.to_owned())))
                };
                let input_ids = self.input_ids(row).to_vec();
                Ok(TokenRow {
                    example_id: self.example_id(row).to_owned(),
                    content,
                    target,
                    type_ids: self.type_ids(row).map_or_else(|| vec![0; input_ids.len()], <[i32]>::to_vec),
                    input_ids,
                    offsets: span_row(path, spans, row)?,
                    word_ids: int_row(word_ids, row).to_vec(),
                    truncated_tokens: u32::try_from(truncated.value(row)).unwrap_or(0),
                })
            })
            .collect()
    }
}

fn schema(tagging: bool, pair: bool) -> SchemaRef {
    let mut fields = vec![Field::new("example_id", DataType::Utf8, false)];
    if tagging {
        fields.push(Field::new("words", list_of(DataType::Utf8), false));
        fields.push(Field::new("tags", list_of(DataType::Utf8), true));
    } else {
        fields.push(Field::new("text", DataType::Utf8, false));
        if pair {
            fields.push(Field::new("text_b", DataType::Utf8, true));
        }
        fields.push(Field::new("label", DataType::Utf8, true));
    }
    fields.push(Field::new("input_ids", list_of(DataType::Int32), false));
    if pair {
        fields.push(Field::new("type_ids", list_of(DataType::Int32), false));
    }
    fields.push(Field::new("offsets", list_of(DataType::Struct(span_fields())), false));
    fields.push(Field::new("word_ids", list_of(DataType::Int32), false));
    fields.push(Field::new("truncated_tokens", DataType::Int32, false));
    Arc::new(Schema::new(fields))
}

fn span_fields() -> Fields {
    Fields::from(vec![Field::new("start", DataType::Int32, false), Field::new("end", DataType::Int32, false)])
}

fn integer_lists<'a>(rows: impl Iterator<Item = &'a [i32]>) -> ListArray {
    let mut builder = ListBuilder::new(Int32Builder::new()).with_field(Field::new(ELEMENT, DataType::Int32, false));
    for row in rows {
        builder.values().append_slice(row);
        builder.append(true);
    }
    builder.finish()
}

fn string_lists<'a>(rows: impl Iterator<Item = Option<&'a [String]>>) -> ListArray {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Field::new(ELEMENT, DataType::Utf8, false));
    for row in rows {
        for word in row.unwrap_or_default() {
            builder.values().append_value(word);
        }
        builder.append(row.is_some());
    }
    builder.finish()
}

fn span_lists<'a>(rows: impl Iterator<Item = &'a [(i32, i32)]>) -> ListArray {
    let (mut starts, mut ends, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        starts.extend(row.iter().map(|s| s.0));
        ends.extend(row.iter().map(|s| s.1));
        lengths.push(row.len());
    }
    let spans = StructArray::new(
        span_fields(),
        vec![Arc::new(Int32Array::from(starts)), Arc::new(Int32Array::from(ends))],
        None,
    );
    let field = Arc::new(Field::new(ELEMENT, DataType::Struct(span_fields()), false));
    ListArray::new(field, OffsetBuffer::from_lengths(lengths), Arc::new(spans), None)
}

fn string_row(path: &Path, batch: &RecordBatch, name: &str, row: usize) -> Result<Option<Vec<String>>, StoreError> {
    let array = column(path, batch, name)?;
    let wrong = || wrong_type(path, name, "List<Utf8>", array.data_type());
    let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
    if list.is_null(row) {
        return Ok(None);
    }
    let values = list.value(row);
    let values = values.as_string_opt::<i32>().ok_or_else(wrong)?;
    Ok(Some(values.iter().map(|v| v.unwrap_or_default().to_owned()).collect()))
}

fn span_row(path: &Path, spans: &ListArray, row: usize) -> Result<Vec<(i32, i32)>, StoreError> {
    let value = spans.value(row);
    let wrong = || wrong_type(path, "offsets", "List<Struct<start: Int32, end: Int32>>", value.data_type());
    let fields = value.as_struct_opt().ok_or_else(wrong)?;
    let side = |name| fields.column_by_name(name).and_then(|a| a.as_primitive_opt::<Int32Type>()).ok_or_else(wrong);
    let (starts, ends) = (side("start")?, side("end")?);
    Ok(starts.values().iter().copied().zip(ends.values().iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: usize, content: Content, target: Option<Target>) -> TokenRow {
        let n = 2 + id % 5;
        TokenRow {
            example_id: id.to_string(),
            content,
            target,
            input_ids: (0..n as i32).map(|t| t + id as i32).collect(),
            type_ids: (0..n as i32).map(|t| t % 2).collect(),
            offsets: (0..n as i32).map(|t| (t, t + 1)).collect(),
            word_ids: (0..n as i32).map(|t| t - 1).collect(),
            truncated_tokens: id as u32 % 3,
        }
    }

    fn round_trip(rows: &[TokenRow], tagging: bool, pair: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let provenance = Provenance::new("tokenize", 1).with("max_tokens", 512);
        let mut writer = TokensWriter::create(&path, tagging, pair, &provenance).unwrap();
        for row in rows {
            writer.push(row.clone()).unwrap();
        }
        assert!(!path.exists(), "the file appears only when it is whole");
        writer.finish().unwrap();
        let reader = TokensReader::open(&path, TokensProjection::All).unwrap();
        assert_eq!((reader.rows(), reader.is_tagging(), reader.is_pair()), (rows.len(), tagging, pair));
        assert_eq!(reader.tokens(), rows.iter().map(|r| r.input_ids.len() as u64).sum::<u64>());
        assert_eq!(reader.provenance(), Some(&provenance));
        let back: Vec<TokenRow> = reader.flat_map(|b| b.unwrap().rows(&path).unwrap()).collect();
        assert_eq!(back, rows);
        let narrow = TokensReader::open(&path, TokensProjection::Encode).unwrap();
        let ids: Vec<Vec<i32>> = narrow
            .flat_map(|b| {
                let b = b.unwrap();
                (0..b.len()).map(|r| b.input_ids(r).to_vec()).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(ids, rows.iter().map(|r| r.input_ids.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn texts_come_back_across_batches() {
        let rows: Vec<_> = (0..BATCH_ROWS + 7)
            .map(|i| {
                let text = format!("text \"{i}\"\t\u{1f600}");
                let mut row = row(
                    i,
                    Content::Text { text, text_b: None },
                    (i % 3 > 0).then(|| Target::Label((i % 2).to_string())),
                );
                row.type_ids = vec![0; row.input_ids.len()];
                row
            })
            .collect();
        round_trip(&rows, false, false);
    }

    #[test]
    fn pairs_and_words_come_back() {
        let pairs: Vec<_> = (0..5)
            .map(|i| row(i, Content::Text { text: "a".into(), text_b: (i > 0).then(|| "b".into()) }, None))
            .collect();
        round_trip(&pairs, false, true);
        let words: Vec<_> = (0..5)
            .map(|i| {
                let words: Vec<String> = (0..i).map(|w| format!("w{w}")).collect();
                let mut row = row(i, Content::Words(words.clone()), Some(Target::Tags(words)));
                row.type_ids = vec![0; row.input_ids.len()];
                row
            })
            .collect();
        round_trip(&words, true, false);
    }

    #[test]
    fn a_cut_file_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let mut writer = TokensWriter::create(&path, false, false, &Provenance::new("tokenize", 1)).unwrap();
        writer.push(row(1, Content::Text { text: "a".into(), text_b: None }, None)).unwrap();
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        for keep in [0, 3, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..keep]).unwrap();
            let Err(error) = TokensReader::open(&path, TokensProjection::All) else { panic!("{keep} bytes opened") };
            assert!(error.to_string().contains("t.parquet") && error.to_string().contains("run its stage"), "{error}");
        }
    }
}
