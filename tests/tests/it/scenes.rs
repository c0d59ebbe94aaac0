//! Commands that are disturbed: what stood before them, what an undisturbed one leaves, and the comparison of both with what a killed one left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_files::KILL_AT;
use larder_tests::{Answer, History, Kitchen, repository, toy};
use serde_json::Value;

/// What an undisturbed command differs in from one time to the next, by its keys in JSON.
const CHANGING: [&str; 6] = ["created_unix_seconds", "seconds", "stages", "dataset_path", "conll", "checksum"];

/// Files by their paths in the kitchen, without what changes from one time to the next.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(kitchen: &Kitchen) -> Files {
    let comparable = |(path, content): (PathBuf, Vec<u8>)| {
        let content = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                serde_json::from_slice(&content).map_or(content, |value| without_changing(value).into_bytes())
            }
            // It has the seconds of each step.
            _ if path.ends_with("history.parquet") => {
                format!("{:?}", History::read(&kitchen.path("").join(&path))).into()
            }
            // A checkpoint has them in its header.
            Some("safetensors") if path.iter().any(|name| name == "checkpoints") => numbers(&content).to_vec(),
            _ => content,
        };
        (path, content)
    };
    kitchen.files().into_iter().map(comparable).collect()
}

/// What stands behind the header of a safetensors file.
fn numbers(file: &[u8]) -> &[u8] {
    let header = file.first_chunk().map_or(0, |&length| u64::from_le_bytes(length));
    &file[8 + usize::try_from(header).expect("a header fits into memory")..]
}

fn without_changing(mut value: Value) -> String {
    fn remove(value: &mut Value) {
        match value {
            Value::Object(entries) => {
                CHANGING.iter().for_each(|key| drop(entries.remove(*key)));
                entries.values_mut().for_each(remove);
            }
            Value::Array(values) => values.iter_mut().for_each(remove),
            _ => {}
        }
    }
    remove(&mut value);
    format!("{value:#}")
}

/// Whether anybody but larder itself looks at a path.
fn is_visible(path: &Path) -> bool {
    let is_hidden = |name: &str| name.starts_with('.') || name.ends_with(".parts");
    !path.iter().any(|name| is_hidden(&name.to_string_lossy()))
}

/// A command, the kitchen that it is given in, and what it leaves there when nothing disturbs it.
pub struct Scene {
    pub kitchen: Kitchen,
    pub command: Vec<String>,
    /// What is asked of the kitchen of a killed process: it is answered, or the thing is not there.
    question: Vec<String>,
    before: Files,
    /// What its stages leave one after another.
    between: Vec<Files>,
    after: Files,
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

impl Scene {
    pub fn new(kitchen: Kitchen, command: &[&str], question: &[&str]) -> Self {
        let undisturbed = kitchen.twin();
        undisturbed.ok(command);
        let (before, after) = (files(&kitchen), files(&undisturbed));
        assert!(before != after, "{command:?} changes nothing");
        Self { kitchen, command: owned(command), question: owned(question), before, between: Vec::new(), after }
    }

    /// The same, of a command whose first stages are another command too.
    pub fn beginning_with(mut self, stage: &[&str]) -> Self {
        let begun = self.kitchen.twin();
        begun.ok(stage);
        self.between.push(files(&begun));
        self
    }

    /// The same, of a command that evaluates behind this point.
    pub fn pausing_at(mut self, point: &str) -> Self {
        let begun = self.kitchen.twin();
        assert_eq!(killed_at(&begun, &borrowed(&self.command), point, 1).code, None);
        self.between.push(files(&begun));
        self
    }

    /// Lets the command die at each passing of a point in turn, of which there must be `least` or more.
    #[track_caller]
    pub fn dies_at(&self, point: &str, least: usize) {
        let passings = (1..).take_while(|&passing| self.dies_at_passing(point, passing)).count();
        assert!(passings >= least, "{point} is passed {passings} times by {:?}", self.command);
    }

    /// Lets the command die at one passing of a point, and runs it again. `false` if it does not come there.
    #[track_caller]
    pub fn dies_at_passing(&self, point: &str, passing: usize) -> bool {
        let kitchen = self.kitchen.twin();
        let killed = killed_at(&kitchen, &borrowed(&self.command), point, passing);
        if killed.code == Some(0) {
            return false;
        }
        let what = format!("{:?} killed at {point}:{passing}", self.command);
        assert!(killed.code.is_none(), "{what}: it ended by itself\n{}", killed.told());
        self.stands_whole(&kitchen, &what);
        self.ends_as_undisturbed(&kitchen, &what);
        true
    }

    /// Fails unless every file that a user sees is the old one, the new one, or absent.
    #[track_caller]
    pub fn stands_whole(&self, kitchen: &Kitchen, what: &str) {
        for (path, content) in files(kitchen).iter().filter(|(path, _)| is_visible(path)) {
            let mut states = [&self.before, &self.after].into_iter().chain(&self.between);
            let is_whole = states.any(|files| files.get(path) == Some(content));
            assert!(is_whole, "{what}: {} is neither the old nor the new one", path.display());
        }
        if !self.question.is_empty() {
            let answer = kitchen.larder(&borrowed(&self.question));
            assert!(matches!(answer.code, Some(0 | 4)), "{what}: whole, or not there\n{}", answer.told());
        }
    }

    /// Runs the command again and fails unless everything is as an undisturbed one leaves it.
    #[track_caller]
    pub fn ends_as_undisturbed(&self, kitchen: &Kitchen, what: &str) {
        // Killed behind its last write, an export is there and is not made twice.
        let is_done = files(kitchen) == self.after;
        let again = kitchen.larder(&borrowed(&self.command));
        // A text has no place for what it was made from: it stands, and only the parts beside it tell.
        let refused = again.code == Some(3) && (again.stderr.contains("is there already") || is_done);
        assert!(again.code == Some(0) || refused, "{what}: the next run fails\n{}", again.told());
        let found = files(kitchen);
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&self.after), "{what}: the files after the next run\n{}", again.told());
        for (path, content) in &found {
            assert!(self.after[path] == *content, "{what}: {} differs from an undisturbed one", path.display());
        }
    }
}

/// Runs a command that is to die at the `passing`th time that it comes to a point.
pub fn killed_at(kitchen: &Kitchen, args: &[&str], point: &str, passing: usize) -> Answer {
    let mut command = kitchen.command(args);
    let output = command.env(KILL_AT, format!("{point}:{passing}")).output().expect("the binary starts");
    Answer::new(&command, output)
}

pub fn toy_kitchen() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 12))]);
    (kitchen, dataset)
}

/// With the run `mine`.
pub fn kitchen_with_run() -> (Kitchen, String) {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    (kitchen, dataset)
}

pub const PREDICT: [&str; 3] = ["predict", "mine", "red green"];

pub fn new_encoder() -> Scene {
    let kitchen = Kitchen::empty();
    std::fs::copy(repository().join("tests/fixtures/tiny/config.json"), kitchen.path("config.json")).unwrap();
    let command = ["encoder", "init", "--config", "config.json", "--name", "tiny"];
    Scene::new(kitchen, &command, &["encoder", "show", "tiny"])
}

pub fn replaced_encoder() -> Scene {
    let kitchen = Kitchen::with_tiny();
    std::fs::copy(repository().join("tests/fixtures/tiny/config.json"), kitchen.path("config.json")).unwrap();
    let command = ["encoder", "init", "--config", "config.json", "--name", "tiny", "--seed", "2", "--replace"];
    Scene::new(kitchen, &command, &["embed", "-e", "tiny", "red green"])
}
