//! From a file that nobody described to a run, through the binary.

use std::fmt::Write as _;

use larder_tests::{Kitchen, toy};

/// A CSV file with columns that have nothing to do with the task.
fn tickets(kitchen: &Kitchen, rows: usize) {
    let mut content = "id,body,topic\n".to_owned();
    for (at, (text, label)) in toy(1, rows).into_iter().enumerate() {
        let _ = writeln!(content, "{at},\"{text}\",{label}");
    }
    kitchen.write("tickets.csv", content);
}

#[test]
fn a_file_with_named_columns_is_all_that_a_run_needs() {
    let kitchen = Kitchen::with_tiny();
    tickets(&kitchen, 200);
    let args = ["run", "tickets.csv", "--text", "body", "--label", "topic"];
    let first = kitchen.ok(&args).says(&[
        "tickets.csv: csv, whose first row names the columns; looked at 200 rows",
        "160 rows for train, 40 rows for dev",
        "described in",
    ]);
    assert!(first.stdout.contains("run tickets-tiny-1"), "{}", first.told());
    // Everything is fresh at the second time, and what was written is a description like any other.
    let again = kitchen.ok(&args).says(&["encode   train: up to date", "encode   dev: up to date"]);
    assert!(again.told().contains("run tickets-tiny-1"), "{}", again.told());
    kitchen.ok(&["run", "home/datasets/tickets/tickets.toml"]).says(&["encode   train: up to date"]);
    kitchen.ok(&["eval", "tickets-tiny-1", "--fail-below", "mcc=0.5,accuracy=0.9"]);
    let failed = kitchen.larder(&["eval", "tickets-tiny-1", "--json", "--fail-below", "accuracy=1.01"]).exits(6);
    assert!(failed.stdout.contains("\"accuracy\""), "the scores are printed all the same: {}", failed.told());
    failed.says(&["tickets-tiny-1: accuracy on dev is", "and 1.01 was asked for"]);
    kitchen.larder(&["eval", "tickets-tiny-1", "--fail-below", "mmc=0.5"]).exits(2).says(&["did you mean `mcc`"]);
    kitchen.ok(&["predict", "tickets-tiny-1", "some text"]);
    // More of the same files are answered as they are.
    kitchen.ok(&["predict", "tickets-tiny-1", "--input", "tickets.csv", "--output", "answered.csv"]);
    let answered = std::fs::read_to_string(kitchen.path("answered.csv")).unwrap();
    assert_eq!(answered.lines().count(), 201, "{}", &answered[..200]);
    assert!(answered.starts_with("id,body,topic,"), "{}", &answered[..200]);
    // Columns are found where nobody names them, and rows to judge on are taken where there are some.
    kitchen.ok(&["train", "tickets.csv", "-e", "tiny"]).says(&["text is `body`", "label is `topic`"]);
    let (head, rows) = (kitchen.path("tickets.csv"), toy(7, 30));
    let judged: String = rows.iter().map(|(text, label)| format!("9,\"{text}\",{label}\n")).collect();
    kitchen.write("judged.csv", format!("id,body,topic\n{judged}"));
    let said = kitchen.ok(&["run", &head.display().to_string(), "--dev-file", "judged.csv", "--run", "judged"]).told();
    assert!(!said.contains("rows for dev"), "{said}");
    kitchen.ok(&["run", "tickets.csv", "--limit", "50"]).says(&["40 rows for train, 10 rows for dev"]);
    // Other rows or columns are another data set: runs of the first are judged on what they were.
    let first = kitchen.path("home/datasets/tickets/tickets.toml");
    let before = std::fs::read_to_string(&first).unwrap();
    std::fs::create_dir(kitchen.path("elsewhere")).unwrap();
    std::fs::copy(kitchen.path("judged.csv"), kitchen.path("elsewhere/tickets.csv")).unwrap();
    kitchen.ok(&["tokenize", "elsewhere/tickets.csv", "--text", "body", "--label", "topic"]);
    assert_eq!(std::fs::read_to_string(&first).unwrap(), before);
    kitchen.ok(&["eval", "tickets-tiny-1"]).says(&["encode   dev: up to date"]);
    kitchen.assert_tidy();
}

#[test]
fn init_proposes_a_description_that_runs() {
    let kitchen = Kitchen::with_tiny();
    tickets(&kitchen, 60);
    let proposed = kitchen.ok(&["init", "tickets.csv"]);
    assert!(
        proposed.stdout.contains("text = \"body\"") && proposed.stdout.contains("label = \"topic\""),
        "{}",
        proposed.told()
    );
    assert!(proposed.stdout.contains("train = \"tickets.csv\""), "{}", proposed.told());
    kitchen.ok(&["init", "tickets.csv", "--output", "mine.toml"]);
    kitchen.ok(&["tokenize", "mine.toml", "-e", "tiny"]).says(&["60 rows"]);
}

#[test]
fn what_is_not_said_and_cannot_be_told_is_asked_for() {
    let kitchen = Kitchen::empty();
    tickets(&kitchen, 20);
    kitchen.larder(&["run", "tickets.csv"]).exits(4).says(&["there is no encoder yet", "larder encoder add"]);
    for (name, seed) in [("tiny", 1), ("other", 2)] {
        kitchen.init(name, seed, &[]);
    }
    kitchen
        .larder(&["run", "tickets.csv"])
        .exits(2)
        .says(&["there are several encoders (`other`, `tiny`)", "--encoder"]);
    let wrong = ["run", "tickets.csv", "-e", "tiny", "--label", "topics"];
    kitchen.larder(&wrong).exits(3).says(&["has no column `topics`, which --label names", "did you mean `topic`"]);
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 20))]);
    kitchen
        .larder(&["run", &dataset, "-e", "tiny", "--text", "body"])
        .exits(2)
        .says(&["--text means nothing for a TOML description"]);
    kitchen.larder(&["run", "nowhere.csv", "-e", "tiny"]).exits(3).says(&["cannot read nowhere.csv"]);
}
