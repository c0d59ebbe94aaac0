//! From raw text to report: every stage of the binary, on data small enough to check by hand.

use std::fmt::Write as _;

use larder_onnx::families::OPSET;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, TensorProto, Value as Tensor};
use larder_store::FeaturesFile;
use larder_tests::{Encoded, Kitchen, Predicted, assert_close, number, predictions, toy};
use serde_json::Value;

/// Float32 vectors of one text alone and in a batch differ by the order in which ONNX Runtime's blocked matrix products
/// add up: a few units in the last place (6e-8) a product, over two layers. 1e-5 of the scale is some fifty such units.
const BATCH_TOLERANCE: f32 = 1e-5;

fn toy_kitchen() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 12))]);
    (kitchen, dataset)
}

#[test]
fn tsv_csv_and_jsonl_of_the_same_rows_give_the_same_report() {
    let kitchen = Kitchen::with_tiny();
    let splits = [("train", toy(1, 60)), ("dev", toy(2, 12))];
    let mut features = Vec::new();
    let mut reports = Vec::new();
    for format in ["tsv", "csv", "jsonl"] {
        let mut spec = format!("name = \"toy-{format}\"\ntask = \"sequence\"\nformat = \"{format}\"\n");
        spec.push_str(match format {
            "tsv" => "header = true\nquoting = false\n",
            "csv" => "header = true\nquoting = true\n",
            _ => "",
        });
        spec.push_str("[columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n");
        for (split, rows) in &splits {
            let mut content = match format {
                "tsv" => "text\tlabel\n".to_owned(),
                "csv" => "text,label\n".to_owned(),
                _ => String::new(),
            };
            for (text, label) in rows {
                // A comma and a quote in every text: syntax in CSV and JSON, plain characters in TSV.
                let text = format!("{text}, \"so\"");
                let _ = match format {
                    "tsv" => writeln!(content, "{text}\t{label}"),
                    "csv" => writeln!(content, "\"{}\",{label}", text.replace('"', "\"\"")),
                    _ => writeln!(content, "{}", serde_json::json!({ "label": label, "text": text })),
                };
            }
            kitchen.write(&format!("{split}.{format}"), content);
            let _ = writeln!(spec, "{split} = \"{split}.{format}\"");
        }
        kitchen.write(&format!("{format}.toml"), spec);
        let report = kitchen.json(&["run", &format!("{format}.toml"), "-e", "tiny", "--layers", "all"]);
        features.push(kitchen.vectors(&format!("toy-{format}"), "train", "mean"));
        let mut splits = report["evaluation"]["splits"].clone();
        // The files' bytes are not the same.
        splits.as_array_mut().unwrap().iter_mut().for_each(|split| split["data_digest"] = Value::Null);
        reports.push(splits);
    }
    assert!(features[0] == features[1] && features[0] == features[2], "vectors do not depend on the file's format");
    assert!(reports[0] == reports[1] && reports[0] == reports[2], "scores do not depend on the file's format");
    let accuracy = number(&reports[0], "/0/scores/accuracy");
    assert!(accuracy > 0.9, "colours and moves share no word, and the layers' means tell words apart: {accuracy}");
}

#[test]
fn the_report_holds_every_stage_and_the_baseline_computed_by_hand() {
    let (kitchen, dataset) = toy_kitchen();
    let report = kitchen.json(&["run", &dataset, "-e", "tiny", "--layers", "all"]);
    assert_eq!(report["run"], "toy-tiny-1");
    let stages: Vec<String> = report["stages"]
        .as_array()
        .expect("a list of stages")
        .iter()
        .map(|s| format!("{} {} {}", s["stage"].as_str().unwrap(), s["split"].as_str().unwrap(), s["rows"]))
        .collect();
    let expected =
        ["tokenize train 60", "encode train 60", "train train 60", "tokenize dev 12", "encode dev 12", "eval dev 12"];
    assert_eq!(stages, expected);
    for stage in report["stages"].as_array().unwrap() {
        assert!(number(stage, "/seconds") >= 0.0);
        let encoded = stage["stage"] == "encode";
        assert_eq!(stage["device"].as_str(), encoded.then_some("cpu"), "the device that ran: {stage}");
    }
    let dev = &report["evaluation"]["splits"][0];
    assert_eq!(dev["split"], "dev");
    // Train has 40 of 60 `colour`, dev 8 of 12. Always answering it: accuracy 8/12; F1 of `colour` is
    // 2 · (2/3 · 1) / (2/3 + 1) = 0.8, of `move` 0; MCC 0.
    assert_eq!(report["evaluation"]["labels"], serde_json::json!(["colour", "move"]));
    assert_eq!(dev["majority"]["class"], 0);
    for (path, value) in [("accuracy", 8.0 / 12.0), ("macro_f1", 0.4), ("mcc", 0.0)] {
        let found = number(dev, &format!("/majority/scores/{path}"));
        assert!((found - value).abs() < 1e-12, "{path}: {found}");
    }
    // Entropy of shares 2/3 and 1/3.
    let entropy = -(2.0f64 / 3.0).ln() * 2.0 / 3.0 - (1.0f64 / 3.0).ln() / 3.0;
    assert!((number(dev, "/prior_entropy") - entropy).abs() < 1e-12);
    let gold: Vec<f64> =
        (0..2).map(|class| (0..2).map(|p| number(dev, &format!("/confusion/{class}/{p}"))).sum()).collect();
    assert_eq!(gold, [8.0, 4.0], "rows of the confusion matrix are gold classes");
    assert_scores_follow_from_the_confusion_matrix(dev);
}

/// Accuracy and MCC again, from their definitions.
fn assert_scores_follow_from_the_confusion_matrix(split: &Value) {
    let at = |gold: usize, predicted: usize| number(split, &format!("/confusion/{gold}/{predicted}"));
    let (tn, fp, fnn, tp) = (at(0, 0), at(0, 1), at(1, 0), at(1, 1));
    let accuracy = (tp + tn) / (tp + tn + fp + fnn);
    assert!((number(split, "/scores/accuracy") - accuracy).abs() < 1e-12);
    let product = (tp + fp) * (tp + fnn) * (tn + fp) * (tn + fnn);
    let mcc = if product == 0.0 { 0.0 } else { (tp * tn - fp * fnn) / product.sqrt() };
    assert!((number(split, "/scores/mcc") - mcc).abs() < 1e-12);
}

#[test]
fn a_run_for_people_shows_scores_baseline_device_and_seconds() {
    let (kitchen, dataset) = toy_kitchen();
    let answer = kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "all"]);
    answer
        .prints(&["chosen on held-out rows of train", "majority accuracy", "0.667", "95 % interval"])
        .prints(&["in all", "toy-tiny-1"])
        .does_not_print("seconds")
        .does_not_print("objective")
        .says(&["real tokens/s", "rows/s", "on cpu"]);
    let verbose = kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "all", "-v"]);
    verbose.prints(&["seconds", "in all", "solver: ", "iterations, objective "]);
    kitchen.ok(&["eval", "toy-tiny-1"]).prints(&[
        "dev: 12 rows",
        "macro F1",
        "log loss",
        "precision",
        "gold \\ answer",
        "colour",
        "move",
    ]);
}

#[test]
fn a_second_run_is_up_to_date_and_changes_no_byte() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny"]);
    let before = kitchen.artifacts();
    kitchen
        .ok(&["run", &dataset, "-e", "tiny", "-v"])
        .says(&["tokenize train: up to date", "encode   train: up to date", "train    toy-tiny-1: up to date"])
        .says(&["tokenize dev: up to date", "encode   dev: up to date"])
        .prints(&["up to date"]);
    let after = kitchen.artifacts();
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, content) in &before {
        assert!(after[path] == *content, "{} changed", path.display());
    }
    assert!(before.len() >= 12, "tokens, features, run and encoder: {:?}", before.keys());
    kitchen.assert_tidy();
}

#[test]
fn stages_run_one_by_one_leave_what_run_leaves() {
    let (kitchen, dataset) = toy_kitchen();
    let tokens = kitchen.json(&["tokenize", &dataset, "-e", "tiny"]);
    assert_eq!(tokens.as_array().map(Vec::len), Some(2), "a file for each split");
    let only_dev = kitchen.json(&["encode", &dataset, "-e", "tiny", "--split", "dev"]);
    assert!(only_dev[0]["path"].as_str().unwrap().ends_with("dev.parquet") && only_dev.get(1).is_none());
    assert!(!kitchen.features_path("toy", "train").exists(), "only the split asked for");
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let record = kitchen.json(&["train", &dataset, "-e", "tiny", "--run", "mine"]);
    assert_eq!(record["run"], "mine");
    let evaluation = kitchen.json(&["eval", "mine"]);
    let stored: Option<Value> = larder_files::read_json(&kitchen.path("home/runs/mine/metrics.json")).unwrap();
    assert_eq!(Some(&evaluation), stored.as_ref(), "printed and stored scores");
    assert_eq!(kitchen.runs(), ["mine"]);
    // The same settings by another road: `run` finds the run that is there.
    kitchen.ok(&["run", &dataset, "-e", "tiny"]).says(&["train    mine: up to date"]);
    let on_train = kitchen.json(&["eval", "mine", "--split", "train,dev"]);
    assert_eq!(on_train["splits"][0]["scores"]["rows"], 60);
    assert_eq!(on_train["splits"][1], evaluation["splits"][0]);
}

#[test]
fn other_layers_are_encoded_again_and_the_reason_is_said() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "-1"]);
    let last = kitchen.vectors("toy", "train", "mean");
    let answer = kitchen
        .ok(&["run", &dataset, "-e", "tiny", "--layers", "all"])
        .says(&["tokenize train: up to date", "encode   train: out of date (columns: mean -> mean_l0,mean_l1,mean)"]);
    let told = Encoded::of(&answer, "train").expect("train is encoded again");
    assert_eq!((told.rows, told.reused), (60, 0));
    assert_close(&kitchen.vectors("toy", "train", "mean"), &last, BATCH_TOLERANCE, "the last layer, with others");
    assert!(kitchen.vectors("toy", "train", "mean_l0") != last, "layers differ");
    // The file now holds more than the default asks for: nothing to do, and the first run is still that run.
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "-1"]).says(&[
        "encode   train: up to date",
        "encode   dev: up to date",
        "train    toy-tiny-1: up to date",
    ]);
}

#[test]
fn a_new_head_reuses_the_vectors() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny"]);
    let features = std::fs::read(kitchen.features_path("toy", "train")).unwrap();
    for head in [&["--c", "0.1"][..], &["--class-weight", "balanced"], &["--raw-features"], &["--metric", "accuracy"]] {
        let args: Vec<&str> = ["run", &dataset, "-e", "tiny"].iter().chain(head).copied().collect();
        let answer = kitchen.ok(&args).says(&["encode   train: up to date", "encode   dev: up to date"]);
        assert!(!answer.stderr.contains("toy-tiny-1: up to date"), "{head:?} is another head\n{}", answer.told());
    }
    let names: Vec<String> = (1..=5).map(|n| format!("toy-tiny-{n}")).collect();
    assert_eq!(kitchen.runs(), names);
    assert!(std::fs::read(kitchen.features_path("toy", "train")).unwrap() == features);
    let second = kitchen.json(&["eval", "toy-tiny-2"]);
    assert_eq!(second["run"], "toy-tiny-2");
}

#[test]
fn force_runs_the_encoder_again() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let answer = kitchen.ok(&["encode", &dataset, "-e", "tiny", "--force"]);
    let told = Encoded::of(&answer, "train").expect("forced to encode");
    assert_eq!(told.reused, 0, "`--force` copied the old vectors\n{}", answer.told());
}

#[test]
fn predict_answers_arguments_a_file_and_standard_input_alike_and_as_the_report_did() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "all", "--run", "mine"]);
    let dev = toy(2, 12);
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
    kitchen.write("texts.txt", &lines);

    let by_argument: Vec<&str> = ["predict", "mine", "--json"].iter().chain(&texts).copied().collect();
    let by_argument = kitchen.ok(&by_argument);
    let by_file = kitchen.ok(&["predict", "mine", "--json", "--input", "texts.txt"]);
    let by_stdin = kitchen.larder_reads(&["predict", "mine", "--json"], &lines).exits(0);
    let by_dash = kitchen.larder_reads(&["predict", "mine", "--json", "--input", "-"], &lines).exits(0);
    assert_eq!(by_argument.stdout, by_file.stdout);
    assert_eq!(by_argument.stdout, by_stdin.stdout);
    assert_eq!(by_argument.stdout, by_dash.stdout);

    let stored: Vec<Predicted> = predictions(&kitchen.path("home/runs/mine/predictions.parquet"));
    let answers = by_argument.json_lines();
    assert_eq!((answers.len(), stored.len()), (12, 12));
    let plain = kitchen.ok(&["predict", "mine", "--input", "texts.txt"]);
    for (row, (((answer, stored), text), plain)) in
        answers.iter().zip(&stored).zip(&texts).zip(plain.stdout.lines()).enumerate()
    {
        assert_eq!(answer["text"], *text, "row {row}");
        assert_eq!(answer["label"], stored.prediction, "row {row}");
        assert_eq!(stored.label.as_deref(), Some(dev[row].1), "row {row}");
        // Vectors agree to 1e-5 of the scale; weights of size 1 over a hundred dimensions keep four digits.
        let single = &kitchen.ok(&["predict", "mine", "--json", text]).json_lines()[0];
        for (class, label) in ["colour", "move"].iter().enumerate() {
            let in_batch = number(answer, &format!("/probabilities/{label}"));
            assert!((in_batch - f64::from(stored.probabilities[class])).abs() < 1e-4, "row {row}: {answer} {stored:?}");
            assert!((in_batch - number(single, &format!("/probabilities/{label}"))).abs() < 1e-4, "row {row}");
        }
        assert!(plain.starts_with(&format!("{}\t", stored.prediction)) && plain.ends_with(text), "row {row}: {plain}");
    }
    let right = stored.iter().filter(|p| p.label.as_deref() == Some(&p.prediction)).count() as f64;
    let metrics: Value =
        serde_json::from_slice(&std::fs::read(kitchen.path("home/runs/mine/metrics.json")).unwrap()).unwrap();
    assert!((number(&metrics, "/splits/0/scores/accuracy") - right / 12.0).abs() < 1e-12);
}

#[test]
fn predict_takes_more_lines_than_one_block_and_empty_ones() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    let lines: String = (0..600).map(|n| if n == 300 { "\n".to_owned() } else { format!("red {n}\n") }).collect();
    let answer = kitchen.larder_reads(&["predict", "mine", "--json"], &lines).exits(0);
    let answers = answer.json_lines();
    assert_eq!(answers.len(), 600, "an answer for every line, empty ones included");
    assert!(answers.iter().enumerate().all(|(n, a)| n == 300 || a["text"] == format!("red {n}")));
    kitchen.larder_reads(&["predict", "mine"], "").exits(0);
}

#[test]
fn pairs_are_read_trained_and_answered() {
    let kitchen = Kitchen::with_tiny();
    // Alike when both halves speak of colours or both of moves.
    let words = [["red", "blue", "pink"], ["runs", "sits", "eats"]];
    let mut content = "first\tsecond\tsame\n".to_owned();
    for row in 0..72 {
        let (a, b) = (row % 2, row / 2 % 2);
        let (first, second) = (words[a][row / 4 % 3], words[b][row / 12 % 3]);
        let _ = writeln!(content, "{first} {row}\t{second}\t{}", if a == b { "yes" } else { "no" });
    }
    kitchen.write("pairs.tsv", content);
    kitchen.write(
        "pairs.toml",
        "name = \"pairs\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = true\nquoting = false\n[columns]\n\
         text = \"first\"\ntext_b = \"second\"\nlabel = \"same\"\n[splits]\ntrain = \"pairs.tsv\"\ndev = \"pairs.tsv\"\n",
    );
    kitchen.ok(&["run", "pairs.toml", "-e", "tiny", "--run", "pairs", "--pool", "cls,mean"]);
    let stored = predictions(&kitchen.path("home/runs/pairs/predictions.parquet"));
    let lines = kitchen.ok(&["predict", "pairs", "--json", "red 0\tred", "red\tred 0"]).json_lines();
    assert!((number(&lines[0], "/probability") - f64::from(stored[0].probability)).abs() < 1e-4, "{lines:?}");
    assert!(lines[0]["probability"] != lines[1]["probability"], "which text comes first matters");
    kitchen.larder(&["predict", "pairs", "one text only"]).exits(2).says(&["TEXT<tab>TEXT", "one text only"]);
}

#[test]
fn label_names_give_order_and_what_people_read() {
    let kitchen = Kitchen::with_tiny();
    let number_of = |rows: Vec<(String, &'static str)>| -> Vec<(String, &'static str)> {
        rows.into_iter().map(|(text, label)| (text, if label == "move" { "7" } else { "3" })).collect()
    };
    let dataset = kitchen.dataset("ints", &[("train", &number_of(toy(1, 60))), ("dev", &number_of(toy(2, 12)))]);
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    let labels = "[labels]\nnames = [\"7\", \"3\"]\ndisplay = [\"moving\", \"coloured\"]\n";
    kitchen.write("named.toml", spec.replace("name = \"ints\"", "name = \"named\"") + labels);
    let plain = kitchen.json(&["run", &dataset, "-e", "tiny", "--layers", "all"]);
    let named = kitchen.json(&["run", "named.toml", "-e", "tiny", "--layers", "all"]);
    assert_eq!(plain["evaluation"]["labels"], serde_json::json!(["3", "7"]));
    assert_eq!(named["evaluation"]["labels"], serde_json::json!(["7", "3"]));
    assert_eq!(named["evaluation"]["display"], serde_json::json!(["moving", "coloured"]));
    assert_eq!(plain["evaluation"]["splits"][0]["majority"]["class"], 0);
    assert_eq!(named["evaluation"]["splits"][0]["majority"]["class"], 1);
    let answer = &kitchen.ok(&["predict", "named-tiny-1", "--json", "red green blue"]).json_lines()[0];
    assert_eq!((&answer["label"], &answer["display"]), (&"3".into(), &"coloured".into()));
    kitchen.ok(&["predict", "named-tiny-1", "red green blue"]).prints(&["coloured\t"]);
}

#[test]
fn half_precision_is_the_same_vectors_rounded() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny"]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--dtype", "f16", "--run", "half"]).says(&["encode   train: 60 rows"]);
    let path = kitchen.home().features("toy", "tiny", "sentence-f16", "train").unwrap();
    let half = larder_store::FeaturesFile::open(&path).unwrap().column("mean").unwrap();
    let single = kitchen.vectors("toy", "train", "mean");
    assert!(half != single, "half precision was not stored");
    for (h, s) in half.iter().zip(&single) {
        // Eleven significant bits, rounded to nearest; below 2^-14 the steps stop shrinking.
        assert!((h - s).abs() <= s.abs() * f32::powi(2.0, -11) + f32::powi(2.0, -25), "{h} for {s}");
    }
    kitchen.ok(&["predict", "half", "--json", "red green"]);
    kitchen.ok(&["run", &dataset, "-e", "tiny"]).says(&["encode   train: up to date"]);
}

#[test]
fn embed_prints_the_vectors_that_encode_stores() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--layers", "all", "--pool", "cls,mean,pooler"]);
    let texts: Vec<String> = toy(2, 12).into_iter().map(|(text, _)| text).collect();
    let input: String = texts.iter().map(|text| format!("{text}\n")).collect();
    let args = ["embed", "-e", "tiny", "--layers", "all", "--pool", "cls,mean,pooler"];
    let answer = kitchen.larder_reads(&args, &input).exits(0);
    let lines = answer.json_lines();
    assert_eq!(lines.len(), texts.len());
    for column in ["cls", "cls_l0", "cls_l1", "mean", "mean_l0", "mean_l1", "pooler"] {
        let stored = kitchen.vectors("toy", "dev", column);
        let printed: Vec<f32> = lines
            .iter()
            .flat_map(|line| line[column].as_array().unwrap_or_else(|| panic!("no {column} in {line}")))
            .map(|v| v.as_f64().expect("a number") as f32)
            .collect();
        assert_close(&printed, &stored, BATCH_TOLERANCE, column);
    }
    assert!(lines.iter().zip(&texts).all(|(line, text)| line["text"] == *text));
    let one = kitchen.ok(&["embed", "-e", "tiny", &texts[3]]).json_lines();
    let one: Vec<f32> = one[0]["mean"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    assert_close(&one, &kitchen.vectors("toy", "dev", "mean")[3 * 32..4 * 32], BATCH_TOLERANCE, "one text");
}

#[test]
fn long_texts_are_cut_counted_and_cut_alike_at_prediction() {
    let kitchen = Kitchen::with_tiny();
    let long = |rows: Vec<(String, &'static str)>| -> Vec<(String, &'static str)> {
        rows.into_iter().map(|(text, label)| ([text.as_str(); 9].join(" "), label)).collect()
    };
    let dataset = kitchen.dataset("long", &[("train", &long(toy(1, 30))), ("dev", &long(toy(2, 9)))]);
    kitchen
        .ok(&["run", &dataset, "-e", "tiny", "--max-tokens", "12", "--run", "cut"])
        .says(&["longer than the limit, cut by"]);
    let stored = predictions(&kitchen.path("home/runs/cut/predictions.parquet"));
    let text = &long(toy(2, 9))[0].0;
    let answer = &kitchen.ok(&["predict", "cut", "--json", text]).json_lines()[0];
    assert!(number(answer, "/truncated_tokens") > 0.0);
    assert!((number(answer, "/probability") - f64::from(stored[0].probability)).abs() < 1e-4, "the run's own limit");
    kitchen.ok(&["predict", "cut", text]).prints(&["tokens did not fit"]);
}

#[test]
fn encoders_are_listed_shown_and_verified() {
    let kitchen = Kitchen::with_tiny();
    kitchen.init("tiny", 1, &[]).prints(&["already there"]);
    kitchen.ok(&["encoder", "list"]).prints(&["tiny", "bert", "hidden 32", "2 layers", "vocabulary 600"]);
    let manifest = kitchen.json(&["encoder", "show", "tiny"]);
    assert_eq!((&manifest["hidden_size"], &manifest["num_hidden_layers"]), (&32.into(), &2.into()));
    assert_eq!(kitchen.json(&["encoder", "list"])[0]["manifest"], manifest);
    assert_eq!(kitchen.json(&["encoder", "verify", "tiny"])["sound"], true);
    let model = kitchen.path("home/encoders/tiny/model.onnx");
    let mut bytes = std::fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    kitchen.larder(&["encoder", "verify", "tiny"]).exits(3).says(&["model.onnx"]);
}

#[test]
fn the_graph_is_chosen_and_an_encoder_of_integers_stands_beside_its_own() {
    let (kitchen, dataset) = toy_kitchen();
    let half = ["encode", dataset.as_str(), "-e", "tiny", "--device", "cpu", "--graph", "half"];
    kitchen.ok(&half).says(&["half precision is for CUDA"]);
    kitchen.larder(&["encode", &dataset, "-e", "tiny", "--graph", "fast"]).exits(2);

    kitchen.ok(&["encoder", "quantise", "tiny"]);
    let manifest = kitchen.json(&["encoder", "show", "tiny-int8"]);
    assert_eq!(
        (manifest["source"]["kind"].as_str(), manifest["name"].as_str()),
        (Some("quantised"), Some("tiny-int8"))
    );
    let rounded = kitchen.json(&["embed", "-e", "tiny-int8", "a b c"]);
    let exact = kitchen.json(&["embed", "-e", "tiny", "a b c"]);
    assert_ne!(rounded, exact, "the vectors are no longer the same");
    let outcome = kitchen.json(&["compare", &dataset, "--encoders", "tiny,tiny-int8"]);
    assert_eq!(outcome["encoders"].as_array().map(Vec::len), Some(2), "{outcome:#}");
}

#[test]
fn texts_longer_than_declared_are_read_where_no_table_of_positions_ends_them() {
    let kitchen = Kitchen::with_tiny();
    let tiny = kitchen.path("home/encoders/tiny");
    // Every token has the first position.
    let model = Model::load(&tiny.join("model.onnx")).unwrap().edited(|graph| {
        graph.initializer.push(TensorProto::from_i64("one", &[1], &[1]));
        let slice = graph.node.iter_mut().find(|node| node.op_type() == "Slice").expect("positions are sliced");
        slice.input[2] = "one".to_owned();
        Ok(())
    });
    let mut model = model.unwrap();
    model.set_metadata("larder.max_positions", None);
    std::fs::create_dir(kitchen.path("long")).unwrap();
    kitchen.write("long/model.onnx", model.to_bytes().unwrap());
    kitchen.write("long/tokenizer.json", std::fs::read(tiny.join("tokenizer.json")).unwrap());
    kitchen.write("long/config.json", r#"{"max_position_embeddings": 16}"#);
    kitchen.ok(&["encoder", "add", "long"]).prints(&["16 tokens, as declared; no table of positions ends there"]);
    let text = "red and blue ".repeat(20);
    let dataset = kitchen.dataset("toy", &[("train", &[(text, "move"), ("a".to_owned(), "colour")])]);
    let encode = |more: &[&str]| {
        let answer = kitchen.ok(&[&["encode", &dataset, "-e", "long", "--split", "train"], more].concat());
        let features = kitchen.home().features("toy", "long", "sentence-f32", "train").unwrap();
        (answer, FeaturesFile::open(&features).unwrap().column("mean").unwrap())
    };
    let (answer, cut) = encode(&[]);
    answer.does_not_say("declared");
    let (answer, whole) = encode(&["--max-tokens", "100"]);
    answer.says(&["100 tokens were asked for, and 16 are declared", "reads up to 1024"]);
    assert_close(&cut[32..], &whole[32..], BATCH_TOLERANCE, "a short text");
    assert!(cut[..32] != whole[..32]);
    kitchen.larder(&["encode", &dataset, "-e", "tiny", "--max-tokens", "9000"]).exits(0).says(&["cut to that"]);
}

/// `narrow.onnx`, which is the tiny encoder with a sentence's vector of 20 features beside those of 32 of its tokens.
fn narrow(kitchen: &Kitchen) -> String {
    let tiny = kitchen.path("home/encoders/tiny");
    let mut model = Model::load(&tiny.join("model.onnx")).unwrap();
    for key in ["larder.family", "larder.hidden_states", "larder.pooler_output", "larder.heads"] {
        model.set_metadata(key, None);
    }
    let model = model.edited(|graph| {
        let mut b = GraphBuilder::from_graph(std::mem::take(graph), OPSET);
        let tokens = Tensor::named("last_hidden_state");
        let first = b.integer(0);
        let cls = b.gather(&tokens, &first, 1);
        let values: Vec<f32> = (0..32 * 20).map(|at| ((at * 37 % 101) as f32 - 50.0) / 100.0).collect();
        let weight = b.initializer(TensorProto::from_f32("projection", &[32, 20], &values));
        let sentence = b.mat_mul(&cls, &weight);
        b.clear_outputs();
        let [batch, seq] = ["batch", "seq"].map(Axis::symbol);
        b.output(&tokens, "tokens", DataType::Float, &[batch.clone(), seq, Axis::Fixed(32)]);
        b.output(&sentence, "sentence", DataType::Float, &[batch, Axis::Fixed(20)]);
        *graph = b.finish();
        Ok(())
    });
    kitchen.write("narrow.onnx", model.unwrap().to_bytes().unwrap());
    tiny.join("tokenizer.json").display().to_string()
}

#[test]
fn a_column_has_the_width_of_its_pooling_through_every_stage() {
    let (kitchen, dataset) = toy_kitchen();
    let tokenizer = narrow(&kitchen);
    kitchen.ok(&["encoder", "add", "narrow.onnx", "--tokenizer", &tokenizer, "--pooled-output", "sentence"]);
    let shown = kitchen.ok(&["encoder", "show", "narrow"]);
    shown.prints(&["pooled = `sentence` float [any, 20]: a vector of the text with 20 features"]);
    let embedded = kitchen.json(&["embed", "-e", "narrow", "red and blue", "--pool", "mean,pooler"]);
    let widths = ["mean", "pooler"].map(|column| embedded[column].as_array().unwrap().len());
    assert_eq!(widths, [32, 20]);

    kitchen.ok(&["run", &dataset, "-e", "narrow", "--layers", "-1", "--pool", "mean,pooler", "--run", "both"]);
    let path = kitchen.home().features("toy", "narrow", "sentence-f32", "train").unwrap();
    let file = FeaturesFile::open(&path).unwrap();
    let widths: Vec<(&str, usize)> = file.columns().iter().map(|info| (info.name.as_str(), info.width)).collect();
    assert_eq!(widths, [("mean", 32), ("pooler", 20)]);
    kitchen.ok(&["verify", &path.display().to_string(), "--all"]);
    kitchen.ok(&["predict", "both", "red and blue"]);
    kitchen.ok(&["export", "both", "-o", "exported"]);
}
