//! Which messages name a way out, and whether each is followed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use larder_tests::repository;

/// Messages with a flag or a command that are no way out, or one that no test can take, and why.
const NOT_FOLLOWED: &[(&str, &str)] = &[
    ("with larder {}, from the features {}", "no flag: the model card's text"),
    ("larder {} ({commit}{TARGET})", "no flag: a version"),
    ("added by larder {} with ONNX Runtime {}", "no flag: a version"),
    ("rows of its file could not be used and were left out (`--on-bad-row skip`)", "names the flag that was given"),
    ("`--force` was given", "names the flag that was given"),
    ("# Proposed by `larder init`, which looked at", "no message: the head of a description"),
    ("rows to judge on; where there are none, `larder run FILE` parts some off", "no message: a line of a description"),
    ("--home {} ", "a part of the next hint"),
    ("--shard ", "no message: a line of Slurm's script"),
    ("--next-missing ", "no message: a line of Slurm's script"),
    (
        "it was tokenized for another encoder: remove the file",
        "a library caller's: the stage makes tokens for its encoder",
    ),
    ("no name for the encoder can be made of {}: give one with --name", "needs a model at the root of a disk"),
    ("run `larder setup cuda`, which installs ONNX Runtime for CUDA", "needs a GPU and the network"),
    (
        "add the encoder from config.json and model.safetensors, or train without --pair-features",
        "needs a graph that does not heed its mask",
    ),
    ("check the driver with nvidia-smi, then run `larder setup cuda` again", "needs a GPU that computes wrongly"),
    ("install the build for this processor, with `larder setup`", "needs a library that loads and does not compute"),
    ("put it back with `pip install --force-reinstall --no-deps", "needs both builds of ONNX Runtime, and the network"),
    ("free some space (or point --home at a larger disk)", "needs a full disk"),
];

/// A string of the code.
struct Message {
    file: PathBuf,
    text: String,
}

#[test]
fn every_way_out_is_followed() {
    let messages = messages();
    assert!(messages.len() > 100, "{} are no longer found", messages.len());
    let hints = hints();
    let known: Vec<&str> =
        hints.iter().map(String::as_str).chain(NOT_FOLLOWED.iter().map(|(words, _)| *words)).collect();
    let open: Vec<String> = messages
        .iter()
        .filter(|message| !known.iter().any(|hint| is_of(hint, message, &messages)))
        .map(|message| format!("{}: {:?}", message.file.display(), message.text))
        .collect();
    assert!(open.is_empty(), "no test follows these ways out:\n{}", open.join("\n"));
    for hint in known {
        let said: BTreeSet<&str> = messages
            .iter()
            .filter(|message| is_of(hint, message, &messages))
            .map(|message| message.text.as_str())
            .collect();
        assert_eq!(said.len(), 1, "{hint:?} stands in these messages, and not in one: {said:#?}");
    }
}

/// Whether `hint` is a part of `message`; one that is a whole message is none of another's.
fn is_of(hint: &str, message: &Message, messages: &[Message]) -> bool {
    let is_whole = messages.iter().any(|message| message.text == hint);
    if is_whole { message.text == hint } else { message.text.contains(hint) }
}

/// The strings of the code that name a flag or a command, and are more than its name.
fn messages() -> Vec<Message> {
    let mut found = Vec::new();
    for file in sources(&repository().join("crates")) {
        let code = std::fs::read_to_string(&file).unwrap();
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let names_one = |text: &String| ["--", "`larder ", "`just ", "larder {"].iter().any(|mark| names(text, mark));
        let texts = strings(code).into_iter().filter(|text| text.contains(' ') && names_one(text));
        let shown = file.strip_prefix(repository()).unwrap_or(&file).to_path_buf();
        found.extend(texts.map(|text| Message { file: shown.clone(), text }));
    }
    found
}

/// Whether `text` has `mark` with a letter behind it and no part of a word before it.
fn names(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| {
        let behind = text[at + mark.len()..].starts_with(|c: char| c.is_ascii_lowercase() || mark.ends_with('{'));
        behind && !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-')
    })
}

/// The words that the tests of this folder give to `hint`.
fn hints() -> BTreeSet<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/hints");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(here).unwrap() {
        let code = std::fs::read_to_string(file.unwrap().path()).unwrap();
        // The function itself, and its name in the line below, are no calls.
        let is_call = |at: usize| !["fn ", "\""].iter().any(|before| code[..at].ends_with(before));
        for (at, mark) in code.match_indices("hint(").filter(|(at, _)| is_call(*at)) {
            found.extend(strings(&code[at + mark.len()..]).into_iter().next());
        }
    }
    found
}

/// The plain strings of Rust code, with their lines joined.
fn strings(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // A quote as a character opens nothing.
            '\'' if rest.peek() == Some(&'"') => {
                rest.next();
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    match (c, rest.peek()) {
                        ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                        ('\\', Some('n')) => {
                            rest.next();
                            text.push('\n');
                        }
                        ('\\', _) => text.extend(rest.next()),
                        _ => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// The `.rs` files of all crates' `src`; the command line's own texts are help.
fn sources(crates: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    while let Some(folder) = folders.pop() {
        if folder.ends_with("larder/src/cli") {
            continue;
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("cli.rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
