//! Vectors of two files compared.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::Serialize;

use super::not_comparable::not_comparable;
use crate::sample::sample_rows;
use crate::{InspectError, ParquetFile};

/// Vectors drawn from each file.
const DRAWN: usize = 500;

/// Fewest vectors of a file.
const FEWEST: usize = 10;

/// Divisions of the vectors that the one at hand is compared with.
const PERMUTATIONS: usize = 499;

/// The vectors of two files compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VectorDifference {
    /// The column.
    pub column: String,
    /// Vectors of each that were drawn.
    pub drawn: [usize; 2],
    /// The energy distance over twice the mean distance between vectors of both: 0 for equal distributions, 1 for two points (Székely
    /// and Rizzo 2013).
    pub energy: f64,
    /// The probability of an energy distance so large if both had one distribution, by 499 random divisions of the vectors drawn.
    pub p_value: f64,
    /// The share of vectors whose nearest other one is of their own file (Schilling 1986).
    pub nearest_in_own: f64,
    /// That share if both had one distribution.
    pub nearest_in_own_by_chance: f64,
}

impl VectorDifference {
    pub(super) fn of(first: &ParquetFile, second: &ParquetFile, column: &str, seed: u64) -> Result<Self, InspectError> {
        let (one, other) = (drawn(first, column, seed)?, drawn(second, column, seed ^ 1)?);
        let widths = [&one, &other].map(|vectors| vectors.first().map_or(0, Vec::len));
        let few = [(first, &one), (second, &other)].into_iter().find(|(_, vectors)| vectors.len() < FEWEST);
        let why = match few {
            Some((file, vectors)) => Some(format!(
                "{} has {} vectors in `{column}`, and {FEWEST} are needed",
                file.path().display(),
                vectors.len()
            )),
            None if widths[0] != widths[1] => {
                Some(format!("`{column}` has {} dimensions in one and {} in the other", widths[0], widths[1]))
            }
            None => None,
        };
        match why {
            Some(why) => Err(not_comparable(first, second, why)),
            None => Ok(Self::between(column, &one, &other, seed)),
        }
    }

    fn between(column: &str, first: &[Vec<f64>], second: &[Vec<f64>], seed: u64) -> Self {
        let all: Vec<&[f64]> = first.iter().chain(second).map(Vec::as_slice).collect();
        let distances = Distances::of(&all);
        let mut is_second: Vec<bool> = (0..all.len()).map(|at| at >= first.len()).collect();
        let (energy, own) = (distances.energy(&is_second), distances.nearest_in_own(&is_second));
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let divisions: Vec<Vec<bool>> = (0..PERMUTATIONS)
            .map(|_| {
                is_second.shuffle(&mut random);
                is_second.clone()
            })
            .collect();
        let as_far = divisions.par_iter().filter(|division| distances.energy(division) >= energy).count();
        let (n, m) = (first.len() as f64, second.len() as f64);
        Self {
            column: column.to_owned(),
            drawn: [first.len(), second.len()],
            energy,
            p_value: (1 + as_far) as f64 / (1 + PERMUTATIONS) as f64,
            nearest_in_own: own,
            nearest_in_own_by_chance: (n * (n - 1.0) + m * (m - 1.0)) / ((n + m) * (n + m - 1.0)),
        }
    }
}

/// Draws vectors of a file. Those with an element that is no number are left out.
fn drawn(file: &ParquetFile, column: &str, seed: u64) -> Result<Vec<Vec<f64>>, InspectError> {
    let rows = independent_rows(file, seed)?;
    let mut vectors = Vec::new();
    for at in sample_rows(rows.len(), DRAWN, seed) {
        let vector = file.vector(column, rows[at])?;
        vectors.extend(vector.filter(|vector| vector.iter().all(|value| value.is_finite())));
    }
    Ok(vectors)
}

/// Returns all rows of texts, and of words or tokens one of each sentence: a sentence starts where a position is not above the one before it.
fn independent_rows(file: &ParquetFile, seed: u64) -> Result<Vec<u64>, InspectError> {
    if !file.has("position") {
        return Ok((0..file.rows()).collect());
    }
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let (mut rows, mut row, mut before, mut length) = (Vec::new(), 0_u64, i32::MAX, 0_u64);
    file.each_batch("position", None, |array| {
        for position in array.as_primitive_opt::<Int32Type>().into_iter().flatten().flatten() {
            length = if position > before { length + 1 } else { 1 };
            // Of the rows seen of a sentence each is as likely as any other.
            match rows.last_mut() {
                Some(last) if length > 1 => {
                    if random.random_range(0..length) == 0 {
                        *last = row;
                    }
                }
                _ => rows.push(row),
            }
            before = position;
            row += 1;
        }
        Ok(())
    })?;
    Ok(rows)
}

/// Euclidean distances between vectors.
struct Distances {
    vectors: usize,
    /// Row-major `[vectors, vectors]`.
    values: Vec<f32>,
    /// The nearest other vector of each.
    nearest: Vec<usize>,
}

impl Distances {
    fn of(vectors: &[&[f64]]) -> Self {
        let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() as f32;
        let rows: Vec<Vec<f32>> = vectors
            .par_iter()
            .map(|one| vectors.iter().map(|other| distance(one, other)).collect::<Vec<f32>>())
            .collect();
        let nearest = rows.iter().enumerate().map(|(at, row)| {
            let others = row.iter().enumerate().filter(|(other, _)| *other != at);
            others.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(at, |(other, _)| other)
        });
        Self { vectors: vectors.len(), nearest: nearest.collect(), values: rows.concat() }
    }

    /// The energy distance between the vectors of both sides, over twice the mean distance between them.
    fn energy(&self, is_second: &[bool]) -> f64 {
        // Of each side, and between both.
        let (mut within, mut between) = ([0.0_f64; 2], 0.0_f64);
        for (row, &of_row) in self.values.chunks_exact(self.vectors).zip(is_second) {
            let (mut to_first, mut to_second) = (0.0_f64, 0.0_f64);
            for (&distance, &of_other) in row.iter().zip(is_second) {
                let distance = f64::from(distance);
                // Without a branch, which no processor would foretell.
                let second = f64::from(u8::from(of_other));
                to_second += second * distance;
                to_first += (1.0 - second) * distance;
            }
            within[usize::from(of_row)] += if of_row { to_second } else { to_first };
            between += if of_row { to_first } else { to_second };
        }
        let m = is_second.iter().filter(|second| **second).count() as f64;
        let n = is_second.len() as f64 - m;
        // Each pair between both was met twice.
        let mean_between = between / (2.0 * n * m);
        let distance = 2.0 * mean_between - within[0] / (n * n) - within[1] / (m * m);
        if mean_between > 0.0 { distance / (2.0 * mean_between) } else { 0.0 }
    }

    fn nearest_in_own(&self, is_second: &[bool]) -> f64 {
        let own =
            self.nearest.iter().zip(is_second).filter(|(nearest, of_row)| is_second[**nearest] == **of_row).count();
        own as f64 / self.vectors.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(seed: u64, count: usize, shift: f64) -> Vec<Vec<f64>> {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut value = |at: usize| random.random::<f64>() + if at == 0 { shift } else { 0.0 };
        (0..count).map(|_| (0..8).map(&mut value).collect()).collect()
    }

    #[test]
    fn equal_distributions_are_rarely_told_apart() {
        let told = (0..60).filter(|&seed| {
            let found =
                VectorDifference::between("v", &vectors(2 * seed, 60, 0.0), &vectors(2 * seed + 1, 60, 0.0), seed);
            found.p_value < 0.05
        });
        // Three are expected; eight or more have a probability of 1 %.
        let told = told.count();
        assert!(told < 8, "{told} of 60");
    }

    #[test]
    fn a_shift_is_told_and_has_a_size() {
        let near = VectorDifference::between("v", &vectors(1, 200, 0.0), &vectors(2, 200, 0.3), 0);
        let far = VectorDifference::between("v", &vectors(1, 200, 0.0), &vectors(2, 200, 40.0), 0);
        assert_eq!((near.p_value, far.p_value), (0.002, 0.002));
        assert!(near.energy > 0.01 && near.energy < 0.1 && far.energy > 0.95, "{near:?} {far:?}");
        assert!(near.nearest_in_own > 0.52 && far.nearest_in_own == 1.0, "{near:?} {far:?}");
        assert!((far.nearest_in_own_by_chance - 199.0 / 399.0).abs() < 1e-12);
    }

    #[test]
    fn points_that_are_all_one_are_no_difference() {
        let same = vec![vec![1.0; 4]; 20];
        let found = VectorDifference::between("v", &same, &same, 0);
        assert_eq!((found.energy, found.p_value), (0.0, 1.0));
    }
}
