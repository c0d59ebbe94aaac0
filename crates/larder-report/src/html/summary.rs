//! The top of the page: its contents, and each run in a few words.

use larder_run::page::{Cell, range};
use maud::{Markup, html};

use super::overview::verdict;
use super::prose::prose;
use super::{anchor, split_anchor};
use crate::page::{RunPage, Scores, SplitScores};

/// The facts of a run that its card has.
const FACTS: [&str; 5] = ["dataset", "trained on", "labels", "encoder", "head"];

/// Returns the list of the page's sections.
pub(super) fn contents(runs: &[RunPage]) -> Markup {
    let splits = |run: &RunPage| -> Vec<String> {
        run.scores.iter().flat_map(|scores| &scores.splits).map(|split| split.split.clone()).collect()
    };
    html! {
        nav.contents aria-label="Contents" {
            ul {
                li { a href="#scores" { "Scores" } }
                @for (number, run) in runs.iter().enumerate() {
                    li {
                        a href=(format!("#{}", anchor(number))) { (run.name) }
                        ul {
                            li { a href=(format!("#{}-findings", anchor(number))) { "What stands out" } }
                            @for (at, split) in splits(run).iter().enumerate() {
                                li { a href=(format!("#{}", split_anchor(number, at))) { "On " (split) } }
                            }
                            @for (place, name) in super::PLACES { li { a href=(format!("#{}-{place}", anchor(number))) { (name) } } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns a card for each run: what it is, and what it comes to.
pub(super) fn cards(runs: &[RunPage]) -> Markup {
    let fact =
        |run: &RunPage, name: &str| run.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    html! {
        div.cards {
            @for (number, run) in runs.iter().enumerate() {
                section.card {
                    h2 { a href=(format!("#{}", anchor(number))) { (run.name) } }
                    @match &run.scores {
                        Ok(scores) => { @for split in &scores.splits { (outcome(scores, split)) } }
                        Err(why) => { p.missing { (prose(&why.0)) } }
                    }
                    dl {
                        @for name in FACTS { @if let Some(value) = fact(run, name) { dt { (name) } dd { (value) } } }
                    }
                }
            }
        }
    }
}

/// Returns a split's first score in a sentence: `dev: MCC 0.917 (0.886 to 0.946)`, and the verdict beside the baseline.
fn outcome(scores: &Scores, split: &SplitScores) -> Markup {
    let first = split.overview.first().map(|cell| match cell {
        Cell::Text(text) => text.as_str(),
        _ => "",
    });
    let interval = split.overview.iter().find_map(|cell| match cell {
        Cell::Whisker { interval, .. } => *interval,
        _ => None,
    });
    let beside = split.overview.iter().find_map(|cell| match cell {
        Cell::Verdict(comparison) => Some(comparison),
        _ => None,
    });
    html! {
        p.outcome {
            (split.split) ": " (scores.header.first().copied().unwrap_or_default()) " "
            strong { (first.unwrap_or_default()) }
            @if let Some(interval) = interval { " (" (range(&interval)) ")" }
            @if let Some(comparison) = beside { ", against the majority: " (verdict(comparison)) }
        }
    }
}
