//! The `features` file of sentences: one row an example, in input order.
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | as in `tokens` |
//! | `label` | Utf8, nullable | as in `tokens` |
//! | `input_digest` | FixedSizeBinary(16) | blake3 of the token ids and segments: equal rows have equal inputs |
//! | `cls`, `mean`, `pooler`, `mean_l4`, ... | FixedSizeList&lt;Float32 or Float16, H&gt; | one column a pooling and layer |
//!
//! A file is written in parts of one row group, each a whole Parquet file, and assembled by copying the encoded
//! columns: a killed encode keeps its finished parts, and the file comes out the same however often it was interrupted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array, StringArray,
};
use arrow::datatypes::{DataType, Field, Float16Type, Float32Type, Schema};
use arrow::record_batch::RecordBatch;
use half::slice::HalfFloatSliceExt;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowWriter, ProjectionMask};
use parquet::basic::Encoding;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::properties::EnabledStatistics;
use parquet::file::writer::SerializedFileWriter;
use serde::{Deserialize, Serialize};

use crate::schema::{ELEMENT, column, open_metadata, strings, values_path, writer_properties, wrong_type};
use crate::{AtomicFile, Provenance, StoreError};

/// The column of example ids.
pub const EXAMPLE_ID: &str = "example_id";
/// The column of gold labels.
pub const LABEL: &str = "label";
/// The column that tells equal inputs.
pub const INPUT_DIGEST: &str = "input_digest";

/// Vector bytes a row group aims at: within the 64 to 128 MB that analytical readers like, and the unit of resuming.
pub const ROW_GROUP_BYTES: usize = 96 << 20;
/// Rows a row group holds at most, so that narrow vectors do not make the encode stage hold millions of rows.
const ROW_GROUP_ROWS: usize = 65_536;
/// Rows a row group holds at least: below this the format's own overhead shows.
const ROW_GROUP_MIN_ROWS: usize = 1_024;
/// Rows a page holds at most, so that a few rows can be read without their whole row group.
const PAGE_ROWS: usize = 1_024;

/// blake3 digest of one row's input, cut to 128 bits: with a billion rows a collision has probability 1e-21.
pub type InputDigest = [u8; 16];

/// How a vector's elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureDtype {
    /// 4 bytes, byte-stream-split and zstd.
    F32,
    /// 2 bytes, plain and zstd: DuckDB refuses byte-stream-split for this type.
    F16,
}

/// One vector column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureColumnInfo {
    /// `mean`, `cls_l4`, ...
    pub name: String,
    /// Elements a vector.
    pub width: usize,
    /// Stored element type.
    pub dtype: FeatureDtype,
}

/// Rows to be written as one part. All vectors hold `rows` entries; vectors are row-major `[rows, width]` float32.
#[derive(Debug, Clone, Default)]
pub struct FeatureBatch {
    /// Ids, `[rows]`.
    pub example_ids: Vec<String>,
    /// Gold labels, `[rows]`.
    pub labels: Vec<Option<String>>,
    /// Digests of the inputs, `[rows]`.
    pub digests: Vec<InputDigest>,
    /// Vector columns with their values, each `[rows, width]`.
    pub columns: Vec<(FeatureColumnInfo, Vec<f32>)>,
}

impl FeatureDtype {
    /// Both choices, in the order help texts list them.
    pub const ALL: &[Self] = &[Self::F32, Self::F16];

    /// Bytes an element.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::F32 => DataType::Float32,
            Self::F16 => DataType::Float16,
        }
    }
}

impl std::fmt::Display for FeatureDtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        })
    }
}

impl std::str::FromStr for FeatureDtype {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|d| d.to_string() == text)
            .ok_or_else(|| format!("unknown dtype `{text}`; known are f32, f16"))
    }
}

/// Rows in one part and row group, for columns of these shapes.
pub fn rows_per_group(columns: &[FeatureColumnInfo]) -> usize {
    let row: usize = columns.iter().map(|c| c.width * c.dtype.bytes()).sum();
    (ROW_GROUP_BYTES / row.max(1)).clamp(ROW_GROUP_MIN_ROWS, ROW_GROUP_ROWS)
}

/// Writes `batch` as one Parquet file of one row group, atomically.
///
/// # Errors
/// [`StoreError`] when the disk refuses.
///
/// # Panics
/// When a column's length is not `rows * width`: the caller's arithmetic is wrong.
pub fn write_features_part(path: &Path, batch: FeatureBatch) -> Result<(), StoreError> {
    let rows = batch.example_ids.len();
    let mut fields = vec![
        Field::new(EXAMPLE_ID, DataType::Utf8, false),
        Field::new(LABEL, DataType::Utf8, true),
        Field::new(INPUT_DIGEST, DataType::FixedSizeBinary(16), false),
    ];
    let digests = FixedSizeBinaryArray::try_from_iter(batch.digests.iter())
        .or_else(|e| if rows == 0 { Ok(FixedSizeBinaryArray::new_null(16, 0)) } else { Err(e) })
        .map_err(|e| StoreError::writing(path, e.into()))?;
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(&batch.example_ids)),
        Arc::new(batch.labels.iter().map(Option::as_deref).collect::<StringArray>()),
        Arc::new(digests),
    ];
    let mut properties = writer_properties(None)
        .set_max_row_group_row_count(Some(rows.max(1)))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_dictionary_enabled(INPUT_DIGEST.into(), false)
        .set_column_statistics_enabled(INPUT_DIGEST.into(), EnabledStatistics::None);
    for (info, values) in batch.columns {
        assert_eq!(values.len(), rows * info.width, "column {} must be [rows, width]", info.name);
        let (values, encoding): (ArrayRef, _) = match info.dtype {
            FeatureDtype::F32 => (Arc::new(Float32Array::from(values)), Encoding::BYTE_STREAM_SPLIT),
            FeatureDtype::F16 => {
                let mut half = vec![half::f16::ZERO; values.len()];
                half.convert_from_f32_slice(&values);
                (Arc::new(Float16Array::from(half)), Encoding::PLAIN)
            }
        };
        let element = Arc::new(Field::new(ELEMENT, info.dtype.arrow(), false));
        let width = i32::try_from(info.width).expect("a vector has fewer than 2^31 elements");
        let list = FixedSizeListArray::new(element, width, values, None);
        let path = values_path(&info.name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), encoding)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
        fields.push(Field::new(&info.name, list.data_type().clone(), false));
        arrays.push(Arc::new(list));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|e| StoreError::writing(path, e.into()))?;
    let failed = |e| StoreError::writing(path, e);
    let mut writer =
        ArrowWriter::try_new(AtomicFile::create(path)?, schema, Some(properties.build())).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)?.commit()
}

/// Joins parts into one file at `target` by copying their encoded columns, atomically, and gives it its provenance.
///
/// # Errors
/// [`StoreError`]; a part that is not whole is named.
///
/// # Panics
/// When there are no parts: an empty split still has one part of zero rows.
pub fn assemble_features(parts: &[PathBuf], target: &Path, provenance: &Provenance) -> Result<(), StoreError> {
    let first = parts.first().expect("a features file has at least one part");
    let (_, metadata) = open_metadata(first)?;
    let file_metadata = metadata.file_metadata();
    let mut pairs = provenance.to_key_values();
    // Without the Arrow schema readers would see plain lists instead of fixed-size ones.
    let arrow_schema =
        file_metadata.key_value_metadata().into_iter().flatten().find(|kv| kv.key == ARROW_SCHEMA_META_KEY);
    pairs.extend(arrow_schema.cloned());
    let properties = writer_properties(None).set_key_value_metadata(Some(pairs)).build();
    let schema = file_metadata.schema_descr().root_schema_ptr();
    let failed = |e| StoreError::writing(target, e);
    // Beside the parts, which go when the file stands: a killed assembly leaves nothing behind.
    let scratch = first.parent().unwrap_or(Path::new("."));
    let mut file = AtomicFile::create_in(scratch, target)?;
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).map_err(failed)?;
    for part in parts {
        let (input, metadata) = open_metadata(part)?;
        let indexes = metadata.page_index();
        for (g, group) in metadata.row_groups().iter().enumerate() {
            let mut out = writer.next_row_group().map_err(failed)?;
            for (c, column) in group.columns().iter().enumerate() {
                let closed = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                    rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: indexes.and_then(|i| i.column_index(g, c)).cloned(),
                    offset_index: indexes.and_then(|i| i.offset_index(g, c)).cloned(),
                };
                out.append_column(&input, closed).map_err(failed)?;
            }
            out.close().map_err(failed)?;
        }
    }
    writer.close().map_err(failed)?;
    file.commit()
}

/// A `features` file (or part) opened for reading.
#[derive(Debug)]
pub struct FeaturesFile {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    columns: Vec<FeatureColumnInfo>,
}

impl FeaturesFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Parquet`] for a cut file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let options = parquet::arrow::arrow_reader::ArrowReaderOptions::new()
            .with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|e| StoreError::reading(path, e))?;
        let columns = metadata.schema().fields().iter().filter_map(|f| vector_column(f)).collect();
        Ok(Self { path: path.to_path_buf(), file, metadata, columns })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows in the file.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The vector columns, in file order.
    pub fn columns(&self) -> &[FeatureColumnInfo] {
        &self.columns
    }

    /// What the file was made from; `None` for a part, or a file that larder did not write.
    pub fn provenance(&self) -> Option<Provenance> {
        Provenance::from_key_values(self.metadata.metadata().file_metadata().key_value_metadata())
    }

    /// Example ids, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn example_ids(&self) -> Result<Vec<String>, StoreError> {
        self.read_strings(EXAMPLE_ID).map(|v| v.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Gold labels, `[rows]`; `None` where the data has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn labels(&self) -> Result<Vec<Option<String>>, StoreError> {
        self.read_strings(LABEL)
    }

    /// Input digests, `[rows]`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn digests(&self) -> Result<Vec<InputDigest>, StoreError> {
        let mut all = Vec::with_capacity(self.rows());
        for batch in self.reader(&[INPUT_DIGEST], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            let array = column(&self.path, &batch, INPUT_DIGEST)?;
            let wrong = || wrong_type(&self.path, INPUT_DIGEST, "FixedSizeBinary(16)", array.data_type());
            let digests = array.as_fixed_size_binary_opt().ok_or_else(wrong)?;
            for digest in digests.iter() {
                all.push(digest.and_then(|d| InputDigest::try_from(d).ok()).ok_or_else(wrong)?);
            }
        }
        Ok(all)
    }

    /// One vector column as row-major float32, `[rows, width]`, whatever its stored type.
    ///
    /// # Errors
    /// [`StoreError::Column`] naming the columns there are when `name` is not one of them.
    pub fn column(&self, name: &str) -> Result<Vec<f32>, StoreError> {
        let info = self.info(name)?;
        let mut all = Vec::with_capacity(self.rows() * info.width);
        for batch in self.reader(&[name], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            append_vectors(&self.path, &batch, name, &mut all)?;
        }
        Ok(all)
    }

    /// Some rows of several vector columns, each as row-major float32 `[rows.len(), width]`.
    ///
    /// Reads only the pages that hold these rows. `rows` must rise strictly.
    ///
    /// # Errors
    /// [`StoreError`], also when a column is not there.
    pub fn rows_of(&self, rows: &[usize], names: &[&str]) -> Result<Vec<Vec<f32>>, StoreError> {
        let mut all = names
            .iter()
            .map(|name| Ok(Vec::with_capacity(rows.len() * self.info(name)?.width)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if rows.is_empty() {
            return Ok(all);
        }
        for batch in self.reader(names, Some(select(rows)))? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            for (name, values) in names.iter().zip(&mut all) {
                append_vectors(&self.path, &batch, name, values)?;
            }
        }
        Ok(all)
    }

    fn info(&self, name: &str) -> Result<&FeatureColumnInfo, StoreError> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            StoreError::Column {
                path: self.path.clone(),
                column: name.to_owned(),
                expected: "a vector column".to_owned(),
                found: format!("is missing; there are {}", known.join(", ")),
            }
        })
    }

    fn read_strings(&self, name: &str) -> Result<Vec<Option<String>>, StoreError> {
        let mut all = Vec::with_capacity(self.rows());
        for batch in self.reader(&[name], None)? {
            let batch = batch.map_err(|e| StoreError::reading(&self.path, e.into()))?;
            all.extend(strings(&self.path, &batch, name)?.iter().map(|v| v.map(str::to_owned)));
        }
        Ok(all)
    }

    fn reader(&self, names: &[&str], rows: Option<RowSelection>) -> Result<ParquetRecordBatchReader, StoreError> {
        let file = self.file.try_clone().map_err(StoreError::io("open", &self.path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let fields = builder.schema().fields().clone();
        let wanted: Vec<usize> = (0..fields.len()).filter(|&i| names.contains(&fields[i].name().as_str())).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let mut builder = builder.with_projection(mask).with_batch_size(PAGE_ROWS);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        builder.build().map_err(|e| StoreError::reading(&self.path, e))
    }
}

fn vector_column(field: &Field) -> Option<FeatureColumnInfo> {
    let DataType::FixedSizeList(element, width) = field.data_type() else {
        return None;
    };
    let dtype = match element.data_type() {
        DataType::Float32 => FeatureDtype::F32,
        DataType::Float16 => FeatureDtype::F16,
        _ => return None,
    };
    Some(FeatureColumnInfo { name: field.name().clone(), width: usize::try_from(*width).ok()?, dtype })
}

fn append_vectors(path: &Path, batch: &RecordBatch, name: &str, all: &mut Vec<f32>) -> Result<(), StoreError> {
    let array = column(path, batch, name)?;
    let wrong = || wrong_type(path, name, "FixedSizeList of Float32 or Float16 without nulls", array.data_type());
    let list = array.as_fixed_size_list_opt().ok_or_else(wrong)?;
    if list.null_count() > 0 || list.values().null_count() > 0 {
        return Err(wrong());
    }
    let width = usize::try_from(list.value_length()).unwrap_or(0);
    let start = list.value_offset_at(0);
    let range = start..start + list.len() * width;
    if let Some(values) = list.values().as_primitive_opt::<Float32Type>() {
        all.extend_from_slice(&values.values()[range]);
    } else if let Some(values) = list.values().as_primitive_opt::<Float16Type>() {
        let from = all.len();
        all.resize(from + range.len(), 0.0);
        values.values()[range].convert_to_f32_slice(&mut all[from..]);
    } else {
        return Err(wrong());
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: usize, rows: usize, dtype: FeatureDtype) -> FeatureBatch {
        let values = |salt: usize, width: usize| -> Vec<f32> {
            (from * width..(from + rows) * width).map(|i| ((i * 37 + salt) % 1000) as f32 / 64.0 - 5.0).collect()
        };
        let info = |name: &str, width| FeatureColumnInfo { name: name.into(), width, dtype };
        FeatureBatch {
            example_ids: (from..from + rows).map(|i| format!("e{i}")).collect(),
            labels: (from..from + rows).map(|i| (i % 4 > 0).then(|| (i % 2).to_string())).collect(),
            digests: (from..from + rows).map(|i| (i as u128 * 7919).to_le_bytes()).collect(),
            columns: vec![(info("mean", 6), values(1, 6)), (info("cls_l0", 3), values(2, 3))],
        }
    }

    fn written(folder: &Path, dtype: FeatureDtype) -> PathBuf {
        let parts: Vec<PathBuf> = [(0, 3000), (3000, 1500)]
            .iter()
            .enumerate()
            .map(|(i, &(from, rows))| {
                let path = folder.join(format!("parts/{i}.parquet"));
                write_features_part(&path, batch(from, rows, dtype)).unwrap();
                path
            })
            .collect();
        let target = folder.join("f.parquet");
        assemble_features(&parts, &target, &Provenance::new("encode", 1).with("pool", "mean")).unwrap();
        target
    }

    #[test]
    fn parts_come_back_as_one_file() {
        for dtype in [FeatureDtype::F32, FeatureDtype::F16] {
            let folder = tempfile::tempdir().unwrap();
            let whole = batch(0, 4500, dtype);
            let file = FeaturesFile::open(&written(folder.path(), dtype)).unwrap();
            assert_eq!(file.rows(), 4500);
            assert_eq!(file.provenance().unwrap().parts["pool"], "mean");
            assert_eq!(
                file.columns().iter().map(|c| (c.name.as_str(), c.width, c.dtype)).collect::<Vec<_>>(),
                [("mean", 6, dtype), ("cls_l0", 3, dtype)]
            );
            assert_eq!(file.example_ids().unwrap(), whole.example_ids);
            assert_eq!(file.labels().unwrap(), whole.labels);
            assert_eq!(file.digests().unwrap(), whole.digests);
            // The values are multiples of 1/64 below 16: exact in half precision too.
            assert_eq!(file.column("mean").unwrap(), whole.columns[0].1);
            assert_eq!(file.column("cls_l0").unwrap(), whole.columns[1].1);
        }
    }

    #[test]
    fn single_rows_are_read_across_row_groups() {
        let folder = tempfile::tempdir().unwrap();
        let whole = batch(0, 4500, FeatureDtype::F32);
        let file = FeaturesFile::open(&written(folder.path(), FeatureDtype::F32)).unwrap();
        let rows = [0, 1, 2, 1023, 1024, 2999, 3000, 4499];
        let got = file.rows_of(&rows, &["cls_l0", "mean"]).unwrap();
        let expected = |c: usize, width: usize| -> Vec<f32> {
            rows.iter().flat_map(|&r| whole.columns[c].1[r * width..(r + 1) * width].to_vec()).collect()
        };
        assert_eq!(got[0], expected(1, 3));
        assert_eq!(got[1], expected(0, 6));
        assert_eq!(file.rows_of(&[], &["mean"]).unwrap(), vec![Vec::<f32>::new()]);
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bytes = |f: &Path| std::fs::read(written(f, FeatureDtype::F32)).unwrap();
        assert_eq!(bytes(a.path()), bytes(b.path()));
    }

    #[test]
    fn float32_vectors_are_byte_stream_split() {
        let folder = tempfile::tempdir().unwrap();
        for (dtype, expected) in [(FeatureDtype::F32, true), (FeatureDtype::F16, false)] {
            let path = written(&folder.path().join(dtype.to_string()), dtype);
            let (_, metadata) = open_metadata(&path).unwrap();
            let column =
                metadata.row_group(0).columns().iter().find(|c| c.column_path() == &values_path("mean")).unwrap();
            assert_eq!(column.encodings().any(|e| e == Encoding::BYTE_STREAM_SPLIT), expected);
            assert!(!column.encodings().any(|e| matches!(e, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)));
        }
    }

    #[test]
    fn an_unknown_column_names_the_known_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = FeaturesFile::open(&written(folder.path(), FeatureDtype::F32)).unwrap();
        let error = file.column("pooler").unwrap_err().to_string();
        assert!(error.contains("`pooler`") && error.contains("mean, cls_l0"), "{error}");
    }

    #[test]
    fn no_rows_are_a_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("p/0.parquet");
        write_features_part(&part, batch(0, 0, FeatureDtype::F32)).unwrap();
        let target = folder.path().join("f.parquet");
        assemble_features(&[part], &target, &Provenance::new("encode", 1)).unwrap();
        let file = FeaturesFile::open(&target).unwrap();
        assert_eq!((file.rows(), file.column("mean").unwrap().len()), (0, 0));
    }

    #[test]
    fn row_groups_stay_within_the_bounds() {
        let info = |width| FeatureColumnInfo { name: "mean".into(), width, dtype: FeatureDtype::F32 };
        assert_eq!(rows_per_group(&[info(384)]), 65_536);
        assert_eq!(rows_per_group(&[info(32)]), 65_536);
        assert_eq!(rows_per_group(&[info(768)]), 32_768);
        assert_eq!(rows_per_group(&vec![info(1024); 75]), 1_024);
    }
}
