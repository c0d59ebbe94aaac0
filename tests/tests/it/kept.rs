//! What a home holds is listed, looked at and removed.

use larder_tests::{Kitchen, toy};

/// Two runs of one encoder, the second without scores.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let quick = ["--encoder", "tiny", "--c", "1", "--class-weight", "none", "--threshold", "half"];
    kitchen.ok(&[&["run", &dataset, "--run", "scored"], &quick[..]].concat());
    kitchen.ok(&[&["train", &dataset, "--run", "trained", "--layers", "all"], &quick[..]].concat());
    kitchen
}

#[test]
fn runs_are_listed_with_their_scores_and_shown() {
    let empty = Kitchen::empty();
    empty.ok(&["runs"]).says(&["no runs yet: `larder run DATASET --encoder NAME` makes one"]);
    assert_eq!(empty.json(&["runs"]), serde_json::json!([]));

    let kitchen = kitchen();
    let runs = kitchen.json(&["runs"]);
    assert_eq!(kitchen.runs(), ["scored", "trained"]);
    let scored = &runs[0];
    assert_eq!(
        (&scored["dataset"], &scored["encoder"], &scored["head"], &scored["task"]),
        (&"toy".into(), &"tiny".into(), &"logistic".into(), &"sequence".into())
    );
    // The same numbers as the evaluation has.
    let metrics = kitchen.json(&["eval", "scored"]);
    let score = &scored["scores"][0];
    assert_eq!((&score["split"], &score["score"]), (&"dev".into(), &"mcc".into()));
    assert_eq!(score["value"], metrics["splits"][0]["scores"]["mcc"]);
    assert!(score["low"].as_f64() <= score["value"].as_f64() && score["value"].as_f64() <= score["high"].as_f64());
    assert_eq!(runs[1]["scores"], serde_json::json!([]));

    kitchen.ok(&["runs"]).prints(&["95 % interval", "scored", "not evaluated", " to ", "UTC"]);
    kitchen.ok(&["runs", "show", "scored"]).prints(&["toy.toml", "tiny", "logistic", "majority accuracy", "larder 0."]);
    kitchen.ok(&["runs", "show", "trained"]).prints(&["there are no scores yet: `larder eval trained` makes them"]);
    let shown = kitchen.json(&["runs", "show", "scored"]);
    assert_eq!((&shown["record"]["run"], &shown["evaluation"]["splits"]), (&"scored".into(), &metrics["splits"]));

    std::fs::write(kitchen.path("home/runs/trained/run.json"), "{").unwrap();
    kitchen.ok(&["runs"]).prints(&["scored", "trained is broken: "]);
    assert!(kitchen.json(&["runs"])[1]["broken"].is_string());
}

#[test]
fn runs_and_encoders_are_removed_and_what_is_needed_is_kept() {
    let kitchen = kitchen();
    kitchen.larder(&["runs", "rm", "nothing"]).exits(4).says(&["no run `nothing`", "scored, trained"]);
    kitchen.larder(&["runs", "rm", "../encoders"]).exits(3);
    kitchen.larder(&["encoder", "rm", "nothing"]).exits(4).says(&["no encoder \"nothing\"", "tiny"]);
    kitchen.larder(&["encoder", "rm", ".."]).exits(3);

    kitchen.ok(&["runs", "rm", "trained"]).prints(&["removed trained"]);
    assert_eq!(kitchen.runs(), ["scored"]);
    let kept = kitchen.larder(&["encoder", "rm", "tiny"]).exits(3);
    kept.says(&["needed to answer texts with scored", "`larder runs rm NAME`", "--force"]);
    kitchen.ok(&["predict", "scored", "red"]);
    kitchen.ok(&["encoder", "rm", "tiny", "--force"]);
    kitchen.larder(&["predict", "scored", "red"]).exits(4);

    // A broken one goes as well, and the name is free again.
    kitchen.init("tiny", 1, &[]);
    kitchen.ok(&["predict", "scored", "red"]);
    std::fs::remove_file(kitchen.path("home/encoders/tiny/encoder.json")).unwrap();
    kitchen.ok(&["runs", "rm", "scored"]);
    kitchen.ok(&["encoder", "remove", "tiny", "--json"]);
    assert_eq!(kitchen.json(&["encoder", "list"]), serde_json::json!([]));
    kitchen.assert_tidy();
}

#[test]
fn what_another_process_holds_is_waited_for_or_left_with_the_code_of_another_try() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60))]);
    let encode = ["encode", &dataset, "-e", "tiny"];
    let folder = kitchen.features_path("toy", "train").with_file_name("train.parquet.parts");
    for command in [&encode[..], &["encoder", "rm", "tiny"]] {
        let held = if command[0] == "encode" { folder.clone() } else { kitchen.path("home/encoders") };
        let lock = larder_files::FolderLock::take(&held).unwrap();
        let refused = kitchen.larder(&[command, &["--no-wait"]].concat()).exits(75);
        refused.says(&["another larder process is working in "]);
        let waited = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| kitchen.larder(command));
            std::thread::sleep(std::time::Duration::from_millis(1500));
            drop(lock);
            waiting.join().expect("it ends")
        });
        waited.exits(0).says(&["waiting  another larder process is working in "]);
    }
}
