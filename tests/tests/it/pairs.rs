//! Pairs of texts: read together, and each by itself.

use larder_tests::{Kitchen, number, sentences};

/// Pairs with the share of words that both have: 0, 1/4, 1/2, 3/4 or 1.
pub fn rows(seed: u64, count: usize) -> Vec<(String, String, f64)> {
    let others = sentences(seed + 1000, count, 12);
    let of = |(at, (text, other)): (usize, (String, String))| {
        let words: Vec<&str> = text.split(' ').collect();
        let strange: Vec<&str> = other.split(' ').cycle().take(words.len()).collect();
        let kept = words.len() * (at % 5) / 4;
        let second = [&words[..kept], &strange[kept..]].concat().join(" ");
        (text.clone(), second, kept as f64 / words.len() as f64)
    };
    sentences(seed, count, 12).into_iter().zip(others).enumerate().map(of).collect()
}

pub fn tsv(rows: &[(String, String, f64)]) -> String {
    let lines = rows.iter().map(|(first, second, share)| format!("{first}\t{second}\t{share}\n"));
    std::iter::once("one\ttwo\tshare\n".to_owned()).chain(lines).collect()
}

pub const DESCRIPTION: &str = "name = \"pairs\"\ntask = \"regression\"\nformat = \"tsv\"\n[columns]\ntext = \"one\"\n\
                           text_b = \"two\"\ntarget = \"share\"\n[splits]\ntrain = \"train.tsv\"\ndev = \"dev.tsv\"\n";

/// A kitchen with the dataset `pairs.toml`, and the rows of `dev`.
pub fn kitchen() -> (Kitchen, Vec<(String, String, f64)>) {
    let kitchen = Kitchen::with_tiny();
    let dev = rows(2, 100);
    kitchen.write("train.tsv", tsv(&rows(1, 400)));
    kitchen.write("dev.tsv", tsv(&dev));
    kitchen.write("pairs.toml", DESCRIPTION);
    (kitchen, dev)
}

#[test]
fn the_diagnosis_names_the_pairing_that_a_set_wants() {
    let (kitchen, _) = kitchen();
    let run = |name: &str, more: &[&str]| {
        let args: Vec<&str> =
            ["run", "pairs.toml", "-e", "tiny", "--run", name].into_iter().chain(more.iter().copied()).collect();
        kitchen.json(&args)
    };
    let finding = |run: &str| -> Option<String> {
        let path = kitchen.path(&format!("home/runs/{run}/diagnosis.json"));
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        let of_pairs = findings.into_iter().find(|finding| finding["kind"] == "pairing")?;
        Some(format!("{} {}", of_pairs["finding"].as_str()?, of_pairs["remedy"].as_str()?))
    };
    let together = run("together", &[]);
    assert!(finding("together").unwrap().contains("read together only"));
    let alone = run("alone", &["--pair-features"]);
    let pearson = |report: &serde_json::Value| number(report, "/evaluation/splits/0/scores/pearson");
    assert!(pearson(&alone) > pearson(&together) + 0.1, "{} {}", pearson(&alone), pearson(&together));
    assert_eq!(finding("alone"), None);
    kitchen.ok(&["eval", "together"]);
    let said = finding("together").unwrap();
    assert!(said.contains("each by itself") && said.contains("--pair-features"), "{said}");
    kitchen.ok(&["compare", "alone", "together"]).prints(&["alone", "together"]);
    kitchen.ok(&["verify", "home/features/pairs/tiny/sentence-pair-f32/dev.parquet", "--all"]);
    kitchen.ok(&["report", "alone", "--output", "report.html"]);
    kitchen.assert_tidy();
}

#[test]
fn answers_are_the_same_everywhere() {
    let (kitchen, dev) = kitchen();
    let report = kitchen.json(&["run", "pairs.toml", "-e", "tiny", "--pair-features", "--run", "mine"]);
    let lines: String = dev.iter().map(|(first, second, _)| format!("{first}\t{second}\n")).collect();
    let told = kitchen.larder_reads(&["predict", "mine", "--json"], &lines).json_lines();
    let answers: Vec<f64> = told.iter().map(|line| number(line, "/prediction")).collect();
    let gold: Vec<f64> = dev.iter().map(|row| row.2).collect();
    let expected = larder_metrics::score_regression(&gold, &answers).unwrap();
    assert!((number(&report, "/evaluation/splits/0/scores/pearson") - expected.pearson).abs() < 1e-4);
    kitchen.ok(&["predict", "mine", "--input", "dev.tsv", "--output", "out.tsv"]);
    let out = std::fs::read_to_string(kitchen.path("out.tsv")).unwrap();
    let of_file = out.lines().skip(1).map(|line| line.rsplit('\t').next().unwrap().parse::<f64>().unwrap());
    for (file, line) in of_file.zip(&answers) {
        assert!((file - line).abs() < 1e-5, "{file} {line}");
    }
    // The export compares its own answers with the run's.
    kitchen.ok(&["export", "mine", "--output", "exported"]).prints(&["standard deviations"]);
    let card = std::fs::read_to_string(kitchen.path("exported/README.md")).unwrap();
    assert!(card.contains("for pair in texts") && card.contains("`[pairs, 1]`"), "{card}");
    kitchen.ok(&["export", "mine", "--output", "small", "--precision", "int8"]).prints(&["pearson"]);
}

/// The trained encoder reads each text by itself too: its pairs are learned, and answered alike by the run, the file and the
/// exported graph, which compares its own answers with the run's.
#[test]
fn an_encoder_is_fine_tuned_on_texts_read_by_themselves() {
    let (kitchen, dev) = kitchen();
    let tune = |run: &str, more: &[&str]| {
        let args = ["finetune", "pairs.toml", "-e", "tiny", "--lr", "2e-3", "--epochs", "4", "--run", run];
        kitchen.json(&[&args, more].concat())
    };
    let pearson = |report: &serde_json::Value| number(report, "/evaluation/splits/0/scores/pearson");
    let together = tune("together", &[]);
    let alone = tune("alone", &["--pair-features"]);
    assert!(pearson(&alone) > pearson(&together) + 0.1, "{} {}", pearson(&alone), pearson(&together));
    kitchen.ok(&["eval", "together"]).prints(&["`--pair-features` is what this set wants"]);
    let lines: String = dev.iter().map(|(first, second, _)| format!("{first}\t{second}\n")).collect();
    let told = kitchen.larder_reads(&["predict", "alone", "--json"], &lines).json_lines();
    let answers: Vec<f64> = told.iter().map(|line| number(line, "/prediction")).collect();
    let gold: Vec<f64> = dev.iter().map(|row| row.2).collect();
    let expected = larder_metrics::score_regression(&gold, &answers).unwrap();
    assert!((pearson(&alone) - expected.pearson).abs() < 1e-4);
    kitchen.ok(&["export", "alone", "--output", "exported"]).prints(&["standard deviations"]);
    tune("dropped", &["--pair-features", "--pool", "cls", "--dropout", "0.2", "--seed", "1"]);
    let cut = ["finetune", "pairs.toml", "-e", "tiny", "--pair-features", "--from-layer", "1"];
    kitchen.larder(&cut).exits(2).says(&["--from-layer", "--pair-features"]);
    kitchen.assert_tidy();
}

#[test]
fn single_texts_and_words_have_no_pairs() {
    let (kitchen, _) = kitchen();
    kitchen.write("pairs.toml", DESCRIPTION.replace("text_b = \"two\"\n", ""));
    kitchen
        .larder(&["train", "pairs.toml", "-e", "tiny", "--pair-features"])
        .exits(3)
        .says(&["text_b", "--pair-features"]);
    kitchen
        .larder(&["finetune", "pairs.toml", "-e", "tiny", "--pair-features"])
        .exits(3)
        .says(&["text_b", "--pair-features"]);
    kitchen
        .larder(&["encode", "pairs.toml", "-e", "tiny", "--pair-features", "--level", "token"])
        .exits(2)
        .says(&["--pair-features"]);
}
