//! Margin sampling: rows whose two most probable classes are close.

/// Returns the difference of the two largest of `probabilities`, `[classes]`: 0 is undecided, 1 is certain.
pub fn margin(probabilities: &[f32]) -> f32 {
    let (mut first, mut second) = (0.0_f32, 0.0_f32);
    for &probability in probabilities {
        if probability > first {
            (first, second) = (probability, first);
        } else if probability > second {
            second = probability;
        }
    }
    first - second
}

/// Returns the uncertainty from 0 to 1.
pub(crate) fn uncertainty(probabilities: &[f32]) -> f32 {
    1.0 - margin(probabilities)
}
