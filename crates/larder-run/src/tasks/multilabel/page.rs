//! The report of a run that answers label sets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use larder_errors::count;
use larder_metrics::{LabelSets, MultilabelAnswers, MultilabelMetric, PrecisionRecall};

use super::Rules;
use super::evaluate::{LabelSetRows, MultilabelSplit};
use super::scores::NAMED;
use crate::RunRecord;
use crate::columns::ParquetColumns;
use crate::page::{Block, Cell, Chart, FindTexts, Inline, Missing, PageTable, PlaneRows, number, range, shortened};
use crate::tasks::page::{BROWSED, SplitPage, TaskPage, left_out, no_answers};
use crate::tasks::{AnsweredRows, Evaluation, SavedAnswers};

/// Number of pairs of labels shown.
const PAIRS: usize = 15;
/// Characters of a text that are shown.
const TEXT: usize = 300;
/// Most curves in one chart.
const CURVES: usize = 7;

/// Answers to texts of a split. Labels are indices into the run's, followed by labels that training never saw, in the order of
/// their first row.
#[derive(Debug, Default)]
pub struct LabelSetTexts {
    /// `[rows]`.
    example_ids: Vec<String>,
    /// `[rows]`, ascending in each.
    gold: Vec<Vec<usize>>,
    /// `[rows]`, ascending in each.
    answers: Vec<Vec<usize>>,
    /// Row-major `[rows, labels of the run]`.
    probabilities: Vec<f32>,
    /// Number of the run's labels.
    known: usize,
    unseen: Vec<String>,
}

impl LabelSetTexts {
    /// Returns the indices of a row's labels; adds unknown ones to `unseen`.
    fn indices(&mut self, labels: Vec<String>, known: &HashMap<&str, usize>) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::with_capacity(labels.len());
        for label in labels {
            let index = known.get(label.as_str()).copied();
            let index = index.or_else(|| Some(self.known + self.unseen.iter().position(|name| *name == label)?));
            found.push(index.unwrap_or_else(|| {
                self.unseen.push(label);
                self.known + self.unseen.len() - 1
            }));
        }
        found.sort_unstable();
        found
    }

    /// Returns the precision-recall curve of each of the run's labels.
    fn curves(&self) -> Vec<Option<PrecisionRecall>> {
        let curve = |label: usize| {
            let rows = self.gold.iter().zip(self.probabilities.chunks_exact(self.known));
            let rows: Vec<(f64, bool)> =
                rows.map(|(gold, row)| (f64::from(row[label]), gold.contains(&label))).collect();
            PrecisionRecall::of(&rows)
        };
        (0..self.known).map(curve).collect()
    }

    /// Returns the number of labels that are in one of gold and answer, and not in the other.
    fn wrong(&self, row: usize) -> usize {
        let (gold, answers) = (&self.gold[row], &self.answers[row]);
        gold.iter().filter(|label| !answers.contains(label)).count()
            + answers.iter().filter(|label| !gold.contains(label)).count()
    }
}

impl TaskPage for Rules {
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing> {
        let missing = format!("There are no answers to look at: `larder eval {}` writes them.", record.run);
        let columns = ParquetColumns::read(folder, "predictions.parquet", &missing)?;
        let (splits, example_ids) = (columns.filled("split")?, columns.filled("example_id")?);
        let (gold, answers) = (columns.text_lists("labels")?, columns.text_lists("prediction")?);
        let classes = record.labels.len();
        let probabilities = columns.vectors("probabilities", classes)?;
        let known: HashMap<&str, usize> = record.labels.iter().map(String::as_str).zip(0..).collect();
        let mut all: BTreeMap<String, LabelSetTexts> = BTreeMap::new();
        let rows = splits.into_iter().zip(example_ids).zip(gold.into_iter().zip(answers));
        for (((split, example_id), (gold, answer)), probabilities) in rows.zip(probabilities.chunks(classes.max(1))) {
            // Splits without labels have no scores to show.
            let (Some(gold), Some(answer)) = (gold, answer) else { continue };
            let of = all.entry(split).or_default();
            of.known = classes;
            of.example_ids.push(example_id);
            let (gold, answer) = (of.indices(gold, &known), of.indices(answer, &known));
            of.gold.push(gold);
            of.answers.push(answer);
            of.probabilities.extend(probabilities);
        }
        Ok(SavedAnswers::Multilabel(all))
    }

    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell> {
        let Some(split) = split_of(evaluation, at) else { return Vec::new() };
        let metric = MultilabelMetric::default();
        let of = |metric: MultilabelMetric| Cell::from(number(metric.of(&split.scores)));
        vec![
            of(metric),
            split.range(metric).into(),
            Cell::Whisker { value: metric.of(&split.scores), interval: split.interval(metric), least: -0.2 },
            split.verdict().into(),
            of(MultilabelMetric::MicroF1),
            of(MultilabelMetric::Lrap),
            of(MultilabelMetric::SubsetAccuracy),
            number(split.constant(metric)).into(),
            count(split.scores.rows).into(),
        ]
    }

    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block> {
        let Some(split) = split_of(page.evaluation, page.at) else { return Vec::new() };
        let names = split.label_names(&page.record.display);
        let mut blocks = vec![
            Block::Paragraph(vec![Inline::Text(format!("{}.", split.against_baseline))]),
            Block::Columns(vec![vec![scores(split)], vec![labels(&names, split)]]),
        ];
        blocks.extend(together(&names, split));
        match page.answers.map_err(Missing::clone).and_then(|saved| label_sets(saved, &split.split)) {
            Err(why) => blocks.push(Block::Missing(why)),
            Ok(answers) => {
                blocks.push(Block::Charts(charts(answers, &names)));
                blocks.push(Block::Heading("The rows answered worst".to_owned()));
                blocks.extend(worst(answers, &split.split, &names, (page.texts)(&answers.example_ids)));
            }
        }
        blocks
    }

    fn answered_rows(&self, answers: &SavedAnswers, split: &str) -> Option<(Vec<String>, AnsweredRows)> {
        let of = label_sets(answers, split).ok()?;
        let labels = of.known + of.unseen.len();
        let sets = |rows: &[Vec<usize>]| {
            let has = rows.iter().flat_map(|row| (0..labels).map(|label| row.contains(&label)));
            LabelSets::new(has.collect(), labels).ok()
        };
        // Labels that training never saw have probability 0.
        let unseen = || std::iter::repeat_n(0.0, of.unseen.len());
        let row = |row: &[f32]| row.iter().map(|&p| f64::from(p)).chain(unseen()).collect::<Vec<_>>();
        let probabilities = of.probabilities.chunks_exact(of.known.max(1)).flat_map(row).collect();
        let answers = MultilabelAnswers::new(sets(&of.answers)?, probabilities).ok()?;
        Some((of.example_ids.clone(), AnsweredRows::Multilabel(LabelSetRows { gold: sets(&of.gold)?, answers })))
    }

    fn plane_rows<'a>(
        &self,
        record: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        texts: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing> {
        let answers = label_sets(answers, split)?;
        // Points are shown even without their texts.
        let texts = texts(&answers.example_ids).unwrap_or_default();
        // Behind the labels: no label, and several.
        let group = |labels: &Vec<usize>| match labels.as_slice() {
            [] => record.labels.len(),
            [one] if *one < record.labels.len() => *one,
            _ => record.labels.len() + 1,
        };
        let behind = ["(no label)".to_owned(), "(several labels)".to_owned()];
        Ok(PlaneRows {
            unit: "text",
            example_ids: &answers.example_ids,
            groups: record.class_names().into_iter().chain(behind).collect(),
            of_rows: answers.gold.iter().zip(&answers.answers).map(|(gold, a)| (group(gold), group(a))).collect(),
            outside: None,
            text: Box::new(move |row| texts.get(row).cloned().unwrap_or_default()),
        })
    }
}

fn split_of(evaluation: &Evaluation, at: usize) -> Option<&MultilabelSplit> {
    match evaluation {
        Evaluation::Multilabel(evaluation) => evaluation.splits.get(at),
        _ => None,
    }
}

fn label_sets<'a>(answers: &'a SavedAnswers, split: &str) -> Result<&'a LabelSetTexts, Missing> {
    match answers {
        SavedAnswers::Multilabel(splits) => splits.get(split).ok_or_else(|| no_answers(split)),
        _ => Err(no_answers(split)),
    }
}

fn scores(split: &MultilabelSplit) -> Block {
    let mut rows: Vec<Vec<Cell>> = NAMED
        .iter()
        .map(|&(metric, name)| {
            let numbers = [number(metric.of(&split.scores)), split.range(metric), number(split.constant(metric))];
            std::iter::once(Cell::from(name)).chain(numbers.map(Cell::from)).collect()
        })
        .collect();
    let hamming = split.hamming_loss_interval.as_ref().map_or_else(String::new, range);
    let others = [
        ("Hamming loss", split.scores.hamming_loss, hamming),
        ("macro average precision", split.scores.macro_average_precision, String::new()),
    ];
    rows.extend(others.map(|(name, value, range)| vec![name.into(), number(value).into(), range.into(), "".into()]));
    Block::Table(PageTable::new(1, &["score", "value", "95 % interval", "best constant set"], rows))
}

fn labels(names: &[String], split: &MultilabelSplit) -> Block {
    let rows = names.iter().zip(&split.scores.per_label).map(|(name, of)| {
        let numbers = [of.precision, of.recall, of.f1, of.average_precision].map(|value| Cell::from(number(value)));
        let counts = [of.support, of.answered].map(|rows| Cell::from(count(rows)));
        std::iter::once(Cell::from(name.as_str())).chain(numbers).chain(counts).collect()
    });
    let header = ["label", "precision", "recall", "F1", "average precision", "rows", "answered"];
    Block::Table(PageTable::new(1, &header, rows.collect()))
}

/// Returns the labels that come together most often.
fn together(names: &[String], split: &MultilabelSplit) -> Option<Block> {
    let support = |label: usize| split.scores.per_label.get(label).map_or(0, |label| label.support);
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (first, row) in split.together.iter().enumerate() {
        pairs.extend(row.iter().enumerate().skip(first + 1).map(|(second, &rows)| (rows, first, second)));
    }
    pairs.retain(|pair| pair.0 > 0);
    pairs.sort_by_key(|&(rows, first, second)| (Reverse(rows), first, second));
    let name = |label: usize| Cell::from(names.get(label).map_or("?", String::as_str));
    let share = |rows: u64, label: usize| format!("{:.1} %", 100.0 * rows as f64 / support(label).max(1) as f64);
    let rows: Vec<Vec<Cell>> = pairs
        .iter()
        .take(PAIRS)
        .map(|&(rows, first, second)| {
            vec![name(first), name(second), count(rows).into(), share(rows, first).into(), share(rows, second).into()]
        })
        .collect();
    let header = ["label", "and", "rows with both", "share of the first's", "share of the second's"];
    (!rows.is_empty()).then(|| Block::Details {
        summary: "Labels that come together most often".to_owned(),
        blocks: vec![Block::Table(PageTable::new(2, &header, rows))],
    })
}

fn charts(answers: &LabelSetTexts, names: &[String]) -> Vec<Chart> {
    let known = answers.known.max(1);
    let reliability = answers
        .probabilities
        .chunks_exact(known)
        .zip(&answers.gold)
        .flat_map(|(row, gold)| row.iter().enumerate().map(|(label, &p)| (f64::from(p), gold.contains(&label))))
        .collect();
    let mut shown: Vec<(String, PrecisionRecall)> =
        names.iter().cloned().zip(answers.curves()).filter_map(|(name, curve)| Some((name, curve?))).collect();
    let left_out = shown.len().saturating_sub(CURVES);
    shown.sort_by(|a, b| a.1.average_precision.total_cmp(&b.1.average_precision));
    shown.truncate(CURVES);
    let title = match left_out {
        0 => "Precision and recall of each label".to_owned(),
        _ => format!("Precision and recall of the {CURVES} hardest labels"),
    };
    let curves = match shown.is_empty() {
        true => Chart::Missing("There is no curve of precision and recall: no label has rows.".into()),
        false => Chart::PrecisionRecall { title, curves: shown, level: None },
    };
    vec![Chart::Reliability(reliability), curves]
}

/// Returns the rows with the most labels too many or missing.
fn worst(answers: &LabelSetTexts, split: &str, names: &[String], texts: Result<Vec<String>, Missing>) -> Vec<Block> {
    let mut rows: Vec<usize> = (0..answers.gold.len()).filter(|&row| answers.wrong(row) > 0).collect();
    rows.sort_by_key(|&row| (Reverse(answers.wrong(row)), row));
    let mut blocks: Vec<Block> = texts.as_ref().err().cloned().into_iter().map(Block::Missing).collect();
    if rows.is_empty() {
        blocks.push(Block::Paragraph(vec!["There are none: every answer is right.".into()]));
        return blocks;
    }
    let found = texts.as_deref().unwrap_or_default();
    let named = |labels: &[usize]| {
        let labels: Vec<&str> = labels.iter().map(|&label| names.get(label).map_or("?", String::as_str)).collect();
        Cell::from(if labels.is_empty() { "(none)".to_owned() } else { labels.join(", ") })
    };
    let shown: Vec<Vec<Cell>> = rows
        .iter()
        .take(BROWSED)
        .map(|&row| {
            vec![
                Cell::Running(shortened(found.get(row).map_or("", String::as_str), TEXT)),
                named(&answers.gold[row]),
                named(&answers.answers[row]),
                answers.example_ids[row].as_str().into(),
            ]
        })
        .collect();
    if rows.len() > BROWSED {
        blocks.push(Block::Note(vec![left_out(rows.len()).trim().into()]));
    }
    let table = PageTable::new(4, &["text", "gold", "answered", "id"], shown);
    blocks.push(Block::Browsed { name: format!("mistakes-{split}"), table });
    blocks
}
