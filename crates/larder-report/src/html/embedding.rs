//! The scatter of vectors.

use maud::{Markup, html};

use super::missing;
use super::prose::prose;
use super::table::percent;
use crate::charts::scatter;
use crate::{Embedding, Part, ReportError};

pub(super) fn embedding(embedding: &Part<Embedding>) -> Result<Markup, ReportError> {
    let body = match embedding {
        Part::Missing(why) => missing(why),
        Part::Given(embedding) => {
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
