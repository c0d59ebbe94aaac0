//! The script behind `just gpu-check`; its own tests are written in its language.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn what_a_gpu_is_asked_is_understood_and_bounded() {
    if cfg!(windows) || Command::new("python3").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: needs python3 and a Unix shell");
    }
    let tests: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../tests/bench/gpu/test_check.py"].iter().collect();
    // -B: no __pycache__ in the repository.
    let output = Command::new("python3").arg("-B").arg(tests).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
