//! The section of the scatter plot.

use larder_run::page::{Missing, percent};
use maud::{Markup, html};

use super::missing;
use super::prose::prose;
use crate::ReportError;
use crate::charts::scatter;
use crate::page::Embedding;

pub(super) fn embedding(embedding: &Result<Embedding, Missing>) -> Result<Markup, ReportError> {
    let body = match embedding {
        Err(why) => missing(&why.0),
        Ok(embedding) => {
            let [first, second] = embedding.explained;
            html! {
                (scatter(embedding)?)
                p.note {
                    "What the head reads (" (embedding.columns.join(", ")) ") on its first two principal components, which hold "
                    (percent(first)) " and " (percent(second)) " of the variance: groups that lie apart here are easy, groups "
                    "that lie together may still be apart in other directions. " (prose(&embedding.sampling))
                }
            }
        }
    };
    Ok(html! { section { h3 { "Embeddings" } (body) } })
}
