//! A classifier on one split.

use std::cmp::Reverse;

use larder_metrics::{BaselineVerdict, Metric};
use maud::{Markup, html};

use super::missing;
use super::overview::verdict;
use super::table::{cell, count, percent, score, table, text};
use crate::charts::{INKS, precision_recall, reliability, shortened};
use crate::numbers::{PrecisionRecall, Reliability};
use crate::{ClassAnswers, ClassSplit, Part, ReportError};

/// Classes that a matrix can show; of more the most frequent confusions are listed.
const MATRIX: usize = 30;
/// Classes whose names fit above a matrix as they are.
const FEW: usize = 4;
/// Confusions that are listed.
const CONFUSIONS: usize = 15;
/// Mistakes that are shown.
const MISTAKES: usize = 15;
/// Characters of a text that are shown.
const TEXT: usize = 300;

pub(super) fn split(split: &ClassSplit) -> Result<Markup, ReportError> {
    let labels = &split.labels;
    let curves = match &split.answers {
        Part::Missing(_) => Vec::new(),
        Part::Given(answers) => class_curves(answers, labels.len()),
    };
    let charts = match &split.answers {
        Part::Missing(why) => missing(why),
        Part::Given(answers) => charts(answers, labels, &curves)?,
    };
    let mistakes = match &split.answers {
        Part::Missing(_) => html! {},
        Part::Given(answers) => mistakes(answers, labels),
    };
    Ok(html! {
        section {
            h3 { "On " (split.split) }
            p { (verdict(&split.against_majority)) " " (beside(split)) }
            div.columns {
                div { (scores(labels, split)) }
                div { (classes(labels, split, &curves)) }
            }
            (confusion(labels, split))
            (charts)
            (mistakes)
        }
    })
}

/// What the verdict means, in a sentence a score.
fn beside(split: &ClassSplit) -> String {
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

fn scores(labels: &[String], split: &ClassSplit) -> Markup {
    let interval = |metric: Metric| {
        let found = split.intervals.iter().find(|(known, _)| *known == metric);
        found.map_or_else(String::new, |(_, i)| format!("{} to {}", score(i.low), score(i.high)))
    };
    let metrics = [
        (Metric::Mcc, "MCC", split.scores.mcc, split.majority.mcc),
        (Metric::Accuracy, "accuracy", split.scores.accuracy, split.majority.accuracy),
        (Metric::MacroF1, "macro F1", split.scores.macro_f1, split.majority.macro_f1),
    ];
    let mut rows: Vec<Vec<Markup>> = metrics
        .into_iter()
        .map(|(metric, name, value, baseline)| {
            vec![cell(name), cell(score(value)), cell(interval(metric)), cell(score(baseline))]
        })
        .collect();
    let losses = [split.log_loss, split.prior_entropy].map(|loss| cell(score(loss)));
    let [loss, entropy] = losses;
    rows.push(vec![cell("log loss (nats)"), loss, html! {}, entropy]);
    let majority = labels.get(split.majority_class).map_or("?", String::as_str);
    html! {
        (table(1, &["score", "value", "95 % interval", "baseline"], &rows))
        p.note {
            (count(split.scores.rows)) " rows. The baseline always answers " code { (majority) }
            ", the most frequent label of train; its log loss is that of the labels' shares on this split."
        }
    }
}

fn classes(labels: &[String], split: &ClassSplit, curves: &[Option<PrecisionRecall>]) -> Markup {
    let with_curves = curves.iter().any(Option::is_some);
    let mut header = vec!["class", "precision", "recall", "F1", "rows"];
    if with_curves {
        header.push("average precision");
    }
    let rows: Vec<Vec<Markup>> = labels
        .iter()
        .zip(&split.scores.per_class)
        .enumerate()
        .map(|(class, (name, of))| {
            let numbers = [of.precision, of.recall, of.f1].map(|value| cell(score(value)));
            let mut row: Vec<Markup> = std::iter::once(cell(name)).chain(numbers).collect();
            row.push(cell(count(of.support)));
            if with_curves {
                let curve = curves.get(class).and_then(Option::as_ref);
                row.push(cell(curve.map_or_else(String::new, |curve| score(curve.average_precision))));
            }
            row
        })
        .collect();
    table(1, &header, &rows)
}

fn confusion(labels: &[String], split: &ClassSplit) -> Markup {
    html! {
        h4 { "Confusion matrix" }
        @if labels.len() <= MATRIX {
            p.note { "Rows are gold labels, columns are answers; a cell is shaded by its share of its row." }
            div.scroll {
                table.confusion.few[labels.len() <= FEW] {
                    thead {
                        tr {
                            th scope="col" { "gold \\ answer" }
                            @for name in labels { th.answer scope="col" { span { (name) } } }
                        }
                    }
                    tbody {
                        @for (gold, row) in split.confusion.iter().enumerate() {
                            (confusion_row(labels, gold, row))
                        }
                    }
                }
            }
        } @else {
            p.note { "There are " (labels.len()) " classes, too many for a matrix." }
        }
        @if labels.len() > 3 { (confusions(labels, split)) }
    }
}

fn confusion_row(labels: &[String], gold: usize, row: &[u64]) -> Markup {
    let all: u64 = row.iter().sum();
    html! {
        tr {
            th scope="row" { (labels.get(gold).map_or("?", String::as_str)) }
            @for (answer, &rows) in row.iter().enumerate() {
                @let share = (rows * 100).checked_div(all).unwrap_or(0);
                td.right[answer == gold].wrong[answer != gold] style=(format!("--share:{}%", share * 6 / 10)) {
                    @if rows == 0 { span.none { "0" } } @else { (count(rows)) }
                }
            }
        }
    }
}

/// The most frequent confusions, in words.
fn confusions(labels: &[String], split: &ClassSplit) -> Markup {
    let mut cells: Vec<(u64, usize, usize)> = Vec::new();
    for (gold, row) in split.confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(answer, rows)| *answer != gold && **rows > 0);
        cells.extend(wrong.map(|(answer, &rows)| (rows, gold, answer)));
    }
    cells.sort_by_key(|&(rows, gold, answer)| (Reverse(rows), gold, answer));
    let name = |class: usize| cell(labels.get(class).map_or("?", String::as_str));
    let rows: Vec<Vec<Markup>> = cells
        .iter()
        .take(CONFUSIONS)
        .map(|&(rows, gold, answer)| vec![name(gold), name(answer), cell(count(rows))])
        .collect();
    html! {
        @if !rows.is_empty() {
            details {
                summary { "The most frequent confusions" }
                (table(2, &["gold", "answered", "rows"], &rows))
            }
        }
    }
}

/// One curve a class against the rest.
fn class_curves(answers: &ClassAnswers, classes: usize) -> Vec<Option<PrecisionRecall>> {
    let curve = |class: usize| {
        let rows: Vec<(f64, bool)> = answers
            .gold
            .iter()
            .enumerate()
            .map(|(row, &gold)| (answers.probability(row, class), gold == class))
            .collect();
        PrecisionRecall::of(&rows)
    };
    (0..classes).map(curve).collect()
}

fn charts(
    answers: &ClassAnswers,
    labels: &[String],
    curves: &[Option<PrecisionRecall>],
) -> Result<Markup, ReportError> {
    let given = answers.answers.iter().zip(&answers.gold).enumerate();
    let found =
        Reliability::of(given.map(|(row, (&answer, &gold))| (answers.probability(row, answer), answer == gold)));
    let mut shown: Vec<(&str, &PrecisionRecall)> =
        labels.iter().zip(curves).filter_map(|(name, curve)| Some((name.as_str(), curve.as_ref()?))).collect();
    // Of two classes the second is the positive one.
    if labels.len() == 2 && shown.len() == 2 {
        shown.remove(0);
    }
    let left_out = shown.len().saturating_sub(INKS);
    let title = match shown.as_slice() {
        [(name, _)] => format!("Precision and recall of {name}"),
        _ if left_out > 0 => format!("Precision and recall of the {INKS} hardest classes, each against the rest"),
        _ => "Precision and recall of each class against the rest".to_owned(),
    };
    if left_out > 0 {
        shown.sort_by(|a, b| a.1.average_precision.total_cmp(&b.1.average_precision));
        shown.truncate(INKS);
    }
    let level = match shown.as_slice() {
        [(_, curve)] => Some(curve.prevalence),
        _ => None,
    };
    Ok(html! {
        @if labels.len() == 2 {
            p.note { "Probabilities are those of the answers given: with a tuned threshold they may be below one half." }
        }
        div.charts {
            (reliability(&found)?)
            @if shown.is_empty() {
                (missing("There is no curve of precision and recall: no class has both rows of its own and other rows."))
            } @else {
                (precision_recall(&title, &shown, level)?)
            }
        }
    })
}

/// Wrong answers, those of the highest probability first.
fn mistakes(answers: &ClassAnswers, labels: &[String]) -> Markup {
    let mut wrong: Vec<(usize, usize, usize)> = answers
        .gold
        .iter()
        .zip(&answers.answers)
        .enumerate()
        .filter(|(_, (gold, answer))| gold != answer)
        .map(|(row, (&gold, &answer))| (row, gold, answer))
        .collect();
    let probability = |row: usize, class: usize| answers.probability(row, class);
    wrong.sort_by(|a, b| probability(b.0, b.2).total_cmp(&probability(a.0, a.2)).then(a.0.cmp(&b.0)));
    let name = |class: usize| cell(labels.get(class).map_or("?", String::as_str));
    let texts = answers.texts.given();
    let rows: Vec<Vec<Markup>> = wrong
        .iter()
        .take(MISTAKES)
        .map(|&(row, gold, answer)| {
            let shown = texts.and_then(|texts| texts.get(row)).map_or("", String::as_str);
            vec![
                text(&shortened(shown, TEXT)),
                name(gold),
                name(answer),
                cell(score(probability(row, answer))),
                cell(score(probability(row, gold))),
                cell(answers.example_ids.get(row).map_or("", String::as_str)),
            ]
        })
        .collect();
    html! {
        h4 { "The most confident mistakes" }
        @if let Part::Missing(why) = &answers.texts { (missing(why)) }
        @if rows.is_empty() {
            p { "There are none: every answer is right." }
        } @else {
            p.note {
                (count(wrong.len() as u64)) " of " (count(answers.rows() as u64)) " answers are wrong ("
                (percent(wrong.len() as f64 / answers.rows().max(1) as f64)) "); these were given with the highest probability."
            }
            (table(3, &["text", "gold", "answered", "P(answered)", "P(gold)", "id"], &rows))
        }
    }
}
