//! Shift: the difference between a split and train.
//!
//! A classifier that tells the rows of the split from those of train, judged on held-out rows of both, says how unlike their
//! texts are: the area under its ROC curve is 0.5 where they cannot be told apart.

use crate::evidence::{Evidence, SPLIT};
use crate::{Diagnosis, DiagnosisKind};

/// An area from which on a classifier is said to discriminate acceptably (Hosmer and Lemeshow 2000, section 5.2.4). Two random
/// halves of one set have 0.47 to 0.53 with a few hundred rows each, and CoLA's dev split in domain 0.50.
const UNLIKE: f64 = 0.7;

/// The AUC from which on nearly every row shows which split it is from, and scores of one say little about the other.
const FOREIGN: f64 = 0.97;

/// Being unlike does no harm by itself: it is told where the split's score, at the upper end of its interval, is below this
/// share of the score on held-out rows of train.
const KEPT: f64 = 0.9;

/// Rows of each side below which the area says nothing.
pub const ENOUGH_ROWS: usize = 50;

/// The difference between a split and train, and its cost.
#[derive(Debug, Clone, Copy)]
pub struct Shift<'a> {
    /// The split.
    pub split: &'a str,
    /// Rows of each side.
    pub rows: usize,
    /// The area under the curve, on held-out rows.
    pub area: f64,
    /// The features of the comparison: `the head's features`, `their tokens`.
    pub by: &'a str,
    /// The name of the score: `mcc`.
    pub score: &'a str,
    /// The score on the split, and the upper end of its interval.
    pub on_split: (f64, f64),
    /// The score that it is measured by, and on which rows: `held-out rows of train`, `dev`.
    pub held_out: Option<(f64, &'a str)>,
}

/// Diagnoses [`UnlikeTrain`](DiagnosisKind::UnlikeTrain) if a split is unlike train and scores suffer, or hardly
/// anything is alike.
pub fn diagnose_shift(shift: &Shift<'_>) -> Option<Diagnosis> {
    let Shift { split, rows, area, by, score, on_split: (value, high), held_out } = *shift;
    let suffers = held_out.filter(|(held_out, _)| high < KEPT * held_out);
    if rows < ENOUGH_ROWS || area < UNLIKE || (suffers.is_none() && area < FOREIGN) {
        return None;
    }
    let evidence = Evidence::new(format!(
        "a classifier on {by} tells its rows from those of train with an area under the curve of "
    ));
    let evidence = evidence.bound("area", area).text(" (").spelled("chance", 0.5, "0.5").text(" is chance; ");
    let mut evidence = evidence.count("rows", rows).text(" rows of each, cross-validated)");
    if let Some((held_out, place)) = suffers {
        evidence = evidence.text(format!("; {score} is ")).score("score", value).text(" (up to ").score("high", high);
        evidence = evidence.text(format!(") on {SPLIT} and ")).score("held-out", held_out).text(format!(" on {place}"));
    }
    let remedy = format!(
        "labelled rows like those of {SPLIT} help most; what was chosen on train may not be the best there (choose by a split \
         that is like your data)"
    );
    let finding = format!("the split {SPLIT} is unlike train");
    Some(Diagnosis::new(DiagnosisKind::UnlikeTrain, finding, evidence, remedy).on(split))
}

/// Parts that are held out in turn.
const FOLDS: usize = 5;

/// Returns the area under the ROC curve, 0 to 1, with which tokens alone tell `first` from `second`: multinomial naive
/// Bayes with add-one smoothing, cross-validated in five parts. Rows are token ids `[seq]` without special tokens; both
/// sides should have equally many.
///
/// Manning, Raghavan and Schütze (2008), *Introduction to Information Retrieval*, section 13.2.
pub fn token_area(first: &[&[i32]], second: &[&[i32]]) -> f64 {
    let rows: Vec<(&[i32], usize)> =
        first.iter().map(|row| (*row, 0)).chain(second.iter().map(|row| (*row, 1))).collect();
    // A row is dealt to a fold by its place in its own side.
    let fold = |at: usize| if at < first.len() { at % FOLDS } else { (at - first.len()) % FOLDS };
    let size =
        rows.iter().flat_map(|(row, _)| row.iter()).map(|&id| usize::try_from(id).unwrap_or(0) + 1).max().unwrap_or(0);
    let mut scored: Vec<(f64, bool)> = Vec::with_capacity(rows.len());
    for held_out in 0..FOLDS {
        let mut counts = [vec![1.0_f64; size], vec![1.0_f64; size]];
        let mut totals = [size as f64; 2];
        for (_, (row, side)) in rows.iter().enumerate().filter(|(at, _)| fold(*at) != held_out) {
            for &id in *row {
                counts[*side][usize::try_from(id).unwrap_or(0)] += 1.0;
                totals[*side] += 1.0;
            }
        }
        for (_, (row, side)) in rows.iter().enumerate().filter(|(at, _)| fold(*at) == held_out) {
            let odds = |id: &i32| {
                let id = usize::try_from(*id).unwrap_or(0);
                (counts[1][id] / totals[1]).ln() - (counts[0][id] / totals[0]).ln()
            };
            scored.push((row.iter().map(odds).sum(), *side == 1));
        }
    }
    area(scored)
}

/// The area under the ROC curve by the ranks of the positive rows (Mann and Whitney), ties counting half; 0.5 where there are
/// only positives or none.
fn area(mut rows: Vec<(f64, bool)>) -> f64 {
    let positives = rows.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = rows.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    rows.sort_unstable_by(|first, second| first.0.total_cmp(&second.0));
    let (mut ranks, mut before) = (0.0, 0);
    for equal in rows.chunk_by(|first, second| first.0 == second.0) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        ranks += rank * equal.iter().filter(|(_, positive)| *positive).count() as f64;
        before += equal.len();
    }
    (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIFT: Shift<'static> = Shift {
        split: "dev",
        rows: 300,
        area: 0.85,
        by: "the head's features",
        score: "mcc",
        on_split: (0.3, 0.4),
        held_out: Some((0.8, "held-out rows of train")),
    };

    #[test]
    fn unlike_and_worse_is_told_and_either_alone_is_not() {
        let found = diagnose_shift(&SHIFT).unwrap();
        assert!(found.evidence.contains("0.85") && found.evidence.contains("0.800 on held-out rows"), "{found}");
        assert_eq!(diagnose_shift(&Shift { area: 0.6, ..SHIFT }), None);
        assert_eq!(diagnose_shift(&Shift { on_split: (0.75, 0.8), ..SHIFT }), None);
        assert_eq!(diagnose_shift(&Shift { held_out: None, ..SHIFT }), None);
        assert!(diagnose_shift(&Shift { held_out: None, area: 0.99, ..SHIFT }).is_some());
        assert_eq!(diagnose_shift(&Shift { rows: 20, ..SHIFT }), None);
    }

    /// Rows of six tokens of the fifty from `from` on, drawn by a linear congruence.
    fn rows(count: usize, from: i32, mut seed: u64) -> Vec<Vec<i32>> {
        let mut draw = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            from + i32::try_from((seed >> 33) % 50).unwrap()
        };
        (0..count).map(|_| (0..6).map(|_| draw()).collect()).collect()
    }

    fn slices(rows: &[Vec<i32>]) -> Vec<&[i32]> {
        rows.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn tokens_tell_other_words_and_not_the_same_ones() {
        let (one, same, other) = (rows(200, 0, 3), rows(200, 0, 11), rows(200, 30, 5));
        let alike = token_area(&slices(&one), &slices(&same));
        assert!((alike - 0.5).abs() < 0.1, "{alike}");
        let apart = token_area(&slices(&one), &slices(&other));
        assert!(apart > 0.9, "{apart}");
        assert_eq!(token_area(&[], &[]), 0.5);
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        // Positives 0.8, 0.4, 0.4; negatives 0.4, 0.1: pairs won 1 + 1, ½ + 1, ½ + 1 of 6.
        let rows = vec![(0.8, true), (0.4, true), (0.4, false), (0.4, true), (0.1, false)];
        assert!((area(rows) - 5.0 / 6.0).abs() < 1e-15);
    }
}
