//! The schema of a features file: its level, its columns, their types.

use arrow::datatypes::{DataType, Field};
use larder_data::TargetKind;
use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::targets::target_field;

/// The column of example ids.
pub const EXAMPLE_ID: &str = "example_id";
/// The column of places in the sentence, of words and tokens.
pub const POSITION: &str = "position";
/// The column of words: their text, or of tokens the index of their word.
pub const WORD: &str = "word";
/// The column of tokens as the vocabulary spells them.
pub const TOKEN: &str = "token";
/// The column of gold tags, of words and tokens.
pub const TAG: &str = "tag";
/// The column that tells equal inputs.
pub const INPUT_DIGEST: &str = "input_digest";

/// Bytes of a scale.
const SCALE_BYTES: usize = 4;

/// Returns the column of the scales of a column of vectors.
pub fn scale_column(vectors: &str) -> String {
    format!("{vectors}_scale")
}

/// blake3 digest of one input, cut to 128 bits: with a billion rows a collision has probability 1e-21.
pub type InputDigest = [u8; 16];

spelled_enum! {
    /// The unit of a row in a features file.
    pub enum Level {
        /// One text, or pair of texts.
        Sentence = "sentence",
        /// One word of a sentence that came in words.
        Word = "word",
        /// One token of a text or sentence; special tokens are no rows.
        Token = "token",
    } else "unknown level `{found}`; known are {known}"
}

spelled_enum! {
    /// The element type of stored vectors.
    pub enum FeatureDtype {
        /// 4 bytes, byte-stream-split and zstd.
        F32 = "f32",
        /// 2 bytes, plain and zstd: DuckDB refuses byte-stream-split for this type.
        F16 = "f16",
        /// 1 byte, and a scale a row, which the integers are multiplied by.
        I8 = "i8",
    } else "unknown dtype `{found}`; known are {known}"
}

impl FeatureDtype {
    /// Bytes of a vector of that width, with its scale.
    pub fn vector_bytes(self, width: usize) -> usize {
        match self {
            Self::F32 => 4 * width,
            Self::F16 => 2 * width,
            Self::I8 => width + SCALE_BYTES,
        }
    }

    /// True if a row's numbers are multiples of a scale in a column of its own.
    pub fn has_scale(self) -> bool {
        self == Self::I8
    }

    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::F32 => DataType::Float32,
            Self::F16 => DataType::Float16,
            Self::I8 => DataType::Int8,
        }
    }
}

/// One vector column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureColumnInfo {
    /// `mean`, `cls_l4`, `embedding`, ...
    pub name: String,
    /// Elements a vector.
    pub width: usize,
    /// Stored element type.
    pub dtype: FeatureDtype,
}

/// The fields in front of the vectors; `targets` are those of texts.
pub(super) fn identity_fields(level: Level, targets: TargetKind) -> Vec<Field> {
    let mut fields = vec![Field::new(EXAMPLE_ID, DataType::Utf8, false)];
    match level {
        Level::Sentence => fields.push(target_field(targets)),
        Level::Word => {
            fields.push(Field::new(POSITION, DataType::Int32, false));
            fields.push(Field::new(WORD, DataType::Utf8, false));
            fields.push(Field::new(TAG, DataType::Utf8, true));
        }
        Level::Token => {
            fields.push(Field::new(POSITION, DataType::Int32, false));
            fields.push(Field::new(WORD, DataType::Int32, false));
            fields.push(Field::new(TOKEN, DataType::Utf8, false));
            fields.push(Field::new(TAG, DataType::Utf8, true));
        }
    }
    fields.push(Field::new(INPUT_DIGEST, DataType::FixedSizeBinary(16), false));
    fields
}

/// The vector column that a field is, if it is one.
pub(super) fn vector_column(field: &Field) -> Option<FeatureColumnInfo> {
    let DataType::FixedSizeList(element, width) = field.data_type() else {
        return None;
    };
    let dtype = match element.data_type() {
        DataType::Float32 => FeatureDtype::F32,
        DataType::Float16 => FeatureDtype::F16,
        DataType::Int8 => FeatureDtype::I8,
        _ => return None,
    };
    Some(FeatureColumnInfo { name: field.name().clone(), width: usize::try_from(*width).ok()?, dtype })
}
