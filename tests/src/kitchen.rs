//! One test's own folder, and the binary at work in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use larder_files::Home;
use larder_store::FeaturesFile;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Answer, binary, repository};

/// A folder that goes with the test, and `home` in it for the artifacts.
#[derive(Debug)]
pub struct Kitchen {
    folder: TempDir,
}

impl Kitchen {
    /// An empty one.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    pub fn empty() -> Self {
        Self { folder: tempfile::Builder::new().prefix("larder-test").tempdir().expect("a temporary folder") }
    }

    /// With the encoder `tiny`: hidden 32, 2 layers, random weights.
    #[track_caller]
    pub fn with_tiny() -> Self {
        let kitchen = Self::empty();
        kitchen.init("tiny", 1, &[]);
        kitchen
    }

    /// A second kitchen with the same files.
    ///
    /// # Panics
    /// When the disk refuses.
    pub fn twin(&self) -> Self {
        fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
            for entry in std::fs::read_dir(from)? {
                let from = entry?.path();
                let to = to.join(from.file_name().unwrap_or_default());
                if from.is_dir() {
                    std::fs::create_dir(&to)?;
                    copy(&from, &to)?;
                } else {
                    std::fs::copy(&from, &to)?;
                }
            }
            Ok(())
        }
        let twin = Self::empty();
        copy(self.folder.path(), twin.folder.path()).expect("a kitchen can be copied");
        twin
    }

    /// Makes a tiny encoder with random weights.
    #[track_caller]
    pub fn init(&self, name: &str, seed: u64, more: &[&str]) -> Answer {
        let config = repository().join("tests/fixtures/tiny/config.json");
        let (config, seed) = (config.display().to_string(), seed.to_string());
        let mut args = vec!["encoder", "init", "--config", &config, "--seed", &seed, "--name", name];
        args.extend(more);
        self.ok(&args)
    }

    /// A path in the folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Where the artifacts lie.
    pub fn home(&self) -> Home {
        Home::new(self.path("home"))
    }

    /// Writes a file in the folder.
    ///
    /// # Panics
    /// When the disk refuses.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::write(&path, content).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        path
    }

    /// Writes `name.toml` with the columns `text` and `label`, and `name-<split>.tsv` for each split.
    pub fn dataset(&self, name: &str, splits: &[(&str, &[(String, &str)])]) -> String {
        let mut spec = format!(
            "name = \"{name}\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = true\nquoting = false\n\
             [columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n"
        );
        for (split, rows) in splits {
            let file = format!("{name}-{split}.tsv");
            let _ = writeln!(spec, "{split} = \"{file}\"");
            self.rows(&file, rows);
        }
        self.write(&format!("{name}.toml"), spec);
        format!("{name}.toml")
    }

    /// Writes rows of text and label as TSV with a header.
    pub fn rows(&self, file: &str, rows: &[(String, &str)]) {
        let mut content = "text\tlabel\n".to_owned();
        for (text, label) in rows {
            let _ = writeln!(content, "{text}\t{label}");
        }
        self.write(file, content);
    }

    /// `larder ARGS` in the folder, not yet started. What the caller's environment says of larder does not count.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// Gives `command` the folder, the home, a user without set-up, and an empty standard input.
    pub fn prepare(&self, command: &mut Command) {
        // But for where data that is not in the repository lies.
        let is_default = |name: &str| name.starts_with("LARDER_") && name != "LARDER_DATA";
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_default(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("LARDER_HOME", self.path("home")).stdin(Stdio::null());
        command.env("XDG_DATA_HOME", self.path("user"));
    }

    /// `larder ARGS`, run to its end.
    #[track_caller]
    pub fn larder(&self, args: &[&str]) -> Answer {
        run(&mut self.command(args))
    }

    /// `larder ARGS` with a text on standard input, run to its end.
    ///
    /// # Panics
    /// When it does not read its input.
    #[track_caller]
    pub fn larder_reads(&self, args: &[&str], input: &str) -> Answer {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        stdin.write_all(input.as_bytes()).expect("the process reads its input");
        drop(stdin);
        Answer::new(&command, child.wait_with_output().expect("the process ends"))
    }

    /// `larder ARGS`, which must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Answer {
        self.larder(args).exits(0)
    }

    /// `larder ARGS --json`, which must succeed with one JSON document.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.ok(&args).json()
    }

    /// The names of the runs there are, sorted.
    ///
    /// # Panics
    /// When they are not listed so.
    #[track_caller]
    pub fn runs(&self) -> Vec<String> {
        let listed = self.json(&["runs"]);
        let name = |run: &Value| run["run"].as_str().expect("a run has a name").to_owned();
        listed.as_array().expect("a list of runs").iter().map(name).collect()
    }

    /// Starts `larder ARGS` and leaves it running, silent.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    /// The float32 features file of a split, made with the encoder `tiny`.
    pub fn features_path(&self, dataset: &str, split: &str) -> PathBuf {
        self.home().features(dataset, "tiny", "sentence-f32", split).expect("the names in tests are file names")
    }

    /// The same, opened.
    #[track_caller]
    pub fn features(&self, dataset: &str, split: &str) -> FeaturesFile {
        let path = self.features_path(dataset, split);
        FeaturesFile::open(&path).unwrap_or_else(|e| panic!("{e}"))
    }

    /// One column of the same, `[rows, 32]`.
    #[track_caller]
    pub fn vectors(&self, dataset: &str, split: &str, column: &str) -> Vec<f32> {
        self.features(dataset, split).column(column).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Every file under the home, by its path there.
    ///
    /// # Panics
    /// When a folder cannot be listed.
    pub fn artifacts(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files_under(&self.path("home"))
    }

    /// Every file of the kitchen, by its path there.
    ///
    /// # Panics
    /// When a folder cannot be listed.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files_under(self.folder.path())
    }

    /// Fails the test when something that a stage uses only while it works is left.
    ///
    /// # Panics
    /// With what is left.
    #[track_caller]
    pub fn assert_tidy(&self) {
        let unfinished = [".parts", ".tmp", ".new", ".old", ".partial"];
        let left: Vec<PathBuf> = self
            .artifacts()
            .into_keys()
            .filter(|path| {
                let names = path.iter().map(|name| name.to_string_lossy().into_owned());
                names.into_iter().any(|name| unfinished.iter().any(|end| name.ends_with(end)))
            })
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Answer {
    let output = command.output().expect("the binary starts");
    Answer::new(command, output)
}

fn files_under(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).expect("the file can be read");
                files.insert(relative(&path, root), content);
            }
        }
    }
    files
}

fn relative(path: &Path, home: &Path) -> PathBuf {
    path.strip_prefix(home).expect("found under the home").to_path_buf()
}
