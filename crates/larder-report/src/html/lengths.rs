//! The section of lengths and padding.

use larder_errors::count;
use larder_run::page::{Missing, percent};
use maud::{Markup, html};

use super::missing;
use super::table::{cell, table};
use crate::page::Lengths;
use crate::{ReportError, charts};

pub(super) fn lengths(lengths: &Result<Vec<Lengths>, Missing>) -> Result<Markup, ReportError> {
    let body = match lengths {
        Err(why) => missing(&why.0),
        Ok(splits) => {
            let charts = splits.iter().map(charts::lengths).collect::<Result<Vec<_>, _>>()?;
            let most = splits.iter().map(|split| split.most).max().unwrap_or(0);
            let to_most = format!("padded to {most}");
            let header = [
                "split",
                "texts",
                "tokens",
                "mean",
                "longest",
                "cut",
                "padding in batches",
                "padded to longest",
                &to_most,
            ];
            let rows: Vec<Vec<Markup>> = splits.iter().map(row).collect();
            html! {
                div.charts.small { @for chart in charts { (chart) } }
                (table(1, &header, &rows))
                @for split in splits.iter().filter(|split| split.in_windows > 0) {
                    p.note {
                        (count(split.in_windows as u64)) " texts of " (split.split)
                        " are longer than the encoder reads at once and were read in windows."
                    }
                }
                p.note {
                    "Tokens include special ones. The last three columns are the shares of computed tokens that are padding: in "
                    "batches of texts of like lengths, as larder makes them for a CPU; with all texts padded to the split's longest; "
                    "and to as many tokens as the encoder reads."
                }
            }
        }
    };
    Ok(html! { section { h3 { "Lengths and padding" } (body) } })
}

fn row(split: &Lengths) -> Vec<Markup> {
    let tokens: u64 = split.tokens.iter().map(|&tokens| u64::from(tokens)).sum();
    let texts = split.tokens.len();
    vec![
        cell(&split.split),
        cell(count(texts as u64)),
        cell(count(tokens)),
        cell(format!("{:.1}", tokens as f64 / texts.max(1) as f64)),
        cell(count(u64::from(split.tokens.iter().copied().max().unwrap_or(0)))),
        cell(count(split.truncated as u64)),
        cell(percent(split.padding_in_batches)),
        cell(percent(split.padding_to_longest)),
        cell(percent(split.padding_to_most)),
    ]
}
