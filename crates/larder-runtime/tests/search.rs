//! Where the library is looked for, and what is said when it is nowhere.
//!
//! Each case needs a process of its own, in a place of its own: the test copies its own executable there
//! and runs the one test that only reports.

mod common;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use larder_runtime::Runtime;

const CHILD: &str = "LARDER_RUNTIME_TEST_CHILD";

/// Does nothing, unless it is the copy that a test below runs.
#[test]
fn report_what_is_loaded() {
    if env::var_os(CHILD).is_some() {
        match Runtime::load(None) {
            Ok(runtime) => println!("LOADED {}", runtime.path().display()),
            Err(problem) => println!("FAILED {problem}"),
        }
    }
}

/// Runs the copy in `folder`, from the current directory `current`.
fn report(folder: &Path, current: &Path, named: Option<&Path>) -> String {
    let executable = folder.join(format!("search{}", env::consts::EXE_SUFFIX));
    if !executable.exists() {
        fs::copy(env::current_exe().unwrap(), &executable).unwrap();
    }
    let mut command = Command::new(executable);
    command.args(["report_what_is_loaded", "--exact", "--nocapture"]).current_dir(current).env(CHILD, "1");
    // Whoever runs the tests may have set up; a case that has puts it there.
    command.env("XDG_DATA_HOME", folder.join("user"));
    match named {
        Some(path) => command.env("ORT_DYLIB_PATH", path),
        None => command.env_remove("ORT_DYLIB_PATH"),
    };
    // Another test that starts a process while the copy is written holds it open for writing until it runs its own program.
    let output = loop {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            output => break output.unwrap(),
        }
    };
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nowhere_lists_every_place_and_the_recipe() {
    let place = tempfile::tempdir().unwrap();
    let said = report(place.path(), place.path(), None);
    if said.contains("LOADED") {
        return eprintln!("SKIPPED: the system has an ONNX Runtime: {said}");
    }
    let beside = format!("beside the executable: {}", place.path().canonicalize().unwrap().display());
    for part in ["larder setup: ", "onnxruntime", &beside, "system: ", "`larder setup`", "--onnxruntime PATH"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    // An empty variable is none.
    assert!(report(place.path(), place.path(), Some(Path::new(""))).contains("larder setup: "));
}

#[test]
fn a_library_named_by_the_environment_is_taken_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("no-such-library.so");
    let said = report(place.path(), place.path(), Some(&missing));
    assert!(said.contains("FAILED") && said.contains("ORT_DYLIB_PATH: "), "{said}");
    assert!(said.contains("no-such-library.so: not found"), "{said}");
    assert!(!said.contains("system: "), "no other library is tried: {said}");
}

#[test]
#[cfg(unix)]
fn folders_of_set_up_and_python_packages_are_found() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    if !runtime.path().is_absolute() {
        return eprintln!("SKIPPED: the system's loader found the library, its path is not known");
    }
    let loaded = format!("LOADED {}", runtime.path().display());
    // The link is resolved, so the path reported is that of the one library.
    let install_in = |folder: &Path| {
        fs::create_dir_all(folder).unwrap();
        let name = runtime.path().file_name().unwrap();
        std::os::unix::fs::symlink(runtime.path(), folder.join(name)).unwrap();
    };
    let install = |place: &Path| install_in(&place.join(".larder/onnxruntime"));
    let (repository, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    install(repository.path());
    let deep = repository.path().join("target/release");
    fs::create_dir_all(&deep).unwrap();

    assert!(report(&deep, elsewhere.path(), None).contains(&loaded), "above the executable");
    assert!(report(elsewhere.path(), &deep, None).contains(&loaded), "above the current directory");
    for (name, folder) in [
        ("the user's", "bin/user/larder/onnxruntime"),
        ("the user's, for CUDA", "bin/user/larder/cuda/onnxruntime"),
        ("of a virtual environment", "lib/python3.12/site-packages/onnxruntime/capi"),
        ("of `pip install --target`", "onnxruntime/capi"),
    ] {
        let prefix = tempfile::tempdir().unwrap();
        fs::create_dir(prefix.path().join("bin")).unwrap();
        install_in(&prefix.path().join(folder));
        assert!(report(&prefix.path().join("bin"), elsewhere.path(), None).contains(&loaded), "{name}");
    }
    let named = report(elsewhere.path(), elsewhere.path(), Some(runtime.path()));
    assert!(named.contains(&loaded), "named by the environment: {named}");
    let folder = runtime.path().parent();
    assert!(report(elsewhere.path(), elsewhere.path(), folder).contains(&loaded), "a folder does as well");
}
