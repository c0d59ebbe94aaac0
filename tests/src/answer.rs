//! What one invocation of the binary said.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Status, standard output and standard error of one invocation, with the command that gave them.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    command: String,
    folder: Option<PathBuf>,
}

impl Answer {
    /// What `command` gave.
    pub fn new(command: &Command, output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
            command: format!("{command:?}"),
            folder: command.get_current_dir().map(PathBuf::from),
        }
    }

    /// Fails the test unless the process answered `code`.
    ///
    /// # Panics
    /// With the whole invocation.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}\n{}", self.told());
        self
    }

    /// Fails the test unless standard error holds each of `parts`.
    ///
    /// # Panics
    /// With the whole invocation.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "standard error lacks {part:?}\n{}", self.told());
        }
        self
    }

    /// Fails the test when standard error holds `part`.
    ///
    /// # Panics
    /// With the whole invocation.
    #[track_caller]
    pub fn does_not_say(self, part: &str) -> Self {
        assert!(!self.stderr.contains(part), "standard error holds {part:?}\n{}", self.told());
        self
    }

    /// Fails the test unless standard output holds each of `parts`.
    ///
    /// # Panics
    /// With the whole invocation.
    #[track_caller]
    pub fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "standard output lacks {part:?}\n{}", self.told());
        }
        self
    }

    /// Fails the test when standard output holds `part`.
    ///
    /// # Panics
    /// With the whole invocation.
    #[track_caller]
    pub fn does_not_print(self, part: &str) -> Self {
        assert!(!self.stdout.contains(part), "standard output holds {part:?}\n{}", self.told());
        self
    }

    /// Standard output as one JSON document.
    ///
    /// # Panics
    /// When it is not, with the whole invocation.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not JSON: {error}\n{}", self.told()),
        }
    }

    /// Standard output as JSON lines.
    ///
    /// # Panics
    /// When a line is not JSON, with the whole invocation.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => panic!("{line:?} is not JSON: {error}\n{}", self.told()),
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The whole invocation, for a failing test.
    pub fn told(&self) -> String {
        let folder = self.folder.as_ref().map_or_else(String::new, |f| f.display().to_string());
        format!(
            "command: {}\nfolder: {folder}\nexit code: {:?}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}
