//! The page: its frame, and its sections, one file each.

mod blocks;
mod embedding;
mod findings;
mod lengths;
mod overview;
mod prose;
mod sentence;
mod settings;
mod table;
mod training;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::ReportError;
use crate::charts::marks;
use crate::page::{Page, RunPage};

/// The style sheet, for light, dark, print and narrow screens.
const STYLE: &str = include_str!("style.css");
/// Script that shows the text of the point pointed at; the page is complete without it.
const SCRIPT: &str = include_str!("script.js");
/// The script's SHA-256 in base64: the policy allows this script only.
const SCRIPT_DIGEST: &str = "RSg4uJmzKbPqxLZoGT3B3YSwrFfTuTS/m/2llB3jU/g=";

impl Page {
    /// Returns the page as HTML.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub(crate) fn html(&self) -> Result<String, ReportError> {
        let names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
        let policy = format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_DIGEST}'");
        let runs = self.runs.iter().enumerate().map(|(number, run)| self::run(number, run));
        let runs = runs.collect::<Result<Vec<Markup>, _>>()?;
        let overview = overview::overview(&self.runs)?;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { "larder report: " (names.join(", ")) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (marks())
                    header {
                        p.made { "larder report" }
                        h1 { (names.join(", ")) }
                    }
                    main { (overview) @for run in &runs { (run) } }
                    footer { p { "Made by larder " (self.version) "." } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Ok(page.into_string())
    }
}

fn run(number: usize, run: &RunPage) -> Result<Markup, ReportError> {
    let scores = match &run.scores {
        Err(why) => missing(&why.0),
        Ok(scores) => {
            let sections = scores.splits.iter().map(|split| Ok((&split.split, blocks::blocks(&split.blocks)?)));
            let sections = sections.collect::<Result<Vec<_>, ReportError>>()?;
            html! { @for (split, blocks) in sections { section { h3 { "On " (split) } (blocks) } } }
        }
    };
    Ok(html! {
        article id=(anchor(number)) {
            h2 { (run.name) }
            p.about { (run.head) " on " (run.encoder) ", dataset " (run.dataset) }
            (findings::findings(run)?)
            (scores)
            (embedding::embedding(&run.embedding)?)
            (training::training(&run.training)?)
            (lengths::lengths(&run.lengths)?)
            (settings::settings(run))
        }
    })
}

/// Returns the anchor of a run on the page.
fn anchor(number: usize) -> String {
    format!("run-{}", number + 1)
}

/// Returns the note that something is missing.
fn missing(why: &str) -> Markup {
    html! { p.missing { (prose::prose(why)) } }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    #[test]
    fn the_policy_lets_this_very_script_run() {
        let digest = ring::digest::digest(&ring::digest::SHA256, SCRIPT.as_bytes());
        let digest = base64::engine::general_purpose::STANDARD.encode(digest);
        assert_eq!(SCRIPT_DIGEST, digest, "script.js was changed");
        assert!(!SCRIPT.contains('<') && !STYLE.contains('<'), "nothing that ends its element");
    }
}
