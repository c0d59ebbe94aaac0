//! `larder score`: any CoNLL file with a gold and a predicted column, larder's or not.

use larder_tests::{Kitchen, number};
use serde_json::{Value, json};

/// What scorers disagree about, sentence by sentence; the counts beside it were made by hand.
const NASTY: &str = "-DOCSTART- -X- O O\n\n\
    # text = illegal starts: `I-` without a `B-`, one of them two words long\n\
    ada B-PER I-PER\n\
    in O O\n\
    oslo B-LOC I-LOC\n\
    today O I-LOC\n\
    \t \n\
    # adjacent entities of one type, run together\n\
    ada B-PER B-PER\n\
    bob B-PER I-PER\n\
    cobb I-PER I-PER\n\
    \n\n\
    ada B-PER B-PER\n\
    bob B-PER B-PER\n\
    \n\
    ada B-PER B-PER\n\
    lovelace I-PER I-LOC\n\
    \n\
    acme B-ORG _\n\
    works I-ORG _\n\
    in O O\n\
    lima B-LOC B-LOC\n\
    \n\
    acme B-ORG B-ORG\n\
    works I-ORG _\n";

fn assert_scores(scores: &Value, rule: &str, correct: f64, predicted: f64, gold: f64) {
    let expected = [correct / predicted, correct / gold, 2.0 * correct / (predicted + gold), gold];
    for (name, expected) in ["precision", "recall", "f1", "support"].iter().zip(expected) {
        let found = number(scores, &format!("/scores/{rule}/micro/{name}"));
        assert!((found - expected).abs() < 1e-15, "{rule} {name}: {found}, by hand {expected}");
    }
}

#[test]
fn both_readings_of_a_nasty_file_are_those_made_by_hand() {
    let kitchen = Kitchen::empty();
    kitchen.write("nasty.conll", NASTY);
    let found = kitchen.json(&["score", "nasty.conll"]);
    assert_eq!((number(&found, "/scores/sentences"), number(&found, "/scores/words")), (6.0, 17.0));
    assert_eq!(found["scheme"], "IOB2");
    // Strict: illegal starts are nothing. Four PER, LOC and ORG are read; two PER and the LOC are right.
    assert_scores(&found, "strict", 3.0, 6.0, 10.0);
    // conlleval: illegal starts begin entities, and the first of them is right.
    assert_scores(&found, "conlleval", 4.0, 9.0, 10.0);
    assert!((number(&found, "/scores/token_accuracy") - 9.0 / 17.0).abs() < 1e-15);
    assert!((number(&found, "/scores/all_outside_accuracy") - 3.0 / 17.0).abs() < 1e-15);
    let lost = found["scores"]["unrepresented"].as_array().expect("a list");
    assert_eq!(lost.len(), 1, "half of the last sentence's entity was predicted: {lost:?}");
    assert_eq!((&lost[0]["text"], &lost[0]["sentence"]), (&json!("acme works"), &json!(4)));
    assert_eq!(lost[0]["entity"], json!({ "start": 0, "end": 2, "entity_type": "ORG" }));

    kitchen.ok(&["score", "nasty.conll"]).prints(&[
        "strict F1",
        "conlleval F1",
        "0.375",
        "0.421",
        "always answering O has 0.176",
        "1 gold entities have no prediction",
        "acme works",
        "6 sentences",
    ]);
}

#[test]
fn columns_and_schemes_are_as_named() {
    let kitchen = Kitchen::empty();
    // The same tags in other columns, between others, with tabs; a word with a blank in it.
    let moved = "B-PER\tada l\tNNP\tB-PER\nO\tin\tIN\tO\nB-LOC\toslo\tNNP\tB-PER\n";
    kitchen.write("moved.conll", moved);
    let args = ["score", "moved.conll", "--gold", "0", "--predicted", "3", "--separator", "tab"];
    assert_scores(&kitchen.json(&args), "strict", 1.0, 2.0, 2.0);
    kitchen.write("iobes.conll", "ada B-PER B-PER\nl E-PER E-PER\noslo S-LOC B-LOC\n");
    let as_iobes = kitchen.json(&["score", "iobes.conll", "--scheme", "IOBES"]);
    assert_scores(&as_iobes, "strict", 1.0, 1.0, 2.0);
    assert_scores(&as_iobes, "conlleval", 2.0, 2.0, 2.0);
    kitchen.write("bilou.conll", "ada B-PER B-PER\nl L-PER L-PER\noslo U-LOC U-LOC\n");
    assert_scores(&kitchen.json(&["score", "bilou.conll", "--scheme", "BILOU"]), "conlleval", 2.0, 2.0, 2.0);
    let windows = NASTY.replace('\n', "\r\n");
    kitchen.write("nasty.conll", NASTY);
    kitchen.write("windows.conll", format!("\u{feff}{windows}"));
    let score = |file| kitchen.json(&["score", file])["scores"].clone();
    assert_eq!(score("windows.conll"), score("nasty.conll"), "BOM and CRLF");
}

#[test]
fn a_file_without_entities_scores_nothing_and_says_so() {
    let kitchen = Kitchen::empty();
    kitchen.write("none.conll", "it O O\nrains O O\n");
    let found = kitchen.json(&["score", "none.conll"]);
    assert_eq!((number(&found, "/scores/strict/micro/f1"), number(&found, "/scores/token_accuracy")), (0.0, 1.0));
    assert_eq!(number(&found, "/scores/all_outside_accuracy"), 1.0);
    kitchen.ok(&["score", "none.conll"]).prints(&["always answering O has 1.000 and finds nothing"]);
}

#[test]
fn files_that_cannot_be_scored_are_named_with_their_line() {
    let kitchen = Kitchen::empty();
    let bad = |name: &str, content: &str, more: &[&str], says: &[&str]| {
        kitchen.write(name, content);
        let answer = kitchen.larder(&[&["score", name], more].concat()).exits(3).says(&[name]).says(says);
        assert!(answer.stdout.is_empty() && !answer.stderr.contains("panicked"), "{}", answer.told());
    };
    bad("short.conll", "ada B-PER B-PER\n\nin O O\noslo B-LOC\n", &[], &["line 4", "2 columns", "expected 3"]);
    bad("two.conll", "ada B-PER\nin O\n", &[], &["line 1", "2 columns"]);
    let at = ["--gold", "1", "--predicted", "5"];
    bad("at.conll", "ada B-PER B-PER\n", &at, &["line 1", "3 columns", "5"]);
    bad("wrong.conll", "B-PER B-PER ada\nO O in\n", &[], &["line 1", "ada", "right column"]);
    bad("empty.conll", "", &[], &["empty"]);
    bad("blank.conll", "\n \n\t\n", &[], &["empty"]);
    bad("gold.conll", "ada _ B-PER\n", &[], &["line 1", "`_`", "gold"]);
    bad("same.conll", "ada B-PER B-PER\n", &["--gold", "1", "--predicted", "1"], &["1"]);
    kitchen.larder(&["score", "nowhere.conll"]).exits(3).says(&["nowhere.conll"]);
    kitchen.larder(&["score", "short.conll", "--gold", "1"]).exits(2).says(&["--predicted"]);
    kitchen.larder(&["score", "short.conll", "--scheme", "IOB3"]).exits(2).says(&["IOB3", "IOB2"]);
}
