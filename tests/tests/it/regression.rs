//! A number a text, from raw rows to answers, scores, the report and an exported file.

use std::fmt::Write as _;

use larder_metrics::score_regression;
use larder_tests::{Kitchen, number, sentences};
use serde_json::Value;

/// Texts with their number of letters, which a mean of token vectors tells a linear head, with noise that it cannot know.
fn rows(seed: u64, count: usize) -> Vec<(String, f64)> {
    let of = |(at, text): (usize, String)| {
        let noise = ((at * 37 + seed as usize) % 11) as f64 / 10.0 - 0.5;
        let number = text.split(' ').count() as f64 + noise;
        (text, number)
    };
    sentences(seed, count, 12).into_iter().enumerate().map(of).collect()
}

fn csv(rows: &[(String, f64)]) -> String {
    let mut text = "text,words\n".to_owned();
    for (line, number) in rows {
        let _ = writeln!(text, "\"{}\",{number}", line.replace('"', "\"\""));
    }
    text
}

const DESCRIPTION: &str = "name = \"words\"\ntask = \"regression\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\n\
                           target = \"words\"\n[splits]\ntrain = \"train.csv\"\ndev = \"dev.csv\"\n";

/// A kitchen with the dataset `words.toml`, and the rows of `dev`.
fn kitchen() -> (Kitchen, Vec<(String, f64)>) {
    let kitchen = Kitchen::with_tiny();
    let dev = rows(2, 80);
    kitchen.write("train.csv", csv(&rows(1, 400)));
    kitchen.write("dev.csv", csv(&dev));
    kitchen.write("words.toml", DESCRIPTION);
    (kitchen, dev)
}

#[test]
fn scores_are_those_of_the_answers_and_answers_the_same_everywhere() {
    let (kitchen, dev) = kitchen();
    let report = kitchen.json(&["run", "words.toml", "-e", "tiny", "--layers", "all", "--run", "mine"]);
    let split = &report["evaluation"]["splits"][0];
    assert_eq!(split["split"], "dev");
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let told = kitchen.larder_reads(&["predict", "mine", "--json"], &(texts.join("\n") + "\n")).json_lines();
    let answers: Vec<f64> = told.iter().map(|line| number(line, "/prediction")).collect();
    let gold: Vec<f64> = dev.iter().map(|(_, number)| *number).collect();
    let expected = score_regression(&gold, &answers).unwrap();
    for (name, value) in [("pearson", expected.pearson), ("rmse", expected.rmse), ("r2", expected.r2)] {
        // Vectors of one text in other batches differ in their last digits.
        assert!((number(split, &format!("/scores/{name}")) - value).abs() < 1e-4, "{name}");
    }
    assert!(expected.pearson > 0.8, "a linear head of means of tokens knows their number: {expected:?}");
    assert_eq!(split["against_mean"]["verdict"], "above");
    // Mean and median of train, as whoever reads the file computes them.
    let train: Vec<f64> = rows(1, 400).into_iter().map(|(_, number)| number).collect();
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    assert!((number(split, "/baseline/mean/value") - mean).abs() < 1e-9);

    kitchen.ok(&["eval", "mine"]).prints(&["Pearson", "RMSE", "the mean of train", "targets"]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    let page = std::fs::read_to_string(kitchen.path("report.html")).unwrap();
    assert!(page.contains("Answers by targets") && page.contains("The rows answered worst"));
    kitchen.ok(&["inspect", "home/runs/mine/predictions.parquet"]);
    kitchen.assert_tidy();
}

#[test]
fn files_are_answered_and_an_exported_file_answers_the_same() {
    let (kitchen, dev) = kitchen();
    kitchen.ok(&["run", "words.toml", "-e", "tiny", "--run", "mine"]);
    kitchen.ok(&["predict", "mine", "--input", "dev.csv", "--output", "out.csv"]);
    let out = std::fs::read_to_string(kitchen.path("out.csv")).unwrap();
    assert!(out.starts_with("text,words,prediction\n"), "{out}");
    assert_eq!(out.lines().count(), dev.len() + 1);
    let answer = |line: &str| line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
    let answers: Vec<f64> = out.lines().skip(1).map(answer).collect();
    assert!(answers.iter().any(|one| (one - answers[0]).abs() > 0.5), "answers vary: {answers:?}");
    kitchen.ok(&["export", "mine", "--output", "exported"]);
    let config: Value = serde_json::from_slice(&std::fs::read(kitchen.path("exported/config.json")).unwrap()).unwrap();
    assert_eq!(
        (&config["problem_type"], &config["id2label"]),
        (&"regression".into(), &serde_json::json!({"0": "words"}))
    );
    let card = std::fs::read_to_string(kitchen.path("exported/README.md")).unwrap();
    assert!(
        card.contains("Gives a text a number") && card.contains("The number: words.") && card.contains("| dev |"),
        "{card}"
    );
}

#[test]
fn answers_stay_within_the_range_of_the_description() {
    let (kitchen, _) = kitchen();
    kitchen.write("words.toml", format!("{DESCRIPTION}[target]\nminimum = 0\nmaximum = 20\n"));
    kitchen.ok(&["train", "words.toml", "-e", "tiny", "--run", "wide"]);
    // A range inside that of the targets makes rows bad ones.
    kitchen.write("words.toml", format!("{DESCRIPTION}[target]\nminimum = 4\nmaximum = 6\n"));
    kitchen.larder(&["train", "words.toml", "-e", "tiny", "--run", "narrow"]).exits(3).says(&[
        "train.csv",
        "line ",
        "[target]",
    ]);
    kitchen.ok(&["train", "words.toml", "-e", "tiny", "--run", "narrow", "--on-bad-row", "skip"]);
    let told =
        kitchen.larder_reads(&["predict", "narrow", "--json"], "a\na b c d e f g h i j k l m n o p q r s t u v w\n");
    for line in told.json_lines() {
        assert!((4.0..=6.0).contains(&number(&line, "/prediction")), "{line}");
    }
}

#[test]
fn two_runs_are_compared_by_their_errors_on_the_same_rows() {
    let (kitchen, _) = kitchen();
    kitchen.ok(&["run", "words.toml", "-e", "tiny", "--layers", "all", "--run", "good"]);
    kitchen.ok(&["run", "words.toml", "-e", "tiny", "--alpha", "1e9", "--run", "bad"]);
    kitchen.ok(&["compare", "good", "bad"]).prints(&["Pearson", "RMSE", "(mean of train; median for MAE)"]);
}

#[test]
fn what_is_wrong_is_said_with_the_way_out() {
    let (kitchen, _) = kitchen();
    let train = |more: &[&str]| {
        let args: Vec<&str> = ["train", "words.toml", "-e", "tiny"].into_iter().chain(more.iter().copied()).collect();
        kitchen.larder(&args)
    };
    train(&["--c", "1"]).exits(2).says(&["--c"]);
    train(&["--metric", "mcc"]).exits(2).says(&["--metric"]);
    train(&["--head", "crf"]).exits(2).says(&["regression", "ridge"]);
    train(&["--alpha", "0"]).says(&["alpha"]);
    kitchen.write("dev.csv", "text,words\na,3\nb,good\n");
    kitchen.larder(&["run", "words.toml", "-e", "tiny"]).exits(3).says(&["dev.csv", "line 3", "`words` is `good`"]);
    kitchen.write("dev.csv", "text,words\na,\nb,\n");
    let unscored = kitchen.json(&["run", "words.toml", "-e", "tiny"]);
    assert_eq!(unscored["evaluation"]["unscored"][0]["split"], "dev");
    kitchen.write("train.csv", "text,words\na,3\nb,3\nc,3\n");
    kitchen.larder(&["train", "words.toml", "-e", "tiny"]).exits(3).says(&["nothing to learn"]);
}

#[test]
fn a_fine_tuned_encoder_answers_in_the_unit_of_its_targets() {
    let (kitchen, dev) = kitchen();
    let options = ["--steps", "80", "--learning-rate", "2e-3", "--batch-rows", "16", "--run", "tuned"];
    let args: Vec<&str> = ["finetune", "words.toml", "-e", "tiny"].into_iter().chain(options).collect();
    let report = kitchen.json(&args);
    let splits = report["evaluation"]["splits"].as_array().unwrap();
    let split = splits.iter().find(|split| split["split"] == "dev").unwrap();
    assert_eq!(split["against_mean"]["verdict"], "above", "{split}");
    // Targets were standardised in training: answers are not.
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let told = kitchen.larder_reads(&["predict", "tuned", "--json"], &(texts.join("\n") + "\n")).json_lines();
    let mean = told.iter().map(|line| number(line, "/prediction")).sum::<f64>() / told.len() as f64;
    let expected = dev.iter().map(|(_, number)| number).sum::<f64>() / dev.len() as f64;
    assert!((mean - expected).abs() < 1.5, "{mean} {expected}");
    kitchen
        .larder(&["finetune", "words.toml", "-e", "tiny", "--class-weight", "balanced"])
        .exits(2)
        .says(&["--class-weight"]);
    kitchen.ok(&["report", "tuned", "--output", "report.html"]);
}

#[test]
fn a_perceptron_answers_numbers_within_their_range() {
    let (kitchen, dev) = kitchen();
    kitchen.write("words.toml", format!("{DESCRIPTION}[target]\nminimum = 0\nmaximum = 20\n"));
    let mlp = ["--head", "mlp", "--layers", "all", "--epochs", "30", "--learning-rate", "3e-3", "--run", "mine"];
    let report = kitchen.json(&[&["run", "words.toml", "-e", "tiny"][..], &mlp].concat());
    let split = &report["evaluation"]["splits"][0];
    assert_eq!(split["against_mean"]["verdict"], "above", "{split}");
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let told = kitchen.larder_reads(&["predict", "mine", "--json"], &(texts.join("\n") + "\n")).json_lines();
    let answers: Vec<f64> = told.iter().map(|line| number(line, "/prediction")).collect();
    let gold: Vec<f64> = dev.iter().map(|(_, number)| *number).collect();
    let expected = score_regression(&gold, &answers).unwrap();
    assert!((number(split, "/scores/pearson") - expected.pearson).abs() < 1e-4 && expected.pearson > 0.5);
    assert!(answers.iter().all(|answer| (0.0..=20.0).contains(answer)));
    kitchen.ok(&["export", "mine", "--output", "exported"]).prints(&["standard deviations"]);
    let config: Value = serde_json::from_slice(&std::fs::read(kitchen.path("exported/config.json")).unwrap()).unwrap();
    assert_eq!((&config["larder"]["maximum"], &config["larder"]["head"]), (&20.0.into(), &"mlp".into()));
    kitchen.ok(&["eval", "mine"]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    kitchen.larder(&["train", "words.toml", "-e", "tiny", "--head", "mlp", "--alpha", "1"]).exits(2).says(&["--alpha"]);
}

#[test]
fn learning_rates_are_swept_by_the_correlation() {
    let (kitchen, _) = kitchen();
    let sweep = ["finetune", "words.toml", "-e", "tiny", "--steps", "30", "--batch-rows", "16", "--sweep", "1e-6,3e-3"];
    kitchen.ok(&[&sweep[..], &["--run", "swept"]].concat()).prints(&["best mean pearson on dev: lr 3e-3"]);
    assert_eq!(kitchen.json(&["eval", "swept-lr3e-3-seed0"])["task"], "regression");
}
