//! The binary as a user first meets it. Being here, these tests also make cargo build the binary before the
//! end-to-end tests of the workspace run it.

use std::process::{Command, Output};

fn larder(args: &[&str]) -> Output {
    let home = std::env::temp_dir().join("larder-home-that-is-never-made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).env("LARDER_HOME", home).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("larder writes UTF-8")
}

#[test]
fn the_version_is_the_packages() {
    let output = larder(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).trim(), concat!("larder ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_names_every_command_and_exit_code() {
    let output = larder(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for command in [
        "encoder", "embed", "tokenize", "encode", "train", "run", "eval", "predict", "runs", "plan", "work", "collect",
        "status", "gc",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} is not in\n{help}");
        let own = larder(&[command, "--help"]);
        assert_eq!(own.status.code(), Some(0), "{command} --help");
        assert!(text(&own.stdout).contains("Usage: larder"), "{command} --help");
    }
    for code in
        ["0 done", "1 a bug", "2 usage", "3 bad input", "4 something missing", "5 training failed", "75 try again"]
    {
        assert!(help.contains(code), "exit code `{code}` is not in\n{help}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_says_what_is_known() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["cook"], "cook"),
        (&["encode", "--encoder", "x"], "<DATASET>"),
        (&["encode", "data.toml", "-e", "x", "--colour"], "--colour"),
        (&["encode", "data.toml", "-e", "x", "--pool", "middle"], "mean"),
        (&["encode", "data.toml", "-e", "x", "--dtype", "f64"], "f32, f16"),
        (&["encode", "data.toml", "-e", "x", "--layers", "last"], "all"),
        (&["encode", "data.toml", "-e", "x", "--device", "tpu"], "cuda"),
        (&["encode", "data.toml", "-e", "x", "--on-bad-row", "ignore"], "skip"),
        (&["train", "data.toml", "-e", "x", "--metric", "f1"], "macro_f1"),
        (&["train", "data.toml", "-e", "x", "--class-weight", "even"], "balanced"),
        (&["train", "data.toml", "-e", "x", "--threshold", "0.3"], "tuned"),
        (&["predict", "r", "a text", "--input", "f.txt"], "--input"),
    ];
    for (args, said) in cases {
        let output = larder(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}\n{stderr}");
        assert!(stderr.contains(said), "{args:?} should say {said:?}:\n{stderr}");
        assert!(output.stdout.is_empty(), "{args:?} printed on standard output");
    }
}
