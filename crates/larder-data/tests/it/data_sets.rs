//! The data sets this project ships, and the public ones it describes, read whole.

use larder_data::{Content, DatasetSpec, ExampleReader, LabelMap, OnBadRow, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn spec(name: &str) -> DatasetSpec {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data");
    DatasetSpec::load(&folder.join(name)).unwrap()
}

/// The content of a split: rows, words, the count of each label or tag, and ids that differ.
#[derive(Default)]
struct Summary {
    rows: usize,
    words: usize,
    targets: BTreeMap<String, usize>,
    ids: BTreeSet<String>,
    texts: BTreeSet<String>,
}

impl Summary {
    fn share(&self, target: &str) -> f64 {
        self.targets[target] as f64 / self.targets.values().sum::<usize>() as f64
    }
}

fn summary(spec: &DatasetSpec, split: &str) -> Summary {
    let labels = LabelMap::resolve(spec).unwrap();
    let mut summary = Summary::default();
    for example in ExampleReader::open(spec, split, OnBadRow::Stop).unwrap().with_labels(labels) {
        let example = example.unwrap();
        summary.rows += 1;
        summary.ids.insert(example.id);
        match example.content {
            Content::Text { text, .. } => {
                summary.texts.insert(text);
            }
            Content::Words(words) => summary.words += words.len(),
        }
        match example.target.unwrap() {
            Target::Label(label) => *summary.targets.entry(label).or_default() += 1,
            Target::Labels(labels) => {
                labels.into_iter().for_each(|label| *summary.targets.entry(label).or_default() += 1);
            }
            Target::Number(number) => *summary.targets.entry(number.to_string()).or_default() += 1,
            Target::Tags(tags) => tags.into_iter().for_each(|tag| *summary.targets.entry(tag).or_default() += 1),
        }
    }
    assert_eq!(summary.ids.len(), summary.rows, "ids must differ");
    summary
}

/// Returns true if LARDER_DATA points at the public data sets; says so if not.
fn public_data() -> bool {
    let there = std::env::var_os("LARDER_DATA").is_some_and(|folder| Path::new(&folder).is_dir());
    if !there {
        eprintln!("SKIPPED: LARDER_DATA is not set to a folder with cola/ and wnut17/");
    }
    there
}

#[test]
fn intents() {
    let spec = spec("intents/intents.toml");
    let mut texts = BTreeSet::new();
    for (split, rows) in [("train", 1500), ("dev", 300), ("test", 300)] {
        let summary = summary(&spec, split);
        assert_eq!(summary.rows, rows);
        assert_eq!(summary.targets.len(), 12);
        assert!(summary.targets.values().all(|count| *count == rows / 12), "{:?}", summary.targets);
        assert!(summary.texts.iter().any(|text| text.contains('"')));
        assert!(summary.texts.iter().any(|text| text.contains(',')));
        texts.extend(summary.texts);
    }
    assert_eq!(texts.len(), 2100, "no text occurs twice, within a split or across");
}

#[test]
fn acceptability() {
    let spec = spec("acceptability/acceptability.toml");
    let mut texts = BTreeSet::new();
    for (split, rows) in [("train", 2000), ("in_domain_dev", 300), ("out_of_domain_dev", 300)] {
        let summary = summary(&spec, split);
        assert_eq!(summary.rows, rows);
        assert_eq!(summary.share("1"), 0.7);
        texts.extend(summary.texts);
    }
    assert_eq!(texts.len(), 2600, "no text occurs twice, within a split or across");
    assert_eq!(LabelMap::resolve(&spec).unwrap().display(), ["unacceptable", "acceptable"]);
}

#[test]
fn ner() {
    let spec = spec("ner/ner.toml");
    let labels = LabelMap::resolve(&spec).unwrap();
    assert_eq!(labels.names()[..3], ["O", "B-location", "I-location"]);
    assert_eq!(labels.tag_set().unwrap().types(), ["location", "organisation", "person", "product"]);
    for (split, rows) in [("train", 800), ("dev", 200), ("test", 200)] {
        let summary = summary(&spec, split);
        assert_eq!(summary.rows, rows);
        assert!(summary.words > 9 * rows);
        assert!((0.6..0.75).contains(&summary.share("O")), "{}", summary.share("O"));
        for kind in ["person", "location", "organisation", "product"] {
            assert!(summary.targets[&format!("B-{kind}")] > rows / 5);
        }
    }
}

#[test]
fn cola() {
    if !public_data() {
        return;
    }
    let spec = spec("cola.toml");
    for (split, rows, acceptable) in
        [("train", 8551, 6023), ("in_domain_dev", 527, 365), ("out_of_domain_dev", 516, 354)]
    {
        let summary = summary(&spec, split);
        assert_eq!((summary.rows, summary.targets["1"]), (rows, acceptable), "{split}");
    }
}

#[test]
fn wnut17() {
    if !public_data() {
        return;
    }
    let spec = spec("wnut17.toml");
    for (split, sentences, words) in [("train", 3394, 62730), ("dev", 1009, 15733), ("test", 1287, 23394)] {
        let summary = summary(&spec, split);
        assert_eq!((summary.rows, summary.words), (sentences, words), "{split}");
    }
    assert_eq!(LabelMap::resolve(&spec).unwrap().len(), 13);
}
