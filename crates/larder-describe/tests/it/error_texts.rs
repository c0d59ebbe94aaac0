//! The text of every error, as users read it.

use std::path::PathBuf;

use larder_data::DataError;
use larder_describe::DescribeError;
use larder_errors::Names;
use larder_errors::testing::texts;
use larder_files::FileError;

#[test]
fn describing() {
    use DescribeError::*;
    let path = PathBuf::from("tickets.csv");
    let columns = vec!["`id` (8 different in 8 rows)".to_owned(), "`ok` (2 different: \"no\", \"yes\")".to_owned()];
    let known = || Names::new(["body", "topic"]);
    let examples = [
        Ending { path: "tickets.xlsx".into() },
        Read { path: path.clone(), source: std::io::ErrorKind::PermissionDenied.into() },
        Unreadable { path: path.clone(), problem: "record 3 ends in a quote".to_owned() },
        Empty { path: path.clone() },
        EmptyFolder { path: "data".into() },
        Formats { path: "data".into(), formats: Names::new(["csv", "jsonl"]) },
        NoColumn { path: path.clone(), flag: "label", found: "topics".to_owned(), known: known() },
        NoText { path: path.clone(), columns: columns.clone(), flag: "text" },
        NoTarget { path: path.clone(), columns },
        Several { path: path.clone(), columns: known() },
        TooFew { path: path.clone(), rows: 3 },
        Data(DataError::Empty { path: path.clone() }),
        File(FileError::io("write", &path)(std::io::ErrorKind::StorageFull.into())),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
