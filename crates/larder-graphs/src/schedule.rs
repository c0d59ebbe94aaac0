//! Learning-rate schedules.

use std::f64::consts::PI;

use larder_errors::spelled_enum;

spelled_enum! {
    /// The learning rate after the warm-up, in which it rises linearly from zero. Steps count as in the `transformers` library:
    /// the first step of a warm-up has a rate of zero.
    pub enum Schedule {
        /// It falls linearly to zero (BERT).
        Linear = "linear",
        /// It stays.
        Constant = "constant",
        /// It falls to zero along half a cosine.
        Cosine = "cosine",
    } else "schedule is {found}: {or}"
}

impl Schedule {
    /// The number of warm-up steps: the share `warmup` (0 to 1) of `total` steps, rounded up.
    pub fn warm_steps(self, total: usize, warmup: f64) -> usize {
        (warmup * total as f64).ceil() as usize
    }

    /// The factor (0 to 1) on the peak learning rate in `step`, counted from 0, of `total` steps.
    pub fn factor(self, step: usize, total: usize, warmup: f64) -> f64 {
        let warm = self.warm_steps(total, warmup);
        if step < warm {
            return step as f64 / warm as f64;
        }
        let progress = (step - warm) as f64 / total.saturating_sub(warm).max(1) as f64;
        match self {
            Self::Linear => (1.0 - progress).max(0.0),
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_fall() {
        let factors = |schedule: Schedule| [0, 1, 2, 6, 10].map(|step| schedule.factor(step, 10, 0.2));
        assert_eq!(factors(Schedule::Linear), [0.0, 0.5, 1.0, 0.5, 0.0]);
        assert_eq!(factors(Schedule::Constant), [0.0, 0.5, 1.0, 1.0, 1.0]);
        let cosine = factors(Schedule::Cosine);
        assert!((cosine[3] - 0.5).abs() < 1e-12 && cosine[4].abs() < 1e-12, "{cosine:?}");
        assert_eq!(Schedule::Constant.factor(0, 10, 0.0), 1.0);
        assert!(Schedule::ALL.iter().all(|schedule| schedule.as_str().parse::<Schedule>().ok() == Some(*schedule)));
    }
}
