//! Texts of more tokens than the encoder reads, read in windows.

use larder_data::Content;
use larder_store::read_provenance;
use larder_tests::{Kitchen, assert_close, number, predictions, repository, sentences, toy};
use larder_tokens::{TokenizeSettings, Tokenizer};

use crate::published::{added, embedded};

/// Float32 sums in another order.
const TOLERANCE: f32 = 2e-5;

/// Texts of 2 to 45 words, of which those that begin with moves are about moves: what decides stands at the end of the long ones.
fn rows(seed: u64, count: usize) -> Vec<(String, &'static str)> {
    let fillers = sentences(seed + 100, count, 40);
    toy(seed, count)
        .into_iter()
        .zip(fillers)
        .map(|((text, label), filler)| (format!("{filler} {text}"), label))
        .collect()
}

const WINDOWS: [&str; 4] = ["--max-tokens", "12", "--long", "windows"];

#[test]
fn a_run_reads_long_texts_in_windows_wherever_it_reads_texts() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = (rows(1, 60), rows(2, 30));
    let dataset = kitchen.dataset("long", &[("train", &train), ("dev", &dev)]);
    let run = |name: &str, more: &[&str]| kitchen.ok(&[&["run", &dataset, "-e", "tiny", "--run", name], more].concat());
    run("cut", &WINDOWS[..2]).says(&["longer than the limit, cut by"]);
    let answer = run("windows", &WINDOWS);
    answer
        .says(&["texts of more than 12 tokens kept whole", "texts of more than 12 tokens read in windows", "long"])
        .does_not_say("lost");
    run("windows", &WINDOWS).does_not_say("tokens read in windows");
    let features = kitchen.features_path("long", "dev");
    let made = read_provenance(&features).unwrap().unwrap();
    assert_eq!((made.parts["long"].as_str(), made.parts["max_tokens"].as_str()), ("windows", "12"));
    let sound = kitchen.json(&["verify", features.to_str().unwrap(), "--all"]);
    assert_eq!((number(&sound, "/rows_checked"), number(&sound, "/wrong_rows")), (30.0, 0.0));
    // A text that is looked for is read as those of the file.
    let (longest, _) = (0..).zip(&dev).max_by_key(|(_, (text, _))| text.len()).unwrap();
    let near = ["inspect", features.to_str().unwrap(), "--nearest-text", &dev[longest].0, "--k", "1"];
    let near = kitchen.json(&near);
    assert_eq!(number(&near, "/neighbours/0/row"), longest as f64, "{near}");
    assert!((number(&near, "/neighbours/0/cosine") - 1.0).abs() < 1e-6, "{near}");
    // Loose texts, and those of a file, are read as the run's own.
    let stored = predictions(&kitchen.path("home/runs/windows/predictions.parquet"));
    let texts: Vec<&str> = dev.iter().map(|(text, _)| text.as_str()).collect();
    let answer = &kitchen.ok(&["predict", "windows", "--json", texts[longest]]).json_lines()[0];
    assert_eq!(number(answer, "/truncated_tokens"), 0.0);
    assert!((number(answer, "/probability") - f64::from(stored[longest].probability)).abs() < 1e-4);
    kitchen.ok(&["predict", "windows", "--input", "long-dev.tsv", "--output", "answers.tsv"]);
    let lines = std::fs::read_to_string(kitchen.path("answers.tsv")).unwrap();
    assert!(lines.starts_with("text\tlabel\tprediction\tprobability\t") && lines.lines().count() == 31);
    for (line, stored) in lines.lines().skip(1).zip(&stored) {
        let probability: f64 = line.split('\t').nth(3).unwrap().parse().unwrap();
        assert!((probability - f64::from(stored.probability)).abs() < 1e-4, "{line}");
    }
    kitchen.ok(&["eval", "windows"]).prints(&["dev"]);
    kitchen.ok(&["compare", "windows", "cut"]).prints(&["windows", "cut"]);
    kitchen.ok(&["report", "windows", "-o", "report.html"]);
    let page = std::fs::read_to_string(kitchen.path("report.html")).unwrap();
    assert!(page.contains("longer ones are read in windows") && page.contains("were read in windows."));
    // `embed` reads them so too: up to what the encoder reads.
    let embed = |texts: &[&str], more: &[&str]| {
        let lines = kitchen.ok(&[&["embed", "-e", "tiny"], more, texts].concat()).json_lines();
        let of = |line: &serde_json::Value| -> Vec<f32> { serde_json::from_value(line["mean"].clone()).unwrap() };
        lines.iter().map(of).collect::<Vec<_>>()
    };
    let short = texts[0];
    let very_long = texts.join(" ");
    let (cut, windows) = (embed(&[short, &very_long], &[]), embed(&[short, &very_long], &["--long", "windows"]));
    assert_close(&windows[0], &cut[0], TOLERANCE, "a text that fits");
    assert!(windows[1] != cut[1]);
}

/// The vector of a long text is the mean of those of its parts, each behind the prompt, by their tokens.
#[test]
fn every_window_stands_behind_the_prompt() {
    let kitchen = added("prompts");
    let tokenizer = Tokenizer::load(&repository().join("tests/goldens/published/base/tokenizer.json")).unwrap();
    let tokens = |text: &str| {
        let content = Content::Text { text: text.to_owned(), text_b: None };
        tokenizer.encode(&content, &TokenizeSettings::default()).unwrap().input_ids.len() - 2
    };
    let prompt = tokens("find ");
    let (count, each) = (70, tokens("a"));
    assert!(each == 1 && prompt > 0 && prompt < 20, "{prompt} {each}");
    let room = 32 - 2 - prompt;
    let windows = usize::div_ceil(count, room);
    let parts: Vec<usize> = (0..windows).map(|at| (at + 1) * count / windows - at * count / windows).collect();
    let text = |words: usize| vec!["a"; words].join(" ");
    let long = embedded(&kitchen, &[text(count)], "published", &["--long", "windows", "--prompt", "query"]).remove(0);
    let texts: Vec<String> = parts.iter().map(|&words| text(words)).collect();
    let apart = embedded(&kitchen, &texts, "published", &["--prompt", "query"]);
    let weight = |words: usize| (2 + prompt + words) as f64;
    let total: f64 = parts.iter().map(|&words| weight(words)).sum();
    let mean = |at: usize| apart.iter().zip(&parts).map(|(v, &words)| weight(words) * v[at]).sum::<f64>() / total;
    let expected: Vec<f32> = (0..long.len()).map(|at| mean(at) as f32).collect();
    let long: Vec<f32> = long.into_iter().map(|value| value as f32).collect();
    assert_close(&long, &expected, TOLERANCE, "a long text behind a prompt");
}

/// The publisher's vectors have unit length, those of long texts too.
#[test]
fn the_publishers_unit_length_is_kept() {
    let kitchen = added("cls_normalize");
    let text = "the cat sat on the mat ".repeat(30);
    let vector = embedded(&kitchen, &[text], "published", &["--long", "windows"]).remove(0);
    let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!((norm - 1.0).abs() < 1e-5, "{norm}");
}

#[test]
fn where_windows_mean_nothing_they_are_refused() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 30)), ("dev", &toy(2, 9))]);
    let windows = ["--long", "windows"];
    let refused = |command: &[&str], why: &str| {
        kitchen.larder(&[command, &windows].concat()).exits(2).says(&[
            "--long windows means nothing for",
            why,
            "leave it out",
        ]);
    };
    refused(&["finetune", &dataset, "-e", "tiny"], "fine-tuning, which reads one window of a text");
    refused(&["graphs", &dataset, "-e", "tiny"], "fine-tuning");
    refused(&["encode", &dataset, "-e", "tiny", "--level", "token"], "vectors of tokens");
    let names = kitchen.tagging("names", &[("train", &larder_tests::tagged_toy(1, 20))]);
    refused(&["encode", &names, "-e", "tiny"], "whose sentences are read in windows as it is");
    kitchen.larder(&["encode", &dataset, "-e", "tiny", "--long", "whole"]).exits(2).says(&["cut, windows"]);
    kitchen
        .larder(&["encode", &dataset, "-e", "tiny", "--max-tokens", "2", "--long", "windows"])
        .exits(3)
        .says(&["no room"]);
}
