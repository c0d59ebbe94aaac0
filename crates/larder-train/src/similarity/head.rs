//! A trained head that compares vectors.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::neighbour::Neighbour;
use super::settings::SimilarityKind;
use super::unit_rows::{BLOCK_ROWS, unit_rows};
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange};
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::threshold::HALF;

/// Classes by the cosine between a text's vector and reference vectors.
///
/// With `z` a row of all columns side by side, standardised and brought to unit length, and `s` its products with the
/// [`references`](Self::references), the [`neighbours`](Self::neighbours) nearest references vote, each with the weight
/// `exp(temperature · (s - max s))`. A class's probability is its share of the votes; of `knn` one more vote is spread evenly over
/// all classes, so that no class is ever impossible.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityHead {
    /// What a text is compared with.
    pub kind: SimilarityKind,
    /// The classes' names, in the order of their indices.
    pub classes: Vec<String>,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// Unit vectors, float32, `[references, width]`: one a class, or one a training row.
    pub references: Array2<f32>,
    /// The class of each reference, `[references]`.
    pub reference_classes: Vec<usize>,
    /// `knn`: the id of each training row, `[references]`; else empty.
    pub reference_ids: Vec<String>,
    /// References that vote.
    pub neighbours: usize,
    /// Large values let the nearest reference decide.
    pub temperature: f64,
}

impl SimilarityKind {
    /// Votes that are spread evenly over all classes.
    pub(super) fn even_votes(self) -> f64 {
        match self {
            Self::Prototype | Self::Labels => 0.0,
            Self::Knn => 1.0,
        }
    }
}

/// A reference that votes: its number and its cosine.
pub(super) type Similar = (usize, f32);

/// Returns the `count` largest of the similarities, in descending order; of equals the first.
pub(super) fn nearest(similarities: impl Iterator<Item = Similar>, count: usize) -> Vec<Similar> {
    let mut found: Vec<Similar> = similarities.collect();
    let order = |a: &Similar, b: &Similar| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if count < found.len() {
        found.select_nth_unstable_by(count, order);
        found.truncate(count);
    }
    found.sort_unstable_by(order);
    found
}

/// Returns the share of the votes of each class, `[classes]`. `similar` is in descending order.
pub(super) fn shares(
    similar: &[Similar],
    class_of: &dyn Fn(usize) -> usize,
    classes: usize,
    temperature: f64,
    even_votes: f64,
) -> Vec<f64> {
    let largest = similar.first().map_or(0.0, |(_, similarity)| f64::from(*similarity));
    let mut votes = vec![even_votes / classes as f64; classes];
    for &(reference, similarity) in similar {
        votes[class_of(reference)] += (temperature * (f64::from(similarity) - largest)).exp();
    }
    let all: f64 = votes.iter().sum();
    votes.iter_mut().for_each(|vote| *vote /= all);
    votes
}

impl SimilarityHead {
    /// Class probabilities, float64 `[rows, classes]`, each row adding up to 1. Columns are found by name; those the head does not
    /// read may be there too.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::RowMismatch`], [`TrainError::NonFinite`].
    pub fn probabilities(&self, columns: &[&FeatureColumn]) -> Result<Array2<f64>, TrainError> {
        let classes = self.classes.len();
        let even = self.kind.even_votes();
        let rows = self.of_rows(columns, &|similar| {
            shares(&similar, &|reference| self.reference_classes[reference], classes, self.temperature, even)
        })?;
        let flat: Vec<f64> = rows.iter().flatten().copied().collect();
        Ok(Array2::from_shape_vec((rows.len(), classes), flat).expect("a share was made for each class"))
    }

    /// The class indices `[rows]` answered for probabilities `[rows, classes]`: the most probable one, the first of several; of two
    /// classes the second from 0.5 on.
    pub fn answers(&self, probabilities: &Array2<f64>) -> Vec<usize> {
        let threshold = (self.classes.len() == 2).then_some(HALF);
        probabilities.rows().into_iter().map(|row| answer(row.iter().copied(), threshold)).collect()
    }

    /// The training rows that each answer rests on, the nearest first, at most `count` of them; none of a head that keeps no rows.
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn evidence(&self, columns: &[&FeatureColumn], count: usize) -> Result<Vec<Vec<Neighbour>>, TrainError> {
        self.of_rows(columns, &|similar| {
            let neighbour = |&(reference, similarity): &Similar| {
                let (id, class) = (self.reference_ids.get(reference)?.clone(), self.reference_classes[reference]);
                Some(Neighbour { id, class, similarity: f64::from(similarity) })
            };
            similar.iter().take(count).filter_map(neighbour).collect()
        })
    }

    /// Calls `of_row` with the references that vote for each row.
    fn of_rows<T: Send>(
        &self,
        columns: &[&FeatureColumn],
        of_row: &(dyn Fn(Vec<Similar>) -> T + Sync),
    ) -> Result<Vec<T>, TrainError> {
        let columns = arrange(&self.columns, columns)?;
        check_columns(&columns, columns.first().map_or(0, |column| column.rows()))?;
        let rows = unit_rows(&columns, &self.standardiser);
        let blocks: Vec<ArrayView2<'_, f32>> = rows.axis_chunks_iter(Axis(0), BLOCK_ROWS).collect();
        let blocks: Vec<Vec<T>> = blocks
            .into_par_iter()
            .map(|block| {
                let products = block.dot(&self.references.t());
                let similar =
                    |row: ArrayView1<'_, f32>| of_row(nearest(row.iter().copied().enumerate(), self.neighbours));
                products.rows().into_iter().map(similar).collect()
            })
            .collect();
        Ok(blocks.into_iter().flatten().collect())
    }
}

/// Returns sums `[classes, width]`, each brought to unit length.
pub(super) fn unit_sums(sums: &Array2<f64>) -> Array2<f32> {
    let mut unit = sums.mapv(|sum| sum as f32);
    for (mut unit, sum) in unit.rows_mut().into_iter().zip(sums.rows()) {
        let length = sum.dot(&sum).sqrt();
        if length > 0.0 {
            unit.iter_mut().zip(sum).for_each(|(unit, sum)| *unit = (sum / length) as f32);
        }
    }
    unit
}

/// Returns the sum of the rows of each class, float64 `[classes, width]`.
pub(super) fn class_sums(rows: &Array2<f32>, labels: &[usize], classes: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((classes, rows.ncols()));
    for (row, &class) in rows.rows().into_iter().zip(labels) {
        sums.slice_mut(s![class, ..]).iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_of_equals_the_one_with_the_lower_number() {
        let similar = [0.1, 0.9, 0.5, 0.9, 0.2];
        let found = nearest(similar.into_iter().enumerate(), 3);
        assert_eq!(found, [(1, 0.9), (3, 0.9), (2, 0.5)]);
        assert_eq!(nearest(similar.into_iter().enumerate(), 9).len(), 5);
    }

    #[test]
    fn shares_add_up_to_one_and_follow_the_temperature() {
        let similar = [(0, 0.8), (1, 0.6), (2, 0.6)];
        let class_of = |reference: usize| usize::from(reference > 0);
        let equal = shares(&similar, &class_of, 3, 0.0, 0.0);
        assert_eq!(equal, [1.0 / 3.0, 2.0 / 3.0, 0.0]);
        let sharp = shares(&similar, &class_of, 3, 100.0, 0.0);
        assert!(sharp[0] > 0.999_999, "{sharp:?}");
        // exp(0.2 * 5) is e: 1 vote against 2 / e, and one spread over three classes.
        let even = shares(&similar, &class_of, 3, 5.0, 1.0);
        let all = 1.0 + 2.0 * (-1.0_f64).exp() + 1.0;
        for (found, expected) in even.iter().zip([4.0 / 3.0, 2.0 * (-1.0_f64).exp() + 1.0 / 3.0, 1.0 / 3.0]) {
            assert!((found - expected / all).abs() < 1e-6, "{even:?}");
        }
    }
}
