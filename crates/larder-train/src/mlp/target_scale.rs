//! The scale of a regression's targets.

/// Mean and deviation of training targets, so that networks are trained on numbers of mean 0 and deviation 1: learning rates
/// then hold whatever the unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetScale {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, divided by the number of rows; 1 where all numbers are the same.
    pub deviation: f64,
}

impl TargetScale {
    /// Measures finite `numbers`; mean 0 and deviation 1 without any.
    pub fn of(numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let count = numbers.clone().count().max(1) as f64;
        let mean = numbers.clone().sum::<f64>() / count;
        let deviation = (numbers.map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
        Self { mean, deviation: if deviation > 0.0 { deviation } else { 1.0 } }
    }

    /// Turns a number into one of mean 0 and deviation 1.
    pub fn standardise(&self, number: f64) -> f64 {
        (number - self.mean) / self.deviation
    }

    /// Turns an output back into a number of the targets' unit.
    pub fn restore(&self, output: f64) -> f64 {
        output * self.deviation + self.mean
    }

    /// Folds the scale into a linear layer that answers standardised numbers, `x · weights + bias` with `weights` `[width]`: it
    /// then answers numbers of the targets' unit. Rounded to float32, the mean is off by up to 6e-8 of itself.
    pub fn fold(&self, weights: &mut [f32], bias: &mut f32) {
        weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * self.deviation) as f32);
        *bias = self.restore(f64::from(*bias)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_answers_what_is_restored() {
        let scale = TargetScale::of([1990.0, 2000.0, 2010.0, 2000.0].into_iter());
        assert_eq!((scale.mean, scale.deviation), (2000.0, 50.0_f64.sqrt()));
        assert!((scale.standardise(2010.0) - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((scale.restore(scale.standardise(1987.5)) - 1987.5).abs() < 1e-9);
        let (mut weights, mut bias) = ([0.5_f32, -1.25], 0.75_f32);
        let x = [3.0, 1.5];
        let output = |weights: &[f32; 2], bias: f32| {
            f64::from(bias) + weights.iter().zip(x).map(|(&weight, x)| f64::from(weight) * x).sum::<f64>()
        };
        let expected = scale.restore(output(&weights, bias));
        scale.fold(&mut weights, &mut bias);
        // Half of float32's last digit at 2,000 is 6e-5.
        assert!((output(&weights, bias) - expected).abs() < 1e-4 && expected > 2000.0);
        let constant = TargetScale::of([7.0; 3].into_iter());
        assert_eq!(constant, TargetScale { mean: 7.0, deviation: 1.0 });
        assert_eq!(TargetScale::of(std::iter::empty()), TargetScale { mean: 0.0, deviation: 1.0 });
    }
}
