//! Core-set: k-center greedy. O. Sener, S. Savarese: Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018.

use rayon::prelude::*;

use crate::candidates::CandidateRows;
use crate::distance::{nearest, squared};
use crate::labelled::Labelled;

/// Takes again and again the candidate that is farthest from all labelled and taken rows; of equals the first. Without labelled rows the
/// first taken is the one farthest from the candidates' mean.
pub(crate) fn positions(candidates: &CandidateRows, labelled: &Labelled, n: usize) -> Vec<usize> {
    let known = match labelled.rows.is_empty() {
        false => nearest(&candidates.vectors, &labelled.vectors, candidates.width),
        true => nearest(&candidates.vectors, &mean(candidates), candidates.width),
    };
    let mut distances: Vec<f32> = known.into_iter().map(|(distance, _)| distance).collect();
    let mut taken: Vec<usize> = Vec::with_capacity(n.min(candidates.len()));
    while taken.len() < n {
        let farthest =
            (0..candidates.len()).reduce(|best, next| if distances[next] > distances[best] { next } else { best });
        let Some(next) = farthest.filter(|&next| distances[next] > 0.0) else { break };
        taken.push(next);
        let vector = candidates.vector(next);
        let is_first_of_all = taken.len() == 1 && labelled.rows.is_empty();
        distances.par_iter_mut().zip(candidates.vectors.par_chunks(candidates.width)).for_each(|(distance, other)| {
            let apart = squared(vector, other);
            *distance = if is_first_of_all { apart } else { distance.min(apart) };
        });
    }
    taken
}

fn mean(candidates: &CandidateRows) -> Vec<f32> {
    let mut mean = vec![0.0_f64; candidates.width];
    for vector in candidates.vectors.chunks_exact(candidates.width.max(1)) {
        mean.iter_mut().zip(vector).for_each(|(mean, value)| *mean += f64::from(*value));
    }
    mean.iter().map(|sum| (sum / candidates.len().max(1) as f64) as f32).collect()
}
