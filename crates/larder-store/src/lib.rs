//! Larder's Parquet files: their schemas, their checksums, and what they say they were made from.
//!
//! - [`TokensWriter`] and [`TokensReader`] hold the `tokens` schema, one row an example.
//! - [`write_features_part`] and [`FeaturesFile`] hold the `features` schema, one row a sentence, a
//!   word or a token; [`join_parquet`] joins parts of such a file.
//! - [`write_predictions`] holds the `predictions` schema of a run, [`write_history`] the steps of one that was fine-tuned.
//! - [`SealedFile`] and [`open_checked`] write and compare the checksums of all of them
//!   ([`Damaged`](larder_files::FileError::Damaged)).
//! - [`read_provenance`] reads what a file was made from.
//!
//! The Parquet files are an interface: people open them in DuckDB, polars or pandas and never meet this crate.
#![deny(missing_docs)]

mod calibration;
mod error;
mod features;
mod history;
mod join;
mod kept_splits;
mod metadata;
mod open;
mod predictions;
mod schema;
mod sealed;
mod targets;
mod tokens;
mod vectors;
mod word_predictions;

pub use calibration::{CalibrationColumns, write_calibration};
pub use error::StoreError;
pub use features::{
    EXAMPLE_ID, FeatureBatch, FeatureColumnInfo, FeatureDtype, FeatureRows, FeaturesFile, INPUT_DIGEST, InputDigest,
    Level, POSITION, ROW_GROUP_BYTES, TAG, TOKEN, WORD, rows_per_group, write_features_part,
};
pub use history::{StepRecord, write_history};
pub use join::join_parquet;
pub use metadata::read_provenance;
pub use open::open_checked;
pub use predictions::{SplitPredictions, TextAnswers, write_predictions};
pub use sealed::SealedFile;
pub use targets::{LABEL, LABELS, TARGET, TextTargets};
pub use tokens::{TextAlone, TokenRow, TokensBatch, TokensLayout, TokensProjection, TokensReader, TokensWriter};
pub use vectors::VectorsWriter;
pub use word_predictions::{WordPredictions, WordPredictionsWriter};
