//! Folds for cross-validation in which every class has its share.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

use crate::error::MetricsError;

/// Folds: five leaves 80 % of train to fit on, the usual compromise between that and the number of fits.
pub const DEFAULT_FOLDS: usize = 5;

/// Deals the rows of `labels` (`[rows]` of class indices) into `folds` folds; returns the fold of each row,
/// `[rows]`.
///
/// Rows are shuffled within their class and dealt in turn, each class going on where the one before stopped: the
/// folds differ by at most one row, in all and in every class. A class with fewer rows than folds is *not* an
/// error: it is missing from some folds, which makes their scores noisier but not wrong. The same labels, number
/// and seed give the same folds.
///
/// # Errors
/// [`MetricsError::TooFewFolds`] below two folds; [`MetricsError::TooFewRows`] with fewer rows than folds.
pub fn stratified_folds(labels: &[usize], folds: usize, seed: u64) -> Result<Vec<usize>, MetricsError> {
    if folds < 2 {
        return Err(MetricsError::TooFewFolds(folds));
    }
    if labels.len() < folds {
        return Err(MetricsError::TooFewRows { rows: labels.len(), folds });
    }
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    rows.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    // Stable, so each class stays shuffled.
    rows.sort_by_key(|&row| labels[row]);
    let mut fold_of_row = vec![0; labels.len()];
    for (turn, &row) in rows.iter().enumerate() {
        fold_of_row[row] = turn % folds;
    }
    Ok(fold_of_row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn too_few_rows_or_folds_are_refused_but_a_rare_class_is_not() {
        assert_eq!(stratified_folds(&[0, 1, 0], 4, 0).unwrap_err(), MetricsError::TooFewRows { rows: 3, folds: 4 });
        assert_eq!(stratified_folds(&[0, 1, 0], 1, 0).unwrap_err(), MetricsError::TooFewFolds(1));
        let folds = stratified_folds(&[0, 1, 0, 0], 4, 0).unwrap();
        let mut sorted = folds.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3]);
    }

    #[test]
    fn the_seed_decides() {
        let labels = [0, 1].repeat(50);
        let folds = stratified_folds(&labels, 5, 3).unwrap();
        assert_eq!(folds, stratified_folds(&labels, 5, 3).unwrap());
        assert_ne!(folds, stratified_folds(&labels, 5, 4).unwrap());
        // Not dealt in file order, where neighbours often belong together.
        let evens: Vec<usize> = folds.iter().step_by(2).take(5).copied().collect();
        assert_ne!(evens, [0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn every_class_is_spread_evenly(
            labels in prop::collection::vec(0_usize..4, 6..80),
            folds in 2_usize..6,
            seed in any::<u64>(),
        ) {
            let fold_of_row = stratified_folds(&labels, folds, seed).unwrap();
            for class in [None, Some(0), Some(1), Some(2), Some(3)] {
                let mut sizes = vec![0; folds];
                for (&fold, &label) in fold_of_row.iter().zip(&labels) {
                    sizes[fold] += usize::from(class.is_none_or(|class| class == label));
                }
                let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
                prop_assert!(most - least <= 1, "class {class:?}: {sizes:?}");
            }
        }
    }
}
