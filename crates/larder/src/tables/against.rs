//! Two features files compared.

use std::path::Path;

use larder_errors::{count, counted};
use larder_inspect::{Comparison, LEVEL, LengthDifference, VectorDifference, WordDifferences};

use super::table;

/// Formats the comparison of two files.
pub fn files_compared(found: &Comparison, paths: [&Path; 2]) -> String {
    let name =
        |letter: &str, at: usize| format!("{letter}: {}, {}", paths[at].display(), counted(found.rows[at], "row"));
    let mut parts = vec![format!("{}\n{}", name("A", 0), name("B", 1)), vectors(&found.vectors)];
    parts.extend(found.lengths.as_ref().map(lengths));
    parts.extend(found.words.as_ref().map(words));
    parts.extend(found.notes.iter().map(|note| format!("note: {note}")));
    parts.join("\n\n")
}

fn verdict(p_value: f64) -> String {
    let p = if p_value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p_value:.3}") };
    if p_value < LEVEL { format!("differ ({p})") } else { format!("show no difference ({p})") }
}

fn vectors(found: &VectorDifference) -> String {
    let VectorDifference { column, drawn, energy, p_value, nearest_in_own, nearest_in_own_by_chance } = found;
    format!(
        "the vectors `{column}` {}: {} and {} were drawn; their energy distance is {energy:.3} of what it can be, and {:.0} % have their nearest \
         other one in their own file, {:.0} % by chance",
        verdict(*p_value),
        count(drawn[0] as u64),
        count(drawn[1] as u64),
        100.0 * nearest_in_own,
        100.0 * nearest_in_own_by_chance,
    )
}

fn lengths(found: &LengthDifference) -> String {
    let LengthDifference { means: [one, other], largest_share, p_value } = found;
    format!(
        "the lengths {}: {one:.1} and {other:.1} tokens on average, shares up to a length differ by {largest_share:.3} at most",
        verdict(*p_value)
    )
}

fn words(found: &WordDifferences) -> String {
    let WordDifferences { compared, different, words } = found;
    let of =
        format!("{} of {} that ten texts or more have", count(*different as u64), counted(*compared as u64, "word"));
    if words.is_empty() {
        return format!("the words show no difference: {of}");
    }
    let mut table = table(&["word", "texts of A", "texts of B"]);
    for word in words {
        let share = |at: usize| format!("{:.1} %", 100.0 * word.shares[at]);
        table.add_row(vec![word.word.clone(), share(0), share(1)]);
    }
    let first = if *different > words.len() {
        format!(", the {} most different of them:", words.len())
    } else {
        ":".to_owned()
    };
    format!("the words differ: {of}{first}\n{table}")
}
