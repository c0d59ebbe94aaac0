//! Some rows of a file read by themselves are the same rows, whatever the format, and the bytes of them alone are looked at.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use larder_data::{
    DatasetSpec, Example, ExampleReader, FileDigests, GroupPlace, OnBadRow, ParquetGroups, RowSlice, SlicePlace,
    TextPlace, TextScan, digest_ranges,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

fn spec(folder: &TempDir, description: &str, files: &str) -> DatasetSpec {
    let text = format!("name='set'\n{description}\n[splits]\ntrain = {files}\n");
    DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap()
}

fn whole(spec: &DatasetSpec, on_bad_row: OnBadRow) -> Vec<Example> {
    let reader = ExampleReader::open(spec, "train", on_bad_row).unwrap();
    reader.map(|example| Example { file: None, ..example.unwrap() }).collect()
}

/// Cuts every file of the split into slices of `rows` rows.
fn cut(spec: &DatasetSpec, rows: u64) -> Vec<(PathBuf, RowSlice)> {
    let (mut slices, mut first_row, mut document) = (Vec::new(), 0, 0);
    for path in spec.split_files("train").unwrap() {
        let mut scan = TextScan::open(spec, "train", &path, document).unwrap();
        let mut starts = Vec::new();
        while let Some(row) = scan.next_row().unwrap() {
            starts.push(row.start);
            document = row.document;
        }
        let bytes = std::fs::metadata(&path).unwrap().len();
        for (at, chunk) in starts.chunks(rows as usize).enumerate() {
            let end_byte = starts.get((at + 1) * rows as usize).map_or(bytes, |next| next.byte);
            let place = SlicePlace::Text(TextPlace { start: chunk[0], end_byte, file: scan.facts() });
            slices.push((path.clone(), RowSlice { first_row, rows: chunk.len() as u64, place }));
            first_row += chunk.len() as u64;
        }
    }
    slices
}

fn read(spec: &DatasetSpec, path: &Path, slice: &RowSlice, on_bad_row: OnBadRow) -> Vec<Example> {
    read_all(spec, &[(path.to_owned(), slice.clone())], on_bad_row)
}

fn read_all(spec: &DatasetSpec, slices: &[(PathBuf, RowSlice)], on_bad_row: OnBadRow) -> Vec<Example> {
    let reader = ExampleReader::open_slices(spec, "train", slices, on_bad_row).unwrap();
    reader.map(|example| Example { file: None, ..example.unwrap() }).collect()
}

#[test]
fn slices_of_text_files_are_the_rows_of_the_whole() {
    let csv = "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'";
    let tsv = "task='sequence'\nformat='tsv'\nheader=false\n[columns]\ntext=1\nlabel=0";
    let jsonl = "task='sequence'\nformat='jsonl'\n[columns]\ntext='text'\nlabel='label'\nid='id'";
    let conll = "task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1";
    let json: String = (0..7)
        .map(|at| format!("{{\"text\": \"t{at}\", \"label\": \"x\", \"id\": \"i{at}\"}}\n{}", "\n".repeat(at % 2)))
        .collect();
    let sentences = "# a comment\n-DOCSTART- O\n\nada B-PER\nwaits O\n\n\n# 2\nbob B-PER\n-DOCSTART- O\n\noslo B-LOC\nis O\n\nx O\n";
    let cases: [(&str, &[&str]); 7] = [
        (csv, &["\u{feff}text,label\na,x\n\"b\nc, d\",y\n\ne,x\nf,y\n", "label,text\nx,g\ny,h\n"]),
        (csv, &["text,label\r\na,x\r\nb,y\r\nc,x\r\n"]),
        // Lone CRs end the lines.
        (csv, &["text,label\ra,x\rb,y\rc,x\r"]),
        (tsv, &["x\ta b\ny\tc\nx\td\n\ny\te", "x\tf\n"]),
        (tsv, &["\u{feff}x\ta b\ny\tc\n"]),
        (jsonl, &[&json]),
        (conll, &[sentences, sentences]),
    ];
    for (description, contents) in cases {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..contents.len()).map(|at| format!("{at}.txt")).collect();
        for (name, content) in names.iter().zip(contents) {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let spec = spec(&folder, description, &format!("{names:?}"));
        let expected = whole(&spec, OnBadRow::Stop);
        for rows in 1..5 {
            let slices = cut(&spec, rows);
            let found: Vec<Example> =
                slices.iter().flat_map(|(path, slice)| read(&spec, path, slice, OnBadRow::Stop)).collect();
            assert_eq!(found, expected, "{contents:?} by {rows}");
            for (path, slice) in &slices {
                let text = serde_json::to_string(slice).unwrap();
                assert_eq!(&serde_json::from_str::<RowSlice>(&text).unwrap(), slice, "{text}");
                let bytes = std::fs::metadata(path).unwrap().len();
                let of_file = slices.iter().filter(|(other, _)| other == path);
                let starts = of_file.flat_map(|(_, slice)| slice.piece_starts(None)).collect();
                let ranges = slice.byte_ranges(bytes, None);
                let digests = FileDigests::read(path, starts).unwrap();
                assert_eq!(digests.of_ranges(&ranges).as_ref(), Some(&digest_ranges(path, &ranges).unwrap()));
            }
        }
    }
}

#[test]
fn bad_rows_keep_their_numbers_and_places() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "text,label\na,x\n,y\nc\nd,x\n").unwrap();
    let spec = spec(&folder, "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'", "'a.csv'");
    let expected = whole(&spec, OnBadRow::Skip);
    let slices = cut(&spec, 1);
    let found: Vec<Example> =
        slices.iter().flat_map(|(path, slice)| read(&spec, path, slice, OnBadRow::Skip)).collect();
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(|example| example.id.as_str()).collect::<Vec<_>>(), ["0", "3"]);
    let mut reader = ExampleReader::open_slices(&spec, "train", &slices[2..3], OnBadRow::Stop).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("a.csv, line 4"), "{error}");
}

#[test]
fn slices_of_parquet_begin_and_end_inside_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let texts: ArrayRef = Arc::new((0..50).map(|at| Some(format!("text {at}"))).collect::<StringArray>());
    let labels: ArrayRef = Arc::new((0..50).map(|at| Some(format!("{}", at % 2))).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("text", texts), ("label", labels)]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let spec = spec(&folder, "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'", "'a.parquet'");
    let groups = ParquetGroups::of(&path).unwrap();
    assert_eq!((groups.groups.len(), groups.rows()), (5, 50));
    let expected = whole(&spec, OnBadRow::Stop);
    for (first_group, groups_read, skip, rows) in [(0, 1, 0, 10), (1, 1, 3, 4), (1, 3, 7, 20), (4, 1, 9, 1)] {
        let rows_before = 10 * first_group as u64;
        let place = GroupPlace { first_group, groups: groups_read, skip, rows_before };
        let slice = RowSlice { first_row: rows_before + skip, rows, place: SlicePlace::Groups(place) };
        let from = usize::try_from(slice.first_row).unwrap();
        assert_eq!(read(&spec, &path, &slice, OnBadRow::Stop), expected[from..from + usize::try_from(rows).unwrap()]);
        let bytes = std::fs::metadata(&path).unwrap().len();
        let ranges = slice.byte_ranges(bytes, Some(&groups));
        assert_eq!(ranges.len(), groups_read + 1);
        let digests = FileDigests::read(&path, slice.piece_starts(Some(&groups))).unwrap();
        assert_eq!(digests.of_ranges(&ranges), Some(digest_ranges(&path, &ranges).unwrap()));
    }
}
