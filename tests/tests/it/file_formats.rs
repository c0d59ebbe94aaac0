//! Files as people have them, through the binary: trained on, answered and scored.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use larder_tags::Scheme;
use larder_tests::{Kitchen, conll, number, tagged_toy, toy};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// Semicolons, latin1 and gzip change no answer, and what is predicted has the separator of what is read.
#[test]
fn a_table_of_another_separator_encoding_and_compression_gives_the_same_run() {
    let kitchen = Kitchen::with_tiny();
    let table = |rows: &[(String, &str)], separator: &str| {
        let rows: String = rows.iter().map(|(text, label)| format!("{text} né{separator}{label}\n")).collect();
        format!("text{separator}label\n{rows}")
    };
    let latin1 =
        |text: &str| text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect::<Vec<u8>>();
    let description = |name: &str, keys: &str, ending: &str| {
        format!(
            "name = \"{name}\"\ntask = \"sequence\"\nformat = \"csv\"\n{keys}[columns]\ntext = \"text\"\nlabel = \"label\"\n\
             [splits]\ntrain = \"train{ending}\"\ndev = \"dev{ending}\"\n"
        )
    };
    for (split, rows) in [("train", toy(1, 60)), ("dev", toy(2, 20))] {
        kitchen.write(&format!("{split}.csv"), table(&rows, ","));
        kitchen.write(&format!("{split}-odd.csv.gz"), gzip(&latin1(&table(&rows, ";"))));
    }
    kitchen.write("plain.toml", description("plain", "", ".csv"));
    kitchen.write("odd.toml", description("odd", "separator = \";\"\nencoding = \"latin1\"\n", "-odd.csv.gz"));
    let run = |name: &str| {
        let dataset = format!("{name}.toml");
        kitchen.json(&[&["run", &dataset, "-e", "tiny", "--run", name], &QUICK[..]].concat())
    };
    let (plain, odd) = (run("plain"), run("odd"));
    assert_eq!(plain["evaluation"]["splits"][0]["scores"], odd["evaluation"]["splits"][0]["scores"]);
    kitchen.ok(&["predict", "odd", "--input", "dev-odd.csv.gz", "--output", "answered.csv"]);
    let answered = std::fs::read_to_string(kitchen.path("answered.csv")).unwrap();
    assert!(answered.starts_with("text;label;") && answered.contains(" né;"), "{answered}");
    // A name that ends in .gz is no output: what is written there would be no gzip.
    kitchen.larder(&["predict", "odd", "--input", "dev-odd.csv.gz", "--output", "answered.csv.gz"]).exits(3);
}

/// Tags in other clothes give the run that IOB2 gives, and answers have those clothes.
#[test]
fn tags_of_another_style_give_the_same_run() {
    let kitchen = Kitchen::with_tiny();
    let (train, dev) = (tagged_toy(1, 60), tagged_toy(2, 20));
    let iob2 = |sentences| conll(sentences, Scheme::Iob2);
    let plain = kitchen.conll("plain", Scheme::Iob2, &[("train", iob2(&train)), ("dev", iob2(&dev))]);
    let bmes = |sentences| conll(sentences, Scheme::Bmes);
    let other = kitchen.conll("other", Scheme::Bmes, &[("train", bmes(&train)), ("dev", bmes(&dev))]);
    // The mark behind the type, `0` outside, and a header.
    let turned = |sentences| -> String {
        let line = |line: &str| match line.split_once('\t') {
            Some((word, "O")) => format!("{word}\t0\n"),
            Some((word, tag)) => {
                let (mark, entity_type) = tag.split_once('-').unwrap();
                format!("{word}\t{entity_type}_{mark}\n")
            }
            None => format!("{line}\n"),
        };
        format!("# language = en\nTOKEN\tNE\n{}", iob2(sentences).lines().map(line).collect::<String>())
    };
    kitchen.write("turned-train.tsv", turned(&train));
    kitchen.write("turned-dev.tsv", turned(&dev));
    kitchen.write(
        "turned.toml",
        "name = \"turned\"\ntask = \"tagging\"\nformat = \"conll\"\nheader = true\nseparator = \"tab\"\n[columns]\nwords = \"TOKEN\"\n\
         tags = \"NE\"\n[tags]\nmark = \"last\"\nseparator = \"_\"\noutside = \"0\"\n[splits]\ntrain = \"turned-train.tsv\"\n\
         dev = \"turned-dev.tsv\"\n",
    );
    let run = |dataset: &str, run: &str| {
        kitchen.json(&["run", dataset, "-e", "tiny", "--layers", "all", "--c", "1", "--run", run])
    };
    let scores = |report: serde_json::Value| report["evaluation"]["splits"][0]["scores"].clone();
    let expected = scores(run(&plain, "plain"));
    assert_eq!(scores(run(&other, "other")), expected);
    assert_eq!(scores(run("turned.toml", "turned")), expected);
    let predict =
        ["predict", "turned", "--input", "turned-dev.tsv", "--input-format", "conll", "--output", "answered.conll"];
    kitchen.ok(&predict);
    let answered = std::fs::read_to_string(kitchen.path("answered.conll")).unwrap();
    assert!(answered.starts_with("# language = en\nTOKEN\tNE\tprediction\n"), "{answered}");
    assert!(answered.contains("_B\n") && answered.contains("\t0\n") && !answered.contains("\tO"), "{answered}");
}

/// As pandas writes a table with `to_json`, labels of integers among which one was missing.
#[test]
fn a_json_array_is_trained_on_and_answered() {
    let kitchen = Kitchen::with_tiny();
    let rows = |seed, count| {
        toy(seed, count).into_iter().enumerate().map(|(at, (text, label))| {
            let label = if label == toy(1, 1)[0].1 { 1.0 } else { 0.0 };
            serde_json::json!({ "id": at, "text": text, "label": label })
        })
    };
    for (split, seed, count) in [("train", 1, 60), ("dev", 2, 20)] {
        let objects: Vec<_> = rows(seed, count).collect();
        kitchen.write(&format!("{split}.json"), serde_json::to_string_pretty(&objects).unwrap());
        kitchen
            .write(&format!("{split}.jsonl"), objects.iter().map(|object| format!("{object}\n")).collect::<String>());
    }
    let run = |ending: &str| {
        let (train, dev) = (format!("train.{ending}"), format!("dev.{ending}"));
        let data =
            ["run", &train, "--dev-file", &dev, "--text", "text", "--label", "label", "-e", "tiny", "--run", ending];
        kitchen.json(&[&data[..], &QUICK[..]].concat())
    };
    let (array, lines) = (run("json"), run("jsonl"));
    assert_eq!(array["evaluation"]["splits"][0]["scores"], lines["evaluation"]["splits"][0]["scores"]);
    kitchen.ok(&["predict", "json", "--input", "dev.json", "--output", "answered.jsonl"]);
    let answered = std::fs::read_to_string(kitchen.path("answered.jsonl")).unwrap();
    assert_eq!(answered.lines().count(), 20, "{answered}");
    for line in answered.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert!(row["id"].is_number() && ["0", "1"].contains(&row["prediction"].as_str().unwrap()), "{row}");
    }
}

#[test]
fn files_of_other_schemes_and_with_comments_of_germeval_are_scored() {
    let kitchen = Kitchen::empty();
    kitchen.write("bmes.conll", "所 B-TITLE B-TITLE\n长 M-TITLE M-TITLE\n人 E-TITLE E-TITLE\n\n");
    for scheme in ["IOB2", "BMES"] {
        let scores = kitchen.json(&["score", "bmes.conll", "--scheme", scheme]);
        let [gold, predicted, f1] = ["per_type/0/gold", "per_type/0/predicted", "micro/f1"]
            .map(|path| number(&scores, &format!("/scores/strict/{path}")));
        assert_eq!((gold, predicted, f1), (1.0, 1.0, 1.0), "{scores:#}");
    }
    kitchen.write("germeval.tsv", "#\thttp://x\t[2009-10-17]\n1\tAda\tB-PER\tB-PER\n2\tran\tO\tO\n\n#\thttp://y\t[2009-10-17]\n1\tRome\tB-LOC\tB-LOC\n");
    let scores = kitchen.json(&["score", "germeval.tsv", "--separator", "tab"]);
    assert_eq!(
        (number(&scores, "/scores/sentences"), number(&scores, "/scores/strict/micro/f1")),
        (2.0, 1.0),
        "{scores:#}"
    );
}

#[test]
fn a_file_without_blank_lines_is_told_before_it_is_encoded() {
    let kitchen = Kitchen::with_tiny();
    let train = conll(&tagged_toy(1, 40), Scheme::Iob2).replace("\n\n", "\n");
    let dataset = kitchen.conll("names", Scheme::Iob2, &[("train", train)]);
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]).says(&["train is one sentence of", "separated by blank lines"]);
    let sound = kitchen.conll("sound", Scheme::Iob2, &[("train", conll(&tagged_toy(1, 40), Scheme::Iob2))]);
    kitchen.ok(&["tokenize", &sound, "-e", "tiny"]).does_not_say("blank lines");
}

/// A run that was trained on texts with spans answers texts with spans of the same kind.
#[test]
fn texts_with_spans_are_trained_on_and_answered() {
    let kitchen = Kitchen::with_tiny();
    let rows = |seed| -> String {
        let row = |sentence: &larder_tests::Tagged| {
            let (mut text, mut spans) = (String::new(), Vec::new());
            for (word, tag) in sentence.words.iter().zip(&sentence.tags) {
                if !text.is_empty() {
                    text.push(' ');
                }
                let start = text.chars().count();
                text.push_str(word);
                let end = text.chars().count();
                match tag.split_once('-') {
                    Some(("I", _)) => spans.last_mut().map_or((), |span: &mut (usize, usize, String)| span.1 = end),
                    Some((_, entity_type)) => spans.push((start, end, entity_type.to_owned())),
                    None => {}
                }
            }
            format!("{}\n", serde_json::json!({ "text": text, "entities": spans }))
        };
        tagged_toy(seed, 60).iter().map(row).collect()
    };
    kitchen.write("train.jsonl", rows(1));
    kitchen.write("dev.jsonl", rows(2));
    kitchen.write(
        "spans.toml",
        "name = \"spans\"\ntask = \"tagging\"\nformat = \"jsonl\"\n[columns]\ntext = \"text\"\nspans = \"entities\"\n\
         [splits]\ntrain = \"train.jsonl\"\ndev = \"dev.jsonl\"\n",
    );
    let lists = |seed| conll(&tagged_toy(seed, 60), Scheme::Iob2);
    let plain = kitchen.conll("plain", Scheme::Iob2, &[("train", lists(1)), ("dev", lists(2))]);
    let run = |dataset: &str, run: &str| {
        kitchen.json(&["run", dataset, "-e", "tiny", "--layers", "all", "--c", "1", "--run", run])
    };
    let scores = |report: serde_json::Value| report["evaluation"]["splits"][0]["scores"].clone();
    assert_eq!(scores(run("spans.toml", "spans")), scores(run(&plain, "plain")));
    kitchen.ok(&["predict", "spans", "--input", "dev.jsonl", "--output", "answered.jsonl", "--prefix", "predicted_"]);
    let answered = std::fs::read_to_string(kitchen.path("answered.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(answered.lines().next().unwrap()).unwrap();
    for entity in first["predicted_entities"].as_array().expect("a list of entities") {
        let (start, end) = (number(entity, "/start") as usize, number(entity, "/end") as usize);
        let text: String = first["text"].as_str().unwrap().chars().skip(start).take(end - start).collect();
        assert_eq!(entity["text"], text);
    }
}

#[test]
fn a_description_may_say_how_its_rows_are_read_and_a_flag_goes_before_it() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 20))]);
    let rows = std::fs::read_to_string(kitchen.path("toy-train.tsv")).unwrap();
    kitchen.write("toy-train.tsv", rows + "no label\n");
    let text = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    let said = |lines: &str| kitchen.write(&dataset, format!("{lines}\n{text}"));
    let tokenize = |more: &[&str]| kitchen.larder(&[&["tokenize", &dataset, "-e", "tiny"], more].concat());
    tokenize(&[]).exits(3);
    said("on_bad_row = \"skip\"\nmax_tokens = 3");
    tokenize(&[]).exits(0).says(&["20 rows", "1 row skipped", "20 rows longer than the limit"]);
    tokenize(&["--on-bad-row", "stop"]).exits(3);
    tokenize(&["--max-tokens", "32"]).exits(0).does_not_say("longer than the limit");
    said("illegal_tags = \"repair\"");
    tokenize(&[]).exits(3).says(&["`illegal_tags` means nothing for the task sequence"]);
    said("on_bad_row = \"skp\"");
    tokenize(&[]).exits(3).says(&["unknown policy for bad rows `skp`", "did you mean `skip`?"]);
}
