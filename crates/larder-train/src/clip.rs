//! Numbers within their bounds.

/// Returns the nearest number within the bounds.
pub(crate) fn clip(number: f64, minimum: Option<f64>, maximum: Option<f64>) -> f64 {
    let number = minimum.map_or(number, |minimum| number.max(minimum));
    maximum.map_or(number, |maximum| number.min(maximum))
}
