//! What a run is judged on: the dataset that was asked for now, all of its rows, split by split.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use larder_tests::{Kitchen, sentences};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// Texts with a label that a head can learn: texts with many `a` and others.
fn rows(seed: u64, count: usize) -> Vec<(String, &'static str)> {
    let texts = sentences(seed, count, 8).into_iter();
    texts
        .enumerate()
        .map(
            |(at, text)| {
                if at % 2 == 0 { (format!("good {text} fine"), "pos") } else { (format!("bad {text} poor"), "neg") }
            },
        )
        .collect()
}

fn csv(rows: &[(String, &str)]) -> String {
    let rows = rows.iter().map(|(text, label)| format!("{text},{label}\n"));
    std::iter::once("text,label\n".to_owned()).chain(rows).collect()
}

/// Writes `folder/data.toml` of the dataset `set` with its splits.
fn dataset(kitchen: &Kitchen, folder: &str, splits: &[(&str, String)]) -> String {
    std::fs::create_dir_all(kitchen.path(folder)).unwrap();
    let mut spec = "name = \"set\"\ntask = \"sequence\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n".to_owned();
    for (split, content) in splits {
        spec.push_str(&format!("{split} = \"{split}.csv\"\n"));
        kitchen.write(&format!("{folder}/{split}.csv"), content);
    }
    kitchen.write(&format!("{folder}/data.toml"), spec);
    format!("{folder}/data.toml")
}

fn run(kitchen: &Kitchen, dataset: &str, more: &[&str]) -> larder_tests::Answer {
    let args: Vec<&str> =
        ["run", dataset, "-e", "tiny", "--run", "mine"].into_iter().chain(QUICK).chain(more.iter().copied()).collect();
    kitchen.ok(&args)
}

fn metrics(kitchen: &Kitchen) -> Value {
    serde_json::from_slice(&std::fs::read(kitchen.path("home/runs/mine/metrics.json")).unwrap()).unwrap()
}

fn split<'a>(metrics: &'a Value, name: &str) -> &'a Value {
    let splits = metrics["splits"].as_array().expect("splits");
    splits.iter().find(|split| split["split"] == name).unwrap_or_else(|| panic!("no {name} in {metrics:#}"))
}

fn names(metrics: &Value, key: &str) -> Vec<String> {
    metrics[key]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["split"].as_str().expect("a name").to_owned())
        .collect()
}

/// (gold, answer) of each split's rows in the predictions.
fn answers(kitchen: &Kitchen) -> BTreeMap<String, Vec<(Option<String>, String)>> {
    let file = std::fs::File::open(kitchen.path("home/runs/mine/predictions.parquet")).unwrap();
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let column = |name: &str| batch[name].as_string::<i32>().clone();
        let gold = if batch.schema().column_with_name("label").is_some() { column("label") } else { column("tag") };
        let (splits, answer) = (column("split"), column("prediction"));
        for row in 0..batch.num_rows() {
            let gold = (!gold.is_null(row)).then(|| gold.value(row).to_owned());
            found.entry(splits.value(row).to_owned()).or_default().push((gold, answer.value(row).to_owned()));
        }
    }
    found
}

fn flipped(rows: &[(String, &'static str)]) -> Vec<(String, &'static str)> {
    rows.iter().map(|(text, label)| (text.clone(), if *label == "pos" { "neg" } else { "pos" })).collect()
}

#[test]
fn a_run_is_judged_on_the_dataset_that_was_asked_for() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = (csv(&rows(1, 80)), rows(2, 40));
    let ours = dataset(&kitchen, "a", &[("train", train.clone()), ("dev", csv(&dev))]);
    let theirs = dataset(&kitchen, "b", &[("train", train), ("dev", csv(&flipped(&dev)))]);
    run(&kitchen, &ours, &[]);
    let mcc = |kitchen: &Kitchen| split(&metrics(kitchen), "dev")["scores"]["mcc"].as_f64().unwrap();
    let first = mcc(&kitchen);
    assert!(first > 0.5, "the classes can be told apart: {first}");
    run(&kitchen, &theirs, &[]).says(&["up to date"]);
    assert_eq!(mcc(&kitchen), -first, "the same answers to labels that are the other way round");
    // The other commands take the place that was asked for last, or the one that they are told.
    kitchen.ok(&["eval", "mine"]);
    assert_eq!(mcc(&kitchen), -first);
    kitchen.ok(&["eval", "mine", "--dataset", &ours]);
    assert_eq!(mcc(&kitchen), first);
}

#[test]
fn rows_of_different_files_are_not_the_same_rows() {
    let kitchen = Kitchen::with_tiny();
    let train = csv(&rows(1, 80));
    // As many rows with the same labels, and without ids of their own.
    let ours = dataset(&kitchen, "a", &[("train", train.clone()), ("dev", csv(&rows(2, 40)))]);
    let theirs = dataset(&kitchen, "b", &[("train", train), ("dev", csv(&rows(3, 40)))]);
    let run = |dataset: &str, name: &str| {
        kitchen.ok(&[&["run", dataset, "-e", "tiny", "--run", name][..], &QUICK].concat());
    };
    run(&ours, "mine");
    run(&theirs, "other");
    let compare = ["compare", "mine", "other", "--split", "dev"];
    kitchen
        .larder(&compare)
        .exits(3)
        .says(&["split `dev` is another file for one than for the other", "--dataset FILE"]);
    kitchen.ok(&[&compare[..], &["--dataset", &theirs]].concat());

    // The cache of both runs holds the rows of `theirs`; a page of answers to those of `ours` shows none of their texts.
    kitchen.ok(&["eval", "mine", "--dataset", &ours]);
    let text = |seed: u64| rows(seed, 40)[0].0.clone();
    let page = |kitchen: &Kitchen| {
        kitchen.ok(&["report", "mine", "-o", "page.html"]);
        std::fs::read_to_string(kitchen.path("page.html")).unwrap()
    };
    let own = page(&kitchen);
    assert!(own.contains(&text(2)) && !own.contains("of another file than the answers"));
    kitchen.ok(&["eval", "other", "--dataset", &theirs]);
    let others = page(&kitchen);
    assert!(others.contains("of another file than the answers"));
    assert!(!others.contains(&text(3)) && !others.contains(&text(2)), "no text that may not be the row's");
}

#[test]
fn a_moved_folder_changes_nothing() {
    let kitchen = Kitchen::with_tiny();
    let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("dev", csv(&rows(2, 40)))]);
    run(&kitchen, &ours, &[]);
    let before = metrics(&kitchen);
    std::fs::rename(kitchen.path("a"), kitchen.path("moved")).unwrap();
    kitchen.larder(&["eval", "mine"]).exits(3).says(&["a/data.toml", "--dataset FILE"]);
    kitchen.larder(&["export", "mine", "-o", "out"]).exits(3).says(&["a/data.toml", "--dataset FILE"]);
    kitchen.ok(&["eval", "mine", "--dataset", "moved/data.toml"]);
    assert_eq!(metrics(&kitchen), before);
    run(&kitchen, "moved/data.toml", &[]).says(&["train    mine: up to date", "encode   train: up to date"]);
    assert_eq!(metrics(&kitchen), before);
    kitchen.ok(&["eval", "mine"]);
    kitchen.ok(&["export", "mine", "-o", "out"]);
}

#[test]
fn one_split_judged_again_leaves_the_others() {
    let kitchen = Kitchen::with_tiny();
    let (dev, test) = (rows(2, 40), rows(3, 30));
    let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("dev", csv(&dev)), ("test", csv(&test))]);
    run(&kitchen, &ours, &[]);
    let before = (metrics(&kitchen), answers(&kitchen));
    assert_eq!(names(&before.0, "splits"), ["dev", "test"]);
    kitchen.ok(&["eval", "mine", "--split", "dev"]);
    assert_eq!((metrics(&kitchen), answers(&kitchen)), before);
    kitchen.write("a/test.csv", csv(&flipped(&test)));
    kitchen.ok(&["report", "mine", "-o", "page.html"]);
    let page = std::fs::read_to_string(kitchen.path("page.html")).unwrap();
    assert!(page.contains("test: these scores are of another file"), "scores of an earlier file are called that");
    kitchen.ok(&["eval", "mine", "--split", "dev"]);
    assert_eq!(names(&metrics(&kitchen), "splits"), ["dev"], "what is of another file goes");
    assert_eq!(answers(&kitchen).into_keys().collect::<Vec<_>>(), ["dev"]);
    kitchen.ok(&["eval", "mine", "--split", "test"]);
    assert_eq!(names(&metrics(&kitchen), "splits"), ["dev", "test"]);
    let mcc = |metrics: &Value, name: &str| split(metrics, name)["scores"]["mcc"].as_f64().unwrap();
    assert_eq!(mcc(&metrics(&kitchen), "test"), -mcc(&before.0, "test"));
    assert_eq!(split(&metrics(&kitchen), "dev"), split(&before.0, "dev"));
}

#[test]
fn rows_that_are_left_out_are_told_wherever_scores_are() {
    let kitchen = Kitchen::with_tiny();
    let mut dev = csv(&rows(2, 40));
    dev.push_str(",pos\n ,neg\n");
    let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("dev", dev)]);
    let said = "dev: 2 of the 42 rows of its file could not be used and were left out";
    run(&kitchen, &ours, &["--on-bad-row", "skip"]).prints(&[said]);
    assert_eq!(split(&metrics(&kitchen), "dev")["skipped_rows"], 2);
    kitchen.ok(&["eval", "mine"]).prints(&[said]);
    assert_eq!(kitchen.json(&["eval", "mine"])["splits"][0]["skipped_rows"], 2);
    kitchen.ok(&["report", "mine", "-o", "page.html"]);
    assert!(std::fs::read_to_string(kitchen.path("page.html")).unwrap().contains("dev: 2 of the 42 rows"));
    kitchen.ok(&["export", "mine", "-o", "out"]);
    let card = std::fs::read_to_string(kitchen.path("out/README.md")).unwrap();
    assert!(card.contains("dev: 2 of 42 rows could not be used"), "{card}");
}

#[test]
fn a_label_that_training_never_saw_is_a_wrong_answer() {
    let kitchen = Kitchen::with_tiny();
    let mut dev = rows(2, 20);
    dev.extend((0..5).map(|at| (format!("rain tomorrow {at}"), "weather")));
    let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("dev", csv(&dev))]);
    let listed = kitchen.write(
        "a/listed.toml",
        std::fs::read_to_string(kitchen.path(&ours))
            .unwrap()
            .replace("[splits]", "[labels]\nnames = [\"neg\", \"pos\", \"weather\"]\n[splits]"),
    );
    let listed = listed.display().to_string();
    let said = "dev: 5 of 25 rows have a label that training never saw (`weather`): no answer to them is right";
    let ways: [(&str, &[&str]); 4] =
        [(&ours, &[]), (&listed, &[]), (&ours, &["--on-bad-row", "skip"]), (&ours, &["--head", "mlp"])];
    for (set, more) in ways {
        let quick: Vec<&str> = if more.contains(&"mlp") { QUICK[2..].to_vec() } else { QUICK.to_vec() };
        let args: Vec<&str> =
            ["run", set, "-e", "tiny", "--run", "mine"].into_iter().chain(quick).chain(more.iter().copied()).collect();
        kitchen.ok(&args).prints(&[said]);
        let metrics = metrics(&kitchen);
        let dev = split(&metrics, "dev");
        let rows = &answers(&kitchen)["dev"];
        assert_eq!(rows.len(), 25, "{more:?}");
        // `accuracy_score` over all rows of the file.
        let right = rows.iter().filter(|(gold, answer)| gold.as_ref() == Some(answer)).count();
        // A perceptron learns little from eighty rows of random vectors.
        let least = if more.contains(&"mlp") { 0 } else { 10 };
        assert!(right > least, "the two classes of train are told apart: {right}, {more:?}");
        assert_eq!(dev["scores"]["accuracy"].as_f64().unwrap(), right as f64 / 25.0, "{more:?}");
        assert_eq!(dev["unseen_labels"], serde_json::json!(["weather"]));
        assert_eq!(dev["confusion"].as_array().unwrap().len(), 3);
    }
    kitchen.ok(&["report", "mine", "-o", "page.html"]);
    assert!(std::fs::read_to_string(kitchen.path("page.html")).unwrap().contains("weather"));
}

#[test]
fn a_split_without_labels_costs_nothing_and_is_answered() {
    let kitchen = Kitchen::with_tiny();
    let unlabelled =
        |label: &'static str| csv(&rows(3, 10).into_iter().map(|(text, _)| (text, label)).collect::<Vec<_>>());
    let no_column: String = std::iter::once("text\n".to_owned())
        .chain(rows(3, 10).into_iter().map(|(text, _)| format!("{text}\n")))
        .collect();
    for test in [unlabelled("-1"), unlabelled(""), unlabelled("_"), no_column] {
        let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("dev", csv(&rows(2, 40))), ("test", test)]);
        run(&kitchen, &ours, &[]).prints(&["test: no labels in its 10 rows, so it has no scores"]);
        let metrics = metrics(&kitchen);
        assert_eq!(
            (names(&metrics, "splits"), names(&metrics, "unscored")),
            (vec!["dev".to_owned()], vec!["test".to_owned()])
        );
        let test = &answers(&kitchen)["test"];
        assert!(test.len() == 10 && test.iter().all(|(gold, _)| gold.is_none()), "{test:?}");
        assert!(test.iter().any(|(_, answer)| answer == "pos") && test.iter().any(|(_, answer)| answer == "neg"));
        kitchen.ok(&["eval", "mine"]).prints(&["test: no labels"]);
        kitchen.ok(&["report", "mine", "-o", "page.html"]);
        assert!(std::fs::read_to_string(kitchen.path("page.html")).unwrap().contains("test: no labels in its 10 rows"));
    }
    // Among rows with labels, one without is a bad row.
    let mixed = csv(&rows(3, 10)) + "what is this,-1\n";
    let ours = dataset(&kitchen, "a", &[("train", csv(&rows(1, 80))), ("test", mixed)]);
    let args = ["run", ours.as_str(), "-e", "tiny", "--run", "mine"];
    kitchen.larder(&args).exits(3).says(&["test.csv, line 12", "stands for no label", "--on-bad-row skip"]);
}

#[test]
fn a_taggers_split_without_tags_is_answered_too() {
    let kitchen = Kitchen::with_tiny();
    let sentence = |person: &str, tags: bool| match tags {
        true => format!("{person}\tB-PER\nsings\tO\nin\tO\nParis\tB-LOC\n\n"),
        false => format!("{person}\nsings\nin\nParis\n\n"),
    };
    let people = ["Ada", "Charles", "Grace", "Alan"];
    let train: String = (0..40).map(|at| sentence(people[at % 4], true)).collect();
    let spec = "name = \"tags\"\ntask = \"tagging\"\nformat = \"conll\"\nseparator = \"tab\"\n[columns]\nwords = 0\ntags = 1\n[splits]\ntrain = \"train.conll\"\ndev = \"dev.conll\"\ntest = \"test.conll\"\n";
    kitchen.write("tags.toml", spec);
    kitchen.write("train.conll", &train);
    kitchen.write("dev.conll", sentence("Ada", true) + &sentence("Alan", true));
    kitchen.write("test.conll", sentence("Grace", false) + &sentence("Ada", false));
    kitchen
        .ok(&["run", "tags.toml", "-e", "tiny", "--run", "mine", "--c", "1"])
        .prints(&["test: no tags in its 2 rows"]);
    let metrics = metrics(&kitchen);
    assert_eq!(
        (names(&metrics, "splits"), names(&metrics, "unscored")),
        (vec!["dev".to_owned()], vec!["test".to_owned()])
    );
    let test = &answers(&kitchen)["test"];
    assert!(test.len() == 8 && test.iter().all(|(gold, _)| gold.is_none()), "{test:?}");
    assert!(test.iter().any(|(_, answer)| answer == "B-PER"), "{test:?}");
    let conll = std::fs::read_to_string(kitchen.path("home/runs/mine/predictions.test.conll")).unwrap();
    assert_eq!(conll.lines().filter(|line| !line.is_empty()).count(), 8);
    kitchen.ok(&["eval", "mine", "--split", "dev"]);
    assert_eq!(answers(&kitchen).into_keys().collect::<Vec<_>>(), ["dev", "test"]);
}
