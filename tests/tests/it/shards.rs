//! Splits of several files, through the binary.

use larder_tests::{Kitchen, toy};

fn csv(rows: &[(String, &str)]) -> String {
    let rows: String = rows.iter().map(|(text, label)| format!("{text},{label}\n")).collect();
    format!("text,label\n{rows}")
}

fn description(name: &str, train: &str) -> String {
    format!(
        "name = \"{name}\"\ntask = \"sequence\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n\
         [splits]\ntrain = {train}\ndev = \"dev.csv\"\n"
    )
}

const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

fn run(kitchen: &Kitchen, dataset: &str) -> serde_json::Value {
    kitchen.json(&[&["run", dataset, "-e", "tiny", "--run", dataset.trim_end_matches(".toml")], &QUICK[..]].concat())
}

#[test]
fn two_shards_are_what_one_file_is_and_either_makes_stale() {
    let kitchen = Kitchen::with_tiny();
    let rows = toy(1, 60);
    kitchen.write("all.csv", csv(&rows));
    kitchen.write("train-00000-of-00002.csv", csv(&rows[..25]));
    kitchen.write("train-00001-of-00002.csv", csv(&rows[25..]));
    kitchen.write("dev.csv", csv(&toy(2, 30)));
    kitchen.write("whole.toml", description("whole", "\"all.csv\""));
    kitchen.write("shards.toml", description("shards", "\"train-*.csv\""));
    let list = "[\"train-00000-of-00002.csv\", \"train-00001-of-00002.csv\"]";
    kitchen.write("listed.toml", description("listed", list));
    let (whole, shards, listed) =
        (run(&kitchen, "whole.toml"), run(&kitchen, "shards.toml"), run(&kitchen, "listed.toml"));
    for (name, found) in [("shards", &shards), ("listed", &listed)] {
        assert_eq!(found["evaluation"]["splits"][0]["scores"], whole["evaluation"]["splits"][0]["scores"], "{name}");
        assert_eq!(kitchen.vectors(name, "train", "mean"), kitchen.vectors("whole", "train", "mean"), "{name}");
        let ids = |set: &str| kitchen.features(set, "train").example_ids().unwrap();
        assert_eq!(ids(name), ids("whole"));
    }

    // Nothing changed: nothing is made again. One text of the second file changed: all is.
    let again = kitchen.ok(&[&["run", "shards.toml", "-e", "tiny", "--run", "shards"], &QUICK[..]].concat());
    again.says(&["up to date"]);
    let mut changed = rows[25..].to_vec();
    changed[3].0.push_str(" again");
    kitchen.write("train-00001-of-00002.csv", csv(&changed));
    run(&kitchen, "shards.toml");
    assert_ne!(kitchen.vectors("shards", "train", "mean"), kitchen.vectors("whole", "train", "mean"));
    // A file more that the pattern finds.
    kitchen.write("train-00002-of-00002.csv", csv(&toy(3, 5)));
    run(&kitchen, "shards.toml");
    assert_eq!(kitchen.features("shards", "train").example_ids().unwrap().len(), 65);
    kitchen.assert_tidy();
}

#[test]
fn what_is_wrong_with_a_shard_is_said_of_the_shard() {
    let kitchen = Kitchen::with_tiny();
    let rows = toy(1, 20);
    kitchen.write("a.csv", csv(&rows[..10]));
    kitchen.write("b.csv", csv(&rows[10..]) + "no label,\n");
    kitchen.write("dev.csv", csv(&toy(2, 10)));
    kitchen.write("set.toml", description("set", "[\"a.csv\", \"b.csv\"]"));
    let tokenize = |more: &[&str]| kitchen.larder(&[&["tokenize", "set.toml", "-e", "tiny"], more].concat());
    tokenize(&[]).exits(3).says(&["b.csv, line 12: `label` is empty"]);
    tokenize(&["--on-bad-row", "skip"]).exits(0).says(&["1 row skipped", "b.csv, line 12"]);
    kitchen.write("set.toml", description("set", "\"train-*.csv\""));
    tokenize(&[]).exits(3).says(&["no file is called as ", "train-*.csv", "`a.csv`, `b.csv`"]);
    kitchen.write("set.toml", description("set", "[\"a.csv\", \"*.csv\"]"));
    tokenize(&[]).exits(3).says(&["a.csv twice", "name it once"]);
}
