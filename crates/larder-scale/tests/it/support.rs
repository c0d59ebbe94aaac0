//! A plan without data, and its commits.

use std::collections::BTreeMap;
use std::path::PathBuf;

use larder_data::{GroupPlace, OnBadRow, OnIllegalTags, RowSlice, SlicePlace};
use larder_encode::EncodeSettings;
use larder_files::{Provenance, digest_bytes};
use larder_scale::{
    COMMIT_VERSION, Commit, PLAN_VERSION, Plan, PlannedDataset, PlannedEncoder, PlannedInput, Shard, ShardPiece,
    ShardSettings, keys,
};
use larder_store::{FeatureColumnInfo, FeatureDtype};
use larder_tokens::LongTexts;

/// A plan of `count` shards of 100 rows each.
pub fn plan(count: usize) -> Plan {
    let shard = |at: usize| {
        let place = GroupPlace { first_group: at, groups: 1, skip: 0, rows_before: 100 * at as u64 };
        // The last rows first, as a plan of ascending cost has them.
        let first_row = 100 * (count - at - 1) as u64;
        let slice = RowSlice { first_row, rows: 100, place: SlicePlace::Groups(place) };
        Shard { pieces: vec![ShardPiece { input: 0, slice, digest: digest_bytes(&at.to_le_bytes()) }], tokens: 1000 }
    };
    Plan {
        format_version: PLAN_VERSION,
        larder: "0.1.0".to_owned(),
        dataset: PlannedDataset {
            name: "set".to_owned(),
            path: PathBuf::from("set.toml"),
            description: "name='set'\n".to_owned(),
            split: "train".to_owned(),
            has_targets: false,
            labels: None,
        },
        encoder: PlannedEncoder {
            name: "tiny".to_owned(),
            digest: "e0".to_owned(),
            model_digest: "m0".to_owned(),
            tokenizer_digest: "t0".to_owned(),
            files: Vec::new(),
        },
        settings: ShardSettings {
            max_tokens: 128,
            long: LongTexts::Cut,
            on_bad_row: OnBadRow::Stop,
            on_illegal_tags: OnIllegalTags::Refuse,
            encode: EncodeSettings::default(),
        },
        tokens: Provenance::new("tokenize", 2),
        features: Provenance::new("encode", 1).with("columns", "mean"),
        shard_tokens: 1000,
        inputs: vec![PlannedInput {
            path: PathBuf::from("/data/train.parquet"),
            digest: "d0".to_owned(),
            bytes: 1,
            rows: 100 * count as u64,
            tail_byte: Some(1),
            copied: false,
        }],
        shards: (0..count).map(shard).collect(),
    }
}

/// The commit of a shard.
pub fn commit(shard: usize) -> Commit {
    let digest = digest_bytes(&(shard + 1_000_000).to_le_bytes());
    Commit {
        format_version: COMMIT_VERSION,
        shard,
        key: keys::part(&digest),
        bytes: 1000,
        rows: 100,
        digest,
        columns: vec![FeatureColumnInfo { name: "mean".to_owned(), width: 32, dtype: FeatureDtype::F32 }],
        tokens: 1000,
        skipped: 0,
        seconds: 2.0,
        device: "cpu".to_owned(),
        larder: "0.1.0".to_owned(),
        ran: BTreeMap::from([("ran.device".to_owned(), "cpu".to_owned())]),
        started: 10.0 * shard as f64,
        finished: 10.0 * shard as f64 + 2.0,
        files: Vec::new(),
        scores: Vec::new(),
    }
}
