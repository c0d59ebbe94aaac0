//! The features of a pair whose texts are read by themselves.

use larder_onnx::PAIR_PARTS;

/// Makes a pair's features `[u, v, |u - v|, u * v]`, `[4 * hidden]`, of the vectors of both texts, which its first half holds:
/// `u` and `v` are brought to unit length, so that the products sum to the cosine. InferSent combines them so (Conneau et al.
/// 2017, <https://arxiv.org/abs/1705.02364>), at their own lengths.
pub fn combine_pair(features: &mut [f32]) {
    let hidden = features.len() / PAIR_PARTS;
    let (texts, combined) = features.split_at_mut(2 * hidden);
    let (first, second) = texts.split_at_mut(hidden);
    normalise(first);
    normalise(second);
    let (differences, products) = combined.split_at_mut(hidden);
    for (((u, v), difference), product) in first.iter().zip(second.iter()).zip(differences).zip(products) {
        *difference = (u - v).abs();
        *product = u * v;
    }
}

/// Divides a vector by its Euclidean norm, if it has one.
fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_and_products_stand_behind_both_texts() {
        let mut features = [3.0, -4.0, 0.0, 0.5, 9.0, 9.0, 9.0, 9.0];
        combine_pair(&mut features);
        let expected = [0.6, -0.8, 0.0, 1.0, 0.6, 1.8, 0.0, -0.8];
        assert!(features.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{features:?}");
    }

    #[test]
    fn a_vector_without_length_stays_as_it_is() {
        let mut features = [0.0, 0.0, 0.0, 2.0, 9.0, 9.0, 9.0, 9.0];
        combine_pair(&mut features);
        assert_eq!(features, [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
