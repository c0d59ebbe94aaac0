//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_store::StoreError;
use parquet::errors::ParquetError;

#[test]
fn artifacts() {
    use StoreError::*;
    let path = PathBuf::from("features/train.parquet");
    let examples = [
        File(FileError::Damaged { path: path.clone(), what: "row group 0 differs from its checksum".to_owned() }),
        Parquet { path: path.clone(), source: ParquetError::EOF("file too short".to_owned()) },
        Encode { path: path.clone(), source: ParquetError::General("a column is missing".to_owned()) },
        Column {
            path: path.clone(),
            column: "mean".to_owned(),
            expected: "a list of Float32".to_owned(),
            found: "is Utf8".to_owned(),
        },
        Range { path, first: 2, end: 4, rows: 3 },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
