//! Several labels a text, and numbers, in every way that files write them.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringArray,
};
use arrow::datatypes::Schema;
use larder_data::{DataError, DatasetSpec, Example, ExampleReader, LabelMap, OnBadRow, Target, split_has_targets};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// A dataset whose split `train` holds `content`.
fn set(description: &str, content: &[u8]) -> (TempDir, DatasetSpec) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), content).unwrap();
    let spec = parse(description, &folder).unwrap();
    (folder, spec)
}

fn parse(description: &str, folder: &TempDir) -> Result<DatasetSpec, DataError> {
    let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\n");
    DatasetSpec::parse(&text, &folder.path().join("set.toml"))
}

/// A Parquet file with the metadata that Hugging Face's `datasets` writes.
fn table(description: &str, columns: Vec<(&str, ArrayRef)>, features: &str) -> (TempDir, DatasetSpec) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let metadata = format!(r#"{{"info": {{"features": {features}}}}}"#);
    let metadata = HashMap::from([("huggingface".to_owned(), metadata)]);
    let schema = Arc::new(Schema::new_with_metadata(batch.schema().fields().clone(), metadata));
    let batch = batch.with_schema(schema.clone()).unwrap();
    let (folder, spec) = set(description, b"");
    let mut writer = ArrowWriter::try_new(File::create(folder.path().join("data")).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, spec)
}

fn read(spec: &DatasetSpec) -> Result<Vec<Target>, DataError> {
    let labels = LabelMap::resolve(spec)?;
    let examples = ExampleReader::open(spec, "train", OnBadRow::Stop)?.with_labels(labels);
    examples.map(|example: Result<Example, DataError>| Ok(example?.target.unwrap())).collect()
}

fn labels(names: &[&[&str]]) -> Vec<Target> {
    names.iter().map(|row| Target::Labels(row.iter().map(ToString::to_string).collect())).collect()
}

fn texts() -> (&'static str, ArrayRef) {
    ("text", Arc::new(StringArray::from(vec!["one", "two", "three"])))
}

#[test]
fn lists_separated_texts_and_columns_of_yes_and_no_are_the_same_labels() {
    let expected = labels(&[&["joy", "anger"], &[], &["anger"]]);
    let jsonl = b"{\"text\": \"a\", \"l\": [\"joy\", \"anger\"]}\n{\"text\": \"b\", \"l\": []}\n{\"text\": \"c\", \"l\": [\"anger\"]}\n";
    let (_folder, spec) = set("task='multilabel'\nformat='jsonl'\n[columns]\ntext='text'\nlabels='l'\n", jsonl);
    assert_eq!(read(&spec).unwrap(), expected);
    assert_eq!(LabelMap::resolve(&spec).unwrap().names(), ["anger", "joy"]);

    let csv = b"text,l\na,joy|anger\nb,\nc, anger |anger\n";
    let separated = "task='multilabel'\nformat='csv'\n[columns]\ntext='text'\nlabels='l'\nlabel_separator='|'\n";
    let (_folder, spec) = set(separated, csv);
    assert_eq!(read(&spec).unwrap(), expected);

    let tsv = b"text\tjoy\tanger\na\t1\t1.0\nb\t0\tfalse\nc\t0.0\tTrue\n";
    let columns = "task='multilabel'\nformat='tsv'\n[columns]\ntext='text'\nlabels=['joy', 'anger']\n";
    let (_folder, spec) = set(columns, tsv);
    assert_eq!(read(&spec).unwrap(), expected);
    assert_eq!(LabelMap::resolve(&spec).unwrap().names(), ["joy", "anger"], "in the order of the columns");

    let yes: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, false]));
    let some: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 0.0, 1.0]));
    let parquet = "task='multilabel'\nformat='parquet'\n[columns]\ntext='text'\nlabels=['joy', 'anger']\n";
    // The order of the file is not the order of the description, and yes and no are no classes with names.
    let features = r#"{"joy": {"names": ["no", "yes"], "_type": "ClassLabel"}}"#;
    let yes: ArrayRef = arrow::compute::cast(&yes, &arrow::datatypes::DataType::Int64).unwrap();
    let (_folder, spec) = table(parquet, vec![("anger", some), texts(), ("joy", yes)], features);
    assert_eq!(read(&spec).unwrap(), expected);
}

#[test]
fn numbers_name_positions_in_the_list_of_names() {
    let description = "task='multilabel'\nformat='tsv'\nheader=false\n[columns]\ntext=0\nlabels=1\nlabel_separator=','\n\
                       [labels]\nnames=['admiration', 'anger', 'joy']\n";
    let (_folder, spec) = set(description, b"a\t2,0\nb\tanger\nc\t\n");
    assert_eq!(read(&spec).unwrap(), labels(&[&["joy", "admiration"], &["anger"], &[]]));
    let (_folder, spec) = set(description, b"a\t2,0\nb\t3\n");
    let error = read(&spec).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("unknown label `3`"), "{error}");
}

#[test]
fn columns_of_labels_have_as_many_names_and_one_column_of_csv_has_a_separator() {
    let folder = tempfile::tempdir().unwrap();
    let problem = |description: &str| parse(description, &folder).unwrap_err().to_string();
    let several = "task='multilabel'\nformat='csv'\n[columns]\ntext='t'\nlabels=['a', 'b']\n";
    assert!(problem(&format!("{several}[labels]\nnames=['a']\n")).contains("1 names and `columns.labels` has 2"));
    assert!(problem(&several.replace("['a', 'b']", "[]")).contains("`columns.labels` is empty"));
    assert!(problem(&several.replace("['a', 'b']", "'a'")).contains("columns.label_separator"));
    let alone = several.replace("labels=['a', 'b']", "labels=['a', 'b']\nlabel_separator=','");
    assert!(problem(&alone).contains("`label_separator` means nothing"));
    assert!(problem(&several.replace("'b'", "'a'")).contains("are the same column"));
    assert!(
        problem(&several.replace("multilabel", "sequence")).contains("`labels` means nothing for the task sequence")
    );
}

#[test]
fn what_says_neither_yes_nor_no_is_a_bad_row() {
    let columns = "task='multilabel'\nformat='csv'\n[columns]\ntext='text'\nlabels=['a', 'b']\n";
    for (cell, words) in [("2", "is `2`, expected 1"), ("", "`b` is empty"), ("yes", "is `yes`, expected 1")] {
        let (_folder, spec) = set(columns, format!("text,a,b\none,1,0\ntwo,0,{cell}\n").as_bytes());
        let error = read(&spec).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains(words), "{error}");
    }
}

#[test]
fn numbers_are_read_from_every_format() {
    let expected: Vec<Target> = [0.5, -3.0, 4.25].map(Target::Number).to_vec();
    let (_folder, spec) =
        set("task='regression'\nformat='csv'\n[columns]\ntext='text'\ntarget='n'\n", b"text,n\na,0.5\nb, -3\nc,4.25\n");
    assert_eq!(read(&spec).unwrap(), expected);
    assert_eq!(LabelMap::resolve(&spec).unwrap().names(), ["n"], "the name of the column");
    let jsonl = b"{\"text\":\"a\",\"n\":0.5}\n{\"text\":\"b\",\"n\":-3}\n{\"text\":\"c\",\"n\":4.25}\n";
    let (_folder, spec) = set("task='regression'\nformat='jsonl'\n[columns]\ntext='text'\ntarget='n'\n", jsonl);
    assert_eq!(read(&spec).unwrap(), expected);
    let parquet = "task='regression'\nformat='parquet'\n[columns]\ntext='text'\ntarget='n'\n";
    let numbers: ArrayRef = Arc::new(Float32Array::from(vec![0.5, -3.0, 4.25]));
    let (_folder, spec) = table(parquet, vec![texts(), ("n", numbers)], "{}");
    assert_eq!(read(&spec).unwrap(), expected);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let (_folder, spec) = table(parquet, vec![texts(), ("n", numbers)], "{}");
    assert_eq!(read(&spec).unwrap(), [1.0, 2.0, 3.0].map(Target::Number));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["1", "2", "3"]));
    let (_folder, spec) = table(parquet, vec![texts(), ("n", words)], "{}");
    assert!(read(&spec).unwrap_err().to_string().contains("numbers"));
}

#[test]
fn numbers_that_are_none_or_out_of_range_are_bad_rows() {
    let description =
        "task='regression'\nformat='csv'\n[columns]\ntext='text'\ntarget='n'\n[target]\nminimum=0\nmaximum=5\n";
    let cases = [
        ("good", "`n` is `good`, expected a finite number"),
        ("NaN", "`n` is `NaN`, expected a finite number"),
        ("inf", "`n` is `inf`, expected a finite number"),
        ("", "`n` is empty"),
        ("5.5", "`n` is 5.5, but `[target]` of the description says `maximum = 5`"),
        ("-1", "`n` is -1, but `[target]` of the description says `minimum = 0`"),
    ];
    for (cell, words) in cases {
        let (_folder, spec) = set(description, format!("text,n\na,1\nb,{cell}\n").as_bytes());
        let error = read(&spec).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains(words), "{error}");
        let skipping = ExampleReader::open(&spec, "train", OnBadRow::Skip).unwrap();
        assert_eq!(skipping.map(|example| example.unwrap().target.unwrap()).collect::<Vec<_>>(), [Target::Number(1.0)]);
    }
    let (_folder, spec) = set(
        "task='regression'\nformat='jsonl'\n[columns]\ntext='text'\ntarget='n'\n",
        b"{\"text\":\"a\",\"n\":\"4\"}\n",
    );
    assert!(read(&spec).unwrap_err().to_string().contains("`n` is a string, expected a number"));
    let folder = tempfile::tempdir().unwrap();
    let problem = |range: &str| parse(&description.replace("minimum=0", range), &folder).unwrap_err().to_string();
    assert!(problem("minimum=5").contains("the minimum must be the smaller"));
    assert!(problem("minimum=nan").contains("expected a finite number"));
    assert!(problem("least=1").contains("unknown key `least` in [target]"));
    let labelled = description.replace("[target]", "[labels]\nnames=['a']\n[target]");
    assert!(parse(&labelled, &folder).unwrap_err().to_string().contains("its targets are numbers"));
}

#[test]
fn class_labels_have_their_names() {
    let description = "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'\n";
    let features =
        r#"{"label": {"names": ["neg", "pos", "none of them"], "_type": "ClassLabel"}, "text": {"dtype": "string"}}"#;
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 0, 1])) };
    let (_folder, spec) = table(description, vec![texts(), ("label", numbers())], features);
    assert_eq!(read(&spec).unwrap(), ["pos", "neg", "pos"].map(|label| Target::Label(label.to_owned())));
    assert_eq!(LabelMap::resolve(&spec).unwrap().names(), ["neg", "pos", "none of them"]);
    let parts = spec.fingerprint_parts("train").unwrap();
    assert!(parts.contains_key("data.class_names"), "{parts:?}");
    // Names that are numbers say that the numbers are meant.
    let (_folder, spec) =
        table(&format!("{description}[labels]\nnames=['0', '1']\n"), vec![texts(), ("label", numbers())], features);
    assert_eq!(read(&spec).unwrap(), ["1", "0", "1"].map(|label| Target::Label(label.to_owned())));

    let mut lists = ListBuilder::new(Int64Builder::new());
    for row in [&[1, 0][..], &[], &[2]] {
        lists.values().append_slice(row);
        lists.append(true);
    }
    let features = r#"{"labels": {"feature": {"names": ["x", "y", "z"], "_type": "ClassLabel"}, "_type": "Sequence"}}"#;
    let description = "task='multilabel'\nformat='parquet'\n[columns]\ntext='text'\nlabels='labels'\n";
    let (_folder, spec) = table(description, vec![texts(), ("labels", Arc::new(lists.finish()))], features);
    assert_eq!(read(&spec).unwrap(), labels(&[&["y", "x"], &[], &["z"]]));
}

#[test]
fn splits_whose_targets_all_stand_for_nothing_have_none() {
    let regression = "task='regression'\nformat='csv'\n[columns]\ntext='text'\ntarget='n'\n";
    let multilabel = "task='multilabel'\nformat='csv'\n[columns]\ntext='text'\nlabels='n'\nlabel_separator=','\n";
    let cases = [
        (regression, "a,-1\nb,-1.0\n", false),
        (regression, "a,nan\nb,\n", false),
        (regression, "a,-1\nb,2\n", true),
        (multilabel, "a,\nb,\n", false),
        (multilabel, "a,-1\nb,-1\n", false),
        (multilabel, "a,\nb,x\n", true),
    ];
    for (description, rows, expected) in cases {
        let (folder, _) = set(description, b"text,n\na,x\n");
        std::fs::write(folder.path().join("test"), format!("text,n\n{rows}")).unwrap();
        let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\ntest='test'\n");
        let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
        assert_eq!(split_has_targets(&spec, "test").unwrap(), expected, "{rows}");
    }
}
