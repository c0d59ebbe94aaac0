//! What `larder predict` and `larder embed` say of files that they cannot read or write.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use larder_tags::Scheme;
use larder_tests::{Answer, Kitchen, tagged_toy, toy};
use parquet::arrow::ArrowWriter;

use super::{hint, names};

/// What a run of these tests is trained with: how good it is does not matter.
const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// With the runs `plain`, of texts in CSV, and `pairs`, of two in JSON lines.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let (mut texts, mut pairs) = ("body,mood\n".to_owned(), String::new());
    for (text, label) in toy(1, 60) {
        texts.push_str(&format!("{text},\"{label}, it seems\"\n"));
        pairs.push_str(&format!("{{\"first\": \"{text}\", \"second\": \"{text}\", \"mood\": \"{label}\"}}\n"));
    }
    kitchen.write("train.csv", texts);
    kitchen.write("train.jsonl", pairs);
    let spec = |format: &str, columns: &str| {
        let head = format!("name = \"{format}\"\ntask = \"sequence\"\nformat = \"{format}\"\n");
        kitchen.write(
            &format!("{format}.toml"),
            format!("{head}[columns]\n{columns}\nlabel = \"mood\"\n[splits]\ntrain = \"train.{format}\"\n"),
        );
    };
    spec("csv", "text = \"body\"");
    spec("jsonl", "text = \"first\"\ntext_b = \"second\"");
    kitchen.ok(&[&["train", "csv.toml", "-e", "tiny", "--run", "plain"], &QUICK[..]].concat());
    kitchen.ok(&[&["train", "jsonl.toml", "-e", "tiny", "--run", "pairs"], &QUICK[..]].concat());
    kitchen
}

/// With the run `tags` of CoNLL files.
fn kitchen_with_tagger() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 40))]);
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "tags", "--c", "1"]);
    kitchen
}

fn predict(kitchen: &Kitchen, run: &str, input: &str, more: &[&str]) -> Answer {
    kitchen.larder(&[&["predict", run, "--input", input], more].concat())
}

fn embed(kitchen: &Kitchen, input: &str, more: &[&str]) -> Answer {
    kitchen.larder(&[&["embed", "-e", "tiny", "--input", input], more].concat())
}

/// Succeeds with `rows` lines of answers.
#[track_caller]
fn answers(answer: Answer, rows: usize) -> Answer {
    let answer = answer.exits(0);
    assert_eq!(answer.stdout.lines().count(), rows, "{}", answer.told());
    answer
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_file_whose_format_its_name_does_not_tell_is_read_as_said() {
    let kitchen = kitchen();
    kitchen.write("rows.dat", "body\na red fox\na blue bird\n");
    let refused = predict(&kitchen, "plain", "rows.dat", &[]);
    let refused = names(refused, 3, hint("nothing tells how it is laid out; expected a name that ends in"));
    // A run that labels texts reads no words.
    refused.says(&["`--input-format csv|tsv|jsonl|parquet|text` says how"]).does_not_say("conll");
    embed(&kitchen, "rows.dat", &[]).exits(3).says(&["`--input-format csv|tsv|jsonl|parquet|text`"]);
    for (format, rows) in [("csv", 2), ("text", 3)] {
        answers(predict(&kitchen, "plain", "rows.dat", &["--input-format", format]), rows);
    }
    answers(embed(&kitchen, "rows.dat", &["--input-format", "text"]), 3);
    // The name that it could have is as good.
    kitchen.write("rows.csv", "body\na red fox\na blue bird\n");
    answers(predict(&kitchen, "plain", "rows.csv", &[]), 2);

    let refused = kitchen.larder(&["predict", "plain", "a red fox", "--input-format", "csv"]);
    names(refused, 2, hint("reads a file or standard input, not arguments"));
    let piped = kitchen.larder_reads(&["predict", "plain", "--input-format", "csv"], "body\na red fox\n");
    answers(piped, 1);
    answers(predict(&kitchen, "plain", "rows.dat", &["--input-format", "csv"]), 2);
}

#[test]
fn a_taggers_file_of_unknown_format_is_read_as_said() {
    let kitchen = kitchen_with_tagger();
    kitchen.write("rows.dat", "red fox\nbird\n");
    predict(&kitchen, "tags", "rows.dat", &[]).exits(3).says(&["|conll|text|words`"]);
    answers(predict(&kitchen, "tags", "rows.dat", &["--input-format", "words"]), 2);
    answers(predict(&kitchen, "tags", "rows.dat", &["--input-format", "text"]), 2);
    kitchen.write("rows.dat", "red\nfox\n\nbird\n");
    // A line a word, with its tag, and blank lines.
    let tagged = predict(&kitchen, "tags", "rows.dat", &["--input-format", "conll"]).exits(0);
    assert_eq!(tagged.stdout.lines().filter(|line| !line.is_empty()).count(), 3, "{}", tagged.told());
}

#[test]
fn a_name_that_means_two_things_is_decided_by_the_flag() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 40))]);
    std::fs::rename(kitchen.path("names-train.conll"), kitchen.path("names-train.txt")).unwrap();
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    kitchen.write(&dataset, spec.replace("names-train.conll", "names-train.txt"));
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "tags", "--c", "1"]);
    kitchen.write("rows.txt", "red\nfox\n\nbird\n");
    let refused = predict(&kitchen, "tags", "rows.txt", &[]);
    names(
        refused,
        3,
        hint("as the file that the run was trained on, whose name ends alike\n  `--input-format text` or"),
    )
    .says(&["`--input-format conll` decides"]);
    answers(predict(&kitchen, "tags", "rows.txt", &["--input-format", "text", "--json"]), 4);
    answers(predict(&kitchen, "tags", "rows.txt", &["--input-format", "conll", "--json"]), 2);
}

#[test]
fn an_output_that_cannot_be_written_can_be_after_what_is_said() {
    let kitchen = kitchen();
    kitchen.write("lines.txt", "a red fox\na blue bird\n");
    let refused = predict(&kitchen, "plain", "lines.txt", &["--output", "out.txt"]);
    names(
        refused,
        3,
        hint("not rows to which answers could be added: leave --output out, and the answers are printed"),
    );
    answers(predict(&kitchen, "plain", "lines.txt", &[]), 2);

    kitchen.write("taken.csv", "body,prediction\na red fox,1\n");
    let refused = predict(&kitchen, "plain", "taken.csv", &["--output", "out.csv"]);
    names(refused, 3, hint("--prefix TEXT puts something before the names of the new ones"));
    predict(&kitchen, "plain", "taken.csv", &["--output", "out.csv", "--prefix", "my_"]).exits(0);
    let written = std::fs::read_to_string(kitchen.path("out.csv")).unwrap();
    assert!(written.starts_with("body,prediction,my_prediction,"), "{written}");

    // The labels have commas.
    let unquoted = ["--output", "other.csv", "--quoting", "false"];
    kitchen.write("rows.csv", "body\na red fox\na blue bird\n");
    let refused = predict(&kitchen, "plain", "rows.csv", &unquoted);
    names(refused, 3, hint("with `--quoting true` it can, and quotes in the file then enclose fields"));
    predict(&kitchen, "plain", "rows.csv", &["--output", "other.csv", "--quoting", "true"]).exits(0);
    assert!(std::fs::read_to_string(kitchen.path("other.csv")).unwrap().contains(", it seems\""));

    let refused = predict(&kitchen, "plain", "rows.csv", &["--output", "out.csv"]);
    names(refused, 3, hint(" is there already\n  --force replaces it"));
    predict(&kitchen, "plain", "rows.csv", &["--output", "out.csv", "--force"]).exits(0);
    assert!(std::fs::read_to_string(kitchen.path("out.csv")).unwrap().contains("a blue bird,"));
}

#[test]
fn quotes_that_are_characters_are_read_as_such() {
    let kitchen = kitchen();
    kitchen.write("open.csv", "body\n\"a red fox\na blue bird\n");
    kitchen.write("behind.csv", "body\na blue bird\n\"a red\" fox\n");
    let quotes = hint("`--quoting false` takes quotes as plain characters");
    for file in ["open.csv", "behind.csv"] {
        names(predict(&kitchen, "plain", file, &[]), 3, quotes);
        let refused = names(embed(&kitchen, file, &["--text-column", "body"]), 3, quotes);
        refused.does_not_say("--on-bad-row");
        let read = answers(predict(&kitchen, "plain", file, &["--quoting", "false"]), 2);
        assert_eq!(read.stdout.matches('"').count(), if file == "open.csv" { 1 } else { 2 }, "{}", read.told());
        answers(embed(&kitchen, file, &["--text-column", "body", "--quoting", "false"]), 2);
    }
    let skip = ["--on-bad-row", "skip"];
    answers(predict(&kitchen, "plain", "behind.csv", &skip), 2).says(&["1 row has no answer"]);
    // Behind a quote that is never closed no row can be told apart.
    predict(&kitchen, "plain", "open.csv", &[]).exits(3).does_not_say("--on-bad-row");
    // What is wrong with the header is no row that could be left out.
    kitchen.write("header.csv", "\"bo\"dy\na red fox\n");
    predict(&kitchen, "plain", "header.csv", &[]).exits(3).does_not_say("--on-bad-row");
}

#[test]
fn a_column_of_another_name_is_named() {
    let kitchen = kitchen();
    let one = hint("`--text-column` says which column to read: NAME, or a zero-based position where columns have one");
    kitchen.write("missing.csv", "id,words\n1,a red fox\n");
    kitchen.write("twice.csv", "body,body\n,a red fox\n");
    for (file, columns) in [("missing.csv", &["words", "1"][..]), ("twice.csv", &["1"])] {
        let refused = names(predict(&kitchen, "plain", file, &[]), 3, one);
        // A run that labels single texts takes no such flags.
        refused.does_not_say("--words-column").does_not_say("--text-b-column");
        for column in columns {
            answers(predict(&kitchen, "plain", file, &["--text-column", column]), 1);
            answers(embed(&kitchen, file, &["--text-column", column]), 1);
        }
    }
    names(embed(&kitchen, "missing.csv", &[]), 3, one);
    write_parquet(
        &kitchen.path("numbers.parquet"),
        vec![
            ("body", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("text", Arc::new(StringArray::from(vec!["a red fox"]))),
        ],
    );
    names(predict(&kitchen, "plain", "numbers.parquet", &[]), 3, one);
    answers(predict(&kitchen, "plain", "numbers.parquet", &["--text-column", "text"]), 1);

    kitchen.write("pairs.csv", "a,b\na red fox,a blue bird\n");
    let refused = predict(&kitchen, "pairs", "pairs.csv", &[]);
    names(refused, 3, hint("`--text-column` and `--text-b-column` say which columns to read")).does_not_say("--words");
    answers(predict(&kitchen, "pairs", "pairs.csv", &["--text-column", "a", "--text-b-column", "b"]), 1);
    answers(predict(&kitchen, "pairs", "pairs.csv", &["--text-column", "0", "--text-b-column", "1"]), 1);
}

#[test]
fn a_taggers_column_of_another_name_is_named() {
    let kitchen = kitchen_with_tagger();
    let mut words = ListBuilder::new(StringBuilder::new());
    words.append_value(["red", "fox"].map(Some));
    write_parquet(
        &kitchen.path("rows.parquet"),
        vec![("list", Arc::new(words.finish()) as ArrayRef), ("body", Arc::new(StringArray::from(vec!["a red fox"])))],
    );
    let refused = predict(&kitchen, "tags", "rows.parquet", &[]);
    names(refused, 3, hint("`--text-column`, or `--words-column` for words, says which column to read"))
        .does_not_say("--text-b-column");
    answers(predict(&kitchen, "tags", "rows.parquet", &["--text-column", "body"]), 1);
    answers(predict(&kitchen, "tags", "rows.parquet", &["--words-column", "list"]), 1);
    // In a table there are no lists.
    kitchen.write("rows.csv", "body\na red fox\n");
    predict(&kitchen, "tags", "rows.csv", &[]).exits(3).says(&["`--text-column` says"]).does_not_say("--words-column");
    answers(predict(&kitchen, "tags", "rows.csv", &["--text-column", "body"]), 1);

    kitchen.write("rows.jsonl", "{\"list\": [\"red\", \"fox\"], \"body\": \"a red fox\"}\n{\"id\": 2}\n");
    let refused = predict(&kitchen, "tags", "rows.jsonl", &[]);
    names(refused, 3, hint("`--text-column NAME`, or `--words-column NAME` for words, says where it is"));
    for column in [["--text-column", "body"], ["--words-column", "list"]] {
        let refused = predict(&kitchen, "tags", "rows.jsonl", &column).exits(3).says(&["line 2"]);
        refused.says(&["`--on-bad-row skip`"]);
        answers(predict(&kitchen, "tags", "rows.jsonl", &[column, ["--on-bad-row", "skip"]].concat()), 2);
    }
}

#[test]
fn a_row_without_its_text_is_found_or_left_out() {
    let kitchen = kitchen();
    kitchen.write("rows.jsonl", "{\"text\": \"a red fox\"}\n");
    kitchen.write("other.jsonl", "{\"words\": \"a red fox\", \"text\": 7}\n");
    let place = hint("`--text-column NAME` says where it is");
    let skip = hint("`--on-bad-row skip` leaves such rows without an answer");
    names(names(predict(&kitchen, "plain", "rows.jsonl", &[]), 3, place), 3, skip);
    answers(predict(&kitchen, "plain", "rows.jsonl", &["--text-column", "text"]), 1);
    answers(predict(&kitchen, "plain", "rows.jsonl", &["--on-bad-row", "skip"]), 1).says(&["1 row has no answer"]);
    names(embed(&kitchen, "other.jsonl", &[]), 3, place).does_not_say("--on-bad-row");
    answers(embed(&kitchen, "other.jsonl", &["--text-column", "words"]), 1);

    let both = hint("`--text-column NAME` and `--text-b-column NAME` say where both are");
    kitchen.write("pairs.jsonl", "{\"first\": \"a red fox\", \"b\": \"a blue bird\"}\n");
    names(predict(&kitchen, "pairs", "pairs.jsonl", &[]), 3, both);
    answers(predict(&kitchen, "pairs", "pairs.jsonl", &["--text-b-column", "b"]), 1);

    // What no column could help with.
    kitchen.write("lines.jsonl", "[1]\n{\"body\": \n{\"body\": \" \"}\n{\"body\": \"a red fox\"}\n");
    names(predict(&kitchen, "plain", "lines.jsonl", &[]), 3, skip).does_not_say("--text-column");
    let skipped = answers(predict(&kitchen, "plain", "lines.jsonl", &["--on-bad-row", "skip"]), 4);
    skipped.says(&["3 rows have no answer"]);
    kitchen.write("pairs.txt", "a red fox\na red fox\ta blue bird\n");
    names(predict(&kitchen, "pairs", "pairs.txt", &[]), 3, skip);
    answers(predict(&kitchen, "pairs", "pairs.txt", &["--on-bad-row", "skip"]), 2).says(&["1 row has no answer"]);
    // A line that is no UTF-8 is one row of many, too.
    kitchen.write("lines.txt", b"a red fox\nan \xff fox\na blue bird\n");
    let refused = predict(&kitchen, "plain", "lines.txt", &[]);
    names(refused, 3, skip).says(&["lines.txt, line 2"]).prints(&["a red fox"]);
    let skipped = answers(predict(&kitchen, "plain", "lines.txt", &["--on-bad-row", "skip"]), 3);
    skipped.prints(&["a blue bird"]).says(&["1 row has no answer; the first, line 2"]);
    embed(&kitchen, "lines.txt", &[]).exits(3).says(&["lines.txt, line 2"]).does_not_say("--on-bad-row");
}

#[test]
fn a_row_of_other_width_is_read_as_said() {
    let kitchen = kitchen();
    let quoted = "id\tbody\n1\ta red fox\n2\t\"a blue\tbird\"\n";
    kitchen.write("rows.tsv", quoted);
    let width =
        hint("`--quoting true|false` says whether quotes enclose fields, `--text-column N` which column to read");
    names(predict(&kitchen, "plain", "rows.tsv", &[]), 3, width).says(&["; `--on-bad-row skip` leaves"]);
    answers(predict(&kitchen, "plain", "rows.tsv", &["--quoting", "true"]), 2);
    answers(predict(&kitchen, "plain", "rows.tsv", &["--on-bad-row", "skip"]), 2).says(&["1 row has no answer"]);
    let refused = names(embed(&kitchen, "rows.tsv", &["--text-column", "body"]), 3, width);
    refused.does_not_say("--on-bad-row");
    answers(embed(&kitchen, "rows.tsv", &["--text-column", "body", "--quoting", "true"]), 2);
    // A position that the rows do not have.
    kitchen.write("bare.csv", "1,a red fox\n2,a blue bird\n");
    let at = |position| ["--header", "false", "--text-column", position];
    names(predict(&kitchen, "plain", "bare.csv", &at("2")), 3, width);
    answers(predict(&kitchen, "plain", "bare.csv", &at("1")), 2);
    names(embed(&kitchen, "bare.csv", &at("2")), 3, width);
    answers(embed(&kitchen, "bare.csv", &at("1")), 2);

    let kitchen = kitchen_with_tagger();
    kitchen.write("rows.conll", "1 red\n2 fox\n\n3 bird\n");
    let words = hint("`--words-column N` says which column holds the words, `--separator tab|space|whitespace` what");
    let args = ["--words-column", "1", "--json"];
    names(predict(&kitchen, "tags", "rows.conll", &args), 3, words);
    answers(predict(&kitchen, "tags", "rows.conll", &[&args[..], &["--separator", "space"]].concat()), 2);
    answers(predict(&kitchen, "tags", "rows.conll", &["--words-column", "0", "--json"]), 2);
    kitchen.write("short.conll", "1\tred\n2\n\n3\tbird\n");
    names(predict(&kitchen, "tags", "short.conll", &args), 3, words);
    answers(predict(&kitchen, "tags", "short.conll", &[&args[..], &["--on-bad-row", "skip"]].concat()), 2);
}

#[test]
fn columns_without_names_are_told_by_their_position() {
    let kitchen = kitchen();
    kitchen.write("bare.csv", "1,a red fox,a blue bird\n");
    let bare = ["--header", "false"];
    let at = |more: &[&'static str]| [&bare[..], more].concat();
    let refused = predict(&kitchen, "plain", "bare.csv", &bare).exits(3);
    refused.says(&["which column of a csv file holds its texts\n  `--text-column N` does"]);
    embed(&kitchen, "bare.csv", &bare).exits(3).says(&["`--text-column N` does"]);
    answers(predict(&kitchen, "plain", "bare.csv", &at(&["--text-column", "1"])), 1);
    answers(embed(&kitchen, "bare.csv", &at(&["--text-column", "1"])), 1);
    let refused = predict(&kitchen, "pairs", "bare.csv", &at(&["--text-column", "1"])).exits(3);
    refused.says(&["second texts\n  `--text-b-column N` does"]);
    answers(predict(&kitchen, "pairs", "bare.csv", &at(&["--text-column", "1", "--text-b-column", "2"])), 1);

    let refused = predict(&kitchen, "plain", "bare.csv", &at(&["--text-column", "body"]));
    let position = hint("without a header columns have no names; give the zero-based position, or `--header true`");
    names(refused, 3, position);
    answers(predict(&kitchen, "plain", "bare.csv", &at(&["--text-column", "1"])), 1);
    kitchen.write("named.csv", "body\na red fox\n");
    names(embed(&kitchen, "named.csv", &at(&["--text-column", "body"])), 3, position);
    answers(embed(&kitchen, "named.csv", &["--header", "true", "--text-column", "body"]), 1);

    // A tagger that learned from lists has no position of the words in CoNLL.
    let lines: String = tagged_toy(1, 40)
        .iter()
        .map(|one| format!("{{\"words\": {:?}, \"tags\": {:?}}}\n", one.words, one.tags))
        .collect();
    kitchen.write("tags.jsonl", lines);
    kitchen.write(
        "tags.toml",
        "name = \"tags\"\ntask = \"tagging\"\nformat = \"jsonl\"\n[columns]\nwords = \"words\"\ntags = \"tags\"\n\
         [splits]\ntrain = \"tags.jsonl\"\n",
    );
    kitchen.ok(&["train", "tags.toml", "-e", "tiny", "--run", "tags", "--c", "1"]);
    kitchen.write("rows.conll", "1 red\n2 fox\n\n3 bird\n");
    predict(&kitchen, "tags", "rows.conll", &[]).exits(3).says(&["its words\n  `--words-column N` does"]);
    answers(predict(&kitchen, "tags", "rows.conll", &["--words-column", "1", "--json"]), 2);
    predict(&kitchen, "tags", "bare.csv", &bare).exits(3).says(&["its texts\n  `--text-column N` does"]);
    answers(predict(&kitchen, "tags", "bare.csv", &at(&["--text-column", "1"])), 1);
}

#[test]
fn a_text_without_blanks_is_given_as_words() {
    let kitchen = Kitchen::with_tiny();
    let block = "林大明\tB-PER\n在\tO\n北京\tB-LOC\n\n全党\tO\n是\tO\n。\tO\n\n";
    let dataset = kitchen.conll("words", Scheme::Iob2, &[("train", block.repeat(20))]);
    kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "tags", "--c", "1"]);
    let text = "林大明在北京是全党";
    let note = hint("cut such texts into words and give those (`--input-format words`, or a list `words` in .jsonl)");
    names(kitchen.larder(&["predict", "tags", text]), 0, note);
    let words = ["predict", "tags", "--input-format", "words", "林大明 在 北京 是 全党", "--json"];
    let told = kitchen.ok(&words).does_not_say("without a blank");
    assert_eq!(told.json()["words"].as_array().unwrap().len(), 5);
    kitchen.write("rows.jsonl", "{\"words\": [\"林大明\", \"在\"]}\n");
    let told = predict(&kitchen, "tags", "rows.jsonl", &["--json"]).exits(0).does_not_say("without a blank");
    assert_eq!(told.json()["words"].as_array().unwrap().len(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_is_not_waited_for() {
    let kitchen = Kitchen::with_tiny();
    // The end of a pseudoterminal that programs open is a terminal to `isatty`.
    let mut command = kitchen.command(&["embed", "-e", "tiny"]);
    let output = command.stdin(File::open("/dev/ptmx").unwrap()).output().unwrap();
    let refused = Answer::new(&command, output);
    names(refused, 2, hint("nothing to embed: give texts, --input FILE, or pipe lines in"));
    answers(kitchen.larder(&["embed", "-e", "tiny", "a red fox"]), 1);
    kitchen.write("rows.txt", "a red fox\na blue bird\n");
    answers(embed(&kitchen, "rows.txt", &[]), 2);
    answers(kitchen.larder_reads(&["embed", "-e", "tiny"], "a red fox\na blue bird\n"), 2);
}

#[test]
fn a_file_of_vectors_is_replaced_and_of_one_column_where_it_is_an_array() {
    let kitchen = Kitchen::with_tiny();
    kitchen.write("texts.csv", "text\none\ntwo\nthree\n");
    let to = |file: &str, more: &[&str]| embed(&kitchen, "texts.csv", &[&["--output", file], more].concat());
    to("v.npy", &[]).exits(0).prints(&["3 rows: v.npy"]);
    to("v.npy", &[]).exits(2).says(&[hint("is there already; `--force` replaces it by vectors")]);
    to("v.npy", &["--force"]).exits(0);
    let two = &["--pool", "mean,cls", "--force"];
    to("v.npy", two).exits(2).says(&[hint("were asked for: give one `--pool` and one of `--layers`")]);
    to("v.parquet", two).exits(0);
    to("v.txt", &[]).exits(2).says(&["v.txt: vectors are written to files that end in .parquet, .jsonl or .npy"]);
}

#[test]
fn vectors_with_scales_are_written_to_a_table() {
    let kitchen = Kitchen::with_tiny();
    let to = |file: &str| kitchen.larder(&["embed", "-e", "tiny", "a red fox", "-o", file, "--dtype", "i8"]);
    names(to("v.npy"), 2, hint("has no room for the scales of `--dtype i8`: end it in .parquet"));
    to("v.parquet").exits(0);
}

#[test]
fn new_texts_are_answered_by_one_run_on_a_page() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 20))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine", "--c", "1"]);
    kitchen.write("new.txt", "a red fox\na blue bird\n");
    let two =
        kitchen.larder(&["report", "mine", "other", "--input", "new.txt", "--input-format", "text", "-o", "page.html"]);
    names(two, 2, hint("--input shows the answers of one run: name one"));
    let one = ["report", "mine", "--input", "new.txt", "--input-format", "text", "-o", "page.html"];
    let page = |more: &[&str]| {
        kitchen.ok(&[&one[..], more].concat());
        std::fs::read_to_string(kitchen.path("page.html")).expect("was written")
    };
    let more =
        hint("the first {}; `--limit` reads more").replace("{}", "1 row").replace("`--limit`", "<code>--limit</code>");
    assert!(page(&["--limit", "1"]).contains(&more));
    assert!(!page(&["--limit", "2"]).contains("reads more"));
}
