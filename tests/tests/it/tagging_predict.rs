//! `larder predict` with a tagger: entities of texts, words and files, as the report found them.

use larder_tags::{Scheme, check};
use larder_tests::{Answer, ConllColumns, Kitchen, conll, number, tagged_sentences, tagged_toy};
use serde_json::{Value, json};

/// With the run `mine` on sentences of colours, moves and names. It reads the embeddings, which know a word wherever it
/// stands, and has seen words everywhere in a window: what it answers to other texts is known beforehand.
fn kitchen_with_run() -> Kitchen {
    let kitchen = Kitchen::with_wide();
    let train = [tagged_toy(1, 120), tagged_sentences(3, 80, 60)].concat();
    let dataset = kitchen.tagging("names", &[("train", &train), ("dev", &tagged_toy(2, 60))]);
    let report = kitchen.json(&["run", &dataset, "-e", "wide", "--layers", "0", "--run", "mine"]);
    let f1 = number(&report, "/evaluation/splits/0/scores/strict/micro/f1");
    assert!(f1 > 0.98, "strict F1 {f1:.3}");
    kitchen
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|v| v.as_str().expect("a text").to_owned()).collect()
}

/// Offsets count characters, entities do not overlap, and a confidence is a probability.
fn assert_entities_stand_in_their_text(line: &Value) {
    let text: Vec<char> = line["text"].as_str().expect("a text").chars().collect();
    let mut behind = 0;
    for entity in line["entities"].as_array().expect("a list of entities") {
        let (start, end) = (number(entity, "/start") as usize, number(entity, "/end") as usize);
        assert!(behind <= start && start < end && end <= text.len(), "{line}");
        behind = end;
        assert_eq!(entity["text"], text[start..end].iter().collect::<String>(), "{line}");
        let confidence = number(entity, "/confidence");
        assert!(confidence > 0.0 && confidence <= 1.0, "{line}");
        assert!(["person", "place"].map(|name| json!(name)).contains(&entity["type"]), "{line}");
    }
}

fn entities(line: &Value) -> Vec<(String, String)> {
    let list = line["entities"].as_array().expect("a list of entities").iter();
    list.map(|e| (e["text"].as_str().unwrap().to_owned(), e["type"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn offsets_count_characters_of_any_text() {
    let kitchen = kitchen_with_run();
    let texts = [
        "Anna Novak walks, Oslo sits.",
        "🙂🙂 Ivan eats “red” Lima 🏳️‍🌈 Karin!",
        "naïve ÉLAN café — Lima; été, Quito… 東京 Ulla",
        "  (Anna)\tNovak   Turin's  ",
        "e\u{301}e\u{301}  Anna",
    ];
    let lines = kitchen.ok(&[&["predict", "mine", "--json"], &texts[..]].concat()).json_lines();
    assert_eq!(lines.len(), texts.len());
    let mut found = Vec::new();
    for (line, text) in lines.iter().zip(texts) {
        assert_eq!(line["text"], text);
        assert!(line.get("words").is_none(), "a text was asked about, not words: {line}");
        assert_entities_stand_in_their_text(line);
        found.extend(entities(line));
    }
    for (text, kind) in [("Anna Novak", "person"), ("Ivan", "person"), ("Quito", "place"), ("Ulla", "person")] {
        assert!(found.contains(&(text.to_owned(), kind.to_owned())), "{text} is not among {found:?}");
    }
    let plain = kitchen.ok(&["predict", "mine", texts[1]]);
    plain.prints(&["🙂🙂 [Ivan](person ", " [Lima](place ", " 🏳️‍🌈 "]).does_not_print("\u{1b}[");
}

#[test]
fn words_json_lines_and_conll_are_answered_alike_and_as_the_report_did() {
    let kitchen = kitchen_with_run();
    let dev = tagged_toy(2, 60);
    let lines: String = dev.iter().map(|sentence| format!("{}\n", sentence.text())).collect();
    let objects: String = dev.iter().map(|sentence| format!("{}\n", json!({ "words": sentence.words }))).collect();
    kitchen.write("words.txt", &lines);
    kitchen.write("words.jsonl", &objects);
    kitchen.write("words.conll", format!("-DOCSTART-\tO\n\n{}", conll(&dev, Scheme::Iob2)));
    kitchen.write("windows.conll", format!("\u{feff}{}", conll(&dev, Scheme::Iob2).replace('\n', "\r\n")));
    let ask = |file: &str, format: &str| {
        let args = ["predict", "mine", "--input", file, "--input-format", format, "--json"];
        kitchen.ok(&args)
    };
    let by_words = ask("words.txt", "words");
    assert_eq!(by_words.stdout, ask("words.jsonl", "jsonl").stdout);
    assert_eq!(by_words.stdout, ask("words.conll", "conll").stdout);
    assert_eq!(by_words.stdout, ask("windows.conll", "conll").stdout, "BOM and CRLF");
    let piped = kitchen.larder_reads(&["predict", "mine", "--input-format", "words", "--json"], &lines).exits(0);
    assert_eq!(by_words.stdout, piped.stdout);

    let reported = ConllColumns::read(&kitchen.path("home/runs/mine/predictions.dev.conll"));
    let answers = by_words.json_lines();
    assert_eq!(answers.len(), dev.len());
    for (row, (answer, sentence)) in answers.iter().zip(&dev).enumerate() {
        assert_entities_stand_in_their_text(answer);
        assert_eq!(answer["text"], sentence.text());
        assert_eq!(strings(&answer["words"]), sentence.words);
        let tags = strings(&answer["tags"]);
        assert_eq!(tags, reported.predicted[row], "sentence {row} is answered as the report did");
        check(&tags, Scheme::Iob2).unwrap_or_else(|illegal| panic!("sentence {row}: {illegal}"));
        let begun = tags.iter().filter(|tag| tag.starts_with("B-")).count();
        assert_eq!(entities(answer).len(), begun, "{answer}");
    }
    assert!(answers.iter().map(|answer| entities(answer).len()).sum::<usize>() > 60, "something was found");
    // None of these words is split, so text is answered as words are.
    let by_text = ask("words.txt", "text").json_lines();
    assert!(by_text.iter().map(entities).eq(answers.iter().map(entities)));

    let tagged = kitchen.ok(&["predict", "mine", "--input", "words.conll", "--input-format", "conll"]);
    let expected: String = reported
        .words
        .iter()
        .zip(&reported.predicted)
        .map(|(words, tags)| {
            let rows: String = words.iter().zip(tags).map(|(word, tag)| format!("{word}\t{tag}\n")).collect();
            format!("{rows}\n")
        })
        .collect();
    assert_eq!(tagged.stdout, expected);
}

#[test]
fn empty_lines_have_no_entities_and_keep_their_place() {
    let kitchen = kitchen_with_run();
    let lines: String = (0..600).map(|n| if n % 3 == 1 { "  \n" } else { "Anna walks\n" }).collect();
    for format in ["text", "words"] {
        let answer = kitchen.larder_reads(&["predict", "mine", "--input-format", format, "--json"], &lines).exits(0);
        let answers = answer.json_lines();
        assert_eq!(answers.len(), 600, "{format}: an answer a line");
        for (n, line) in answers.iter().enumerate() {
            assert_eq!(entities(line).len(), usize::from(n % 3 != 1), "{format}, line {n}: {line}");
        }
    }
    let none = kitchen.ok(&["predict", "mine", "--json", "", "\t", "\u{200b}"]).json_lines();
    assert_eq!(none.iter().map(|line| entities(line).len()).sum::<usize>(), 0, "{none:?}");
    for format in ["text", "words", "jsonl", "conll"] {
        let answer = kitchen.larder_reads(&["predict", "mine", "--input-format", format, "--json"], "").exits(0);
        assert_eq!(answer.stdout, "", "{format}: nothing in, nothing out");
    }
}

#[test]
fn words_longer_than_the_encoder_and_ones_it_drops_are_answered() {
    let kitchen = kitchen_with_run();
    let words: Vec<String> = (0..400).map(|n| if n % 100 == 99 { "Anna" } else { "red" }.to_owned()).collect();
    let dropped = ["red", "\u{fe0f}", "Anna", "\u{200b}", &"x".repeat(4000), "Oslo"].map(str::to_owned).to_vec();
    let input = format!("{}\n{}\n", json!({ "words": words }), json!({ "words": dropped }));
    let args = ["predict", "mine", "--input-format", "jsonl", "--json"];
    let answers = kitchen.larder_reads(&args, &input).exits(0).json_lines();
    for (answer, words) in answers.iter().zip([&words, &dropped]) {
        assert_eq!(&strings(&answer["words"]), words);
        assert_eq!(strings(&answer["tags"]).len(), words.len());
        assert_entities_stand_in_their_text(answer);
    }
    assert_eq!(entities(&answers[0]), vec![("Anna".to_owned(), "person".to_owned()); 4]);
}

#[test]
fn bad_input_lines_are_named() {
    let kitchen = kitchen_with_run();
    let reads = |format: &str, input: &str| -> Answer {
        kitchen.larder_reads(&["predict", "mine", "--input-format", format, "--json"], input)
    };
    let broken = "{\"text\": \"Anna\"}\n{\"text\": \"Bo\n";
    reads("jsonl", broken).exits(3).says(&["line 2"]).does_not_say("panicked");
    reads("jsonl", "{\"words\": \"Anna\"}\n").exits(3).says(&["line 1", "words"]).does_not_say("panicked");
    reads("jsonl", "{\"txt\": \"Anna\"}\n").exits(3).says(&["line 1", "`text`", "`words`"]);
    kitchen.larder(&["predict", "mine", "--input-format", "conll", "Anna"]).exits(2).says(&["conll"]);
    kitchen.larder(&["predict", "mine", "--input-format", "xml", "Anna"]).exits(2).says(&["xml", "jsonl"]);
    kitchen.larder(&["predict", "mine", "--input", "nowhere.txt"]).exits(3).says(&["nowhere.txt"]);
}
