//! Any bytes as a `features` file. After an odd first byte it is given checksums, so that they do not stand before everything else.

#![no_main]

use larder_fuzz::{choice, parquet_file};
use larder_store::FeaturesFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((sealed, content)) = choice(bytes, 2) else { return };
    let path = parquet_file("features.parquet", content, sealed == 1);
    let file = match FeaturesFile::open(&path) {
        Ok(file) => file,
        Err(error) => return drop(error.to_string()),
    };
    let _ = file.provenance();
    let _ = file.example_ids().map_err(|error| error.to_string());
    let _ = (file.targets().is_ok(), file.labels().is_ok(), file.positions().is_ok(), file.words().is_ok());
    let _ = (file.word_indices().is_ok(), file.tokens().is_ok(), file.tags().is_ok(), file.digests().is_ok());
    let names: Vec<&str> = file.columns().iter().map(|column| column.name.as_str()).collect();
    let rows = file.rows();
    for name in &names {
        match (file.column(name), file.width(&[name])) {
            (Ok(values), Ok(width)) if values.len() == rows.saturating_mul(width) && !values.is_empty() => {
                let (last, mut range) = (rows - 1, Vec::new());
                file.read_range(last..rows, &[name], &mut range).expect("they were read");
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&range), bits(&values[last * width..]), "the last row is the last");
            }
            (Err(error), _) => drop(error.to_string()),
            _ => {}
        }
    }
    let _ = file.rows_of(&[0], &names).map_err(|error| error.to_string());
    let _ = file.read_range(0..rows.min(8), &names, &mut Vec::new()).map_err(|error| error.to_string());
});
