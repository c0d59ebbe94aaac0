//! A Parquet file read a few columns and a few rows at a time.

use std::io::Read;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use larder_checksums::{Batches, CheckedFile, read_footer};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use crate::InspectError;

/// Elements of a block of vectors: 2 MiB as float64, which stays in a core's cache from its decoding to its products.
const BLOCK_ELEMENTS: usize = 1 << 18;
/// Rows of a block, at most.
const BLOCK_ROWS: usize = 4096;
/// Bytes of decoded batches that are kept for a second pass.
const KEPT_BYTES: usize = 64 << 20;
const MAGIC: &[u8; 4] = b"PAR1";

/// A Parquet file opened for looking at. Only its footer is in memory.
#[derive(Debug)]
pub struct ParquetFile {
    path: PathBuf,
    file: CheckedFile,
    metadata: ArrowReaderMetadata,
}

/// Some rows' vectors as float64.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Zero-based row in the file of each vector, `[vectors]`.
    pub(crate) rows: Vec<u64>,
    /// Row-major `[vectors, dimension]`; an element that is null is NaN.
    pub(crate) values: Vec<f64>,
    /// Elements a vector, at least 1; 0 while no vector was met.
    pub(crate) dimension: usize,
}

/// The first batches of a column as they were decoded, for a second pass over it: as many as fit in 64 MiB.
#[derive(Debug, Default)]
pub(crate) struct KeptBatches {
    arrays: Vec<ArrayRef>,
    rows: u64,
    bytes: usize,
    /// True once a batch did not fit: what is kept is what comes first.
    full: bool,
}

impl KeptBatches {
    /// Keeps nothing: the column is read once.
    pub(crate) fn none() -> Self {
        Self { full: true, ..Self::default() }
    }

    fn keep(&mut self, array: ArrayRef) {
        let bytes = self.bytes + array.get_buffer_memory_size();
        self.full |= bytes > KEPT_BYTES;
        if !self.full {
            self.bytes = bytes;
            self.rows += array.len() as u64;
            self.arrays.push(array);
        }
    }
}

impl Block {
    /// Each vector with its row.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = (u64, &[f64])> {
        self.rows.iter().copied().zip(self.values.chunks_exact(self.dimension.max(1)))
    }
}

impl ParquetFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`InspectError::Open`], [`InspectError::NotParquet`], [`InspectError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, InspectError> {
        let failed = |source| InspectError::Open { path: path.to_path_buf(), source };
        let mut file = larder_files::open(path).map_err(failed)?;
        let mut start = [0; MAGIC.len()];
        if let Err(error) = file.read_exact(&mut start) {
            return Err(match error.kind() {
                std::io::ErrorKind::UnexpectedEof => InspectError::NotParquet { path: path.to_path_buf() },
                _ => failed(error),
            });
        }
        if start != *MAGIC {
            return Err(InspectError::NotParquet { path: path.to_path_buf() });
        }
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let damaged = |source| InspectError::Damaged { path: path.to_path_buf(), source };
        let file = CheckedFile::new(file).map_err(|error| damaged(error.into()))?;
        let metadata = read_footer(&file, options).map_err(damaged)?;
        file.expect_checksums(metadata.metadata()).map_err(damaged)?;
        Ok(Self { path: path.to_path_buf(), file, metadata })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows in the file.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Names of the columns whose type can hold vectors, in file order: a list, fixed in size or not, of Float16, Float32,
    /// Float64 or Int8.
    pub fn vector_columns(&self) -> Vec<String> {
        self.fields().iter().filter(|field| is_vector(field)).map(|field| field.name().clone()).collect()
    }

    /// Returns the vector column of that name; the first if none is named.
    ///
    /// # Errors
    /// [`InspectError::NoColumn`], [`InspectError::Type`], [`InspectError::NoVectors`].
    pub fn vector_column(&self, named: Option<&str>) -> Result<String, InspectError> {
        match named {
            Some(name) if is_vector(self.field(name)?) => Ok(name.to_owned()),
            Some(name) => Err(self.no_vectors(name)?),
            None => {
                let (path, columns) = (self.path.clone(), self.columns());
                self.vector_columns().into_iter().next().ok_or(InspectError::NoVectors { path, columns })
            }
        }
    }

    /// Names of all columns, in file order.
    pub fn columns(&self) -> Vec<String> {
        self.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The value of a key of the file's own metadata, such as `larder.columns`.
    pub fn key_value(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub(crate) fn fields(&self) -> &[FieldRef] {
        self.metadata.schema().fields()
    }

    pub(crate) fn field(&self, column: &str) -> Result<&Field, InspectError> {
        let field = self.fields().iter().find(|field| field.name() == column);
        field.map(|field| &**field).ok_or_else(|| InspectError::NoColumn {
            path: self.path.clone(),
            column: column.to_owned(),
            known: self.columns(),
        })
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.fields().iter().any(|field| field.name() == column)
    }

    /// Calls `visit` with one column of the first `limit` rows, a batch after the other.
    pub(crate) fn each_batch(
        &self,
        column: &str,
        limit: Option<u64>,
        mut visit: impl FnMut(&ArrayRef) -> Result<(), InspectError>,
    ) -> Result<(), InspectError> {
        self.field(column)?;
        for batch in self.reader(column, BLOCK_ROWS, |builder| limited(builder, limit))? {
            let batch = batch.map_err(|e| self.damaged(e.into()))?;
            batch.columns().first().map_or(Ok(()), &mut visit)?;
        }
        Ok(())
    }

    /// Calls `visit` with a column's values in the first `limit` rows as text: numbers and truths are written out, and of
    /// lists every element is visited.
    pub(crate) fn each_text(
        &self,
        column: &str,
        limit: Option<u64>,
        mut visit: impl FnMut(Option<&str>),
    ) -> Result<(), InspectError> {
        self.each_batch(column, limit, |array| {
            let array = spans(array).map_or_else(|| array.clone(), |(elements, _)| elements);
            let texts = as_text(&array).ok_or_else(|| InspectError::Type {
                path: self.path.clone(),
                column: column.to_owned(),
                found: array.data_type().to_string(),
                expected: "texts, numbers or truths, or lists of them",
            })?;
            texts.as_string::<i32>().iter().for_each(&mut visit);
            Ok(())
        })
    }

    /// Calls `visit` with one column's values of these rows, which must rise strictly, each with its row.
    pub(crate) fn each_of(
        &self,
        column: &str,
        rows: &[u64],
        mut visit: impl FnMut(u64, &ArrayRef, usize),
    ) -> Result<(), InspectError> {
        self.field(column)?;
        let mut wanted = rows.iter().copied();
        for batch in self.reader(column, BLOCK_ROWS, |builder| builder.with_row_selection(select(rows)))? {
            let batch = batch.map_err(|e| self.damaged(e.into()))?;
            let Some(array) = batch.columns().first() else { continue };
            for (at, row) in (0..array.len()).zip(&mut wanted) {
                visit(row, array, at);
            }
        }
        Ok(())
    }

    /// Calls `visit` with the vectors of a column in the first `limit` rows, a block after the other; rows without a vector
    /// are left out. The next block is read while `visit` works: two blocks are in memory. What `visit` leaves in a block does
    /// not matter. The first pass
    /// leaves the batches that fit in `kept`, and the second does not read them again.
    pub(crate) fn each_block(
        &self,
        column: &str,
        limit: Option<u64>,
        kept: &mut KeptBatches,
        mut visit: impl FnMut(&mut Block) -> Result<(), InspectError> + Send,
    ) -> Result<(), InspectError> {
        if !is_vector(self.field(column)?) {
            return Err(self.no_vectors(column)?);
        }
        let mut rest = self.reader(column, self.block_rows(column), |builder| range(builder, kept.rows, limit))?;
        // The second pass is the last: nothing needs to be kept for a third.
        kept.full |= !kept.arrays.is_empty();
        let mut in_memory = std::mem::take(&mut kept.arrays).into_iter();
        let mut first_row = 0;
        let mut read = |dimension: usize, block: &mut Block| -> Result<bool, InspectError> {
            block.dimension = dimension;
            block.rows.clear();
            block.values.clear();
            let array = match in_memory.next() {
                Some(array) => array,
                None => match rest.next() {
                    None => return Ok(false),
                    Some(batch) => {
                        let batch = batch.map_err(|e| self.damaged(e.into()))?;
                        let Some(array) = batch.columns().first() else { return Ok(true) };
                        array.clone()
                    }
                },
            };
            self.take(column, &array, first_row, block)?;
            first_row += array.len() as u64;
            kept.keep(array);
            Ok(true)
        };
        let (mut block, mut next) = (Block::default(), Block::default());
        let mut is_more = read(0, &mut block)?;
        while is_more {
            let dimension = block.dimension;
            let visit = || if block.rows.is_empty() { Ok(()) } else { visit(&mut block) };
            let (visited, read) = rayon::join(visit, || read(dimension, &mut next));
            visited?;
            is_more = read?;
            std::mem::swap(&mut block, &mut next);
        }
        Ok(())
    }

    /// The vector of one row; `None` where there is none.
    pub(crate) fn vector(&self, column: &str, row: u64) -> Result<Option<Vec<f64>>, InspectError> {
        let mut block = Block::default();
        let selection = |builder: Builder| builder.with_row_selection(select(&[row]));
        for batch in self.reader(column, 1, selection)? {
            let batch = batch.map_err(|e| self.damaged(e.into()))?;
            let Some(array) = batch.columns().first() else { continue };
            self.take(column, array, row, &mut block)?;
        }
        Ok((!block.rows.is_empty()).then_some(block.values))
    }

    /// Appends the vectors of a batch that starts at `first_row`. The first list of all says the dimension.
    fn take(&self, column: &str, array: &ArrayRef, first_row: u64, block: &mut Block) -> Result<(), InspectError> {
        let damaged = |e: arrow::error::ArrowError| self.damaged(e.into());
        let Some((elements, spans)) = spans(array) else { return Err(self.no_vectors(column)?) };
        // Float32 without nulls, the usual case, goes straight into the block.
        let single = elements.as_primitive_opt::<Float32Type>().filter(|elements| elements.null_count() == 0);
        let double = if single.is_some() { None } else { Some(cast(&elements, &DataType::Float64).map_err(damaged)?) };
        for (row, span) in (first_row..).zip(spans) {
            let Some(span) = span else { continue };
            if block.dimension == 0 {
                block.dimension = span.len();
            }
            let expected = block.dimension;
            if span.len() != expected || expected == 0 {
                let (path, column) = (self.path.clone(), column.to_owned());
                return Err(InspectError::Ragged { path, column, row, found: span.len(), expected: expected.max(1) });
            }
            block.rows.push(row);
            if let Some(elements) = single {
                block.values.extend(elements.values()[span].iter().map(|&value| f64::from(value)));
            } else if let Some(elements) = &double {
                let elements = elements.as_primitive::<Float64Type>();
                match elements.null_count() {
                    0 => block.values.extend_from_slice(&elements.values()[span]),
                    _ => {
                        let value = |at| if elements.is_null(at) { f64::NAN } else { elements.value(at) };
                        block.values.extend(span.map(value));
                    }
                }
            }
        }
        Ok(())
    }

    /// Rows whose vectors make a block, from the footer's count of elements.
    fn block_rows(&self, column: &str) -> usize {
        let groups = self.metadata().row_groups().iter();
        let leaves = groups.flat_map(|group| group.columns());
        let own = leaves.filter(|leaf| leaf.column_path().parts().first().is_some_and(|root| root == column));
        let elements: u64 = own.map(|leaf| u64::try_from(leaf.num_values()).unwrap_or(0)).sum();
        let width = elements.div_ceil(self.rows().max(1)).max(1);
        (BLOCK_ELEMENTS / usize::try_from(width).unwrap_or(BLOCK_ELEMENTS)).clamp(1, BLOCK_ROWS)
    }

    fn reader(
        &self,
        column: &str,
        batch_rows: usize,
        rows: impl FnOnce(Builder) -> Builder,
    ) -> Result<Batches, InspectError> {
        let file = self.file.with_own_block();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let wanted = builder.schema().fields().iter().position(|field| field.name() == column);
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let builder = rows(builder.with_projection(mask).with_batch_size(batch_rows));
        Batches::of(builder).map_err(|e| self.damaged(e))
    }

    pub(crate) fn damaged(&self, source: parquet::errors::ParquetError) -> InspectError {
        InspectError::Damaged { path: self.path.clone(), source }
    }

    fn no_vectors(&self, column: &str) -> Result<InspectError, InspectError> {
        Ok(InspectError::Type {
            path: self.path.clone(),
            column: column.to_owned(),
            found: self.field(column)?.data_type().to_string(),
            expected: "lists of equal length of Float16, Float32, Float64 or Int8",
        })
    }
}

type Builder = ParquetRecordBatchReaderBuilder<CheckedFile>;

/// The first `limit` rows but for those before `start`.
fn range(builder: Builder, start: u64, limit: Option<u64>) -> Builder {
    let offset = usize::try_from(start).unwrap_or(usize::MAX);
    limited(builder, limit.map(|limit| limit.saturating_sub(start))).with_offset(offset)
}

fn limited(builder: Builder, limit: Option<u64>) -> Builder {
    match limit.and_then(|rows| usize::try_from(rows).ok()) {
        Some(rows) => builder.with_limit(rows),
        None => builder,
    }
}

fn is_vector(field: &Field) -> bool {
    match field.data_type() {
        DataType::FixedSizeList(element, _) | DataType::List(element) | DataType::LargeList(element) => {
            matches!(element.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Int8)
        }
        _ => false,
    }
}

/// The name of the type of a vector column's elements.
pub(crate) fn element_name(field: &Field) -> String {
    match field.data_type() {
        DataType::FixedSizeList(element, _) | DataType::List(element) | DataType::LargeList(element) => {
            element.data_type().to_string()
        }
        other => other.to_string(),
    }
}

/// An array of texts, numbers or truths as texts; `None` of anything else.
pub(crate) fn as_text(array: &ArrayRef) -> Option<ArrayRef> {
    use DataType::{Boolean, Dictionary, LargeUtf8, Utf8, Utf8View};
    let written =
        |data_type: &DataType| data_type.is_numeric() || matches!(data_type, Utf8 | LargeUtf8 | Utf8View | Boolean);
    let fits = match array.data_type() {
        Dictionary(_, values) => written(values),
        data_type => written(data_type),
    };
    if fits { cast(array, &Utf8).ok() } else { None }
}

/// A list column's elements, and where each row's stand among them; `None` for a row without a list.
pub(crate) fn spans(array: &ArrayRef) -> Option<(ArrayRef, Vec<Option<std::ops::Range<usize>>>)> {
    let there = |row: usize, span: std::ops::Range<usize>| array.is_valid(row).then_some(span);
    if let Some(list) = array.as_fixed_size_list_opt() {
        let width = usize::try_from(list.value_length()).unwrap_or(0);
        let start = |row| list.value_offset_at(row);
        let spans = (0..list.len()).map(|row| there(row, start(row)..start(row) + width)).collect();
        return Some((list.values().clone(), spans));
    }
    if let Some(list) = array.as_list_opt::<i32>() {
        let ends = list.value_offsets().windows(2);
        let spans = ends.enumerate().map(|(row, ends)| there(row, ends[0] as usize..ends[1] as usize)).collect();
        return Some((list.values().clone(), spans));
    }
    let list = array.as_list_opt::<i64>()?;
    let ends = list.value_offsets().windows(2);
    let spans = ends.enumerate().map(|(row, ends)| there(row, ends[0] as usize..ends[1] as usize)).collect();
    Some((list.values().clone(), spans))
}

/// Strictly rising rows as runs to skip and select.
fn select(rows: &[u64]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0;
    for &row in rows {
        let gap = usize::try_from(row.saturating_sub(next)).unwrap_or(usize::MAX);
        if gap > 0 {
            selectors.push(RowSelector::skip(gap));
        }
        selectors.push(RowSelector::select(1));
        next = row + 1;
    }
    RowSelection::from(selectors)
}
