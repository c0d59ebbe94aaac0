//! A batch of uncertain rows that are apart.

use crate::candidates::CandidateRows;
use crate::distance::squared;
use rayon::prelude::*;

/// Takes the most uncertain candidate, then again and again the one whose uncertainty times its squared distance to the nearest one taken is
/// largest; of equals the first. Candidates with the vector of one taken are left out.
pub(crate) fn positions(candidates: &CandidateRows, n: usize, uncertainty: fn(&[f32]) -> f32) -> Vec<usize> {
    let weights: Vec<f32> =
        (0..candidates.len()).map(|position| uncertainty(candidates.probabilities_of(position)).max(0.0)).collect();
    let mut distances = vec![f32::INFINITY; candidates.len()];
    let mut taken = Vec::with_capacity(n.min(candidates.len()));
    while taken.len() < n {
        let score = |position: usize| match distances[position] {
            // The first one, of whom nothing is near, is the most uncertain. Rows that are certain come last, but come.
            f32::INFINITY => weights[position],
            distance => weights[position].max(f32::MIN_POSITIVE) * distance,
        };
        let open = (0..candidates.len()).filter(|&position| distances[position] > 0.0);
        // `max_by` would return the last of equals.
        let best = open.reduce(|best, next| if score(next) > score(best) { next } else { best });
        let Some(best) = best else { break };
        taken.push(best);
        let vector = candidates.vector(best);
        distances.par_iter_mut().zip(candidates.vectors.par_chunks(candidates.width)).for_each(|(distance, other)| {
            *distance = distance.min(squared(vector, other));
        });
    }
    taken
}
