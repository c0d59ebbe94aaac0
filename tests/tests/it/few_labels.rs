//! Heads for few labels: `--head prototype`, `--head knn`, `--shots`, and what is otherwise where rows are few.

use larder_tests::{Kitchen, number, toy};
use serde_json::Value;

fn dev_mcc(report: &Value) -> f64 {
    number(report, "/evaluation/splits/0/scores/mcc")
}

#[test]
fn prototypes_and_neighbours_are_runs_like_any_other() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = (toy(1, 60), toy(2, 30));
    let dataset = kitchen.dataset("toy", &[("train", &train), ("dev", &dev)]);
    for head in ["prototype", "labels", "knn"] {
        let run = ["run", &dataset, "-e", "tiny", "--head", head, "--run", head];
        let report = kitchen.json(&run);
        assert!(dev_mcc(&report) > 0.8, "{head}: a constant answer has 0: {}", report["evaluation"]);
        kitchen.ok(&run).says(&[&format!("train    {head}: up to date")]);
        assert_eq!(kitchen.json(&["eval", head])["splits"][0]["scores"], report["evaluation"]["splits"][0]["scores"]);
        kitchen.ok(&["report", head, "-o", &format!("{head}.html")]);
        // The check compares the file's probabilities with the run's.
        kitchen.ok(&["export", head, "-o", &format!("exported-{head}")]);
        let raw = [&run[..6], &["--raw-features", "--run", "raw", "--force"]].concat();
        assert!(dev_mcc(&kitchen.json(&raw)) > 0.5, "{head}");
    }
    let compared = kitchen.json(&["compare", "prototype", "knn"]);
    let heads: Vec<&str> =
        compared["runs"].as_array().unwrap().iter().map(|run| run["head"].as_str().unwrap()).collect();
    assert_eq!(heads, ["prototype", "knn"]);

    // Other neighbours are another head.
    let three = ["run", &dataset, "-e", "tiny", "--head", "knn", "--neighbours", "3", "--run", "knn"];
    kitchen.ok(&three).says(&["neighbours"]);
    let record: Value =
        serde_json::from_slice(&std::fs::read(kitchen.path("home/runs/knn/run.json")).unwrap()).unwrap();
    assert_eq!(record["head"]["kind"], "similarity");
    assert_eq!(record["head"]["settings"]["neighbours"], serde_json::json!([3]));
}

#[test]
fn neighbours_are_named_as_evidence_everywhere() {
    let kitchen = Kitchen::with_tiny();
    let train = toy(1, 60);
    let dataset = kitchen.dataset("toy", &[("train", &train), ("dev", &toy(2, 30))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--head", "knn", "--run", "knn"]);
    let (text, label) = &train[7];
    let answer = kitchen.json(&["predict", "knn", text]);
    let first = &answer["evidence"][0];
    assert_eq!(first["label"].as_str(), Some(*label));
    assert!((number(first, "/similarity") - 1.0).abs() < 1e-5, "a training row is like itself: {answer:#}");
    assert_eq!(answer["evidence"].as_array().unwrap().len(), 3);
    let id = first["id"].as_str().unwrap();
    kitchen.ok(&["predict", "knn", text]).prints(&[&format!("like {id} ({label}, 1.00)")]);

    kitchen.write("new.csv", format!("text\n{text}\n\nred runs\n"));
    kitchen.ok(&["predict", "knn", "--input", "new.csv", "--output", "answers.csv"]);
    let answers = std::fs::read_to_string(kitchen.path("answers.csv")).unwrap();
    let header: Vec<&str> = answers.lines().next().unwrap().split(',').collect();
    assert_eq!(header.last(), Some(&"evidence"));
    assert!(answers.lines().nth(1).unwrap().contains(id), "{answers}");
    kitchen.write("new.jsonl", format!("{}\n", serde_json::json!({ "text": text })));
    kitchen.ok(&["predict", "knn", "--input", "new.jsonl", "--output", "answers.jsonl"]);
    let answers = std::fs::read_to_string(kitchen.path("answers.jsonl")).unwrap();
    let line: Value = serde_json::from_str(answers.lines().next().unwrap()).unwrap();
    assert_eq!(line["evidence"][0]["id"], id);

    // A head that keeps no rows names none.
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "logistic"]);
    assert!(kitchen.json(&["predict", "logistic", text]).get("evidence").is_none());
}

#[test]
fn shots_are_drawn_scored_and_leave_no_run() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 150)), ("dev", &toy(2, 60))]);
    let shots = ["run", &dataset, "-e", "tiny", "--shots", "2,10", "--seeds", "0..3"];
    let outcome = kitchen.json(&shots);
    assert_eq!(outcome["seeds"], serde_json::json!([0, 1, 2, 3]));
    let entries = outcome["entries"].as_array().unwrap();
    let told: Vec<(u64, u64, &str)> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["mcc"]["values"].as_array().unwrap().len(), 4);
            (entry["shots"].as_u64().unwrap(), entry["rows"].as_u64().unwrap(), entry["head"].as_str().unwrap())
        })
        .collect();
    let expected: Vec<(u64, u64, &str)> = [2, 10]
        .into_iter()
        .flat_map(|shots| ["logistic", "prototype", "knn"].map(|head| (shots, 2 * shots, head)))
        .collect();
    assert_eq!(told, expected);
    for entry in &entries[3..] {
        assert!(number(entry, "/mcc/mean") > 0.6, "{entry}");
    }
    assert!(number(&entries[0], "/mcc/deviation") > 0.0, "draws differ: {}", entries[0]);
    assert_eq!(outcome["entries"][0]["accuracy"], kitchen.json(&shots)["entries"][0]["accuracy"], "the same again");
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--shots", "90", "--seeds", "1", "--heads", "prototype"]).prints(&[
        "rows a class",
        "mean ± standard deviation of 1 draw",
        "note: `",
        "training rows: more shots take all",
    ]);
    let names = kitchen.json(&[&shots[..4], &["--shots", "1", "--heads", "labels,prototype"]].concat());
    assert_eq!((&names["entries"][0]["head"], &names["entries"][0]["rows"]), (&"labels".into(), &2.into()));
    assert!(kitchen.runs().is_empty(), "{:?}", kitchen.runs());
    kitchen.assert_tidy();
}

#[test]
fn few_rows_get_all_layers_unless_told_otherwise() {
    let kitchen = Kitchen::with_tiny();
    let few = kitchen.dataset("few", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let note = "note     fewer than 500 rows to train on: vectors of all layers";
    kitchen
        .ok(&["run", &few, "-e", "tiny"])
        .says(&[note])
        .prints(&["mean (all 3) (chosen)", "fewer than 500 rows: all columns"]);
    kitchen.ok(&["run", &few, "-e", "tiny", "--layers", "-1", "--run", "last"]).does_not_say(note);
    let many = kitchen.dataset("many", &[("train", &toy(1, 500)), ("dev", &toy(2, 30))]);
    kitchen.ok(&["run", &many, "-e", "tiny", "--c", "1"]).does_not_say(note).prints(&["within one standard error"]);
}

#[test]
fn what_does_not_go_together_is_said() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 20)), ("dev", &toy(2, 10))]);
    let run = ["run", dataset.as_str(), "-e", "tiny"];
    let refused = |more: &[&str], says: &[&str]| drop(kitchen.larder(&[&run[..], more].concat()).exits(2).says(says));
    refused(&["--head", "prototype", "--c", "1"], &["--c means nothing for the head prototype"]);
    refused(&["--head", "knn", "--metric", "accuracy"], &["--metric"]);
    refused(&["--head", "prototype", "--neighbours", "3"], &["--neighbours", "knn"]);
    refused(&["--head", "knn", "--neighbours", "0"], &["neighbours", "at least 1"]);
    refused(&["--heads", "knn"], &["--shots"]);
    refused(&["--shots", "0"], &["--shots"]);
    refused(&["--shots", "2", "--seeds", "1..x"], &["`x` is no seed"]);
    refused(&["--shots", "2", "--heads", "mlp"], &["mlp", "logistic, prototype, labels, knn"]);
    kitchen.larder(&["train", &dataset, "-e", "tiny", "--shots", "2"]).exits(2).says(&["larder run"]);
    kitchen.larder(&["compare", &dataset, "--encoders", "tiny,tiny", "--shots", "2"]).exits(2).says(&["larder run"]);
    let pairs = "text,text_b,label\nred,runs,a\nblue,sits,b\nred,sits,a\nblue,runs,b\n";
    kitchen.write("pairs.csv", pairs);
    let toml = "name = \"pairs\"\ntask = \"sequence\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\ntext_b = \"text_b\"\nlabel = \"label\"\n\
                [splits]\ntrain = \"pairs.csv\"\ndev = \"pairs.csv\"\n";
    kitchen.write("pairs.toml", toml);
    kitchen.larder(&["run", "pairs.toml", "-e", "tiny", "--head", "labels"]).exits(2).says(&["pairs of texts"]);
    kitchen.ok(&["run", "pairs.toml", "-e", "tiny", "--head", "prototype"]);
    let only_train = kitchen.dataset("only", &[("train", &toy(1, 20))]);
    kitchen.larder(&["run", &only_train, "-e", "tiny", "--shots", "2"]).exits(3).says(&["no split but `train`"]);
}
