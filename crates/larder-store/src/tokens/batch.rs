//! Some rows of a `tokens` file.

use std::path::Path;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, ListArray, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use larder_data::{Content, Target};

use super::row::{ALONE, TextAlone, TokenRow};
use crate::StoreError;
use crate::schema::{column, int_lists, int_row, strings, wrong_type};
use crate::targets::{TextTargets, kind_of, target_field};

/// Some rows of a `tokens` file, columns checked.
#[derive(Debug, Clone)]
pub struct TokensBatch {
    batch: RecordBatch,
    example_ids: StringArray,
    targets: TextTargets,
    input_ids: ListArray,
    type_ids: Option<ListArray>,
    word_ids: Option<ListArray>,
    words: Option<StringLists>,
    tags: Option<StringLists>,
    documents: Option<Int64Array>,
    alone: Option<[AloneColumns; 2]>,
}

/// Ids, types and truncated tokens of one text of each pair.
type AloneColumns = (ListArray, ListArray, Int32Array);

impl TokensBatch {
    pub(super) fn check(path: &Path, batch: RecordBatch) -> Result<Self, StoreError> {
        let mut targets = TextTargets::empty(kind_of(&batch.schema()));
        if let Some(array) = batch.column_by_name(target_field(targets.kind()).name()) {
            targets.extend(path, array)?;
        }
        let has = |name: &str| batch.column_by_name(name).is_some();
        let type_ids = if has("type_ids") { Some(int_lists(path, &batch, "type_ids")?.clone()) } else { None };
        let lists = |name: &str| has(name).then(|| StringLists::check(path, &batch, name)).transpose();
        let documents = match batch.column_by_name("document") {
            Some(array) => {
                let integers = array.as_primitive_opt::<Int64Type>().filter(|a| a.null_count() == 0);
                let wrong = || wrong_type(path, "document", "Int64 without nulls", array.data_type());
                Some(integers.ok_or_else(wrong)?.clone())
            }
            None => None,
        };
        let word_ids = if has("word_ids") { Some(int_lists(path, &batch, "word_ids")?.clone()) } else { None };
        let alone = |[ids, types, truncated]: [&str; 3]| -> Result<AloneColumns, StoreError> {
            let ids = int_lists(path, &batch, ids)?.clone();
            Ok((ids, int_lists(path, &batch, types)?.clone(), integers(path, &batch, truncated)?.clone()))
        };
        let alone = match ALONE.iter().flatten().all(|name| has(name)) {
            true => Some([alone(ALONE[0])?, alone(ALONE[1])?]),
            false => None,
        };
        Ok(Self {
            alone,
            words: lists("words")?,
            tags: lists("tags")?,
            documents,
            word_ids,
            example_ids: strings(path, &batch, "example_id")?.clone(),
            input_ids: int_lists(path, &batch, "input_ids")?.clone(),
            targets,
            type_ids,
            batch,
        })
    }

    /// Rows here.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `row`'s id.
    pub fn example_id(&self, row: usize) -> &str {
        self.example_ids.value(row)
    }

    /// The targets of texts, `[rows]`; empty where rows are words.
    pub fn targets(&self) -> &TextTargets {
        &self.targets
    }

    /// Row `row`'s label, when the data has one.
    pub fn label(&self, row: usize) -> Option<&str> {
        match &self.targets {
            TextTargets::Label(labels) => labels.get(row)?.as_deref(),
            _ => None,
        }
    }

    /// Row `row`'s token ids, `[seq]`.
    pub fn input_ids(&self, row: usize) -> &[i32] {
        int_row(&self.input_ids, row)
    }

    /// Row `row`'s token types, `[seq]`; `None` where the file has none: all are 0.
    pub fn type_ids(&self, row: usize) -> Option<&[i32]> {
        self.type_ids.as_ref().map(|list| int_row(list, row))
    }

    /// The texts of pair `row`, each tokenized by itself; `None` where the file or the projection does not have them.
    pub fn texts_alone(&self, row: usize) -> Option<[TextAlone; 2]> {
        let text = |(ids, types, truncated): &AloneColumns| TextAlone {
            input_ids: int_row(ids, row).to_vec(),
            type_ids: int_row(types, row).to_vec(),
            truncated_tokens: u32::try_from(truncated.value(row)).unwrap_or(0),
        };
        self.alone.as_ref().map(|[first, second]| [text(first), text(second)])
    }

    /// Row `row`'s words; empty where rows hold texts, or the projection leaves them out.
    pub fn words(&self, row: usize) -> impl ExactSizeIterator<Item = &str> {
        StringLists::row(self.words.as_ref(), row)
    }

    /// Row `row`'s tags, one a word; `None` where the data has none, or the projection leaves them out.
    pub fn tags(&self, row: usize) -> Option<impl ExactSizeIterator<Item = &str>> {
        let tags = self.tags.as_ref().filter(|tags| tags.list.is_valid(row))?;
        Some(StringLists::row(Some(tags), row))
    }

    /// The word of each of row `row`'s tokens, `[seq]`, -1 for special tokens; empty when the projection leaves it out.
    pub fn word_ids(&self, row: usize) -> &[i32] {
        self.word_ids.as_ref().map_or(&[], |list| int_row(list, row))
    }

    /// The number of row `row`'s document; `None` where rows hold texts.
    pub fn document(&self, row: usize) -> Option<u64> {
        self.documents.as_ref().map(|documents| u64::try_from(documents.value(row)).unwrap_or(0))
    }

    /// Whole rows, for readers that want everything.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the file was opened with a narrower projection.
    pub fn rows(&self, path: &Path) -> Result<Vec<TokenRow>, StoreError> {
        let has_words = self.batch.column_by_name("words").is_some();
        column(path, &self.batch, "word_ids")?;
        let spans = column(path, &self.batch, "offsets")?;
        let spans = spans
            .as_list_opt::<i32>()
            .ok_or_else(|| wrong_type(path, "offsets", "List<Struct<start: Int32, end: Int32>>", spans.data_type()))?;
        let truncated = integers(path, &self.batch, "truncated_tokens")?;
        (0..self.len())
            .map(|row| {
                let (content, target) = if has_words {
                    let words = self.words(row).map(str::to_owned).collect();
                    let tags = self.tags(row).map(|tags| Target::Tags(tags.map(str::to_owned).collect()));
                    (Content::Words(words), tags)
                } else {
                    let text = strings(path, &self.batch, "text")?.value(row).to_owned();
                    let text_b = match self.batch.column_by_name("text_b") {
                        Some(_) => {
                            let second = strings(path, &self.batch, "text_b")?;
                            second.is_valid(row).then(|| second.value(row).to_owned())
                        }
                        None => None,
                    };
                    (Content::Text { text, text_b }, self.targets.get(row))
                };
                let input_ids = self.input_ids(row).to_vec();
                Ok(TokenRow {
                    example_id: self.example_id(row).to_owned(),
                    content,
                    document: self.document(row).unwrap_or(0),
                    target,
                    type_ids: self.type_ids(row).map_or_else(|| vec![0; input_ids.len()], <[i32]>::to_vec),
                    input_ids,
                    offsets: span_row(path, spans, row)?,
                    word_ids: self.word_ids(row).to_vec(),
                    truncated_tokens: u32::try_from(truncated.value(row)).unwrap_or(0),
                    texts_alone: self.texts_alone(row),
                })
            })
            .collect()
    }
}

/// A list of strings a row, checked once so that rows can be read without checks.
#[derive(Debug, Clone)]
struct StringLists {
    list: ListArray,
    values: StringArray,
}

impl StringLists {
    fn check(path: &Path, batch: &RecordBatch, name: &str) -> Result<Self, StoreError> {
        let array = column(path, batch, name)?;
        let wrong = || wrong_type(path, name, "List<Utf8>", array.data_type());
        let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
        let values = list.values().as_string_opt::<i32>().ok_or_else(wrong)?;
        Ok(Self { list: list.clone(), values: values.clone() })
    }

    /// The strings of one row; none where there is no list.
    fn row(lists: Option<&Self>, row: usize) -> impl ExactSizeIterator<Item = &str> {
        let range =
            lists.map_or(0..0, |l| l.list.value_offsets()[row] as usize..l.list.value_offsets()[row + 1] as usize);
        range.map(move |at| lists.map_or("", |l| l.values.value(at)))
    }
}

fn integers<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a Int32Array, StoreError> {
    let array = column(path, batch, name)?;
    let integers = array.as_primitive_opt::<Int32Type>().filter(|integers| integers.null_count() == 0);
    integers.ok_or_else(|| wrong_type(path, name, "Int32 without nulls", array.data_type()))
}

fn span_row(path: &Path, spans: &ListArray, row: usize) -> Result<Vec<(i32, i32)>, StoreError> {
    let value = spans.value(row);
    let wrong = || wrong_type(path, "offsets", "List<Struct<start: Int32, end: Int32>>", value.data_type());
    let fields = value.as_struct_opt().ok_or_else(wrong)?;
    let side = |name| fields.column_by_name(name).and_then(|a| a.as_primitive_opt::<Int32Type>()).ok_or_else(wrong);
    let (starts, ends) = (side("start")?, side("end")?);
    Ok(starts.values().iter().copied().zip(ends.values().iter().copied()).collect())
}
