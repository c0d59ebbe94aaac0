//! Any bytes as anybody's Parquet file, looked at.

#![no_main]

use larder_fuzz::{choice, parquet_file};
use larder_inspect::{InspectOptions, ParquetFile, Query, inspect, nearest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((sealed, content)) = choice(bytes, 2) else { return };
    let path = parquet_file("any.parquet", content, sealed == 1);
    let file = match ParquetFile::open(&path) {
        Ok(file) => file,
        Err(error) => return drop(error.to_string()),
    };
    match inspect(&file, &InspectOptions::default()) {
        Ok(found) => assert!(serde_json::to_vec(&found).is_ok(), "it is printed as JSON"),
        Err(error) => drop(error.to_string()),
    }
    let _ = inspect(&file, &InspectOptions { rows: Some(2), outliers: 1, ..InspectOptions::default() }).is_ok();
    if let Ok(column) = file.vector_column(None) {
        let _ = nearest(&file, &column, &Query::Row(0), None, 3).map_err(|error| error.to_string());
        let _ = nearest(&file, &column, &Query::Example("a".to_owned()), Some(4), 3).is_ok();
    }
});
