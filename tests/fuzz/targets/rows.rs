//! Any bytes as a text file of a data set, in each format: the first byte says which.
//!
//! A file is read three times: whole, without targets, and in slices that begin at each of its rows.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use larder_data::{
    DataError, DatasetSpec, Example, ExampleReader, InputReader, LabelMap, OnBadRow, OnIllegalTags, RowSlice,
    SlicePlace, TextPlace, TextScan, split_has_targets,
};
use larder_fuzz::{choice, folder, put};
use libfuzzer_sys::fuzz_target;

const DESCRIPTIONS: &[&str] = &[
    "task='sequence'\nformat='csv'\n[columns]\ntext='text'\nlabel='label'",
    "task='sequence'\nformat='csv'\nheader=false\nseparator=';'\n[columns]\ntext=0\ntext_b=1\nlabel=2",
    "task='sequence'\nformat='tsv'\nheader=false\n[columns]\ntext=1\nlabel=0",
    "task='sequence'\nformat='tsv'\nquoting=true\n[columns]\ntext='text'\nid='id'\nlabel='label'",
    "task='multilabel'\nformat='csv'\n[columns]\ntext='text'\nlabels='labels'\nlabel_separator='|'",
    "task='multilabel'\nformat='csv'\n[columns]\ntext='text'\nlabels=['a','b']",
    "task='regression'\nformat='csv'\n[columns]\ntext='text'\ntarget='target'\n[target]\nminimum=0\nmaximum=5",
    "task='sequence'\nformat='jsonl'\n[columns]\ntext='text'\nlabel='label'\nid='id'",
    "task='multilabel'\nformat='jsonl'\n[columns]\ntext='text'\ntext_b='other'\nlabels='labels'",
    "task='regression'\nformat='jsonl'\n[columns]\ntext='text'\ntarget='target'",
    "task='tagging'\nformat='jsonl'\n[columns]\nwords='words'\ntags='tags'",
    "task='tagging'\nformat='jsonl'\n[columns]\ntext='text'\nspans='spans'",
    "task='tagging'\nformat='jsonl'\nsplit_text='characters'\n[columns]\ntext='text'\nspans='spans'",
    "task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1",
    "task='tagging'\nformat='conll'\nscheme='IOBES'\nseparator='space'\n[columns]\nwords=1\ntags=0",
    "task='tagging'\nformat='conll'\nscheme='BILOU'\nseparator='tab'\nheader=true\n[columns]\nwords='TOKEN'\ntags='NE'",
    "task='tagging'\nformat='conll'\nscheme='IOB1'\n[columns]\nwords=0\ntags=1\n[tags]\nmark='last'\noutside='0'\nlowercase=true",
    "task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1\n[tags]\nmark='none'",
    "task='tagging'\nformat='csv'\n[columns]\nwords='word'\ntags='tag'\nsentence='sentence'",
    "task='tagging'\nformat='tsv'\n[columns]\nwords='word'\ntags='tag'\nsentence='sentence'\n[tags]\ntype='entity'",
    "task='sequence'\nformat='csv'\nencoding='latin1'\nheader=false\n[columns]\ntext=0",
    "task='sequence'\nformat='jsonl'\nencoding='utf-16'\n[columns]\ntext='text'",
];

fn specs() -> &'static [DatasetSpec] {
    static SPECS: OnceLock<Vec<DatasetSpec>> = OnceLock::new();
    SPECS.get_or_init(|| {
        let path = folder().join("set.toml");
        let parse = |description: &&str| {
            let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\n");
            DatasetSpec::parse(&text, &path).expect(description)
        };
        DESCRIPTIONS.iter().map(parse).collect()
    })
}

/// The rows up to the end or the first error, and the error.
fn read(reader: Result<ExampleReader, DataError>) -> (Vec<Example>, Option<DataError>) {
    let mut rows = Vec::new();
    match reader {
        Err(error) => (rows, Some(error)),
        Ok(mut reader) => {
            let error = reader.by_ref().find_map(|row| row.map(|row| rows.push(row)).err());
            assert!(reader.next().is_none(), "after an error a reader ends");
            (rows, error)
        }
    }
}

/// One slice for each row of the file; `None` for files that cannot be read so, or not to their end.
fn slices(spec: &DatasetSpec, path: &Path, bytes: u64) -> Option<Vec<(PathBuf, RowSlice)>> {
    let mut scan = TextScan::open(spec, "train", path, 0).ok()?;
    let mut starts = Vec::new();
    while let Some(row) = scan.next_row().ok()? {
        starts.push(row.start);
    }
    let slice = |at: usize| {
        let end_byte = starts.get(at + 1).map_or(bytes, |next| next.byte);
        assert!(starts[at].byte <= end_byte && end_byte <= bytes, "{:?} to {end_byte} of {bytes}", starts[at]);
        let place = SlicePlace::Text(TextPlace { start: starts[at], end_byte, file: scan.facts() });
        (path.to_owned(), RowSlice { first_row: at as u64, rows: 1, place })
    };
    Some((0..starts.len()).map(slice).collect())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, DESCRIPTIONS.len()) else { return };
    let spec = &specs()[at];
    let path = put("data", content);

    let (rows, error) = read(ExampleReader::open(spec, "train", OnBadRow::Skip));
    let (before_bad, first_bad) = read(ExampleReader::open(spec, "train", OnBadRow::Stop));
    assert_eq!(before_bad[..], rows[..before_bad.len()], "skipped rows change no others");
    assert!(first_bad.is_some() || error.is_none());
    error.iter().chain(&first_bad).for_each(|error| drop(error.to_string()));
    let repairing = ExampleReader::open(spec, "train", OnBadRow::Skip);
    let (repaired, _) = read(repairing.map(|reader| reader.on_illegal_tags(OnIllegalTags::Repair)));
    assert!(repaired.len() >= rows.len(), "repairing leaves out no more");

    let _ = split_has_targets(spec, "train").map_err(|error| error.to_string());
    let _ = LabelMap::resolve(spec).map_err(|error| error.to_string());
    let _ = read(ExampleReader::open_without_targets(spec, "train", OnBadRow::Skip));
    if let Ok(mut reader) = InputReader::open(&spec.layout(), &path) {
        reader.by_ref().for_each(|row| drop(row.map(|row| row.content)));
        let _ = reader.rest();
    }

    // One by one they are the same rows.
    if let (None, Some(slices)) = (&error, slices(spec, &path, content.len() as u64)) {
        let (sliced, error) = read(ExampleReader::open_slices(spec, "train", &slices, OnBadRow::Skip));
        assert!(error.is_none(), "{error:?}");
        let whole: Vec<Example> = rows.into_iter().map(|row| Example { file: None, ..row }).collect();
        let sliced: Vec<Example> = sliced.into_iter().map(|row| Example { file: None, ..row }).collect();
        assert_eq!(sliced, whole);
    }
});
