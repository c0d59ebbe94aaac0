//! The strategies again, each distance computed anew from its definition in float64.

use larder_suggest::{CandidateRows, draw, entropy, margin};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

/// Returns the squared distance.
fn apart(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn vector(rows: &CandidateRows, position: usize) -> Vec<f64> {
    rows.vector(position).iter().map(|&value| f64::from(value)).collect()
}

/// The first position with the largest value.
fn largest(values: &[f64]) -> Option<usize> {
    (0..values.len()).reduce(|best, next| if values[next] > values[best] { next } else { best })
}

/// Weighted farthest-first.
pub fn spread(rows: &CandidateRows, n: usize, is_margin: bool) -> Vec<usize> {
    let weight = |position: usize| {
        let shares = rows.probabilities_of(position);
        f64::from(if is_margin { 1.0 - margin(shares) } else { entropy(shares) })
    };
    let mut taken: Vec<usize> = Vec::new();
    while taken.len() < n {
        let values: Vec<f64> = (0..rows.len())
            .map(|position| {
                let near = taken.iter().map(|&other| apart(&vector(rows, position), &vector(rows, other)));
                weight(position) * near.reduce(f64::min).unwrap_or(1.0)
            })
            .collect();
        match largest(&values).filter(|&next| values[next] > 0.0) {
            Some(next) => taken.push(next),
            None => break,
        }
    }
    taken
}

/// k-center greedy.
pub fn coreset(rows: &CandidateRows, labelled: &[Vec<f64>], n: usize) -> Vec<usize> {
    let mut centers = labelled.to_vec();
    let mut taken = Vec::new();
    while taken.len() < n {
        let nearest = |position: usize| {
            centers.iter().map(|center| apart(&vector(rows, position), center)).fold(f64::INFINITY, f64::min)
        };
        let values: Vec<f64> = (0..rows.len()).map(nearest).collect();
        match largest(&values).filter(|&next| values[next] > 1e-9) {
            Some(next) => {
                centers.push(vector(rows, next));
                taken.push(next);
            }
            None => break,
        }
    }
    taken
}

/// k-means++ on whole gradients: outer products, written out.
pub fn badge(rows: &CandidateRows, n: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let gradients: Vec<Vec<f64>> = (0..rows.len())
        .map(|position| {
            let shares: Vec<f64> = rows.probabilities_of(position).iter().map(|&share| f64::from(share)).collect();
            let answer = largest(&shares).unwrap();
            let error = |class: usize| shares[class] - f64::from(u8::from(class == answer));
            let vector = vector(rows, position);
            (0..shares.len())
                .flat_map(|class| vector.iter().map(|value| error(class) * value).collect::<Vec<_>>())
                .collect()
        })
        .collect();
    let zero = vec![0.0; gradients[0].len()];
    let lengths: Vec<f64> = gradients.iter().map(|gradient| apart(gradient, &zero)).collect();
    let mut taken = vec![largest(&lengths).unwrap()];
    while taken.len() < n {
        let near = |gradient: &Vec<f64>| {
            taken.iter().map(|&other| apart(gradient, &gradients[other])).fold(f64::INFINITY, f64::min)
        };
        let weights: Vec<f64> =
            gradients.iter().map(near).map(|weight| if weight < 1e-9 { 0.0 } else { weight }).collect();
        let total: f64 = weights.iter().sum();
        if total == 0.0 {
            break;
        }
        let goal = random.random::<f64>() * total;
        let mut passed = 0.0;
        let next = (0..rows.len()).find(|&position| {
            passed += weights[position];
            passed > goal
        });
        taken.push(next.unwrap());
    }
    taken
}

/// The rows that come first in the random order.
pub fn random(rows: &CandidateRows, n: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..rows.len()).collect();
    all.sort_by_key(|&position| draw(seed, rows.rows[position]));
    all.into_iter().take(n).collect()
}
