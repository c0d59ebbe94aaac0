//! Measured coverage for people.

use larder_errors::count;
use larder_metrics::SplitCoverage;

use crate::page::{Block, Cell, Inline, PageTable, number, percent, range};
use crate::{TextBlock, TextTable};

/// Labels listed, those covered worst first.
const SHOWN: usize = 20;

/// Returns measured coverage in a sentence.
fn sentence(coverage: &SplitCoverage) -> String {
    let (sets, size) = match &coverage.score {
        Some(score) => (format!("sets by {score}"), format!("{:.2} labels", coverage.mean_size)),
        None => ("intervals".to_owned(), format!("a width of {}", number(coverage.mean_size))),
    };
    let what = match coverage.by.as_str() {
        "class" => "true labels",
        _ => "rows",
    };
    let mut text = format!(
        "coverage of {sets} is {} ({}) of {} {what}, asked for {}, expected {}, with {size} on average, from {} calibration rows",
        number(coverage.coverage),
        range(&coverage.interval),
        count(coverage.rows as u64),
        coverage.asked,
        range(&coverage.expected),
        count(coverage.calibration_rows as u64),
    );
    if coverage.score.is_some() {
        let most = coverage.max_set.map_or_else(String::new, |most| format!(" or has more than {most} labels"));
        text.push_str(&format!("; {} abstain, because their set is empty{most}", percent(coverage.abstained)));
    }
    text
}

/// Returns the labels, those covered worst first, with a line below if there are more.
fn classes(coverage: &SplitCoverage, names: &[String]) -> (Vec<Vec<String>>, String) {
    let mut classes: Vec<_> = coverage.classes.iter().collect();
    classes.sort_by(|a, b| a.coverage.total_cmp(&b.coverage));
    let rows = classes.iter().take(SHOWN).map(|one| {
        let name = names.get(one.class).cloned().unwrap_or_else(|| "(unseen)".to_owned());
        let name = if one.always { format!("{name} (in every set: too few calibration rows)") } else { name };
        vec![name, number(one.coverage), range(&one.interval), count(one.rows as u64)]
    });
    let more = classes.len().saturating_sub(SHOWN);
    let below = if more == 0 { String::new() } else { format!("and {more} labels that are covered better") };
    (rows.collect(), below)
}

/// The columns of the table of labels.
const HEADER: [&str; 4] = ["class", "coverage", "95 % interval", "rows"];

/// Returns measured coverage as text; `names` are the display names of the labels.
pub(crate) fn coverage_blocks(coverage: &SplitCoverage, names: &[String]) -> Vec<TextBlock> {
    let mut blocks = vec![TextBlock::Lines(sentence(coverage))];
    if !coverage.classes.is_empty() {
        let (rows, below) = classes(coverage, names);
        let mut table = TextTable::new(&HEADER);
        rows.into_iter().for_each(|row| table.push(row));
        blocks.push(TextBlock::Table(table));
        if !below.is_empty() {
            blocks.push(TextBlock::Lines(below));
        }
    }
    blocks
}

/// Returns measured coverage for the report; `names` are the display names of the labels.
pub fn coverage_page(coverage: &SplitCoverage, names: &[String]) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading("Coverage".to_owned()),
        Block::Paragraph(vec![Inline::Text(format!("{}.", larder_diagnose::capitalised(&sentence(coverage))))]),
    ];
    if !coverage.classes.is_empty() {
        let (rows, below) = classes(coverage, names);
        let cells = rows.into_iter().map(|row| row.into_iter().map(Cell::Text).collect()).collect();
        blocks.push(Block::Table(PageTable::new(1, &HEADER, cells)));
        if !below.is_empty() {
            blocks.push(Block::Note(vec![Inline::Text(format!("{below}."))]));
        }
    }
    blocks
}
