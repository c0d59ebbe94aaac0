//! The `features` file: one row a sentence, a word or a token, in input order.
//!
//! Rows of sentences:
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | as in `tokens` |
//! | `label` | Utf8, nullable | as in `tokens` |
//! | `input_digest` | FixedSizeBinary(16) | blake3 of the token ids and segments: equal rows have equal inputs |
//! | `cls`, `mean`, `pooler`, `mean_l4`, ... | FixedSizeList&lt;Float32 or Float16, H&gt; | one column a pooling and layer |
//!
//! Rows of words, every word of every sentence once:
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | the sentence's, as in `tokens` |
//! | `position` | Int32 | the word's place in its sentence, from 0: 0 starts a sentence |
//! | `word` | Utf8 | as in `tokens` |
//! | `tag` | Utf8, nullable | as in `tokens` |
//! | `input_digest` | FixedSizeBinary(16) | of the whole sentence, the same in all its rows |
//! | `embedding`, `embedding_l4`, ... | FixedSizeList&lt;Float32 or Float16, H&gt; | one column a layer |
//!
//! Rows of tokens, special tokens left out:
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | the sentence's, as in `tokens` |
//! | `position` | Int32 | the token's place among the sentence's own tokens, from 0 |
//! | `word` | Int32 | the word it belongs to, as `word_ids` in `tokens` |
//! | `token` | Utf8 | as the vocabulary spells it |
//! | `tag` | Utf8, nullable | its word's; null where the task has labels |
//! | `input_digest`, `embedding`, ... | | as for words |
//!
//! Vectors are lists of float32 or float16. With `i8` they are lists of Int8, and a column `mean_scale` beside `mean`,
//! Float32, has what the integers of a row are multiplied by.
//!
//! A file is written in parts of one row group, each a whole Parquet file, and assembled by copying the encoded
//! columns: a killed encode keeps its finished parts, and the file comes out the same however often it was interrupted.

mod quantised;
mod reader;
mod schema;
mod writer;

pub use reader::FeaturesFile;
pub use schema::{
    EXAMPLE_ID, FeatureColumnInfo, FeatureDtype, INPUT_DIGEST, InputDigest, Level, POSITION, TAG, TOKEN, WORD,
};
pub use writer::{FeatureBatch, FeatureRows, ROW_GROUP_BYTES, rows_per_group, write_features_part};
pub(crate) use writer::{for_vectors, vector_arrays, vector_fields};

#[cfg(test)]
mod tests;
