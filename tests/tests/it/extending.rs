//! `extending.md` names files that are there, and no more of them than it may; no code outside the tasks' folders asks which
//! task a run is of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most files that a thing may touch beside its own, by the heading that describes it.
const MOST_TOUCHED: &[(&str, usize)] = &[
    ("A task", 5),
    ("A kind of target", 7),
    ("A head", 6),
    ("An encoder family", 5),
    ("A gradient rule", 5),
    ("A file format", 6),
    ("A diagnosis", 5),
    ("A flag", 4),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Paths in backticks, by heading: all, and those below "Touched".
fn paths() -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let page = std::fs::read_to_string(root().join("crates/larder/docs/extending.md")).expect("is there");
    let mut paths = BTreeMap::<String, (Vec<String>, Vec<String>)>::new();
    let (mut heading, mut touched) = (String::new(), false);
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (heading, touched) = (title.to_owned(), false);
        }
        match line {
            "Touched:" => touched = true,
            line if line.starts_with("New") => touched = false,
            _ => {}
        }
        let entry = paths.entry(heading.clone()).or_default();
        let quoted = line.split('`').skip(1).step_by(2).filter(|word| word.contains('/') && !word.contains(' '));
        for path in quoted {
            entry.0.push(path.to_owned());
            if touched {
                entry.1.push(path.to_owned());
            }
        }
    }
    paths
}

#[test]
fn every_path_is_there() {
    for (heading, (all, _)) in paths() {
        let missing: Vec<_> = all.iter().filter(|path| !root().join(path).exists()).collect();
        assert!(missing.is_empty(), "`{heading}` names files that are not there: {missing:?}");
    }
}

#[test]
fn each_thing_touches_few_files() {
    let paths = paths();
    for (heading, most) in MOST_TOUCHED {
        let (_, touched) = paths.get(*heading).unwrap_or_else(|| panic!("extending.md describes no `{heading}`"));
        assert!((1..=*most).contains(&touched.len()), "`{heading}` touches {touched:?}, at most {most} expected");
    }
    let described = paths.keys().filter(|heading| !heading.is_empty()).count();
    assert_eq!(described, MOST_TOUCHED.len(), "a thing is described without a bound");
}

#[test]
fn nobody_asks_which_task_it_is() {
    let script = root().join("crates/larder/docs/task-branches.sh");
    let output = Command::new("bash").arg(script).output().expect("bash is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "these lines ask which task a run is of");
}
