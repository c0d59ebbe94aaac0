//! The quick start's own data with the quick start's own encoder.

use larder_tests::{Kitchen, real, repository};

#[test]
fn intents_are_told_apart_and_the_majority_is_beaten() {
    let Some(minilm) = real::minilm("intents_are_told_apart") else { return };
    let kitchen = Kitchen::empty();
    kitchen.ok(&["encoder", "add", &minilm.display().to_string(), "--name", "minilm"]);
    let dataset = repository().join("data/intents/intents.toml").display().to_string();
    let report = kitchen.json(&["run", &dataset, "-e", "minilm"]);
    for split in report["evaluation"]["splits"].as_array().expect("a list of splits") {
        let number = |path: &str| split.pointer(path).and_then(serde_json::Value::as_f64).expect("a number");
        let (accuracy, majority) = (number("/scores/accuracy"), number("/majority/scores/accuracy"));
        assert!(accuracy > 0.85, "{}: accuracy {accuracy:.3}", split["split"]);
        assert!(majority < 0.5 && split["against_majority"]["verdict"] == "above", "{split:#}");
        assert!(number("/against_majority/mcc/low") > 0.5, "the interval is far from the constant answer's 0");
    }
    let findings = &report["diagnosis"]["findings"];
    assert_eq!(findings, &serde_json::json!([]), "nothing stands out about a run that is well");
    kitchen.ok(&["run", &dataset, "-e", "minilm"]).says(&["train    intents-minilm-1: up to date"]);
}
