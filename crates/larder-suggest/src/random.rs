//! Random choice.

use crate::candidates::CandidateRows;
use crate::order::draw;

/// Returns the positions of the candidates whose draw comes first.
pub(crate) fn positions(candidates: &CandidateRows, n: usize, seed: u64) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..candidates.len()).collect();
    positions.sort_by_key(|&position| (draw(seed, candidates.rows[position]), candidates.rows[position]));
    positions.truncate(n);
    positions
}
