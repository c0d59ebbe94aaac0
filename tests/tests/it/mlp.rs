//! `--head mlp` through the binary: what it learns, and that its run works like any other.

use larder_tests::{Kitchen, number, tagged_toy, toy};
use serde_json::Value;

const FIRST: [&str; 6] = ["red", "green", "blue", "black", "white", "pink"];
const SECOND: [&str; 6] = ["runs", "walks", "jumps", "sits", "eats", "flies"];
const THIRD: [&str; 4] = ["brown", "grey", "swims", "falls"];

/// Texts of three words: `alike` where the first two are of one half of their lists or both of the other; the third says
/// nothing. At the embeddings a text's mean is a sum over its words, and no weights on a sum of two words tell their
/// exclusive or.
///
/// Train, and a fourth of all texts that are not in it, of words that are.
fn exclusive_or() -> [Vec<(String, &'static str)>; 2] {
    let mut rows = [Vec::new(), Vec::new()];
    for (third_at, third) in THIRD.iter().enumerate() {
        for (first_at, first) in FIRST.iter().enumerate() {
            for (second_at, second) in SECOND.iter().enumerate() {
                let label = if (first_at < 3) == (second_at < 3) { "alike" } else { "apart" };
                let split = usize::from((first_at + second_at + third_at) % 4 == 0);
                rows[split].push((format!("{first} {second} {third}"), label));
            }
        }
    }
    rows
}

/// Small enough for seconds.
const MLP: [&str; 12] = [
    "--head",
    "mlp",
    "--hidden",
    "32,16",
    "--learning-rate",
    "1e-2",
    "--batch-rows",
    "16",
    "--epochs",
    "40",
    "--dropout",
    "0",
];

fn args<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

fn dev_mcc(evaluation: &Value) -> f64 {
    number(evaluation, "/splits/0/scores/mcc")
}

#[test]
fn it_learns_what_a_linear_head_cannot_and_its_run_is_a_run_like_any_other() {
    let kitchen = Kitchen::with_tiny();
    let [train, dev] = exclusive_or();
    let dataset = kitchen.dataset("xor", &[("train", &train), ("dev", &dev)]);
    let run = ["run", &dataset, "-e", "tiny", "--layers", "0"];
    let linear = kitchen.json(&args(&[&run, &["--run", "linear"]]));
    assert!(dev_mcc(&linear["evaluation"]).abs() < 0.3, "{}", linear["evaluation"]);
    let mlp = kitchen.json(&args(&[&run, &MLP, &["--run", "mlp"]]));
    let found = dev_mcc(&mlp["evaluation"]);
    assert!(found > 0.9, "a constant answer has 0: {}", mlp["evaluation"]);

    // Again, by eval, and by predict.
    kitchen.ok(&args(&[&run, &MLP, &["--run", "mlp"]])).says(&["train    mlp: up to date"]);
    assert_eq!(dev_mcc(&kitchen.json(&["eval", "mlp"])), found);
    kitchen.ok(&["eval", "mlp"]).prints(&["dev: 36 rows", "alike", "apart"]);
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let answers = kitchen.ok(&args(&[&["predict", "mlp", "--json"], &texts])).json_lines();
    let right = answers.iter().zip(&dev).filter(|(answer, (_, label))| answer["label"] == *label).count();
    assert_eq!(right as f64 / 36.0, number(&mlp["evaluation"], "/splits/0/scores/accuracy"));

    // Other settings are another run; the record says which; the text says how it went.
    let record: Value =
        serde_json::from_slice(&std::fs::read(kitchen.path("home/runs/mlp/run.json")).unwrap()).unwrap();
    assert_eq!(record["head"]["kind"], "mlp");
    assert_eq!(record["head"]["settings"]["hidden"], serde_json::json!([32, 16]));
    let epochs = record["head"]["epochs"].as_array().unwrap();
    assert!((1..=40).contains(&epochs.len()) && number(&record, "/head/held_out_rows") == 22.0, "{record}");
    let more = kitchen.ok(&args(&[&run, &MLP, &["--weight-decay", "0", "--run", "mlp"]]));
    more.says(&["weight_decay"]).prints(&["held-out rows of train", "kept (at most 40)"]);

    // Judged beside the other.
    let compared = kitchen.json(&["compare", "mlp", "linear"]);
    let heads: Vec<&str> =
        compared["runs"].as_array().unwrap().iter().map(|run| run["head"].as_str().unwrap()).collect();
    assert_eq!(heads, ["mlp", "logistic"]);
    assert_eq!(compared["best_run"], "mlp");
    kitchen.assert_tidy();
}

#[test]
fn seeds_streamed_features_and_raw_ones() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 150)), ("dev", &toy(2, 60))]);
    let run = ["run", &dataset, "-e", "tiny", "--layers", "all"];
    let seeds = kitchen.json(&args(&[&run, &MLP, &["--seeds", "0,1"]]));
    let summary = seeds["summary"].as_array().unwrap().iter().find(|entry| entry["score"] == "mcc").unwrap();
    assert_eq!(summary["values"].as_array().unwrap().len(), 2);
    assert!(number(summary, "/min") > 0.5, "{summary}");
    let told = |more: &[&str]| dev_mcc(&kitchen.json(&args(&[&run, &MLP, more]))["evaluation"]);
    assert!(told(&["--memory", "1MiB"]) > 0.5);
    assert!(told(&["--raw-features"]) > 0.5);
}

#[test]
fn what_does_not_go_together_or_diverges_is_said() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 12))]);
    let tagging = kitchen.tagging("tags", &[("train", &tagged_toy(1, 20))]);
    let run = ["run", &dataset, "-e", "tiny"];
    kitchen.larder(&["run", &tagging, "-e", "tiny", "--head", "mlp"]).exits(2).says(&["logistic", "crf"]);
    for flag in [&["--c", "1"][..], &["--folds", "3"], &["--use", "choose"], &["--solver", "adam"]] {
        kitchen.larder(&args(&[&run, &["--head", "mlp"], flag])).exits(2).says(&[flag[0]]);
    }
    for flag in [&["--hidden", "8"][..], &["--dropout", "0.1"], &["--batch-rows", "8"], &["--weight-decay", "0"]] {
        kitchen.larder(&args(&[&run, flag])).exits(2).says(&[flag[0], "mlp"]);
    }
    kitchen.larder(&args(&[&run, &["--head", "forest"]])).exits(2).says(&["logistic", "crf", "mlp"]);
    kitchen.larder(&args(&[&run, &["--head", "mlp", "--hidden", "8,0"]])).exits(2).says(&["hidden", "8,0"]);
    kitchen.larder(&args(&[&run, &["--head", "mlp", "--dropout", "1"]])).exits(2).says(&["dropout"]);
    let diverged = args(&[&run, &["--head", "mlp", "--learning-rate", "1e38"]]);
    kitchen.larder(&diverged).exits(5).says(&["lower the learning rate"]);
    assert!(kitchen.runs().is_empty(), "nothing that failed is a run");
}
