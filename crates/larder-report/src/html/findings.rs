//! The section of findings.

use larder_diagnose::{Diagnosis, PointedRow, capitalised};
use larder_errors::counted;
use larder_run::page::shortened;
use maud::{Markup, html};

use super::missing;
use super::prose::prose;
use super::table::{cell, table, text};
use crate::ReportError;
use crate::charts::lines;
use crate::page::RunPage;

/// Findings that are shown at once, the weightiest; the others are a click away.
const OPEN: usize = 3;
/// Rows shown of a finding.
const ROWS: usize = 12;
/// Most characters shown of a text.
const TEXT: usize = 240;

pub(super) fn findings(run: &RunPage) -> Result<Markup, ReportError> {
    let curve = run.learning_curve.as_ref().map(lines).transpose()?;
    Ok(html! {
        section {
            h3 { "What stands out" }
            @for remark in &run.remarks { p.note { (prose(remark)) } }
            @match &run.findings {
                Err(why) => (missing(&why.0)),
                Ok(findings) if findings.is_empty() => { p { "Nothing." } }
                Ok(findings) => {
                    @let (first, others) = findings.split_at(OPEN.min(findings.len()));
                    ul.findings { @for finding in first { (one(finding)) } }
                    @if !others.is_empty() {
                        details {
                            summary { (counted(others.len() as u64, "more finding")) }
                            ul.findings { @for finding in others { (one(finding)) } }
                        }
                    }
                }
            }
            @if let Some(curve) = curve { div.charts { (curve) } }
        }
    })
}

fn one(finding: &Diagnosis) -> Markup {
    let row = |row: &PointedRow| {
        vec![cell(&row.split), cell(&row.example_id), text(&shortened(&row.text, TEXT)), prose(&row.note)]
    };
    let rows: Vec<Vec<Markup>> = finding.rows.iter().take(ROWS).map(row).collect();
    html! {
        li {
            p { strong { (prose(&sentence(&finding.finding))) } @if let Some(split) = &finding.split { span.split { (split) } } }
            p.evidence { (prose(&sentence(&finding.evidence))) }
            p { span.try { "What to try: " } (prose(&sentence(&finding.remedy))) }
            @if !rows.is_empty() {
                details {
                    summary { "Rows: " (rows.len()) " of " (finding.rows.len()) }
                    (table(4, &["split", "id", "text", ""], &rows))
                }
            }
        }
    }
}

/// Makes a clause a sentence: a capital first, a full stop last.
fn sentence(text: &str) -> String {
    let text = capitalised(text);
    if text.is_empty() || text.ends_with('.') { text } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_become_sentences() {
        assert_eq!(sentence("the end"), "The end.");
        assert_eq!(sentence("ärger."), "Ärger.");
        assert_eq!(sentence(""), "");
    }
}
