//! Parquet as its writers really leave it: string views, dictionaries, large lists, nulls, damage.

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int8Array, Int64Array, LargeListBuilder, LargeStringArray,
    ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray, StringViewBuilder,
};
use arrow::datatypes::{Int8Type, Int32Type};
use larder_data::{Content, DataError, DatasetSpec, Example, ExampleReader, OnBadRow, Place, Target};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::sync::Arc;
use tempfile::TempDir;

const SEQUENCE: &str = "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'\n";
const TAGGING: &str = "task='tagging'\nformat='parquet'\n[columns]\nwords='words'\ntags='tags'\n";

fn set(description: &str, columns: Vec<(&str, ArrayRef)>) -> (TempDir, DatasetSpec) {
    let folder = tempfile::tempdir().unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(folder.path().join("data")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\n");
    let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
    (folder, spec)
}

fn read(spec: &DatasetSpec) -> Result<Vec<Example>, DataError> {
    ExampleReader::open(spec, "train", OnBadRow::Stop)?.collect()
}

fn strings(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn strings_of_every_kind_and_labels_of_every_type() {
    let texts = ["one", "two", "three"];
    let text_arrays: [ArrayRef; 4] = [
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>()),
    ];
    let label_arrays: [(ArrayRef, [&str; 3]); 4] = [
        (Arc::new(Int8Array::from(vec![-1, 0, 7])), ["-1", "0", "7"]),
        (Arc::new(Int64Array::from(vec![1, 2, 3])), ["1", "2", "3"]),
        (Arc::new(BooleanArray::from(vec![true, false, true])), ["true", "false", "true"]),
        (Arc::new(["x", "y", "x"].into_iter().collect::<DictionaryArray<Int8Type>>()), ["x", "y", "x"]),
    ];
    for (text, (label, expected)) in text_arrays.into_iter().zip(label_arrays) {
        // The order of the file is not the order of the description.
        let ignored: ArrayRef = Arc::new(Float64Array::from(vec![0.5; 3]));
        let (_folder, spec) = set(SEQUENCE, vec![("label", label), ("ignored", ignored), ("text", text)]);
        let examples = read(&spec).unwrap();
        for (row, example) in examples.iter().enumerate() {
            assert_eq!(example.content, Content::Text { text: texts[row].into(), text_b: None });
            assert_eq!(example.target, Some(Target::Label(expected[row].into())));
            assert_eq!((example.id.clone(), example.line), (row.to_string(), row as u64 + 1));
        }
        assert_eq!(examples.len(), 3);
    }
}

#[test]
fn more_rows_than_a_batch_keep_their_order_and_columns_go_by_position() {
    let texts: Vec<String> = (0..3000).map(|row| format!("text {row}")).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(StringArray::from_iter_values(&texts))),
        ("key", Arc::new(Int64Array::from_iter_values(5000..8000))),
    ];
    let description = "task='sequence'\nformat='parquet'\n[columns]\ntext=0\nid=1\n";
    let (_folder, spec) = set(description, columns);
    let examples = read(&spec).unwrap();
    assert_eq!(examples.len(), 3000);
    for (row, example) in examples.iter().enumerate() {
        assert_eq!(example.content, Content::Text { text: texts[row].clone(), text_b: None });
        assert_eq!((example.id.clone(), &example.target), ((5000 + row).to_string(), &None));
    }
}

#[test]
fn lists_of_words_and_tags() {
    let mut words = LargeListBuilder::new(StringViewBuilder::new());
    words.append_value([Some("Jo"), Some("ran")]);
    words.append_value([Some("Hi")]);
    let words: ArrayRef = Arc::new(words.finish());
    for (scheme, [first, second]) in
        [("IOB1", ["I-x", "I-x"]), ("IOB2", ["B-x", "I-x"]), ("IOBES", ["B-x", "E-x"]), ("BILOU", ["B-x", "L-x"])]
    {
        let mut tags = ListBuilder::new(StringBuilder::new());
        tags.append_value([Some(first), Some(second)]);
        tags.append_value([Some("O")]);
        let description = format!("scheme='{scheme}'\n{TAGGING}");
        let (_folder, spec) = set(&description, vec![("words", words.clone()), ("tags", Arc::new(tags.finish()))]);
        let examples = read(&spec).unwrap();
        assert_eq!(examples[0].content, Content::Words(vec!["Jo".into(), "ran".into()]));
        assert_eq!(examples[0].target, Some(Target::Tags(vec!["B-x".into(), "I-x".into()])), "{scheme}");
        assert_eq!(examples[1].content, Content::Words(vec!["Hi".into()]));
        assert_eq!(examples[1].target, Some(Target::Tags(vec!["O".into()])));
    }
    // Numbers may be tags in a table, but they say nothing without their names.
    let tags = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(0)]), Some(vec![Some(0)])]);
    let (_folder, spec) = set(TAGGING, vec![("words", words.clone()), ("tags", Arc::new(tags))]);
    let error = read(&spec).unwrap_err().to_string();
    let says = "row 1: word 1, `Jo`: `1` is no tag of IOB2; known: `O`, `B-…`, `I-…`; all tags of the split are legal if the \
                description says `[tags]` and below it `names = [\"O\", \"B-…\", …]`, the tag that each number stands for";
    assert!(error.ends_with(says), "{error}");
    // Nor are tags needed at all.
    let (_folder, spec) = set(&TAGGING.replace("tags='tags'", ""), vec![("words", words)]);
    assert!(read(&spec).unwrap().iter().all(|example| example.target.is_none()));
}

#[test]
fn nulls_and_lists_of_unequal_length_are_bad_rows() {
    let (_folder, spec) = set(
        SEQUENCE,
        vec![("text", strings(&[Some("a"), None, Some("c")])), ("label", strings(&[Some("x"), Some("y"), Some("")]))],
    );
    assert!(read(&spec).unwrap_err().to_string().ends_with("data, row 2: no value for `text`"));
    let mut reader = ExampleReader::open(&spec, "train", OnBadRow::Skip).unwrap();
    assert_eq!(reader.by_ref().count(), 1);
    let places: Vec<_> = reader.skipped().rows.iter().map(|row| row.place).collect();
    assert_eq!(places, [Place::Row(2), Place::Row(3)]);

    let mut words = ListBuilder::new(StringBuilder::new());
    words.append_value([Some("a"), Some("b")]);
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_value([Some("O")]);
    let (_folder, spec) = set(TAGGING, vec![("words", Arc::new(words.finish())), ("tags", Arc::new(tags.finish()))]);
    assert!(read(&spec).unwrap_err().to_string().ends_with("data, row 1: 2 words but 1 tags"));
}

/// As pandas writes integers where one is missing.
#[test]
fn labels_in_floats_are_integers() {
    let texts = || strings(&[Some("a"), Some("b"), Some("c"), Some("d")]);
    let labels: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), Some(-0.0), None]));
    let (_folder, spec) = set(SEQUENCE, vec![("text", texts()), ("label", labels)]);
    let mut reader = ExampleReader::open(&spec, "train", OnBadRow::Skip).unwrap();
    let found: Vec<_> = reader.by_ref().map(|example| example.unwrap().target).collect();
    assert_eq!(found, ["1", "0"].map(|label| Some(Target::Label(label.to_owned()))));
    assert_eq!(reader.skipped().rows.iter().map(|row| row.place).collect::<Vec<_>>(), [Place::Row(2), Place::Row(4)]);
    let labels: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 0.0, 0.5, 1.0]));
    let (_folder, spec) = set(SEQUENCE, vec![("text", texts()), ("label", labels)]);
    let error = read(&spec).unwrap_err().to_string();
    assert!(error.ends_with("data, row 3: `label` is a fraction, expected strings, integers or booleans"), "{error}");
}

#[test]
fn wrong_types_and_missing_columns_are_refused_at_once() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let (_folder, spec) = set(SEQUENCE, vec![("text", numbers), ("label", strings(&[Some("a")]))]);
    assert!(read(&spec).unwrap_err().to_string().ends_with("data: column `text` is Float64, expected strings"));
    let (_folder, spec) = set(SEQUENCE, vec![("text", strings(&[Some("a")])), ("labels", strings(&[Some("x")]))]);
    let error = read(&spec).unwrap_err().to_string();
    assert!(error.ends_with("has no column `label` (known: `text`, `labels`; did you mean `labels`?)"), "{error}");
    let (_folder, spec) = set(TAGGING, vec![("words", strings(&[Some("a")])), ("tags", strings(&[Some("x")]))]);
    assert!(read(&spec).unwrap_err().to_string().contains("column `words` is Utf8, expected lists of strings"));
}

#[test]
fn a_truncated_file_and_one_that_is_no_parquet() {
    let (folder, spec) = set(SEQUENCE, vec![("text", strings(&[Some("a")])), ("label", strings(&[Some("x")]))]);
    let path = folder.path().join("data");
    let bytes = std::fs::read(&path).unwrap();
    for kept in [bytes.len() - 1, bytes.len() / 2, 4] {
        std::fs::write(&path, &bytes[..kept]).unwrap();
        let error = read(&spec).unwrap_err();
        assert!(matches!(error, DataError::Parquet { .. }), "{kept} bytes: {error}");
    }
    std::fs::write(&path, "label,text\n").unwrap();
    assert!(matches!(read(&spec), Err(DataError::Parquet { .. })));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(read(&spec), Err(DataError::Empty { .. })));
}
