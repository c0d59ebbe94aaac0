//! Nonconformity scores of labels.

use super::request::SetScore;

/// Returns the score of each label of a row from the probability of each, `[labels]`.
pub(super) fn label_scores(probabilities: &[f64], score: SetScore) -> Vec<f64> {
    match score {
        SetScore::Lac => probabilities.iter().map(|probability| 1.0 - probability).collect(),
        SetScore::Aps => {
            let mut order: Vec<usize> = (0..probabilities.len()).collect();
            order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            let mut scores = vec![0.0; probabilities.len()];
            let (mut above, mut place) = (0.0, 0);
            while place < order.len() {
                // Equals have the same labels above them, whatever their order.
                let value = probabilities[order[place]];
                let from = place;
                while place < order.len() && probabilities[order[place]] == value {
                    scores[order[place]] = above;
                    place += 1;
                }
                above += value * (place - from) as f64;
            }
            scores
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_papers_and_equals_have_the_same() {
        assert_eq!(label_scores(&[0.5, 0.125, 0.375], SetScore::Lac), [0.5, 0.875, 0.625]);
        assert_eq!(label_scores(&[0.25, 0.5, 0.25], SetScore::Aps), [0.5, 0.0, 0.5]);
        assert_eq!(label_scores(&[0.125, 0.5, 0.375], SetScore::Aps), [0.875, 0.0, 0.5]);
    }
}
