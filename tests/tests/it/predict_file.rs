//! `larder predict RUN --input FILE --output FILE`: every row of a file answered, streamed, and taken up again when killed;
//! and what `larder doctor` and `larder encode --dry-run` say beforehand.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{Float32Type, Int64Type};
use larder_tests::{Kitchen, number, sentences, tagged_toy};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

/// More rows than a part holds, so that there are several parts.
const ROWS: usize = 36_000;

/// With the run `mine`, whose answers vary with the text.
fn kitchen_with_run() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let labelled: Vec<(String, &'static str)> = sentences(61, 300, 12)
        .into_iter()
        .map(|text| if text.len() % 2 == 0 { (text, "even") } else { (text, "odd") })
        .collect();
    let dataset = kitchen.dataset("toy", &[("train", &labelled)]);
    kitchen.ok(&[
        "train",
        &dataset,
        "-e",
        "tiny",
        "--run",
        "mine",
        "--c",
        "10",
        "--class-weight",
        "none",
        "--threshold",
        "half",
    ]);
    kitchen
}

pub fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read_parquet(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 20).build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Texts of which many are equal, as in real logs.
fn texts(rows: usize) -> Vec<String> {
    let different = sentences(7, 400, 12);
    (0..rows).map(|row| different[(row * 31) % different.len()].clone()).collect()
}

fn many(kitchen: &Kitchen) -> Vec<String> {
    let texts = texts(ROWS);
    write_parquet(
        &kitchen.path("rows.parquet"),
        vec![
            ("number", Arc::new(Int64Array::from_iter_values(0..ROWS as i64))),
            ("text", Arc::new(StringArray::from_iter_values(&texts))),
        ],
    );
    texts
}

#[test]
fn a_parquet_file_comes_out_with_the_answers_that_single_texts_get() {
    let kitchen = kitchen_with_run();
    let texts = many(&kitchen);
    kitchen.ok(&["predict", "mine", "--input", "rows.parquet", "--output", "out.parquet"]).prints(&["36,000 rows"]);
    let out = read_parquet(&kitchen.path("out.parquet"));
    let names: Vec<String> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["number", "text", "prediction", "probability", "probabilities"]);
    assert_eq!(out["number"].as_primitive::<Int64Type>().values().to_vec(), (0..ROWS as i64).collect::<Vec<_>>());
    assert_eq!(out["text"].as_string::<i32>().iter().flatten().collect::<Vec<_>>(), texts);

    let asked: Vec<&str> = texts[..40].iter().map(String::as_str).collect();
    let single = kitchen.ok(&[&["predict", "mine", "--json"], &asked[..]].concat()).json_lines();
    let (answers, shares) = (out["prediction"].as_string::<i32>(), out["probability"].as_primitive::<Float32Type>());
    let both = out["probabilities"].as_fixed_size_list();
    let mut seen = std::collections::BTreeSet::new();
    for (row, line) in single.iter().enumerate() {
        assert_eq!(answers.value(row), line["label"], "{}", texts[row]);
        // Batches of other texts move the last bits of a float32 vector; a head adds 32 of them.
        let probability = number(line, "/probability");
        assert!((f64::from(shares.value(row)) - probability).abs() < 1e-5, "{probability}");
        let both = both.value(row);
        let both = both.as_primitive::<Float32Type>();
        assert!((both.value(0) + both.value(1) - 1.0).abs() < 1e-6);
        seen.insert(answers.value(row).to_owned());
    }
    assert_eq!(seen.len(), 2, "a constant answer would pass");

    kitchen.ok(&["predict", "mine", "--input", "rows.parquet", "--output", "out.parquet"]).prints(&["up to date"]);
    assert!(!kitchen.path("out.parquet.parts").exists());
}

#[test]
fn a_killed_prediction_goes_on_to_the_same_file() {
    let kitchen = kitchen_with_run();
    many(&kitchen);
    let ask = |out: &'static str| ["predict", "mine", "--input", "rows.parquet", "--output", out, "--threads", "1"];
    kitchen.ok(&ask("whole.parquet"));
    let mut child = kitchen.start(&ask("killed.parquet"));
    let first = kitchen.path("killed.parquet.parts/000000.parquet");
    while !first.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    if !kitchen.path("killed.parquet").exists() {
        assert!(first.exists());
        let outcome = kitchen.json(&ask("killed.parquet"));
        // A part ends at a number of tokens; the first one was there when the process died.
        let kept = number(&outcome, "/resumed_rows");
        assert!(kept > 0.0 && kept < ROWS as f64, "{outcome}");
    }
    assert_eq!(
        std::fs::read(kitchen.path("killed.parquet")).unwrap(),
        std::fs::read(kitchen.path("whole.parquet")).unwrap()
    );
}

#[test]
fn json_lines_keep_their_fields_and_what_cannot_be_answered_is_said() {
    let kitchen = kitchen_with_run();
    kitchen.write("rows.jsonl", "{\"id\": 7, \"body\": \"the red fox\"}\n\n{\"body\": null, \"x\": [1, 2]}\n{\"body\": \"a blue bird sings\"}\n");
    let ask = ["predict", "mine", "--input", "rows.jsonl", "--output", "out.jsonl"];
    let with = |more: &[&'static str]| [&ask[..], more].concat();
    kitchen.larder(&ask).exits(3).says(&["line 1", "no value for `text`", "--on-bad-row skip"]);
    kitchen.larder(&with(&["--text-column", "body"])).exits(3).says(&["rows.jsonl, line 3", "no value for `body`"]);
    kitchen.ok(&with(&["--text-column", "body", "--on-bad-row", "skip"])).prints(&["3 rows", "1 without a text"]);
    let written = std::fs::read_to_string(kitchen.path("out.jsonl")).unwrap();
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["id"], &lines[1]["x"]), (&json!(7), &json!([1, 2])));
    assert_eq!(lines[1]["prediction"], Value::Null);
    let single = kitchen.ok(&["predict", "mine", "a blue bird sings", "--json"]).json_lines();
    assert_eq!(lines[2]["prediction"], single[0]["label"]);
    assert!((number(&lines[2], "/probabilities/even") - number(&single[0], "/probabilities/even")).abs() < 1e-5);

    kitchen.larder(&with(&["--text-column", "body"])).exits(3).says(&["out.jsonl is there already", "--force"]);
    kitchen.write("taken.jsonl", "{\"text\": \"a\", \"prediction\": 1}\n");
    let taken = ["predict", "mine", "--input", "taken.jsonl", "--output", "o.jsonl"];
    kitchen.larder(&taken).exits(3).says(&["`prediction` already", "--prefix"]);
    kitchen.ok(&[&taken[..], &["--prefix", "larder_"]].concat());
    for (content, said) in [("[1]\n", "expected an object"), ("{\"text\": \n", "not JSON"), ("\n", "has no row")] {
        kitchen.write("bad.jsonl", content);
        kitchen.larder(&["predict", "mine", "--input", "bad.jsonl", "--output", "o2.jsonl"]).exits(3).says(&[said]);
        assert!(!kitchen.path("o2.jsonl").exists() && !kitchen.path("o2.jsonl.parts").exists());
    }
}

#[test]
fn files_that_cannot_be_read_as_rows_are_refused_with_the_way_out() {
    let kitchen = kitchen_with_run();
    write_parquet(&kitchen.path("n.parquet"), vec![("text", Arc::new(Int64Array::from(vec![1])))]);
    write_parquet(&kitchen.path("c.parquet"), vec![("body", Arc::new(StringArray::from(vec!["a"])))]);
    kitchen.write("cut.parquet", &std::fs::read(kitchen.path("c.parquet")).unwrap()[..60]);
    let ask = |input: &'static str, out: &'static str| ["predict", "mine", "--input", input, "--output", out];
    kitchen.larder(&ask("n.parquet", "o.parquet")).exits(3).says(&["`text` is Int64", "expected strings"]);
    kitchen.larder(&ask("c.parquet", "o.parquet")).exits(3).says(&[
        "no column `text`",
        "known: `body`",
        "--text-column",
    ]);
    kitchen.larder(&ask("cut.parquet", "o.parquet")).exits(3).says(&["cut.parquet", "is it complete?"]);
    kitchen.larder(&ask("gone.parquet", "o.parquet")).exits(3).says(&["gone.parquet"]);
    kitchen.larder(&ask("c.parquet", "o.jsonl")).exits(3).says(&["is parquet", "would be jsonl", "the same ending"]);
    kitchen.larder(&ask("c.xlsx", "o.csv")).exits(3).says(&[
        "c.xlsx",
        "expected a name that ends in",
        "--input-format",
    ]);
    kitchen.write("c.txt", "a text\n");
    kitchen.larder(&ask("c.txt", "o.txt")).exits(3).says(&["has lines", "leave --output out"]);
    assert!(!kitchen.path("o.parquet").exists() && !kitchen.path("o.parquet.parts").exists());
}

#[test]
fn a_tagger_adds_tags_and_entities() {
    let kitchen = Kitchen::with_wide();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 120))]);
    kitchen.ok(&["train", &dataset, "-e", "wide", "--layers", "0", "--run", "tagger"]);
    let dev = tagged_toy(2, 30);
    let mut words = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for sentence in &dev {
        sentence.words.iter().for_each(|word| words.values().append_value(word));
        words.append(true);
    }
    let words: ListArray = words.finish();
    write_parquet(&kitchen.path("w.parquet"), vec![("words", Arc::new(words))]);
    let texts = StringArray::from_iter_values(dev.iter().map(|sentence| sentence.text()));
    write_parquet(&kitchen.path("t.parquet"), vec![("text", Arc::new(texts))]);
    kitchen.ok(&["predict", "tagger", "--input", "w.parquet", "--output", "wo.parquet"]);
    kitchen.ok(&["predict", "tagger", "--input", "t.parquet", "--output", "to.parquet"]);
    let (of_words, of_texts) = (read_parquet(&kitchen.path("wo.parquet")), read_parquet(&kitchen.path("to.parquet")));
    assert_eq!(of_words.num_columns(), 3, "words, tags, entities");
    assert_eq!(of_texts.num_columns(), 4, "text, words, tags, entities");
    let lines = |batch: &RecordBatch, name: &str, row: usize| -> Vec<String> {
        let list = batch[name].as_list::<i32>().value(row);
        list.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    let mut found = 0;
    for (row, sentence) in dev.iter().enumerate() {
        assert_eq!(lines(&of_texts, "words", row), sentence.words);
        let tags = lines(&of_words, "tags", row);
        assert_eq!(tags, lines(&of_texts, "tags", row));
        let entities = of_words["entities"].as_list::<i32>().value(row);
        assert_eq!(entities.len(), tags.iter().filter(|tag| tag.starts_with("B-")).count());
        found += entities.len();
    }
    assert!(found > 10, "{found} entities");
}

#[test]
fn a_dry_run_forecasts_what_the_encode_then_does_and_writes_no_vectors() {
    let kitchen = Kitchen::with_tiny();
    let mut rows: Vec<(String, &'static str)> = sentences(3, 500, 20).into_iter().map(|text| (text, "a")).collect();
    let copies = rows[..60].to_vec();
    rows.extend(copies);
    let dataset = kitchen.dataset("toy", &[("train", &rows)]);
    let ask = ["encode", &dataset, "-e", "tiny", "--dry-run"];
    let forecast = kitchen.json(&ask);
    let features = kitchen.features_path("toy", "train");
    assert!(!features.exists());
    assert_eq!(number(&forecast, "/0/forecast/rows"), 560.0);
    let (inputs, copied) =
        (number(&forecast, "/0/forecast/run_inputs"), number(&forecast, "/0/forecast/duplicate_rows"));
    assert_eq!(inputs + copied, 560.0);
    assert!(copied >= 60.0);
    assert_eq!(number(&forecast, "/0/forecast/vector_bytes"), 560.0 * 32.0 * 4.0);
    assert!(number(&forecast, "/0/forecast/seconds") > 0.0);
    let encoded = kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    encoded.says(&[&format!("{inputs} encoded"), &format!("{copied} copies of another row")]);
    kitchen.ok(&ask).prints(&["up to date"]);
}

#[test]
fn the_doctor_runs_what_it_lists_and_says_what_is_missing() {
    let kitchen = Kitchen::with_tiny();
    let found = kitchen.json(&["doctor"]);
    assert_eq!(found["runtime"]["state"], "loaded");
    let cpu = &found["providers"][0];
    assert_eq!((&cpu["device"], &cpu["runs"]), (&json!("cpu"), &json!(true)));
    assert_eq!(found["encoders"][0]["name"], "tiny");
    assert!(number(&found, "/speed/0/measured/tokens") > 0.0 && number(&found, "/speed/0/measured/seconds") >= 2.0);
    assert!(number(&found, "/machine/memory_bytes") > 1e8);
    assert_eq!(found["problems"], json!([]));

    std::fs::remove_file(kitchen.path("home/encoders/tiny/model.onnx")).unwrap();
    kitchen.ok(&["doctor"]).prints(&["tiny: broken", "model.onnx"]);
    let missing = kitchen.larder(&["doctor", "--onnxruntime", "no/such/library.so", "--no-speed"]).exits(4);
    missing.prints(&["ONNX Runtime is missing"]).says(&["no/such/library.so", "leave --onnxruntime out"]);
}
