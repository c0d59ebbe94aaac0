//! A batch of rows, with reasons.

use serde::Serialize;

use crate::candidates::CandidateRows;
use crate::distance::{nearest, squared};
use crate::entropy::entropy;
use crate::labelled::Labelled;
use crate::margin::{margin, uncertainty};
use crate::strategy::Strategy;
use crate::{badge, coreset, random, spread};

/// A row to be labelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenRow {
    /// Zero-based row of the pool.
    pub row: usize,
    /// Its position among the candidates.
    #[serde(skip)]
    pub position: usize,
    /// The probability of each class, `[classes]`.
    pub probabilities: Vec<f32>,
    /// The difference of the two largest.
    pub margin: f32,
    /// Their entropy, as a share of the largest there can be.
    pub entropy: f32,
    /// The nearest row among those chosen before it.
    pub nearest_chosen: Option<Nearest>,
    /// The nearest row among those with labels.
    pub nearest_labelled: Option<Nearest>,
}

/// A near row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Nearest {
    /// Zero-based row: of the pool for a chosen one, of the training split for a labelled one.
    pub row: usize,
    /// Its distance, in the head's standardised input.
    pub distance: f32,
}

/// Chooses `n` of the candidates, in the order in which they should be labelled; fewer where there are not as many that differ. The same input and `seed` give
/// the same rows, whatever the number of threads.
pub fn choose(
    strategy: Strategy,
    candidates: &CandidateRows,
    labelled: &Labelled,
    n: usize,
    seed: u64,
) -> Vec<ChosenRow> {
    let positions = match strategy {
        Strategy::Margin => spread::positions(candidates, n, uncertainty),
        Strategy::Entropy => spread::positions(candidates, n, entropy),
        Strategy::Badge => badge::positions(candidates, n, seed),
        Strategy::Coreset => coreset::positions(candidates, labelled, n),
        Strategy::Random => random::positions(candidates, n, seed),
    };
    let vectors: Vec<f32> = positions.iter().flat_map(|&position| candidates.vector(position)).copied().collect();
    let known = nearest(&vectors, &labelled.vectors, labelled.width);
    let of_labelled = |place: usize| {
        let (squared, position) = known[place];
        let row = labelled.rows.get(position)?;
        Some(Nearest { row: *row, distance: squared.sqrt() })
    };
    let chosen = positions.iter().enumerate().map(|(place, &position)| {
        let probabilities = candidates.probabilities_of(position);
        let vector = candidates.vector(position);
        let before = positions[..place].iter().map(|&other| (squared(vector, candidates.vector(other)), other));
        let near = before.reduce(|best, next| if next.0 < best.0 { next } else { best });
        ChosenRow {
            row: candidates.rows[position],
            position,
            probabilities: probabilities.to_vec(),
            margin: margin(probabilities),
            entropy: entropy(probabilities),
            nearest_chosen: near
                .map(|(squared, other)| Nearest { row: candidates.rows[other], distance: squared.sqrt() }),
            nearest_labelled: of_labelled(place),
        }
    });
    chosen.collect()
}
