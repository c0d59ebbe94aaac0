//! `larder embed --output`: the same vectors in each format as on standard output.

use arrow::array::AsArray;
use arrow::datatypes::{Float16Type, Float32Type};
use larder_tests::{Kitchen, assert_close, toy};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Texts and vectors of lines of JSON.
fn of_lines(lines: &[serde_json::Value]) -> (Vec<String>, Vec<f32>) {
    let texts = lines.iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    let vectors = lines.iter().flat_map(|line| line["mean"].as_array().unwrap().clone());
    (texts, vectors.map(|value| value.as_f64().unwrap() as f32).collect())
}

#[test]
fn every_format_has_the_vectors_of_standard_output() {
    let kitchen = Kitchen::with_tiny();
    // More rows than are embedded at once.
    let rows: Vec<String> = toy(5, 300).into_iter().enumerate().map(|(n, (text, _))| format!("{text} {n}")).collect();
    kitchen.write("texts.txt", rows.join("\n") + "\n");
    kitchen
        .write("texts.csv", "id,body\n".to_owned() + &rows.iter().map(|row| format!("1,{row}\n")).collect::<String>());
    let object = |row: &String| format!("{{\"body\": \"{row}\"}}\n");
    kitchen.write("texts.jsonl", rows.iter().map(object).collect::<String>());
    let embed = |input: &str, more: &[&str]| {
        kitchen.ok(&[&["embed", "-e", "tiny", "--pool", "mean", "--input", input], more].concat())
    };
    let (texts, vectors) = of_lines(&embed("texts.txt", &[]).json_lines());
    assert_eq!(texts, rows);

    let body = ["--text-column", "body"];
    let to = |file: &'static str| [&body[..], &["--output", file]].concat();
    let told = embed("texts.csv", &[&to("v.jsonl")[..], &["--json"]].concat()).json();
    assert_eq!((told["rows"].as_u64(), told["output"].as_str()), (Some(300), Some("v.jsonl")));
    let lines = std::fs::read_to_string(kitchen.path("v.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (of_file, values) = of_lines(&lines);
    assert_eq!(of_file, texts);
    assert_close(&values, &vectors, 1e-6, "vectors");

    embed("texts.jsonl", &to("v.parquet"));
    let open = || ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(kitchen.path("v.parquet")).unwrap());
    let (mut of_file, mut values) = (Vec::new(), Vec::new());
    for batch in open().unwrap().build().unwrap() {
        let batch = batch.unwrap();
        of_file.extend(batch["text"].as_string::<i32>().iter().map(|text| text.unwrap().to_owned()));
        values.extend_from_slice(batch["mean"].as_fixed_size_list().values().as_primitive::<Float32Type>().values());
    }
    assert_eq!(of_file, texts);
    assert_close(&values, &vectors, 1e-6, "vectors");

    embed("v.parquet", &["--output", "again.npy"]);
    let bytes = std::fs::read(kitchen.path("again.npy")).unwrap();
    let (header, values) = bytes.split_at(bytes.len() - 300 * 32 * 4);
    assert!(String::from_utf8_lossy(header).contains("'shape': (300, 32)"));
    let values: Vec<f32> = values.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_close(&values, &vectors, 1e-6, "vectors");

    embed("texts.txt", &["--output", "v.parquet", "--force", "--dtype", "f16"]);
    let batch = open().unwrap().build().unwrap().next().unwrap().unwrap();
    let half = batch["mean"].as_fixed_size_list().values().as_primitive::<Float16Type>().clone();
    assert!((half.value(0).to_f32() - vectors[0]).abs() < 1e-2 && half.len().is_multiple_of(32));
}

#[test]
fn a_row_without_a_text_leaves_no_file() {
    let kitchen = Kitchen::with_tiny();
    kitchen.write("texts.jsonl", "{\"text\": \"one\"}\n{\"no\": 1}\n");
    let failed = kitchen.larder(&["embed", "-e", "tiny", "--input", "texts.jsonl", "--output", "v.parquet"]).exits(3);
    failed.says(&["texts.jsonl"]);
    let left: Vec<_> = std::fs::read_dir(kitchen.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("v.parquet")), "{left:?}");
}
