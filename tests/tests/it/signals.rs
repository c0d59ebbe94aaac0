//! Ctrl-C and SIGTERM: the process says what it keeps, and the same command goes on from there.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use larder_tests::{Encoded, Kitchen, sentences, toy};

/// The numbers of signals, by POSIX.
const SIGINT: i32 = 2;

/// Starts the binary with its standard error kept.
fn start(kitchen: &Kitchen, args: &[&str]) -> Child {
    let mut command = kitchen.command(args);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Waits until something is there, or the process has ended.
fn wait_for(child: &mut Child, is_there: impl Fn() -> bool) {
    while !is_there() && child.try_wait().expect("the child can be asked").is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal and returns what the process said at its end.
fn signal(child: Child, name: &str) -> Output {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the process was still running");
    child.wait_with_output().expect("the child ends")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the bytes below a folder.
fn bytes_under(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[test]
fn ctrl_c_during_an_encode_keeps_its_batches_and_ends_as_a_shell_expects() {
    let kitchen = Kitchen::with_tiny();
    // Enough for several of the two seconds after which finished batches are kept.
    let rows: Vec<(String, &str)> = sentences(61, 60_000, 30).into_iter().map(|text| (text, "all")).collect();
    let dataset = kitchen.dataset("stop", &[("train", &rows)]);
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let args = ["encode", &dataset, "-e", "tiny", "--threads", "1"];
    let target = kitchen.features_path("stop", "train");
    let mut child = start(&kitchen, &args);
    wait_for(&mut child, || bytes_under(&target.with_file_name("train.parquet.parts")) > 100_000);
    let output = signal(child, "INT");
    assert_eq!(output.status.signal(), Some(SIGINT), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("Ctrl-C: ended during encode train; the batches that are done are kept"), "{said}");
    assert!(!target.exists());
    let answer = kitchen.ok(&args);
    assert!(Encoded::of(&answer, "train").is_some_and(|encoded| encoded.kept > 0), "{}", answer.told());
    kitchen.assert_tidy();
}

#[test]
fn sigterm_during_fine_tuning_writes_a_checkpoint_and_asks_for_another_try() {
    let make = || {
        let kitchen = Kitchen::with_tiny();
        let dataset = kitchen.dataset("order", &[("train", &toy(7, 160)), ("dev", &toy(8, 40))]);
        (kitchen, dataset)
    };
    let (undisturbed, dataset) = make();
    // One evaluation at the end: no checkpoint but the one that the signal asks for.
    let args = ["finetune", &dataset, "-e", "tiny", "--run", "mine", "--epochs", "60", "--evaluate-every", "100000"];
    undisturbed.ok(&args);

    let (kitchen, _) = make();
    let mut child = start(&kitchen, &args);
    let last = kitchen.path("home/runs/.mine.tuning/last.safetensors");
    wait_for(&mut child, || last.parent().is_some_and(Path::exists));
    std::thread::sleep(Duration::from_millis(300));
    let output = signal(child, "TERM");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("SIGTERM: ending after this step") && last.exists(), "{said}");
    let step = |text: &str, before: &str| -> u64 {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("{before:?} in {text}")).1;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
    };
    let answer = kitchen.ok(&args);
    assert_eq!(step(&said, "ended at step "), step(&answer.stderr, "step "), "{said}\n{}", answer.stderr);
    for file in ["head.json", "head.safetensors", "predictions.parquet"] {
        assert!(kitchen.run_file("mine", file) == undisturbed.run_file("mine", file), "{file}");
    }
    kitchen.assert_tidy();
}
