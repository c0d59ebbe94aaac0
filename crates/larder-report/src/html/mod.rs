//! The page: its frame, and its sections, one file each.

mod blocks;
mod embedding;
mod findings;
mod lengths;
mod overview;
mod prose;
mod sentence;
mod settings;
mod summary;
mod table;
mod training;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::ReportError;
use crate::charts::marks;
use crate::page::{FoundPage, Page, RunPage};
use sentence::EntityTypes;

/// The sections of a run behind its splits: the end of the anchor, and the heading.
const PLACES: [(&str, &str); 4] = [
    ("embeddings", "Embeddings"),
    ("training", "Training"),
    ("lengths", "Lengths and padding"),
    ("settings", "How it was made"),
];
/// The style sheet, for light, dark, print and narrow screens.
const STYLE: &str = include_str!("style.css");
/// Script that shows the text of the point pointed at, and sorts and filters tables; the page is complete without it.
const SCRIPT: &str = include_str!("script.js");
/// The script's SHA-256 in base64: the policy allows this script only.
const SCRIPT_DIGEST: &str = "sH4RYZ40HK6yjfGa6Q6JjB8uY58Tc4BrVVjPa6kCF84=";

impl Page {
    /// Returns the page as HTML.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub(crate) fn html(&self) -> Result<String, ReportError> {
        let names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
        let runs = self.runs.iter().enumerate().map(|(number, run)| self::run(number, run));
        let runs = runs.collect::<Result<Vec<Markup>, _>>()?;
        let overview = overview::overview(&self.runs, &self.comparisons)?;
        let contents = summary::contents(&self.runs);
        let main = html! { (summary::cards(&self.runs)) (overview) @for run in &runs { (run) } };
        Ok(framed(&names.join(", "), &contents, &main, self.version))
    }
}

impl FoundPage {
    /// Returns the page as HTML.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub(crate) fn html(&self) -> Result<String, ReportError> {
        let types = EntityTypes::of(&self.blocks);
        let blocks = blocks::blocks(&self.blocks, &types)?;
        let main = html! {
            div.cards { section.card { dl { @for fact in &self.facts { dt { (fact.name) } dd { (prose::prose(&fact.value)) } } } } }
            section { h2 { "What was found" } (blocks) }
        };
        Ok(framed(&self.title, &html! {}, &main, self.version))
    }
}

/// Returns a page of these parts.
fn framed(title: &str, contents: &Markup, main: &Markup, version: &str) -> String {
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_DIGEST}'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "larder report: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (marks())
                header {
                    p.made { "larder report" }
                    h1 { (title) }
                }
                (contents)
                main { (main) }
                footer { p { "Made by larder " (version) "." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn run(number: usize, run: &RunPage) -> Result<Markup, ReportError> {
    let scores = match &run.scores {
        Err(why) => missing(&why.0),
        Ok(scores) => {
            let types = EntityTypes::of(scores.splits.iter().flat_map(|split| &split.blocks));
            let sections = scores.splits.iter().map(|split| Ok((&split.split, blocks::blocks(&split.blocks, &types)?)));
            let sections = sections.collect::<Result<Vec<_>, ReportError>>()?;
            html! {
                @for (at, (split, blocks)) in sections.iter().enumerate() {
                    section id=(split_anchor(number, at)) { h3 { "On " (split) } (blocks) }
                }
            }
        }
    };
    let place = |name: &str| format!("{}-{name}", anchor(number));
    Ok(html! {
        article id=(anchor(number)) {
            h2 { (run.name) }
            p.about { (run.head) " on " (run.encoder) ", dataset " (run.dataset) }
            div id=(place("findings")) { (findings::findings(run)?) }
            (scores)
            div id=(place("embeddings")) { (embedding::embedding(&run.embedding)?) }
            div id=(place("training")) { (training::training(&run.training)?) }
            div id=(place("lengths")) { (lengths::lengths(&run.lengths)?) }
            div id=(place("settings")) { (settings::settings(run)) }
        }
    })
}

/// Returns the anchor of a run on the page.
fn anchor(number: usize) -> String {
    format!("run-{}", number + 1)
}

/// Returns the anchor of a split of a run.
fn split_anchor(number: usize, at: usize) -> String {
    format!("{}-split-{}", anchor(number), at + 1)
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
