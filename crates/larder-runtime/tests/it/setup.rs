//! The recipe that installs ONNX Runtime and the encoder; its own tests are written in its language.

use std::path::PathBuf;
use std::process::Command;

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

#[test]
fn fetching_installs_whole_bundles_or_nothing() {
    let pip = Command::new(PYTHON).args(["-m", "pip", "--version"]).output();
    if !pip.is_ok_and(|pip| pip.status.success()) {
        return eprintln!("SKIPPED: there is no {PYTHON} with pip");
    }
    let tests: PathBuf = [env!("CARGO_MANIFEST_DIR"), "setup", "test_fetch.py"].iter().collect();
    // -B: no __pycache__ in the repository.
    let output = Command::new(PYTHON).arg("-B").arg(tests).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
