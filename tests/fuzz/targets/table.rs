//! Any bytes as a Parquet file of a data set, of each task: the first byte says which.

#![no_main]

use std::sync::OnceLock;

use larder_data::{
    DatasetSpec, ExampleReader, GroupPlace, InputReader, LabelMap, OnBadRow, ParquetGroups, RowSlice, SlicePlace,
    split_has_targets,
};
use larder_fuzz::{choice, folder, put};
use libfuzzer_sys::fuzz_target;

const DESCRIPTIONS: &[&str] = &[
    "task='sequence'\nformat='parquet'\n[columns]\ntext='text'\nlabel='label'",
    "task='sequence'\nformat='parquet'\n[columns]\ntext=0\ntext_b=1",
    "task='multilabel'\nformat='parquet'\n[columns]\ntext='text'\nlabels='labels'",
    "task='multilabel'\nformat='parquet'\n[columns]\ntext='text'\nlabels=['a','b']",
    "task='regression'\nformat='parquet'\n[columns]\ntext='text'\ntarget='target'",
    "task='tagging'\nformat='parquet'\n[columns]\nwords='words'\ntags='tags'",
];

fn specs() -> &'static [DatasetSpec] {
    static SPECS: OnceLock<Vec<DatasetSpec>> = OnceLock::new();
    SPECS.get_or_init(|| {
        let path = folder().join("set.toml");
        let parse = |description: &&str| {
            let text = format!("name='set'\n{description}\n[splits]\ntrain='data.parquet'\n");
            DatasetSpec::parse(&text, &path).expect(description)
        };
        DESCRIPTIONS.iter().map(parse).collect()
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, DESCRIPTIONS.len()) else { return };
    let spec = &specs()[at];
    let path = put("data.parquet", content);
    let reader = match ExampleReader::open(spec, "train", OnBadRow::Skip) {
        Ok(reader) => reader,
        Err(error) => return drop(error.to_string()),
    };
    let rows: Result<Vec<_>, _> = reader.collect();
    let _ = split_has_targets(spec, "train").map_err(|error| error.to_string());
    let _ = LabelMap::resolve(spec).map_err(|error| error.to_string());
    if let Ok(reader) = InputReader::open(&spec.layout(), &path) {
        reader.for_each(|row| drop(row.map(|row| row.content)));
    }
    let groups = ParquetGroups::of(&path).expect("it was read");
    let place = GroupPlace { first_group: 0, groups: groups.groups.len(), skip: 0, rows_before: 0 };
    let slice = RowSlice { first_row: 0, rows: groups.rows(), place: SlicePlace::Groups(place) };
    let _ = slice.byte_ranges(content.len() as u64, Some(&groups));
    let sliced = ExampleReader::open_slices(spec, "train", &[(path, slice)], OnBadRow::Skip);
    let sliced = sliced.and_then(|reader| reader.collect::<Result<Vec<_>, _>>());
    if let (Ok(rows), Ok(sliced)) = (&rows, &sliced) {
        assert_eq!(rows.len(), sliced.len(), "all row groups are the file");
    }
    rows.err().into_iter().chain(sliced.err()).for_each(|error| drop(error.to_string()));
});
