//! Any bytes as a file that nobody described: `larder` looks at it, and writes a description that it can read itself.

#![no_main]

use larder_data::{DatasetSpec, ExampleReader, OnBadRow};
use larder_describe::{NamedFiles, NamedRoles, describe};
use larder_fuzz::{choice, folder, put};
use libfuzzer_sys::fuzz_target;

const NAMES: &[&str] = &["any.csv", "any.tsv", "any.jsonl", "any.conll", "any.parquet", "any.txt", "any"];

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, NAMES.len()) else { return };
    let files = NamedFiles { input: put(NAMES[at], content), ..NamedFiles::default() };
    let description = match describe(&files, &NamedRoles::default()) {
        Ok(description) => description,
        Err(error) => return drop(error.to_string()),
    };
    let _ = description.seen();
    let text = description.toml(folder());
    let spec = DatasetSpec::parse(&text, &folder().join("any.toml"));
    let spec = spec.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(spec.task, description.roles.task);
    assert_eq!(spec.columns, description.roles.columns);
    if let Ok(reader) = ExampleReader::open(&spec, "train", OnBadRow::Skip) {
        reader.for_each(|row| drop(row));
    }
});
