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
fn the_version_is_the_packages_with_target_and_runtime() {
    for flag in ["--version", "-V"] {
        let output = larder(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        let told = text(&output.stdout);
        let lines: Vec<&str> = told.lines().collect();
        let [build, runtime] = lines[..] else { panic!("{told}") };
        assert!(build.starts_with(concat!("larder ", env!("CARGO_PKG_VERSION"), " (")), "{told}");
        assert!(build.contains(std::env::consts::ARCH) && build.ends_with(')'), "{told}");
        assert!(runtime.contains("ONNX Runtime"), "{told}");
    }
}

#[test]
fn both_spellings_of_a_word_are_read() {
    for args in [
        &["encode", "no.toml", "-e", "x", "--normalize"][..],
        &["encoder", "quantize", "x"],
        &["train", "no.toml", "-e", "x", "--head", "mlp", "--lr", "0.1"],
        &["train", "no.toml", "-e", "x", "--head", "mlp", "--learning-rate", "0.1"],
        &["finetune", "no.toml", "-e", "x", "--learning-rate", "0.1"],
    ] {
        let output = larder(args);
        assert!(matches!(output.status.code(), Some(3 | 4)), "{args:?} is read\n{}", text(&output.stderr));
    }
}

#[test]
fn shells_and_manuals_learn_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let output = larder(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = text(&output.stdout);
        for word in ["quickstart", "finetune", "max-tokens", "pair-features"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(larder(&["completions", "dos"]).status.code(), Some(2));

    let folder = std::env::temp_dir().join(format!("larder-manual-{}", std::process::id()));
    let output = larder(&["man", "--output", &folder.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for page in ["larder.1", "larder-run.1", "larder-encoder-add.1"] {
        let page = std::fs::read_to_string(folder.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(page.contains(".SH OPTIONS"), "{page}");
    }
    std::fs::remove_dir_all(folder).expect("can be removed");
}

#[test]
fn the_help_names_every_command_and_exit_code() {
    let output = larder(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for command in [
        "encoder",
        "embed",
        "tokenize",
        "encode",
        "train",
        "run",
        "eval",
        "predict",
        "runs",
        "plan",
        "work",
        "collect",
        "status",
        "gc",
        "setup",
        "quickstart",
        "completions",
        "man",
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
