//! Comparing vectors.

/// The largest absolute difference, over the largest absolute value of `expected`.
///
/// # Panics
/// When the lengths differ, or `expected` holds nothing but zeros: then nothing was tested.
#[track_caller]
pub fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "numbers found and expected");
    let scale = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(scale > 0.0, "the expected vectors are all zero");
    let difference = found.iter().zip(expected).map(|(f, e)| (f - e).abs());
    // Not `max`, which would pass over NaN.
    difference.fold(0.0f32, |m, d| if d > m || d.is_nan() { d } else { m }) / scale
}

/// Fails the test when a number differs by more than `tolerance` of the largest expected one.
///
/// # Panics
/// With the difference.
#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    let difference = largest_difference(found, expected);
    assert!(difference <= tolerance, "{what}: differs by {difference:e} of the scale, allowed {tolerance:e}");
}
