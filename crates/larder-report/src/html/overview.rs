//! The section that compares all runs.

use larder_data::Task;
use larder_metrics::{BaselineComparison, BaselineVerdict, Interval};
use larder_run::page::{Line, Plot};
use larder_run::tasks;
use maud::{Markup, html};

use super::anchor;
use super::blocks::page_cell;
use super::prose::prose;
use super::sentence::EntityTypes;
use super::table::{cell, table};
use crate::ReportError;
use crate::charts::lines;
use crate::page::RunPage;

/// Most lines that can be distinguished in one chart.
const LINES: usize = crate::charts::SERIES_COLORS;

pub(super) fn overview(runs: &[RunPage], comparisons: &[String]) -> Result<Markup, ReportError> {
    // One table per task, in the order of the tasks.
    let mut tables: Vec<(&[&str], Vec<Vec<Markup>>)> = Vec::new();
    let mut missing = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let scores = match &run.scores {
            Ok(scores) => scores,
            Err(why) => {
                missing.push((number, run, &why.0));
                continue;
            }
        };
        let at = tables.iter().position(|(header, _)| *header == scores.header).unwrap_or_else(|| {
            tables.push((scores.header, Vec::new()));
            tables.len() - 1
        });
        tables[at].1.extend(scores.splits.iter().map(|split| {
            let cells = split.overview.iter().map(|cell| page_cell(cell, &EntityTypes::default()));
            [link(number, run), cell(&split.split)].into_iter().chain(cells).collect()
        }));
    }
    let of_task =
        |header: &[&str]| Task::ALL.iter().position(|task| tasks::of(*task).facts().overview_header == header);
    tables.sort_by_key(|(header, _)| of_task(header));
    let charts = if runs.len() > 1 {
        curves(runs)?
    } else {
        html! {}
    };
    Ok(html! {
        section #scores {
            h2 { "Scores" }
            @for (header, rows) in tables.iter().filter(|(_, rows)| !rows.is_empty()) {
                (table(2, &[&["run", "split"], *header].concat(), rows))
            }
            @for (number, run, why) in missing { p.missing { a href=(format!("#{}", anchor(number))) { (run.name) } ": " (prose(why)) } }
            @if !comparisons.is_empty() { ul.comparisons { @for line in comparisons { li { (line) } } } }
            @if runs.len() > 1 { (differences(runs)) }
            (charts)
        }
    })
}

fn link(number: usize, run: &RunPage) -> Markup {
    html! { a href=(format!("#{}", anchor(number))) { (run.name) } }
}

/// Returns a score with its interval on an axis from `least` to 1, with 0 marked.
pub(super) fn whisker(value: f64, interval: Option<Interval>, least: f64) -> Markup {
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

/// Returns the comparison of a score with the majority baseline, in the words of `larder eval`.
pub(super) fn verdict(comparison: &BaselineComparison) -> Markup {
    let (class, sign) = match comparison.verdict {
        BaselineVerdict::Above => ("above", "▲"),
        BaselineVerdict::At => ("at", "●"),
        BaselineVerdict::Below => ("below", "▼"),
    };
    html! { span class=(format!("verdict {class}")) { (sign) " " (comparison.in_words()) } }
}

/// Returns the facts in which runs differ, a column per run: first those that all runs have.
fn differences(runs: &[RunPage]) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for fact in runs.iter().flat_map(|run| &run.facts) {
        if !names.contains(&fact.name.as_str()) {
            names.push(&fact.name);
        }
    }
    let value =
        |run: &RunPage, name: &str| run.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
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

/// Returns the curves that several runs have in common, one chart each.
fn curves(runs: &[RunPage]) -> Result<Markup, ReportError> {
    let mut together: Vec<Plot> = Vec::new();
    for run in runs {
        for plot in run.training.plots.iter().flatten() {
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
