//! The two number types that fits are computed in.

use std::ops::AddAssign;

use ndarray::LinalgScalar;

/// The arithmetic of the matrix products: float32 to choose among candidates, float64 for the head that is kept.
pub(crate) trait Real: LinalgScalar + AddAssign + Send + Sync {
    /// Relative rounding noise of a cost summed in this arithmetic: differences below it mean nothing.
    const NOISE: f64;
    fn from_f64(value: f64) -> Self;
    fn from_f32(value: f32) -> Self;
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    const NOISE: f64 = 1e-7;
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn from_f32(value: f32) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    const NOISE: f64 = 1e-14;
    fn from_f64(value: f64) -> Self {
        value
    }
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    fn to_f64(self) -> f64 {
        self
    }
}
