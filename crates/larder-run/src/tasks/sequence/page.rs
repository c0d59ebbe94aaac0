//! A classifier's part of the report.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use larder_errors::count;
use larder_metrics::{BaselineVerdict, Metric, PrecisionRecall};

use super::Rules;
use super::evaluate::{LabelledRows, SequenceSplit};
use crate::RunRecord;
use crate::columns::ParquetColumns;
use crate::page::{
    Block, Cell, Chart, FindTexts, Inline, Missing, PageTable, PlaneRows, number, percent, range, shortened,
};
use crate::tasks::page::{BROWSED, SplitPage, TaskPage, left_out, no_answers};
use crate::tasks::{AnsweredRows, Evaluation, SavedAnswers};

/// Most classes shown as a matrix; with more, the most frequent confusions are listed.
const MATRIX: usize = 30;
/// Number of confusions listed.
const CONFUSIONS: usize = 15;
/// Characters of a text that are shown.
const TEXT: usize = 300;
/// Most curves in one chart.
const CURVES: usize = 7;

/// Answers to texts of a split. Classes are indices into the run's labels, followed by labels that training never saw, in the
/// order of their first row.
#[derive(Debug, Default)]
pub struct LabelledTexts {
    /// `[rows]`.
    example_ids: Vec<String>,
    /// `[rows]`.
    gold: Vec<usize>,
    /// `[rows]`; not always the most probable classes, since thresholds are tuned.
    answers: Vec<usize>,
    /// Row-major `[rows, labels of the run]`.
    probabilities: Vec<f32>,
    /// Number of the run's labels.
    known: usize,
    unseen: Vec<String>,
}

impl LabelledTexts {
    /// Returns the class of a gold label; adds unknown labels to `unseen`.
    fn class(&mut self, label: String, labels: &[String]) -> usize {
        let known = labels.iter().chain(&self.unseen).position(|known| *known == label);
        known.unwrap_or_else(|| {
            self.unseen.push(label);
            labels.len() + self.unseen.len() - 1
        })
    }

    /// Returns the probability of `class` in `row`; 0 for unseen classes.
    fn probability(&self, row: usize, class: usize) -> f64 {
        let at = row * self.known + class;
        self.probabilities.get(at).filter(|_| class < self.known).map_or(0.0, |&p| f64::from(p))
    }

    /// Returns the precision-recall curve of each class against the rest, `[classes]`.
    fn curves(&self, classes: usize) -> Vec<Option<PrecisionRecall>> {
        let curve = |class: usize| {
            let rows = self.gold.iter().enumerate();
            let rows: Vec<(f64, bool)> =
                rows.map(|(row, &gold)| (self.probability(row, class), gold == class)).collect();
            PrecisionRecall::of(&rows)
        };
        (0..classes).map(curve).collect()
    }
}

impl TaskPage for Rules {
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing> {
        let missing = format!("There are no answers to look at: `larder eval {}` writes them.", record.run);
        let columns = ParquetColumns::read(folder, "predictions.parquet", &missing)?;
        let (splits, example_ids) = (columns.filled("split")?, columns.filled("example_id")?);
        let answers = columns.texts("prediction")?;
        let classes = record.labels.len();
        let probabilities = columns.vectors("probabilities", classes)?;
        let gold = columns.texts("label")?;
        let answered = |label: &Option<String>| {
            let found = label.as_ref().and_then(|label| record.labels.iter().position(|known| known == label));
            found.ok_or_else(|| {
                let label = label.as_deref().unwrap_or("none");
                Missing(format!(
                    "predictions.parquet has the answer `{label}`, which the run does not know: `larder eval {}` writes it \
                     anew.",
                    record.run
                ))
            })
        };
        let mut all: BTreeMap<String, LabelledTexts> = BTreeMap::new();
        let rows = splits.into_iter().zip(example_ids).zip(gold.iter().zip(&answers));
        for (((split, example_id), (gold, answer)), probabilities) in rows.zip(probabilities.chunks(classes.max(1))) {
            // Splits without labels have no scores to show.
            let Some(gold) = gold else { continue };
            let of = all.entry(split).or_default();
            of.known = classes;
            of.example_ids.push(example_id);
            let class = of.class(gold.clone(), &record.labels);
            of.gold.push(class);
            of.answers.push(answered(answer)?);
            of.probabilities.extend(probabilities);
        }
        Ok(SavedAnswers::Sequence(all))
    }

    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell> {
        let Some(split) = split_of(evaluation, at) else { return Vec::new() };
        let interval = split.interval(Metric::Mcc);
        vec![
            number(split.scores.mcc).into(),
            interval.map_or_else(String::new, |interval| range(&interval)).into(),
            Cell::Whisker { value: split.scores.mcc, interval, least: -0.2 },
            Cell::Verdict(split.against_majority),
            number(split.scores.accuracy).into(),
            number(split.majority.scores.accuracy).into(),
            number(split.scores.macro_f1).into(),
            count(split.scores.rows).into(),
        ]
    }

    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block> {
        let Some(split) = split_of(page.evaluation, page.at) else { return Vec::new() };
        let names = split.class_names(&page.record.display);
        let answers = page.answers.map_err(Missing::clone).and_then(|saved| labelled(saved, &split.split));
        let curves = answers.as_ref().map_or_else(|_| Vec::new(), |answers| answers.curves(names.len()));
        let mut blocks = vec![
            Block::Paragraph(vec![Inline::Verdict(split.against_majority), format!(" {}", beside(split)).into()]),
            Block::Columns(vec![scores(&names, split), vec![classes(&names, split, &curves)]]),
            Block::Heading("Confusion matrix".to_owned()),
        ];
        blocks.extend(confusion(&names, split));
        match answers {
            Err(why) => blocks.push(Block::Missing(why)),
            Ok(answers) => {
                blocks.extend(charts(answers, &names, &curves));
                blocks.push(Block::Heading("The most confident mistakes".to_owned()));
                blocks.extend(mistakes(answers, &split.split, &names, (page.texts)(&answers.example_ids)));
            }
        }
        blocks
    }

    fn answered_rows(&self, answers: &SavedAnswers, split: &str) -> Option<(Vec<String>, AnsweredRows)> {
        let of = labelled(answers, split).ok()?;
        let classes = of.known + of.unseen.len();
        let rows = LabelledRows { gold: of.gold.clone(), answers: of.answers.clone(), classes };
        Some((of.example_ids.clone(), AnsweredRows::Sequence(rows)))
    }

    fn plane_rows<'a>(
        &self,
        record: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        texts: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing> {
        let answers = labelled(answers, split)?;
        // Points are shown even without their texts.
        let texts = texts(&answers.example_ids).unwrap_or_default();
        Ok(PlaneRows {
            unit: "text",
            example_ids: &answers.example_ids,
            groups: record.class_names(),
            of_rows: answers.gold.iter().copied().zip(answers.answers.iter().copied()).collect(),
            outside: None,
            text: Box::new(move |row| texts.get(row).cloned().unwrap_or_default()),
        })
    }
}

fn split_of(evaluation: &Evaluation, at: usize) -> Option<&SequenceSplit> {
    match evaluation {
        Evaluation::Sequence(evaluation) => evaluation.splits.get(at),
        _ => None,
    }
}

fn labelled<'a>(answers: &'a SavedAnswers, split: &str) -> Result<&'a LabelledTexts, Missing> {
    match answers {
        SavedAnswers::Sequence(splits) => splits.get(split).ok_or_else(|| no_answers(split)),
        _ => Err(no_answers(split)),
    }
}

/// Returns the verdict in words, one sentence per score.
fn beside(split: &SequenceSplit) -> String {
    let accuracy = match split.against_majority.accuracy_verdict() {
        BaselineVerdict::Above => "Its accuracy is higher than that of always giving the same answer.",
        BaselineVerdict::At => "These rows do not show an accuracy higher than that of always giving the same answer.",
        BaselineVerdict::Below => "Always giving the same answer has a higher accuracy.",
    };
    let mcc = match split.against_majority.mcc_verdict() {
        BaselineVerdict::Above => "Its MCC is above 0, which any constant answer has.",
        BaselineVerdict::At => "These rows do not show an MCC other than 0, which any constant answer has.",
        BaselineVerdict::Below => "Its MCC is below 0: the answers contradict the labels.",
    };
    format!("{accuracy} {mcc}")
}

fn scores(names: &[String], split: &SequenceSplit) -> Vec<Block> {
    let metrics = [
        (Metric::Mcc, "MCC", split.scores.mcc, split.majority.scores.mcc),
        (Metric::Accuracy, "accuracy", split.scores.accuracy, split.majority.scores.accuracy),
        (Metric::MacroF1, "macro F1", split.scores.macro_f1, split.majority.scores.macro_f1),
    ];
    let row = |(metric, name, value, baseline): (Metric, &str, f64, f64)| {
        let interval = split.interval(metric).map_or_else(String::new, |interval| range(&interval));
        vec![name.into(), number(value).into(), interval.into(), number(baseline).into()]
    };
    let mut rows: Vec<Vec<Cell>> = metrics.into_iter().map(row).collect();
    let [loss, entropy] = [split.log_loss, split.prior_entropy].map(number);
    rows.push(vec!["log loss (nats)".into(), loss.into(), "".into(), entropy.into()]);
    let majority = names.get(split.majority.class).map_or("?", String::as_str);
    vec![
        Block::Table(PageTable::new(1, &["score", "value", "95 % interval", "baseline"], rows)),
        Block::Note(vec![
            format!("{} rows. The baseline always answers ", count(split.scores.rows)).into(),
            Inline::Code(majority.to_owned()),
            ", the most frequent label of train; its log loss is that of the labels' shares on this split.".into(),
        ]),
    ]
}

fn classes(names: &[String], split: &SequenceSplit, curves: &[Option<PrecisionRecall>]) -> Block {
    let with_curves = curves.iter().any(Option::is_some);
    let mut header = vec!["class", "precision", "recall", "F1", "rows"];
    if with_curves {
        header.push("average precision");
    }
    let rows = names.iter().zip(&split.scores.per_class).enumerate().map(|(class, (name, of))| {
        let numbers = [of.precision, of.recall, of.f1].map(|value| Cell::from(number(value)));
        let mut row: Vec<Cell> = std::iter::once(Cell::from(name.as_str())).chain(numbers).collect();
        row.push(count(of.support).into());
        if with_curves {
            let curve = curves.get(class).and_then(Option::as_ref);
            row.push(curve.map_or_else(String::new, |curve| number(curve.average_precision)).into());
        }
        row
    });
    Block::Table(PageTable::new(1, &header, rows.collect()))
}

fn confusion(names: &[String], split: &SequenceSplit) -> Vec<Block> {
    let mut blocks = if names.len() <= MATRIX {
        vec![
            Block::Note(vec![
                "Rows are gold labels, columns are answers; a cell is shaded by its share of its row.".into(),
            ]),
            Block::Confusion { names: names.to_vec(), counts: split.confusion.clone() },
        ]
    } else {
        vec![Block::Note(vec![format!("There are {} classes, too many for a matrix.", names.len()).into()])]
    };
    if names.len() > 3 {
        blocks.extend(confusions(names, split));
    }
    blocks
}

/// Returns the most frequent confusions.
fn confusions(names: &[String], split: &SequenceSplit) -> Option<Block> {
    let mut cells: Vec<(u64, usize, usize)> = Vec::new();
    for (gold, row) in split.confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(answer, rows)| *answer != gold && **rows > 0);
        cells.extend(wrong.map(|(answer, &rows)| (rows, gold, answer)));
    }
    cells.sort_by_key(|&(rows, gold, answer)| (Reverse(rows), gold, answer));
    let name = |class: usize| Cell::from(names.get(class).map_or("?", String::as_str));
    let rows: Vec<Vec<Cell>> = cells
        .iter()
        .take(CONFUSIONS)
        .map(|&(rows, gold, answer)| vec![name(gold), name(answer), count(rows).into()])
        .collect();
    (!rows.is_empty()).then(|| Block::Details {
        summary: "The most frequent confusions".to_owned(),
        blocks: vec![Block::Table(PageTable::new(2, &["gold", "answered", "rows"], rows))],
    })
}

fn charts(answers: &LabelledTexts, names: &[String], curves: &[Option<PrecisionRecall>]) -> Vec<Block> {
    let given = answers.answers.iter().zip(&answers.gold).enumerate();
    let reliability = given.map(|(row, (&answer, &gold))| (answers.probability(row, answer), answer == gold)).collect();
    let mut shown: Vec<(&str, &PrecisionRecall)> =
        names.iter().zip(curves).filter_map(|(name, curve)| Some((name.as_str(), curve.as_ref()?))).collect();
    // With two classes, the second is the positive one.
    if names.len() == 2 && shown.len() == 2 {
        shown.remove(0);
    }
    let left_out = shown.len().saturating_sub(CURVES);
    let title = match shown.as_slice() {
        [(name, _)] => format!("Precision and recall of {name}"),
        _ if left_out > 0 => format!("Precision and recall of the {CURVES} hardest classes, each against the rest"),
        _ => "Precision and recall of each class against the rest".to_owned(),
    };
    if left_out > 0 {
        shown.sort_by(|a, b| a.1.average_precision.total_cmp(&b.1.average_precision));
        shown.truncate(CURVES);
    }
    let level = match shown.as_slice() {
        [(_, curve)] => Some(curve.prevalence),
        _ => None,
    };
    let curves = match shown.is_empty() {
        true => Chart::Missing(
            "There is no curve of precision and recall: no class has both rows of its own and other rows.".into(),
        ),
        false => {
            let curves = shown.into_iter().map(|(name, curve)| (name.to_owned(), curve.clone())).collect();
            Chart::PrecisionRecall { title, curves, level }
        }
    };
    let note = (names.len() == 2).then(|| {
        Block::Note(vec![
            "Probabilities are those of the answers given: with a tuned threshold they may be below one half.".into(),
        ])
    });
    note.into_iter().chain([Block::Charts(vec![Chart::Reliability(reliability), curves])]).collect()
}

/// Returns the wrong answers, the most probable first.
fn mistakes(answers: &LabelledTexts, split: &str, names: &[String], texts: Result<Vec<String>, Missing>) -> Vec<Block> {
    let pairs = answers.gold.iter().zip(&answers.answers).enumerate();
    let mut wrong: Vec<(usize, usize, usize)> =
        pairs.filter(|(_, (gold, answer))| gold != answer).map(|(row, (&gold, &answer))| (row, gold, answer)).collect();
    let probability = |row: usize, class: usize| answers.probability(row, class);
    wrong.sort_by(|a, b| probability(b.0, b.2).total_cmp(&probability(a.0, a.2)).then(a.0.cmp(&b.0)));
    let name = |class: usize| Cell::from(names.get(class).map_or("?", String::as_str));
    let found = texts.as_deref().unwrap_or_default();
    let rows: Vec<Vec<Cell>> = wrong
        .iter()
        .take(BROWSED)
        .map(|&(row, gold, answer)| {
            let text = found.get(row).map_or("", String::as_str);
            vec![
                Cell::Running(shortened(text, TEXT)),
                name(gold),
                name(answer),
                number(probability(row, answer)).into(),
                number(probability(row, gold)).into(),
                answers.example_ids.get(row).map_or("", String::as_str).into(),
            ]
        })
        .collect();
    let mut blocks: Vec<Block> = texts.err().into_iter().map(Block::Missing).collect();
    if rows.is_empty() {
        blocks.push(Block::Paragraph(vec!["There are none: every answer is right.".into()]));
        return blocks;
    }
    let all = answers.gold.len();
    blocks.push(Block::Note(vec![
        format!(
            "{} of {} answers are wrong ({}), those first that were given with the highest probability.{}",
            count(wrong.len() as u64),
            count(all as u64),
            percent(wrong.len() as f64 / all.max(1) as f64),
            left_out(wrong.len())
        )
        .into(),
    ]));
    let header = ["text", "gold", "answered", "P(answered)", "P(gold)", "id"];
    blocks.push(Block::Browsed { name: format!("mistakes-{split}"), table: PageTable::new(3, &header, rows) });
    blocks
}
