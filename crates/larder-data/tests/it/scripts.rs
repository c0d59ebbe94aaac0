//! The Python scripts of the data folder: what is checked in is what the generator writes, and fetching checks first.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn data_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

/// Runs Python, or says that there is none.
fn python(arguments: &[&str]) -> Option<Output> {
    let output = Command::new("python3").args(arguments).output();
    if output.is_err() {
        eprintln!("SKIPPED: there is no python3");
    }
    output.ok()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

#[test]
fn the_generator_writes_what_is_checked_in() {
    let script = data_folder().join("generate.py");
    if let Some(output) = python(&[text(&script), "--check"]) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn fetching_cola_puts_down_checked_files_or_none() {
    let Some(public) = std::env::var_os("LARDER_DATA").map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        eprintln!("SKIPPED: LARDER_DATA is not set to a folder with cola/");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let names = ["in_domain_train.tsv", "in_domain_dev.tsv", "out_of_domain_dev.tsv"];
    let raw = folder.path().join("cola_public/raw");
    std::fs::create_dir_all(&raw).unwrap();
    let pack = |spoilt: bool, archive: &Path| {
        for name in names {
            let mut content = std::fs::read(public.join("cola").join(name)).unwrap();
            if spoilt && name == "in_domain_dev.tsv" {
                content.push(b'\n');
            }
            std::fs::write(raw.join(name), content).unwrap();
        }
        let top = raw.parent().unwrap();
        python(&["-m", "zipfile", "-c", text(archive), text(top)]).is_some_and(|output| output.status.success())
    };
    let fetch = |archive: &Path| {
        let script = data_folder().join("fetch_cola.py");
        python(&[text(&script), "--dest", text(folder.path()), "--archive", text(archive)]).unwrap()
    };

    let spoilt = folder.path().join("spoilt.zip");
    if !pack(true, &spoilt) {
        return;
    }
    let output = fetch(&spoilt);
    assert_eq!(output.status.code(), Some(3));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("raw/in_domain_dev.tsv has sha256"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path().join("cola")).unwrap().count(), 0);

    let whole = folder.path().join("whole.zip");
    assert!(pack(false, &whole));
    assert_eq!(fetch(&whole).status.code(), Some(0));
    for name in names {
        let fetched = std::fs::read(folder.path().join("cola").join(name)).unwrap();
        assert_eq!(fetched, std::fs::read(public.join("cola").join(name)).unwrap());
    }
}
