//! Where the binary under test is.

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' package lies in the repository")
}

/// `target/<profile>/larder`, beside the folder of the running test.
///
/// # Panics
/// When it is not built, with the command that builds it.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let name = format!("larder{}", std::env::consts::EXE_SUFFIX);
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join(&name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "the binary under test is missing: expected {name} near {}; run `cargo build --package larder` \
             (with --release when the tests run with it), or test the whole workspace, which builds it first",
            test.display()
        )
    })
}
