//! Vectors of loose texts as a file: Parquet with the texts, or one column of vectors as NumPy's `.npy`.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use half::slice::HalfFloatSliceExt;
use larder_files::{AtomicFile, FileError};
use parquet::arrow::ArrowWriter;

use crate::features::{FeatureColumnInfo, FeatureDtype, for_vectors, rows_per_group, vector_arrays, vector_fields};
use crate::schema::writer_properties;
use crate::{SealedFile, StoreError};

/// The column of the texts.
const TEXT: &str = "text";

/// Bytes of a `.npy` file before its values: a multiple of 64, with room for the number of rows, which is written last.
const NPY_HEADER: usize = 128;

/// A file of vectors being written, a block at a time; dropped before it is finished, it is gone.
pub struct VectorsWriter {
    path: PathBuf,
    columns: Vec<FeatureColumnInfo>,
    rows: usize,
    file: VectorsFile,
}

enum VectorsFile {
    Parquet(Box<ArrowWriter<SealedFile>>, Arc<Schema>),
    Npy(AtomicFile),
}

impl VectorsWriter {
    /// Starts a Parquet file with the columns `text` and one for each of `columns`.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn parquet(path: &Path, columns: Vec<FeatureColumnInfo>) -> Result<Self, StoreError> {
        let mut properties = writer_properties(None).set_max_row_group_row_count(Some(rows_per_group(&columns)));
        let mut fields = vec![Field::new(TEXT, DataType::Utf8, false)];
        for column in &columns {
            properties = for_vectors(properties, column);
            fields.extend(vector_fields(column));
        }
        let schema = Arc::new(Schema::new(fields));
        let writer = ArrowWriter::try_new(SealedFile::create(path)?, schema.clone(), Some(properties.build()))
            .map_err(|error| StoreError::writing(path, error))?;
        let file = VectorsFile::Parquet(Box::new(writer), schema);
        Ok(Self { path: path.to_path_buf(), columns, rows: 0, file })
    }

    /// Starts a `.npy` file of one array, `[rows, width]`, without the texts.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn npy(path: &Path, column: FeatureColumnInfo) -> Result<Self, StoreError> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(&npy_header(&column, 0)).map_err(FileError::io("write", path))?;
        Ok(Self { path: path.to_path_buf(), columns: vec![column], rows: 0, file: VectorsFile::Npy(file) })
    }

    /// Adds texts with their vectors, a list `[rows, width]` for each column.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    ///
    /// # Panics
    /// When the lengths disagree: the caller's arithmetic is wrong.
    pub fn write(&mut self, texts: &[&str], vectors: Vec<Vec<f32>>) -> Result<(), StoreError> {
        assert_eq!(vectors.len(), self.columns.len(), "a list for each column");
        let failed = |error| StoreError::writing(&self.path, error);
        self.rows += texts.len();
        match &mut self.file {
            VectorsFile::Parquet(writer, schema) => {
                let mut arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(texts))];
                for (column, values) in self.columns.iter().zip(vectors) {
                    arrays.extend(vector_arrays(column, values, texts.len()));
                }
                let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| failed(error.into()))?;
                writer.write(&batch).map_err(failed)
            }
            VectorsFile::Npy(file) => {
                let values = &vectors[0];
                assert_eq!(values.len(), texts.len() * self.columns[0].width, "vectors must be [rows, width]");
                let bytes: Vec<u8> = match self.columns[0].dtype {
                    FeatureDtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                    FeatureDtype::F16 => {
                        let mut half = vec![half::f16::ZERO; values.len()];
                        half.convert_from_f32_slice(values);
                        half.iter().flat_map(|value| value.to_le_bytes()).collect()
                    }
                    FeatureDtype::I8 => unreachable!("an array has no room for scales: `npy` refuses"),
                };
                Ok(file.write_all(&bytes).map_err(FileError::io("write", &self.path))?)
            }
        }
    }

    /// Gives the file its name, and returns its number of rows.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses; the file that was there before is then still there.
    pub fn finish(self) -> Result<usize, StoreError> {
        let Self { path, columns, rows, file } = self;
        match file {
            VectorsFile::Parquet(writer, _) => {
                writer.into_inner().map_err(|error| StoreError::writing(&path, error))?.commit()?;
            }
            VectorsFile::Npy(mut file) => {
                file.written()
                    .and_then(|file| {
                        file.seek(SeekFrom::Start(0))?;
                        file.write_all(&npy_header(&columns[0], rows))?;
                        file.seek(SeekFrom::End(0))
                    })
                    .map_err(FileError::io("write", &path))?;
                file.commit()?;
            }
        }
        Ok(rows)
    }
}

/// Returns the first bytes of a `.npy` file, version 1.0: magic, length, and a dictionary padded with blanks.
fn npy_header(column: &FeatureColumnInfo, rows: usize) -> Vec<u8> {
    let dtype = match column.dtype {
        FeatureDtype::F32 => "<f4",
        FeatureDtype::F16 => "<f2",
        FeatureDtype::I8 => unreachable!("an array has no room for scales: `npy` refuses"),
    };
    let width = column.width;
    let dictionary = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    let length = NPY_HEADER - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{dictionary:<0$}\n", length - 1).bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(dtype: FeatureDtype) -> FeatureColumnInfo {
        FeatureColumnInfo { name: "mean".to_owned(), width: 2, dtype }
    }

    #[test]
    fn an_npy_file_tells_its_rows_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        for (dtype, descr, size) in [(FeatureDtype::F32, "<f4", 4), (FeatureDtype::F16, "<f2", 2)] {
            let path = folder.path().join("v.npy");
            let mut writer = VectorsWriter::npy(&path, column(dtype)).unwrap();
            writer.write(&["a"], vec![vec![1.0, 2.0]]).unwrap();
            writer.write(&["b", "c"], vec![vec![3.0, 4.0, 5.0, -0.5]]).unwrap();
            assert_eq!(writer.finish().unwrap(), 3);
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(bytes.len(), NPY_HEADER + 6 * size);
            let header = String::from_utf8_lossy(&bytes[10..NPY_HEADER]).into_owned();
            assert!(header.contains(&format!("'descr': '{descr}'")) && header.contains("'shape': (3, 2)"), "{header}");
            assert!(header.ends_with('\n'));
            if dtype == FeatureDtype::F32 {
                assert_eq!(bytes[NPY_HEADER..][20..24], (-0.5_f32).to_le_bytes());
            }
        }
    }

    #[test]
    fn an_unfinished_file_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.parquet");
        std::fs::write(&path, "before").unwrap();
        let mut writer = VectorsWriter::parquet(&path, vec![column(FeatureDtype::F32)]).unwrap();
        writer.write(&["a"], vec![vec![1.0, 2.0]]).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
