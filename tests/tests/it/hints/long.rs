//! What is said about texts that are read in windows.

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn pairs_in_windows_are_read_apart_or_cut() {
    let (kitchen, _) = crate::pairs::kitchen();
    let encode = ["encode", "pairs.toml", "-e", "tiny", "--long", "windows"];
    let together = kitchen.larder(&encode);
    names(
        together,
        3,
        hint("give --pair-features too, which reads each text of a pair by itself, or leave `--long windows` out"),
    );
    kitchen.ok(&[&encode[..], &["--pair-features"]].concat());
    kitchen.ok(&encode[..4]);
}

#[test]
fn a_run_on_windows_answers_and_one_on_cut_texts_is_exported() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 30)), ("dev", &toy(2, 9))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "windows", "--long", "windows"]);
    let refused = kitchen.larder(&["export", "windows", "-o", "out"]);
    names(refused, 3, hint("train on cut texts, without `--long windows`, and export that run, or answer with"));
    kitchen.ok(&["predict", "windows", "red green"]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "cut"]);
    kitchen.ok(&["export", "cut", "-o", "out"]);
}
