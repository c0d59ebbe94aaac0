//! Diagnosis through the binary: each finding on a run that is made to show it, and silence on one that is well.

use std::collections::{BTreeSet, HashSet};

use larder_tags::Scheme;
use larder_tests::{Answer, Kitchen, Random, Tagged, conll, number, tagged_toy};
use serde_json::Value;

const COLOURS: [&str; 8] = ["red", "green", "blue", "black", "white", "pink", "brown", "grey"];
const MOVES: [&str; 8] = ["runs", "walks", "jumps", "sits", "eats", "flies", "swims", "falls"];

/// One strength and no class weights: what is looked at is the rows, and fits take time.
const QUICK: [&str; 4] = ["--c", "0.1", "--class-weight", "none"];

type Rows = Vec<(String, &'static str)>;

/// `rows` different texts of six words about colours and moves in turn, none of which is in `taken`.
fn rows(random: &mut Random, rows: usize, taken: &mut HashSet<String>) -> Rows {
    let mut made = Vec::new();
    while made.len() < rows {
        let (words, label) = if made.len() % 2 == 0 { (&COLOURS, "colour") } else { (&MOVES, "move") };
        let text: Vec<&str> = (0..6).map(|_| words[random.below(8)]).collect();
        let text = text.join(" ");
        if taken.insert(text.clone()) {
            made.push((text, label));
        }
    }
    made
}

/// Train of 240 rows and dev of 100, with nothing wrong.
fn healthy() -> (Rows, Rows) {
    let (mut random, mut taken) = (Random::new(5), HashSet::new());
    (rows(&mut random, 240, &mut taken), rows(&mut random, 100, &mut taken))
}

fn run(kitchen: &Kitchen, name: &str, train: &[(String, &'static str)], dev: &Rows, more: &[&str]) -> Value {
    let dataset = kitchen.dataset(name, &[("train", train), ("dev", dev)]);
    let args: Vec<&str> = ["run", &dataset, "-e", "tiny", "--run", name].iter().chain(more).copied().collect();
    kitchen.json(&args)
}

/// (kind, split) of everything found.
fn kinds(diagnosis: &Value) -> BTreeSet<(String, String)> {
    let findings = diagnosis["findings"].as_array().expect("a list of findings");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    findings.iter().map(|finding| (text(&finding["kind"]), text(&finding["split"]))).collect()
}

#[track_caller]
fn finds(report: &Value, kind: &str, split: &str) -> Value {
    let findings = report["diagnosis"]["findings"].as_array().expect("a list of findings");
    let of_split = |finding: &&Value| finding["split"].as_str().unwrap_or("") == split;
    let found = findings.iter().filter(of_split).find(|finding| finding["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} of {split:?} in {:#}", report["diagnosis"])).clone()
}

fn said(finding: &Value) -> String {
    ["finding", "evidence", "remedy"].map(|part| finding[part].as_str().expect("a sentence")).join(" ")
}

#[test]
fn a_healthy_run_is_met_with_silence_and_a_learning_curve() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = healthy();
    let report = run(&kitchen, "well", &train, &dev, &QUICK);
    assert!(number(&report, "/evaluation/splits/0/scores/mcc") > 0.9, "{report:#}");
    assert_eq!(kinds(&report["diagnosis"]), BTreeSet::new(), "{:#}", report["diagnosis"]);
    assert_eq!(report["evaluation"]["splits"][0]["advice"], Value::Array(Vec::new()));

    let curve = report["diagnosis"]["learning_curve"].as_array().expect("a list");
    let rows: Vec<f64> = curve.iter().map(|point| number(point, "/rows")).collect();
    assert_eq!(rows, [24.0, 48.0, 96.0, 192.0], "of 240 rows, four of five in a fold");
    let chosen = &report["training"]["selection"]["entries"][0];
    assert_eq!(number(&curve[3], "/score"), number(chosen, "/mean"));
    assert_eq!(curve[0]["metric"], "mcc");
    let file: Value = serde_json::from_slice(&kitchen.run_file("well", "diagnosis.json")).expect("JSON");
    assert_eq!(
        (&file["format_version"], &file["run"], &file["learning_curve"][3]),
        (&1.into(), &"well".into(), &curve[3])
    );
}

#[test]
fn rows_that_are_wrong_are_pointed_to() {
    let kitchen = Kitchen::with_tiny();
    let (mut train, mut dev) = healthy();
    // Eight labels are wrong: those of rows 20, 40, ..., which are about colours.
    for at in 1..=8 {
        train[20 * at].1 = "move";
    }
    // Four rows twice, in other letters; one text with both labels; two rows of dev are in train.
    train.extend((101..105).map(|at: usize| (train[at].0.to_uppercase(), train[at].1)).collect::<Rows>());
    train.push((train[7].0.clone(), "colour"));
    dev[3] = train[11].clone();
    dev[8] = (format!(" {}  ", train[30].0), "move");
    let report = run(&kitchen, "wrong", &train, &dev, &["--c", "1", "--class-weight", "none"]);

    let wrong = finds(&report, "label_errors", "");
    let ids: HashSet<&str> =
        wrong["rows"].as_array().expect("rows").iter().map(|row| row["example_id"].as_str().expect("an id")).collect();
    let planted: HashSet<String> = (1..=8).map(|at| (20 * at).to_string()).collect();
    assert!(planted.iter().filter(|id| ids.contains(id.as_str())).count() >= 4, "{wrong:#}");
    // The text with both labels is the other that is rightly doubted.
    assert!(ids.iter().all(|id| planted.contains(*id) || ["7", "244"].contains(id)), "{wrong:#}");
    assert!(wrong["rows"][0]["note"].as_str().expect("a note").contains("labelled `"), "{wrong:#}");
    assert!(wrong["rows"][0]["text"].as_str().expect("a text").split(' ').count() == 6, "{wrong:#}");

    let twice = finds(&report, "duplicate_rows", "");
    assert!(said(&twice).contains("4 (1.6 %)") && said(&twice).contains("0 equal letter by letter, 4"), "{twice:#}");
    let both = finds(&report, "contradictory_rows", "");
    assert_eq!(both["rows"].as_array().expect("rows").len(), 2);
    assert_eq!(both["rows"][0]["note"], "labelled `move`, elsewhere `colour`");
    let leak = finds(&report, "leaked_rows", "dev");
    assert!(
        said(&leak).starts_with("rows of dev are in train too 2 (2.0 %) of its 100 rows, 1 with the same label"),
        "{leak:#}"
    );
    assert_eq!(leak["rows"][0]["text"], train[11].0.as_str());

    // People see the first rows, and judging one split anew leaves what is known of the training.
    let shown: Answer = kitchen.ok(&["eval", "wrong"]);
    shown.prints(&["Rows of dev are in train too", &train[11].0]).does_not_print("Some labels of train look wrong");
    let file: Value = serde_json::from_slice(&kitchen.run_file("wrong", "diagnosis.json")).expect("JSON");
    assert_eq!(kinds(&file), kinds(&report["diagnosis"]));
    kitchen
        .ok(&["train", "wrong.toml", "-e", "tiny", "--run", "wrong", "--force", "--c", "0.1", "--class-weight", "none"])
        .prints(&["Some labels of train look wrong", "Train has rows more than once", "mcc on held-out rows of train"]);
}

#[test]
fn labels_that_do_not_belong_to_their_texts_are_seen_in_loss_and_scores() {
    let kitchen = Kitchen::with_tiny();
    let (mut train, mut dev) = healthy();
    let mut random = Random::new(9);
    // Four of five rows are of one class, whatever the text says.
    for row in train.iter_mut().chain(&mut dev) {
        row.1 = if random.below(5) == 0 { "move" } else { "colour" };
    }
    let accuracy = ["--layers", "-1", "--metric", "accuracy", "--c", "0.001", "--class-weight", "none"];
    let report = run(&kitchen, "noise", &train, &dev, &accuracy);
    assert!(said(&finds(&report, "prior_entropy", "")).contains("--layers all"));
    let one = finds(&report, "one_answer", "dev");
    assert!(said(&one).contains("`colour` is the answer to every row"), "{one:#}");

    // Fewer rows than the features can tell apart, and hardly any regularisation: learned by heart.
    let few: Rows =
        train.iter().take(60).enumerate().map(|(at, row)| (row.0.clone(), ["a", "b"][at % 4 / 2])).collect();
    let other: Rows = dev.iter().enumerate().map(|(at, row)| (row.0.clone(), ["a", "b"][at % 4 / 2])).collect();
    let loose = run(&kitchen, "loose", &few, &other, &["--c", "1000", "--class-weight", "none", "--threshold", "half"]);
    assert!(said(&finds(&loose, "over_fitted", "")).contains("--c"));
    let at = finds(&loose, "majority_baseline", "dev");
    assert!(said(&at).contains("always answering `a` scores"), "{at:#}");
}

#[test]
fn texts_that_the_encoder_does_not_read_are_told_of() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = healthy();
    let cut = run(&kitchen, "cut", &train, &dev, &[&QUICK[..], &["--max-tokens", "5"]].concat());
    for split in ["", "dev"] {
        assert!(said(&finds(&cut, "truncated_texts", split)).contains("--max-tokens"));
    }
    let foreign: Rows = dev.iter().map(|(text, label)| (format!("{text} 猫が座る"), *label)).collect();
    let report = run(&kitchen, "foreign", &train, &foreign, &QUICK);
    assert!(said(&finds(&report, "unknown_tokens", "dev")).contains("stand for something unknown"));
}

#[test]
fn few_rows_of_a_class_and_a_split_of_other_texts_are_told_of() {
    let kitchen = Kitchen::with_tiny();
    let (train, _) = healthy();
    let few: Rows = train
        .iter()
        .enumerate()
        .filter(|(at, row)| row.1 == "colour" || at % 24 == 1)
        .map(|(_, row)| row.clone())
        .collect();
    // Dev calls moves colours, and the other way round, in texts that are longer.
    let other: Rows = train
        .iter()
        .take(100)
        .map(|(text, label)| (format!("{text} {text} pink"), if *label == "move" { "colour" } else { "move" }))
        .collect();
    let report = run(&kitchen, "few", &few, &other, &QUICK);
    let rare = finds(&report, "imbalanced_labels", "");
    assert!(said(&rare).contains("`move` 10, of 130 rows") && said(&rare).contains("--class-weight"), "{rare:#}");
    let unlike = finds(&report, "unlike_train", "dev");
    assert!(said(&unlike).contains("a classifier on the head's features"), "{unlike:#}");
}

#[test]
fn the_course_of_a_training_is_told_of() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = healthy();
    let dataset = kitchen.dataset("course", &[("train", &train), ("dev", &dev)]);
    let tune = |run: &str, more: &[&str]| {
        let args = ["finetune", &dataset, "-e", "tiny", "--batch-rows", "8", "--run", run];
        kitchen.json(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let slow = tune("slow", &["--lr", "1e-7", "--epochs", "1"]);
    assert!(said(&finds(&slow, "learning_rate", "")).contains("2e-5 to 5e-5"));
    assert!(said(&finds(&slow, "prior_entropy", "")).contains("for guessing by the labels' shares"));

    let dropped = tune("dropped", &["--lr", "2e-3", "--epochs", "4", "--dropout", "0.5"]);
    let gap = finds(&dropped, "dropout_gap", "");
    assert!(said(&gap).contains("no sign of a leak") && said(&gap).contains("up to 50 %"), "{gap:#}");

    let perceptron = ["run", &dataset, "-e", "tiny", "--head", "mlp", "--epochs", "2", "--learning-rate", "1e-3"];
    let short = kitchen.json(&perceptron);
    assert!(said(&finds(&short, "under_trained", "")).contains("--epochs"));
}

#[test]
fn a_taggers_rows_are_looked_at_too() {
    let kitchen = Kitchen::with_tiny();
    let (mut train, mut dev) = (tagged_toy(1, 150), tagged_toy(2, 40));
    // A sentence with other tags, a rare type, and a fifth of dev from train.
    let mut other = train[5].clone();
    other.tags.iter_mut().for_each(|tag| "O".clone_into(tag));
    assert!(other.tags != train[5].tags, "the sentence has an entity");
    train.push(other);
    let at = train.iter().position(|one| one.tags.contains(&"B-place".to_owned())).expect("there are places");
    let rare = train[at].tags.iter().position(|tag| tag == "B-place").expect("it has one");
    "B-month".clone_into(&mut train[at].tags[rare]);
    dev.splice(0..8, train[20..28].to_vec());
    let text = |rows: &[Tagged]| conll(rows, Scheme::Iob2);
    let dataset = kitchen.conll("names", Scheme::Iob2, &[("train", text(&train)), ("dev", text(&dev))]);
    let report = kitchen.json(&["run", &dataset, "-e", "tiny", "--c", "0.1"]);
    assert!(said(&finds(&report, "contradictory_rows", "")).contains("different tags"));
    assert!(said(&finds(&report, "leaked_rows", "dev")).contains("of its 40 rows"));
    assert!(said(&finds(&report, "imbalanced_labels", "")).contains("`month` 1, of"));
    let silent = ["run", &dataset, "-e", "tiny", "--c", "1e-9", "--threshold", "half", "--run", "silent"];
    assert!(said(&finds(&kitchen.json(&silent), "one_answer", "dev")).contains("almost no entity"));
}

/// Labels by a file: `1` and `1.0` are two classes to larder, as are `spam` and `Spam`, and numbers are names.
#[test]
fn labels_that_may_not_be_what_they_seem_are_said() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = healthy();
    // Every row gets one of the names of its class in turn.
    let renamed = |rows: &Rows, names: [&'static [&'static str]; 2]| -> Rows {
        let name = |(at, (text, label)): (usize, &(String, &'static str))| {
            let names = names[usize::from(*label == "move")];
            (text.clone(), names[at / 2 % names.len()])
        };
        rows.iter().enumerate().map(name).collect()
    };
    for (name, names, kind, shown) in [
        ("spelt", [&["0", "0.0"][..], &["1", "1.0"]], "similar_labels", "`0` and `0.0`, `1` and `1.0` differ only"),
        ("scale", [&["0.500", "1.250"], &["4.250", "5.000"]], "numeric_labels", "from 0.5 to 5"),
        ("several", [&["3", "27"], &["3,27", "27,3"]], "combined_labels", "2 of 4 labels have `,` in them"),
    ] {
        let report = run(&kitchen, name, &renamed(&train, names), &renamed(&dev, names), &QUICK);
        assert!(said(&finds(&report, kind, "")).contains(shown), "{name}: {:#}", report["diagnosis"]);
    }
    let plain = run(&kitchen, "plain", &renamed(&train, [&["0"], &["1"]]), &renamed(&dev, [&["0"], &["1"]]), &QUICK);
    assert!(kinds(&plain["diagnosis"]).iter().all(|(kind, _)| !kind.ends_with("_labels")), "{:#}", plain["diagnosis"]);
}
