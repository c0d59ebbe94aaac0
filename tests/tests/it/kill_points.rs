//! A process that dies at one exact point, and the same command again: in the end everything is as if nothing had happened.
//!
//! Each `kill_point("…")` of the sources has its test here, and the last test fails for one that has none.

use std::collections::BTreeSet;
use std::path::Path;

use larder_tests::{Kitchen, repository, sentences, tagged_toy};
use serde_json::Value;

use crate::scenes::{
    PREDICT, Scene, borrowed, killed_at, kitchen_with_run, new_encoder, replaced_encoder, toy_kitchen,
};

#[test]
fn an_encoder_is_added_whole_or_not_at_all() {
    let scene = new_encoder();
    scene.dies_at("file-written", 4);
    scene.dies_at("file-renamed", 4);
    scene.dies_at("encoder-files-written", 1);
}

#[test]
fn an_encoder_is_replaced_by_a_whole_one() {
    let scene = replaced_encoder();
    scene.dies_at("encoder-files-written", 1);
    scene.dies_at("encoder-moved-aside", 1);
    scene.dies_at("encoder-placed", 1);
}

#[test]
fn every_file_of_a_run_from_text_to_scores() {
    let (kitchen, dataset) = toy_kitchen();
    let scene = Scene::new(kitchen, &["run", &dataset, "-e", "tiny", "--run", "mine"], &PREDICT);
    let scene = scene.beginning_with(&["train", &dataset, "-e", "tiny", "--run", "mine"]);
    scene.dies_at("file-written", 12);
    scene.dies_at("file-renamed", 12);
    scene.dies_at("part-written", 2);
    scene.dies_at("parts-joined", 2);
    scene.dies_at("folder-entry-removed", 2);
    scene.dies_at("folder-emptied", 2);
    scene.dies_at("run-written", 1);
    scene.dies_at("run-placed", 1);
}

#[test]
fn a_run_is_replaced_by_a_whole_one() {
    let (kitchen, dataset) = kitchen_with_run();
    let command = ["train", &dataset, "-e", "tiny", "--run", "mine", "--c", "0.5"];
    let scene = Scene::new(kitchen, &command, &PREDICT);
    scene.dies_at("run-written", 1);
    scene.dies_at("run-moved-aside", 1);
    scene.dies_at("run-placed", 1);
}

#[test]
fn every_file_of_a_tagger() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("toy", &[("train", &tagged_toy(1, 40)), ("dev", &tagged_toy(2, 10))]);
    for split in ["train", "dev"] {
        kitchen.ok(&["encode", &dataset, "-e", "tiny", "--split", split]);
    }
    let with_head = |stage| [stage, dataset.as_str(), "-e", "tiny", "--head", "crf", "--run", "mine"];
    let scene = Scene::new(kitchen, &with_head("run"), &["predict", "mine", "Anna walks"]);
    let scene = scene.beginning_with(&with_head("train"));
    scene.dies_at("file-written", 6);
    scene.dies_at("file-renamed", 6);
}

#[test]
fn an_encode_goes_on_behind_its_finished_parts() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(3, 300, 5);
    // More than the 65,536 rows of a part.
    let rows: Vec<_> = (0..66_000).map(|n| (texts[n % 300].clone(), if n % 2 == 0 { "even" } else { "odd" })).collect();
    let dataset = kitchen.dataset("large", &[("train", &rows)]);
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let scene = Scene::new(kitchen, &["encode", &dataset, "-e", "tiny"], &[]);
    scene.dies_at("part-written", 2);
    scene.dies_at("parts-joined", 1);
}

#[test]
fn an_encode_goes_on_behind_its_finished_batches() {
    let kitchen = Kitchen::empty();
    let config = std::fs::read_to_string(repository().join("tests/fixtures/tiny/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["num_hidden_layers"] = 24.into();
    kitchen.write("config.json", config.to_string());
    kitchen.ok(&["encoder", "init", "--config", "config.json", "--name", "tiny"]);
    // Batches are saved every two seconds: as many rows as this machine does not do in that time.
    for rows in (0..5).map(|doubled| 4_000 << doubled) {
        let kitchen = kitchen.twin();
        let rows: Vec<_> = sentences(4, rows, 12).into_iter().map(|text| (text, "a")).collect();
        let dataset = kitchen.dataset("slow", &[("train", &rows)]);
        kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
        let scene = Scene::new(kitchen, &["encode", &dataset, "-e", "tiny"], &[]);
        if scene.dies_at_passing("batches-saved", 1) {
            return;
        }
    }
    panic!("no batches were saved, however many there were");
}

/// Windows of one text lie in several batches: its row is written when all are there, whenever each was run.
#[test]
fn texts_in_windows_go_on_behind_finished_batches() {
    let kitchen = Kitchen::empty();
    let config = std::fs::read_to_string(repository().join("tests/fixtures/tiny/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["num_hidden_layers"] = 24.into();
    kitchen.write("config.json", config.to_string());
    kitchen.ok(&["encoder", "init", "--config", "config.json", "--name", "tiny"]);
    for texts in (0..5).map(|doubled| 100 << doubled) {
        let kitchen = kitchen.twin();
        let all = sentences(4, 40 * texts, 12);
        let rows: Vec<_> = all.chunks(40).map(|sentences| (sentences.join(" "), "a")).collect();
        let dataset = kitchen.dataset("slow", &[("train", &rows)]);
        let limits = ["--max-tokens", "32", "--long", "windows"];
        kitchen.ok(&[&["tokenize", &dataset, "-e", "tiny"], &limits[..]].concat());
        let scene = Scene::new(kitchen, &[&["encode", &dataset, "-e", "tiny"], &limits[..]].concat(), &[]);
        if scene.dies_at_passing("batches-saved", 1) {
            return;
        }
    }
    panic!("no batches were saved, however many there were");
}

#[test]
fn fine_tuning_goes_on_from_its_checkpoints() {
    let (kitchen, dataset) = toy_kitchen();
    for split in ["train", "dev"] {
        kitchen.ok(&["tokenize", &dataset, "-e", "tiny", "--split", split]);
    }
    let mut command = vec!["finetune", &dataset, "-e", "tiny", "--run", "mine", "--lr", "2e-3", "--batch-rows", "16"];
    command.extend(["--epochs", "2", "--save-every", "3", "--keep-checkpoints", "--threads", "1"]);
    let scene = Scene::new(kitchen, &command, &PREDICT).pausing_at("finetuned-run-placed");
    scene.dies_at("file-written", 16);
    scene.dies_at("file-renamed", 16);
    scene.dies_at("encoder-files-written", 1);
    scene.dies_at("encoder-tuned", 1);
    scene.dies_at("tuned-encoder-moved", 1);
    scene.dies_at("run-written", 1);
    scene.dies_at("run-placed", 1);
    scene.dies_at("finetuned-run-placed", 1);
    scene.dies_at("folder-entry-removed", 4);
    scene.dies_at("folder-emptied", 1);
}

#[test]
fn graphs_have_a_manifest_only_beside_files_of_their_own() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["graphs", &dataset, "-e", "tiny"]);
    let scene = Scene::new(kitchen, &["graphs", &dataset, "-e", "tiny", "--freeze", "embeddings"], &[]);
    scene.dies_at("graphs-manifest-removed", 1);
    scene.dies_at("file-written", 5);
    scene.dies_at("file-renamed", 5);
    let kitchen = scene.kitchen.twin();
    killed_at(&kitchen, &borrowed(&scene.command), "file-renamed", 1);
    assert!(!kitchen.path("home/graphs/toy-tiny/manifest.json").exists(), "the manifest of the older graphs");
}

#[test]
fn an_export_is_whole_or_not_there() {
    let (kitchen, _) = kitchen_with_run();
    let scene = Scene::new(kitchen, &["export", "mine", "-o", "out"], &[]);
    scene.dies_at("file-written", 3);
    scene.dies_at("file-renamed", 3);
    scene.dies_at("export-written", 1);
}

#[test]
fn an_export_is_replaced_by_a_whole_one() {
    let (kitchen, dataset) = kitchen_with_run();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "other", "--c", "0.01"]);
    kitchen.ok(&["export", "other", "-o", "out"]);
    let scene = Scene::new(kitchen, &["export", "mine", "-o", "out", "--force"], &[]);
    scene.dies_at("export-written", 1);
    scene.dies_at("export-moved-aside", 1);
    scene.dies_at("export-placed", 1);
}

#[test]
fn answers_to_a_file_are_whole_or_not_there() {
    let (kitchen, _) = kitchen_with_run();
    let texts = sentences(5, 40, 5);
    let lines: String = texts.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect();
    kitchen.write("rows.jsonl", lines);
    kitchen.write("rows.csv", texts.iter().fold("text\n".to_owned(), |all, text| all + text + "\n"));
    for (input, output) in [("rows.jsonl", "out.jsonl"), ("rows.csv", "out.csv")] {
        let command = ["predict", "mine", "--input", input, "--output", output];
        let scene = Scene::new(kitchen.twin(), &command, &[]);
        scene.dies_at("file-written", 3);
        scene.dies_at("file-renamed", 3);
        scene.dies_at("parts-joined", 1);
        scene.dies_at("folder-entry-removed", 1);
        scene.dies_at("folder-emptied", 1);
    }
}

#[test]
fn answers_to_a_long_file_go_on_behind_the_finished_parts() {
    let (kitchen, _) = kitchen_with_run();
    let texts = sentences(6, 300, 12);
    let rows = (0..40_000).map(|n| format!("{}\n", serde_json::json!({ "text": texts[n % texts.len()] })));
    kitchen.write("rows.jsonl", rows.collect::<String>());
    let command = ["predict", "mine", "--input", "rows.jsonl", "--output", "out.jsonl"];
    let scene = Scene::new(kitchen, &command, &[]);
    // The provenance of the parts, the first part, the second one, and the whole.
    for passing in [2, 3, 4] {
        assert!(scene.dies_at_passing("file-renamed", passing), "there are parts");
    }
    // One part of two is gone, then both.
    assert!(scene.dies_at_passing("folder-entry-removed", 1) && scene.dies_at_passing("folder-entry-removed", 2));
}

#[test]
fn a_report_is_whole_or_not_there() {
    let (kitchen, _) = kitchen_with_run();
    let scene = Scene::new(kitchen, &["report", "mine", "-o", "report.html"], &[]);
    scene.dies_at("file-written", 1);
    scene.dies_at("file-renamed", 1);
}

#[test]
fn every_point_in_the_sources_has_a_test() {
    fn points(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the sources can be listed") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() {
                points(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let calls = text.split("kill_point(\"").skip(1);
                found.extend(calls.filter_map(|call| call.split_once('"')).map(|(name, _)| name.to_owned()));
            }
        }
    }
    let mut found = BTreeSet::new();
    points(&repository().join("crates"), &mut found);
    assert!(found.len() >= 15, "{found:?}");
    let tests = include_str!("kill_points.rs");
    let is_tested = |point: &String| {
        ["dies_at", "dies_at_passing"].iter().any(|call| tests.contains(&format!(".{call}(\"{point}\"")))
    };
    let untested: Vec<_> = found.iter().filter(|point| !is_tested(point)).collect();
    assert!(untested.is_empty(), "no test lets a process die at {untested:?}");
}
