//! The section about training.

use larder_run::page::{Candidate, Training, number};
use maud::{Markup, html};

use super::missing;
use super::prose::prose;
use super::table::{cell, table};
use crate::ReportError;
use crate::charts::lines;

/// Candidates shown.
const CANDIDATES: usize = 20;

pub(super) fn training(training: &Training) -> Result<Markup, ReportError> {
    let charts = match &training.plots {
        Err(why) => missing(&why.0),
        Ok(plots) => {
            let charts = plots.iter().map(lines).collect::<Result<Vec<_>, _>>()?;
            html! { @if !charts.is_empty() { div.charts { @for chart in charts { (chart) } } } }
        }
    };
    Ok(html! {
        section {
            h3 { "Training" }
            @for sentence in &training.sentences { p { (prose(sentence)) } }
            (charts)
            @if !training.candidates.is_empty() { (candidates(training)) }
        }
    })
}

fn candidates(training: &Training) -> Markup {
    let most = training.candidates.iter().map(|candidate| candidate.score).fold(0.0_f64, f64::max);
    let row = |candidate: &Candidate| {
        let error = candidate.standard_error.map_or_else(String::new, |error| format!(" ± {error:.3}"));
        let share = if most > 0.0 { (candidate.score / most).clamp(0.0, 1.0) * 100.0 } else { 0.0 };
        vec![
            html! { (candidate.name) @if candidate.chosen { " " span.chosen { "chosen" } } },
            cell(&candidate.settings),
            html! { span.bar { span style=(format!("width:{share:.0}%")) {} } },
            html! { (number(candidate.score)) (error) },
        ]
    };
    let rows: Vec<Vec<Markup>> = training.candidates.iter().take(CANDIDATES).map(row).collect();
    let more = training.candidates.len().saturating_sub(CANDIDATES);
    html! {
        h4 { "Chosen on held-out rows of train" }
        (table(3, &["features", "best settings", "", &training.candidate_score], &rows))
        @if !training.rule.is_empty() { p.note { (training.rule) } }
        @if more > 0 { p.note { "and " (more) " more in run.json" } }
    }
}
