//! Dynamic loss scaling: float16 has no numbers for small gradients, so the loss is multiplied until they fit.
//!
//! Source: Micikevicius et al., 2018, <https://arxiv.org/abs/1710.03740>, with the constants of PyTorch's `GradScaler`.

use larder_graphs::Precision;
use serde::{Deserialize, Serialize};

use crate::settings::{LARGEST_LOSS_SCALE, TuneSettings};

/// Steps without an overflow after which the scale is doubled.
const GOOD_STEPS: usize = 2000;

/// The current loss scale and its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LossScale {
    /// The scale is two to this power.
    exponent: i32,
    /// Steps since the last change.
    good: usize,
    /// Steps that were skipped, in the whole run.
    pub skipped: usize,
}

impl LossScale {
    pub fn new(settings: &TuneSettings) -> Self {
        let exponent = match settings.precision {
            // Checked: a power of two, and not a large one.
            Precision::F16 => settings.loss_scale.log2() as i32,
            Precision::F32 | Precision::Bf16 => 0,
        };
        Self { exponent, ..Default::default() }
    }

    pub fn value(self) -> f64 {
        2.0_f64.powi(self.exponent)
    }

    /// Halves the scale after a gradient has overflowed, whose step is skipped. Is there a scale left to go on with?
    pub fn overflowed(&mut self) -> bool {
        *self = Self { exponent: self.exponent - 1, good: 0, skipped: self.skipped + 1 };
        self.exponent >= 0
    }

    /// All gradients were numbers.
    pub fn passed(&mut self) {
        self.good += 1;
        if self.good == GOOD_STEPS {
            self.good = 0;
            if self.value() < LARGEST_LOSS_SCALE {
                self.exponent += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_onnx::Family;

    use super::*;

    #[test]
    fn the_scale_falls_at_once_and_rises_slowly() {
        let settings = TuneSettings { precision: Precision::F16, loss_scale: 4.0, ..TuneSettings::of(Family::Bert, 2) };
        let mut scale = LossScale::new(&settings);
        (0..GOOD_STEPS - 1).for_each(|_| scale.passed());
        assert_eq!(scale.value(), 4.0);
        assert!(scale.overflowed() && scale.value() == 2.0);
        // Counted anew.
        (0..GOOD_STEPS - 1).for_each(|_| scale.passed());
        assert_eq!(scale.value(), 2.0);
        scale.passed();
        assert_eq!(scale.value(), 4.0);
        assert!(scale.overflowed() && scale.overflowed() && !scale.overflowed());
        assert_eq!((scale.value(), scale.skipped), (0.5, 4));
        let written = serde_json::to_string(&scale).expect("three integers");
        assert_eq!(serde_json::from_str::<LossScale>(&written).expect("as written"), scale);

        let other = LossScale::new(&TuneSettings { precision: Precision::Bf16, ..settings.clone() });
        assert_eq!(other.value(), 1.0, "only float16 needs one");
        let mut largest = LossScale::new(&TuneSettings { loss_scale: LARGEST_LOSS_SCALE, ..settings });
        (0..2 * GOOD_STEPS).for_each(|_| largest.passed());
        assert_eq!(largest.value(), LARGEST_LOSS_SCALE);
    }
}
