//! Rows dealt into parts that have each label in the same share.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The part of each row, `[rows]`: Sechidis, Tsoumakas and Vlahavas (2011), iterative stratification. The rarest label is dealt
/// out first, each of its rows to the part that lacks most of it; rows without labels go last, to the smallest part.
pub(super) fn stratified_parts(targets: ArrayView2<'_, bool>, parts: usize, seed: u64) -> Vec<usize> {
    let (rows, labels) = targets.dim();
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut left: Vec<usize> =
        targets.columns().into_iter().map(|label| label.iter().filter(|has| **has).count()).collect();
    let mut lacking: Vec<Vec<f64>> = vec![left.iter().map(|&count| count as f64 / parts as f64).collect(); parts];
    let mut room = vec![rows as f64 / parts as f64; parts];
    let mut part_of_row = vec![parts; rows];
    let mut deal = |row: usize, first: Option<usize>, left: &mut [usize]| {
        let need = |part: usize| (first.map_or(0.0, |label| lacking[part][label]), room[part]);
        // The first of equals.
        let part = (0..parts).rev().max_by(|&a, &b| need(a).partial_cmp(&need(b)).expect("counts are finite"));
        let part = part.expect("there are parts");
        part_of_row[row] = part;
        room[part] -= 1.0;
        for label in (0..labels).filter(|&label| targets[[row, label]]) {
            lacking[part][label] -= 1.0;
            left[label] -= 1;
        }
        part
    };
    let mut dealt = vec![false; rows];
    while let Some(label) = (0..labels).filter(|&label| left[label] > 0).min_by_key(|&label| left[label]) {
        for &row in &order {
            if !dealt[row] && targets[[row, label]] {
                deal(row, Some(label), &mut left);
                dealt[row] = true;
            }
        }
    }
    for &row in order.iter().filter(|&&row| !dealt[row]) {
        deal(row, None, &mut left);
    }
    part_of_row
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn every_part_has_its_share_of_rows_and_of_every_label() {
        // Labels of 1 in 2 to 1 in 60 rows, in overlapping sets.
        let periods = [2, 3, 7, 20, 60];
        let targets = Array2::from_shape_fn((600, 5), |(row, label)| (row * 7919 + label) % periods[label] == 0);
        for seed in 0..3 {
            let parts = stratified_parts(targets.view(), 5, seed);
            for part in 0..5 {
                let members: Vec<usize> = (0..600).filter(|&row| parts[row] == part).collect();
                assert!(members.len().abs_diff(120) <= 6, "{}", members.len());
                for (label, period) in periods.iter().enumerate() {
                    let count = members.iter().filter(|&&row| targets[[row, label]]).count();
                    assert!(count.abs_diff(120 / period) <= 3, "part {part}, label {label}: {count}");
                }
            }
        }
        assert_ne!(stratified_parts(targets.view(), 5, 0), stratified_parts(targets.view(), 5, 1));
    }

    #[test]
    fn rows_without_labels_are_dealt_out_too() {
        let targets = Array2::from_elem((10, 2), false);
        let mut parts = stratified_parts(targets.view(), 5, 0);
        parts.sort_unstable();
        assert_eq!(parts, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    }
}
