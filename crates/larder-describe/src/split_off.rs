//! Parting rows for judging from those for training.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use larder_data::{Content, DatasetSpec, Example, ExampleReader, OnBadRow, Target, split_has_targets};
use larder_files::{AtomicFile, FileError};
use serde_json::{Map, Value, json};

use crate::DescribeError;
use crate::field_names::FieldNames;

/// The split that is parted, and that of the rows for judging.
const TRAIN: &str = "train";
const DEV: &str = "dev";

/// Rows to be parted.
#[derive(Debug, Clone, Copy)]
pub struct PartRequest<'a> {
    /// A data set with the split `train`.
    pub spec: &'a DatasetSpec,
    /// The share of rows for judging, 0 to 1.
    pub fraction: f64,
    /// Decides which rows.
    pub seed: u64,
    /// Rows in all, drawn at random; `None` takes all.
    pub limit: Option<u64>,
    /// The policy for rows that cannot be used.
    pub on_bad_row: OnBadRow,
    /// The folder to write into.
    pub folder: &'a Path,
}

/// Rows that were parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// Each split's rows as JSON lines, `train` first: the split, the file and its rows.
    pub splits: Vec<(String, PathBuf, u64)>,
    /// Rows of all splits that were left out as bad.
    pub skipped: u64,
}

/// Rows of one text, which stay together.
struct Group {
    /// Where it stands in the order in which groups are drawn.
    order: [u8; 16],
    stratum: usize,
    rows: u64,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Train,
    Dev,
    Neither,
}

/// Parts the rows of the split `train`: of each label, label set or set of entity types the same share is for judging, as the split `dev`,
/// and rows of equal texts are on one side. Writes these and the other splits as JSON lines, with a field for each column of the
/// description, by its name, and `id`; tags are in IOB2. The same rows and seed give the same files.
///
/// # Errors
/// [`DescribeError::TooFew`] where nothing could be judged on; [`DescribeError::Data`], [`DescribeError::File`].
pub fn split_off(request: &PartRequest<'_>) -> Result<Parted, DescribeError> {
    let sides = sides(request)?;
    std::fs::create_dir_all(request.folder).map_err(FileError::io("make the folder", request.folder))?;
    let mut parted = Parted { splits: Vec::new(), skipped: 0 };
    let (mut train, mut dev) = (Output::create(request, TRAIN)?, Output::create(request, DEV)?);
    let mut rows = reader(request, TRAIN)?;
    for example in rows.by_ref() {
        let example = example?;
        match sides.get(&key(&example.content)) {
            Some(Side::Train) => train.write(example)?,
            Some(Side::Dev) => dev.write(example)?,
            _ => {}
        }
    }
    parted.skipped += rows.skipped().count;
    parted.splits.push(train.commit()?);
    if dev.rows > 0 {
        parted.splits.push(dev.commit()?);
    }
    for split in request.spec.split_names().filter(|split| *split != TRAIN) {
        let mut output = Output::create(request, split)?;
        let mut rows = reader(request, split)?;
        rows.by_ref().try_for_each(|example| output.write(example?))?;
        parted.skipped += rows.skipped().count;
        parted.splits.push(output.commit()?);
    }
    Ok(parted)
}

/// A split being written.
struct Output {
    split: String,
    path: PathBuf,
    file: BufWriter<AtomicFile>,
    names: FieldNames,
    rows: u64,
}

impl Output {
    fn create(request: &PartRequest<'_>, split: &str) -> Result<Self, DescribeError> {
        let path = request.folder.join(format!("{split}.jsonl"));
        let file = BufWriter::new(AtomicFile::create(&path)?);
        let names = FieldNames::of(&request.spec.columns);
        Ok(Self { split: split.to_owned(), path, file, names, rows: 0 })
    }

    fn write(&mut self, example: Example) -> Result<(), DescribeError> {
        self.rows += 1;
        Ok(writeln!(self.file, "{}", line(example, &self.names)).map_err(FileError::io("write", &self.path))?)
    }

    fn commit(self) -> Result<(String, PathBuf, u64), DescribeError> {
        let file = self.file.into_inner().map_err(|error| FileError::io("write", &self.path)(error.into_error()))?;
        file.commit()?;
        Ok((self.split, self.path, self.rows))
    }
}

/// Opens a split. One without targets is read without.
fn reader(request: &PartRequest<'_>, split: &str) -> Result<ExampleReader, DescribeError> {
    let PartRequest { spec, on_bad_row, .. } = *request;
    let has_targets = split == TRAIN || split_has_targets(spec, split)?;
    Ok(match has_targets {
        true => ExampleReader::open(spec, split, on_bad_row)?,
        false => ExampleReader::open_without_targets(spec, split, on_bad_row)?,
    })
}

/// Returns the side of each text.
fn sides(request: &PartRequest<'_>) -> Result<HashMap<[u8; 16], Side>, DescribeError> {
    let mut strata: HashMap<String, usize> = HashMap::new();
    let mut groups: HashMap<[u8; 16], Group> = HashMap::new();
    for example in reader(request, TRAIN)? {
        let example = example?;
        let key = key(&example.content);
        let fresh = strata.len();
        let group = groups.entry(key).or_insert_with(|| {
            let stratum = *strata.entry(stratum(example.target.as_ref())).or_insert(fresh);
            Group { order: order(&key, request.seed), stratum, rows: 0, side: Side::Train }
        });
        group.rows += 1;
    }
    let mut drawn: Vec<&mut Group> = groups.values_mut().collect();
    drawn.sort_by_key(|group| group.order);
    let mut kept = 0;
    let mut of_stratum = vec![(0_u64, 0_u64); strata.len()];
    for group in &mut drawn {
        if request.limit.is_some_and(|limit| kept >= limit) {
            group.side = Side::Neither;
            continue;
        }
        kept += group.rows;
        of_stratum[group.stratum].0 += group.rows;
    }
    for group in drawn.iter_mut().filter(|group| group.side == Side::Train) {
        let (rows, for_dev) = &mut of_stratum[group.stratum];
        let wanted = (*rows as f64 * request.fraction).round() as u64;
        // Something of every label is left to learn from.
        if *for_dev + group.rows <= wanted.min(rows.saturating_sub(1)) {
            group.side = Side::Dev;
            *for_dev += group.rows;
        }
    }
    let for_dev: u64 = of_stratum.iter().map(|(_, for_dev)| for_dev).sum();
    if request.fraction > 0.0 && for_dev == 0 {
        let path = request.spec.split_files(TRAIN)?.into_iter().next().unwrap_or_default();
        return Err(DescribeError::TooFew { path, rows: usize::try_from(kept).unwrap_or(usize::MAX) });
    }
    Ok(groups.into_iter().map(|(key, group)| (key, group.side)).collect())
}

/// Names the content: 128 bits of a digest of its texts or words.
fn key(content: &Content) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    match content {
        Content::Text { text, text_b } => {
            add(text);
            text_b.iter().for_each(|text| add(text));
        }
        Content::Words(words) => words.iter().for_each(|word| add(word)),
    }
    cut(hasher.finalize())
}

fn order(key: &[u8; 16], seed: u64) -> [u8; 16] {
    cut(blake3::Hasher::new().update(&seed.to_le_bytes()).update(key).finalize())
}

fn cut(hash: blake3::Hash) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&hash.as_bytes()[..16]);
    short
}

/// Names the rows among which a share is taken.
fn stratum(target: Option<&Target>) -> String {
    let sorted = |mut labels: Vec<&str>| {
        labels.sort_unstable();
        labels.dedup();
        labels.join("\u{1f}")
    };
    match target {
        Some(Target::Label(label)) => label.clone(),
        Some(Target::Labels(labels)) => sorted(labels.iter().map(String::as_str).collect()),
        Some(Target::Tags(tags)) => sorted(tags.iter().filter_map(|tag| tag.get(2..)).collect()),
        Some(Target::Number(_)) | None => String::new(),
    }
}

/// A row as JSON.
fn line(example: Example, names: &FieldNames) -> Value {
    let mut row = Map::from_iter([(names.id.clone(), json!(example.id))]);
    let mut set = |name: &str, value: Value| row.insert(name.to_owned(), value);
    match example.content {
        Content::Text { text, text_b } => {
            set(&names.text, json!(text));
            if let Some(text_b) = text_b {
                set(&names.text_b, json!(text_b));
            }
        }
        Content::Words(words) => {
            set(&names.words, json!(words));
        }
    }
    match example.target {
        Some(Target::Label(label)) => set(&names.label, json!(label)),
        Some(Target::Labels(labels)) => set(&names.labels, json!(labels)),
        Some(Target::Number(number)) => set(&names.target, json!(number)),
        Some(Target::Tags(tags)) => set(&names.tags, json!(tags)),
        None => None,
    };
    Value::Object(row)
}
