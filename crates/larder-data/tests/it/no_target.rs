//! Splits without labels, in every format, and rows without one among others.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_data::{DataError, DatasetSpec, Example, ExampleReader, LabelMap, OnBadRow, RowProblem, split_has_targets};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

const TSV: &str = "task='sequence'\nformat='tsv'\nheader=false\n[columns]\ntext=0\nlabel=1\n";
const CSV: &str = "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'\n";
const JSONL: &str = "task='sequence'\nformat='jsonl'\n[columns]\ntext='text'\nlabel='label'\n";
const JSON_WORDS: &str = "task='tagging'\nformat='jsonl'\n[columns]\nwords='words'\ntags='tags'\n";
const CONLL: &str = "task='tagging'\nformat='conll'\nseparator='tab'\n[columns]\nwords=0\ntags=1\n";
const PARQUET: &str = "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'\n";
const PARQUET_WORDS: &str = "task='tagging'\nformat='parquet'\n[columns]\nwords='words'\ntags='tags'\n";

fn spec(description: &str) -> (TempDir, DatasetSpec) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("name='set'\n{description}\n[splits]\ntrain='train'\ntest='test'\n");
    let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
    (folder, spec)
}

fn set(description: &str, train: &str, test: &str) -> (TempDir, DatasetSpec) {
    let (folder, spec) = spec(description);
    std::fs::write(folder.path().join("train"), train).unwrap();
    std::fs::write(folder.path().join("test"), test).unwrap();
    (folder, spec)
}

fn table(folder: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let file = File::create(folder.path().join(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// That `test` has no targets, and what is read of it.
#[track_caller]
fn assert_none(spec: &DatasetSpec, rows: usize, what: &str) {
    assert!(split_has_targets(spec, "train").unwrap(), "{what}: train");
    assert!(!split_has_targets(spec, "test").unwrap(), "{what}");
    let reader = ExampleReader::open_without_targets(spec, "test", OnBadRow::Stop).unwrap();
    let read: Vec<Example> = reader.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(read.len(), rows, "{what}");
    assert!(read.iter().all(|example| example.target.is_none()), "{what}");
}

#[test]
fn files_of_lines_without_labels() {
    for (what, test) in [
        ("no column", "a\nb\n"),
        ("empty", "a\t\nb\t \n"),
        ("-1", "a\t-1\nb\t-1\n"),
        ("underscores", "a\t_\nb\t_\n"),
        ("words of other tools", "a\tNaN\nb\tNone\n"),
    ] {
        let (_folder, spec) = set(TSV, "a\t0\nb\t1\n", test);
        assert_none(&spec, 2, what);
    }
    for (what, test) in [("no column", "text\na\nb\n"), ("empty", "text,label\na,\nb,\n"), ("-1", "text,label\na,-1\n")]
    {
        let (_folder, spec) = set(CSV, "text,label\na,x\nb,y\n", test);
        assert_none(&spec, test.lines().count() - 1, what);
    }
    for test in [r#"{"text": "a"}"#, r#"{"text": "a", "label": null}"#, r#"{"text": "a", "label": -1}"#] {
        let (_folder, spec) = set(JSONL, "{\"text\": \"a\", \"label\": 1}\n", test);
        assert_none(&spec, 1, test);
    }
    for test in [
        r#"{"words": ["a", "b"]}"#,
        r#"{"words": ["a", "b"], "tags": null}"#,
        r#"{"words": ["a", "b"], "tags": []}"#,
        r#"{"words": ["a", "b"], "tags": [-100, -100]}"#,
        r#"{"words": ["a", "b"], "tags": ["_", "_"]}"#,
    ] {
        let (_folder, spec) = set(JSON_WORDS, "{\"words\": [\"a\"], \"tags\": [\"B-x\"]}\n", test);
        assert_none(&spec, 1, test);
    }
    for (what, test) in [
        ("one column", "a\nb\n\nc\n"),
        ("with comments", "# newdoc\na\nb\n\n# sent 2\nc\n"),
        ("underscores", "a\t_\nb\t_\n\nc\t_\n"),
        ("empty", "a\t\nb\t\n\nc\t\n"),
    ] {
        let (_folder, spec) = set(CONLL, "a\tB-x\n\nb\tO\n", test);
        assert_none(&spec, 2, what);
    }
}

#[test]
fn tables_without_labels() {
    let texts = || -> ArrayRef { Arc::new(StringArray::from(vec!["a", "b"])) };
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, 1]));
    let absent: [(&str, Option<ArrayRef>); 6] = [
        ("no column", None),
        ("-1", Some(Arc::new(Int64Array::from(vec![-1, -1])))),
        ("nulls of numbers", Some(Arc::new(Int64Array::from(vec![None, None])))),
        ("nulls of no type", Some(Arc::new(NullArray::new(2)))),
        ("nulls of fractions", Some(Arc::new(Float64Array::from(vec![None, Some(f64::NAN)])))),
        ("-1 as a fraction", Some(Arc::new(Float64Array::from(vec![-1.0, -1.0])))),
    ];
    for (what, column) in absent {
        let (folder, spec) = spec(PARQUET);
        table(&folder, "train", vec![("text", texts()), ("label", labels.clone())]);
        let columns = std::iter::once(("text", texts())).chain(column.map(|column| ("label", column)));
        table(&folder, "test", columns.collect());
        assert_none(&spec, 2, what);
    }
    let words: ArrayRef = Arc::new(larder_strings(&[&["a", "b"], &["c"]]));
    let tags: ArrayRef = Arc::new(larder_strings(&[&["B-x", "O"], &["O"]]));
    let marks = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(-100); 2]), Some(vec![Some(-100)])]);
    let nulls = ListArray::from_iter_primitive::<Int64Type, _, _>([None::<Vec<Option<i64>>>, None]);
    for (what, column) in
        [("no column", None), ("-100", Some(Arc::new(marks) as ArrayRef)), ("null", Some(Arc::new(nulls) as ArrayRef))]
    {
        let (folder, spec) = spec(PARQUET_WORDS);
        table(&folder, "train", vec![("words", words.clone()), ("tags", tags.clone())]);
        let columns = std::iter::once(("words", words.clone())).chain(column.map(|column| ("tags", column)));
        table(&folder, "test", columns.collect());
        assert_none(&spec, 2, what);
    }
    // Fractions that are values are no labels, and not nothing either.
    let (folder, spec) = spec(PARQUET);
    table(&folder, "train", vec![("text", texts()), ("label", labels)]);
    table(&folder, "test", vec![("text", texts()), ("label", Arc::new(Float64Array::from(vec![Some(2.5), None])))]);
    assert!(matches!(split_has_targets(&spec, "test"), Ok(true)), "{:?}", split_has_targets(&spec, "test"));
}

fn larder_strings(rows: &[&[&str]]) -> ListArray {
    let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for row in rows {
        for text in *row {
            builder.values().append_value(text);
        }
        builder.append(true);
    }
    builder.finish()
}

#[test]
fn a_placeholder_that_train_has_is_a_label() {
    let (_folder, spec) = set(TSV, "a\t-1\nb\t1\n", "a\t-1\nb\t-1\n");
    assert!(split_has_targets(&spec, "test").unwrap());
    let listed = format!("{TSV}[labels]\nnames=['-1', '1']\n");
    let (_folder, spec) = set(&listed, "b\t1\n", "a\t-1\n");
    assert!(split_has_targets(&spec, "test").unwrap());
}

#[test]
fn rows_without_a_label_among_others_are_bad_and_unseen_labels_are_not() {
    let labels = || LabelMap::new(vec!["0".into(), "1".into()], vec!["0".into(), "1".into()]).unwrap();
    for (test, said) in [("a\t1\nb\t-1\n", "column 1` is `-1`, which stands for no label"), ("a\t1\nb\t\n", "is empty")]
    {
        let (_folder, spec) = set(TSV, "a\t0\nb\t1\n", test);
        assert!(split_has_targets(&spec, "test").unwrap());
        let reader = ExampleReader::open(&spec, "test", OnBadRow::Stop).unwrap().with_seen_labels(labels());
        let error = reader.filter_map(Result::err).next().expect("a bad row").to_string();
        assert!(error.contains("line 2") && error.contains(said) && error.contains("--on-bad-row skip"), "{error}");
        let mut reader = ExampleReader::open(&spec, "test", OnBadRow::Skip).unwrap().with_seen_labels(labels());
        assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 1);
        assert!(matches!(reader.skipped().rows[0].reason, RowProblem::NoTarget { .. }));
    }
    let (_folder, spec) = set(TSV, "a\t0\nb\t1\n", "a\t1\nb\tweather\n");
    let reader = ExampleReader::open(&spec, "test", OnBadRow::Stop).unwrap().with_seen_labels(labels());
    assert_eq!(reader.filter(Result::is_ok).count(), 2);

    let types = LabelMap::of_types(vec!["x".into()], vec!["x".into()]).unwrap();
    let (_folder, spec) = set(CONLL, "a\tB-x\n", "a\tB-y\n\nb\t_\n");
    let mut reader = ExampleReader::open(&spec, "test", OnBadRow::Skip).unwrap().with_seen_labels(types);
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 1);
    assert!(reader.skipped().rows[0].reason.to_string().contains("stands for no label"));
}

#[test]
fn what_is_broken_is_not_without_labels() {
    // A line of a sentence lacks its tag; the separator is another one; the text's column is missing; labels are fractions.
    let (_folder, spec) = set(CONLL, "a\tB-x\n", "a\tB-x\nb\n");
    assert!(split_has_targets(&spec, "test").unwrap());
    let (_folder, spec) = set(CONLL, "a\tB-x\n", "a B-x\nb O\n");
    assert!(split_has_targets(&spec, "test").unwrap());
    let (_folder, spec) = set(CSV, "text,label\na,x\n", "sentence\na\n");
    assert!(matches!(split_has_targets(&spec, "test"), Err(DataError::MissingColumn { .. })));
    let (_folder, spec) = set(JSONL, "{\"text\": \"a\", \"label\": 1}\n", "{\"text\": \"a\", \"label\": 1.5}\n");
    assert!(split_has_targets(&spec, "test").unwrap());
}
