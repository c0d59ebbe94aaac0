//! Reading every format, and what is said about rows that cannot be read.

use larder_data::{
    Content, DataError, DatasetSpec, Example, ExampleReader, LabelMap, MAX_SENTENCE_WORDS, OnBadRow, Place, RowProblem,
    Target,
};
use tempfile::TempDir;

const PLAIN_TSV: &str = "task='sequence'\nformat='tsv'\nheader=false\n[columns]\ntext=1\nlabel=0\n";
const CSV: &str = "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'\n";
const JSONL: &str = "task='sequence'\nformat='jsonl'\n[columns]\ntext='text'\nlabel='label'\n";
const JSON_WORDS: &str = "task='tagging'\nformat='jsonl'\n[columns]\nwords='words'\ntags='tags'\n";
const CONLL: &str = "task='tagging'\nformat='conll'\nseparator='tab'\n[columns]\nwords=0\ntags=1\n";

/// A folder with a description and the file of its split `train`.
struct Set {
    _folder: TempDir,
    spec: DatasetSpec,
}

fn set(description: &str, data: &[u8]) -> Set {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), data).unwrap();
    let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\ngone='gone'\n");
    let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
    Set { _folder: folder, spec }
}

impl Set {
    fn reader(&self, on_bad_row: OnBadRow) -> Result<ExampleReader, DataError> {
        ExampleReader::open(&self.spec, "train", on_bad_row)
    }

    fn examples(&self) -> Vec<Example> {
        self.reader(OnBadRow::Stop).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The error that opening or reading ends with, without the folder's name.
    fn error(&self) -> String {
        let error = match self.reader(OnBadRow::Stop) {
            Err(error) => error,
            Ok(reader) => reader.filter_map(Result::err).next().expect("no error"),
        };
        let folder = self.spec.path.parent().unwrap().display().to_string();
        error.to_string().replace(&format!("{folder}/"), "")
    }

    /// Ids of the rows left, and lines of those skipped.
    fn skipping(&self) -> (Vec<String>, Vec<u64>) {
        let mut reader = self.reader(OnBadRow::Skip).unwrap();
        let ids = reader.by_ref().map(|example| example.unwrap().id).collect();
        assert_eq!(reader.skipped().count as usize, reader.skipped().rows.len());
        (ids, reader.skipped().rows.iter().map(|row| row.line()).collect())
    }
}

fn rows(set: &Set) -> Vec<(u64, String, String)> {
    let row = |example: Example| match (example.content, example.target) {
        (Content::Text { text, .. }, Some(Target::Label(label))) => (example.line, text, label),
        other => panic!("{other:?}"),
    };
    set.examples().into_iter().map(row).collect()
}

fn row(line: u64, text: &str, label: &str) -> (u64, String, String) {
    (line, text.to_owned(), label.to_owned())
}

fn words(set: &Set) -> Vec<(u64, Vec<String>, Vec<String>)> {
    let row = |example: Example| match (example.content, example.target) {
        (Content::Words(words), Some(Target::Tags(tags))) => (example.line, words, tags),
        other => panic!("{other:?}"),
    };
    set.examples().into_iter().map(row).collect()
}

fn sentence(line: u64, words: &str, tags: &str) -> (u64, Vec<String>, Vec<String>) {
    let split = |text: &str| text.split(' ').map(str::to_owned).collect();
    (line, split(words), split(tags))
}

#[test]
fn plain_tsv_takes_quotes_literally() {
    let set = set(PLAIN_TSV, "\u{feff}1\t\"He said.\r\n\r\n0\tit is 5\" long\n1\tlast \"line\"".as_bytes());
    assert_eq!(rows(&set), [row(1, "\"He said.", "1"), row(3, "it is 5\" long", "0"), row(4, "last \"line\"", "1")]);
    assert_eq!(set.examples()[2].id, "2");
}

#[test]
fn csv_fields_are_quoted_and_may_hold_line_ends() {
    let data = "label,text,extra\r\na,\"one, two\r\nthree \"\"3\"\"\",\r\n\r\nb,plain,\"x\"\r\n\"c\",\"\"\"q\"\"\",";
    let set = set(CSV, data.as_bytes());
    assert_eq!(rows(&set), [row(2, "one, two\r\nthree \"3\"", "a"), row(5, "plain", "b"), row(6, "\"q\"", "c")]);
}

#[test]
fn columns_may_be_found_by_position_under_a_header_and_pairs_have_two_texts() {
    let description =
        "task='sequence'\nformat='csv'\nheader=true\n[columns]\ntext=0\ntext_b='b'\nlabel='label'\nid='key'\n";
    let set = set(description, b"a,b,label,key\nfirst,second,x,k7\n");
    let examples = set.examples();
    assert_eq!(examples[0].id, "k7");
    assert_eq!(examples[0].content, Content::Text { text: "first".into(), text_b: Some("second".into()) });
}

#[test]
fn columns_that_are_not_there() {
    assert_eq!(
        set(CSV, b"label,txt\na,b\n").error(),
        "data has no column `text` (known: `label`, `txt`; did you mean `txt`?)"
    );
    assert_eq!(
        set(CSV, b"label,text,text\na,b,c\n").error(),
        "data has more than one column `text`; give its zero-based position instead"
    );
    assert_eq!(
        set(PLAIN_TSV, b"only\n").error(),
        "data, line 1: the row has 1 columns, expected 2 at least, for the columns asked for"
    );
}

#[test]
fn rows_with_columns_missing_or_too_many() {
    let ragged = set(PLAIN_TSV, b"1\tgood\n1\n1\ta\ttab\n0\tgood\n");
    assert_eq!(ragged.error(), "data, line 2: the row has 1 columns, expected 2 as in the first row");
    assert_eq!(ragged.skipping(), (vec!["0".to_owned(), "3".to_owned()], vec![2, 3]));
    let short = set(CSV, b"label,text\na\n");
    assert_eq!(short.error(), "data, line 2: the row has 1 columns, expected 2 as in the header");
}

#[test]
fn empty_texts_labels_and_ids() {
    assert_eq!(set(PLAIN_TSV, b"1\ta\n1\t \n").error(), "data, line 2: `column 1` is empty");
    assert_eq!(set(CSV, b"label,text\n\"\",a\n").error(), "data, line 2: `label` is empty");
    assert_eq!(set(JSONL, b"{\"text\": \"\", \"label\": 1}\n").error(), "data, line 1: `text` is empty");
    let pairs = PLAIN_TSV.replace("label=0", "text_b=0\nid=2");
    assert_eq!(set(&pairs, b"\ta\tk\n").error(), "data, line 1: `column 0` is empty");
    assert_eq!(set(&pairs, b"b\ta\t\n").error(), "data, line 1: `column 2` is empty");
}

#[test]
fn invalid_utf8_is_named_by_its_byte() {
    let tsv = set(PLAIN_TSV, b"1\tgood\n1\tb\xffd\n");
    assert_eq!(tsv.error(), "data, line 2: invalid UTF-8 at byte 10 of the file (on line 2)");
    assert_eq!(tsv.skipping(), (vec!["0".to_owned()], vec![2]));
    // The row starts on line 2, the byte is on line 3.
    let csv = set(CSV, b"label,text\na,\"x\n\xff\"\n");
    assert_eq!(csv.error(), "data, line 2: invalid UTF-8 at byte 16 of the file (on line 3)");
    assert!(set(JSONL, b"{\"text\": \"\xff\"}").error().contains("line 1: invalid UTF-8 at byte 10"));
    assert!(set(CONLL, b"a\tO\n\xc3\tO\n").error().contains("line 2: invalid UTF-8 at byte 4"));
    assert!(set(PLAIN_TSV, b"\xff\xfe1\0\t\0").error().contains("UTF-16"));
}

#[test]
fn quotes_that_are_not_closed_or_not_last() {
    assert_eq!(
        set(CSV, b"label,text\na,\"b\"c\n").error(),
        "data, line 2: text after the closing quote of column 1 (counted from zero); double a quote inside quotes, or \
         set `quoting = false` if quotes are plain characters"
    );
    // What follows cannot be told apart, so skipping is no way out.
    let open = set(CSV, b"label,text\na,b\nb,\"c\nd,e\n");
    assert!(open.error().starts_with("data, line 3: the quoted field that starts in this row is never closed"));
    let last = open.reader(OnBadRow::Skip).unwrap().last().unwrap();
    assert!(matches!(last, Err(DataError::UnterminatedQuote { line: 3, .. })));
}

#[test]
fn empty_and_missing_files() {
    for (description, data) in
        [(PLAIN_TSV, ""), (CSV, "label,text\n"), (JSONL, "\n \n"), (CONLL, "\n\t\n"), (CSV, "\u{feff}")]
    {
        assert_eq!(set(description, data.as_bytes()).error(), "data is empty: it has no row", "{data:?}");
    }
    let set = set(JSONL, b"{}");
    let error = ExampleReader::open(&set.spec, "gone", OnBadRow::Stop).unwrap_err();
    let folder = set.spec.path.parent().unwrap().display().to_string();
    assert_eq!(error.to_string().replace(&folder, "."), "cannot open ./gone, split `gone` of ./set.toml");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No such file"));
}

#[test]
fn a_file_of_bad_rows_only_is_an_error_even_when_they_are_skipped() {
    let set = set(JSONL, b"[]\n[]\n");
    let results: Vec<_> = set.reader(OnBadRow::Skip).unwrap().collect();
    assert_eq!(results.len(), 1);
    assert!(
        results[0]
            .as_ref()
            .unwrap_err()
            .to_string()
            .ends_with("all 2 rows are bad; the first, line 1: `the line` is a list, expected an object")
    );
}

#[test]
fn json_values_of_every_kind() {
    let data = "{\"text\": \"a\\nb\", \"label\": 3, \"more\": [1]}\r\n\n{\"label\": true, \"text\": \"\u{e9}\"}";
    assert_eq!(rows(&set(JSONL, data.as_bytes())), [row(1, "a\nb", "3"), row(3, "\u{e9}", "true")]);
}

#[test]
fn a_json_array_is_read_as_its_objects_in_lines() {
    let lines = b"{\"text\": \"a, [b\", \"label\": 1.0}\n{\"text\": \"c\", \"label\": 2}\n";
    let array = b"[\n  {\n    \"text\": \"a, [b\",\n    \"label\": 1.0\n  },\n  {\"text\": \"c\", \"label\": 2}\n]\n";
    assert_eq!(rows(&set(JSONL, lines)), [row(1, "a, [b", "1"), row(2, "c", "2")]);
    assert_eq!(rows(&set(JSONL, array)), rows(&set(JSONL, lines)));
    let error = |data: &[u8]| set(JSONL, data).error();
    assert_eq!(
        error(b"[{\"text\": \"a\", \"label\": 1}, 7]"),
        "data, row 2: `the line` is an integer, expected an object"
    );
    assert_eq!(
        error(b"[{\"text\": \"a\", \"label\": 1}, {\"text\": "),
        "data: the JSON array does not end with `]` behind its first 1 row: the file is cut, or a quote is not closed; fetch or write it again"
    );
}

#[test]
fn json_lines_that_are_wrong() {
    let error = |line: &str| set(JSONL, format!("{{\"text\":\"a\",\"label\":\"b\"}}\n{line}\n").as_bytes()).error();
    assert_eq!(error("[1]"), "data, line 2: `the line` is a list, expected an object");
    assert_eq!(error("{\"text\": \"a\"}"), "data, line 2: no value for `label`");
    assert_eq!(error("{\"text\": null, \"label\": 1}"), "data, line 2: no value for `text`");
    assert_eq!(error("{\"text\": 1, \"label\": 1}"), "data, line 2: `text` is an integer, expected a string");
    assert_eq!(
        error("{\"text\": \"a\", \"label\": 1.5}"),
        "data, line 2: `label` is a fraction, expected a string, an integer or a boolean"
    );
    assert_eq!(error("{\"text\": \"a\", }"), "data, line 2: not JSON, at byte 15 of the line: trailing comma");
}

#[test]
fn json_words_and_tags() {
    let good = set(JSON_WORDS, br#"{"words": ["A", " "], "tags": ["B-x", "O"]}"#);
    assert_eq!(words(&good), [(1, vec!["A".into(), " ".into()], vec!["B-x".into(), "O".into()])]);
    let error = |line: &str| set(JSON_WORDS, line.as_bytes()).error();
    assert_eq!(error(r#"{"words": ["A"], "tags": []}"#), "data, line 1: 1 words but 0 tags");
    assert_eq!(error(r#"{"words": [], "tags": []}"#), "data, line 1: `words` is empty");
    assert_eq!(error(r#"{"words": [""], "tags": ["O"]}"#), "data, line 1: `words` is empty");
    assert_eq!(error(r#"{"words": ["a"], "tags": [""]}"#), "data, line 1: `tags` is empty");
    assert_eq!(
        error(r#"{"words": "A b", "tags": []}"#),
        "data, line 1: `words` is a string, expected a list of strings"
    );
    assert_eq!(
        error(r#"{"words": ["a", 1], "tags": []}"#),
        "data, line 1: `words[1]` is an integer, expected a string"
    );
}

#[test]
fn conll_with_everything_real_files_hold() {
    let data = "\u{feff}-DOCSTART-\tO\r\n\r\n# a comment\r\nJo\tB-per\r\n#\tO\r\n\t \r\n \r\nx\tO\n-DOCSTART- -X- O\ny\tO\n\u{a0}\tO\nz\tO";
    let set = set(CONLL, data.as_bytes());
    assert_eq!(
        words(&set),
        [sentence(4, "Jo #", "B-per O"), sentence(8, "x", "O"), sentence(10, "y \u{a0} z", "O O O")]
    );
}

#[test]
fn conll_columns_in_any_order_under_any_separator() {
    let order = CONLL.replace("words=0\ntags=1", "words=2\ntags=0");
    assert_eq!(words(&set(&order, b"O\tNN\ta\nB-x\tNN\tb\textra\n")), [sentence(1, "a b", "O B-x")]);
    let space = CONLL.replace("'tab'", "'space'");
    assert_eq!(
        words(&set(&space, b"# id = 3\na O\nb\tc O\n")),
        [(2, vec!["a".into(), "b\tc".into()], vec!["O".into(), "O".into()])]
    );
    let blanks = CONLL.replace("'tab'", "'whitespace'");
    // Once a sentence has begun there are no comments: `#` is a word, `sent_id` its tag.
    assert_eq!(
        words(&set(&blanks, b" a \t  O\n# O\n\n# O\n# O = 1\n")),
        [sentence(1, "a #", "O O"), sentence(4, "# #", "O O"),]
    );
    assert!(set(&blanks, b"a O\n# sent_id = 1\n").error().contains("line 2: word 2, `#`: `sent_id` is no tag of IOB2"));
}

#[test]
fn conll_lines_with_a_column_missing() {
    let missing = set(CONLL, b"a\tO\n\nb\tO\nword\nc\tO\n\nd\tO\n");
    assert_eq!(missing.error(), "data, line 4: the line has 1 columns, but `columns.tags` is 1 (counted from zero)");
    assert_eq!(missing.skipping(), (vec!["0".to_owned(), "2".to_owned()], vec![4]));
    assert_eq!(
        set(CONLL, b"a O\n").error(),
        "data, line 1: the line has 1 columns, but `columns.tags` is 1 (counted from zero); there are spaces, is \
         `separator = \"space\"` meant?"
    );
    assert_eq!(set(CONLL, b"a\t\n").error(), "data, line 1: `tag (column 1)` is empty");
    assert_eq!(set(CONLL, b"\tO\n").error(), "data, line 1: `word (column 0)` is empty");
    assert!(set(CONLL, b"#lonely\n").error().contains("the line has 1 columns"), "a word, not a comment");
}

#[test]
fn conll_without_blank_lines() {
    let whole = set(CONLL, "w\tO\n".repeat(MAX_SENTENCE_WORDS).as_bytes());
    assert_eq!(words(&whole)[0].1.len(), MAX_SENTENCE_WORDS);
    let endless = set(CONLL, ("w\tO\n\n".to_owned() + &"w\tO\n".repeat(MAX_SENTENCE_WORDS + 1)).as_bytes());
    assert_eq!(
        endless.error(),
        "data: the sentence that starts on line 3 has more than 100000 words without a blank line; sentences must be \
         separated by blank lines, is this file separated by something else?"
    );
}

#[test]
fn unknown_labels_name_the_known_ones() {
    let labels = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        LabelMap::new(names.clone(), names).unwrap()
    };
    let tsv = set(PLAIN_TSV, b"0\ta\n2\tb\n");
    let reader = tsv.reader(OnBadRow::Stop).unwrap().with_labels(labels(&["0", "1"]));
    let error = reader.filter_map(Result::err).next().unwrap();
    assert!(error.to_string().ends_with("data, line 2: unknown label `2` (known: `0`, `1`)"), "{error}");
}

#[test]
fn labels_come_from_train_sorted() {
    let numbers = set(PLAIN_TSV, b"10\ta\n9\tb\nbad\n-1\tc\n10\td\n");
    assert_eq!(LabelMap::resolve(&numbers.spec).unwrap().names(), ["-1", "9", "10"]);
    let texts = set(PLAIN_TSV, b"10\ta\n9\tb\nx\tc\n");
    assert_eq!(LabelMap::resolve(&texts.spec).unwrap().names(), ["10", "9", "x"]);
    let none = set(&PLAIN_TSV.replace("label=0", ""), b"1\ta\n");
    assert!(matches!(LabelMap::resolve(&none.spec), Err(DataError::NoLabelColumn { .. })));
    let many: String = (0..=larder_data::MAX_LABELS).map(|n| format!("label {n}\ttext\n")).collect();
    assert!(matches!(LabelMap::resolve(&set(PLAIN_TSV, many.as_bytes()).spec), Err(DataError::TooManyLabels { .. })));
}

#[test]
fn the_list_of_skipped_rows_is_capped_but_not_their_count() {
    let data = format!("0\tgood\n{}", "bad\n".repeat(larder_data::MAX_LISTED_SKIPS + 5));
    let set = set(PLAIN_TSV, data.as_bytes());
    let mut reader = set.reader(OnBadRow::Skip).unwrap();
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!(reader.skipped().count, 1005);
    assert_eq!(reader.skipped().rows.len(), 1000);
    assert_eq!(reader.skipped().rows[0].place, Place::Line(2));
    assert!(matches!(reader.skipped().rows[0].reason, RowProblem::ColumnCount { found: 1, expected: 2, .. }));
    assert_eq!(reader.rows_seen(), 1006);
}

#[test]
fn a_limit_ends_early_and_an_error_ends_for_good() {
    let set = set(PLAIN_TSV, b"0\ta\n0\tb\nbad\n0\tc\n");
    assert_eq!(set.reader(OnBadRow::Stop).unwrap().with_limit(2).filter(Result::is_ok).count(), 2);
    let mut reader = set.reader(OnBadRow::Stop).unwrap();
    assert_eq!(reader.by_ref().take(3).filter(Result::is_err).count(), 1);
    assert!(reader.next().is_none());
}

#[test]
fn readers_move_between_threads() {
    fn sendable<T: Send>() {}
    sendable::<ExampleReader>();
}

#[test]
fn lines_end_in_any_way_in_every_format() {
    for end in ["\n", "\r\n", "\r\r\n", "\r\r\r\n", "\r"] {
        let written = |lines: &[&str]| lines.iter().map(|line| format!("{line}{end}")).collect::<String>().into_bytes();
        let expected =
            [("play some jazz", "music"), ("wake me at six", "alarm")].map(|(t, l)| (t.to_owned(), l.to_owned()));
        let read = |description: &str, lines: &[&str]| -> Vec<(String, String)> {
            let rows = rows(&set(description, &written(lines)));
            rows.into_iter().map(|(_, text, label)| (text, label)).collect()
        };
        assert_eq!(read(CSV, &["text,label", "play some jazz,music", "\"wake me at six\",alarm"]), expected, "{end:?}");
        assert_eq!(read(PLAIN_TSV, &["music\tplay some jazz", "alarm\twake me at six"]), expected, "{end:?}");
        let json = |text, label| format!("{{\"text\": \"{text}\", \"label\": \"{label}\"}}");
        let lines = [json("play some jazz", "music"), json("wake me at six", "alarm")];
        assert_eq!(read(JSONL, &[&lines[0], &lines[1]]), expected, "{end:?}");
        let conll = set(CONLL, &written(&["Ada\tB-PER", "met\tO", "", "Bob\tB-PER", "left\tO"]));
        let found: Vec<_> =
            words(&conll).into_iter().map(|(_, words, tags)| (words.join(" "), tags.join(" "))).collect();
        let both = |words: &str| (words.to_owned(), "B-PER O".to_owned());
        assert_eq!(found, [both("Ada met"), both("Bob left")], "{end:?}");
    }
    // Within quotes they are content as before.
    let quoted = set(CSV, b"text,label\r\r\n\"two\r\r\nlines\",a\r\r\n");
    assert_eq!(rows(&quoted), [row(2, "two\r\r\nlines", "a")]);
}

#[test]
fn carriage_returns_that_nobody_meant_are_bad_rows() {
    let mixed = set(CSV, b"text,label\na,x\ry\nb,z\n");
    assert_eq!(
        mixed.error(),
        "data, line 2: a carriage return in `x\\ry` of column 1 (counted from zero); do all lines of the file end alike?"
    );
    assert_eq!(mixed.skipping(), (vec!["1".to_owned()], vec![2]));
    assert!(set(PLAIN_TSV, b"x\ry\ta\n").error().contains("in `x\\ry` of column 0"));
    assert!(set(CONLL, b"a\tB-PER\rb\n").error().contains("in `B-PER\\rb` of column 1"));
    let spaces = set("task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1\n", b"a O\rb O\n");
    assert!(spaces.error().contains("in `O\\rb` of column 1"), "{}", spaces.error());
    // Where it is written on purpose it is content.
    assert_eq!(rows(&set(CSV, b"text,label\n\"a\rb\",\"x\ry\"\n")), [row(2, "a\rb", "x\ry")]);
    assert_eq!(rows(&set(PLAIN_TSV, b"x\ta\rb\n")), [row(1, "a\rb", "x")]);
    assert_eq!(rows(&set(JSONL, b"{\"text\": \"a\", \"label\": \"x\\ry\"}")), [row(1, "a", "x\ry")]);
    // A header is not hidden by a carriage return either.
    let header = set("task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='kind'\n", b"text,kin\rd\na,b\n");
    assert!(header.error().ends_with("(known: `text`, `kin\\rd`; did you mean `kin\\rd`?)"), "{}", header.error());
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused() {
    let set = set(CSV, b"text,label\na,b\n");
    let data = set.spec.split_files("train").unwrap().remove(0);
    std::fs::remove_file(&data).unwrap();
    let why = |set: &Set| match set.reader(OnBadRow::Stop) {
        Err(error @ DataError::OpenSplit { .. }) => std::error::Error::source(&error).expect("a cause").to_string(),
        other => panic!("{other:?}"),
    };
    for device in ["/dev/zero", "/dev/null"] {
        std::os::unix::fs::symlink(device, &data).unwrap();
        assert_eq!(why(&set), "it is a device, no regular file");
        assert!(matches!(set.spec.fingerprint_parts("train"), Err(DataError::OpenSplit { .. })));
        std::fs::remove_file(&data).unwrap();
    }
    // A folder stands for its files.
    std::fs::create_dir(&data).unwrap();
    assert!(matches!(set.reader(OnBadRow::Stop), Err(DataError::NoFileMatches { .. })));
    std::fs::create_dir(data.join("train.csv")).unwrap();
    assert!(matches!(set.reader(OnBadRow::Stop), Err(DataError::NoFileMatches { .. })));
}
