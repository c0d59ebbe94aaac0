//! Reading a features file: whole columns, rows here and there, and ranges of rows in bounded memory.

use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float16Type, Float32Type, Int8Type, Int32Type};
use arrow::record_batch::RecordBatch;
use half::slice::HalfFloatSliceExt;
use larder_checksums::{Batches, Checked, CheckedFile, read_footer};
use larder_files::Provenance;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;

use super::quantised::of_integers;
use super::schema::{
    EXAMPLE_ID, FeatureColumnInfo, INPUT_DIGEST, InputDigest, Level, POSITION, TAG, TOKEN, WORD, scale_column,
    vector_column,
};
use super::writer::PAGE_ROWS;
use crate::StoreError;
use crate::metadata::provenance_of;
use crate::open::open_checked;
use crate::schema::{column, strings, wrong_type};
use crate::targets::{LABEL, TextTargets, kind_of, target_field};

/// A `features` file (or part) opened for reading.
///
/// Opening reads the footer with its page index, which every later read uses: a few hundred bytes for each
/// page of at most 1,024 rows of a column.
#[derive(Debug)]
pub struct FeaturesFile {
    path: PathBuf,
    file: CheckedFile,
    metadata: ArrowReaderMetadata,
    columns: Vec<FeatureColumnInfo>,
    level: Level,
    /// The first row of each row group, and behind them the rows of the file.
    group_starts: Vec<usize>,
}

impl FeaturesFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`Io`](larder_files::FileError::Io), [`StoreError::Parquet`] for a cut file, [`Damaged`](larder_files::FileError::Damaged) for a footer that differs from its
    /// checksum.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = open_checked(path)?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = read_footer(&file, options)
            .and_then(|metadata| file.expect_checksums(metadata.metadata()).map(|()| metadata))
            .map_err(|e| StoreError::reading(path, e))?;
        let columns = metadata.schema().fields().iter().filter_map(|f| vector_column(f)).collect();
        let has = |name: &str| metadata.schema().column_with_name(name).is_some();
        let level = match (has(TOKEN), has(WORD)) {
            (true, _) => Level::Token,
            (false, true) => Level::Word,
            (false, false) => Level::Sentence,
        };
        let mut group_starts = vec![0];
        for group in metadata.metadata().row_groups() {
            let start = group_starts.last().copied().unwrap_or(0);
            group_starts.push(start + usize::try_from(group.num_rows()).unwrap_or(0));
        }
        Ok(Self { path: path.to_path_buf(), file, metadata, columns, level, group_starts })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if the file has checksums, which every read compares; one that an earlier larder wrote has none.
    pub fn has_checksums(&self) -> bool {
        self.file.checked() == Checked::Yes
    }

    /// Rows in the file.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Returns the unit of a row.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The vector columns, in file order.
    pub fn columns(&self) -> &[FeatureColumnInfo] {
        &self.columns
    }

    /// Returns the provenance of the file; `None` for a part, or a file that larder did not write.
    pub fn provenance(&self) -> Option<Provenance> {
        provenance_of(self.metadata.metadata().file_metadata().key_value_metadata())
    }

    /// Reads the example ids, `[rows]`. Rows of words or tokens repeat the id of their sentence.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn example_ids(&self) -> Result<Vec<String>, StoreError> {
        self.read_strings(EXAMPLE_ID).map(filled)
    }

    /// Reads the gold targets of texts, `[rows]`, of the kind that the file has.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are words or tokens.
    pub fn targets(&self) -> Result<TextTargets, StoreError> {
        let mut targets = TextTargets::empty(kind_of(self.metadata.schema()));
        let field = target_field(targets.kind());
        self.check_there(field.name())?;
        for batch in self.reader(&[field.name()], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            targets.extend(&self.path, column(&self.path, &batch, field.name())?)?;
        }
        Ok(targets)
    }

    /// Reads the gold labels of texts with one label each, `[rows]`; `None` where the data has none.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are others.
    pub fn labels(&self) -> Result<Vec<Option<String>>, StoreError> {
        self.read_strings(LABEL)
    }

    /// Places of words or tokens in their sentence, `[rows]`. A sentence starts where a place is not above the one
    /// before it.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are sentences.
    pub fn positions(&self) -> Result<Vec<i32>, StoreError> {
        self.read_integers(POSITION)
    }

    /// Reads the words of a file of words, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are not words.
    pub fn words(&self) -> Result<Vec<String>, StoreError> {
        self.read_strings(WORD).map(filled)
    }

    /// Reads the index of each token's word in its sentence, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are not tokens.
    pub fn word_indices(&self) -> Result<Vec<i32>, StoreError> {
        self.read_integers(WORD)
    }

    /// Reads the tokens of a file of tokens as the vocabulary spells them, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are not tokens.
    pub fn tokens(&self) -> Result<Vec<String>, StoreError> {
        self.read_strings(TOKEN).map(filled)
    }

    /// Reads the gold tags of words or tokens, `[rows]`; `None` where the data has none.
    ///
    /// # Errors
    /// [`StoreError`], also when the file's rows are sentences.
    pub fn tags(&self) -> Result<Vec<Option<String>>, StoreError> {
        self.read_strings(TAG)
    }

    /// Calls `visit` with every row's text of a string column, in order, without holding the column: millions of ids,
    /// words or tags become numbers in constant memory.
    ///
    /// # Errors
    /// [`StoreError`], also when the column is missing or holds no text.
    pub fn visit_strings(&self, name: &str, mut visit: impl FnMut(Option<&str>)) -> Result<(), StoreError> {
        for batch in self.reader(&[name], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            strings(&self.path, &batch, name)?.iter().for_each(&mut visit);
        }
        // Without rows there is no batch to tell that the column is missing.
        self.check_there(name)
    }

    /// Reads the input digests, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn digests(&self) -> Result<Vec<InputDigest>, StoreError> {
        let mut all = self.room(self.rows(), 1)?;
        self.visit_digests(|digest| all.push(digest))?;
        Ok(all)
    }

    /// Calls `visit` with every row's input digest, in order, without holding the column.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn visit_digests(&self, mut visit: impl FnMut(InputDigest)) -> Result<(), StoreError> {
        for batch in self.reader(&[INPUT_DIGEST], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            let array = column(&self.path, &batch, INPUT_DIGEST)?;
            let wrong = || wrong_type(&self.path, INPUT_DIGEST, "FixedSizeBinary(16)", array.data_type());
            let array = array.as_fixed_size_binary_opt().ok_or_else(wrong)?;
            for value in array.iter() {
                visit(value.and_then(|v| v.try_into().ok()).ok_or_else(wrong)?);
            }
        }
        Ok(())
    }

    /// Reads one vector column as row-major float32, `[rows, width]`.
    ///
    /// # Errors
    /// [`StoreError`], also when the column is not there.
    pub fn column(&self, name: &str) -> Result<Vec<f32>, StoreError> {
        let info = self.info(name)?;
        let mut all = self.room(self.rows(), info.width)?;
        for batch in self.reader(&[name], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            let vectors = Vectors::of(&self.path, &batch, name)?;
            let from = all.len();
            all.resize(from + vectors.rows() * vectors.width, 0.0);
            vectors.copy_all(&mut all[from..]);
        }
        Ok(all)
    }

    /// Reads some rows of several vector columns, each as row-major float32 `[rows.len(), width]`.
    ///
    /// Reads only the pages that hold these rows. `rows` must rise strictly.
    ///
    /// # Errors
    /// [`StoreError`], also when a column is not there.
    pub fn rows_of(&self, rows: &[usize], names: &[&str]) -> Result<Vec<Vec<f32>>, StoreError> {
        let mut all = names
            .iter()
            .map(|name| self.room(rows.len(), self.info(name)?.width))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if rows.is_empty() {
            return Ok(all);
        }
        for batch in self.reader(names, Some((None, select(rows))))? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            for (name, values) in names.iter().zip(&mut all) {
                let vectors = Vectors::of(&self.path, &batch, name)?;
                let from = values.len();
                values.resize(from + vectors.rows() * vectors.width, 0.0);
                vectors.copy_all(&mut values[from..]);
            }
        }
        Ok(all)
    }

    /// Reads consecutive rows of several vector columns side by side: `into` becomes row-major float32
    /// `[rows.len(), width]`, where `width` is the sum of the columns' widths in the order of `names`
    /// ([`FeaturesFile::width`]). The old content of `into` is dropped; its memory is used again.
    ///
    /// Reads the pages that hold these rows and nothing else, so that a file larger than memory can be gone through in
    /// any order. The memory is that of `into` and of one batch of at most 1,024 rows with its pages.
    ///
    /// # Errors
    /// [`StoreError`], also when a column is not there, or the file ends before `rows` do.
    pub fn read_range(&self, rows: Range<usize>, names: &[&str], into: &mut Vec<f32>) -> Result<(), StoreError> {
        let width = self.width(names)?;
        if rows.end > self.rows() {
            return Err(StoreError::Range {
                path: self.path.clone(),
                first: rows.start,
                end: rows.end,
                rows: self.rows(),
            });
        }
        if into.capacity() < rows.len().saturating_mul(width) {
            *into = self.room(rows.len(), width)?;
        }
        into.clear();
        into.resize(rows.len() * width, 0.0);
        if rows.is_empty() {
            return Ok(());
        }
        // Row groups before and behind are not even looked at.
        let first = self.group_starts.partition_point(|&start| start <= rows.start) - 1;
        let last = self.group_starts.partition_point(|&start| start < rows.end);
        let skipped = rows.start - self.group_starts[first];
        let selection = RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(rows.len())]);
        let mut next = 0;
        for batch in self.reader(names, Some((Some((first..last).collect()), selection)))? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            let target = &mut into[next * width..(next + batch.num_rows()) * width];
            let mut at = 0;
            for name in names {
                let vectors = Vectors::of(&self.path, &batch, name)?;
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    vectors.copy(row, &mut target[at..at + vectors.width]);
                }
                at += vectors.width;
            }
            next += batch.num_rows();
        }
        Ok(())
    }

    /// Elements of these vector columns together.
    ///
    /// # Errors
    /// [`StoreError::Column`] for one that is not there.
    pub fn width(&self, names: &[&str]) -> Result<usize, StoreError> {
        names.iter().map(|name| self.info(name).map(|info| info.width)).sum()
    }

    /// Returns an empty list with room for `rows` times `width` values. A footer may tell of more than any memory holds.
    fn room<T>(&self, rows: usize, width: usize) -> Result<Vec<T>, StoreError> {
        let mut list = Vec::new();
        match rows.checked_mul(width).map(|values| list.try_reserve_exact(values)) {
            Some(Ok(())) => Ok(list),
            _ => {
                let what = format!("its footer tells of {rows} rows of {width} values, for which there is no memory");
                Err(StoreError::reading(&self.path, ParquetError::General(what)))
            }
        }
    }

    fn info(&self, name: &str) -> Result<&FeatureColumnInfo, StoreError> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            self.missing(name, "a vector column", &known)
        })
    }

    fn check_there(&self, name: &str) -> Result<(), StoreError> {
        let fields = self.metadata.schema().fields();
        if fields.iter().any(|field| field.name() == name) {
            return Ok(());
        }
        let known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        Err(self.missing(name, &format!("in a file of level `{}`", self.level), &known))
    }

    fn missing(&self, name: &str, expected: &str, known: &[&str]) -> StoreError {
        StoreError::Column {
            path: self.path.clone(),
            column: name.to_owned(),
            expected: expected.to_owned(),
            found: format!("is missing; there are {}", known.join(", ")),
        }
    }

    fn read_strings(&self, name: &str) -> Result<Vec<Option<String>>, StoreError> {
        let mut all = self.room(self.rows(), 1)?;
        self.visit_strings(name, |value| all.push(value.map(str::to_owned)))?;
        Ok(all)
    }

    fn read_integers(&self, name: &str) -> Result<Vec<i32>, StoreError> {
        self.check_there(name)?;
        let mut all = self.room(self.rows(), 1)?;
        for batch in self.reader(&[name], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            let array = column(&self.path, &batch, name)?;
            let integers = array.as_primitive_opt::<Int32Type>().filter(|a| a.null_count() == 0);
            let wrong = || wrong_type(&self.path, name, "Int32 without nulls", array.data_type());
            all.extend_from_slice(integers.ok_or_else(wrong)?.values());
        }
        Ok(all)
    }

    /// A reader of these columns, of all rows or of (row groups, rows in them).
    fn reader(&self, names: &[&str], rows: Option<(Option<Vec<usize>>, RowSelection)>) -> Result<Batches, StoreError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
        let fields = builder.schema().fields().clone();
        let scales: Vec<String> = names.iter().map(|name| scale_column(name)).collect();
        let is_wanted = |name: &String| names.contains(&name.as_str()) || scales.contains(name);
        let wanted: Vec<usize> = (0..fields.len()).filter(|&i| is_wanted(fields[i].name())).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let mut builder = builder.with_projection(mask).with_batch_size(PAGE_ROWS);
        if let Some((groups, selection)) = rows {
            if let Some(groups) = groups {
                builder = builder.with_row_groups(groups);
            }
            builder = builder.with_row_selection(selection);
        }
        Batches::of(builder).map_err(|e| StoreError::reading(&self.path, e))
    }
}

/// The vectors of one column in one batch, checked.
struct Vectors<'a> {
    values: Values<'a>,
    width: usize,
}

enum Values<'a> {
    F32(&'a [f32]),
    F16(&'a [half::f16]),
    /// `[rows, width]` and `[rows]`.
    I8(&'a [i8], &'a [f32]),
}

impl<'a> Vectors<'a> {
    fn of(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<Self, StoreError> {
        let array = column(path, batch, name)?;
        let expected = "FixedSizeList of Float32, Float16 or Int8 without nulls";
        let wrong = || wrong_type(path, name, expected, array.data_type());
        let list = array.as_fixed_size_list_opt().ok_or_else(wrong)?;
        if list.null_count() > 0 || list.values().null_count() > 0 {
            return Err(wrong());
        }
        let width = usize::try_from(list.value_length()).unwrap_or(0);
        let start = list.value_offset_at(0);
        let range = start..start + list.len() * width;
        let values = if let Some(values) = list.values().as_primitive_opt::<Float32Type>() {
            Values::F32(&values.values()[range])
        } else if let Some(values) = list.values().as_primitive_opt::<Float16Type>() {
            Values::F16(&values.values()[range])
        } else if let Some(values) = list.values().as_primitive_opt::<Int8Type>() {
            Values::I8(&values.values()[range], scales(path, batch, name)?)
        } else {
            return Err(wrong());
        };
        Ok(Self { values, width })
    }

    fn rows(&self) -> usize {
        match self.values {
            Values::F32(values) => values.len() / self.width.max(1),
            Values::F16(values) => values.len() / self.width.max(1),
            Values::I8(_, scales) => scales.len(),
        }
    }

    fn copy(&self, row: usize, into: &mut [f32]) {
        let range = row * self.width..(row + 1) * self.width;
        match self.values {
            Values::F32(values) => into.copy_from_slice(&values[range]),
            Values::F16(values) => values[range].convert_to_f32_slice(into),
            Values::I8(values, scales) => of_integers(&values[range], scales[row], into),
        }
    }

    fn copy_all(&self, into: &mut [f32]) {
        match self.values {
            Values::F32(values) => into.copy_from_slice(values),
            Values::F16(values) => values.convert_to_f32_slice(into),
            Values::I8(..) => {
                let rows = into.chunks_exact_mut(self.width.max(1)).enumerate();
                rows.for_each(|(row, into)| self.copy(row, into));
            }
        }
    }
}

/// Returns the scales of the vectors of a column, `[rows]`.
fn scales<'a>(path: &Path, batch: &'a RecordBatch, vectors: &str) -> Result<&'a [f32], StoreError> {
    let name = scale_column(vectors);
    let array = column(path, batch, &name)?;
    let wrong = || wrong_type(path, &name, "Float32 without nulls", array.data_type());
    let scales = array.as_primitive_opt::<Float32Type>().filter(|scales| scales.null_count() == 0);
    Ok(scales.ok_or_else(wrong)?.values())
}

/// A column that is never null.
fn filled(values: Vec<Option<String>>) -> Vec<String> {
    values.into_iter().map(Option::unwrap_or_default).collect()
}

/// Strictly rising row numbers as runs to skip and select.
fn select(rows: &[usize]) -> RowSelection {
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut next = 0;
    for &row in rows {
        if row > next {
            selectors.push(RowSelector::skip(row - next));
        }
        match selectors.last_mut() {
            Some(last) if !last.skip => last.row_count += 1,
            _ => selectors.push(RowSelector::select(1)),
        }
        next = row + 1;
    }
    RowSelection::from(selectors)
}
