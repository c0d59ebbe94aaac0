//! The strategy that suits a run.

use crate::strategy::Strategy;

/// Labelled rows a class below which probabilities say little.
const FEW_ROWS: usize = 5;

/// Returns the strategy for a head that was fitted on `labelled` rows of `classes`, and the reason in words.
pub fn auto(labelled: usize, classes: usize) -> (Strategy, String) {
    let rows = labelled / classes.max(1);
    if classes > 2 && rows >= FEW_ROWS {
        (
            Strategy::Margin,
            format!("{rows} labelled rows a class and {classes} classes: close calls between two of them tell most"),
        )
    } else {
        let why = if rows < FEW_ROWS { "few labelled rows a class" } else { "two classes" };
        (Strategy::Badge, format!("{why} ({rows}): its draw rests on probabilities and on vectors"))
    }
}
