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
