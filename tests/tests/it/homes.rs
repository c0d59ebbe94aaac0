//! Homes on machines that misbehave: one that is only read, and one whose clock jumped.

#[cfg(target_os = "linux")]
use std::process::Command;
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use larder_tests::Answer;
use larder_tests::{Kitchen, toy};

fn kitchen_with_run() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    (kitchen, dataset)
}

/// Runs the binary with the home mounted read-only, in a space of mounts of its own; `None` where that is not allowed.
#[cfg(target_os = "linux")]
fn with_home_read_only(kitchen: &Kitchen, args: &[&str]) -> Option<Answer> {
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"";
    let home = kitchen.path("home");
    let allowed = Command::new("unshare").args(["-m", "sh", "-c", mount, "sh"]).arg(&home).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let larder = kitchen.command(args);
    let mut command = Command::new("unshare");
    kitchen.prepare(&mut command);
    command.args(["-m", "sh", "-c", &format!("{mount} && shift && exec \"$@\""), "sh"]).arg(&home);
    command.arg(larder.get_program()).args(larder.get_args());
    Some(larder_tests::run(&mut command))
}

#[cfg(target_os = "linux")]
#[test]
fn a_home_that_is_only_read_answers_and_says_what_it_cannot_write() {
    let (kitchen, dataset) = kitchen_with_run();
    let before = kitchen.artifacts();
    let features = kitchen.features_path("toy", "dev").display().to_string();
    let reading: [&[&str]; 8] = [
        &["predict", "mine", "red runs"],
        &["predict", "mine", "--input", "toy-dev.tsv", "--output", "answered.tsv"],
        &["runs"],
        &["encoder", "list"],
        &["inspect", &features],
        &["verify", &features],
        &["encode", &dataset, "-e", "tiny"],
        &["train", &dataset, "-e", "tiny"],
    ];
    for args in reading {
        match with_home_read_only(&kitchen, args) {
            Some(answer) => drop(answer.exits(0)),
            None => return eprintln!("SKIPPED: a read-only home needs the right to mount one"),
        }
    }
    let writing: [&[&str]; 4] = [
        &["run", &dataset, "-e", "tiny", "--run", "other"],
        &["eval", "mine"],
        &["encode", &dataset, "-e", "tiny", "--pool", "cls"],
        &["finetune", &dataset, "-e", "tiny", "--epochs", "1"],
    ];
    for args in writing {
        let answer = with_home_read_only(&kitchen, args).expect("it was allowed before");
        answer.exits(3).says(&["Read-only file system", "point --home at a folder that you may write"]);
    }
    assert!(kitchen.artifacts() == before, "nothing is lost");
}

#[test]
fn times_of_files_decide_nothing() {
    let (kitchen, dataset) = kitchen_with_run();
    let before = kitchen.artifacts();
    let century = Duration::from_secs(100 * 365 * 86_400);
    for time in [SystemTime::UNIX_EPOCH + Duration::from_secs(1), SystemTime::now() + century] {
        for path in kitchen.files().keys() {
            let file = std::fs::File::options().append(true).open(kitchen.path("").join(path)).expect("it is there");
            file.set_modified(time).expect("its time can be set");
        }
        kitchen
            .ok(&["train", &dataset, "-e", "tiny", "--run", "mine"])
            .says(&["mine: up to date", "train: up to date"]);
        kitchen.ok(&["runs"]).prints(&["mine"]);
        assert!(kitchen.artifacts() == before, "nothing is made again");
    }
}

/// Tokens and features are kept for the runs that were made of them; the others are listed, and removed if asked.
#[test]
fn what_no_run_needs_is_listed_and_removed() {
    let (kitchen, dataset) = kitchen_with_run();
    let other = kitchen.dataset("other", &[("train", &toy(5, 40))]);
    kitchen.ok(&["encode", &other, "-e", "tiny"]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--dtype", "f16"]);
    let tune = ["finetune", &dataset, "-e", "tiny", "--epochs", "1", "--lr", "1e-3", "--run", "tuned"];
    kitchen.ok(&tune);
    kitchen.ok(&["gc"]).prints(&["nothing that no run needs", "others younger, or being made, and kept"]);

    let listed = kitchen.json(&["gc", "--older-than", "0s"]);
    let artifacts = listed["unneeded"]["artifacts"].as_array().expect("a list");
    let of = |kind: &str| -> Vec<&str> {
        let of_kind = artifacts.iter().filter(|artifact| artifact["kind"] == kind);
        of_kind.map(|artifact| artifact["path"].as_str().expect("a path").rsplit("home/").next().unwrap()).collect()
    };
    let name = std::path::Path::new(&dataset).file_stem().unwrap().to_string_lossy().into_owned();
    assert_eq!(of("tokens"), ["tokens/other/tiny"]);
    assert_eq!(
        of("features"),
        ["features/other/tiny/sentence-f32".to_owned(), format!("features/{name}/tiny/sentence-f16")]
    );
    let bytes: u64 = artifacts.iter().map(|artifact| artifact["bytes"].as_u64().expect("a number")).sum();
    assert_eq!(listed["unneeded"]["bytes"], bytes);
    assert!(kitchen.path("home/features/other").exists(), "listed alone");

    // What a process is making stays, whatever its age.
    let parts = kitchen.path("home/features/other/tiny/sentence-f32/dev.parquet.parts");
    let held = larder_files::FolderLock::take(&parts).expect("nobody holds it");
    let removed = kitchen.ok(&["gc", "--older-than", "0s", "--remove"]);
    removed.prints(&["2 artifacts, ", "removed; 1 other younger, or being made, and kept"]);
    assert!(kitchen.path("home/features/other/tiny/sentence-f32/train.parquet").is_file());
    assert!(!kitchen.path("home/tokens/other").exists() && kitchen.path("home/features").join(&name).exists());
    drop(held);
    kitchen.ok(&["gc", "--older-than", "0s", "--remove"]).prints(&["1 artifact, "]);
    assert!(!kitchen.path("home/features/other").exists());
    // Runs answer and are up to date.
    for run in kitchen.json(&["runs"]).as_array().expect("a list") {
        kitchen.ok(&["predict", run["run"].as_str().expect("a name"), "a red fox"]);
    }
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]).says(&["up to date"]);

    // A run that cannot be read may need anything.
    std::fs::write(kitchen.path("home/runs/tuned/run.json"), "{").expect("can be written");
    kitchen.larder(&["gc", "--older-than", "0s", "--remove"]).exits(3).says(&["run.json"]);
    kitchen.larder(&["gc", "--dry-run"]).exits(2).says(&["STORE"]);
}
