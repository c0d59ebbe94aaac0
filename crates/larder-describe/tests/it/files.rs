//! What is seen in files, and the description that is made of it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use larder_data::{Content, DatasetSpec, ExampleReader, OnBadRow, Target, Task};
use larder_describe::{DescribeError, Description, NamedFiles, NamedRoles, describe};
use parquet::arrow::ArrowWriter;

/// Writes a file and describes it.
fn of(name: &str, content: &str, roles: &NamedRoles) -> Result<(Description, DatasetSpec), DescribeError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    described(folder.path(), name, roles)
}

fn described(folder: &Path, name: &str, roles: &NamedRoles) -> Result<(Description, DatasetSpec), DescribeError> {
    let files = NamedFiles { input: folder.join(name), ..NamedFiles::default() };
    let description = describe(&files, roles)?;
    let toml = description.toml(folder);
    let spec = DatasetSpec::parse(&toml, &folder.join("set.toml")).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    // What was described can be read as it was described.
    let examples = ExampleReader::open(&spec, "train", OnBadRow::Stop).unwrap();
    let rows: Vec<_> = examples.map(|row| row.unwrap_or_else(|error| panic!("{error}\n{toml}"))).collect();
    assert!(!rows.is_empty());
    Ok((description, spec))
}

fn columns(spec: &DatasetSpec) -> Vec<String> {
    spec.columns.given().map(|(key, column)| format!("{key}={column}")).collect()
}

const NONE: NamedRoles = NamedRoles {
    text: None,
    text_b: None,
    label: None,
    labels: Vec::new(),
    label_separator: None,
    target: None,
    words: None,
    tags: None,
};

#[test]
fn columns_are_found_by_names_and_by_values() {
    let tickets: String = (0..40)
        .map(|at| {
            format!(
                "{at},2026-01-{:02},\"the printer, number {at}, is on fire\",{}\n",
                at % 28 + 1,
                ["it", "hr"][at % 2]
            )
        })
        .collect();
    let (description, spec) = of("tickets.csv", &format!("id,date,what happened,team\n{tickets}"), &NONE).unwrap();
    assert_eq!((spec.name.as_str(), spec.task, spec.header), ("tickets", Task::Sequence, true));
    assert_eq!(columns(&spec), ["text=what happened", "label=team"]);
    let seen = description.seen().join("\n");
    assert!(seen.contains("first row names the columns") && seen.contains("2 different: \"hr\", \"it\""), "{seen}");

    // Without a header; a label before its text; tabs, and quotes that enclose nothing.
    let rows: String = (0..30).map(|at| format!("{}\ta \"text of some words, number {at}\n", at % 3)).collect();
    let (_, spec) = of("rows.tsv", &rows, &NONE).unwrap();
    assert_eq!(
        (spec.header, spec.quoting, columns(&spec)),
        (false, false, vec!["text=1".to_owned(), "label=0".to_owned()])
    );

    let pairs: String = (0..30).map(|at| format!("a cat sat {at},a dog ran,{}.5\n", at % 5)).collect();
    let (_, spec) = of("pairs.csv", &format!("sentence1,sentence2,score\n{pairs}"), &NONE).unwrap();
    assert_eq!(
        (spec.task, columns(&spec)),
        (Task::Regression, ["text=sentence1", "text_b=sentence2", "target=score"].map(str::to_owned).to_vec())
    );

    let json: String =
        (0..30).map(|at| format!("{{\"body\": \"some text {at}\", \"emotions\": [\"joy\"], \"n\": {at}}}\n")).collect();
    let (_, spec) = of("set.jsonl", &format!("\u{feff}{json}"), &NONE).unwrap();
    assert_eq!(
        (spec.task, columns(&spec)),
        (Task::Multilabel, ["text=body", "labels=emotions"].map(str::to_owned).to_vec())
    );

    let (_, spec) = of("ner.conll", "# a comment\nAda NNP B-PER\nmet O O\n\nParis NNP B-LOC\n", &NONE).unwrap();
    assert_eq!(
        (spec.task, columns(&spec), spec.scheme.as_str()),
        (Task::Tagging, ["words=0", "tags=2"].map(str::to_owned).to_vec(), "IOB2")
    );
    let (_, spec) = of("old.conll", "Ada I-PER\nLovelace I-PER\n\nParis I-LOC\n", &NONE).unwrap();
    assert_eq!(spec.scheme.as_str(), "IOB1");
    let lists = "{\"tokens\": [\"Ada\", \"met\"], \"ner_tags\": [\"S-PER\", \"O\"]}\n".repeat(5);
    let (_, spec) = of("lists.jsonl", &lists, &NONE).unwrap();
    assert_eq!(
        (columns(&spec), spec.scheme.as_str()),
        (["words=tokens", "tags=ner_tags"].map(str::to_owned).to_vec(), "IOBES")
    );
}

#[test]
fn files_that_are_called_anything_are_seen_for_what_they_are() {
    let (_, spec) =
        of("ner.tsv", "Ada\tB-PER\nmet\tO\n\nParis\tB-LOC\nis\tO\n", &NONE).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((spec.format.as_str(), spec.task), ("conll", Task::Tagging));
    let pairs: String =
        (0..30).map(|at| format!("a cat sat on mat {at},the dog ran to house {at},{}.5\n", at % 5)).collect();
    let (_, spec) = of("sts.csv", &pairs, &NONE).unwrap();
    assert_eq!(columns(&spec), ["text=0", "text_b=1", "target=2"]);
    let emotions: String = (0..90)
        .map(|at| format!("a text of number {at}\t{}\n", ["3", "3,7", "9", "7,9", "27", "3,27"][at % 6]))
        .collect();
    let (_, spec) = of("emotions.tsv", &format!("text\tlabel\n{emotions}"), &NONE).unwrap();
    assert_eq!(
        (spec.task, columns(&spec)),
        (Task::Multilabel, ["text=text", "labels=label"].map(str::to_owned).to_vec())
    );
    assert_eq!(spec.columns.label_separator.as_deref(), Some(","));
}

#[test]
fn separators_encodings_and_compression_are_found() {
    let rows: String =
        (0..30).map(|at| format!("\"Grüße, Nummer {at}\";{}\r\r\n", ["gut", "schlecht"][at % 2])).collect();
    let text = format!("Nachricht;Urteil\r\r\n{rows}");
    let latin1: Vec<u8> = text.chars().map(|char| u8::try_from(char).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("de.csv"), latin1).unwrap();
    let (description, spec) = described(folder.path(), "de.csv", &NONE).unwrap();
    assert_eq!(columns(&spec), ["text=Nachricht", "label=Urteil"]);
    let toml = description.toml(Path::new(""));
    assert!(toml.contains("separator = \";\"") && toml.contains("encoding = \"windows-1252\""), "{toml}");
    let first = ExampleReader::open(&spec, "train", OnBadRow::Stop).unwrap().next().unwrap().unwrap();
    assert_eq!(first.content, Content::Text { text: "Grüße, Nummer 0".to_owned(), text_b: None });

    let file = std::fs::File::create(folder.path().join("en.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(
        text.replace(';', ",").replace("ü", "u").replace("ß", "ss").replace("\"", "").replace(", N", " n").as_bytes(),
    )
    .unwrap();
    gzip.finish().unwrap();
    let (_, spec) = described(folder.path(), "en.csv.gz", &NONE).unwrap();
    assert_eq!(
        (spec.name.as_str(), columns(&spec)),
        ("en", ["text=Nachricht", "label=Urteil"].map(str::to_owned).to_vec())
    );
}

#[test]
fn tags_are_found_in_whatever_form_they_are_written() {
    let doccano = "{\"text\": \"Ada met Charles\", \"label\": [[0, 3, \"PER\"], [8, 15, \"PER\"]]}\n{\"text\": \"no one\", \"label\": []}\n";
    let (_, spec) = of("spans.jsonl", doccano, &NONE).unwrap();
    assert_eq!((spec.task, columns(&spec)), (Task::Tagging, ["text=text", "spans=label"].map(str::to_owned).to_vec()));

    let kaggle = "Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-per\n,met,VBD,O\nSentence: 2,Paris,NNP,B-geo\n";
    let (_, spec) = of("ner.csv", kaggle, &NONE).unwrap();
    assert_eq!(columns(&spec), ["words=Word", "tags=Tag", "sentence=Sentence #"]);

    let styles = [
        ("Ada PER\nmet O\n\nParis LOC\nis O\n", "mark = \"none\""),
        ("Ada B\nLovelace I\nmet O\n\nParis B\nis O\n", "type = \"entity\""),
        ("Ada B-PER\nX M-PER\nLovelace E-PER\n\nParis S-LOC\nis O\n", "scheme = \"BMES\""),
    ];
    for (content, expected) in styles {
        let (description, _) = of("a.conll", content, &NONE).unwrap();
        let toml = description.toml(Path::new(""));
        assert!(toml.contains(expected), "{expected}: {toml}");
    }
}

#[test]
fn parquet_is_looked_at_too() {
    let folder = tempfile::tempdir().unwrap();
    let texts: ArrayRef = Arc::new((0..40).map(|at| Some(format!("some text {at}"))).collect::<StringArray>());
    let label: ArrayRef = Arc::new((0..40).map(|at| Some(at % 2)).collect::<Int64Array>());
    let id: ArrayRef = Arc::new((0..40).map(|at| Some(1000 + at)).collect::<Int64Array>());
    let share: ArrayRef = Arc::new((0..40).map(|at| Some(f64::from(at) / 7.0)).collect::<Float64Array>());
    let batch = RecordBatch::try_from_iter([("id", id), ("share", share), ("text", texts), ("label", label)]).unwrap();
    let file = std::fs::File::create(folder.path().join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (_, spec) = described(folder.path(), "a.parquet", &NONE).unwrap();
    assert_eq!((spec.task, columns(&spec)), (Task::Sequence, ["text=text", "label=label"].map(str::to_owned).to_vec()));
    let named = NamedRoles { target: Some("share".to_owned()), ..NONE };
    let (_, spec) = described(folder.path(), "a.parquet", &named).unwrap();
    assert_eq!(spec.task, Task::Regression);
}

#[test]
fn named_columns_are_taken_and_what_is_unclear_is_asked() {
    let rows: String = (0..40).map(|at| format!("some longer words {at},short one,{},{}\n", at % 2, at % 3)).collect();
    let table = format!("title,body,a,b\n{rows}");
    let error = of("t.csv", &table, &NONE).unwrap_err();
    assert!(matches!(error, DescribeError::Several { .. }) && error.to_string().contains("`a`, `b`"), "{error}");
    let named = NamedRoles { text: Some("title".to_owned()), label: Some("b".to_owned()), ..NONE };
    assert_eq!(columns(&of("t.csv", &table, &named).unwrap().1), ["text=title", "label=b"]);
    let wrong = NamedRoles { label: Some("bb".to_owned()), ..NONE };
    let error = of("t.csv", &table, &wrong).unwrap_err();
    assert!(error.to_string().contains("has no column `bb`, which --label names"), "{error}");
    let labels = NamedRoles { labels: vec!["a".to_owned(), "b".to_owned()], ..NONE };
    let yes_no = table.replace(",2\n", ",1\n");
    let (description, spec) = of("t.csv", &yes_no, &labels).unwrap();
    assert_eq!(spec.task, Task::Multilabel);
    assert!(description.toml(Path::new("")).contains("labels = [\"a\", \"b\"]"));
    let only_text = of("t.csv", "body\nsome text here\nand another one\n", &NONE).unwrap_err();
    assert!(matches!(only_text, DescribeError::NoTarget { .. }), "{only_text}");
    assert!(matches!(of("t.csv", "", &NONE), Err(DescribeError::Empty { .. })));
    assert!(matches!(of("t.xlsx", "x", &NONE), Err(DescribeError::Ending { .. })));
}

#[test]
fn files_of_a_folder_are_splits_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |from: usize| (0..10).map(|at| format!("a text {},{}\n", from + at, at % 2)).collect::<String>();
    for (at, name) in ["train-1.csv", "train-0.csv", "validation.csv", "test.csv"].iter().enumerate() {
        std::fs::write(folder.path().join(name), format!("text,label\n{}", rows(10 * at))).unwrap();
    }
    std::fs::write(folder.path().join("README.md"), "# data").unwrap();
    let (description, spec) = described(folder.path(), "", &NONE).unwrap();
    assert!(description.has_dev());
    assert_eq!(spec.split_names().collect::<Vec<_>>(), ["train", "dev", "test"]);
    let first = ExampleReader::open(&spec, "train", OnBadRow::Stop).unwrap().next().unwrap().unwrap();
    assert_eq!(first.target, Some(Target::Label("0".to_owned())));
    std::fs::write(folder.path().join("more.jsonl"), "{}").unwrap();
    let error = described(folder.path(), "", &NONE).unwrap_err();
    assert!(matches!(error, DescribeError::Formats { .. }), "{error}");
}
