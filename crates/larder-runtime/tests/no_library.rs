//! Files that are no ONNX Runtime are refused with a reason, and do not spoil the process.
//!
//! A file of its own, because a process that has loaded a runtime keeps it.

mod common;

use std::fs;
use std::path::Path;

use common::fixture;
use larder_runtime::{LibraryProblem, Origin, Runtime, RuntimeError};

fn refused(path: &Path) -> (LibraryProblem, String) {
    let error = Runtime::load(Some(path)).expect_err("it is no ONNX Runtime");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(message.contains("--onnxruntime"), "{message}");
    let RuntimeError::NoLibrary { mut tried } = error else { panic!("{error:?}") };
    assert_eq!(tried.len(), 1, "a library named in person is taken or refused: {message}");
    let attempt = tried.remove(0);
    assert_eq!(attempt.origin, Origin::Explicit);
    (attempt.problem, message)
}

#[test]
fn what_is_no_runtime_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("libonnxruntime.so");
    assert!(matches!(refused(&missing).0, LibraryProblem::NotFound));
    assert!(matches!(refused(folder.path()).0, LibraryProblem::EmptyFolder));

    let garbage = folder.path().join("garbage.so");
    for content in [&b""[..], b"not a library", b"\x7fELF and then nothing of the kind"] {
        fs::write(&garbage, content).unwrap();
        assert!(matches!(refused(&garbage).0, LibraryProblem::NotLoadable(_)));
    }
    assert!(matches!(refused(&fixture("plus_one.onnx")).0, LibraryProblem::NotLoadable(_)));

    #[cfg(target_os = "linux")]
    {
        // A real library that is something else; the loader knows it, so its path is asked for.
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
        let libc = libc.into_iter().find(|path| path.contains("libc.so") || path.contains("ld-")).unwrap();
        let (problem, message) = refused(Path::new(libc));
        assert!(matches!(problem, LibraryProblem::NotOnnxRuntime), "{message}");
    }

    let old = folder.path().join("old_runtime");
    if build_old_runtime(&old) {
        let (problem, message) = refused(&old);
        assert!(matches!(&problem, LibraryProblem::TooOld { version } if version == "1.20.0"), "{message}");
        assert!(message.contains("is ONNX Runtime 1.20.0") && message.contains("1.31 or later"), "{message}");
    }

    // None of this hinders a real one.
    if let Some(runtime) = common::runtime() {
        assert!(runtime.path().is_file());
    }
}

/// Compiles a library that says it is ONNX Runtime 1.20.0.
fn build_old_runtime(library: &Path) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = std::process::Command::new(rustc)
        .args(["--crate-type=cdylib", "--edition=2024", "-Copt-level=0", "-o"])
        .args([library, &fixture("old_runtime.rs")])
        .status();
    let built = built.is_ok_and(|status| status.success());
    if !built {
        eprintln!("SKIPPED: rustc cannot build a library here, so no old one is tried");
    }
    built
}
