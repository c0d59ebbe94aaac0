//! The section of a run's settings and times.

use larder_errors::count;
use larder_run::StageTime;
use larder_run::page::Fact;
use maud::{Markup, html};

use super::table::{cell, table};
use crate::page::RunPage;

pub(super) fn settings(run: &RunPage) -> Markup {
    let row = |stage: &StageTime| {
        vec![
            cell(stage.stage.to_string()),
            cell(&stage.split),
            cell(stage.note()),
            cell(count(stage.rows)),
            cell(format!("{:.2}", stage.seconds)),
        ]
    };
    let rows: Vec<Vec<Markup>> = run.stages.iter().map(row).collect();
    html! {
        section {
            h3 { "How it was made" }
            div.columns {
                div { (facts(&run.facts)) }
                div {
                    (table(3, &["stage", "split", "", "rows", "seconds"], &rows))
                    p.note { "Seconds of the training invocation; of a stage that was up to date, those of the check." }
                }
            }
            details {
                summary { "All settings and digests" }
                (facts(&run.settings))
            }
        }
    }
}

fn facts(facts: &[Fact]) -> Markup {
    let rows: Vec<Vec<Markup>> =
        facts.iter().map(|fact| vec![cell(&fact.name), html! { span.value { (fact.value) } }]).collect();
    table(2, &["", ""], &rows)
}
