//! What goes to standard output and standard error, for scripts that read them.

use larder_tests::{Kitchen, toy};

#[test]
fn with_json_an_error_is_an_object_too() {
    let kitchen = Kitchen::with_tiny();
    let answer = kitchen.larder(&["eval", "nosuch", "--json"]).exits(4);
    let error = &answer.json()["error"];
    assert_eq!((error["class"].as_str(), error["exit_code"].as_u64()), (Some("missing"), Some(4)), "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("nosuch") && answer.stderr.trim_end().ends_with(message), "{}", answer.told());
    let wrong = kitchen.larder(&["encode", "nosuch.toml", "-e", "tiny", "--json"]).exits(3);
    assert_eq!(wrong.json()["error"]["class"], "input");
    // A check that found something has printed what it found.
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    let judged = kitchen.larder(&["eval", "mine", "--fail-below", "accuracy=1.01", "--json"]).exits(6);
    assert!(judged.json().get("error").is_none() && judged.stderr.contains("error: "), "{}", judged.told());
    let without = kitchen.larder(&["eval", "nosuch"]).exits(4);
    assert_eq!(without.stdout, "");
}

#[test]
fn quiet_leaves_results_notes_and_errors() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    let encoded = kitchen.ok(&["encode", &dataset, "-e", "tiny", "--quiet"]);
    assert_eq!(encoded.stderr, "", "{}", encoded.told());
    assert!(encoded.stdout.contains("train.parquet"), "{}", encoded.told());
    kitchen.ok(&["run", &dataset, "-e", "tiny", "-q"]).prints(&["MCC"]).does_not_say("up to date");
    kitchen.larder(&["eval", "nosuch", "-q"]).exits(4).says(&["error: there is no run"]);
    // Rows that are left out are said.
    let rows = std::fs::read_to_string(kitchen.path("toy-train.tsv")).expect("the rows are there");
    kitchen.write("toy-train.tsv", rows + "no label\n");
    let skipping = ["tokenize", &dataset, "-e", "tiny", "--on-bad-row", "skip", "-q"];
    kitchen.ok(&skipping).says(&["1 row skipped"]);
}

#[test]
fn with_a_log_of_json_each_line_is_an_object() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    let ran = kitchen.ok(&["encode", &dataset, "-e", "tiny", "--log-format", "json"]);
    let wrong = kitchen.larder(&["eval", "nosuch", "--log-format", "json"]).exits(4);
    let level = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(object["message"].is_string() && object["time"].is_number(), "{object}");
        object["level"].as_str().expect("a level").to_owned()
    };
    let levels: Vec<String> = ran.stderr.lines().map(level).collect();
    assert!(levels.len() > 1 && levels.iter().all(|level| level == "progress"), "{}", ran.told());
    assert_eq!(wrong.stderr.lines().map(level).collect::<Vec<_>>(), ["error"]);
    kitchen.larder(&["runs", "--log-format", "xml"]).exits(2).says(&["unknown log format `xml`", "text, json"]);
}

#[test]
fn colours_are_asked_for_or_refused() {
    let kitchen = Kitchen::empty();
    let escape = "\u{1b}[";
    let error = |args: &[&str]| kitchen.larder(&[args, &["eval", "nosuch"]].concat()).exits(4);
    error(&[]).does_not_say(escape);
    error(&["--color", "always"]).says(&[escape, "there is no run"]);
    kitchen.ok(&["--color=always", "runs", "--help"]).prints(&[escape]);
    kitchen.ok(&["runs", "--help"]).does_not_print(escape);
    larder_tests::run(kitchen.command(&["runs", "--help"]).env("LARDER_COLOR", "always")).prints(&[escape]);
}
