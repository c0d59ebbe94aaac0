//! All runs side by side.

use larder_metrics::{BaselineComparison, BaselineVerdict, Interval, Metric};
use maud::{Markup, html};

use super::anchor;
use super::prose::prose;
use super::table::{cell, count, score, table};
use crate::charts::lines;
use crate::{ClassSplit, EntitySplit, Line, Part, Plot, ReportError, Run, Scores};

/// Lines of one chart that can be told apart.
const LINES: usize = crate::charts::INKS;

pub(super) fn overview(runs: &[Run]) -> Result<Markup, ReportError> {
    let (mut classes, mut entities, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (number, run) in runs.iter().enumerate() {
        match &run.scores {
            Part::Given(Scores::Classes(splits)) => {
                classes.extend(splits.iter().map(|split| class_row(number, run, split)));
            }
            Part::Given(Scores::Entities(splits)) => {
                entities.extend(splits.iter().map(|split| entity_row(number, run, split)));
            }
            Part::Missing(why) => missing.push((number, run, why)),
        }
    }
    let class_header = [
        "run",
        "split",
        "MCC",
        "95 % interval",
        "-0.2 to 1",
        "against the majority",
        "accuracy",
        "majority accuracy",
        "macro F1",
        "rows",
    ];
    let entity_header = [
        "run",
        "split",
        "strict F1",
        "95 % interval",
        "0 to 1",
        "strict P",
        "strict R",
        "conlleval F1",
        "token accuracy",
        "all-O accuracy",
        "sentences",
    ];
    let charts = if runs.len() > 1 {
        curves(runs)?
    } else {
        html! {}
    };
    Ok(html! {
        section {
            h2 { "Scores" }
            @if !classes.is_empty() { (table(2, &class_header, &classes)) }
            @if !entities.is_empty() { (table(2, &entity_header, &entities)) }
            @for (number, run, why) in missing { p.missing { a href=(format!("#{}", anchor(number))) { (run.name) } ": " (prose(why)) } }
            @if runs.len() > 1 { (differences(runs)) }
            (charts)
        }
    })
}

fn link(number: usize, run: &Run) -> Markup {
    html! { a href=(format!("#{}", anchor(number))) { (run.name) } }
}

fn class_row(number: usize, run: &Run, split: &ClassSplit) -> Vec<Markup> {
    let interval = split.intervals.iter().find(|(metric, _)| *metric == Metric::Mcc).map(|(_, interval)| *interval);
    vec![
        link(number, run),
        cell(&split.split),
        cell(score(split.scores.mcc)),
        cell(interval.map_or_else(String::new, range)),
        whisker(split.scores.mcc, interval, -0.2),
        verdict(&split.against_majority),
        cell(score(split.scores.accuracy)),
        cell(score(split.majority.accuracy)),
        cell(score(split.scores.macro_f1)),
        cell(count(split.scores.rows)),
    ]
}

fn entity_row(number: usize, run: &Run, split: &EntitySplit) -> Vec<Markup> {
    let scores = &split.scores;
    let strict = &scores.strict.micro;
    vec![
        link(number, run),
        cell(&split.split),
        cell(score(strict.f1)),
        cell(range(scores.strict_f1_interval)),
        whisker(strict.f1, Some(scores.strict_f1_interval), 0.0),
        cell(score(strict.precision)),
        cell(score(strict.recall)),
        cell(score(scores.conlleval.micro.f1)),
        cell(score(scores.token_accuracy)),
        cell(score(scores.all_outside_accuracy)),
        cell(count(scores.sentences)),
    ]
}

fn range(interval: Interval) -> String {
    format!("{} to {}", score(interval.low), score(interval.high))
}

/// A score with its interval on a line from `least` to 1, with 0 marked.
fn whisker(value: f64, interval: Option<Interval>, least: f64) -> Markup {
    let place = |value: f64| format!("{:.1}", 4.0 + 112.0 * ((value - least) / (1.0 - least)).clamp(0.0, 1.0));
    html! {
        svg.whisker viewBox="0 0 120 16" width="120" height="16" aria-hidden="true" {
            line x1="4" x2="116" y1="8" y2="8" stroke="var(--grid)" {}
            line x1=(place(0.0)) x2=(place(0.0)) y1="2" y2="14" stroke="var(--muted)" {}
            @if let Some(interval) = interval {
                line x1=(place(interval.low)) x2=(place(interval.high)) y1="8" y2="8" stroke="var(--c0)" stroke-width="6" stroke-opacity="0.5" {}
            }
            line x1=(place(value)) x2=(place(value)) y1="1" y2="15" stroke="var(--c0)" stroke-width="3" {}
        }
    }
}

/// Where a score stands beside the majority baseline, in the words of `larder eval`.
pub(super) fn verdict(comparison: &BaselineComparison) -> Markup {
    let (class, sign) = match comparison.verdict {
        BaselineVerdict::Above => ("above", "▲"),
        BaselineVerdict::At => ("at", "●"),
        BaselineVerdict::Below => ("below", "▼"),
    };
    html! { span class=(format!("verdict {class}")) { (sign) " " (comparison.in_words()) } }
}

/// What the runs do not have in common, a column a run: first what all have, each in its own way.
fn differences(runs: &[Run]) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for fact in runs.iter().flat_map(|run| &run.facts) {
        if !names.contains(&fact.name.as_str()) {
            names.push(&fact.name);
        }
    }
    let value = |run: &Run, name: &str| run.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    let (mut of_all, mut of_some) = (Vec::new(), Vec::new());
    for name in names {
        let values: Vec<Option<String>> = runs.iter().map(|run| value(run, name)).collect();
        if values.windows(2).all(|pair| pair.first() == pair.last()) {
            continue;
        }
        let rows = if values.iter().all(Option::is_some) { &mut of_all } else { &mut of_some };
        let cells = values.into_iter().map(|value| cell(value.unwrap_or_default()));
        rows.push(std::iter::once(cell(name)).chain(cells).collect::<Vec<Markup>>());
    }
    let header: Vec<&str> = std::iter::once("").chain(runs.iter().map(|run| run.name.as_str())).collect();
    html! {
        @if !of_all.is_empty() || !of_some.is_empty() { h3 { "What differs" } }
        @if !of_all.is_empty() { (table(header.len(), &header, &of_all)) }
        @if !of_some.is_empty() {
            details {
                summary { "Settings that only some of them have" }
                (table(header.len(), &header, &of_some))
            }
        }
    }
}

/// The curves that several runs have, each in one chart.
fn curves(runs: &[Run]) -> Result<Markup, ReportError> {
    let mut together: Vec<Plot> = Vec::new();
    for run in runs {
        for plot in run.training.plots.given().into_iter().flatten() {
            let [line] = plot.lines.as_slice() else { continue };
            let line = Line { name: run.name.clone(), ..line.clone() };
            match together.iter_mut().find(|known| known.title == plot.title && known.x == plot.x) {
                Some(known) => known.lines.push(line),
                None => together.push(Plot { lines: vec![line], levels: Vec::new(), ..plot.clone() }),
            }
        }
    }
    together.retain(|plot| plot.lines.len() > 1);
    together.iter_mut().for_each(|plot| plot.lines.truncate(LINES));
    let charts = together.iter().map(lines).collect::<Result<Vec<_>, _>>()?;
    Ok(
        html! { @if !charts.is_empty() { h3 { "Curves side by side" } div.charts { @for chart in charts { (chart) } } } },
    )
}
