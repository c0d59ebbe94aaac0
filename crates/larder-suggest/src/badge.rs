//! BADGE: k-means++ on gradients of the loss at the predicted label. J. Ash, C. Zhang, A. Krishnamurthy, J. Langford, A. Agarwal: Deep
//! Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020.
//!
//! The gradient of a row's log-loss in the weights of a linear head is `(p - e_y) ⊗ h`: `p` are its probabilities, `y` the most probable
//! class, `h` the head's input. Products of such gradients are `(a · a') (h · h')`, so no outer product is ever formed.

use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use crate::candidates::CandidateRows;
use crate::distance::dot;

/// Takes the candidate with the longest gradient, then draws each next one with a probability that is proportional to the squared
/// distance of its gradient to the nearest one taken.
pub(crate) fn positions(candidates: &CandidateRows, n: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let errors: Vec<f32> =
        (0..candidates.len()).flat_map(|position| error(candidates.probabilities_of(position))).collect();
    let error = |position: usize| &errors[position * candidates.classes..][..candidates.classes];
    let product = |first: usize, second: usize| {
        f64::from(dot(error(first), error(second)))
            * f64::from(dot(candidates.vector(first), candidates.vector(second)))
    };
    let lengths: Vec<f64> = (0..candidates.len()).map(|position| product(position, position)).collect();
    let mut distances = vec![f64::INFINITY; candidates.len()];
    let mut taken = Vec::with_capacity(n.min(candidates.len()));
    while taken.len() < n {
        let next = if taken.is_empty() {
            (0..candidates.len()).reduce(|best, next| if lengths[next] > lengths[best] { next } else { best })
        } else {
            drawn(&distances, random.random::<f64>())
        };
        let Some(next) = next.filter(|&next| distances[next] > 0.0) else { break };
        taken.push(next);
        distances.par_iter_mut().enumerate().for_each(|(position, distance)| {
            let both = lengths[position] + lengths[next];
            let apart = both - 2.0 * product(position, next);
            // What is left of equal gradients is rounding of float32.
            *distance = distance.min(if position == next || apart <= 1e-6 * both { 0.0 } else { apart });
        });
    }
    taken
}

/// Returns `p - e_y`, `[classes]`.
fn error(probabilities: &[f32]) -> Vec<f32> {
    let mut error = probabilities.to_vec();
    let answer = (0..error.len()).reduce(|best, next| if error[next] > error[best] { next } else { best });
    if let Some(answer) = answer {
        error[answer] -= 1.0;
    }
    error
}

/// Returns the position at `share` of the sum of `weights`; `None` if all are 0.
fn drawn(weights: &[f64], share: f64) -> Option<usize> {
    let mut left = share * weights.iter().sum::<f64>();
    let mut last = None;
    for (position, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        last = Some(position);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}
