//! `larder compare`: encoders on one dataset, and runs beside each other.

use std::collections::BTreeMap;
use std::path::Path;

use larder_metrics::{Bootstrap, EntityRule, Metric, PairedConfusion, paired_entity_difference};
use larder_tags::Scheme;
use larder_tests::{ConllColumns, Kitchen, number, predictions, repository, tagged_toy, toy};
use serde_json::{Value, json};

/// One strength and no class weights: what is compared is the encoders, and fits take time.
const QUICK: [&str; 4] = ["--c", "1", "--class-weight", "none"];

fn intents() -> String {
    repository().join("data/intents/intents.toml").display().to_string()
}

fn args<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

/// Tiny encoders that differ: `small` and `wide`; and `again`, which is `small` under another name.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::empty();
    kitchen.init("small", 1, &[]);
    kitchen.init("again", 1, &[]);
    init_sized(&kitchen, "wide", 2, 64);
    kitchen
}

fn init_sized(kitchen: &Kitchen, name: &str, seed: u64, hidden_size: usize) {
    let config = std::fs::read(repository().join("tests/fixtures/tiny/config.json")).expect("part of the repository");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    config["hidden_size"] = json!(hidden_size);
    let path = kitchen.write(&format!("{name}.json"), config.to_string()).display().to_string();
    kitchen.ok(&["encoder", "init", "--config", &path, "--seed", &seed.to_string(), "--name", name]);
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|one| one.as_str().expect("a string")).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Bytes of the files of `folder` by their name's start.
fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    files.map(|file| file.expect("can be listed").metadata().expect("is there").len()).sum()
}

/// Answers of a run on a split, as indices into the sorted labels: (gold, answers, classes).
fn answers(kitchen: &Kitchen, run: &str, split: &str) -> (Vec<usize>, Vec<usize>, usize) {
    let rows = predictions(&kitchen.path("home/runs").join(run).join("predictions.parquet"));
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        labels.insert(row.label.clone().expect("judged rows have labels"), 0);
        labels.insert(row.prediction.clone(), 0);
    }
    labels.values_mut().enumerate().for_each(|(index, class)| *class = index);
    let rows = rows.iter().filter(|row| row.split == split);
    let pair = rows.map(|row| (labels[row.label.as_ref().expect("checked above")], labels[&row.prediction]));
    let (gold, answers) = pair.unzip();
    (gold, answers, labels.len())
}

#[test]
fn encoders_are_compared_on_the_same_rows() {
    let kitchen = kitchen();
    let intents = intents();
    let compare = args(&[&["compare", &intents, "--encoders", "small,wide,again"], &QUICK]);
    let first = kitchen.larder(&args(&[&compare, &["--json"]])).exits(0);
    let first = first.says(&["encoder  small (1 of 2)", "encoder  wide (2 of 2)", "again is small by another name"]);
    let report = first.json();

    let encoders = list(&report["encoders"]);
    assert_eq!((&report["dataset"], &report["task"]), (&json!("intents"), &json!("sequence")));
    assert_eq!(
        encoders.iter().map(|one| strings(&one["names"])).collect::<Vec<_>>(),
        [vec!["small", "again"], vec!["wide"]]
    );
    assert!(!kitchen.path("home/features/intents/again").exists(), "one encoder is encoded with once");
    assert_eq!(report["refused"], json!([]));
    for (one, hidden_size) in encoders.iter().zip([32.0, 64.0]) {
        let name = strings(&one["names"])[0];
        assert_eq!(number(one, "/hidden_size"), hidden_size, "{name}");
        let model = kitchen.path("home/encoders").join(name).join("model.onnx");
        let size = std::fs::metadata(model).expect("the encoder is there").len();
        assert_eq!(number(one, "/model_bytes"), size as f64, "{name}");
        let features = kitchen.path("home/features/intents").join(name).join("sentence-f32");
        assert_eq!(number(one, "/cache_bytes"), bytes_in(&features) as f64, "{name}");
        assert!(number(one, "/load_seconds") > 0.0, "{name}");
        let encoding = &one["encoding"];
        let [rows, encoded, seconds, rate] =
            ["rows", "encoded_rows", "seconds", "rows_per_second"].map(|field| number(encoding, &format!("/{field}")));
        assert_eq!(rows, 2100.0, "{name}: the rows of train, dev and test");
        assert!(encoded > 0.0 && encoded <= rows, "{name}: {encoded} encoded; equal texts are encoded once");
        assert_eq!(number(encoding, "/cached_rows"), 0.0, "{name}");
        assert!((rate - encoded / seconds).abs() < 1e-6 * rate, "{name}: {rate} rows/s");
        assert!(number(encoding, "/tokens_per_second") > rate, "{name}: more tokens than rows");
    }

    let splits = list(&report["splits"]);
    assert_eq!(splits.iter().map(|split| &split["split"]).collect::<Vec<_>>(), ["dev", "test"]);
    for split in splits {
        let name = split["split"].as_str().expect("a name");
        assert_eq!((number(split, "/rows"), &split["score"]), (300.0, &json!("mcc")));
        let scores = list(&split["scores"]);
        for (score, encoder) in scores.iter().zip(encoders) {
            assert_eq!(score["name"], encoder["names"][0]);
            let value = number(score, "/value");
            assert!(number(score, "/interval/low") <= value && value <= number(score, "/interval/high"), "{score}");
            let of_run = list(&encoder["evaluation"]["splits"]).iter().find(|one| one["split"] == *name);
            assert_eq!(value, number(of_run.expect("judged"), "/scores/mcc"));
        }
        let best = usize::from(number(&scores[1], "/value") > number(&scores[0], "/value"));
        assert_eq!(split["best"], scores[best]["name"]);
        let [difference] = list(&split["differences"]) else { panic!("one pair in {split:#}") };
        assert_eq!((&difference["better"], &difference["than"]), (&scores[best]["name"], &scores[1 - best]["name"]));
        // The same from the answers that the two runs wrote.
        let run = |at: usize| encoders[at]["run"].as_str().expect("a name");
        let (gold, first, classes) = answers(&kitchen, run(best), name);
        let (same, second, _) = answers(&kitchen, run(1 - best), name);
        assert_eq!(gold, same);
        let paired = PairedConfusion::from_classes(&gold, &first, &second, classes).expect("rows of one file");
        let expected = Bootstrap::default().paired_difference(&paired, Metric::Mcc).expect("default settings");
        let found = number(difference, "/difference");
        assert!((found - expected.difference).abs() < 1e-12, "{found}, by hand {}", expected.difference);
        // Classes in another order draw other resamples: an end rests on 25 of 1,000 of them.
        let (low, high) = (number(difference, "/interval/low"), number(difference, "/interval/high"));
        let tolerance = 0.1 * (expected.interval.high - expected.interval.low);
        assert!((low - expected.interval.low).abs() <= tolerance, "{low} to {high}, by hand {expected:?}");
        assert!((high - expected.interval.high).abs() <= tolerance, "{low} to {high}, by hand {expected:?}");
        assert!(low <= found && found <= high && low < high, "{found} in {low} to {high}");
        assert_eq!(difference["told_apart"], json!(low > 0.0));
        assert_eq!(difference["together"], Value::Null, "one pair");
    }
    let best = if splits[0]["best"] == "small" { &encoders[0]["run"] } else { &encoders[1]["run"] };
    assert_eq!(report["best_run"], *best);

    // Everything is there: nothing is encoded or trained, and no old rate is shown.
    let second = kitchen.ok(&compare).says(&["encode   train: up to date", "encode   test: up to date", "up to date"]);
    let second = second.does_not_say(" rows/s").does_not_say("out of date");
    second.does_not_print("nan").prints(&[
        "dev: 300 rows",
        "test: 300 rows",
        "small = again",
        "(majority baseline)",
        "against the majority",
        "95 % interval of MCC",
        "cached",
        "--force",
        " on dev: MCC +",
        " on test: MCC +",
        "again is small by another name",
        &format!("go on with: larder predict {} \"some text\"", best.as_str().expect("a name")),
    ]);
    let runs = kitchen.json(&["runs"]);
    assert_eq!(list(&runs).len(), 2, "{runs}");
    let run = args(&[&["run", &intents, "-e", "wide"], &QUICK]);
    kitchen.ok(&run).says(&["train    intents-wide-1: up to date"]);
    kitchen.ok(&["predict", best.as_str().expect("a name"), "wake me up at seven"]);

    // What was made in part says so.
    std::fs::remove_file(kitchen.path("home/features/intents/wide/sentence-f32/dev.parquet")).expect("was made");
    kitchen.ok(&compare).prints(&["(300 of 2,100 rows)", "cached"]);

    // Forced, all is measured again, and scores and runs stay what they are.
    let forced = kitchen.json(&args(&[&compare, &["--force"]]));
    for one in list(&forced["encoders"]) {
        assert!(number(one, "/encoding/rows_per_second") > 0.0);
        assert_eq!(number(one, "/encoding/encoded_splits"), 3.0);
    }
    assert_eq!((&forced["splits"], kitchen.json(&["runs"])), (&report["splits"], runs));
    kitchen.assert_tidy();
}

#[test]
fn runs_are_compared_as_their_encoders_are() {
    let kitchen = kitchen();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 90)), ("dev", &toy(2, 60))]);
    let encoders = kitchen.json(&args(&[&["compare", &dataset, "-e", "small,wide"], &QUICK]));
    let names = ["toy-small-1", "toy-wide-1"];
    assert_eq!(encoders["encoders"].as_array().expect("a list").iter().map(|e| &e["run"]).collect::<Vec<_>>(), names);
    let runs = kitchen.json(&["compare", "toy-small-1", "toy-wide-1", "toy-small-1"]);
    assert_eq!(list(&runs["runs"]).len(), 2, "a run named twice counts once");
    let (a, b) = (&encoders["splits"][0], &runs["splits"][0]);
    for path in ["/scores/0/value", "/scores/1/value", "/differences/0/difference", "/differences/0/interval/low"] {
        assert_eq!(number(a, path), number(b, path), "{path}");
    }
    assert!(names.contains(&b["best"].as_str().expect("a name")), "{b:#}");
    let shown = kitchen.ok(&["compare", "toy-small-1", "toy-wide-1", "--split", "dev"]);
    shown.prints(&[
        "dev: 60 rows",
        "| run",
        "small",
        "wide",
        "logistic",
        " on dev: MCC +",
        "go on with: larder predict ",
    ]);

    let other = kitchen.dataset("other", &[("train", &toy(1, 90)), ("dev", &toy(2, 60))]);
    kitchen.ok(&args(&[&["run", &other, "-e", "small"], &QUICK]));
    kitchen.larder(&["compare", "toy-small-1", "other-small-1"]).exits(3).says(&["dataset is toy", "other"]);
    kitchen.larder(&["compare", "toy-small-1", "nothing"]).exits(4).says(&["no run `nothing`", "toy-wide-1"]);
    kitchen.larder(&["compare", "toy-small-1"]).exits(2).says(&["two runs or more"]);
    kitchen.larder(&["compare", &dataset]).exits(2).says(&["--encoders A,B"]);
}

#[test]
fn several_pairs_are_judged_more_strictly_together() {
    let kitchen = kitchen();
    init_sized(&kitchen, "narrow", 3, 8);
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 90)), ("dev", &toy(2, 60))]);
    let compare = args(&[&["compare", &dataset, "-e", "narrow,small,wide", "--metric", "accuracy"], &QUICK]);
    let report = kitchen.json(&compare);
    let split = &report["splits"][0];
    assert_eq!(split["score"], "accuracy");
    let differences = list(&split["differences"]);
    assert_eq!(differences.len(), 2);
    for difference in differences {
        assert_eq!(number(difference, "/together/level"), 0.975);
        let width = |at: &str| number(difference, &format!("/{at}/high")) - number(difference, &format!("/{at}/low"));
        assert!(width("together") >= width("interval"), "{difference:#}");
        let low = number(difference, "/together/low");
        assert_eq!(difference["told_apart_together"], json!(low > 0.0));
    }
    kitchen.ok(&compare).prints(&["note: 2 comparisons on dev", "97.50 % each", "95 % interval of accuracy"]);
}

#[test]
fn an_encoder_that_cannot_tag_is_left_out() {
    let kitchen = kitchen();
    let given = repository().join("tests/exports/bert_dynamo_only_mean_normalized").display().to_string();
    kitchen.ok(&["encoder", "add", &given, "--name", "sentences"]);
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 60)), ("dev", &tagged_toy(2, 30))]);
    let compare = ["compare", &dataset, "--encoders", "small,sentences,wide", "--layers", "0", "--c", "1"];
    let report = kitchen.json(&compare);
    let [refused] = list(&report["refused"]) else { panic!("one is left out: {report:#}") };
    assert_eq!(refused["names"], json!(["sentences"]));
    let reason = refused["reason"].as_str().expect("a reason");
    assert!(reason.contains("sentence's vector alone") && reason.contains("cannot tag words"), "{reason}");
    let split = &report["splits"][0];
    assert_eq!((&split["score"], number(split, "/rows")), (&json!("strict_f1"), 30.0));
    let columns = |run: &str| ConllColumns::read(&kitchen.path("home/runs").join(run).join("predictions.dev.conll"));
    let difference = &split["differences"][0];
    let run = |field: &str| format!("names-{}-1", difference[field].as_str().expect("a name"));
    let (better, than) = (columns(&run("better")), columns(&run("than")));
    let expected = paired_entity_difference(
        &better.gold,
        &better.predicted,
        &than.predicted,
        Scheme::Iob2,
        EntityRule::Strict,
        &Bootstrap::default(),
    );
    let expected = expected.expect("the sentences of one file");
    assert_eq!(number(difference, "/difference"), expected.difference);
    assert_eq!(number(difference, "/interval/low"), expected.interval.low);
    assert_eq!(number(difference, "/interval/high"), expected.interval.high);

    let shown = kitchen.ok(&compare).says(&["sentences is left out"]);
    shown.prints(&[
        "dev: 30 sentences",
        "strict F1",
        "(always O)",
        "encode words/s",
        "sentences is left out: ",
        "go on with",
    ]);

    // One that can is nothing to compare with; what was found out is printed all the same.
    let alone = kitchen.larder(&["compare", &dataset, "-e", "small,sentences", "--layers", "0", "--c", "1"]).exits(3);
    alone.says(&["nothing is compared: only 1 of 2 encoders"]).prints(&["dev: 30 sentences", "small"]);
    let alone = kitchen.larder(&["compare", &dataset, "-e", "small,sentences", "--layers", "0", "--c", "1", "--json"]);
    assert_eq!(list(&alone.exits(3).json()["encoders"]).len(), 1);

    // Texts are another matter: each is pooled as it can be.
    let texts = kitchen.dataset("toy", &[("train", &toy(1, 90)), ("dev", &toy(2, 60))]);
    let report = kitchen.json(&args(&[&["compare", &texts, "-e", "small,sentences"], &QUICK]));
    assert_eq!((list(&report["encoders"]).len(), list(&report["refused"]).len()), (2, 0));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let kitchen = kitchen();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 30)), ("dev", &toy(2, 30))]);
    let unknown = kitchen.larder(&["compare", &dataset, "-e", "small,nothing"]).exits(4);
    unknown.says(&["nothing", "again", "small", "wide"]).does_not_say("up to date");
    assert!(!kitchen.path("home/features").exists(), "names are checked before work begins");
    kitchen.larder(&["compare", &dataset, "-e", "small"]).exits(2).says(&["larder run"]);
    kitchen.larder(&["compare", &dataset, "-e", "small,wide", "--head", "crf"]).exits(2).says(&["--head crf"]);
    kitchen.larder(&["compare", &dataset, "-e", "small,wide", "--seeds", "1,2"]).exits(2).says(&["--seeds"]);
    kitchen.larder(&["compare", &dataset, "-e", "small,wide", "--split", "nope"]).exits(3).says(&["nope", "dev"]);
    let alone = kitchen.dataset("alone", &[("train", &toy(1, 30))]);
    kitchen.larder(&["compare", &alone, "-e", "small,wide"]).exits(3).says(&["no split but `train`"]);

    // The same one twice is one, which is an answer.
    let one = kitchen.ok(&args(&[&["compare", &dataset, "-e", "small,again"], &QUICK]));
    one.prints(&["again is small by another name", "small = again", "go on with"])
        .does_not_print("cannot be told apart");
}
