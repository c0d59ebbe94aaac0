//! A plan of many shards of a Parquet file of many rows, all of one text: seconds and peak memory of plan, status and collect.
//!
//! Usage: `many_shards TOKENIZER [ROWS [SHARDS]]`. Nothing is encoded: commits are made up.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use larder_data::{DatasetSpec, OnBadRow, OnIllegalTags};
use larder_encode::EncodeSettings;
use larder_files::{Provenance, digest_bytes};
use larder_scale::{
    COMMIT_VERSION, Collected, Commit, CutRequest, ObjectUri, PLAN_VERSION, Plan, PlannedDataset, PlannedEncoder,
    ShardSettings, Store, StoreUri, collect, cut_split, keys, plan_status,
};
use larder_store::{FeatureColumnInfo, FeatureDtype, join_parquet};
use larder_tokens::{LongTexts, Tokenizer};
use parquet::arrow::ArrowWriter;

/// Rows of a row group.
const GROUP_ROWS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let tokenizer = Tokenizer::load(Path::new(&args.next().ok_or("usage: many_shards TOKENIZER [ROWS [SHARDS]]")?))?;
    let rows: usize = args.next().map_or(Ok(1_000_000_000), |rows| rows.parse())?;
    let shards: u64 = args.next().map_or(Ok(10_000), |shards| shards.parse())?;
    let folder = tempfile::tempdir()?;
    let input = constant_rows(folder.path(), rows)?;
    let description = "name = \"constant\"\ntask = \"sequence\"\nformat = \"parquet\"\n[columns]\ntext = \"text\"\n\
                       [splits]\ntrain = \"train.parquet\"\n";
    let spec = DatasetSpec::parse(description, &folder.path().join("constant.toml"))?;
    println!("input: {} rows, {} bytes", rows, std::fs::metadata(&input)?.len());

    let clock = Instant::now();
    let store = Store::open_or_make(&StoreUri::parse(&folder.path().join("store").display().to_string())?)?;
    let one = tokenizer.encode_batch(&[content()], &larder_tokens::TokenizeSettings { max_tokens: None })?;
    let tokens = (one[0].input_ids.len() * rows) as u64;
    let request = CutRequest {
        spec: &spec,
        split: "train",
        tokenizer: &tokenizer,
        max_tokens: Some(128),
        whole_documents: false,
        shard_tokens: tokens.div_ceil(shards),
    };
    let cut = cut_split(&request, &mut |_| {})?;
    let plan = Plan {
        format_version: PLAN_VERSION,
        larder: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: PlannedDataset {
            name: spec.name.clone(),
            path: spec.path.clone(),
            description: description.to_owned(),
            split: "train".to_owned(),
            has_targets: false,
            labels: None,
        },
        encoder: PlannedEncoder {
            name: "none".to_owned(),
            digest: String::new(),
            model_digest: String::new(),
            tokenizer_digest: tokenizer.digest().to_owned(),
            files: Vec::new(),
        },
        settings: ShardSettings {
            max_tokens: 128,
            long: LongTexts::Cut,
            on_bad_row: OnBadRow::Stop,
            on_illegal_tags: OnIllegalTags::Refuse,
            encode: EncodeSettings::default(),
        },
        tokens: Provenance::new("tokenize", larder_tokens::FORMAT_VERSION),
        features: Provenance::new("encode", larder_encode::FORMAT_VERSION),
        shard_tokens: request.shard_tokens,
        inputs: cut.inputs,
        shards: cut.shards,
    };
    let (plan_id, _) = plan.create(&store)?;
    println!("plan: {:.2} s for {} shards, peak {} MB", clock.elapsed().as_secs_f64(), plan.shards.len(), peak_mb());

    for (number, shard) in plan.shards.iter().enumerate() {
        commit(number, shard.rows()).create(&store, &plan_id)?;
    }
    let uri = ObjectUri { store: store.uri().clone(), plan_id: plan_id.clone() };
    let clock = Instant::now();
    let status = plan_status(&uri)?;
    println!(
        "status: {:.2} s, {} of {} done, peak {} MB",
        clock.elapsed().as_secs_f64(),
        status.done,
        status.shards,
        peak_mb()
    );
    let clock = Instant::now();
    let rows = match collect(&uri)? {
        (Collected::Features(set), _) => set.manifest().rows,
        (Collected::Results(_), _) => unreachable!("the plan is of features"),
    };
    println!("collect: {:.2} s, {rows} rows, peak {} MB", clock.elapsed().as_secs_f64(), peak_mb());
    let clock = Instant::now();
    let done = (0..plan.shards.len()).map(|shard| Commit::exists(&store, &plan_id, shard));
    let done = done.collect::<Result<Vec<_>, _>>()?;
    let each = clock.elapsed().as_secs_f64() * 1000.0 / done.len() as f64;
    println!("a look at each of the finished shards: {each:.3} s a 1,000");
    Ok(())
}

fn content() -> larder_data::Content {
    larder_data::Content::Text { text: "one text for all rows".to_owned(), text_b: None }
}

/// Writes one row group, and joins it to itself as often as it takes.
fn constant_rows(folder: &Path, rows: usize) -> Result<PathBuf, Box<dyn Error>> {
    let group = folder.join("group.parquet");
    let in_group = rows.min(GROUP_ROWS);
    let texts: ArrayRef =
        Arc::new(std::iter::repeat_n(Some("one text for all rows"), in_group).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("text", texts)])?;
    let mut writer = ArrowWriter::try_new(File::create(&group)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    let target = folder.join("train.parquet");
    join_parquet(&vec![group; rows.div_ceil(in_group)], &target, &Provenance::new("constant", 1))?;
    Ok(target)
}

fn commit(shard: usize, rows: u64) -> Commit {
    let digest = digest_bytes(&shard.to_le_bytes());
    Commit {
        format_version: COMMIT_VERSION,
        shard,
        key: keys::part(&digest),
        bytes: 1 << 28,
        rows,
        digest,
        columns: vec![FeatureColumnInfo { name: "mean".to_owned(), width: 384, dtype: FeatureDtype::F32 }],
        tokens: 1 << 20,
        skipped: 0,
        seconds: 60.0,
        device: "cpu".to_owned(),
        larder: env!("CARGO_PKG_VERSION").to_owned(),
        ran: BTreeMap::from([("ran.device".to_owned(), "cpu".to_owned())]),
        started: shard as f64,
        files: Vec::new(),
        scores: Vec::new(),
        finished: shard as f64 + 60.0,
    }
}

/// The largest memory of this process so far, in MB; 0 where the system does not tell.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).map_or(0, |kb| kb / 1000)
}
