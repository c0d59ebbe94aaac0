//! `larder score` of label sets and numbers, beside scikit-learn's and SciPy's, made by `tests/goldens/score/recipe.py`.

use std::fmt::Write as _;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, Float64Array, ListBuilder, RecordBatch, StringBuilder};
use larder_tests::{Kitchen, number, repository, sentences};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

const LABELS: [&str; 4] = ["anger", "fear", "joy", "sadness"];

fn golden(of: &str) -> Value {
    let text = std::fs::read(repository().join("tests/goldens/score/expected.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()[of].clone()
}

fn table(golden: &Value, key: &str) -> Vec<Vec<f64>> {
    serde_json::from_value(golden[key].clone()).unwrap()
}

/// The names of the labels of each row.
fn sets(golden: &Value, key: &str) -> Vec<Vec<&'static str>> {
    let named = |row: Vec<f64>| row.iter().zip(LABELS).filter(|(has, _)| **has == 1.0).map(|(_, name)| name).collect();
    table(golden, key).into_iter().map(named).collect()
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
}

/// Compares scores with those of scikit-learn; those of rankings within `ranked`, or not at all.
fn assert_label_scores(found: &Value, expected: &Value, ranked: Option<f64>) {
    let of_sets = [
        ("/micro/f1", "micro"),
        ("/macro/f1", "macro"),
        ("/weighted/f1", "weighted"),
        ("/subset_accuracy", "subset_accuracy"),
        ("/hamming_loss", "hamming_loss"),
    ];
    for (path, name) in of_sets {
        assert_near(number(found, path), number(expected, &format!("/{name}")), name);
    }
    for name in ["lrap", "macro_average_precision"] {
        match ranked {
            Some(tolerance) => {
                let (found, expected) = (number(found, &format!("/{name}")), number(expected, &format!("/{name}")));
                assert!((found - expected).abs() < tolerance, "{name}: {found}, expected {expected}");
            }
            None => assert!(found.get(name).is_none(), "{found}"),
        }
    }
}

#[test]
fn label_sets_score_as_scikit_learn_says_however_they_are_written() {
    let golden = golden("label_sets");
    let (gold, predicted) = (sets(&golden, "gold"), sets(&golden, "predicted"));
    let shares = table(&golden, "probabilities");
    let kitchen = Kitchen::empty();
    let (mut lists, mut named, mut texts, mut columns) = (String::new(), String::new(), String::new(), String::new());
    let _ = writeln!(texts, "text\tgold\tprediction");
    let _ = writeln!(columns, "{},p1,p2,p3,p4,s1,s2,s3,s4", LABELS.join(","));
    for ((gold, predicted), shares) in gold.iter().zip(&predicted).zip(&shares) {
        let by_name: serde_json::Map<String, Value> =
            LABELS.iter().zip(shares).map(|(label, share)| ((*label).to_owned(), json!(share))).collect();
        let _ = writeln!(lists, "{}", json!({ "labels": gold, "prediction": predicted, "shares": shares }));
        let _ = writeln!(named, "{}", json!({ "labels": gold, "prediction": predicted, "probabilities": by_name }));
        let _ = writeln!(texts, "some text\t{}\t{}", gold.join(" | "), predicted.join("|"));
        let bits = |set: &[&str]| LABELS.map(|label| if set.contains(&label) { "1" } else { "0" }).join(",");
        let shares: Vec<String> = shares.iter().map(ToString::to_string).collect();
        let _ = writeln!(columns, "{},{},{}", bits(gold), bits(predicted), shares.join(","));
    }
    kitchen.write("lists.jsonl", &lists);
    kitchen.write("named.jsonl", named);
    kitchen.write("texts.tsv", texts);
    kitchen.write("columns.csv", columns);
    write_parquet(&kitchen, "lists.parquet", &gold, &predicted, &shares);

    let labels = LABELS.join(",");
    let score = |args: &[&str]| kitchen.json(&[&["score", "--task", "multilabel"], args].concat());
    let full = [
        score(&["lists.jsonl", "--probabilities", "shares", "--labels", &labels]),
        score(&["named.jsonl", "--probabilities", "probabilities"]),
        score(&["columns.csv", "--gold", &labels, "--predicted", "p1,p2,p3,p4", "--probabilities", "s1,s2,s3,s4"]),
        score(&["lists.parquet", "--probabilities", "shares", "--labels", &labels]),
    ];
    for (at, found) in full.iter().enumerate() {
        // The shares of a Parquet file are of single precision.
        let tolerance = if at == 3 { 1e-6 } else { 1e-12 };
        assert_label_scores(&found["scores"], &golden["scores"], Some(tolerance));
        assert_eq!(found["labels"], golden["labels"]);
        for (at, row) in table(&golden, "per_label").iter().enumerate() {
            for (name, expected) in ["precision", "recall", "f1", "support"].iter().zip(row) {
                assert_near(number(&found["scores"]["per_label"][at], &format!("/{name}")), *expected, name);
            }
        }
        for rule in ["most_frequent_set", "above_half"] {
            assert_label_scores(&found["baseline"][rule]["scores"], &golden[rule], Some(1e-12));
        }
        assert_eq!(found["intervals"].as_array().unwrap().len(), 5);
        let (low, high) = (number(found, "/hamming_loss_interval/low"), number(found, "/hamming_loss_interval/high"));
        assert!(low < number(found, "/scores/hamming_loss") && number(found, "/scores/hamming_loss") < high);
    }
    let sets = [
        score(&["lists.jsonl"]),
        score(&["texts.tsv", "--gold", "gold", "--label-separator", "|"]),
        score(&["texts.tsv", "--gold", "1", "--predicted", "2", "--label-separator", "|"]),
        score(&["lists.jsonl", "--predictions", "lists.parquet"]),
    ];
    for found in &sets {
        assert_label_scores(&found["scores"], &golden["scores"], None);
        assert_eq!((&found["has_probabilities"], found["intervals"].as_array().unwrap().len()), (&json!(false), 4));
    }
    let said = kitchen.ok(&["score", "--task", "multilabel", "lists.jsonl"]);
    said.prints(&["macro F1", "Hamming loss", "all labels right", "sadness", "no training split", "are left out"])
        .does_not_print("LRAP  ");
}

fn write_parquet(kitchen: &Kitchen, name: &str, gold: &[Vec<&str>], predicted: &[Vec<&str>], shares: &[Vec<f64>]) {
    let list = |rows: &[Vec<&str>]| -> ArrayRef {
        let mut lists = ListBuilder::new(StringBuilder::new());
        rows.iter().for_each(|row| lists.append_value(row.iter().map(Some)));
        Arc::new(lists.finish())
    };
    let mut lists = ListBuilder::new(Float32Builder::new());
    shares.iter().for_each(|row| lists.append_value(row.iter().map(|&share| Some(share as f32))));
    let columns: [(&str, ArrayRef); 3] =
        [("labels", list(gold)), ("prediction", list(predicted)), ("shares", Arc::new(lists.finish()))];
    write_table(kitchen, name, RecordBatch::try_from_iter(columns).unwrap());
}

fn write_table(kitchen: &Kitchen, name: &str, batch: RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(kitchen.path(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn numbers_score_as_scipy_and_scikit_learn_say() {
    let golden = golden("numbers");
    let column = |key: &str| -> Vec<f64> { serde_json::from_value(golden[key].clone()).unwrap() };
    let (gold, predicted) = (column("gold"), column("predicted"));
    let kitchen = Kitchen::empty();
    let rows = || gold.iter().zip(&predicted);
    let csv: String = rows().map(|(gold, predicted)| format!("{gold},{predicted}\n")).collect();
    kitchen.write("rows.csv", format!("target,prediction\n{csv}"));
    kitchen.write("bare.txt", csv.replace(',', "\t"));
    kitchen.write("gold.jsonl", gold.iter().map(|gold| format!("{{\"stars\": {gold}}}\n")).collect::<String>());
    let predicted: ArrayRef = Arc::new(Float64Array::from(predicted.clone()));
    write_table(&kitchen, "answers.parquet", RecordBatch::try_from_iter([("answer", predicted)]).unwrap());
    let score = |args: &[&str]| kitchen.json(&[&["score", "--task", "regression"], args].concat());
    let bare = ["bare.txt", "--input-format", "tsv", "--header", "false", "--gold", "0", "--predicted", "1"];
    let apart = ["gold.jsonl", "--predictions", "answers.parquet", "--gold", "stars", "--predicted", "answer"];
    for found in [score(&["rows.csv"]), score(&bare), score(&apart)] {
        for name in ["pearson", "spearman", "r2", "mae", "rmse"] {
            assert_near(
                number(&found["scores"], &format!("/{name}")),
                number(&golden["scores"], &format!("/{name}")),
                name,
            );
        }
        for rule in ["mean", "median"] {
            for name in ["r2", "mae", "rmse"] {
                let found = number(&found["baseline"][rule]["scores"], &format!("/{name}"));
                assert_near(found, number(&golden[rule], &format!("/{name}")), name);
            }
        }
        for entry in found["intervals"].as_array().unwrap() {
            let value = number(&found["scores"], &format!("/{}", entry[0].as_str().unwrap()));
            assert!(number(&entry[1], "/low") < value && value < number(&entry[1], "/high"), "{entry}");
        }
        assert_eq!(
            (found["intervals"].as_array().unwrap().len(), &found["against_mean"]["verdict"]),
            (5, &json!("above"))
        );
    }
    let said = kitchen.ok(&["score", "--task", "regression", "rows.csv"]);
    said.prints(&["Pearson", "R²", "the median of gold", "rows.csv: 70 rows", "no training split"]);
}

#[test]
fn answers_of_larder_are_scored_as_larder_scores_them() {
    let kitchen = Kitchen::with_tiny();
    let rows = |seed: u64| -> String {
        let of = |text: String| {
            let labels: Vec<&str> = [("even", text.len().is_multiple_of(2)), ("long", text.split(' ').count() > 7)]
                .into_iter()
                .filter_map(|(label, has)| has.then_some(label))
                .collect();
            json!({ "text": text, "labels": labels }).to_string() + "\n"
        };
        sentences(seed, 80, 12).into_iter().map(of).collect()
    };
    kitchen.write("train.jsonl", rows(1));
    kitchen.write("dev.jsonl", rows(2));
    kitchen.write(
        "sizes.toml",
        "name = \"sizes\"\ntask = \"multilabel\"\nformat = \"jsonl\"\n[columns]\ntext = \"text\"\nlabels = \"labels\"\n\
         [splits]\ntrain = \"train.jsonl\"\ndev = \"dev.jsonl\"\n",
    );
    let report = kitchen.json(&["run", "sizes.toml", "-e", "tiny", "--run", "mine"]);
    let expected = &report["evaluation"]["splits"][0]["scores"];
    kitchen.ok(&["predict", "mine", "--input", "dev.jsonl", "--output", "out.jsonl"]);
    let out = kitchen.json(&["score", "--task", "multilabel", "out.jsonl", "--probabilities", "probabilities"]);
    let run = kitchen.home().run("mine").unwrap().join("predictions.parquet");
    let shares = ["--probabilities", "probabilities", "--labels", "even,long"];
    let kept = kitchen.json(&[&["score", "--task", "multilabel", run.to_str().unwrap()], &shares[..]].concat());
    for found in [out, kept] {
        for path in ["/rows", "/macro/f1", "/subset_accuracy", "/hamming_loss"] {
            assert_eq!(number(&found["scores"], path), number(expected, path), "{path}");
        }
        // Vectors of other batches, and probabilities of single precision.
        assert!((number(&found["scores"], "/lrap") - number(expected, "/lrap")).abs() < 1e-4);
    }
}

#[test]
fn what_cannot_be_scored_is_named_with_its_row() {
    let kitchen = Kitchen::empty();
    let bad = |task: &str, name: &str, content: &str, more: &[&str], says: &[&str]| {
        kitchen.write(name, content);
        let answer =
            kitchen.larder(&[&["score", "--task", task, name], more].concat()).exits(3).says(&[name]).says(says);
        assert!(answer.stdout.is_empty() && !answer.stderr.contains("panicked"), "{}", answer.told());
    };
    let number = |name: &str, content: &str, says: &[&str]| bad("regression", name, content, &[], says);
    number("column.csv", "target,answer\n1,2\n", &["no column `prediction`", "`target`, `answer`", "--predicted"]);
    number("nan.csv", "target,prediction\n1,2\nNaN,2\n", &["line 3", "`target` is `NaN`", "finite number", "--gold"]);
    number(
        "text.csv",
        "target,prediction\n1,2\n2,good\n",
        &["line 3", "`prediction` is `good`", "number", "--predicted"],
    );
    number("blank.csv", "target,prediction\n1,\n", &["line 2", "`prediction` is empty"]);
    number("short.csv", "target,prediction\n1,2\n1\n", &["line 3", "1 columns, expected 2"]);
    number("null.jsonl", "{\"target\": 1, \"prediction\": null}\n", &["line 1", "no value for `prediction`"]);
    number("string.jsonl", "{\"target\": \"1\", \"prediction\": 1}\n", &["line 1", "a string, expected a number"]);
    number("empty.csv", "", &["empty"]);
    number("header.csv", "target,prediction\n", &["empty"]);
    number("broken.parquet", "PAR1", &["Parquet"]);
    bad("regression", "same.csv", "a,b\n1,2\n", &["--gold", "a", "--predicted", "a"], &["column a", "both"]);
    bad("regression", "bare.csv", "1,2\n", &["--header", "false"], &["`target`", "zero-based position"]);

    let label = |name: &str, content: &str, more: &[&str], says: &[&str]| bad("multilabel", name, content, more, says);
    let known = ["--labels", "joy,fear"];
    label(
        "unknown.jsonl",
        "{\"labels\": [\"joy\"], \"prediction\": [\"joi\"]}\n",
        &known,
        &["line 1", "unknown label `joi`", "did you mean `joy`", "--predicted"],
    );
    label("scalar.jsonl", "{\"labels\": \"joy\", \"prediction\": []}\n", &[], &["line 1", "a string, expected a list"]);
    label("yes.csv", "a,b,c,d\n1,0,2,0\n", &["--gold", "a,b", "--predicted", "c,d"], &["line 2", "`c` is `2`", "1 if"]);
    label("none.jsonl", "{\"labels\": [], \"prediction\": []}\n", &[], &["no row has a label"]);
    let shares = |shares: &str| format!("{{\"labels\": [\"joy\"], \"prediction\": [], \"p\": {shares}}}\n");
    let ranked = [&known[..], &["--probabilities", "p"]].concat();
    label("few.jsonl", &shares("[0.5]"), &ranked, &["line 1", "1 probabilities", "`joy`, `fear`", "--probabilities"]);
    label("large.jsonl", &shares("[0.5, 1.5]"), &ranked, &["line 1", "`p` is `1.5`", "0 to 1"]);
    label("lacks.jsonl", &shares("{\"joy\": 1}"), &ranked, &["line 1", "no value for `p.fear`"]);

    kitchen.write("gold.csv", "target\n1\n2\n3\n");
    kitchen.write("answers.csv", "prediction\n1\n2\n");
    let apart = ["score", "--task", "regression", "gold.csv", "--predictions", "answers.csv"];
    kitchen.larder(&apart).exits(3).says(&["gold.csv has 3 rows", "answers.csv has 2"]);
    kitchen.larder(&["score", "--task", "regression", "nowhere.csv"]).exits(3).says(&["nowhere.csv"]);
    let useless = |args: &[&str], says: &str| {
        kitchen.larder(&[&["score", "gold.csv"], args].concat()).exits(2).says(&[says]);
    };
    useless(&["--task", "regression", "--labels", "a"], "--labels means nothing for a regression task");
    useless(&["--task", "multilabel", "--scheme", "IOB2"], "--scheme means nothing for a multilabel task");
    useless(&["--predictions", "answers.csv"], "--predictions means nothing for a tagging task");
    useless(&["--task", "multilabel", "--gold", "a,b", "--predicted", "c,d,e"], "3 columns for 2 labels");
    useless(&["--task", "multilabel", "--label-separator", ""], "--label-separator is empty");
    useless(&["--task", "multilabel", "--input-format", "text"], "--input-format");
    useless(&["--task", "ranking"], "multilabel");
}
