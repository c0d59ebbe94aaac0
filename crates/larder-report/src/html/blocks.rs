//! The blocks of a section, whatever the task.

use larder_errors::count;
use larder_run::page::{Block, Cell, Chart, Inline, PageTable, TaggedSentence};
use maud::{Markup, html};

use super::missing;
use super::overview::{verdict, whisker};
use super::sentence::{EntityTypes, found, sentence};
use super::table::{cell, table, text};
use crate::ReportError;
use crate::charts::{points, precision_recall, reliability};

/// Most classes whose names fit unrotated above a matrix.
const FEW: usize = 4;

/// Returns the blocks in order.
pub(super) fn blocks(all: &[Block], types: &EntityTypes) -> Result<Markup, ReportError> {
    let parts = all.iter().map(|one| block(one, types)).collect::<Result<Vec<Markup>, _>>()?;
    let first_sentence = all.iter().position(|block| matches!(block, Block::Sentence(_) | Block::Found { .. }));
    Ok(
        html! { @for (at, part) in parts.iter().enumerate() { @if first_sentence == Some(at) { (types.legend()) } (part) } },
    )
}

fn block(block: &Block, types: &EntityTypes) -> Result<Markup, ReportError> {
    Ok(match block {
        Block::Heading(heading) => html! { h4 { (heading) } },
        Block::Paragraph(parts) => html! { p { (inline(parts)) } },
        Block::Note(parts) => html! { p.note { (inline(parts)) } },
        Block::Missing(why) => missing(&why.0),
        Block::Table(table) => page_table(table, types),
        Block::Browsed { name, table } => html! { div.browse data-name=(name) { (page_table(table, types)) } },
        Block::Columns(columns) => {
            let columns = columns.iter().map(|column| blocks(column, types)).collect::<Result<Vec<_>, _>>()?;
            html! { div.columns { @for column in columns { div { (column) } } } }
        }
        Block::Details { summary, blocks: inside } => {
            let inside = blocks(inside, types)?;
            html! { details { summary { (summary) } (inside) } }
        }
        Block::Confusion { names, counts } => confusion(names, counts),
        Block::Charts(all) => {
            let charts = all.iter().map(chart).collect::<Result<Vec<_>, _>>()?;
            html! { div.charts { @for chart in charts { (chart) } } }
        }
        Block::Found { place, words, entities } => {
            html! { div.example { p.id { (place) } (found(words, entities, types)) } }
        }
        Block::Sentence(one) => html! { div.example { p.id { (one.example_id) } (sentence(one, types)) } },
    })
}

fn inline(parts: &[Inline]) -> Markup {
    html! {
        @for part in parts {
            @match part {
                Inline::Text(text) => (text),
                Inline::Code(text) => code { (text) },
                Inline::Verdict(comparison) => (verdict(comparison)),
            }
        }
    }
}

fn page_table(PageTable { words, header, rows }: &PageTable, types: &EntityTypes) -> Markup {
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<Markup>> =
        rows.iter().map(|row| row.iter().map(|cell| page_cell(cell, types)).collect()).collect();
    table(*words, &header, &rows)
}

/// Returns a table cell.
pub(super) fn page_cell(of: &Cell, types: &EntityTypes) -> Markup {
    let example = |of: &Option<TaggedSentence>| html! { @if let Some(example) = of { (sentence(example, types)) } };
    match of {
        Cell::Text(words) => cell(words),
        Cell::Running(words) => text(words),
        Cell::Sentence(of) => example(of),
        Cell::Verdict(comparison) => verdict(comparison),
        Cell::Whisker { value, interval, least } => whisker(*value, *interval, *least),
    }
}

fn confusion(names: &[String], counts: &[Vec<u64>]) -> Markup {
    html! {
        div.scroll {
            table.confusion.few[names.len() <= FEW] {
                thead {
                    tr {
                        th scope="col" { "gold \\ answer" }
                        @for name in names { th.answer scope="col" { span { (name) } } }
                    }
                }
                tbody {
                    @for (gold, row) in counts.iter().enumerate() { (confusion_row(names, gold, row)) }
                }
            }
        }
    }
}

fn confusion_row(names: &[String], gold: usize, row: &[u64]) -> Markup {
    let all: u64 = row.iter().sum();
    html! {
        tr {
            th scope="row" { (names.get(gold).map_or("?", String::as_str)) }
            @for (answer, &rows) in row.iter().enumerate() {
                @let share = (rows * 100).checked_div(all).unwrap_or(0);
                td.right[answer == gold].wrong[answer != gold] style=(format!("--share:{}%", share * 6 / 10)) {
                    @if rows == 0 { span.none { "0" } } @else { (count(rows)) }
                }
            }
        }
    }
}

fn chart(chart: &Chart) -> Result<Markup, ReportError> {
    match chart {
        Chart::Reliability(answers) => reliability(answers),
        Chart::PrecisionRecall { title, curves, level } => precision_recall(title, curves, *level),
        Chart::Points { title, x, y, points: all, diagonal } => points(title, (x, y), all, *diagonal),
        Chart::Missing(why) => Ok(missing(&why.0)),
    }
}
