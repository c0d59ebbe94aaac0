//! `larder predict` reads what training reads: a split's own file, in every format, gets the answers that the run itself
//! wrote for that split.

use larder_tags::Scheme;
use larder_tests::{ConllColumns, Kitchen, conll, predictions, sentences, tagged_toy};
use serde_json::{Value, json};

/// Texts with what a format may break: commas, quotes, line ends, tabs left out so that plain TSV holds them too.
fn labelled(seed: u64, rows: usize) -> Vec<(String, &'static str)> {
    let texts = sentences(seed, rows, 10).into_iter().enumerate();
    texts
        .map(|(row, text)| {
            let text = match row % 4 {
                0 => format!("{text}, \"so to say\""),
                1 => format!("{text}\nand so on"),
                _ => text,
            };
            let label = if text.len() % 2 == 0 { "even" } else { "odd" };
            (text, label)
        })
        .collect()
}

fn table(rows: &[(String, &str)], delimiter: u8, labels: bool) -> String {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let header: &[&str] = if labels { &["id", "body", "mood"] } else { &["id", "body"] };
    writer.write_record(header).unwrap();
    for (row, (text, label)) in rows.iter().enumerate() {
        let number = row.to_string();
        let fields = [number.as_str(), text, label];
        writer.write_record(&fields[..header.len()]).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn read_table(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// With the run `mine`, trained on CSV, and the answers it gave to `dev` itself.
fn kitchen_with_run() -> (Kitchen, Vec<(String, &'static str)>, Vec<String>) {
    let kitchen = Kitchen::with_tiny();
    let dev = labelled(72, 60);
    kitchen.write("train.csv", table(&labelled(71, 240), b',', true));
    kitchen.write("dev.csv", table(&dev, b',', true));
    kitchen.write(
        "d.toml",
        "name = \"toy\"\ntask = \"sequence\"\nformat = \"csv\"\n[columns]\ntext = \"body\"\nlabel = \"mood\"\nid = \"id\"\n\
         [splits]\ntrain = \"train.csv\"\ndev = \"dev.csv\"\n",
    );
    let settings = ["--c", "10", "--class-weight", "none", "--threshold", "half"];
    kitchen.ok(&[&["run", "d.toml", "-e", "tiny", "--run", "mine"], &settings[..]].concat());
    let own = predictions(&kitchen.path("home/runs/mine/predictions.parquet"));
    let own: Vec<String> = own.into_iter().filter(|row| row.split == "dev").map(|row| row.prediction).collect();
    assert_eq!(own.len(), dev.len());
    assert!(own.iter().any(|label| label == "even") && own.iter().any(|label| label == "odd"), "a constant answer");
    (kitchen, dev, own)
}

#[test]
fn tables_and_json_lines_get_the_runs_own_answers() {
    let (kitchen, dev, own) = kitchen_with_run();
    let output = |args: &[&str], out: &str| -> String {
        kitchen.ok(&[&["predict", "mine", "--output", out], args].concat());
        std::fs::read_to_string(kitchen.path(out)).unwrap()
    };
    kitchen.write(
        "marked.csv",
        format!("\u{feff}{}", table(&dev, b',', true)).replace("\r\n", "\n").replace('\n', "\r\n"),
    );
    kitchen.write("bare.csv", table(&dev, b',', false));
    kitchen.write("quoted.tsv", table(&dev, b'\t', true));
    kitchen.write(
        "names.jsonl",
        dev.iter().map(|(text, _)| format!("{{\"n\": 1.50, \"body\": {}}}\n", json!(text))).collect::<String>(),
    );
    let nameless: String = table(&dev, b',', false).split_once('\n').unwrap().1.to_owned();
    kitchen.write("nameless.csv", &nameless);

    for (file, more, delimiter) in
        [("dev.csv", &[][..], b','), ("bare.csv", &[], b','), ("quoted.tsv", &["--quoting", "true"], b'\t')]
    {
        let out = read_table(&output(&[&["--input", file], more].concat(), &format!("out-{file}")), delimiter);
        let given = read_table(&std::fs::read_to_string(kitchen.path(file)).unwrap(), delimiter);
        let width = given[0].len();
        let added = ["prediction", "probability", "probabilities.even", "probabilities.odd"];
        assert_eq!(out[0][width..], added, "{file}");
        for (row, (out, given)) in out.iter().zip(&given).enumerate() {
            assert_eq!(out[..width], given[..], "{file}: row {row} keeps its columns");
        }
        let answers: Vec<&String> = out[1..].iter().map(|row| &row[width]).collect();
        assert_eq!(answers, own.iter().collect::<Vec<_>>(), "{file}");
    }
    let out =
        read_table(&output(&["--input", "nameless.csv", "--header", "false", "--text-column", "1"], "o.csv"), b',');
    assert!(out.iter().map(|row| &row[2]).eq(&own), "positions are said by a flag");

    let out = output(&["--input", "names.jsonl"], "o.jsonl");
    for (row, (line, expected)) in out.lines().zip(&own).enumerate() {
        assert!(line.starts_with("{\"n\": 1.50, \"body\": "), "row {row} keeps its bytes: {line}");
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["prediction"], *expected, "row {row}");
    }

    // Printed answers: one a record, whatever lines it has. CRLF within a text is that text's own.
    for file in ["dev.csv", "marked.csv", "names.jsonl"] {
        let printed = kitchen.ok(&["predict", "mine", "--input", file, "--json"]).json_lines();
        assert!(printed.iter().map(|line| &line["label"]).eq(&own), "{file}");
        assert_eq!(kitchen.ok(&["predict", "mine", "--input", file]).stdout.lines().count(), dev.len(), "{file}");
    }
    let text = std::fs::read_to_string(kitchen.path("dev.csv")).unwrap();
    let piped = kitchen.larder_reads(&["predict", "mine", "--input-format", "csv", "--json"], &text).exits(0);
    assert!(piped.json_lines().iter().map(|line| &line["label"]).eq(&own), "standard input");
}

#[test]
fn what_cannot_be_read_is_refused_and_never_answered_as_lines() {
    let (kitchen, dev, _) = kitchen_with_run();
    let refused = |args: &[&str]| {
        let answer = kitchen.larder(&[&["predict", "mine"], args].concat()).exits(3).does_not_say("panicked");
        assert_eq!(answer.stdout, "", "{args:?}");
        answer
    };
    for file in ["a.csv.xz", "a.yaml", "a.xlsx", "eng.testb"] {
        kitchen.write(file, table(&dev, b',', true));
        refused(&["--input", file]).says(&[file, "--input-format"]);
    }
    kitchen.write("other.csv", "id,words\n1,a\n");
    refused(&["--input", "other.csv"]).says(&["no column `body`", "--text-column"]);
    kitchen.write("a.conllu", "a\tO\n");
    refused(&["--input", "a.conllu"]).says(&["texts are read here"]);
    kitchen.write("bad.csv", "id,body\n1,\n2,a red fox\n");
    refused(&["--input", "bad.csv"]).says(&["bad.csv, line 2", "`body` is empty", "--on-bad-row skip"]);
    let skipped = kitchen.ok(&["predict", "mine", "--input", "bad.csv", "--on-bad-row", "skip"]);
    assert_eq!(skipped.stdout.lines().count(), 2);
    skipped.says(&["1 row has no answer", "line 2"]);

    let embed = ["embed", "-e", "tiny", "--input", "bad.csv"];
    let refused = kitchen.larder(&embed).exits(3).says(&["no column `text`", "--text-column"]);
    // Flags of `predict` are none of `embed`.
    refused.does_not_say("--words-column").does_not_say("--text-b-column").does_not_say("--on-bad-row");
    kitchen.write("texts.csv", "id,body\n1,a red fox\n2,\"two\nlines\"\n");
    let embedded = kitchen.ok(&["embed", "-e", "tiny", "--input", "texts.csv", "--text-column", "body"]).json_lines();
    assert!(embedded.iter().map(|line| &line["text"]).eq(["a red fox", "two\nlines"]));
    kitchen.write("empty.txt", "");
    kitchen.ok(&["embed", "-e", "tiny", "--input", "empty.txt"]).says(&["empty.txt holds no texts"]);
}

/// Sentences as CoNLL-U: numbers first, comments, a range now and then, which is no word.
fn numbered(sentences: &[larder_tests::Tagged], labels: bool) -> String {
    let mut text = "-DOCSTART-\t_\t_\n\n".to_owned();
    for (number, sentence) in sentences.iter().enumerate() {
        text.push_str(&format!("# sent_id = {number}\n# a remark\tof two columns\n"));
        for (at, (word, tag)) in sentence.words.iter().zip(&sentence.tags).enumerate() {
            if number % 3 == 1 && at == 1 {
                text.push_str("2-3\tboth\t_\n");
            }
            text.push_str(&format!("{}\t{word}\t{}\n", at + 1, if labels { tag } else { "_" }));
        }
        text.push('\n');
    }
    text
}

#[test]
fn conll_comes_out_with_a_column_of_the_runs_own_tags() {
    let kitchen = Kitchen::with_wide();
    let dev = tagged_toy(2, 40);
    kitchen.write("train.conllu", numbered(&tagged_toy(1, 120), true));
    kitchen.write("dev.conllu", numbered(&dev, true));
    kitchen.write(
        "d.toml",
        "name = \"u\"\ntask = \"tagging\"\nformat = \"conll\"\nseparator = \"tab\"\n[columns]\nwords = 1\ntags = 2\n\
         [splits]\ntrain = \"train.conllu\"\ndev = \"dev.conllu\"\n",
    );
    kitchen.ok(&["run", "d.toml", "-e", "wide", "--layers", "0", "--run", "mine"]);
    let own = ConllColumns::read(&kitchen.path("home/runs/mine/predictions.dev.conll"));
    assert_eq!(own.words, dev.iter().map(|sentence| sentence.words.clone()).collect::<Vec<_>>(), "no range is a word");
    assert!(own.predicted.iter().flatten().any(|tag| tag.starts_with("B-")), "something was found");

    kitchen.write("unlabelled.conllu", numbered(&dev, false));
    kitchen.write("windows.conllu", format!("\u{feff}{}", numbered(&dev, true).replace('\n', "\r\n")));
    for file in ["dev.conllu", "unlabelled.conllu", "windows.conllu"] {
        let out = format!("out-{file}");
        kitchen.ok(&["predict", "mine", "--input", file, "--output", &out]);
        let given = std::fs::read_to_string(kitchen.path(file)).unwrap();
        let written = std::fs::read_to_string(kitchen.path(&out)).unwrap();
        let mut tags = own.predicted.iter().flatten();
        let (given, written): (Vec<_>, Vec<_>) =
            (given.trim_start_matches('\u{feff}').split('\n').collect(), written.split('\n').collect());
        assert_eq!(given.len(), written.len(), "{file}");
        for (given, written) in given.into_iter().zip(written) {
            let end = if given.ends_with('\r') { "\r" } else { "" };
            let first = given.split('\t').next().unwrap_or_default();
            let expected = match first.parse::<usize>() {
                Ok(_) => format!("{}\t{}{end}", given.trim_end_matches('\r'), tags.next().unwrap()),
                Err(_) if first.contains('-') && !first.starts_with('-') => {
                    format!("{}\t_{end}", given.trim_end_matches('\r'))
                }
                Err(_) => given.to_owned(),
            };
            assert_eq!(written, expected, "{file}");
        }
        assert_eq!(tags.next(), None, "{file}");
    }
    kitchen.ok(&["score", "out-dev.conllu"]);
    let shown = kitchen.json(&["score", "out-dev.conllu"]);
    assert!(shown.to_string().contains("strict"), "{shown}");

    // Another file of the same format may have its words elsewhere.
    kitchen.write("plain.conll", conll(&dev, Scheme::Iob2));
    let args = ["predict", "mine", "--input", "plain.conll", "--words-column", "0", "--json"];
    let lines = kitchen.ok(&args).json_lines();
    assert!(
        lines.iter().map(|line| &line["tags"]).eq(own
            .predicted
            .iter()
            .map(|tags| json!(tags))
            .collect::<Vec<_>>()
            .iter())
    );
}

#[test]
fn a_tagger_of_single_characters_cuts_text_into_characters() {
    let kitchen = Kitchen::with_wide();
    let block =
        "林\tB-PER\n大\tI-PER\n明\tI-PER\n在\tO\n北\tB-LOC\n京\tI-LOC\n\n是\tO\n全\tO\n党\tO\n的\tO\n人\tO\n。\tO\n\n";
    let dataset = kitchen.conll("zh", Scheme::Iob2, &[("train", block.repeat(30))]);
    kitchen.ok(&["train", &dataset, "-e", "wide", "--layers", "0", "--run", "zh"]);
    let text = "全党是 林大明在北京。";
    let spaced = "全 党 是 林 大 明 在 北 京 。";
    let raw = kitchen.ok(&["predict", "zh", text, "--json"]).says(&["trained on single characters"]);
    let words = kitchen.ok(&["predict", "zh", "--input-format", "words", spaced, "--json"]).json_lines();
    let of = |line: &Value| -> Vec<(Value, Value)> {
        let list = line["entities"].as_array().unwrap().iter();
        list.map(|entity| (entity["first_word"].clone(), entity["type"].clone())).collect()
    };
    let line = &raw.json_lines()[0];
    assert_eq!(of(line), of(&words[0]), "characters and words are answered alike");
    let characters: Vec<char> = text.chars().collect();
    for entity in line["entities"].as_array().unwrap() {
        let at = |key: &str| entity[key].as_u64().unwrap() as usize;
        assert_eq!(entity["text"], characters[at("start")..at("end")].iter().collect::<String>());
    }

    // A tagger of words is not given a text without blanks in silence.
    let block = "林大明\tB-PER\n在\tO\n北京\tB-LOC\n\n全党\tO\n是\tO\n。\tO\n\n";
    let dataset = kitchen.conll("words", Scheme::Iob2, &[("train", block.repeat(30))]);
    kitchen.ok(&["train", &dataset, "-e", "wide", "--layers", "0", "--run", "words"]);
    kitchen
        .ok(&["predict", "words", "林大明在北京是全党"])
        .says(&["9 characters without a blank", "--input-format words"]);
    kitchen.ok(&["predict", "words", "林大明 在 北京"]).does_not_say("without a blank");
}
