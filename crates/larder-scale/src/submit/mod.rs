//! Handing the missing shards of a plan to an engine that is there: what it is given, and the command that gives it.
//!
//! One file an engine. Each writes a text that a person can read, keep and change: larder has no scheduler of its own.

mod kubernetes;
mod ray;
mod slurm;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use larder_files::FileError;

use crate::ScaleError;
pub use kubernetes::KubernetesOptions;
pub use ray::RayOptions;
pub use slurm::SlurmOptions;

/// The shards to hand over, and what each of them may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The plan's name in its store, as every worker reaches it.
    pub plan: String,
    /// The shards without a commit, ascending.
    pub missing: Vec<usize>,
    /// All shards of the plan.
    pub shards: usize,
    /// The binary on the workers.
    pub larder: String,
    /// Options of `larder work` for every shard.
    pub work_options: Vec<String>,
    /// CPU threads of a worker; at least 1.
    pub threads: usize,
    /// GPUs of a worker.
    pub gpus: usize,
    /// Memory of a worker in GiB.
    pub memory_gib: usize,
    /// Workers at once; `None` leaves it to the engine.
    pub workers: Option<usize>,
    /// Further tries of a shard that ended with exit code 75.
    pub retries: u32,
}

/// What an engine is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The script, manifest or driver.
    pub text: String,
    /// The program that takes it, and its arguments.
    pub command: Vec<String>,
    /// The way in which the program takes it.
    pub takes: Takes,
}

/// The way in which a program takes a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// On standard input.
    StandardInput,
    /// As a file of this name in a folder, which stands where the arguments have `{folder}`.
    FileInFolder(&'static str),
}

impl Submission {
    /// Gives it to the engine, and returns what that said. What it says on standard error goes through.
    ///
    /// # Errors
    /// [`ScaleError::Engine`], [`ScaleError::File`].
    pub fn send(&self) -> Result<String, ScaleError> {
        let made = tempfile::Builder::new().prefix("larder-submit-").tempdir();
        let folder = made.map_err(FileError::io("make a folder in", &std::env::temp_dir()))?;
        if let Takes::FileInFolder(name) = self.takes {
            let path = folder.path().join(name);
            std::fs::write(&path, &self.text).map_err(FileError::io("write", &path))?;
        }
        let arguments = self.arguments(folder.path());
        let (program, rest) = arguments.split_first().map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
        let failed = |problem: String| ScaleError::Engine { program: program.to_owned(), problem };
        let input = if self.takes == Takes::StandardInput { Stdio::piped() } else { Stdio::null() };
        let started = Command::new(program).args(rest).stdin(input).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(|error| failed(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            // A program that ends before it has read all says why.
            let _ = input.write_all(self.text.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(output.status.to_string()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Returns the program and its arguments, with the folder that has the file.
    fn arguments(&self, folder: &Path) -> Vec<String> {
        let folder = folder.display().to_string();
        self.command.iter().map(|argument| argument.replace("{folder}", &folder)).collect()
    }
}

impl Workload {
    /// A short name: of the plan's digest, the first eight digits.
    pub fn name(&self) -> String {
        let id = self.plan.rsplit('/').next().unwrap_or_default();
        format!("larder-{}", id.chars().take(8).collect::<String>())
    }

    /// The arguments of `larder work` behind its plan.
    fn options(&self) -> Vec<String> {
        let mut options = vec!["--threads".to_owned(), self.threads.to_string()];
        options.extend(self.work_options.iter().cloned());
        options
    }
}

/// Returns a template with `{{name}}` replaced by values. Each is one line, or stands on a line of its own, which an empty value removes.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        let place = format!("{{{{{name}}}}}");
        if value.is_empty() {
            text = text.replace(&format!("{place}\n"), "");
        }
        text = text.replace(&place, value);
    }
    text
}

/// Returns a text as one word of a POSIX shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns texts as words of a POSIX shell.
pub(crate) fn shell_words(texts: &[String]) -> String {
    texts.iter().map(|text| shell_word(text)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn workload() -> Workload {
        Workload {
            plan: "s3://corpus/store/plans/00ff12ab34cd56ef.json".to_owned(),
            missing: vec![1, 3, 4],
            shards: 6,
            larder: "/opt/larder/bin/larder".to_owned(),
            work_options: vec!["--scratch".to_owned(), "/local/it's here".to_owned()],
            threads: 8,
            gpus: 1,
            memory_gib: 16,
            workers: Some(2),
            retries: 5,
        }
    }

    #[test]
    fn an_engine_gets_the_text_and_its_failure_is_told() {
        let submission = |command: &[&str], takes| Submission {
            text: "echo from the text\n".to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            takes,
        };
        for (command, takes) in
            [(&["sh"][..], Takes::StandardInput), (&["sh", "{folder}/text.sh"][..], Takes::FileInFolder("text.sh"))]
        {
            assert_eq!(submission(command, takes).send().unwrap(), "from the text");
        }
        let missing = submission(&["no-such-engine"], Takes::StandardInput).send().unwrap_err().to_string();
        assert!(missing.contains("no-such-engine") && missing.contains("--dry-run"), "{missing}");
        let refused = submission(&["sh", "-c", "exit 3"], Takes::StandardInput).send().unwrap_err().to_string();
        assert!(refused.contains("exit status: 3"), "{refused}");
    }

    #[test]
    fn words_of_a_shell_come_back() {
        for text in ["plain", "", "it's here", "$HOME `x` \"y\" \\", "a\nb", "s3://a/b?c=d&e"] {
            let said =
                std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", shell_word(text))).output();
            assert_eq!(String::from_utf8(said.unwrap().stdout).unwrap(), text);
        }
    }
}
