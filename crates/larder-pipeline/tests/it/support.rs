//! What these tests share: a home with a tiny encoder, and a dataset of a few texts.

use std::path::{Path, PathBuf};

use larder_data::{DatasetSpec, Task};
use larder_files::Home;
use larder_intake::{Encoder, InitRequest, init};
use larder_pipeline::{PipelineError, TrainOutcome, train};
use larder_run::{Event, HeadSettings, Larder, Observer, RunRecord, Silent, TrainOptions};
use larder_runtime::RuntimeError;
use larder_train::{ClassWeightChoice, ThresholdChoice, TrainSettings};
use tempfile::TempDir;

const TINY: &str = r#"{"model_type": "bert", "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 64}"#;

/// A home with the encoder `tiny` and the dataset `toy`, gone at the end of the test.
pub struct Bench {
    root: TempDir,
    pub larder: Larder,
    pub encoder: Encoder,
    pub spec: DatasetSpec,
}

impl Bench {
    /// `None`, loudly, where there is no ONNX Runtime.
    pub fn new() -> Option<Self> {
        let root = tempfile::tempdir().expect("a folder");
        let larder = Larder::new(root.path().join("home"), None);
        if let Err(larder_run::RunError::Runtime(problem @ RuntimeError::NoLibrary { .. })) = larder.runtime() {
            eprintln!("SKIPPED: {problem}");
            return None;
        }
        let encoder = encoder(&larder, root.path(), "tiny", 1);
        write_split(root.path(), "train", 40);
        write_split(root.path(), "dev", 12);
        let spec = write_spec(root.path(), "toy", &["train", "dev"]);
        Some(Self { root, larder, encoder, spec })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Another encoder; one of the same seed is the same model.
    pub fn encoder(&self, name: &str, seed: u64) -> Encoder {
        encoder(&self.larder, self.root.path(), name, seed)
    }

    /// A dataset of these splits of `toy`.
    pub fn dataset(&self, name: &str, splits: &[&str]) -> DatasetSpec {
        write_spec(self.root.path(), name, splits)
    }

    /// Writes a split of `toy` with so many rows.
    pub fn write_split(&self, split: &str, rows: usize) {
        write_split(self.root.path(), split, rows);
    }

    /// Trains on `toy`, and tells what was said of changes.
    pub fn train(&self, options: &TrainOptions) -> (TrainOutcome, Vec<String>) {
        let mut told = Told::default();
        let trained = train(&self.larder, &self.spec, &self.encoder, options, &mut told);
        (trained.unwrap_or_else(|error| panic!("{error}")), told.0)
    }

    pub fn runs(&self) -> Vec<String> {
        RunRecord::names(&self.larder)
    }

    /// Everything among the runs, hidden or not.
    pub fn among_runs(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.larder.home().runs()).expect("there are runs");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("a name").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

/// A head of strength `c`, with nothing to choose.
pub fn options(run: Option<&str>, c: f64) -> TrainOptions {
    let settings = TrainSettings {
        grid: vec![c],
        class_weight: ClassWeightChoice::None,
        threshold: ThresholdChoice::Half,
        ..TrainSettings::default()
    };
    TrainOptions {
        head: HeadSettings::Logistic(settings),
        run: run.map(str::to_owned),
        ..TrainOptions::of_task(Task::Sequence)
    }
}

/// The stages that began or were up to date, with what changed.
#[derive(Default)]
pub struct Told(pub Vec<String>);

impl Observer for Told {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Fresh { stage, subject, .. } => self.0.push(format!("{stage:?} {subject}: fresh")),
            Event::Started { stage, subject, changes } => {
                let changes: Vec<String> = changes.iter().map(|change| change.part.clone()).collect();
                self.0.push(format!("{stage:?} {subject}: {}", changes.join(", ")).trim_end().to_owned());
            }
            Event::Note(note) => self.0.push(format!("note: {note}")),
            _ => {}
        }
    }
}

/// Runs a stage in silence.
pub fn silently<T>(stage: impl FnOnce(&mut dyn Observer) -> Result<T, PipelineError>) -> T {
    stage(&mut Silent).unwrap_or_else(|error| panic!("{error}"))
}

fn encoder(larder: &Larder, root: &Path, name: &str, seed: u64) -> Encoder {
    let config = root.join("config.json");
    std::fs::write(&config, TINY).expect("a file");
    let request = InitRequest { config, seed, name: Some(name.to_owned()), ..InitRequest::default() };
    let home = Home::new(larder.home().root());
    let runtime = larder.runtime().expect("was loaded");
    init(&home, runtime, &request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}")).encoder
}

/// Colours and moves: the words tell the label.
fn write_split(root: &Path, split: &str, rows: usize) {
    let (colours, moves) = (["red", "green", "blue", "black", "white"], ["runs", "walks", "jumps", "sits"]);
    let row = |row: usize| match row % 2 {
        0 => format!("{split} {} {row}\tcolour\n", colours[row % 5]),
        _ => format!("{split} {} {row}\tmove\n", moves[row % 4]),
    };
    let text: String = std::iter::once("text\tlabel\n".to_owned()).chain((0..rows).map(row)).collect();
    std::fs::write(root.join(format!("{split}.tsv")), text).expect("a file");
}

fn write_spec(root: &Path, name: &str, splits: &[&str]) -> DatasetSpec {
    let splits: String = splits.iter().map(|split| format!("{split} = \"{split}.tsv\"\n")).collect();
    let text = format!(
        "name = \"{name}\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = true\n\
         [columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n{splits}"
    );
    let path = root.join(format!("{name}.toml"));
    std::fs::write(&path, text).expect("a file");
    DatasetSpec::load(&path).unwrap_or_else(|error| panic!("{error}"))
}
