//! A run's answers, from its `predictions.parquet`.

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::Task;

use super::Lacking;
use super::table::Table;
use crate::RunRecord;

/// The answers on each split.
pub(super) enum Answers {
    /// One label a text.
    Labels(BTreeMap<String, Labelled>),
    /// One tag a word.
    Tags(BTreeMap<String, Tagged>),
}

/// Answers to texts of a split; classes are indices into the run's labels, and behind them into those that training never saw,
/// in the order of their first row.
#[derive(Default)]
pub(super) struct Labelled {
    /// `[rows]`.
    pub(super) example_ids: Vec<String>,
    /// `[rows]`.
    pub(super) gold: Vec<usize>,
    /// `[rows]`.
    pub(super) answers: Vec<usize>,
    /// Row-major `[rows, labels of the run]`.
    pub(super) probabilities: Vec<f32>,
    unseen: Vec<String>,
}

impl Labelled {
    /// The class of a gold label of a run with `labels`.
    fn class(&mut self, label: String, labels: &[String]) -> usize {
        let known = labels.iter().chain(&self.unseen).position(|known| *known == label);
        known.unwrap_or_else(|| {
            self.unseen.push(label);
            labels.len() + self.unseen.len() - 1
        })
    }

    /// The probabilities `[rows, classes]`, none for labels that training never saw. `known` labels are the run's.
    pub(super) fn padded_probabilities(&self, known: usize, classes: usize) -> Vec<f32> {
        let rows = self.probabilities.chunks_exact(known.max(1));
        rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, classes.saturating_sub(known))))
            .collect()
    }
}

/// Answers to words of a split, all `[words]`.
#[derive(Default)]
pub(super) struct Tagged {
    pub(super) example_ids: Vec<String>,
    pub(super) positions: Vec<i64>,
    pub(super) words: Vec<String>,
    pub(super) gold: Vec<String>,
    pub(super) answers: Vec<String>,
}

impl Answers {
    /// The answers to texts of `split`.
    pub(super) fn labelled(&self, split: &str) -> Lacking<&Labelled> {
        match self {
            Self::Labels(splits) => splits.get(split).ok_or_else(|| without(split)),
            Self::Tags(_) => Err(without(split)),
        }
    }

    /// The answers to words of `split`.
    pub(super) fn tagged(&self, split: &str) -> Lacking<&Tagged> {
        match self {
            Self::Tags(splits) => splits.get(split).ok_or_else(|| without(split)),
            Self::Labels(_) => Err(without(split)),
        }
    }
}

fn without(split: &str) -> String {
    format!("predictions.parquet has no answers on {split}: `larder eval RUN` writes them.")
}

/// Reads the answers of a run.
pub(super) fn read(folder: &Path, record: &RunRecord) -> Lacking<Answers> {
    let missing = format!("There are no answers to look at: `larder eval {}` writes them.", record.run);
    let table = Table::read(folder, "predictions.parquet", &missing)?;
    let splits = filled(table.texts("split")?);
    let example_ids = filled(table.texts("example_id")?);
    let answers = table.texts("prediction")?;
    match record.task() {
        Task::Sequence => labels(record, &table, splits, example_ids, &answers).map(Answers::Labels),
        Task::Tagging => tags(&table, splits, example_ids, answers).map(Answers::Tags),
    }
}

fn labels(
    record: &RunRecord,
    table: &Table,
    splits: Vec<String>,
    example_ids: Vec<String>,
    answers: &[Option<String>],
) -> Lacking<BTreeMap<String, Labelled>> {
    let classes = record.labels.len();
    let probabilities = table.vectors("probabilities", classes)?;
    let gold = table.texts("label")?;
    let answered = |label: &Option<String>| {
        let found = label.as_ref().and_then(|label| record.labels.iter().position(|known| known == label));
        found.ok_or_else(|| {
            let label = label.as_deref().unwrap_or("none");
            format!(
                "predictions.parquet has the answer `{label}`, which the run does not know: `larder eval {}` writes it anew.",
                record.run
            )
        })
    };
    let mut all: BTreeMap<String, Labelled> = BTreeMap::new();
    let rows = splits.into_iter().zip(example_ids).zip(gold.iter().zip(answers));
    for (((split, example_id), (gold, answer)), probabilities) in rows.zip(probabilities.chunks(classes.max(1))) {
        // A split without labels has no scores to be shown beside.
        let Some(gold) = gold else { continue };
        let of = all.entry(split).or_default();
        of.example_ids.push(example_id);
        let class = of.class(gold.clone(), &record.labels);
        of.gold.push(class);
        of.answers.push(answered(answer)?);
        of.probabilities.extend(probabilities);
    }
    Ok(all)
}

fn tags(
    table: &Table,
    splits: Vec<String>,
    example_ids: Vec<String>,
    answers: Vec<Option<String>>,
) -> Lacking<BTreeMap<String, Tagged>> {
    let words = filled(table.texts("word")?);
    let gold = filled(table.texts("tag")?);
    let positions = table.integers("position")?;
    let mut all: BTreeMap<String, Tagged> = BTreeMap::new();
    let rows = splits.into_iter().zip(example_ids).zip(positions).zip(words).zip(gold.into_iter().zip(filled(answers)));
    for ((((split, example_id), position), word), (gold, answer)) in rows {
        let of = all.entry(split).or_default();
        of.example_ids.push(example_id);
        of.positions.push(position);
        of.words.push(word);
        of.gold.push(gold);
        of.answers.push(answer);
    }
    Ok(all)
}

fn filled(texts: Vec<Option<String>>) -> Vec<String> {
    texts.into_iter().map(Option::unwrap_or_default).collect()
}
