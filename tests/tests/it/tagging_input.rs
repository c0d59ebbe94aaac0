//! CoNLL files as they are found: for each fault a message with the file and the line, or the right result.

use larder_tags::Scheme;
use larder_tests::{
    Answer, ConllColumns, Kitchen, Tagged, conll, number, predicted_words, tagged_sentences, tagged_toy,
};

/// Train and dev of the dataset `names`, and what it is called on the command line.
fn kitchen_with(train: &str, dev: impl AsRef<[u8]>) -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let contents = [("train", train.as_bytes()), ("dev", dev.as_ref())];
    let dataset = kitchen.conll("names", Scheme::Iob2, &contents);
    (kitchen, dataset)
}

fn sound() -> (String, String) {
    (conll(&tagged_toy(1, 60), Scheme::Iob2), conll(&tagged_toy(2, 20), Scheme::Iob2))
}

fn run(dataset: &str) -> [&str; 8] {
    ["run", dataset, "-e", "tiny", "--layers", "all", "--run", "mine"]
}

fn is_talk(answer: &Answer) {
    assert!(answer.stdout.is_empty(), "an error printed on standard output\n{}", answer.told());
    assert!(!answer.stderr.contains("panicked"), "a panic\n{}", answer.told());
}

/// What `dev` with one line replaced (one-based) makes `tokenize` and `run` say.
#[track_caller]
fn refuses(line: usize, with: &str, says: &[&str]) {
    let (train, dev) = sound();
    let mut lines: Vec<&str> = dev.lines().collect();
    lines[line - 1] = with;
    let (kitchen, dataset) = kitchen_with(&train, lines.join("\n"));
    let place = format!("line {line}:");
    for args in [&["tokenize", &dataset, "-e", "tiny"][..], &run(&dataset)] {
        let answer = kitchen.larder(args).exits(3).says(&["names-dev.conll", &place]).says(says);
        is_talk(&answer);
        let tokens = kitchen.home().tokens("names", "tiny", "dev").expect("names are file names");
        assert!(!tokens.exists(), "no tokens of half a file\n{}", answer.told());
    }
    let skipping = [&run(&dataset)[..], &["--on-bad-row", "skip"]].concat();
    let answer = kitchen.ok(&skipping).says(&["1 row skipped", &format!("line {line}")]).says(says);
    let columns = ConllColumns::read(&kitchen.path("home/runs/mine/predictions.dev.conll"));
    assert_eq!(columns.words.len(), 19, "the other sentences are there\n{}", answer.told());
}

#[test]
fn a_line_without_its_tag_is_named() {
    refuses(2, "Anna", &["1 columns", "columns.tags"]);
    refuses(1, "Anna O", &["separator"]);
    refuses(1, "Anna\t", &["empty"]);
}

#[test]
fn a_tag_that_is_none_of_its_scheme_is_named() {
    refuses(1, "Anna\tB", &["word 1", "Anna", "`B`", "type"]);
    refuses(1, "Anna\tB-", &["word 1", "`B-`", "type"]);
    refuses(1, "Anna\tX-person", &["word 1", "X-person", "IOB2", "`B-…`"]);
    refuses(1, "Anna\tperson", &["word 1", "person"]);
}

#[test]
fn invalid_utf8_is_named() {
    let (train, dev) = sound();
    let mut dev = dev.into_bytes();
    let third_line = dev.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("lines").0 + 1;
    dev[third_line] = 0xff;
    let (kitchen, dataset) = kitchen_with(&train, dev);
    is_talk(&kitchen.larder(&run(&dataset)).exits(3).says(&["names-dev.conll", "UTF-8", "line 3"]));
}

#[test]
fn a_type_that_train_does_not_have_counts_as_one_that_is_never_found() {
    let (train, dev) = sound();
    let dev = dev.replacen("B-place", "B-planet", 1);
    let (kitchen, dataset) = kitchen_with(&train, &dev);
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    let listed = format!("{spec}[labels]\nnames = [\"person\", \"place\", \"planet\"]\n");
    for spec in [spec, listed] {
        kitchen.write(&dataset, spec);
        let report = kitchen.json(&run(&dataset));
        let scores = &report["evaluation"]["splits"][0]["scores"];
        let types = scores["strict"]["per_type"].as_array().expect("a list");
        let planet = types.iter().find(|t| t["entity_type"] == "planet").expect("the type occurs in dev");
        assert_eq!((number(planet, "/gold"), number(planet, "/correct")), (1.0, 0.0));
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let (train, dev) = sound();
    let (kitchen, dataset) = kitchen_with(&train, &dev);
    kitchen.ok(&run(&dataset));
    let expected = kitchen.run_file("mine", "predictions.dev.conll");
    let with_mark = |text: &str| format!("\u{feff}{text}");
    let windows = |text: &str| text.replace('\n', "\r\n");
    // Blank lines with stray blanks and tabs, several of them, a document's start, and no line end at the end.
    let stray = |text: &str| format!("-DOCSTART-\tO\n\n{}", text.replace("\n\n", "\n \t\n\n").trim_end());
    let disguises: [&dyn Fn(&str) -> String; 4] = [&with_mark, &windows, &|text| with_mark(&windows(text)), &stray];
    for (number, disguise) in disguises.iter().enumerate() {
        let (kitchen, dataset) = kitchen_with(&disguise(&train), disguise(&dev));
        kitchen.ok(&run(&dataset));
        let found = kitchen.run_file("mine", "predictions.dev.conll");
        assert!(found == expected, "disguise {number} changed the answers");
        assert_eq!(kitchen.words("names", "tiny", "train").rows(), train.lines().filter(|l| !l.is_empty()).count());
    }
}

#[test]
fn other_column_orders_separators_and_comments_are_read() {
    let (train, dev) = sound();
    let (kitchen, dataset) = kitchen_with(&train, &dev);
    kitchen.ok(&run(&dataset));
    let expected = kitchen.run_file("mine", "predictions.dev.conll");
    let turned = |text: &str| -> String {
        let line = |line: &str| match line.split_once('\t') {
            Some((word, tag)) => format!("{tag} NN {word}\n"),
            None => "\n# sent_id = 7\n".to_owned(),
        };
        text.lines().map(line).collect()
    };
    let (kitchen, dataset) = kitchen_with(&turned(&train), turned(&dev));
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    let spec = spec.replace("\"tab\"", "\"space\"").replace("words = 0", "words = 2").replace("tags = 1", "tags = 0");
    kitchen.write(&dataset, spec);
    kitchen.ok(&run(&dataset));
    assert!(kitchen.run_file("mine", "predictions.dev.conll") == expected);
}

/// `count` words with `O`, and `Anna` first and last.
fn without_blank_lines(count: usize) -> String {
    let inner = "red\tO\n".repeat(count - 2);
    format!("Anna\tB-person\n{inner}Anna\tB-person\n")
}

#[test]
fn a_hundred_thousand_words_without_a_blank_line_are_one_sentence() {
    // The embeddings know a word wherever it stands, and have seen words everywhere in a window.
    let train = conll(&tagged_sentences(1, 80, 60), Scheme::Iob2);
    let kitchen = Kitchen::with_wide();
    let contents = [("train", train), ("dev", without_blank_lines(100_000))];
    let dataset = kitchen.conll("names", Scheme::Iob2, &contents);
    let report = kitchen.json(&["run", &dataset, "-e", "wide", "--layers", "0", "--run", "mine"]);
    assert_eq!(number(&report, "/evaluation/splits/0/scores/sentences"), 1.0);
    let rows = predicted_words(&kitchen.path("home/runs/mine/predictions.parquet"));
    assert!(rows.iter().map(|row| row.position).eq(0..100_000), "one answer a word, in order");
    assert_eq!((&*rows[0].prediction, &*rows[50_000].prediction), ("B-person", "O"));
    assert_eq!(rows[99_999].prediction, "B-person", "the last word is read as well as the first");
}

#[test]
fn more_words_than_that_are_a_file_separated_by_something_else() {
    let (train, _) = sound();
    let (kitchen, dataset) = kitchen_with(&train, without_blank_lines(100_001));
    let says = ["names-dev.conll", "line 1", "100000 words", "blank line"];
    is_talk(&kitchen.larder(&["tokenize", &dataset, "-e", "tiny"]).exits(3).says(&says));
}

#[test]
fn illegal_sequences_are_refused_or_repaired_and_counted() {
    let (train, dev) = sound();
    // `O I-person`, and a type that changes inside an entity.
    let illegal = "red\tO\nNovak\tI-person\n\nAnna\tB-person\nOslo\tI-place\n\n";
    let first = train.lines().count() + 2;
    let (kitchen, dataset) = kitchen_with(&format!("{train}{illegal}"), &dev);
    let answer = kitchen.larder(&run(&dataset)).exits(3);
    is_talk(&answer);
    let line = format!("line {first}");
    answer.says(&["names-train.conll", &line, "I-person", "Novak", "--illegal-tags repair"]);
    kitchen.ok(&[&run(&dataset)[..], &["--on-bad-row", "skip"]].concat()).says(&["2 rows skipped", &line]);

    let repairing = [&run(&dataset)[..], &["--illegal-tags", "repair", "--force"]].concat();
    kitchen.ok(&repairing).says(&["illegal tags repaired in 2 sentences"]);
    let tags = kitchen.words("names", "tiny", "train").tags().unwrap();
    let last: Vec<Option<&str>> = tags[tags.len() - 4..].iter().map(Option::as_deref).collect();
    assert_eq!(last, [Some("O"), Some("B-person"), Some("B-person"), Some("B-place")], "as conlleval reads them");
}

#[test]
fn jsonl_of_the_same_sentences_gives_the_same_answers() {
    let (train, dev) = sound();
    let (kitchen, dataset) = kitchen_with(&train, &dev);
    kitchen.ok(&run(&dataset));
    let expected = kitchen.run_file("mine", "predictions.dev.conll");
    let lines = |sentences: &[Tagged]| -> String {
        let line = |s: &Tagged| format!("{}\n", serde_json::json!({ "ner": s.tags, "tokens": s.words }));
        sentences.iter().map(line).collect()
    };
    kitchen.write("train.jsonl", lines(&tagged_toy(1, 60)));
    kitchen.write("dev.jsonl", lines(&tagged_toy(2, 20)));
    kitchen.write(
        "lines.toml",
        "name = \"lines\"\ntask = \"tagging\"\nformat = \"jsonl\"\nscheme = \"IOB2\"\n[columns]\nwords = \"tokens\"\n\
         tags = \"ner\"\n[splits]\ntrain = \"train.jsonl\"\ndev = \"dev.jsonl\"\n",
    );
    kitchen.ok(&["run", "lines.toml", "-e", "tiny", "--layers", "all", "--run", "lines"]);
    assert!(kitchen.run_file("lines", "predictions.dev.conll") == expected);
}
