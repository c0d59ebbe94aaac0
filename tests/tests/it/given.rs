//! Graphs that larder neither builds nor recognises, through the binary: added, fine-tuned as they were given, used.

use larder_tests::{Kitchen, number, repository, tagged_toy, toy};
use serde_json::Value;

/// Adds an export of `tests/goldens/finetune/recipe_given.py` with the tokenizer that it was made for.
fn with_export(name: &str) -> Kitchen {
    let kitchen = Kitchen::empty();
    let goldens = repository().join("tests/goldens");
    let model = goldens.join(format!("finetune/given/{name}.onnx")).display().to_string();
    let tokenizer = goldens.join("tokens/wordpiece.json").display().to_string();
    kitchen.ok(&["encoder", "add", &model, "--name", "given", "--tokenizer", &tokenizer]);
    kitchen
}

/// The tuned encoder answers as it did while it was trained, and as the exported file does.
#[test]
fn a_graph_that_is_not_recognised_goes_from_raw_text_to_an_exported_file() {
    for name in ["t5", "deberta_v2", "roberta_prelayernorm_int8"] {
        let kitchen = with_export(name);
        let dataset = kitchen.dataset("toy", &[("train", &toy(1, 120)), ("dev", &toy(2, 40))]);
        let run = [
            "finetune",
            &dataset,
            "-e",
            "given",
            "--run",
            "mine",
            "--epochs",
            "8",
            "--lr",
            "5e-3",
            "--batch-rows",
            "8",
        ];
        let report = kitchen.json(&run);
        let mcc = number(&report, "/evaluation/splits/0/scores/mcc");
        assert!(mcc > 0.5, "{name}: the toy can be learned: {report:#}");
        let best = number(&report, "/training/best/score");
        assert!((best - mcc).abs() < 1e-9, "{name}: judged {best} while it was trained, {mcc} afterwards");
        let graph = ["graphs", &dataset, "-e", "given"];
        kitchen.ok(&graph).says(&["is trained as it was given", "without dropout inside"]);
        // The file is checked against the run.
        kitchen.ok(&["predict", "mine", "the cat sat"]);
        kitchen.ok(&["export", "mine", "--output", "exported"]);
        kitchen.ok(&["encoder", "add", "home/runs/mine", "--name", "tuned"]);
        kitchen.ok(&["encoder", "verify", "tuned"]);
    }
}

/// Tags, and an encoder whose padding must not be read: a text a batch by itself.
#[test]
fn tags_and_texts_by_themselves_are_trained_too() {
    let kitchen = with_export("qwen3");
    let dataset = kitchen.tagging("tags", &[("train", &tagged_toy(1, 60)), ("dev", &tagged_toy(2, 20))]);
    kitchen.ok(&["finetune", &dataset, "-e", "given", "--run", "mine", "--epochs", "1", "--lr", "1e-3"]);
    kitchen.ok(&["eval", "mine"]);

    let kitchen = with_export("mobilebert_half");
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 24)), ("dev", &toy(2, 12))]);
    let tune = ["finetune", &dataset, "-e", "given", "--run", "mine", "--epochs", "1", "--lr", "1e-3"];
    kitchen.ok(&tune);
    let record: Value = serde_json::from_slice(&kitchen.run_file("mine", "run.json")).expect("run.json is JSON");
    let settings = &record["head"]["settings"];
    assert_eq!(
        (settings["batch"].as_str(), settings["accumulation"].as_str()),
        (Some("1 rows"), Some("32")),
        "{record:#}"
    );
}
