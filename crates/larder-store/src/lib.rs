//! What every larder stage leaves on disk, and how it is written: folders, atomic files, fingerprints, Parquet schemas.
//!
//! - [`Home`] knows where each artifact lies.
//! - [`write_atomic`] and [`AtomicFile`] never leave a file that looks whole and is not.
//! - Every file has checksums, which reading compares ([`StoreError::Damaged`]): [`SealedFile`] and [`open_checked`] those of
//!   Parquet, [`write_json`] and [`read_json`] those of JSON.
//! - [`Provenance`] records what an artifact was made from; [`Freshness`] says whether it still holds, or what changed.
//! - [`TokensWriter`] and [`TokensReader`] hold the `tokens` schema, one row an example.
//! - [`write_features_part`] and [`FeaturesFile`] hold the `features` schema, one row a sentence, a
//!   word or a token.
//! - [`Parts`] are finished pieces of a file that is being made, from which a killed process goes on; [`join_parquet`] joins
//!   such of Parquet.
//! - [`write_predictions`] holds the `predictions` schema of a run, [`write_history`] the steps of one that was fine-tuned.
//!
//! The Parquet files are an interface: people open them in DuckDB, polars or pandas and never meet this crate.
//!
//! ```
//! use larder_store::{Freshness, Provenance};
//!
//! let old = Provenance::new("encode", 1).with("layers", "-1").with("encoder.digest", "ab12");
//! let new = Provenance::new("encode", 1).with("layers", "-1,-2").with("encoder.digest", "ab12");
//! let Freshness::Stale(changes) = new.freshness(Some(&old)) else { unreachable!() };
//! assert_eq!(changes[0].to_string(), "layers: -1 -> -1,-2");
//! ```
#![deny(missing_docs)]

mod atomic;
mod error;
mod features;
mod history;
mod home;
mod join;
mod json;
mod kept_splits;
mod kill_point;
mod left;
mod lock;
mod parts;
mod predictions;
mod provenance;
mod schema;
mod sealed;
mod tokens;
mod word_predictions;

pub use atomic::{AtomicFile, write_atomic};
pub use error::StoreError;
pub use features::{
    EXAMPLE_ID, FeatureBatch, FeatureColumnInfo, FeatureDtype, FeatureRows, FeaturesFile, INPUT_DIGEST, InputDigest,
    LABEL, Level, POSITION, ROW_GROUP_BYTES, TAG, TOKEN, WORD, rows_per_group, write_features_part,
};
pub use history::{StepRecord, write_history};
pub use home::{Home, check_name};
pub use join::join_parquet;
pub use json::{read_json, read_json_text, write_json};
pub use kill_point::{KILL_AT, kill_point};
pub use left::{remove_left_beside, remove_left_in};
pub use lock::FolderLock;
pub use parts::Parts;
pub use predictions::{SplitPredictions, write_predictions};
pub use provenance::{Change, Freshness, Provenance, digest_bytes, digest_file, read_provenance};
pub use schema::open_checked;
pub use sealed::SealedFile;
pub use tokens::{TokenRow, TokensBatch, TokensLayout, TokensProjection, TokensReader, TokensWriter};
pub use word_predictions::{WordPredictions, WordPredictionsWriter};
