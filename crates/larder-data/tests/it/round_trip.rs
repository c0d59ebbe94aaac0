//! Rows written as TSV, CSV or JSON lines are read back the same, whatever the text.

use larder_data::{Content, DatasetSpec, ExampleReader, OnBadRow, Target};
use proptest::prelude::*;

/// Texts with whatever makes delimited files hard: quotes, delimiters, line ends, marks, blanks.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,4}",
        Just("\"".to_owned()),
        Just(",".to_owned()),
        Just("\t".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just(" ".to_owned()),
        Just("\u{feff}".to_owned()),
        "\\PC{1,3}",
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// A text and a label that are not blank, because blank ones are bad rows.
fn rows() -> impl Strategy<Value = Vec<(String, String)>> {
    let row = (text(), text()).prop_filter("blank", |(a, b)| !a.trim().is_empty() && !b.trim().is_empty());
    prop::collection::vec(row, 1..12)
}

fn read(description: &str, data: &[u8]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), data).unwrap();
    let text = format!("name='set'\ntask='sequence'\n{description}\n[splits]\ntrain='data'\n");
    let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
    let reader = ExampleReader::open(&spec, "train", OnBadRow::Stop).unwrap();
    reader
        .map(|example| match example.map(|example| (example.content, example.target)) {
            Ok((Content::Text { text, .. }, Some(Target::Label(label)))) => (text, label),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Without quoting a field can hold neither the delimiter nor a line end.
fn plain(text: &str, delimiter: char) -> String {
    let text: String = text.chars().map(|c| if c == delimiter || c == '\n' || c == '\r' { '.' } else { c }).collect();
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quoted(rows in rows(), crlf in any::<bool>(), tabs in any::<bool>()) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let (delimiter, format) = if tabs { (b'\t', "tsv") } else { (b',', "csv") };
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
        writer.write_record(["label", "text"]).unwrap();
        for (text, label) in &rows {
            writer.write_record([label, text]).unwrap();
        }
        let data = writer.into_inner().unwrap();
        let description = format!("format='{format}'\nquoting=true\n[columns]\ntext='text'\nlabel='label'");
        prop_assert_eq!(read(&description, &data), rows);
    }

    #[test]
    fn unquoted(rows in rows(), crlf in any::<bool>(), last_end in any::<bool>(), mark in any::<bool>()) {
        let end = if crlf { "\r\n" } else { "\n" };
        let rows: Vec<_> = rows.iter().map(|(text, label)| (plain(text, '\t'), plain(label, '\t'))).collect();
        let lines: Vec<String> = rows.iter().map(|(text, label)| format!("x\t{text}\t{label}")).collect();
        let data = (if mark { "\u{feff}" } else { "" }).to_owned() + &lines.join(end) + if last_end { end } else { "" };
        let description = "format='tsv'\nheader=false\n[columns]\ntext=1\nlabel=2";
        prop_assert_eq!(read(description, data.as_bytes()), rows);
    }

    #[test]
    fn json_lines(rows in rows()) {
        let line = |(text, label): &(String, String)| serde_json::json!({ "text": text, "label": label }).to_string();
        let data = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(read("format='jsonl'\n[columns]\ntext='text'\nlabel='label'", data.as_bytes()), rows);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), pick in 0..4_usize) {
        let description = [
            "task='sequence'\nformat='csv'\nheader=false\n[columns]\ntext=0",
            "task='sequence'\nformat='jsonl'\n[columns]\ntext='a'",
            "task='tagging'\nformat='conll'\n[columns]\nwords=1\ntags=0",
            "task='sequence'\nformat='parquet'\n[columns]\ntext='a'",
        ][pick];
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), &bytes).unwrap();
        let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\n");
        let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
        if let Ok(reader) = ExampleReader::open(&spec, "train", OnBadRow::Skip) {
            // Every error but those of skipped rows ends the reader, so this ends too.
            prop_assert!(reader.filter(Result::is_err).count() <= 1);
        }
    }
}
