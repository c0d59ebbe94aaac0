//! Data of tagging tasks, and what a tagger answered.

use std::fmt::Write as _;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Int32Type};
use larder_store::FeaturesFile;
use larder_tags::{Scheme, convert};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::data::{COLOURS, MOVES};
use crate::{Kitchen, Random, repository};

// No two kinds of words share an initial, so that a word's first piece alone, which a small vocabulary makes short, tells.
const FIRST: [&str; 6] = ["Anna", "Ivan", "Ulla", "Karin", "Agnes", "Ines"];
const LAST: [&str; 6] = ["Novak", "Moretti", "Varga", "Zeman", "Haddad", "Nagy"];
const PLACES: [&str; 6] = ["Oslo", "Lima", "Turin", "Quito", "Dakar", "York"];

/// One sentence with a tag a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The words.
    pub words: Vec<String>,
    /// Their tags, IOB2.
    pub tags: Vec<String>,
}

impl Tagged {
    /// From `(word, tag)`.
    pub fn of(words: &[(&str, &str)]) -> Self {
        let (words, tags) = words.iter().map(|(word, tag)| ((*word).to_owned(), (*tag).to_owned())).unzip();
        Self { words, tags }
    }

    /// The words, separated by blanks.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}

/// Sentences of colours and moves with persons of one or two words and places of one, often side by side, so that the
/// schemes write them differently. Each word has the same meaning everywhere.
pub fn tagged_toy(seed: u64, sentences: usize) -> Vec<Tagged> {
    tagged_sentences(seed, sentences, 7)
}

/// The same with sentences of 3 to `longest` words, one more now and then.
pub fn tagged_sentences(seed: u64, sentences: usize, longest: usize) -> Vec<Tagged> {
    let mut random = Random::new(seed);
    (0..sentences)
        .map(|_| {
            let least = 3 + random.below(longest - 2);
            tagged_words(&mut random, least)
        })
        .collect()
}

/// One such sentence of at least `least` words, one more at the most.
pub fn tagged_words(random: &mut Random, least: usize) -> Tagged {
    let mut words: Vec<(&str, &str)> = Vec::with_capacity(least + 1);
    while words.len() < least {
        match random.below(5) {
            0 => {
                words.push((FIRST[random.below(FIRST.len())], "B-person"));
                if random.below(2) == 0 {
                    words.push((LAST[random.below(LAST.len())], "I-person"));
                }
            }
            1 => words.push((PLACES[random.below(PLACES.len())], "B-place")),
            2 => words.push((MOVES[random.below(MOVES.len())], "O")),
            _ => words.push((COLOURS[random.below(COLOURS.len())], "O")),
        }
    }
    Tagged::of(&words)
}

/// The sentences as a CoNLL file: word, tab, tag in `scheme`, and a blank line after each sentence.
///
/// # Panics
/// When a sentence is not legal IOB2.
pub fn conll(sentences: &[Tagged], scheme: Scheme) -> String {
    let mut content = String::new();
    for sentence in sentences {
        let tags = convert(&sentence.tags, Scheme::Iob2, scheme).expect("the tests' sentences are legal");
        for (word, tag) in sentence.words.iter().zip(tags) {
            let _ = writeln!(content, "{word}\t{tag}");
        }
        content.push('\n');
    }
    content
}

/// The sentences of a CoNLL file with the columns word, gold and predicted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConllColumns {
    /// Words, `[sentences][words]`.
    pub words: Vec<Vec<String>>,
    /// Gold tags, `[sentences][words]`.
    pub gold: Vec<Vec<String>>,
    /// Predicted tags, `[sentences][words]`.
    pub predicted: Vec<Vec<String>>,
}

impl ConllColumns {
    /// Of a file as larder writes it: three columns with tabs, a blank line after each sentence.
    ///
    /// # Panics
    /// With the line that is otherwise.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let content = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut columns = Self::default();
        for sentence in content.split_terminator("\n\n") {
            let rows: Vec<Vec<&str>> = sentence.lines().map(|line| line.split('\t').collect()).collect();
            let column = |at: usize| -> Vec<String> {
                let field = |row: &Vec<&str>| {
                    assert_eq!(row.len(), 3, "{}: columns of {row:?}", path.display());
                    row[at].to_owned()
                };
                rows.iter().map(field).collect()
            };
            columns.words.push(column(0));
            columns.gold.push(column(1));
            columns.predicted.push(column(2));
        }
        columns
    }
}

/// One row of a tagging run's `predictions.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedWord {
    /// The split.
    pub split: String,
    /// The sentence's id.
    pub example_id: String,
    /// The word's place in its sentence, from 0.
    pub position: i32,
    /// The word.
    pub word: String,
    /// The gold tag, IOB2.
    pub tag: Option<String>,
    /// The answer, IOB2.
    pub prediction: String,
    /// The answer's probability.
    pub probability: f32,
}

/// All rows of the file.
///
/// # Panics
/// When the file cannot be read, or lacks a column of the contract.
#[track_caller]
pub fn predicted_words(path: &Path) -> Vec<PredictedWord> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).expect("whole Parquet");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("whole Parquet");
        let text = |name: &str, row: usize| {
            let column = batch[name].as_string::<i32>();
            (!column.is_null(row)).then(|| column.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            let whole = |name| text(name, row).unwrap_or_else(|| panic!("{name} is never null, and is in row {row}"));
            rows.push(PredictedWord {
                split: whole("split"),
                example_id: whole("example_id"),
                position: batch["position"].as_primitive::<Int32Type>().value(row),
                word: whole("word"),
                tag: text("tag", row),
                prediction: whole("prediction"),
                probability: batch["probability"].as_primitive::<Float32Type>().value(row),
            });
        }
    }
    rows
}

impl Kitchen {
    /// With the encoder `wide`: one layer, random weights, and vectors of 256, enough for its embeddings (layer 0) to tell
    /// words apart wherever they stand.
    #[track_caller]
    pub fn with_wide() -> Self {
        let kitchen = Self::empty();
        let config =
            std::fs::read(repository().join("tests/fixtures/tiny/config.json")).expect("part of the repository");
        let mut config: serde_json::Value = serde_json::from_slice(&config).expect("the configuration is JSON");
        (config["hidden_size"], config["num_hidden_layers"]) = (256.into(), 1.into());
        let config = kitchen.write("wide.json", config.to_string()).display().to_string();
        kitchen.ok(&["encoder", "init", "--config", &config, "--seed", "1", "--name", "wide"]);
        kitchen
    }

    /// Writes `name.toml` of a tagging task in IOB2, and `name-<split>.conll` for each split.
    pub fn tagging(&self, name: &str, splits: &[(&str, &[Tagged])]) -> String {
        let contents: Vec<(&str, String)> =
            splits.iter().map(|(split, sentences)| (*split, conll(sentences, Scheme::Iob2))).collect();
        self.conll(name, Scheme::Iob2, &contents)
    }

    /// The same with the files' contents as given, and any scheme.
    pub fn conll(&self, name: &str, scheme: Scheme, splits: &[(&str, impl AsRef<[u8]>)]) -> String {
        let mut spec = format!(
            "name = \"{name}\"\ntask = \"tagging\"\nformat = \"conll\"\nscheme = \"{scheme}\"\nseparator = \"tab\"\n\
             [columns]\nwords = 0\ntags = 1\n[splits]\n"
        );
        for (split, content) in splits {
            let file = format!("{name}-{split}.conll");
            let _ = writeln!(spec, "{split} = \"{file}\"");
            self.write(&file, content);
        }
        self.write(&format!("{name}.toml"), spec);
        format!("{name}.toml")
    }

    /// The features of words of a split, first sub-token, float32, made with `encoder`.
    #[track_caller]
    pub fn words(&self, dataset: &str, encoder: &str, split: &str) -> FeaturesFile {
        let path = self.home().features(dataset, encoder, "word-first-f32", split).expect("names are file names");
        FeaturesFile::open(&path).unwrap_or_else(|e| panic!("{e}"))
    }

    /// A file of a run.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn run_file(&self, run: &str, file: &str) -> Vec<u8> {
        let path = self.path("home/runs").join(run).join(file);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}
