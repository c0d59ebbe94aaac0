//! The text of every error, as users read it.

use std::io::ErrorKind;
use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;

#[test]
fn files() {
    use FileError::*;
    let path = PathBuf::from("runs/1/run.json");
    let examples = [
        FileError::io("write", &path)(ErrorKind::PermissionDenied.into()),
        FileError::io("write", &path)(ErrorKind::StorageFull.into()),
        Damaged { path: path.clone(), what: "its text differs from its checksum".to_owned() },
        Json { path: path.clone(), source: serde_json::from_str::<u8>("{\n  ]").unwrap_err() },
        Name { what: "run", name: "a/b".to_owned() },
        Locked { path },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
