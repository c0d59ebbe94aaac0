//! What is to be encoded, cut into shards: everything that a worker must know.

use std::path::PathBuf;

use larder_data::{LabelMap, RowSlice};
use larder_files::{Provenance, digest_bytes};
use serde::{Deserialize, Serialize};

use crate::settings::ShardSettings;
use crate::store::{Created, Store};
use crate::{ObjectUri, ScaleError, keys};

/// Version of a plan's layout.
pub const PLAN_VERSION: u32 = 2;

/// Hexadecimal digits of a plan's name: 128 bits of its digest.
const ID_DIGITS: usize = 32;

/// The shards of one split of a dataset, and what they are made with. Its name is the digest of its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub format_version: u32,
    /// The larder that made it.
    pub larder: String,
    /// The dataset.
    pub dataset: PlannedDataset,
    /// The encoder.
    pub encoder: PlannedEncoder,
    /// The settings of tokenize and encode.
    pub settings: ShardSettings,
    /// The provenance of a tokens file of the whole split.
    pub tokens: Provenance,
    /// The provenance of a features file of the whole split.
    pub features: Provenance,
    /// Forecast tokens that a shard aims at.
    pub shard_tokens: u64,
    /// The files of the split, in order.
    pub inputs: Vec<PlannedInput>,
    /// The shards, the dearest first.
    pub shards: Vec<Shard>,
}

/// A split of a dataset, and what is known of it from reading all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedDataset {
    /// Its name.
    pub name: String,
    /// The path of its description, for messages.
    pub path: PathBuf,
    /// Its description, as written.
    pub description: String,
    /// The split.
    pub split: String,
    /// True if the split has targets.
    pub has_targets: bool,
    /// The labels that rows may have; `None` takes them as they are.
    pub labels: Option<LabelMap>,
}

/// An encoder in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedEncoder {
    /// Its name.
    pub name: String,
    /// The digest of its folder: of the names and digests of its files.
    pub digest: String,
    /// The digest of its model.
    pub model_digest: String,
    /// The digest of its tokenizer.
    pub tokenizer_digest: String,
    /// Its files.
    pub files: Vec<PlannedFile>,
}

/// A file of an encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Its name.
    pub name: String,
    /// Hex blake3 digest of its content.
    pub digest: String,
}

/// A file of the split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedInput {
    /// Its path, the same on all workers unless it is copied.
    pub path: PathBuf,
    /// Hex blake3 digest of its content.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The first byte behind the row groups of a Parquet file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_byte: Option<u64>,
    /// True if the store has a copy.
    pub copied: bool,
}

/// Consecutive rows of the split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    /// The rows: some of one input, or those of several small ones behind each other.
    pub pieces: Vec<ShardPiece>,
    /// Tokens, as forecast from a sample.
    pub tokens: u64,
}

/// Consecutive rows of one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardPiece {
    /// The input's place among those of the plan.
    pub input: usize,
    /// The rows.
    #[serde(flatten)]
    pub slice: RowSlice,
    /// The digest of the bytes that its reader reads.
    pub digest: String,
}

impl Shard {
    /// The number of its first row in the split.
    pub fn first_row(&self) -> u64 {
        self.pieces.first().map_or(0, |piece| piece.slice.first_row)
    }

    /// The digest of the bytes that its reader reads.
    pub fn digest(&self) -> String {
        match &self.pieces[..] {
            [piece] => piece.digest.clone(),
            pieces => digest_bytes(pieces.iter().map(|piece| piece.digest.as_str()).collect::<String>().as_bytes()),
        }
    }

    /// Its rows.
    pub fn rows(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.slice.rows).fold(0, u64::saturating_add)
    }
}

impl Plan {
    /// Writes the plan into the store. Returns its name, and whether it is new: one that is there is the same.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub fn create(&self, store: &Store) -> Result<(String, bool), ScaleError> {
        create(store, self)
    }

    /// Returns the name of a plan in its store.
    pub fn uri(store: &Store, plan_id: &str) -> String {
        store.object(&keys::plan(plan_id))
    }

    /// Returns a shard.
    ///
    /// # Errors
    /// [`ScaleError::NoShard`].
    pub fn shard(&self, uri: &ObjectUri, shard: usize) -> Result<&Shard, ScaleError> {
        self.shards.get(shard).ok_or_else(|| ScaleError::NoShard {
            plan: uri.store.object(&keys::plan(&uri.plan_id)),
            shard,
            shards: self.shards.len(),
        })
    }

    /// Rows of all shards.
    pub fn rows(&self) -> u64 {
        self.shards.iter().map(Shard::rows).fold(0, u64::saturating_add)
    }

    /// Forecast tokens of all shards.
    pub fn forecast_tokens(&self) -> u64 {
        self.shards.iter().map(|shard| shard.tokens).fold(0, u64::saturating_add)
    }
}

/// Writes the text of a plan under the name that follows from it.
pub(crate) fn create(store: &Store, plan: &impl Serialize) -> Result<(String, bool), ScaleError> {
    let text = serde_json::to_vec(plan).map_err(|error| ScaleError::Json {
        uri: store.uri().to_string(),
        what: "a plan",
        problem: error.to_string(),
    })?;
    let id = id_of(&text);
    let key = keys::plan(&id);
    let is_new = store.head(&key)?.is_none();
    match store.create(&key, &text)? {
        Created::Created => Ok((id, is_new)),
        Created::AlreadyThere(found) => {
            let (uri, found) = (store.object(&key), id_of(&found));
            let way_out = "remove it, and make the plan again";
            Err(ScaleError::Damaged { uri, expected: id, found, way_out })
        }
    }
}

pub(crate) fn id_of(text: &[u8]) -> String {
    digest_bytes(text).chars().take(ID_DIGITS).collect()
}

/// Reads JSON with a version, the version first: another layout may differ in anything else.
pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(
    text: &[u8],
    uri: &str,
    what: &'static str,
    expected: u32,
) -> Result<T, ScaleError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    let wrong = |error: serde_json::Error| ScaleError::Json { uri: uri.to_owned(), what, problem: error.to_string() };
    let Version { format_version: found } = serde_json::from_slice(text).map_err(wrong)?;
    if found != u64::from(expected) {
        return Err(ScaleError::Version { uri: uri.to_owned(), found, expected });
    }
    serde_json::from_slice(text).map_err(wrong)
}
