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
    for part in ["just setup: ", "onnxruntime", &beside, "system: ", "`just setup`", "--onnxruntime PATH"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    // An empty variable is none.
    assert!(report(place.path(), place.path(), Some(Path::new(""))).contains("just setup: "));
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
fn the_nearest_larder_folder_is_found_from_the_executable_and_from_the_current_directory() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    if !runtime.path().is_absolute() {
        return eprintln!("SKIPPED: the system's loader found the library, its path is not known");
    }
    let loaded = format!("LOADED {}", runtime.path().display());
    // The link is resolved, so the path reported is that of the one library.
    let install = |place: &Path| {
        let folder = place.join(".larder/onnxruntime");
        fs::create_dir_all(&folder).unwrap();
        let name = runtime.path().file_name().unwrap();
        std::os::unix::fs::symlink(runtime.path(), folder.join(name)).unwrap();
    };
    let (repository, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    install(repository.path());
    let deep = repository.path().join("target/release");
    fs::create_dir_all(&deep).unwrap();

    assert!(report(&deep, elsewhere.path(), None).contains(&loaded), "above the executable");
    assert!(report(elsewhere.path(), &deep, None).contains(&loaded), "above the current directory");
    let named = report(elsewhere.path(), elsewhere.path(), Some(runtime.path()));
    assert!(named.contains(&loaded), "named by the environment: {named}");
    let folder = runtime.path().parent();
    assert!(report(elsewhere.path(), elsewhere.path(), folder).contains(&loaded), "a folder does as well");
}
