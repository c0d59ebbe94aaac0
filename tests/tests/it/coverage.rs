//! Sets and intervals with coverage, from raw text to answers, scores and the report.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use larder_tests::{Kitchen, number, sentences};
use serde_json::Value;

use crate::predict_file::write_parquet;

/// Texts labelled by their length, which a mean of token vectors tells in part, with one label in eight wrong.
fn rows(seed: u64, count: usize) -> Vec<(String, &'static str)> {
    let of = |(at, text): (usize, String)| {
        let words = text.split(' ').count() + usize::from((at * 37 + seed as usize).is_multiple_of(8)) * 4;
        (text, ["short", "middle", "long"][(words / 4).min(2)])
    };
    sentences(seed, count, 12).into_iter().enumerate().map(of).collect()
}

fn kitchen() -> (Kitchen, String, Vec<(String, &'static str)>) {
    let kitchen = Kitchen::with_tiny();
    let dev = rows(2, 120);
    let dataset = kitchen.dataset("sizes", &[("train", &rows(1, 400)), ("dev", &dev)]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine", "--layers", "-1", "--c", "0.01,1"]);
    (kitchen, dataset, dev)
}

fn set_of(line: &Value) -> Vec<&str> {
    line["set"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect()
}

#[test]
fn measured_coverage_is_that_of_the_sets_that_are_answered() {
    let (kitchen, _, dev) = kitchen();
    for more in [&[][..], &["--coverage-score", "aps"], &["--coverage-by", "class"], &["--max-set", "1"]] {
        let asked = [&["--coverage", "0.9"], more].concat();
        let scores = kitchen.json(&[&["eval", "mine"], &asked[..]].concat());
        let found = &scores["splits"][0]["coverage"];
        let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
        let told = [&["predict", "mine", "--json"], &asked[..]].concat();
        let lines = kitchen.larder_reads(&told, &(texts.join("\n") + "\n")).json_lines();
        let covered = lines.iter().zip(&dev).filter(|(line, (_, label))| set_of(line).contains(label)).count();
        assert_eq!(number(found, "/covered"), covered as f64, "{more:?}");
        let size: f64 = lines.iter().map(|line| number(line, "/set_size")).sum();
        assert!((number(found, "/mean_size") - size / dev.len() as f64).abs() < 1e-9, "{more:?}");
        let abstained = lines.iter().filter(|line| line["abstained"] == true).count();
        assert!((number(found, "/abstained") - abstained as f64 / dev.len() as f64).abs() < 1e-9, "{more:?}");
        let sizes: Vec<usize> = lines.iter().map(|line| set_of(line).len()).collect();
        assert!(sizes.iter().any(|size| *size > 1) && sizes.contains(&1), "{more:?}: {sizes:?}, {found}");
        let measured = number(found, "/coverage");
        assert!((0.75..1.0).contains(&measured), "as asked, about: {measured}");
        if more.contains(&"--max-set") {
            assert!(abstained > 0);
        }
    }
    let told = kitchen.ok(&["eval", "mine", "--coverage", "0.9"]);
    told.prints(&["coverage of sets by lac is", "asked for 0.9", "from 400 calibration rows", "middle"]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    assert!(std::fs::read_to_string(kitchen.path("report.html")).unwrap().contains("Coverage of sets by lac is"));
    kitchen.ok(&["eval", "mine"]).does_not_print("coverage of sets");
    kitchen.ok(&["inspect", "home/runs/mine/calibration.parquet"]);
    kitchen.assert_tidy();
}

#[test]
fn files_get_the_sets_as_columns() {
    let (kitchen, _, dev) = kitchen();
    let mut csv = "text\n".to_owned();
    let mut jsonl = String::new();
    for (text, _) in &dev {
        let _ = writeln!(csv, "\"{text}\"");
        let _ = writeln!(jsonl, "{}", serde_json::json!({ "text": text }));
    }
    kitchen.write("in.csv", csv);
    kitchen.write("in.jsonl", jsonl);
    let predict = |input: &str, output: &str, coverage: &str| {
        let args = ["predict", "mine", "--input", input, "--text-column", "text", "--output", output];
        kitchen.larder(&[&args[..], &["--coverage", coverage]].concat())
    };
    predict("in.jsonl", "out.jsonl", "0.8").exits(0);
    let lines: Vec<Value> = std::fs::read_to_string(kitchen.path("out.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| set_of(line).len() as f64 == number(line, "/set_size")));
    predict("in.csv", "out.csv", "0.8").exits(0);
    let out = std::fs::read_to_string(kitchen.path("out.csv")).unwrap();
    assert!(out.lines().next().unwrap().ends_with(",set,set_size,abstained"), "{out}");
    assert_eq!(out.lines().count(), dev.len() + 1);
    // Another coverage is another file: that of a Parquet file stands in it.
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(dev.iter().map(|(text, _)| text)));
    write_parquet(&kitchen.path("in.parquet"), vec![("text", texts)]);
    predict("in.parquet", "out.parquet", "0.8").exits(0);
    predict("in.parquet", "out.parquet", "0.8").exits(0).prints(&["up to date"]);
    predict("in.parquet", "out.parquet", "0.9").exits(3).says(&["--force"]);
}

#[test]
fn intervals_hold_as_many_numbers_as_eval_says() {
    let kitchen = Kitchen::with_tiny();
    let rows = |seed: u64, count: usize| -> Vec<(String, f64)> {
        let of = |(at, text): (usize, String)| {
            let noise = ((at * 37 + seed as usize) % 11) as f64 / 5.0 - 1.0;
            let number = text.split(' ').count() as f64 + noise;
            (text, number)
        };
        sentences(seed, count, 12).into_iter().enumerate().map(of).collect()
    };
    let csv = |rows: &[(String, f64)]| {
        rows.iter().fold("text,words\n".to_owned(), |all, (text, number)| format!("{all}\"{text}\",{number}\n"))
    };
    let dev = rows(2, 100);
    kitchen.write("train.csv", csv(&rows(1, 300)));
    kitchen.write("dev.csv", csv(&dev));
    kitchen.write(
        "words.toml",
        "name = \"words\"\ntask = \"regression\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\ntarget = \"words\"\n[splits]\n\
         train = \"train.csv\"\ndev = \"dev.csv\"\n",
    );
    kitchen.ok(&["run", "words.toml", "-e", "tiny", "--run", "mine"]);
    let scores = kitchen.json(&["eval", "mine", "--coverage", "0.9"]);
    let found = &scores["splits"][0]["coverage"];
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let told = ["predict", "mine", "--json", "--coverage", "0.9"];
    let lines = kitchen.larder_reads(&told, &(texts.join("\n") + "\n")).json_lines();
    let holds = |line: &Value, truth: f64| number(line, "/low") <= truth && truth <= number(line, "/high");
    let covered = lines.iter().zip(&dev).filter(|(line, (_, truth))| holds(line, *truth)).count();
    assert_eq!(number(found, "/covered"), covered as f64);
    assert!((80..100).contains(&covered), "{covered} of 100");
    let width = number(&lines[0], "/high") - number(&lines[0], "/low");
    assert!((width - number(found, "/mean_size")).abs() < 1e-9 && width > 0.5);
    assert!(found["score"].is_null());
    kitchen.ok(&["eval", "mine", "--coverage", "0.9"]).prints(&["coverage of intervals is", "a width of"]);
}

#[test]
fn runs_without_a_calibration_say_what_to_do() {
    let (kitchen, dataset, _) = kitchen();
    let eval = |run: &str, coverage: &str| kitchen.larder(&["eval", run, "--coverage", coverage]);
    eval("mine", "0.999").exits(2).says(&["needs 999 calibration rows, and there are 400"]);
    eval("mine", "1").exits(2).says(&["a share above 0 and below 1"]);
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "other", "--head", "mlp", "--epochs", "1"]);
    eval("other", "0.9").exits(4).says(&["cannot make sets with coverage: a perceptron"]);
    // Of another training, and none: what an earlier version left.
    let file = |run: &str| kitchen.path(&format!("home/runs/{run}/calibration.parquet"));
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "third", "--c", "1"]);
    std::fs::copy(file("third"), file("mine")).unwrap();
    eval("mine", "0.9").exits(3).says(&["it is of another training"]);
    std::fs::write(file("mine"), "PAR1").unwrap();
    eval("mine", "0.9").exits(3).says(&["calibration.parquet cannot be used"]);
}
