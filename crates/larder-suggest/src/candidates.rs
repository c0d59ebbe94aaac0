//! The rows of a pool that a strategy can choose from.

use crate::entropy::entropy;
use crate::error::SuggestError;
use crate::margin::margin;
use crate::order::draw;
use crate::strategy::Strategy;

/// Candidates of strategies that compare each with each.
pub const CANDIDATES: usize = 10_000;
/// Candidates of margin and entropy for each row to be chosen.
pub const CANDIDATES_A_ROW: usize = 10;

/// Keeps the rows of a pool that come first by a strategy's own key, in memory for twice as many. Margin and entropy keep the least certain rows,
/// [`CANDIDATES_A_ROW`] times those to be chosen; badge the [`CANDIDATES`] of least margin; coreset and random as many, drawn.
#[derive(Debug)]
pub struct Candidates {
    strategy: Strategy,
    seed: u64,
    limit: usize,
    /// Of the candidates left by the last cut, the last key; later rows must come before it.
    bar: Option<Key>,
    keys: Vec<Key>,
    kept: CandidateRows,
}

/// The order of candidates: first the key, then the row.
type Key = (u64, usize);

/// Candidates in the order of their rows.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateRows {
    /// Values in a vector.
    pub width: usize,
    /// Probabilities of a row.
    pub classes: usize,
    /// Zero-based rows of the pool, `[candidates]`.
    pub rows: Vec<usize>,
    /// `[candidates, classes]`.
    pub probabilities: Vec<f32>,
    /// `[candidates, width]`.
    pub vectors: Vec<f32>,
}

impl CandidateRows {
    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the probabilities of a candidate, `[classes]`.
    pub fn probabilities_of(&self, position: usize) -> &[f32] {
        &self.probabilities[position * self.classes..][..self.classes]
    }

    /// Returns the vector of a candidate, `[width]`.
    pub fn vector(&self, position: usize) -> &[f32] {
        &self.vectors[position * self.width..][..self.width]
    }

    fn select(&self, positions: &[usize]) -> Self {
        Self {
            width: self.width,
            classes: self.classes,
            rows: positions.iter().map(|&position| self.rows[position]).collect(),
            probabilities: positions.iter().flat_map(|&position| self.probabilities_of(position)).copied().collect(),
            vectors: positions.iter().flat_map(|&position| self.vector(position)).copied().collect(),
        }
    }
}

impl Candidates {
    /// Keeps candidates for `n` rows to be chosen from vectors of `width` values and probabilities of `classes`.
    pub fn new(strategy: Strategy, n: usize, width: usize, classes: usize, seed: u64) -> Self {
        let limit = match strategy {
            Strategy::Margin | Strategy::Entropy => n.saturating_mul(CANDIDATES_A_ROW),
            Strategy::Badge | Strategy::Coreset | Strategy::Random => CANDIDATES.max(n),
        };
        let kept = CandidateRows { width, classes, rows: vec![], probabilities: vec![], vectors: vec![] };
        Self { strategy, seed, limit: limit.max(1), bar: None, keys: Vec::new(), kept }
    }

    /// Offers a row with its `probabilities` `[classes]` and its vector, `[width]`. Rows may come in any order.
    ///
    /// # Errors
    /// [`SuggestError::NonFinite`].
    pub fn offer(&mut self, row: usize, probabilities: &[f32], vector: &[f32]) -> Result<(), SuggestError> {
        for (what, values) in [("probability", probabilities), ("dimension", vector)] {
            // A sum is infinite or no number where one of its terms is.
            if !values.iter().sum::<f32>().is_finite()
                && let Some(position) = values.iter().position(|value| !value.is_finite())
            {
                return Err(SuggestError::NonFinite { row, what, position });
            }
        }
        let key = (self.key(row, probabilities), row);
        if self.bar.is_some_and(|bar| key > bar) {
            return Ok(());
        }
        self.keys.push(key);
        self.kept.rows.push(row);
        self.kept.probabilities.extend_from_slice(probabilities);
        self.kept.vectors.extend_from_slice(vector);
        if self.keys.len() >= self.limit.saturating_mul(2) {
            self.cut();
        }
        Ok(())
    }

    /// Returns the candidates.
    pub fn finish(mut self) -> CandidateRows {
        self.cut();
        let mut positions: Vec<usize> = (0..self.kept.len()).collect();
        positions.sort_unstable_by_key(|&position| self.kept.rows[position]);
        self.kept.select(&positions)
    }

    fn key(&self, row: usize, probabilities: &[f32]) -> u64 {
        match self.strategy {
            // Bits of floats from 0 on are in the order of the floats.
            Strategy::Margin | Strategy::Badge => u64::from(margin(probabilities).max(0.0).to_bits()),
            Strategy::Entropy => u64::from((1.0 - entropy(probabilities)).max(0.0).to_bits()),
            Strategy::Coreset | Strategy::Random => draw(self.seed, row),
        }
    }

    fn cut(&mut self) {
        if self.keys.len() <= self.limit {
            return;
        }
        let mut positions: Vec<usize> = (0..self.keys.len()).collect();
        positions.select_nth_unstable_by_key(self.limit - 1, |&position| self.keys[position]);
        positions.truncate(self.limit);
        self.kept = self.kept.select(&positions);
        self.keys = positions.iter().map(|&position| self.keys[position]).collect();
        self.bar = self.keys.iter().max().copied();
    }
}
