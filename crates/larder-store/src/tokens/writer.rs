//! Writing a `tokens` file row by row.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int32Builder, Int64Array, ListArray, ListBuilder, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use larder_data::{Content, Target, TargetKind};
use larder_files::Provenance;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;

use super::row::{ALONE, TextAlone, TokenRow};
use crate::metadata::key_value;
use crate::schema::{ELEMENT, list_of, string_lists, values_path, writer_properties};
use crate::targets::{TextTargets, target_field};
use crate::{SealedFile, StoreError};

/// Rows held before they are turned into Arrow.
pub(super) const BATCH_ROWS: usize = 4096;
/// Rows a row group: bounds the writer's memory; at CoLA's lengths this is about 10 MB.
const ROW_GROUP_ROWS: usize = 65_536;

/// Writes a `tokens` file row by row, in constant memory; the file appears in [`TokensWriter::finish`].
pub struct TokensWriter {
    writer: ArrowWriter<SealedFile>,
    schema: SchemaRef,
    path: PathBuf,
    layout: TokensLayout,
    pending: Vec<TokenRow>,
}

/// The optional columns of a `tokens` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokensLayout {
    /// True if rows are words with tags rather than texts.
    pub has_words: bool,
    /// The kind of the targets; of words it is always tags.
    pub targets: TargetKind,
    /// True if there is a `text_b`.
    pub pair: bool,
    /// True if there is a `type_ids`. Without it every type is 0.
    pub types: bool,
    /// True if both texts of a pair stand there tokenized by themselves too.
    pub alone: bool,
}

impl TokensWriter {
    /// Starts a file of words with tags, or of texts with one label each; `pair` adds `text_b` and `type_ids`.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub fn create(path: &Path, has_words: bool, pair: bool, provenance: &Provenance) -> Result<Self, StoreError> {
        let targets = if has_words { TargetKind::Tags } else { TargetKind::Label };
        Self::with_layout(path, TokensLayout { has_words, targets, pair, types: pair, alone: false }, provenance)
    }

    /// Starts a file of these columns.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub fn with_layout(path: &Path, layout: TokensLayout, provenance: &Provenance) -> Result<Self, StoreError> {
        let schema = schema(layout);
        let mut properties = writer_properties(Some(provenance)).set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        let alone = ALONE.into_iter().filter(|_| layout.alone).flat_map(|[ids, types, _]| [ids, types]);
        for ids in ["input_ids", "type_ids", "word_ids"].into_iter().chain(alone) {
            // Small integers: zstd over plain values beats a dictionary that half the vocabulary fills.
            properties = properties
                .set_column_dictionary_enabled(values_path(ids), false)
                .set_column_encoding(values_path(ids), Encoding::PLAIN);
        }
        let file = SealedFile::create(path)?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))
            .map_err(|e| StoreError::writing(path, e))?;
        Ok(Self { writer, schema, path: path.to_path_buf(), layout, pending: Vec::new() })
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn push(&mut self, row: TokenRow) -> Result<(), StoreError> {
        self.pending.push(row);
        if self.pending.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Records `value` under `part` in the file's provenance. Parts that begin with `ran.` tell how it went and make no file
    /// another one.
    pub fn note(&mut self, part: &str, value: impl ToString) {
        self.writer.append_key_value_metadata(key_value(part, value));
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
        if self.layout.has_words {
            let documents = rows.iter().map(|r| i64::try_from(r.document).unwrap_or(i64::MAX));
            columns.push(Arc::new(Int64Array::from_iter_values(documents)));
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
            if self.layout.pair {
                columns.push(Arc::new(rows.iter().map(|r| text(r, true)).collect::<StringArray>()));
            }
            let mut targets = TextTargets::empty(self.layout.targets);
            rows.iter().for_each(|row| targets.push(row.target.clone()));
            columns.push(targets.array());
        }
        columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.input_ids.as_slice()))));
        if self.layout.types {
            columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.type_ids.as_slice()))));
        }
        columns.push(Arc::new(span_lists(rows.iter().map(|r| r.offsets.as_slice()))));
        columns.push(Arc::new(integer_lists(rows.iter().map(|r| r.word_ids.as_slice()))));
        let truncated = rows.iter().map(|r| i32::try_from(r.truncated_tokens).unwrap_or(i32::MAX));
        columns.push(Arc::new(Int32Array::from_iter_values(truncated)));
        for text in 0..if self.layout.alone { 2 } else { 0 } {
            let none = TextAlone::default();
            let alone: Vec<&TextAlone> =
                rows.iter().map(|r| r.texts_alone.as_ref().map_or(&none, |texts| &texts[text])).collect();
            columns.push(Arc::new(integer_lists(alone.iter().map(|text| text.input_ids.as_slice()))));
            columns.push(Arc::new(integer_lists(alone.iter().map(|text| text.type_ids.as_slice()))));
            let truncated = alone.iter().map(|text| i32::try_from(text.truncated_tokens).unwrap_or(i32::MAX));
            columns.push(Arc::new(Int32Array::from_iter_values(truncated)));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| StoreError::writing(&self.path, e.into()))?;
        self.writer.write(&batch).map_err(|e| StoreError::writing(&self.path, e))
    }
}

fn schema(TokensLayout { has_words, targets, pair, types, alone }: TokensLayout) -> SchemaRef {
    let mut fields = vec![Field::new("example_id", DataType::Utf8, false)];
    if has_words {
        fields.push(Field::new("document", DataType::Int64, false));
        fields.push(Field::new("words", list_of(DataType::Utf8), false));
        fields.push(Field::new("tags", list_of(DataType::Utf8), true));
    } else {
        fields.push(Field::new("text", DataType::Utf8, false));
        if pair {
            fields.push(Field::new("text_b", DataType::Utf8, true));
        }
        fields.push(target_field(targets));
    }
    fields.push(Field::new("input_ids", list_of(DataType::Int32), false));
    if types {
        fields.push(Field::new("type_ids", list_of(DataType::Int32), false));
    }
    fields.push(Field::new("offsets", list_of(DataType::Struct(span_fields())), false));
    fields.push(Field::new("word_ids", list_of(DataType::Int32), false));
    fields.push(Field::new("truncated_tokens", DataType::Int32, false));
    for [ids, types, truncated] in ALONE.into_iter().filter(|_| alone) {
        fields.push(Field::new(ids, list_of(DataType::Int32), false));
        fields.push(Field::new(types, list_of(DataType::Int32), false));
        fields.push(Field::new(truncated, DataType::Int32, false));
    }
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
