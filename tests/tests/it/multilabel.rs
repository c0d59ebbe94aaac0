//! Any number of labels a text, from raw rows to answers, scores, the report and an exported file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use larder_metrics::{LabelSets, MultilabelAnswers, MultilabelScores, score_multilabel};
use larder_tests::{Kitchen, number, sentences};
use serde_json::{Value, json};

const LABELS: [&str; 3] = ["even", "long", "short"];

/// Texts with what a linear head can learn of them: whether they are long or short, and something that it cannot.
fn rows(seed: u64, count: usize) -> Vec<(String, Vec<&'static str>)> {
    let of = |text: String| {
        let words = text.split(' ').count();
        let has = [text.len().is_multiple_of(2), words > 7, words < 4];
        let labels = LABELS.iter().zip(has).filter(|(_, has)| *has).map(|(label, _)| *label).collect();
        (text, labels)
    };
    sentences(seed, count, 12).into_iter().map(of).collect()
}

fn jsonl(rows: &[(String, Vec<&str>)]) -> String {
    let mut text = String::new();
    for (line, labels) in rows {
        let _ = writeln!(text, "{}", json!({ "text": line, "labels": labels }));
    }
    text
}

const DESCRIPTION: &str = "name = \"sizes\"\ntask = \"multilabel\"\nformat = \"jsonl\"\n[columns]\ntext = \"text\"\n\
                           labels = \"labels\"\n[splits]\ntrain = \"train.jsonl\"\ndev = \"dev.jsonl\"\n";

fn kitchen() -> (Kitchen, Vec<(String, Vec<&'static str>)>) {
    let kitchen = Kitchen::with_tiny();
    let dev = rows(2, 90);
    kitchen.write("train.jsonl", jsonl(&rows(1, 400)));
    kitchen.write("dev.jsonl", jsonl(&dev));
    kitchen.write("sizes.toml", DESCRIPTION);
    (kitchen, dev)
}

/// Labels, and the probability of each label.
type Answer = (Vec<String>, Vec<f64>);

/// The answers of a run to texts.
fn answers(kitchen: &Kitchen, run: &str, texts: &[&str]) -> Vec<Answer> {
    let told = kitchen.larder_reads(&["predict", run, "--json"], &(texts.join("\n") + "\n")).json_lines();
    let labels = |line: &Value| serde_json::from_value(line["labels"].clone()).unwrap();
    let probability = |line: &Value| LABELS.map(|label| number(line, &format!("/probabilities/{label}"))).to_vec();
    told.iter().map(|line| (labels(line), probability(line))).collect()
}

/// The scores of a run's answers to rows, and the answers.
fn scores_of_answers(kitchen: &Kitchen, run: &str, rows: &[(String, Vec<&str>)]) -> (MultilabelScores, Vec<Answer>) {
    let texts: Vec<&str> = rows.iter().map(|(text, _)| text.as_str()).collect();
    let told = answers(kitchen, run, &texts);
    let index = |label: &str| LABELS.iter().position(|known| *known == label).unwrap();
    let gold: Vec<Vec<usize>> =
        rows.iter().map(|(_, labels)| labels.iter().map(|label| index(label)).collect()).collect();
    let sets: Vec<Vec<usize>> =
        told.iter().map(|(labels, _)| labels.iter().map(|label| index(label)).collect()).collect();
    let probabilities = told.iter().flat_map(|(_, row)| row.clone()).collect();
    let found = MultilabelAnswers::new(LabelSets::from_indices(&sets, 3).unwrap(), probabilities).unwrap();
    (score_multilabel(&LabelSets::from_indices(&gold, 3).unwrap(), &found).unwrap(), told)
}

#[test]
fn scores_are_those_of_the_answers_and_answers_the_same_everywhere() {
    let (kitchen, dev) = kitchen();
    let report = kitchen.json(&["run", "sizes.toml", "-e", "tiny", "--layers", "all", "--run", "mine"]);
    let split = &report["evaluation"]["splits"][0];
    let (expected, told) = scores_of_answers(&kitchen, "mine", &dev);
    for (name, value) in [("macro/f1", expected.macro_avg.f1), ("micro/f1", expected.micro.f1), ("lrap", expected.lrap)]
    {
        // Vectors of one text in other batches differ in their last digits.
        assert!((number(split, &format!("/scores/{name}")) - value).abs() < 1e-6, "{name}");
    }
    assert!(expected.per_label[1].f1 > 0.8 && expected.per_label[2].f1 > 0.6, "{expected:?}");
    assert!(told.iter().any(|(labels, _)| labels.len() > 1) && told.iter().any(|(labels, _)| labels.is_empty()));
    assert_eq!(split["against_baseline"]["verdict"], "above");

    kitchen.ok(&["eval", "mine"]).prints(&["macro F1", "LRAP", "Hamming loss", "average precision"]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    let page = std::fs::read_to_string(kitchen.path("report.html")).unwrap();
    assert!(page.contains("Labels that come together most often") && page.contains("The rows answered worst"));
    let features = kitchen.features_path("sizes", "train");
    kitchen.ok(&["inspect", features.to_str().unwrap()]).prints(&["labels", "long"]);
    kitchen.assert_tidy();
}

#[test]
fn files_are_answered_and_an_exported_file_answers_the_same() {
    let (kitchen, dev) = kitchen();
    kitchen.ok(&["run", "sizes.toml", "-e", "tiny", "--run", "mine"]);
    kitchen.ok(&["predict", "mine", "--input", "dev.jsonl", "--output", "out.jsonl"]);
    let out = std::fs::read_to_string(kitchen.path("out.jsonl")).unwrap();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), dev.len());
    let sets: BTreeSet<String> = lines.iter().map(|line| line["prediction"].to_string()).collect();
    assert!(sets.len() > 2, "answers vary: {sets:?}");
    kitchen.ok(&["export", "mine", "--output", "exported"]);
    let config: Value = serde_json::from_slice(&std::fs::read(kitchen.path("exported/config.json")).unwrap()).unwrap();
    assert_eq!(config["problem_type"], "multi_label_classification");
    assert_eq!(config["larder"]["thresholds"].as_array().map(Vec::len), Some(3), "{config}");
}

#[test]
fn the_order_of_labels_changes_no_answer() {
    let (kitchen, dev) = kitchen();
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let mut all = Vec::new();
    for (run, names) in [("one", r#"["even", "long", "short"]"#), ("two", r#"["short", "even", "long"]"#)] {
        kitchen.write("sizes.toml", format!("{DESCRIPTION}[labels]\nnames = {names}\n"));
        kitchen.ok(&["train", "sizes.toml", "-e", "tiny", "--run", run]);
        all.push(answers(&kitchen, run, &texts));
    }
    for ((first, p), (second, q)) in all[0].iter().zip(&all[1]) {
        assert_eq!(first.iter().collect::<BTreeSet<_>>(), second.iter().collect::<BTreeSet<_>>());
        assert!(p.iter().zip(q).all(|(p, q)| (p - q).abs() < 1e-9), "{p:?} {q:?}");
    }
}

#[test]
fn labels_that_training_never_saw_count_as_missed_and_are_named() {
    let (kitchen, mut dev) = kitchen();
    dev[0].1.push("new");
    kitchen.write("dev.jsonl", jsonl(&dev));
    let report = kitchen.json(&["run", "sizes.toml", "-e", "tiny"]);
    let split = &report["evaluation"]["splits"][0];
    assert_eq!(split["unseen_labels"], json!(["new"]));
    assert_eq!(split["scores"]["per_label"].as_array().unwrap().len(), 4);
    assert_eq!((number(split, "/scores/per_label/3/support"), number(split, "/scores/per_label/3/f1")), (1.0, 0.0));
}

#[test]
fn what_is_wrong_is_said_with_the_way_out() {
    let (kitchen, dev) = kitchen();
    kitchen.larder(&["train", "sizes.toml", "-e", "tiny", "--alpha", "1"]).exits(2).says(&["--alpha"]);
    kitchen
        .larder(&["train", "sizes.toml", "-e", "tiny", "--head", "ridge"])
        .exits(2)
        .says(&["multi-label", "logistic"]);
    kitchen.write("dev.jsonl", "{\"text\": \"a\", \"labels\": \"long\"}\n");
    kitchen.larder(&["run", "sizes.toml", "-e", "tiny"]).exits(3).says(&[
        "dev.jsonl",
        "line 1",
        "`labels` is a string",
    ]);
    kitchen.write("dev.jsonl", "{\"text\": \"a\", \"labels\": []}\n{\"text\": \"b\", \"labels\": []}\n");
    let unscored = kitchen.json(&["run", "sizes.toml", "-e", "tiny"]);
    assert_eq!(unscored["evaluation"]["unscored"][0]["split"], "dev");
    let everywhere: Vec<(String, Vec<&str>)> = dev.iter().map(|(text, _)| (text.clone(), vec!["all"])).collect();
    kitchen.write("train.jsonl", jsonl(&everywhere));
    kitchen.larder(&["train", "sizes.toml", "-e", "tiny"]).exits(3).says(&["`all`"]);
}

#[test]
fn a_fine_tuned_encoder_answers_label_sets() {
    let (kitchen, _) = kitchen();
    let options = ["--steps", "80", "--learning-rate", "2e-3", "--batch-rows", "16", "--run", "tuned"];
    let args: Vec<&str> = ["finetune", "sizes.toml", "-e", "tiny"].into_iter().chain(options).collect();
    let report = kitchen.json(&args);
    let splits = report["evaluation"]["splits"].as_array().unwrap();
    let split = splits.iter().find(|split| split["split"] == "dev").unwrap();
    assert_eq!(split["against_baseline"]["verdict"], "above", "{split}");
    assert!(number(split, "/scores/per_label/1/f1") > 0.7, "{split}");
    // The head answers from the thresholds on that its best score rests on.
    let record: Value =
        serde_json::from_slice(&std::fs::read(kitchen.path("home/runs/tuned/run.json")).unwrap()).unwrap();
    kitchen.ok(&["export", "tuned", "--output", "exported"]);
    let config: Value = serde_json::from_slice(&std::fs::read(kitchen.path("exported/config.json")).unwrap()).unwrap();
    assert_eq!(config["larder"]["thresholds"], record["head"]["best"]["thresholds"]);
    assert_eq!(record["head"]["best"]["thresholds"].as_array().map(Vec::len), Some(LABELS.len()));
    let best = number(&record, "/head/best/score");
    // Vectors of one text in other batches differ in their last digits, and an answer may fall to the other side.
    assert!((number(split, "/scores/macro/f1") - best).abs() < 0.01, "{best} {split}");
    kitchen.ok(&["report", "tuned", "--output", "report.html"]);
}

#[test]
fn a_perceptron_answers_label_sets() {
    let (kitchen, dev) = kitchen();
    let mlp = ["--head", "mlp", "--layers", "all", "--epochs", "30", "--learning-rate", "3e-3", "--run", "mine"];
    let report = kitchen.json(&[&["run", "sizes.toml", "-e", "tiny"][..], &mlp].concat());
    let split = &report["evaluation"]["splits"][0];
    assert_eq!(split["against_baseline"]["verdict"], "above", "{split}");
    let (expected, _) = scores_of_answers(&kitchen, "mine", &dev);
    // An answer at its threshold may fall to the other side in another batch.
    assert!((number(split, "/scores/macro/f1") - expected.macro_avg.f1).abs() < 0.01, "{expected:?}");
    kitchen.ok(&["export", "mine", "--output", "exported"]).prints(&["0 answers differ"]);
    kitchen.ok(&["eval", "mine"]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    kitchen
        .larder(&["train", "sizes.toml", "-e", "tiny", "--head", "mlp", "--class-weight", "balanced"])
        .exits(2)
        .says(&["--class-weight"]);
}

#[test]
fn learning_rates_are_swept_by_macro_f1() {
    let (kitchen, _) = kitchen();
    let sweep = ["finetune", "sizes.toml", "-e", "tiny", "--steps", "30", "--batch-rows", "16", "--sweep", "1e-6,3e-3"];
    kitchen.ok(&[&sweep[..], &["--run", "swept"]].concat()).prints(&["best mean macro_f1 on dev: lr 3e-3"]);
    assert_eq!(kitchen.json(&["eval", "swept-lr3e-3-seed0"])["task"], "multilabel");
}
