//! Parts of a features file.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array, Int8Array, Int32Array,
    StringArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use half::slice::HalfFloatSliceExt;
use larder_data::TargetKind;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder};

use super::quantised::to_integers;
use super::schema::{FeatureColumnInfo, FeatureDtype, INPUT_DIGEST, InputDigest, Level, identity_fields, scale_column};
use crate::schema::{ELEMENT, values_path, writer_properties};
use crate::targets::TextTargets;
use crate::{SealedFile, StoreError};

/// Vector bytes a row group aims at: within the 64 to 128 MB that analytical readers like, and the unit of resuming.
pub const ROW_GROUP_BYTES: usize = 96 << 20;
/// Rows a row group holds at most, so that narrow vectors do not make the encode stage hold millions of rows.
const ROW_GROUP_ROWS: usize = 65_536;
/// Rows a row group holds at least: below this the format's own overhead shows.
const ROW_GROUP_MIN_ROWS: usize = 1_024;
/// Rows a page holds at most, so that a few rows can be read without their whole row group.
pub(super) const PAGE_ROWS: usize = 1_024;

/// The columns before the vectors, by level. Every list is `[rows]`.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureRows {
    /// Rows of sentences.
    Sentences {
        /// Gold targets.
        targets: TextTargets,
    },
    /// Rows of words.
    Words {
        /// Places in the sentence.
        positions: Vec<i32>,
        /// The words.
        words: Vec<String>,
        /// Gold tags.
        tags: Vec<Option<String>>,
    },
    /// Rows of tokens.
    Tokens {
        /// Places among the sentence's own tokens.
        positions: Vec<i32>,
        /// The word each belongs to.
        words: Vec<i32>,
        /// The tokens, as the vocabulary spells them.
        tokens: Vec<String>,
        /// Gold tags of their words.
        tags: Vec<Option<String>>,
    },
}

/// Rows to be written as one part. All lists hold `rows` entries; vectors are row-major `[rows, width]` float32.
#[derive(Debug, Clone)]
pub struct FeatureBatch {
    /// Ids, `[rows]`.
    pub example_ids: Vec<String>,
    /// The other columns before the vectors, by level.
    pub rows: FeatureRows,
    /// Digests of the inputs, `[rows]`.
    pub digests: Vec<InputDigest>,
    /// Vector columns with their values, each `[rows, width]`.
    pub columns: Vec<(FeatureColumnInfo, Vec<f32>)>,
}

impl FeatureRows {
    /// Returns no rows of a level; `targets` are those of texts.
    pub fn empty(level: Level, targets: TargetKind) -> Self {
        let (positions, tags) = (Vec::new(), Vec::new());
        match level {
            Level::Sentence => Self::Sentences { targets: TextTargets::empty(targets) },
            Level::Word => Self::Words { positions, words: Vec::new(), tags },
            Level::Token => Self::Tokens { positions, words: Vec::new(), tokens: Vec::new(), tags },
        }
    }

    /// Returns the unit of a row.
    pub fn level(&self) -> Level {
        match self {
            Self::Sentences { .. } => Level::Sentence,
            Self::Words { .. } => Level::Word,
            Self::Tokens { .. } => Level::Token,
        }
    }

    /// Returns the kind of the targets.
    pub fn targets(&self) -> TargetKind {
        match self {
            Self::Sentences { targets } => targets.kind(),
            Self::Words { .. } | Self::Tokens { .. } => TargetKind::Tags,
        }
    }

    /// Rows here.
    pub fn len(&self) -> usize {
        match self {
            Self::Sentences { targets } => targets.len(),
            Self::Words { positions, .. } | Self::Tokens { positions, .. } => positions.len(),
        }
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns between `example_id` and `input_digest`.
    fn arrays(self) -> Vec<ArrayRef> {
        let optional = |values: Vec<Option<String>>| -> ArrayRef {
            Arc::new(values.iter().map(Option::as_deref).collect::<StringArray>())
        };
        let strings = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from_iter_values(&values)) };
        match self {
            Self::Sentences { targets } => vec![targets.array()],
            Self::Words { positions, words, tags } => {
                vec![Arc::new(Int32Array::from(positions)), strings(words), optional(tags)]
            }
            Self::Tokens { positions, words, tokens, tags } => vec![
                Arc::new(Int32Array::from(positions)),
                Arc::new(Int32Array::from(words)),
                strings(tokens),
                optional(tags),
            ],
        }
    }
}

/// Rows in one part and row group, for columns of these shapes.
pub fn rows_per_group(columns: &[FeatureColumnInfo]) -> usize {
    let row: usize = columns.iter().map(|c| c.dtype.vector_bytes(c.width)).sum();
    (ROW_GROUP_BYTES / row.max(1)).clamp(ROW_GROUP_MIN_ROWS, ROW_GROUP_ROWS)
}

/// Returns vectors, row-major `[rows, width]`, as a column, and behind it the column of their scales if they have one.
///
/// # Panics
/// When their number is another.
pub(crate) fn vector_arrays(info: &FeatureColumnInfo, values: Vec<f32>, rows: usize) -> Vec<ArrayRef> {
    assert_eq!(values.len(), rows * info.width, "column {} must be [rows, width]", info.name);
    let mut scales = Vec::new();
    let values: ArrayRef = match info.dtype {
        FeatureDtype::F32 => Arc::new(Float32Array::from(values)),
        FeatureDtype::F16 => {
            let mut half = vec![half::f16::ZERO; values.len()];
            half.convert_from_f32_slice(&values);
            Arc::new(Float16Array::from(half))
        }
        FeatureDtype::I8 => {
            let mut integers = vec![0; values.len()];
            let rows = values.chunks_exact(info.width.max(1)).zip(integers.chunks_exact_mut(info.width.max(1)));
            scales.extend(rows.map(|(values, integers)| to_integers(values, integers)));
            Arc::new(Int8Array::from(integers))
        }
    };
    let element = Arc::new(Field::new(ELEMENT, info.dtype.arrow(), false));
    let width = i32::try_from(info.width).expect("a vector has fewer than 2^31 elements");
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(FixedSizeListArray::new(element, width, values, None))];
    if info.dtype.has_scale() {
        arrays.push(Arc::new(Float32Array::from(scales)));
    }
    arrays
}

/// Returns the fields of a column of vectors, and of their scales if they have one.
pub(crate) fn vector_fields(info: &FeatureColumnInfo) -> Vec<Field> {
    let names = [info.name.clone(), scale_column(&info.name)];
    let arrays = vector_arrays(info, Vec::new(), 0);
    names.into_iter().zip(arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), false)).collect()
}

/// Adds the settings of a column of vectors.
pub(crate) fn for_vectors(properties: WriterPropertiesBuilder, info: &FeatureColumnInfo) -> WriterPropertiesBuilder {
    let encoding = match info.dtype {
        FeatureDtype::F32 => Encoding::BYTE_STREAM_SPLIT,
        FeatureDtype::F16 | FeatureDtype::I8 => Encoding::PLAIN,
    };
    let path = values_path(&info.name);
    properties
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path.clone(), encoding)
        .set_column_statistics_enabled(path, EnabledStatistics::None)
}

/// Writes `batch` as one Parquet file of one row group, atomically.
///
/// # Errors
/// [`StoreError`] when the disk refuses.
///
/// # Panics
/// When a list's length is not `rows`, or a column's not `rows * width`: the caller's arithmetic is wrong.
pub fn write_features_part(path: &Path, batch: FeatureBatch) -> Result<(), StoreError> {
    let rows = batch.example_ids.len();
    assert_eq!(batch.rows.len(), rows, "one label, word or token a row");
    let mut fields = identity_fields(batch.rows.level(), batch.rows.targets());
    let digests = FixedSizeBinaryArray::try_from_iter(batch.digests.iter())
        .or_else(|e| if rows == 0 { Ok(FixedSizeBinaryArray::new_null(16, 0)) } else { Err(e) })
        .map_err(|e| StoreError::writing(path, e.into()))?;
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(&batch.example_ids))];
    arrays.extend(batch.rows.arrays());
    arrays.push(Arc::new(digests));
    let mut properties = writer_properties(None)
        .set_max_row_group_row_count(Some(rows.max(1)))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_dictionary_enabled(INPUT_DIGEST.into(), false)
        .set_column_statistics_enabled(INPUT_DIGEST.into(), EnabledStatistics::None);
    for (info, values) in batch.columns {
        properties = for_vectors(properties, &info);
        fields.extend(vector_fields(&info));
        arrays.extend(vector_arrays(&info, values, rows));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|e| StoreError::writing(path, e.into()))?;
    let failed = |e| StoreError::writing(path, e);
    let mut writer =
        ArrowWriter::try_new(SealedFile::create(path)?, schema, Some(properties.build())).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)?.commit()
}
