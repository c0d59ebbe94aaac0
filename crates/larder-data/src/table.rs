//! Parquet, a batch of rows at a time, only the columns asked for.
//!
//! Strings of every Arrow kind are read, dictionaries of them too; labels and ids may be integers or booleans, and labels floats that are
//! integers, as pandas writes them where one is missing; words and
//! tags any kind of list. The columns of a batch are cast to one type each, so that rows are read in one way.

use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, LargeStringArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use larder_checksums::{Batches, CheckedFile, rows_of};
use larder_errors::Names;
use parquet::arrow::ProjectionMask;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::class_labels::{class_names, named};
use crate::column_ref::ColumnRef;
use crate::error::DataError;
use crate::example::Content;
use crate::layout::Layout;
use crate::record::Record;
use crate::row::{Fault, Purpose, Row, RowReader, no_content};
use crate::row_problem::{Place, RowProblem};
use crate::scalar::integer_of;
use crate::slice::GroupPlace;
use crate::spec::DatasetSpec;
use crate::target_columns::{Cell, CellKind, TargetColumns};

/// Rows decoded at a time: a few hundred kilobytes of sentences, and enough to hide the cost of a batch.
const BATCH_ROWS: usize = 1024;

/// The types of a label or an id.
const LABEL_TYPES: &str = "strings, integers or booleans";

/// Rows of a Parquet file.
pub(crate) struct TableRows {
    targets: Option<TargetColumns>,
    /// Names of the classes that integers in the columns of the targets stand for; empty where they stand for themselves.
    class_names: Vec<String>,
    path: PathBuf,
    batches: Batches,
    /// The columns asked for, in the order of the file.
    sources: Vec<TableColumn>,
    /// Their positions in a batch.
    places: Vec<usize>,
    names: Vec<String>,
    /// Rows in all.
    total: u64,
    batch: Option<TableBatch>,
    /// Rows of the batch already given.
    next: usize,
    /// Rows given in all.
    row: u64,
}

/// A column asked for, found in the file.
struct TableColumn {
    key: &'static str,
    /// Its place among the columns of its key.
    at: usize,
    name: String,
    kind: CastKind,
    /// True for labels in floats, of which each must be an integer.
    is_float: bool,
}

/// The type that a column is cast to.
#[derive(Clone, Copy, PartialEq)]
enum CastKind {
    Text,
    Scalar,
    TextList,
    ScalarList,
    NumberList,
    Number,
    NumberOrScalar,
}

/// The columns of one batch, in the order of `sources`.
struct TableBatch {
    rows: usize,
    /// The batch as it was read.
    records: Arc<RecordBatch>,
    columns: Vec<Column>,
}

enum Column {
    Strings(LargeStringArray),
    Lists(LargeListArray),
}

impl TableRows {
    /// Opens the file and finds the columns.
    pub fn open(layout: &Layout, path: PathBuf, file: File, purpose: Purpose) -> Result<Self, DataError> {
        Self::open_rows(layout, path, file, purpose, None)
    }

    /// Opens some of the file's rows to learn from: `rows` of them from `place` on.
    pub fn open_slice(
        layout: &Layout,
        path: PathBuf,
        file: File,
        place: GroupPlace,
        rows: u64,
    ) -> Result<Self, DataError> {
        Self::open_rows(layout, path, file, Purpose::Learn, Some((place, rows)))
    }

    fn open_rows(
        layout: &Layout,
        path: PathBuf,
        file: File,
        purpose: Purpose,
        slice: Option<(GroupPlace, u64)>,
    ) -> Result<Self, DataError> {
        let damaged = |source| DataError::Parquet { path: path.clone(), source };
        // Larder's own files have checksums, which are compared.
        let file = CheckedFile::new(file).map_err(|error| damaged(error.into()))?;
        let builder = rows_of(file).map_err(damaged)?;
        let schema = builder.schema().clone();
        let total = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let target_kind = layout.targets.as_ref().map(|targets| match targets.cells() {
            CellKind::Scalar => CastKind::Scalar,
            CellKind::List => CastKind::ScalarList,
            CellKind::Number => CastKind::Number,
            CellKind::Numbers => CastKind::NumberList,
            CellKind::Indicator => CastKind::NumberOrScalar,
        });
        let is_target = |key: &str| layout.targets.as_ref().is_some_and(|targets| targets.key == key);
        let mut indices = Vec::new();
        let mut sources: Vec<TableColumn> = Vec::new();
        for (key, column) in layout.columns.given() {
            let missing = || DataError::MissingColumn {
                path: path.clone(),
                column: column.to_string(),
                known: Names::new(schema.fields().iter().map(|field| field.name().as_str())),
            };
            let index = match column {
                ColumnRef::Position(position) => *position,
                ColumnRef::Name(name) => {
                    let mut found = (0..schema.fields().len()).filter(|index| schema.field(*index).name() == name);
                    let index = found.next().ok_or_else(missing)?;
                    if found.next().is_some() {
                        return Err(DataError::AmbiguousColumn { path: path.clone(), column: name.clone() });
                    }
                    index
                }
            };
            let field = schema.fields().get(index).ok_or_else(missing)?;
            let kind = match key {
                "text" | "text_b" => CastKind::Text,
                "words" => CastKind::TextList,
                _ => target_kind.filter(|_| is_target(key)).unwrap_or(CastKind::Scalar),
            };
            check_type(&path, field, kind, is_target(key))?;
            let is_float = kind == CastKind::Scalar && field.data_type().is_floating();
            indices.push(index);
            let at = sources.iter().filter(|source| source.key == key).count();
            sources.push(TableColumn { key, at, name: field.name().clone(), kind, is_float });
        }
        let targets = layout.targets.clone();
        // Numbers, and columns of yes and no, are no classes, whatever the schema calls them.
        let has_classes = |targets: &&TargetColumns| matches!(targets.cells(), CellKind::Scalar | CellKind::List);
        let named = targets.as_ref().filter(has_classes).filter(|targets| !targets.are_numbers());
        // Names in the description go before those in the file.
        let named = named.filter(|_| layout.tag_style.names.is_empty());
        let column = named.and_then(|targets| sources.iter().find(|source| source.key == targets.key));
        let class_names = column.and_then(|column| class_names(&schema, &column.name)).unwrap_or_default();
        let mask = match purpose {
            Purpose::Learn => ProjectionMask::roots(builder.parquet_schema(), indices.iter().copied()),
            Purpose::Answer => ProjectionMask::all(),
        };
        let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let mut row = 0;
        if let Some((place, rows)) = slice {
            let end = place.first_group.saturating_add(place.groups).min(builder.metadata().num_row_groups());
            let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            builder = builder
                .with_row_groups((place.first_group..end).collect())
                .with_offset(small(place.skip))
                .with_limit(small(rows));
            row = place.rows_before.saturating_add(place.skip);
        }
        let batches = Batches::of(builder).map_err(damaged)?;
        // A projection keeps the order of the file, whatever the order asked for.
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|position| indices[*position]);
        let mut slots: Vec<Option<TableColumn>> = sources.into_iter().map(Some).collect();
        let places = match purpose {
            Purpose::Learn => (0..order.len()).collect(),
            Purpose::Answer => order.iter().map(|position| indices[*position]).collect(),
        };
        let sources = order.into_iter().filter_map(|position| slots[position].take()).collect();
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self { path, targets, class_names, batches, sources, places, names, total, batch: None, next: 0, row })
    }

    /// Rows in all, as the file's end says.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Makes sure that a row is left in `self.batch`; `false` at the end of the file.
    fn fill(&mut self) -> Result<bool, DataError> {
        while self.batch.as_ref().is_none_or(|batch| self.next >= batch.rows) {
            let Some(records) = self.batches.next() else { return Ok(false) };
            let damaged = |source: arrow::error::ArrowError| DataError::Parquet {
                path: self.path.clone(),
                source: source.into(),
            };
            let records = records.map_err(damaged)?;
            self.batch = Some(TableBatch::cast(records, &self.sources, &self.places).map_err(damaged)?);
            self.next = 0;
        }
        Ok(true)
    }

    fn source(&self, key: &'static str, at: usize) -> Option<(&TableColumn, &Column)> {
        let position = self.sources.iter().position(|source| source.key == key && source.at == at)?;
        Some((&self.sources[position], self.batch.as_ref()?.columns.get(position)?))
    }

    /// The string of column `at` of a key.
    fn string(&self, key: &'static str, at: usize) -> Result<Option<String>, RowProblem> {
        match self.source(key, at) {
            Some((source, Column::Strings(strings))) if strings.is_null(self.next) => {
                Err(RowProblem::MissingValue { column: source.name.clone() })
            }
            Some((source, Column::Strings(strings))) if source.is_float => {
                let (text, column) = (strings.value(self.next), source.name.clone());
                match integer_of(text) {
                    Some(integer) => Ok(Some(integer)),
                    None if text == "NaN" => Err(RowProblem::MissingValue { column }),
                    None => Err(RowProblem::Type { column, expected: LABEL_TYPES, found: "a fraction" }),
                }
            }
            Some((_, Column::Strings(strings))) => Ok(Some(strings.value(self.next).to_owned())),
            _ => Ok(None),
        }
    }

    fn list(&self, key: &'static str) -> Result<Option<Vec<String>>, RowProblem> {
        let Some((source, Column::Lists(lists))) = self.source(key, 0) else { return Ok(None) };
        let missing = || RowProblem::MissingValue { column: source.name.clone() };
        if lists.is_null(self.next) {
            return Err(missing());
        }
        let items = lists.value(self.next);
        let items = items.as_string::<i64>();
        items.iter().map(|item| item.map(str::to_owned).ok_or_else(missing)).collect::<Result<_, _>>().map(Some)
    }

    /// The cell of column `at` of the targets, with the names of classes.
    fn cell(&self, targets: &TargetColumns, at: usize) -> Result<Option<Cell>, RowProblem> {
        let name = |text: String| named(text, &self.class_names);
        match targets.cells() {
            CellKind::List | CellKind::Numbers => {
                let items = self.list(targets.key)?;
                Ok(items.map(|items| Cell::List(items.into_iter().map(name).collect())))
            }
            _ => self.string(targets.key, at).map(|text| text.map(|text| Cell::Text(name(text)))),
        }
    }

    fn row(&self) -> Result<Row, RowProblem> {
        let content = match (self.list("words")?, self.string("text", 0)?) {
            (Some(words), _) => Content::Words(words),
            (None, Some(text)) => Content::Text { text, text_b: self.string("text_b", 0)? },
            (None, None) => no_content(),
        };
        let target = self.targets.as_ref().map(|targets| {
            let name =
                |at: usize| self.source(targets.key, at).map_or(String::new(), |(source, _)| source.name.clone());
            targets
                .read(|at| self.cell(targets, at)?.ok_or_else(|| RowProblem::MissingValue { column: name(at) }), name)
        });
        let target = target.transpose().map_err(|problem| (Place::Row(self.row + 1), problem));
        let id = self.string("id", 0)?;
        Ok(Row { line: self.row + 1, document: 0, id, content, target, inexact: None, no_words: Vec::new() })
    }
}

impl RowReader for TableRows {
    fn next_row(&mut self) -> Option<Result<Row, Fault>> {
        match self.fill() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(Fault::Fatal(error))),
        }
        let place = Place::Row(self.row + 1);
        let row = self.row().map_err(|problem| Fault::Bad { place, problem });
        self.next += 1;
        self.row += 1;
        Some(row)
    }

    fn column(&self, key: &'static str) -> String {
        let source = self.sources.iter().find(|source| source.key == key);
        source.map_or_else(|| key.to_owned(), |source| source.name.clone())
    }

    fn record(&mut self) -> Record {
        let batch = self.batch.as_ref().expect("a row was given, and rows are of a batch");
        Record::Cells { batch: batch.records.clone(), row: self.next.saturating_sub(1) }
    }

    fn header(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }
}

impl TableBatch {
    fn cast(records: RecordBatch, sources: &[TableColumn], places: &[usize]) -> Result<Self, arrow::error::ArrowError> {
        let column = |(array, source): (&ArrayRef, &TableColumn)| match source.kind {
            CastKind::Text | CastKind::Scalar | CastKind::Number | CastKind::NumberOrScalar => {
                cast(array, &DataType::LargeUtf8).map(|strings| Column::Strings(strings.as_string().clone()))
            }
            CastKind::TextList | CastKind::ScalarList | CastKind::NumberList => {
                let item = Arc::new(Field::new_list_field(DataType::LargeUtf8, true));
                cast(array, &DataType::LargeList(item)).map(|lists| Column::Lists(lists.as_list().clone()))
            }
        };
        let arrays = places.iter().map(|&place| records.column(place));
        let columns = arrays.zip(sources).map(column).collect::<Result<_, _>>()?;
        Ok(Self { rows: records.num_rows(), records: Arc::new(records), columns })
    }
}

/// Returns the class names of the column of the targets, and of the description what decides whether they are used; `None`
/// where the file has none, or cannot be read.
pub(crate) fn class_names_of(spec: &DatasetSpec, file: File) -> Option<String> {
    let targets =
        spec.target_columns().filter(|targets| matches!(targets.cells(), CellKind::Scalar | CellKind::List))?;
    let builder = rows_of(file).ok()?;
    let schema = builder.schema();
    let name = targets.columns.first().and_then(|column| match column {
        ColumnRef::Position(position) => schema.fields().get(*position).map(|field| field.name().as_str()),
        ColumnRef::Name(name) => Some(name.as_str()),
    });
    let names = class_names(schema, name?)?;
    let has_own = targets.are_numbers() || !spec.tag_style.names.is_empty();
    Some(if has_own { "not used".to_owned() } else { format!("{names:?}") })
}

fn check_type(path: &Path, field: &Field, kind: CastKind, is_target: bool) -> Result<(), DataError> {
    // What tools write for a column of nulls: a split without labels.
    if is_target && is_null(field.data_type()) {
        return Ok(());
    }
    let (fits, expected) = match kind {
        CastKind::Text => (is_string(field.data_type()), "strings"),
        // Whether such numbers are integers, each row tells.
        CastKind::Scalar if is_target => (is_scalar(field.data_type()) || field.data_type().is_floating(), LABEL_TYPES),
        CastKind::Scalar => (is_scalar(field.data_type()), LABEL_TYPES),
        CastKind::TextList => (item_type(field.data_type()).is_some_and(is_string), "lists of strings"),
        CastKind::ScalarList => (item_type(field.data_type()).is_some_and(is_scalar), "lists of strings or integers"),
        CastKind::NumberList => (item_type(field.data_type()).is_some_and(is_number), "lists of numbers"),
        CastKind::Number => (is_number(field.data_type()), "numbers"),
        CastKind::NumberOrScalar => {
            let fits = is_number(field.data_type()) || is_scalar(field.data_type());
            (fits, "numbers or booleans that say whether a row has the label")
        }
    };
    if fits {
        return Ok(());
    }
    Err(DataError::ColumnType {
        path: path.to_owned(),
        column: field.name().clone(),
        expected,
        found: field.data_type().to_string(),
    })
}

fn item_type(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

fn is_null(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Null) || matches!(item_type(data_type), Some(DataType::Null))
}

fn is_string(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_string(values),
        _ => false,
    }
}

fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric(),
    }
}

fn is_scalar(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => true,
        DataType::Dictionary(_, values) => is_scalar(values),
        other => is_string(other) || other.is_integer(),
    }
}
