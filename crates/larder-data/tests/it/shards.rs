//! Splits of several files, by a list or a pattern of names.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use larder_data::{
    DataError, DatasetSpec, Example, ExampleReader, LabelMap, OnBadRow, Place, SpecProblem, split_has_targets,
};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// A folder with `files`, in a folder `data` of it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    files.iter().for_each(|(name, content)| std::fs::write(folder.path().join("data").join(name), content).unwrap());
    folder
}

fn parse(folder: &TempDir, description: &str, train: &str) -> Result<DatasetSpec, DataError> {
    let text = format!("name='set'\n{description}\n[splits]\ntrain = {train}\n");
    DatasetSpec::parse(&text, &folder.path().join("set.toml"))
}

fn spec(folder: &TempDir, description: &str, train: &str) -> DatasetSpec {
    parse(folder, description, train).unwrap()
}

/// The examples without their places.
fn rows(spec: &DatasetSpec) -> Vec<Example> {
    let reader = ExampleReader::open(spec, "train", OnBadRow::Stop).unwrap();
    reader.map(|example| Example { line: 0, file: None, ..example.unwrap() }).collect()
}

const CSV: &str = "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'";
const JSONL: &str = "task='multilabel'\nformat='jsonl'\n[columns]\ntext='text'\nlabels='labels'";
const CONLL: &str = "task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1";
const PARQUET: &str = "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'";

#[test]
fn files_behind_one_another_are_one_file() {
    let json = |from: usize, to: usize| -> String {
        (from..to).map(|at| format!("{{\"text\": \"t{at}\", \"labels\": [\"l{at}\"]}}\n")).collect()
    };
    let first = "-DOCSTART- O\n\nada B-PER\nwaits O\n\n-DOCSTART- O\n\nbob B-PER\n";
    let second = "-DOCSTART- O\n\noslo B-LOC\n\nlima B-LOC\n";
    let cases: [(&str, [Vec<u8>; 3]); 3] = [
        (CSV, [b"text,label\na,x\nb,y\n".into(), b"label,text\nx,c\n".into(), b"text,label\na,x\nb,y\nc,x\n".into()]),
        (JSONL, [json(0, 3).into(), json(3, 5).into(), json(0, 5).into()]),
        (CONLL, [first.into(), second.into(), format!("{first}\n{second}").into()]),
    ];
    for (description, [first, second, both]) in cases {
        let folder = folder(&[("train-0.x", &first), ("train-1.x", &second), ("both.x", &both), ("train-2.y", b"")]);
        let expected = rows(&spec(&folder, description, "'data/both.x'"));
        let ids: Vec<String> = (0..expected.len()).map(|row| row.to_string()).collect();
        assert_eq!(expected.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), ids);
        for train in
            ["'data/train-*.x'", "'data/train-?.x'", "['data/train-0.x', 'data/train-1.x']", "['data/train-*.x']"]
        {
            let spec = spec(&folder, description, train);
            assert_eq!(rows(&spec), expected, "{train}");
            assert!(split_has_targets(&spec, "train").unwrap());
        }
        let turned = rows(&spec(&folder, description, "['data/train-1.x', 'data/train-0.x']"));
        assert_eq!(turned.len(), expected.len());
        assert_ne!(turned[0].content, expected[0].content, "a list is read as listed");
    }
}

fn write_table(folder: &TempDir, name: &str, texts: &[&str], labels: Arc<dyn Array>) {
    let columns: [(&str, ArrayRef); 2] = [("text", Arc::new(StringArray::from(texts.to_vec()))), ("label", labels)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(folder.path().join("data").join(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_shards_are_read_by_their_names_and_may_be_empty() {
    let folder = folder(&[]);
    write_table(&folder, "train-00002-of-00003.parquet", &["c"], Arc::new(Int64Array::from(vec![0])));
    write_table(&folder, "train-00001-of-00003.parquet", &[], Arc::new(Int64Array::from(Vec::<i64>::new())));
    write_table(&folder, "train-00000-of-00003.parquet", &["a", "b"], Arc::new(Int64Array::from(vec![1, 0])));
    let spec = spec(&folder, PARQUET, "'data/train-*-of-*.parquet'");
    let found = rows(&spec);
    let texts: Vec<String> = found.iter().map(|row| format!("{:?}", row.content)).collect();
    assert!(texts[0].contains("\"a\"") && texts[1].contains("\"b\"") && texts[2].contains("\"c\""), "{texts:?}");
    assert_eq!(LabelMap::resolve(&spec).unwrap().names(), ["0", "1"]);
    assert_eq!(spec.split_files("train").unwrap().len(), 3);
}

#[test]
fn bad_rows_are_named_by_their_own_file() {
    let folder =
        folder(&[("a.csv", b"text,label\na,x\nb,\n"), ("b.csv", b"text,label\n\nc,x\n,x\n"), ("c.csv", b"text\nc\n")]);
    let two = spec(&folder, CSV, "['data/a.csv', 'data/b.csv']");
    let mut skipping = ExampleReader::open(&two, "train", OnBadRow::Skip).unwrap();
    let found: Vec<Example> = skipping.by_ref().map(Result::unwrap).collect();
    assert_eq!(found.iter().map(|row| (row.id.as_str(), row.line)).collect::<Vec<_>>(), [("0", 2), ("2", 3)]);
    let file = |path: &Option<Arc<Path>>| path.as_ref().unwrap().file_name().unwrap().to_owned();
    assert_eq!(found.iter().map(|row| file(&row.file)).collect::<Vec<_>>(), ["a.csv", "b.csv"]);
    let skipped: Vec<_> = skipping.skipped().rows.iter().map(|row| (file(&row.file), row.place)).collect();
    assert_eq!(skipped, [("a.csv".into(), Place::Line(3)), ("b.csv".into(), Place::Line(4))]);

    let error = |train: &str| -> String {
        let spec = spec(&folder, CSV, train);
        let opened = ExampleReader::open(&spec, "train", OnBadRow::Stop);
        opened.and_then(|reader| reader.collect::<Result<Vec<_>, _>>()).unwrap_err().to_string()
    };
    assert!(error("['data/b.csv', 'data/a.csv']").ends_with("b.csv, line 4: `text` is empty"));
    assert!(error("['data/c.csv', 'data/a.csv']").contains("c.csv has no column `label`"));
    std::fs::write(folder.path().join("data/good.csv"), "text,label\na,x\n").unwrap();
    assert!(error("['data/good.csv', 'data/c.csv']").contains("c.csv has no column `label`"));
    let gone = error("['data/good.csv', 'data/gone.csv']");
    assert!(gone.contains("gone.csv") && gone.contains("split `train`"), "{gone}");
    std::fs::write(folder.path().join("data/zero.csv"), "").unwrap();
    assert!(error("['data/good.csv', 'data/zero.csv']").ends_with("zero.csv is empty: it has no row"));
    assert!(rows(&spec(&folder, CSV, "'data/good.csv'"))[0].file.is_none(), "one file needs no name");
}

#[test]
fn the_digest_is_of_all_files_in_their_order() {
    let folder = folder(&[("a.csv", b"text,label\na,x\n"), ("b.csv", b"text,label\nb,x\n")]);
    let digest = |train: &str| {
        let spec = spec(&folder, CSV, train);
        spec.fingerprint_parts("train").unwrap()["data.train.digest"].clone()
    };
    let one = digest("'data/a.csv'");
    assert_eq!(one, blake3::hash(b"text,label\na,x\n").to_hex().to_string(), "one file has the digest of its bytes");
    assert_eq!((digest("['data/a.csv']"), digest("'data/a*.csv'")), (one.clone(), one.clone()));
    let both = digest("'data/*.csv'");
    assert_eq!(both, digest("['data/a.csv', 'data/b.csv']"));
    assert_ne!(both, digest("['data/b.csv', 'data/a.csv']"));
    std::fs::write(folder.path().join("data/b.csv"), "text,label\nb,y\n").unwrap();
    let changed = digest("'data/*.csv'");
    assert_ne!(changed, both);
    std::fs::write(folder.path().join("data/c.csv"), "text,label\nc,y\n").unwrap();
    assert_ne!(digest("'data/*.csv'"), changed, "a file more");
}

#[test]
fn patterns_without_files_and_files_listed_twice_are_refused() {
    let folder = folder(&[("a.csv", b"text,label\na,x\n"), ("b.csv", b"text,label\nb,x\n"), (".c.csv", b"x")]);
    let error = |train: &str| spec(&folder, CSV, train).split_files("train").unwrap_err().to_string();
    let none = error("'data/train-*.csv'");
    assert!(
        none.contains("no file is called as ") && none.ends_with("the folder holds `.c.csv`, `a.csv`, `b.csv`"),
        "{none}"
    );
    assert!(error("'gone/*.csv'").contains("cannot read the folder of "));
    assert!(error("'*/a.csv'").contains("not for folders"));
    for twice in
        ["['data/a.csv', 'data/a.csv']", "['data/*.csv', 'data/b.csv']", "['data/a.csv', 'data/../data/a.csv']"]
    {
        assert!(error(twice).contains(" twice, and its rows would count twice; name it once"), "{twice}");
    }
    for empty in ["[]", "['']", "''", "['data/a.csv', '']"] {
        let error = parse(&folder, CSV, empty).unwrap_err();
        assert!(matches!(error, DataError::Spec { problem: SpecProblem::EmptyValue { .. }, .. }), "{empty}: {error}");
    }
    let error = parse(&folder, CSV, "3").unwrap_err().to_string();
    assert!(error.contains("line 8") && error.contains("a file, or a list of files"), "{error}");

    // A name with a star is a name where such a file is there.
    std::fs::write(folder.path().join("data/odd*.csv"), "text,label\nodd,x\n").unwrap();
    std::fs::write(folder.path().join("data/odd1.csv"), "text,label\nb,x\n").unwrap();
    assert_eq!(rows(&spec(&folder, CSV, "'data/odd*.csv'")).len(), 1);
}
