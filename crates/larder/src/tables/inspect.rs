//! Inspections of Parquet files.

use larder_errors::{bytes, count, counted};
use larder_inspect::{
    Dimensions, Distribution, Duplicates, Inspection, LabelBalance, Layout, Lengths, Neighbours, NumberColumn,
    Outliers, RowExamples, RowText, VectorStatistics,
};

use super::table;

/// Most labels with a line of their own.
const SHOWN_LABELS: usize = 20;
/// Length of the longest bar, in cells.
const BAR: usize = 40;
/// Most characters shown of a text.
const SHOWN_TEXT: usize = 100;
/// A full cell, then one to seven eighths.
const EIGHTHS: [char; 8] = ['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Formats everything about a file.
pub fn inspection(found: &Inspection) -> String {
    let mut parts = vec![layout(&found.layout)];
    if found.rows_looked_at < found.layout.rows {
        parts.push(format!("what follows is about the first {}", counted(found.rows_looked_at, "row")));
    }
    parts.extend(found.vectors.iter().map(vectors));
    parts.extend(found.labels.as_ref().map(labels));
    parts.extend(found.lengths.as_ref().map(lengths));
    if !found.numbers.is_empty() {
        parts.push(numbers(&found.numbers));
    }
    parts.extend(found.notes.iter().map(|note| format!("note: {note}")));
    parts.join("\n\n")
}

fn layout(layout: &Layout) -> String {
    let groups = &layout.row_groups;
    let grouped = match groups.count {
        0 => "no row group".to_owned(),
        1 => counted(1, "row group"),
        n => format!(
            "{} of {} to {}, {} at most",
            counted(n as u64, "row group"),
            count(groups.fewest_rows),
            counted(groups.most_rows, "row"),
            bytes(groups.most_bytes)
        ),
    };
    let by = layout.created_by.as_ref().map_or_else(String::new, |by| format!(", written by {by}"));
    let mut columns = table(&["column", "type", "nulls", "in the file", "encoded", "codec", "encodings"]);
    for column in &layout.columns {
        columns.add_row(vec![
            column.name.clone(),
            column.data_type.clone(),
            if column.nullable { "may be" } else { "none" }.to_owned(),
            bytes(column.compressed_bytes),
            bytes(column.uncompressed_bytes),
            column.codecs.join(", "),
            column.encodings.join(", "),
        ]);
    }
    let mut text =
        format!("{}: {}, {}, {grouped}{by}\n{columns}", layout.path, counted(layout.rows, "row"), bytes(layout.bytes));
    if !layout.provenance.is_empty() {
        let width = layout.provenance.keys().map(|key| key.chars().count()).max().unwrap_or(0);
        text.push_str("\n\nmade from (larder.*)");
        for (key, value) in &layout.provenance {
            text.push_str(&format!("\n  {key:<width$}  {}", in_a_line(value)));
        }
    }
    if !layout.other_metadata.is_empty() {
        let others: Vec<String> =
            layout.other_metadata.iter().map(|(key, size)| format!("{key} ({})", bytes(*size))).collect();
        text.push_str(&format!("\n\nother metadata: {}", others.join(", ")));
    }
    text
}

fn vectors(found: &VectorStatistics) -> String {
    let mut lines = vec![format!(
        "{}: {} of dimension {}, {}{}",
        found.column,
        counted(found.vectors, "vector"),
        found.dimension,
        found.element,
        match found.missing {
            0 => String::new(),
            1 => "; 1 row has none".to_owned(),
            missing => format!("; {} rows have none", count(missing)),
        }
    )];
    let mut line = |what: &str, text: String| lines.push(format!("  {what:<20} {text}"));
    if let Some(norms) = &found.norms {
        line("norm", distribution(norms));
    }
    if let Some(norm) = found.norm_of_mean {
        line("mean vector's norm", figure(norm));
    }
    if let Some(cosine) = found.mean_cosine {
        line("mean cosine", format!("{cosine:.4} over all pairs of rows (anisotropy: 0 is none, 1 one direction)"));
    }
    if let Some(spectrum) = &found.spectrum {
        line(
            "effective rank",
            format!(
                "{:.1} of {}; 90 % of the variance in {} directions, {:.1} % in the widest",
                spectrum.effective_rank,
                found.dimension,
                spectrum.components_for_90_percent,
                100.0 * spectrum.leading_shares.first().copied().unwrap_or(0.0)
            ),
        );
    }
    line("not finite", not_finite(found));
    line("zero vectors", rows(&found.zero));
    line("constant dimensions", dimensions(&found.constant));
    line("dead dimensions", dimensions(&found.dead));
    line("equal vectors", duplicates(&found.duplicates));
    if let Some(far) = &found.outliers {
        line("furthest rows", outliers(far));
    }
    lines.join("\n")
}

fn distribution(found: &Distribution) -> String {
    let quantiles: Vec<String> = found
        .quantiles
        .iter()
        .map(|quantile| format!("{} % {}", (100.0 * quantile.share).round(), figure(quantile.value)))
        .collect();
    let sampled = if found.quantiles_from < found.count {
        format!(" (quantiles from a sample of {})", count(found.quantiles_from))
    } else {
        String::new()
    };
    format!(
        "{} to {}, mean {}; {}{sampled}",
        figure(found.min),
        figure(found.max),
        figure(found.mean),
        quantiles.join(", ")
    )
}

fn not_finite(found: &VectorStatistics) -> String {
    if found.not_finite.count == 0 {
        return "none".to_owned();
    }
    let (nan, infinite) = (count(found.nan_values), count(found.infinite_values));
    format!("{}; {nan} elements NaN, {infinite} infinite", rows(&found.not_finite))
}

fn rows(found: &RowExamples) -> String {
    let first: Vec<String> = found.first.iter().map(u64::to_string).collect();
    listed(found.count, "row", &first)
}

fn dimensions(found: &Dimensions) -> String {
    let first: Vec<String> = found.first.iter().map(usize::to_string).collect();
    listed(found.count as u64, "dimension", &first)
}

/// `none`, or the number and the first of them.
fn listed(total: u64, what: &str, first: &[String]) -> String {
    let more = if total > first.len() as u64 { ", ..." } else { "" };
    match total {
        0 => "none".to_owned(),
        total => format!("{}: {}{more}", counted(total, what), first.join(", ")),
    }
}

fn duplicates(found: &Duplicates) -> String {
    let mut text = match found.rows {
        0 => "none".to_owned(),
        1 => format!("1 row repeats an earlier one; {} different", count(found.distinct)),
        rows => format!("{} rows repeat an earlier one; {} different", count(rows), count(found.distinct)),
    };
    if found.watched_share < 1.0 {
        text.push_str(&format!(" (estimated from {:.4} % of all vectors, by hash)", 100.0 * found.watched_share));
    }
    if let Some(largest) = found.groups.first() {
        text.push_str(&format!("; most often, {}, that of row {}", counted(largest.rows, "time"), largest.first_row));
    }
    text
}

fn outliers(found: &Outliers) -> String {
    let mut text = format!(
        "by Mahalanobis distance on {} components, where about {:.1} is usual",
        found.components,
        (found.components as f64).sqrt()
    );
    for outlier in &found.rows {
        text.push_str(&format!("\n    {:>8.2}  {}", outlier.distance, row(&outlier.row)));
    }
    text
}

fn labels(found: &LabelBalance) -> String {
    let missing = if found.missing > 0 { format!("; {} have none", count(found.missing)) } else { String::new() };
    let majority = found.majority_share.map_or_else(String::new, |share| {
        format!("; always answering the most frequent is right for {:.1} %", 100.0 * share)
    });
    let mut text = format!(
        "{}: {} different in {}{missing}{majority}",
        found.column,
        count(found.labels.len() as u64),
        count(found.count)
    );
    let shown = found.labels.iter().take(SHOWN_LABELS);
    let bars: Vec<(String, u64, String)> = shown
        .map(|label| (shortened(&label.label, 30), label.count, format!("  {:.1} %", 100.0 * label.share)))
        .collect();
    text.push_str(&histogram(&bars));
    if found.labels.len() > SHOWN_LABELS {
        text.push_str(&format!("\n  and {} more", count((found.labels.len() - SHOWN_LABELS) as u64)));
    }
    if found.others > 0 {
        text.push_str(&format!("\n  {} further values were not told apart", count(found.others)));
    }
    text
}

fn lengths(found: &Lengths) -> String {
    let what = match found.unit {
        "rows" => "rows a sentence",
        unit => unit,
    };
    let bars: Vec<(String, u64, String)> = found
        .bins
        .iter()
        .map(|bin| {
            let range = if bin.from == bin.to {
                bin.from.to_string()
            } else {
                format!("{} to {}", bin.from, bin.to.min(found.max))
            };
            (range, bin.count, String::new())
        })
        .collect();
    format!(
        "lengths in {what} ({}): {} to {}, mean {:.1}, median {}, 95 % up to {}{}",
        found.column,
        found.min,
        found.max,
        found.mean,
        found.median,
        found.p95,
        histogram(&bars)
    )
}

/// Formats bars of (name, count, suffix) in proportion, one per line.
fn histogram(bars: &[(String, u64, String)]) -> String {
    let names = bars.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let most = bars.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
    let numbers = count(most).len();
    let line = |(name, n, after): &(String, u64, String)| {
        format!("\n  {name:<names$}  {:<BAR$}  {:>numbers$}{after}", bar(*n, most), count(*n))
    };
    bars.iter().map(line).collect()
}

/// Formats a bar in eighths of a cell, at least one if the count is not 0.
fn bar(n: u64, most: u64) -> String {
    let eighths = (n as f64 / most.max(1) as f64 * (8 * BAR) as f64).round() as usize;
    let eighths = if n > 0 { eighths.max(1) } else { 0 };
    let part = if eighths.is_multiple_of(8) { None } else { EIGHTHS.get(eighths % 8) };
    std::iter::repeat_n(EIGHTHS[0], eighths / 8).chain(part.copied()).collect()
}

fn numbers(found: &[NumberColumn]) -> String {
    let mut table = table(&["numbers", "rows", "missing", "not finite", "min", "mean", "max"]);
    let shown = |value: Option<f64>| value.map_or_else(String::new, figure);
    for column in found {
        table.add_row(vec![
            column.column.clone(),
            count(column.count),
            count(column.missing),
            count(column.not_finite),
            shown(column.min),
            shown(column.mean),
            shown(column.max),
        ]);
    }
    table.to_string()
}

/// Formats the rows nearest to another one.
pub fn neighbours(found: &Neighbours) -> String {
    let mut text = format!("nearest in `{}` of {} vectors by cosine", found.column, count(found.compared));
    if let Some(of) = &found.of {
        text.push_str(&format!("\n            {}", row(of)));
    }
    for neighbour in &found.neighbours {
        text.push_str(&format!("\n  {:>8.4}  {}", neighbour.cosine, row(&neighbour.row)));
    }
    if found.without_direction > 0 {
        let n = count(found.without_direction);
        text.push_str(&format!("\n  {n} vectors are zero or not finite and were not compared"));
    }
    text
}

/// Formats a row and its fields, in a line.
fn row(row: &RowText) -> String {
    let mut text = format!("row {}", row.row);
    for (name, value) in &row.fields {
        text.push_str(&format!("  {name} {}", in_a_line(&shortened(value, SHOWN_TEXT))));
    }
    text
}

pub fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Replaces line ends and other control characters by spaces, so that no text breaks a line or moves the cursor.
pub fn in_a_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Formats a number with six digits, without an exponent if it is readable.
fn figure(value: f64) -> String {
    match value.abs() {
        size if value.fract() == 0.0 && size < 1e15 => format!("{value}"),
        size if (1e-3..1e6).contains(&size) => {
            let decimals = 5 - (size.log10().floor() as i32).clamp(-3, 5);
            format!("{value:.*}", usize::try_from(decimals.max(1)).unwrap_or(1))
        }
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion() {
        assert_eq!(bar(10, 10).chars().count(), BAR);
        assert_eq!(bar(5, 10), "█".repeat(BAR / 2));
        assert_eq!((bar(0, 10).as_str(), bar(1, 1_000_000).as_str()), ("", "▏"));
        let lines = histogram(&[("a".into(), 3, String::new()), ("bb".into(), 1, "!".into())]);
        let lines: Vec<&str> = lines.lines().skip(1).collect();
        assert_eq!(lines[0].chars().count() + 1, lines[1].chars().count());
    }

    #[test]
    fn figures_have_six_digits() {
        let figures = [0.0, 12.0, 1.9997526465, 123.456789, 0.00123456789, 1e-9, 123456.789, 1e300].map(figure);
        assert_eq!(figures, ["0", "12", "1.99975", "123.457", "0.00123457", "1.000e-9", "123456.8", "1.000e300"]);
    }

    #[test]
    fn texts_stay_in_their_line() {
        assert_eq!(in_a_line("a\nb\u{1b}[2J"), "a b [2J");
        assert_eq!(shortened("größer", 3), "grö...");
    }
}
