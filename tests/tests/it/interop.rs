//! The Parquet files as pyarrow, polars and DuckDB read them: the values that larder reads.
//!
//! `just test-interop` makes a Python environment with the three and sets LARDER_INTEROP_PYTHON.

use std::path::Path;
use std::process::Command;

use larder_store::{FeaturesFile, TokensProjection, TokensReader};
use larder_tests::{Kitchen, predictions, real, repository, sentences};
use serde_json::{Value, json};

const READERS: [&str; 3] = ["pyarrow", "polars", "duckdb"];

#[test]
fn interop_every_reader_sees_what_larder_reads() {
    let Some(python) = std::env::var_os("LARDER_INTEROP_PYTHON") else {
        eprintln!(
            "SKIPPED: interop_every_reader_sees_what_larder_reads needs LARDER_INTEROP_PYTHON: run `just test-interop`"
        );
        return;
    };
    let kitchen = Kitchen::with_tiny();
    let labelled = |seed, rows| -> Vec<(String, &'static str)> {
        sentences(seed, rows, 16)
            .into_iter()
            .enumerate()
            .map(|(n, t)| (t, if n % 3 == 0 { "move" } else { "colour" }))
            .collect()
    };
    let dataset = kitchen.dataset("interop", &[("train", &labelled(61, 3000)), ("dev", &labelled(62, 200))]);
    let columns = ["--layers", "all", "--pool", "cls,mean,pooler"];
    let run = |more: &[&str]| {
        let args: Vec<&str> = ["run", &dataset, "-e", "tiny"].iter().chain(&columns).chain(more).copied().collect();
        kitchen.ok(&args);
    };
    run(&["--c", "0.01", "--class-weight", "none", "--run", "mine"]);
    let f16 = [&["encode", &dataset, "-e", "tiny", "--dtype", "f16"][..], &columns].concat();
    kitchen.ok(&f16);
    let f32_path = kitchen.features_path("interop", "train");
    let f16_path = kitchen.home().features("interop", "tiny", "sentence-f16", "train").unwrap();
    let tokens_path = kitchen.home().tokens("interop", "tiny", "train").unwrap();
    let predictions_path = kitchen.path("home/runs/mine/predictions.parquet");

    let mut command = Command::new(python);
    command.arg("-B").arg(repository().join("tests/python/read_features.py"));
    command.args([&f32_path, &f16_path, &tokens_path, &predictions_path]);
    let output = command.output().expect("LARDER_INTEROP_PYTHON starts");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    for reader in READERS {
        let seen = &seen[reader];
        assert_features(&seen["f32"], &f32_path, reader);
        assert_features(&seen["f16"], &f16_path, reader);
        assert_tokens(&seen["tokens"], &tokens_path, reader);
        assert_predictions(&seen["predictions"], &predictions_path, reader);
    }
}

#[test]
fn interop_snippets_of_the_documentation_run() {
    let test = "interop_snippets_of_the_documentation_run";
    let Some(python) = std::env::var_os("LARDER_INTEROP_PYTHON") else {
        eprintln!("SKIPPED: {test} needs LARDER_INTEROP_PYTHON: run `just test-interop`");
        return;
    };
    let Some(minilm) = real::minilm(test) else { return };
    // What `just quickstart` leaves, as far as the snippets read it.
    let kitchen = Kitchen::empty();
    let name = "all-MiniLM-L6-v2";
    kitchen.ok(&["--home", "artifacts", "encoder", "add", &minilm.display().to_string(), "--name", name]);
    for dataset in ["data/intents/intents.toml", "data/ner/ner.toml"] {
        let dataset = repository().join(dataset).display().to_string();
        kitchen.ok(&["--home", "artifacts", "run", &dataset, "-e", name]);
    }
    let intents = repository().join("data/intents/intents.toml").display().to_string();
    kitchen.ok(&["--home", "artifacts", "encode", &intents, "-e", name, "--dtype", "i8"]);
    let documented = ["crates/larder-store/docs/parquet.md", "crates/larder/docs/files.md"];
    let mut printed = Vec::new();
    for path in documented {
        let text = std::fs::read_to_string(repository().join(path)).unwrap();
        let snippets = text.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
        for snippet in snippets {
            let mut command = Command::new(&python);
            command.args(["-B", "-c", snippet]);
            kitchen.prepare(&mut command);
            let output = command.output().expect("LARDER_INTEROP_PYTHON starts");
            assert!(output.status.success(), "{path}:\n{snippet}\n{}", String::from_utf8_lossy(&output.stderr));
            printed.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
    }
    assert!(printed.len() >= 9, "{} snippets", printed.len());
    let all = printed.join("\n");
    assert!(all.contains("(1500, 384)") && all.contains("cosine"), "{all}");
    assert!(all.contains("i8 (1500, 384) True"), "{all}");
}

/// The numbers of a JSON list as float32. The script prints float64 digits, and the JSON parser may miss the last of
/// them: rounding to float32 takes that away, so equality is exact.
fn singles(list: &Value) -> Vec<f32> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|v| v as f32).collect()
}

fn assert_features(seen: &Value, path: &Path, reader: &str) {
    let file = FeaturesFile::open(path).unwrap();
    assert_eq!(file.columns().len(), 7, "cls and mean of three layers, and the pooler");
    let ids = file.example_ids().unwrap();
    assert_eq!(seen["example_id"]["rows"], ids.len(), "{reader}");
    assert_eq!(seen["example_id"]["last"], json!(ids.last()), "{reader}");
    assert_eq!(seen["label"]["first"], json!(file.labels().unwrap()[0]), "{reader}");
    for info in file.columns() {
        let (name, width) = (&info.name, info.width);
        let values = file.column(name).unwrap();
        let seen = &seen[name];
        assert_eq!(seen["rows"], ids.len(), "{reader}, {name}");
        assert_eq!(seen["lengths"], values.len(), "{reader}, {name}");
        assert_eq!(singles(&seen["first"]), values[..width], "{reader}, {name}");
        assert_eq!(singles(&seen["last"]), values[values.len() - width..], "{reader}, {name}");
        assert_sum(seen, values.iter().map(|&v| f64::from(v)), &format!("{reader}, {name}"));
    }
}

/// Python adds in another order, or compensates: rounding of a hundred thousand float64 additions, relative to the sum
/// of the sizes.
fn assert_sum(seen: &Value, values: impl Iterator<Item = f64> + Clone, what: &str) {
    let (sum, size): (f64, f64) = (values.clone().sum(), values.map(f64::abs).sum());
    let found = seen["sum"].as_f64().unwrap_or_else(|| panic!("no sum of {what}"));
    assert!(size > 0.0 && (found - sum).abs() <= 1e-10 * size, "{what}: sum {found}, expected {sum}");
}

fn assert_tokens(seen: &Value, path: &Path, reader: &str) {
    let reader_of = TokensReader::open(path, TokensProjection::All).unwrap();
    let rows: Vec<_> = reader_of.flat_map(|batch| batch.unwrap().rows(path).unwrap()).collect();
    let (first, last) = (rows.first().unwrap(), rows.last().unwrap());
    let text = |row: &larder_store::TokenRow| match &row.content {
        larder_data::Content::Text { text, .. } => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    assert_eq!(seen["text"]["rows"], rows.len(), "{reader}");
    for (at, row) in [("first", first), ("last", last)] {
        assert_eq!(seen["text"][at], text(row), "{reader}");
        assert_eq!(seen["input_ids"][at], json!(row.input_ids), "{reader}");
        assert_eq!(seen["word_ids"][at], json!(row.word_ids), "{reader}");
        assert_eq!(seen["truncated_tokens"][at], row.truncated_tokens, "{reader}");
        let offsets: Value = row.offsets.iter().map(|(start, end)| json!({ "start": start, "end": end })).collect();
        assert_eq!(seen["offsets"][at], offsets, "{reader}");
    }
    assert_sum(&seen["input_ids"], rows.iter().flat_map(|r| r.input_ids.iter().map(|&id| f64::from(id))), reader);
}

fn assert_predictions(seen: &Value, path: &Path, reader: &str) {
    let rows = predictions(path);
    assert_eq!(seen["split"]["rows"], rows.len(), "{reader}");
    for (at, row) in [("first", rows.first().unwrap()), ("last", rows.last().unwrap())] {
        assert_eq!(seen["split"][at], row.split, "{reader}");
        assert_eq!(seen["example_id"][at], row.example_id, "{reader}");
        assert_eq!(seen["label"][at], json!(row.label), "{reader}");
        assert_eq!(seen["prediction"][at], row.prediction, "{reader}");
        assert_eq!(seen["probability"][at].as_f64().map(|p| p as f32), Some(row.probability), "{reader}");
        assert_eq!(singles(&seen["probabilities"][at]), row.probabilities, "{reader}");
    }
    let all = rows.iter().flat_map(|r| r.probabilities.iter().map(|&p| f64::from(p)));
    assert_sum(&seen["probabilities"], all, reader);
}
