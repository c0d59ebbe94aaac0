//! Splits are cut into shards of equal cost, told from a sample, and every row is in one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use larder_data::{Content, DatasetSpec, ExampleReader, OnBadRow, RowSlice};
use larder_scale::{CutRequest, CutSplit, ShardPiece, cut_split};
use larder_tokens::{TokenizeSettings, Tokenizer};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

fn tokenizer() -> Tokenizer {
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports");
    Tokenizer::load(&exports.join("optimum_bert_O2/tokenizer.json")).unwrap()
}

/// Texts that grow along the file, with a long one here and there.
fn texts(rows: usize) -> Vec<String> {
    let words = ["the", "cat", "sat", "upon", "a", "mat", "naturally", "ünïcode", "x"];
    let text = |at: usize| {
        let count = 2 + at * 7 % 11 + at * 10 / rows + if at.is_multiple_of(97) { 60 } else { 0 };
        (0..count).map(|word| words[(at * 31 + word * 17) % words.len()]).collect::<Vec<_>>().join(" ")
    };
    (0..rows).map(text).collect()
}

/// Tokens of each shard as they really are, each text cut at `limit`.
fn tokens(spec: &DatasetSpec, cut: &CutSplit, tokenizer: &Tokenizer, limit: usize) -> Vec<u64> {
    let settings = TokenizeSettings { max_tokens: Some(limit) };
    let of_shard = |shard: &larder_scale::Shard| {
        let slice = |piece: &ShardPiece| (cut.inputs[piece.input].path.clone(), piece.slice.clone());
        let slices: Vec<(PathBuf, RowSlice)> = shard.pieces.iter().map(slice).collect();
        let reader = ExampleReader::open_slices(spec, "train", &slices, OnBadRow::Stop).unwrap();
        let contents: Vec<Content> = reader.map(|example| example.unwrap().content).collect();
        assert_eq!(contents.len() as u64, shard.rows());
        tokenizer.encode_batch(&contents, &settings).unwrap().iter().map(|tokens| tokens.input_ids.len() as u64).sum()
    };
    cut.shards.iter().map(of_shard).collect()
}

/// `allowed` is the share by which a forecast may be wrong.
fn check(spec: &DatasetSpec, rows: u64, allowed: f64) {
    let tokenizer = tokenizer();
    let request = CutRequest {
        spec,
        split: "train",
        tokenizer: &tokenizer,
        max_tokens: Some(32),
        whole_documents: false,
        shard_tokens: 4000,
    };
    let cut = cut_split(&request, &mut |_| {}).unwrap();
    assert_eq!(cut, cut_split(&request, &mut |_| {}).unwrap(), "the same every time");
    assert!((30..=50).contains(&cut.shards.len()), "{} shards", cut.shards.len());
    assert!(cut.shards.is_sorted_by(|a, b| a.tokens >= b.tokens), "the dearest first");
    let mut slices: Vec<(u64, u64)> = cut.shards.iter().map(|shard| (shard.first_row(), shard.rows())).collect();
    slices.sort();
    assert_eq!(
        slices.iter().fold(0, |next, &(first, rows)| {
            assert_eq!(first, next);
            first + rows
        }),
        rows
    );
    for (shard, found) in cut.shards.iter().zip(tokens(spec, &cut, &tokenizer, 32)) {
        let ratio = shard.tokens as f64 / found as f64;
        assert!((ratio - 1.0).abs() < allowed, "forecast {} and found {found}", shard.tokens);
    }
}

fn spec(folder: &Path, format: &str, files: &[PathBuf]) -> DatasetSpec {
    let description =
        format!("name='set'\ntask='sequence'\nformat='{format}'\n[columns]\ntext='text'\n[splits]\ntrain={files:?}\n");
    DatasetSpec::parse(&description, &folder.join("set.toml")).unwrap()
}

#[test]
fn text_files_are_cut_evenly() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(6000);
    let files: Vec<PathBuf> = texts
        .chunks(4000)
        .enumerate()
        .map(|(at, texts)| {
            let path = folder.path().join(format!("{at}.csv"));
            std::fs::write(
                &path,
                format!("id,text\n{}", texts.iter().map(|text| format!("7,{text}\n")).collect::<String>()),
            )
            .unwrap();
            path
        })
        .collect();
    check(&spec(folder.path(), "csv", &files), 6000, 0.15);
}

#[test]
fn small_files_share_shards() {
    let folder = tempfile::tempdir().unwrap();
    let write = |(at, texts): (usize, &[String])| {
        let path = folder.path().join(format!("{at:04}.csv"));
        std::fs::write(&path, format!("text\n{}\n", texts.join("\n"))).unwrap();
        path
    };
    // 600 files of some 100 tokens.
    let files: Vec<PathBuf> = texts(6000).chunks(10).enumerate().map(write).collect();
    check(&spec(folder.path(), "csv", &files), 6000, 0.2);
}

#[test]
fn parquet_is_cut_inside_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    // In an order without a trend: the first rows of a group stand for it.
    let mut texts: Vec<(usize, String)> = texts(6000).into_iter().enumerate().collect();
    texts.sort_by_key(|(at, _)| larder_files::digest_bytes(&at.to_le_bytes()));
    let column: ArrayRef = Arc::new(texts.iter().map(|(_, text)| Some(text)).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1100)).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    check(&spec(folder.path(), "parquet", &[path]), 6000, 0.2);
}
