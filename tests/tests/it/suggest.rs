//! `larder suggest`: rows of a pool that are worth a label, and the replay of its strategies.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt64Type;
use larder_store::{FeatureBatch, FeatureColumnInfo, FeatureRows, TextTargets, write_features_part};
use larder_tests::{Kitchen, number, repository, tagged_toy, toy};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const STRATEGIES: [&str; 5] = ["margin", "entropy", "badge", "coreset", "random"];

/// With the run `mine` of the intents.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let dataset = repository().join("data/intents/intents.toml").display().to_string();
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "mine", "--c", "1", "--class-weight", "none"]);
    kitchen
}

/// The texts of a split of the intents.
fn texts(split: &str) -> Vec<String> {
    let path = repository().join(format!("data/intents/{split}.csv"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let column = reader.headers().unwrap().iter().position(|name| name == "text").unwrap();
    reader.records().map(|record| record.unwrap()[column].to_owned()).collect()
}

/// A pool of the test split, then 5 rows of it again and 7 rows of train; `pool.txt` with a text a line.
fn pool(kitchen: &Kitchen) -> Vec<String> {
    let (test, train) = (texts("test"), texts("train"));
    let pool: Vec<String> = test.iter().chain(&test[..5]).chain(&train[..7]).cloned().collect();
    kitchen.write("pool.txt", pool.iter().map(|text| format!("{text}\n")).collect::<String>());
    pool
}

fn rows(answer: &Value) -> Vec<usize> {
    answer["rows"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap() as usize).collect()
}

#[test]
fn every_strategy_chooses_rows_that_differ_and_are_not_in_train() {
    let kitchen = kitchen();
    let pool = pool(&kitchen);
    let train: BTreeSet<String> = texts("train").into_iter().collect();
    let mut found = Vec::new();
    for by in STRATEGIES {
        let answer = kitchen.json(&["suggest", "mine", "pool.txt", "-n", "20", "--by", by]);
        let rows = rows(&answer);
        assert_eq!((rows.len(), answer["strategy"].as_str()), (20, Some(by)));
        let chosen: BTreeSet<&String> = rows.iter().map(|&row| &pool[row]).collect();
        assert_eq!(chosen.len(), 20, "{by}: equal texts are chosen once");
        assert!(chosen.iter().all(|text| !train.contains(*text)), "{by}");
        assert!(answer["in_training"].as_u64().unwrap() >= 7, "{by}");
        for (row, told) in rows.iter().zip(answer["rows"].as_array().unwrap()) {
            assert_eq!(told["text"], pool[*row]);
            let shares: Vec<f64> =
                told["probabilities"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).collect();
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-5);
            assert!(!told["reason"].as_str().unwrap().is_empty());
        }
        assert_eq!(answer, kitchen.json(&["suggest", "mine", "pool.txt", "-n", "20", "--by", by]), "{by}");
        found.push(rows);
    }
    assert!((0..5).all(|first| (0..first).all(|second| found[first] != found[second])), "{found:?}");
    let margins = kitchen.json(&["suggest", "mine", "pool.txt", "-n", "20", "--by", "margin"]);
    let drawn = kitchen.json(&["suggest", "mine", "pool.txt", "-n", "20", "--by", "random"]);
    let mean = |answer: &Value| (0..20).map(|row| number(answer, &format!("/rows/{row}/margin"))).sum::<f64>() / 20.0;
    assert!(mean(&margins) < mean(&drawn));
    kitchen.assert_tidy();
}

#[test]
fn a_pool_is_encoded_once_whatever_its_format() {
    let kitchen = kitchen();
    let pool = pool(&kitchen);
    let ask = |file: &str| kitchen.larder(&["suggest", "mine", file, "-n", "9", "--json"]).exits(0);
    let first = ask("pool.txt");
    ask("pool.txt").says(&["pool: up to date"]);
    let mut csv = csv::Writer::from_path(kitchen.path("pool.csv")).unwrap();
    csv.write_record(["id", "text"]).unwrap();
    pool.iter().enumerate().for_each(|(row, text)| csv.write_record([&row.to_string(), text]).unwrap());
    csv.flush().unwrap();
    let lines: String = pool.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect();
    kitchen.write("pool.jsonl", lines);
    assert_eq!(rows(&ask("pool.csv").json()), rows(&first.json()));
    assert_eq!(rows(&ask("pool.jsonl").json()), rows(&first.json()));
    // The features file itself, which has no texts.
    let features = kitchen.files().into_keys().find(|path| {
        let path = path.display().to_string();
        path.contains("features") && path.ends_with("pool.parquet")
    });
    let features = kitchen.path("").join(features.unwrap()).display().to_string();
    let answer = ask(&features).json();
    assert_eq!(rows(&answer), rows(&first.json()));
    assert_eq!(answer["rows"][0]["text"], Value::Null);
    // Rows of a pool whose other rows are bad keep their numbers.
    kitchen.write(
        "holes.csv",
        format!(
            "id,text\n0,\n{}",
            pool.iter()
                .take(60)
                .enumerate()
                .map(|(row, text)| format!("{row},\"{}\"\n", text.replace('"', "\"\"")))
                .collect::<String>()
        ),
    );
    kitchen.larder(&["suggest", "mine", "holes.csv", "-n", "5"]).exits(3).says(&["--on-bad-row skip"]);
    let answer = kitchen.json(&["suggest", "mine", "holes.csv", "-n", "5", "--on-bad-row", "skip"]);
    for row in answer["rows"].as_array().unwrap() {
        assert_eq!(row["text"], pool[row["row"].as_u64().unwrap() as usize - 1]);
    }
}

#[test]
fn chosen_rows_are_written_to_label_in() {
    let kitchen = kitchen();
    pool(&kitchen);
    let ask =
        |file: &str| kitchen.ok(&["suggest", "mine", "pool.txt", "-n", "8", "--output", file]).prints(&[file, "8 of "]);
    let expected = kitchen.json(&["suggest", "mine", "pool.txt", "-n", "8"]);
    ask("out.csv");
    let mut reader = csv::Reader::from_path(kitchen.path("out.csv")).unwrap();
    assert_eq!(reader.headers().unwrap().iter().take(4).collect::<Vec<_>>(), ["rank", "row", "text", "label"]);
    let written: Vec<usize> = reader.records().map(|record| record.unwrap()[1].parse().unwrap()).collect();
    assert_eq!(written, rows(&expected));
    ask("out.jsonl");
    let text = std::fs::read_to_string(kitchen.path("out.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    assert!(
        lines
            .iter()
            .zip(expected["rows"].as_array().unwrap())
            .all(|(a, b)| a["text"] == b["text"] && a["label"].is_null())
    );
    ask("out.parquet");
    let file = std::fs::File::open(kitchen.path("out.parquet")).unwrap();
    let batch = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
    let numbers: Vec<usize> =
        batch["row"].as_primitive::<UInt64Type>().values().iter().map(|&row| row as usize).collect();
    assert_eq!(numbers, rows(&expected));
    assert_eq!(batch["label"].null_count(), 8);
}

#[test]
fn a_replay_draws_learning_curves() {
    let kitchen = kitchen();
    let ask = ["suggest", "mine", "--simulate", "-n", "30", "--rounds", "3", "--seeds", "0,1"];
    let answer = kitchen.json(&ask);
    let labels: Vec<u64> = answer["labels"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(labels.len(), 4);
    assert!(labels.windows(2).all(|pair| pair[1] == pair[0] + 30), "{labels:?}");
    assert_eq!(answer["summaries"].as_array().unwrap().len(), 5);
    for curve in answer["curves"].as_array().unwrap() {
        // All start from the same rows, and go on from others.
        assert_eq!(curve["scores"][0][0], answer["curves"][0]["scores"][0][0]);
        assert_ne!(curve["scores"][0][0], curve["scores"][1][0]);
        assert!(number(curve, "/scores/0/3") > number(curve, "/scores/0/0"), "labels help");
    }
    assert_eq!(answer, kitchen.json(&ask));
    kitchen.ok(&[&ask[..], &["--by", "margin"]].concat()).prints(&["labels saved", "margin", "random"]);
    kitchen.assert_tidy();
}

#[test]
fn what_cannot_be_suggested_is_refused() {
    let kitchen = kitchen();
    pool(&kitchen);
    let tagged = kitchen.tagging("names", &[("train", &tagged_toy(1, 40))]);
    kitchen.ok(&["train", &tagged, "-e", "tiny", "--run", "tags", "--c", "1"]);
    kitchen.larder(&["suggest", "tags", "pool.txt"]).exits(3).says(&["tagging run", "one label a text"]);
    kitchen.larder(&["suggest", "mine", "-"]).exits(2).says(&["a pool is a file"]);
    kitchen.larder(&["suggest", "mine", "none.txt"]).exits(3).says(&["none.txt"]);
    kitchen
        .larder(&["suggest", "mine", "pool.txt", "--output", "out.xlsx"])
        .exits(2)
        .says(&[".csv, .jsonl or .parquet"]);
    kitchen.larder(&["suggest", "mine", "pool.txt", "-n", "0"]).exits(2).says(&["from 1 on"]);
    kitchen.larder(&["suggest", "mine"]).exits(2);
    kitchen.larder(&["suggest", "mine", "pool.txt", "--by", "best"]).exits(2).says(&["unknown strategy `best`"]);
    kitchen.write("few.txt", "turn on the lamp please\nwake me at nine tomorrow then\n");
    kitchen.ok(&["suggest", "mine", "few.txt", "-n", "5"]).says(&["rows instead of 5"]);
    // Vectors of another encoder.
    kitchen.init("other", 2, &[]);
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60))]);
    kitchen.ok(&["encode", &dataset, "-e", "other"]);
    let features = kitchen.files().into_keys().find(|path| {
        let path = path.display().to_string();
        path.contains("features") && path.contains("other") && path.ends_with("train.parquet")
    });
    let features = kitchen.path("").join(features.unwrap()).display().to_string();
    kitchen.larder(&["suggest", "mine", &features]).exits(3).says(&["another encoder"]);
    // Damaged vectors, of a file that larder did not finish.
    let columns = kitchen.features("intents", "train").columns().to_vec();
    vectors(
        &kitchen.path("bad.parquet"),
        &columns,
        30,
        |row, place| if (row, place) == (17, 3) { f32::NAN } else { row as f32 },
    );
    kitchen.larder(&["suggest", "mine", "bad.parquet"]).exits(3).says(&["row 17", "dimension 3", "not finite"]);
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "net", "--head", "mlp", "--epochs", "1"]);
    kitchen.ok(&["suggest", "net", "pool.txt", "-n", "3"]);
    kitchen.larder(&["suggest", "net", "--simulate"]).exits(3).says(&["kind mlp", "logistic heads alone"]);
}

/// Writes a file of `rows` vectors, in the layout of features files.
fn vectors(
    path: &std::path::Path,
    columns: &[FeatureColumnInfo],
    rows: usize,
    mut value: impl FnMut(usize, usize) -> f32,
) {
    let digest = |row: usize| (row as u128).to_le_bytes();
    let batch = FeatureBatch {
        example_ids: (0..rows).map(|row| row.to_string()).collect(),
        rows: FeatureRows::Sentences { targets: TextTargets::Label(vec![None; rows]) },
        digests: (0..rows).map(digest).collect(),
        columns: columns
            .iter()
            .map(|column| {
                let values = (0..rows * column.width).map(|place| value(place / column.width, place % column.width));
                (column.clone(), values.collect())
            })
            .collect(),
    };
    write_features_part(path, batch).unwrap();
}
