//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_inspect::InspectError;
use parquet::errors::ParquetError;

#[test]
fn inspecting() {
    use InspectError::*;
    let (path, column) = (PathBuf::from("features.parquet"), "mean".to_owned());
    let columns = || vec!["example_id".to_owned(), "mean".to_owned()];
    let examples = [
        Open { path: path.clone(), source: std::io::ErrorKind::NotFound.into() },
        NotParquet { path: path.clone() },
        NotComparable {
            first: path.clone(),
            second: "other.parquet".into(),
            why: "`mean` has 384 dimensions in one and 32 in the other".to_owned(),
        },
        Damaged { path: path.clone(), source: ParquetError::EOF("file too short".to_owned()) },
        NoColumn { path: path.clone(), column: "cls".to_owned(), known: columns() },
        Type {
            path: path.clone(),
            column: "label".to_owned(),
            found: "Utf8".to_owned(),
            expected: "a list of numbers",
        },
        NoVectors { path: path.clone(), columns: columns() },
        Ragged { path: path.clone(), column: column.clone(), row: 3, found: 1, expected: 384 },
        NoRow { path: path.clone(), row: 10, rows: 10 },
        NoExample { path: path.clone(), id: "dev-9".to_owned() },
        NoDirection { path: path.clone(), column: column.clone(), whose: "of row 7".to_owned(), what: "zero" },
        Dimension { path, column, found: 768, expected: 384 },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
