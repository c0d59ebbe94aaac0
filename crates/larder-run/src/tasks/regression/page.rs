//! The report of a run that answers numbers.

use std::collections::BTreeMap;
use std::path::Path;

use larder_errors::count;
use larder_metrics::RegressionMetric;

use super::Rules;
use super::evaluate::{NumberRows, RegressionSplit};
use super::scores::NAMED;
use crate::RunRecord;
use crate::columns::ParquetColumns;
use crate::page::{Block, Cell, Chart, FindTexts, Inline, Missing, PageTable, PlaneRows, number, shortened};
use crate::tasks::page::{BROWSED, SplitPage, TaskPage, left_out, no_answers};
use crate::tasks::{AnsweredRows, Evaluation, SavedAnswers};

/// Characters of a text that are shown.
const TEXT: usize = 300;
/// Groups of targets that colour points on a plane.
const GROUPS: [&str; 3] = ["low third of the targets", "middle third", "high third"];

/// Answers to texts of a split.
#[derive(Debug, Default)]
pub struct NumberedTexts {
    /// `[rows]`.
    example_ids: Vec<String>,
    /// `[rows]`.
    gold: Vec<f64>,
    /// `[rows]`.
    answers: Vec<f64>,
}

impl TaskPage for Rules {
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing> {
        let missing = format!("There are no answers to look at: `larder eval {}` writes them.", record.run);
        let columns = ParquetColumns::read(folder, "predictions.parquet", &missing)?;
        let (splits, example_ids) = (columns.filled("split")?, columns.filled("example_id")?);
        let (gold, answers) = (columns.numbers("target")?, columns.numbers("prediction")?);
        let mut all: BTreeMap<String, NumberedTexts> = BTreeMap::new();
        for ((split, example_id), (gold, answer)) in
            splits.into_iter().zip(example_ids).zip(gold.into_iter().zip(answers))
        {
            // Splits without targets have no scores to show.
            let (Some(gold), Some(answer)) = (gold, answer) else { continue };
            let of = all.entry(split).or_default();
            of.example_ids.push(example_id);
            of.gold.push(gold);
            of.answers.push(answer);
        }
        Ok(SavedAnswers::Regression(all))
    }

    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell> {
        let Some(split) = split_of(evaluation, at) else { return Vec::new() };
        let scores = &split.scores;
        let numbers = [scores.spearman, scores.r2, scores.mae, scores.rmse, split.constant(RegressionMetric::Rmse)];
        let mut cells = vec![
            number(scores.pearson).into(),
            split.range(RegressionMetric::Pearson).into(),
            Cell::Whisker { value: scores.pearson, interval: split.interval(RegressionMetric::Pearson), least: -0.2 },
            split.verdict().into(),
        ];
        cells.extend(numbers.map(|value| Cell::from(number(value))));
        cells.push(count(scores.rows).into());
        cells
    }

    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block> {
        let Some(split) = split_of(page.evaluation, page.at) else { return Vec::new() };
        let mut blocks = vec![
            Block::Paragraph(vec![Inline::Text(format!("{}.", split.against_mean))]),
            Block::Columns(vec![vec![scores(split)], vec![distributions(split)]]),
        ];
        match page.answers.map_err(Missing::clone).and_then(|saved| numbered(saved, &split.split)) {
            Err(why) => blocks.push(Block::Missing(why)),
            Ok(answers) => {
                blocks.push(Block::Charts(charts(answers)));
                blocks.push(Block::Heading("The rows answered worst".to_owned()));
                blocks.extend(worst(answers, &split.split, (page.texts)(&answers.example_ids)));
            }
        }
        blocks
    }

    fn answered_rows(&self, answers: &SavedAnswers, split: &str) -> Option<(Vec<String>, AnsweredRows)> {
        let of = numbered(answers, split).ok()?;
        let rows = NumberRows { gold: of.gold.clone(), answers: of.answers.clone() };
        Some((of.example_ids.clone(), AnsweredRows::Regression(rows)))
    }

    fn plane_rows<'a>(
        &self,
        _: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        texts: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing> {
        let answers = numbered(answers, split)?;
        let mut sorted = answers.gold.clone();
        sorted.sort_by(f64::total_cmp);
        let bound = |share: usize| sorted.get(sorted.len() * share / GROUPS.len()).copied().unwrap_or(f64::INFINITY);
        let (first, second) = (bound(1), bound(2));
        let group = |number: f64| usize::from(number >= first) + usize::from(number >= second);
        // Points are shown even without their texts.
        let texts = texts(&answers.example_ids).unwrap_or_default();
        Ok(PlaneRows {
            unit: "text",
            example_ids: &answers.example_ids,
            groups: GROUPS.map(str::to_owned).to_vec(),
            of_rows: answers.gold.iter().zip(&answers.answers).map(|(&gold, &a)| (group(gold), group(a))).collect(),
            outside: None,
            text: Box::new(move |row| texts.get(row).cloned().unwrap_or_default()),
        })
    }
}

fn split_of(evaluation: &Evaluation, at: usize) -> Option<&RegressionSplit> {
    match evaluation {
        Evaluation::Regression(evaluation) => evaluation.splits.get(at),
        _ => None,
    }
}

fn numbered<'a>(answers: &'a SavedAnswers, split: &str) -> Result<&'a NumberedTexts, Missing> {
    match answers {
        SavedAnswers::Regression(splits) => splits.get(split).ok_or_else(|| no_answers(split)),
        _ => Err(no_answers(split)),
    }
}

fn scores(split: &RegressionSplit) -> Block {
    let rows = NAMED.map(|(metric, name)| {
        vec![
            name.into(),
            number(metric.of(&split.scores)).into(),
            split.range(metric).into(),
            number(split.constant(metric)).into(),
        ]
    });
    let header = ["score", "value", "95 % interval", "mean of train (median for MAE)"];
    Block::Table(PageTable::new(1, &header, rows.to_vec()))
}

fn distributions(split: &RegressionSplit) -> Block {
    let rows = [("targets", &split.targets), ("answers", &split.answers)].map(|(name, of)| {
        let values = [of.mean, of.deviation, of.smallest, of.median, of.largest];
        std::iter::once(Cell::from(name)).chain(values.map(|value| Cell::from(number(value)))).collect()
    });
    let header = ["", "mean", "deviation", "smallest", "median", "largest"];
    Block::Table(PageTable::new(1, &header, rows.to_vec()))
}

fn charts(answers: &NumberedTexts) -> Vec<Chart> {
    let pairs = || answers.gold.iter().copied().zip(answers.answers.iter().copied());
    vec![
        Chart::Points {
            title: "Answers by targets".to_owned(),
            x: "target".to_owned(),
            y: "answer".to_owned(),
            points: pairs().collect(),
            diagonal: true,
        },
        Chart::Points {
            title: "Errors by answers".to_owned(),
            x: "answer".to_owned(),
            y: "answer minus target".to_owned(),
            points: pairs().map(|(gold, answer)| (answer, answer - gold)).collect(),
            diagonal: false,
        },
    ]
}

/// Returns the rows with the largest errors.
fn worst(answers: &NumberedTexts, split: &str, texts: Result<Vec<String>, Missing>) -> Vec<Block> {
    let error = |row: usize| (answers.answers[row] - answers.gold[row]).abs();
    let mut rows: Vec<usize> = (0..answers.gold.len()).collect();
    rows.sort_by(|&a, &b| error(b).total_cmp(&error(a)).then(a.cmp(&b)));
    let found = texts.as_deref().unwrap_or_default();
    let shown: Vec<Vec<Cell>> = rows
        .iter()
        .take(BROWSED)
        .map(|&row| {
            vec![
                Cell::Running(shortened(found.get(row).map_or("", String::as_str), TEXT)),
                number(answers.gold[row]).into(),
                number(answers.answers[row]).into(),
                number(answers.answers[row] - answers.gold[row]).into(),
                answers.example_ids[row].as_str().into(),
            ]
        })
        .collect();
    let mut blocks: Vec<Block> = texts.err().into_iter().map(Block::Missing).collect();
    if rows.len() > BROWSED {
        blocks.push(Block::Note(vec![left_out(rows.len()).trim().into()]));
    }
    let table = PageTable::new(1, &["text", "target", "answer", "error", "id"], shown);
    blocks.push(Block::Browsed { name: format!("errors-{split}"), table });
    blocks
}
